//! The example's arguments and lines against those that `dormouse watch --help` documents.

#![allow(clippy::expect_used, reason = "a test may")]

#[allow(dead_code, reason = "its `main` is not run")]
#[path = "../examples/watch.rs"]
mod example;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_signal::Signal;
use clap::{CommandFactory as _, Parser as _};
use dormouse_testkit::wire::{self, CHUNKED, chunk, hello, status};
use dormouse_testkit::{FaultServer, Step};
use futures_lite::{Stream, stream};
use serde_json::{Value, json};

type Fields = BTreeSet<String>;

/// Of each event the fields that it always has, and those that it may have, as the program's help says.
fn documented() -> BTreeMap<String, (Fields, Fields)> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cli/src/watch.rs");
    let source = std::fs::read_to_string(source).expect("the program's source");
    let (_, rest) = source.split_once("With --json, one object a line").expect("the JSON");
    let (table, _) = rest.split_once("\n\n").expect("its end");
    let mut events = BTreeMap::<String, String>::new();
    let mut last = String::new();
    for line in table.lines().skip(1) {
        let (name, text) = line.split_at(19.min(line.len()));
        if !name.trim().is_empty() {
            name.trim().clone_into(&mut last);
        }
        *events.entry(last.clone()).or_default() += &format!(" {text}");
    }
    let fields = |text: &str| -> Fields {
        text.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    events
        .into_iter()
        .map(|(event, text)| {
            // What stands in brackets are values, and after a semicolon is what depends on others.
            let text: String = text
                .split('(')
                .map(|part| part.split_once(')').map_or(part, |(_, after)| after))
                .collect();
            let (always, others) = text.split_once(';').unwrap_or((&text, ""));
            let others = others.replace(':', "");
            let (optional, always): (Fields, Fields) =
                fields(always).into_iter().partition(|field| field.ends_with('?'));
            let may = optional.into_iter().chain(fields(&others));
            let may = may.map(|field| field.trim_end_matches('?').to_owned()).collect();
            (event, (always, may))
        })
        .collect()
}

/// Runs the example until it is done: its lines, and its exit code or why it failed.
fn lines(
    arguments: &[&str],
    signals: impl Stream<Item = Signal> + Unpin,
) -> (Vec<Value>, Result<u8, example::Failure>) {
    let args = example::Args::try_parse_from([&["watch", "--json"], arguments].concat());
    let said = Arc::<Mutex<Vec<Value>>>::default();
    let own = Arc::clone(&said);
    let say: example::Say = Arc::new(move |line| own.lock().expect("no panic").push(line));
    let done = async_std::task::block_on(example::run(args.expect("arguments"), say, signals));
    let lines = said.lock().expect("no panic").clone();
    (lines, done)
}

#[test]
fn the_lines_are_those_that_the_program_documents() {
    let documented = documented();
    assert!(documented.len() >= 10, "{documented:#?}");
    let wake = wire::wake("wss://a.example/canary-wake", "canary-wake");
    let server = FaultServer::start(
        move |n| match n {
            0 => vec![Step::Reset],
            1 => {
                let twice = hello("lease", 1000).repeat(2);
                let alive = Step::send(chunk(&twice));
                let pause = Step::Pause(std::time::Duration::from_millis(1500));
                let wake = Step::send(chunk(&wake));
                vec![Step::send(CHUNKED), alive, pause, wake, Step::Hold]
            }
            _ => vec![Step::Hold],
        },
        |_| status("500 Internal Server Error"),
    )
    .expect("a port");
    let file = std::env::temp_dir().join(format!("dormouse-surf-{}", std::process::id()));
    std::fs::write(&file, "canary-device-token\n").expect("a file");
    let path = file.to_str().expect("a path");
    let recording = file.with_extension("jsonl");
    let recorded = recording.to_str().expect("a path");
    let url = server.url();
    let arguments = [
        &url,
        "--once",
        "--token-file",
        path,
        "--watch-path",
        "/w",
        "--heartbeat-path",
        "/w/heartbeat",
        "--journal",
        recorded,
        "--auth-scheme",
        "Device",
    ];
    let (lines, done) = lines(&arguments, stream::pending());
    let _ = std::fs::remove_file(&file);
    let journal = std::fs::read_to_string(&recording).expect("a journal");
    let _ = std::fs::remove_file(&recording);
    assert_eq!(done, Ok(0));
    assert!(journal.lines().count() > 10 && !journal.contains("canary"), "{journal}");
    server.wait_open(0);
    let seen = server.seen();
    assert_eq!(seen[0].line, "GET /w?protocolVersion=2.2.0 HTTP/1.1");
    assert_eq!(seen[0].header("authorization"), Some("Device canary-device-token"));

    let mut events = BTreeSet::new();
    for line in &lines {
        assert!(!line.to_string().contains("canary"), "{line}");
        let object = line.as_object().expect("an object");
        assert_eq!(object.keys().next().map(String::as_str), Some("event"), "{line}");
        let event = object["event"].as_str().expect("a name");
        let (always, may) = documented.get(event).unwrap_or_else(|| panic!("{line}"));
        let fields: Fields = object.keys().filter(|key| *key != "event").cloned().collect();
        assert!(always.is_subset(&fields), "{line} lacks of {always:?}");
        let undocumented: Fields = fields.difference(always).cloned().collect();
        assert!(undocumented.is_subset(may), "{line} has more than {may:?}");
        events.insert(event);
    }
    let expected =
        ["connected", "connecting", "ended", "heartbeat", "oddity", "status", "stopped", "wake"];
    assert_eq!(events, BTreeSet::from(expected), "{lines:#?}");
    let ended = lines.iter().find(|line| line["event"] == "ended").expect("the reset");
    assert!(ended["detail"].is_string() && ended["delay_ms"].is_u64(), "{ended}");
}

#[test]
fn a_refused_token_is_an_error_and_so_are_wrong_arguments() {
    let server = FaultServer::start(|_| status("401 Unauthorized"), |_| Vec::new());
    let server = server.expect("a port");
    let file = std::env::temp_dir().join(format!("dormouse-surf-401-{}", std::process::id()));
    std::fs::write(&file, "canary\n").expect("a file");
    let arguments = [&server.url(), "--token-file", file.to_str().expect("a path")];
    let (lines, done) = lines(&arguments, stream::pending());
    let _ = std::fs::remove_file(&file);
    let refused = "the server refuses the token (401)".to_owned();
    assert_eq!(done, Err(example::Failure(refused, 3)));
    let last = lines.last().expect("a line");
    assert_eq!(*last, json!({ "event": "stopped", "reason": "unauthorized" }));
    assert!(example::Args::try_parse_from(["watch", "http://localhost"]).is_err(), "no --json");
}

#[test]
fn a_signal_ends_it_as_it_ends_the_program() {
    let server = FaultServer::start(|_| vec![Step::Hold], |_| Vec::new()).expect("a port");
    let file = std::env::temp_dir().join(format!("dormouse-surf-asked-{}", std::process::id()));
    std::fs::write(&file, "canary\n").expect("a file");
    let (url, path) = (server.url(), file.to_str().expect("a path"));
    for (signal, once, reason, code) in [
        (Signal::Int, false, "interrupted", 0),
        (Signal::Term, false, "terminated", 0),
        (Signal::Int, true, "interrupted", 130),
        (Signal::Term, true, "terminated", 143),
    ] {
        let arguments = [url.as_str(), "--token-file", path, "--once"];
        let arguments = &arguments[..if once { 4 } else { 3 }];
        let (lines, done) = lines(arguments, stream::once(signal));
        assert_eq!(done, Ok(code), "{lines:#?}");
        assert_eq!(lines.last(), Some(&json!({ "event": "stopped", "reason": reason })));
    }
    let _ = std::fs::remove_file(&file);
    server.wait_open(0);
}

/// Of the program's arguments it takes all but those that are about other runtimes and other programs.
#[test]
fn the_arguments_are_the_programs() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../cli/src/watch.rs");
    let source = std::fs::read_to_string(source).expect("the program's source");
    let (_, rest) = source.split_once("pub(crate) struct Args {").expect("the arguments");
    let (fields, _) = rest.split_once("\n}\n").expect("their end");
    let program: Fields = fields
        .lines()
        .filter(|line| !line.trim_start().starts_with(['#', '/']))
        .filter_map(|line| Some(line.trim().split_once(": ")?.0.to_owned()))
        .collect();
    let command = example::Args::command();
    let own: Fields = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
    let names = |names: &[&str]| names.iter().copied().map(str::to_owned).collect::<Fields>();
    assert_eq!(&program - &own, names(&["exec", "runtime", "stdin"]));
    // The program takes it before or behind each of its commands.
    assert_eq!(&own - &program, names(&["json"]));
}
