//! Bytes a second of an event stream, in Rust and through the C interface, in one run: `make bench`.
//!
//! A watch is open and takes in comments and events that mean nothing to it, in chunks of 1,400 bytes, as a network
//! cuts them; after each chunk it is polled until it sleeps. `tests/c/bench.c` does the same, word for word, against the
//! shared library and against the static one.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use dormouse_core::{Action, Attempt, Config, Head, Input, Timestamp, Token, Watch};

#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/it/cc.rs"]
mod cc;

const CHUNK: usize = 1400;
const CHUNKS: usize = 100_000;
/// The best of so many counts: whatever else a machine does only ever makes it slower.
const ROUNDS: usize = 7;
const HELLO: &[u8] = b"event: hello\ndata: {\"watchLeaseId\":\"L\",\"deviceWaitForViewerMs\":5000,\
    \"heartbeatIntervalMs\":86400000}\n\n";
const BLOCK: &[u8] =
    b": alive\n\nevent: note\ndata: {\"level\":\"info\",\"text\":\"nothing of interest\"}\n\n";

fn drain(watch: &mut Watch) {
    while !matches!(black_box(watch.poll()), Action::Sleep { .. }) {}
}

fn main() {
    let config = Config::new("http://127.0.0.1").build().expect("a config");
    let token = Token::new("canary").expect("a token");
    let mut watch = Watch::new(config, token, 1, Timestamp::ORIGIN);
    let (attempt, now) = (Attempt(1), Timestamp::ORIGIN);
    drain(&mut watch);
    let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    watch.handle(now, Input::Head { attempt, head });
    watch.handle(now, Input::Data { attempt, bytes: HELLO });
    drain(&mut watch);
    let stream: Vec<u8> = BLOCK.iter().copied().cycle().take(CHUNK * BLOCK.len()).collect();
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let chunks = stream.chunks_exact(CHUNK).cycle().take(CHUNKS);
        for bytes in chunks {
            watch.handle(now, Input::Data { attempt, bytes: black_box(bytes) });
            drain(&mut watch);
        }
        best = best.min(begun.elapsed().as_secs_f64());
    }
    let bytes = (CHUNKS * CHUNK) as f64;
    println!("in Rust                {:6.0} MB/s", bytes / best / 1e6);
    assert!(watch.stats().comments > CHUNKS as u64, "it was read");

    let source = Path::new(cc::HERE).join("tests/c/bench.c");
    for (name, under) in [
        ("in C, shared library ", cc::Under::Valgrind),
        ("in C, static, small  ", cc::Under::Nothing),
    ] {
        let program = cc::program(&source, &[], under);
        let output = cc::succeed(&mut Command::new(program));
        print!("{name}  {}", String::from_utf8(output.stdout).expect("UTF-8"));
    }
}
