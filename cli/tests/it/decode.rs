//! `decode` against the neutral cases, and at its limits.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::run::{Ended, dormouse, run_with};

fn decode(args: &[&str], input: &[u8]) -> Ended {
    run_with(dormouse(&["decode"]).args(args), input)
}

fn objects(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_neutral_case_is_decoded_whole_and_byte_by_byte() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/conformance/event-stream.json");
    let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 100);
    for case in cases {
        let hex = case["input_hex"].as_str().unwrap();
        let input: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        for args in [&[][..], &["--chunk", "1"], &["--chunk", "7"]] {
            let ended = decode(args, &input);
            assert_eq!(ended.code, Some(0), "{}: {ended:?}", case["name"]);
            let mut objects = objects(&ended);
            let last = objects.pop().unwrap();
            objects.retain(|object| object.get("comment").is_none());
            let expected = &case["expected"];
            assert_eq!(Value::from(objects), expected["events"], "{}", case["name"]);
            assert_eq!(last["last_event_id"], expected["last_event_id"], "{}", case["name"]);
            if case["retry_ambiguous"].is_null() {
                assert_eq!(last["retry"], expected["retry"], "{}", case["name"]);
            }
        }
    }
}

#[test]
fn comments_are_reported_and_never_shown() {
    let ended = decode(&[], b": canary\nevent: a\ndata: 1\n\nretry: 10\n");
    let expected = [
        json!({"comment": true}),
        json!({"event": "a", "data": "1", "id": ""}),
        json!({"retry": 10, "last_event_id": ""}),
    ];
    assert_eq!(objects(&ended), expected);
}

#[test]
fn a_limit_is_named_with_the_byte_that_was_too_many() {
    let line = [b"data: good\n\ndata: ".as_slice(), &[b'x'; 100]].concat();
    let data = b"data: good\n\ndata: 1234\ndata: 5678\ndata: 9\n".as_slice();
    for chunk in ["1", "5", "100000"] {
        let ended = decode(&["--max-line", "20", "--chunk", chunk], &line);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("byte 32: line limit exceeded"), "{}", ended.stderr);
        assert!(ended.stderr.contains("--max-line"), "{}", ended.stderr);
        // What came before is there, and the end is not made up.
        assert_eq!(objects(&ended), [json!({"event": "message", "data": "good", "id": ""})]);

        let ended = decode(&["--max-data", "9", "--chunk", chunk], data);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("data limit exceeded"), "{}", ended.stderr);
        assert!(ended.stderr.contains("--max-data"), "{}", ended.stderr);
    }
}

#[test]
fn a_chunk_of_nothing_is_refused() {
    let ended = decode(&["--chunk", "0"], b"");
    assert_eq!(ended.code, Some(2));
}

#[test]
fn what_has_come_is_printed_before_more_is_waited_for() {
    let mut command: Command = dormouse(&["decode"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdin.write_all(b"data: 1\n\n").unwrap();
    let expected = "{\"event\":\"message\",\"data\":\"1\",\"id\":\"\"}\n";
    let mut line = vec![0; expected.len()];
    stdout.read_exact(&mut line).unwrap();
    assert_eq!(String::from_utf8(line).unwrap(), expected);
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let mut child = dormouse(&["decode"]).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    // It may be gone before all of this is written.
    let _ = stdin.write_all(&b"data: 1\n\n".repeat(100_000));
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
