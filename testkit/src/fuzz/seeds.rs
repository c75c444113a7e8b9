//! Where fuzzing begins: the cases that there are already, written as each target reads them.
//!
//! They are made, not kept: the committed corpus is what fuzzing found from them.

use std::fs;
use std::path::Path;

/// The seeds of a target.
///
/// # Panics
///
/// If the conformance cases cannot be read.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "decoder" | "standard" | "cut" => streams(),
        "second_opinion" => conformance(),
        "cut_machine" => with_heads(&[&[0, 5], &[1, 63]], &conformance()),
        "machine" => plans(&[0x80, 1, 3, 2, 7]),
        "reference" | "recording" => plans(&[]),
        "journal" => journals(),
        "message" => messages(),
        "head" => heads(),
        "lease" => histories(),
        _ => Vec::new(),
    }
}

/// The conformance cases whole, in pieces, and within small limits; and streams that just fit, or just do not. See
/// `stream::Case`.
fn streams() -> Vec<Vec<u8>> {
    let heads: [&[u8]; 3] =
        [&[0, 0, 0, 3, 0, 1, 5], &[1, 0, 0, 7, 2, 1, 1], &[3, 20, 32, 3, 0, 1, 5]];
    let mut streams = with_heads(&heads, &conformance());
    for length in 8..14 {
        let text = "x".repeat(length);
        // Limits of 16 and 10 bytes are exceeded by the same byte of the first of these.
        for stream in [
            format!("data: {text}\n\n"),
            format!("data: {}\ndata: {}\n\n", &text[5..], &text[7..]),
            format!("id: {text}\nevent: {text}\ndata\n\n"),
            // Let go, and wanted after all.
            format!("event: no\ndata: x\nevent: wake\ndata: {text}{text}\n\n"),
            format!("data: x\nevent: no\ndata: {text}{text}\nevent: wake\n\n"),
        ] {
            for filtered in [2, 3] {
                streams.push([&[filtered, 16, 10, 3, 0, 1, 5], stream.as_bytes()].concat());
            }
        }
        // What is mended grows.
        streams.push(
            [&[2, 16, 10, 1, 1, 1, 1], b"data: \xFF", &text.as_bytes()[5..], b"\n\n"].concat(),
        );
    }
    streams
}

fn with_heads(heads: &[&[u8]], bodies: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let with =
        |body: &Vec<u8>| heads.iter().map(|head| [head, &body[..]].concat()).collect::<Vec<_>>();
    bodies.iter().flat_map(with).collect()
}

/// The streams of the conformance cases, but for the few that are long.
fn conformance() -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../core/tests/conformance/event-stream.json");
    let file = fs::read_to_string(path).expect("the conformance cases");
    let file: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    let hex = |case: &serde_json::Value| Some(case["input_hex"].as_str()?.as_bytes().to_vec());
    let cases = file["cases"].as_array().into_iter().flatten().filter_map(hex);
    let byte = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok();
    let streams = cases.map(|hex| hex.chunks(2).filter_map(byte).collect::<Vec<u8>>());
    streams.filter(|stream| stream.len() <= 2_048).collect()
}

/// The vectors, as far as they are short.
fn journals() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let files = fs::read_dir(folder).expect("the vectors").flatten().map(|entry| entry.path());
    let journals = files.filter(|path| path.extension().is_some_and(|kind| kind == "jsonl"));
    let mut journals: Vec<_> = journals.filter_map(|path| fs::read(path).ok()).collect();
    journals.retain(|journal| journal.len() <= 4_096);
    journals.sort();
    journals
}

/// Lives of some length, by chance; and each way to fail, again and again. See `plan::Code`.
fn plans(head: &[u8]) -> Vec<Vec<u8>> {
    // A machine as it comes, one that parks, one without guards.
    let setups: [[u8; 3]; 3] = [[0, 0, 1], [0x40, 0, 2], [0x3F, 0, 3]];
    let deadline = 96;
    let connect = [14, deadline, 0];
    let open = [&connect[..], &[17, 0, 0], &[23, 0, 0, 0, 6]].concat();
    let mut lives: Vec<Vec<u8>> = Vec::new();
    for kind in (7..16).chain([11 + 16, 12 + 48, 11 + 128]) {
        // A connect, a head that opens nothing, and both again, twelve times.
        lives.push([&connect[..], &[17, 0, kind], &[60, 12]].concat());
    }
    for end in [
        &[32, 0, 0][..],
        &[36, 0, 3],
        &[23, 0, 0, 6, 1],
        &[23, 0, 0, 8, 0],
        &[39, 0, 9],
        &[39, 0, 11],
    ] {
        lives.push([&open, end, &[0x40 + 60, 12]].concat());
    }
    for ways in [[1, 4], [2, 5], [7, 7]] {
        // A watch that is kept alive, answered, or left alone.
        lives.push([&open[..], &[0, 0, ways[0]], &[0, 0, ways[1]], &[60, 30]].concat());
    }
    lives.extend((0..40).map(|seed| chance(seed, 150)));
    let all = setups
        .iter()
        .flat_map(|setup| lives.iter().map(move |life| [head, &setup[..], life].concat()));
    all.collect()
}

/// What a server may send, right and wrong. See `message::message`.
fn messages() -> Vec<Vec<u8>> {
    let hello =
        r#"{"watchLeaseId":"l-1","deviceWaitForViewerMs":30000,"heartbeatIntervalMs":20000}"#;
    let wake =
        r#"{"url":"wss://example.com/s/1","token":"canary-t","remoteAccessSessionId":"s-1"}"#;
    let other = |whole: &str, from: &str, to: &str| whole.replacen(from, to, 1);
    let deep = format!(r#"{{"x":{}{},"#, "[".repeat(16), "]".repeat(16));
    let hellos = [
        hello.to_owned(),
        other(hello, "l-1", r#"a\"b\\c~~"#),
        other(hello, "l-1", r"\u0041~~"),
        other(hello, "20000", "18446744073709551615"),
        other(hello, "20000", "18446744073709551616"),
        other(hello, "30000", "0"),
        other(hello, "30000", "-0.5e1"),
        other(hello, "30000", "null"),
        other(hello, "{", r#"{"x":[{"y":[null,true,"\ud800","\ud83d\ude00"]}],"#),
        other(hello, "{", &deep),
        other(hello, "{", r#"{"watchLeaseId":"z","#),
        other(hello, ",", ",\n"),
        "[".repeat(20),
        // As a structure may also be written, by position.
        r#"["l-1",30000,20000]"#.to_owned(),
        "{}".to_owned(),
        String::new(),
    ];
    let wakes = [
        wake.to_owned(),
        other(wake, "wss", "http"),
        other(wake, "wss", "WS"),
        other(wake, "\"s-1\"", "null"),
        other(wake, "s-1", "~~"),
        other(wake, "canary-t", "~~"),
        other(wake, "/s/1", "/~~"),
        other(wake, "example.com", "[2001:db8::1.2.3.4]:443"),
        other(wake, "example.com", "[v1.a:b]:"),
        other(wake, "example.com", "u@example.com"),
        other(wake, "example.com", "ex%41mple.com:65536"),
        other(wake, "/s/1", "/%zz"),
        other(wake, "/s/1", "?a=b#c"),
        other(wake, "//example.com", ""),
        r#"["wss://example.com/s/1","canary-t","s-1"]"#.to_owned(),
    ];
    let mut messages = Vec::new();
    for (kinds, texts) in [(0..1, &hellos[..]), (1..3, &wakes[..])] {
        for text in texts {
            let fills = if text.contains("~~") { 0..10 } else { 0..1 };
            for fill in fills {
                messages
                    .extend(kinds.clone().map(|kind| [&[kind, fill], text.as_bytes()].concat()));
            }
        }
    }
    messages
}

/// Heads, right and wrong. See `head::head`.
fn heads() -> Vec<Vec<u8>> {
    let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\n";
    let waits = [
        "7",
        "0",
        "3601",
        "99999999999999999999",
        "soon",
        "Sun, 06 Nov 1994 08:50:37 GMT",
        "Sunday, 06-Nov-94 08:50:37 GMT",
        "Sun Nov  6 08:50:37 1994",
        "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 1994 07:49:37 GMT",
        "Tue, 29 Feb 2000 00:00:00 GMT",
        "3\nretry-after: 9",
    ];
    let types = [
        "",
        "content-type: text/event-stream",
        "content-type: text/html",
        "Content-Type: Text/Event-Stream ;x=y\ncontent-encoding: gzip",
        "content-type: text/event-stream\ncontent-encoding: identity",
    ];
    let waits = waits.iter().flat_map(|wait| {
        // 429, 503, and two that may not ask: 200, 500.
        [[0, 0], [2, 0], [4, 0], [6, 2]]
            .map(|status| [&status, format!("{date}retry-after: {wait}").as_bytes()].concat())
    });
    let types = types
        .iter()
        .flat_map(|head| (4..8_u8).map(|status| [&[status, status], head.as_bytes()].concat()));
    waits.chain(types).collect()
}

/// One device's histories, in which every two steps follow each other, and some by chance. See `lease::Op`.
fn histories() -> Vec<Vec<u8>> {
    // Open, with and without the newest lease; heartbeats, a close, a withdrawal, a wake, a turn, a sweep, a
    // restart; and time up to just before, at and after each lifetime.
    let steps: [[u8; 3]; 20] = [
        [5, 0, 1],
        [5, 0, 0],
        [5, 0, 2],
        [8, 0, 0],
        [8, 0, 1],
        [10, 0, 0],
        [11, 0, 0],
        [12, 0, 0],
        [14, 0, 0],
        [14, 0, 1],
        [17, 0, 0],
        [19, 0, 0],
        [19, 0, 1],
        [0, 0, 9],
        [1, 0, 0],
        [1, 0, 1],
        [2, 0, 0],
        [2, 0, 1],
        [3, 0, 1],
        [4, 0, 1],
    ];
    let woken = [[5, 0, 1], [12, 0, 0], [14, 0, 0]].concat();
    let mut histories: Vec<Vec<u8>> = (0..40).map(|seed| chance(seed, 3 * 60)).collect();
    for one in steps {
        for other in steps {
            histories.push([&[5, 0, 1], &one[..], &other].concat());
            histories
                .push([&woken[..], &one, &other, &[8, 0, 0], &[5, 0, 2], &[14, 0, 0]].concat());
        }
    }
    histories
}

/// Bytes that look random and are the same each time: a Weyl sequence, mixed.
fn chance(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut byte = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 32).to_le_bytes()[0]
    };
    (0..length).map(|_| byte()).collect()
}
