//! Bytes a second of an event stream, in Rust: what bench.js does, word for word. `npm run bench` runs both.

use std::hint::black_box;
use std::time::Instant;

use dormouse_core::{Action, Attempt, Config, Head, Input, Timestamp, Token, Watch};

const CHUNK: usize = 1400;
const CHUNKS: u64 = 200_000;
const HELLO: &[u8] = b"event: hello\ndata: {\"watchLeaseId\":\"L\",\"deviceWaitForViewerMs\":5000,\
    \"heartbeatIntervalMs\":86400000}\n\n";
const BLOCK: &[u8] =
    b": alive\n\nevent: note\ndata: {\"level\":\"info\",\"text\":\"nothing of interest\"}\n\n";

fn drain(watch: &mut Watch) {
    while !matches!(black_box(watch.poll()), Action::Sleep { .. }) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::new("http://127.0.0.1").build()?;
    let mut watch = Watch::new(config, Token::new("canary")?, 1, Timestamp::ORIGIN);
    let (attempt, now) = (Attempt(1), Timestamp::ORIGIN);
    drain(&mut watch);
    let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    watch.handle(now, Input::Head { attempt, head });
    watch.handle(now, Input::Data { attempt, bytes: HELLO });
    drain(&mut watch);
    let stream: Vec<u8> = BLOCK.iter().copied().cycle().take(CHUNK * BLOCK.len()).collect();
    let begun = Instant::now();
    for bytes in stream.chunks_exact(CHUNK).cycle().take(CHUNKS as usize) {
        watch.handle(now, Input::Data { attempt, bytes: black_box(bytes) });
        drain(&mut watch);
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("in Rust        {:6.0} MB/s", CHUNKS as f64 * CHUNK as f64 / seconds / 1e6);
    assert!(watch.stats().comments > CHUNKS, "it was read");
    Ok(())
}
