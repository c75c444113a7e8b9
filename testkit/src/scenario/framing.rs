//! Bodies whose HTTP framing is broken, and one whose is not.

use dormouse_core::{End, Outcome, StreamFault, TransportFault};

use super::Scenario;
use super::say::{broken_stream, good};
use crate::Step;
use crate::client::Speech;
use crate::wire::{CHUNKED, LAST_CHUNK, chunk, hello};

/// Whatever a transport makes of a body whose framing is broken: for people the two are not the same, the
/// machine decides alike.
const UNFRAMED: &[End] = &[
    End::Watch(Outcome::Stream(StreamFault::Transport(TransportFault::Broken))),
    End::Watch(Outcome::Stream(StreamFault::Transport(TransportFault::Http))),
];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "length-wrong",
        story: "The head promises more bytes than come.",
        must: "Take it for a broken stream, not for one that ended.",
        rows: &["4 watch: stream error earlier than that"],
        needs: &[Speech::Http11],
        stage: |ground| {
            ground.server(|n| {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nContent-Length: 9999\r\n\r\n";
                let short = vec![Step::send(head), Step::send(hello("l-1", 20_000)), Step::Cut];
                if n == 0 { short } else { good("l-2") }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            let ending = run.ended(broken_stream(TransportFault::Broken));
            ending.is_after(1);
            run.comes_back(&ending);
            run.connected();
        },
    },
    Scenario {
        name: "chunk-bad",
        story: "A chunk's length is no number.",
        must: "Take it for a broken stream.",
        rows: &["4 watch: stream error earlier than that"],
        needs: &[Speech::Http11],
        stage: |ground| {
            ground.server(|n| {
                let hello = chunk(&hello("l-1", 20_000));
                let bad = vec![
                    Step::send(CHUNKED),
                    Step::send(hello),
                    Step::send("zz\r\n: hi\n\r\n"),
                    Step::Hold,
                ];
                if n == 0 { bad } else { good("l-2") }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            let ending = run.ended_in(UNFRAMED);
            ending.is_after(1);
            run.comes_back(&ending);
            run.connected();
        },
    },
    Scenario {
        name: "chunk-cut",
        story: "The connection is closed in the middle of a chunk, and between two.",
        must: "Take each for a broken stream, not for one that ended.",
        rows: &["4 watch: stream error earlier than that"],
        needs: &[Speech::Http11],
        stage: |ground| {
            ground.server(|n| {
                let hello = chunk(&hello("l-1", 20_000));
                let start = vec![Step::send(CHUNKED), Step::send(hello)];
                match n {
                    0 => [start, vec![Step::send("40\r\n: cu"), Step::Cut]].concat(),
                    1 => [start, vec![Step::Cut]].concat(),
                    _ => good("l-2"),
                }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            for _ in 0..2 {
                let ending = run.ended(broken_stream(TransportFault::Broken));
                run.comes_back(&ending);
            }
            run.connected();
        },
    },
    Scenario {
        name: "trailers",
        story: "The stream ends properly, with trailers.",
        must: "Take it for the end that it is: connect at once.",
        rows: &["4 watch: stream ended cleanly"],
        needs: &[Speech::Http11],
        stage: |ground| {
            ground.server(|n| {
                let hello = chunk(&hello("l-1", 20_000));
                let end = LAST_CHUNK.replace("\r\n\r\n", "\r\nx-trailer: 1\r\n\r\n");
                let whole = vec![Step::send(CHUNKED), Step::send(hello), Step::send(end)];
                if n == 0 { whole } else { good("l-2") }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.ended(End::Watch(Outcome::Ended)).is_at_once();
            run.connected();
        },
    },
];
