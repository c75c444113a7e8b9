//! Too much of everything: lines, data, comments, events; and bytes that are no text.

use dormouse_core::sse::LimitExceeded;
use dormouse_core::{ConnectFault, End, Outcome, StopReason, StreamFault};

use super::Scenario;
use super::say::{good, stream};
use crate::Step;
use crate::client::Limits;
use crate::fact::Command;
use crate::wire::{STREAM, hello, wake};

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "not-utf-8",
        story: "An event and a comment hold bytes that are no UTF-8; then comes a wake.",
        must: "Ignore the event and take the wake.",
        rows: &["2.2 as the standard says", "2.2 any other event is ignored"],
        needs: &[],
        stage: |ground| {
            ground.server(|_| {
                let mut bytes = hello("l", 20_000).into_bytes();
                bytes.extend(b"event: n\xc3\x28ise\ndata: \xff\xfe\xf0\x9f\n\n:\x80\n");
                bytes.extend(wake("wss://a.example/", "t").into_bytes());
                stream(bytes)
            })
        },
        play: |bench| {
            assert_eq!(bench.watch().wake().url, "wss://a.example/");
        },
    },
    Scenario {
        name: "line-without-end",
        story: "A line of a gigabyte, before hello and after it, to a process that may use half of that.",
        must: "Give up at its limit, each time; connect again.",
        rows: &["7 one line", "4 a limit exceeded", "6.9 memory is bounded"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| {
                let endless = [Step::send("data:"), Step::Repeat(vec![b'x'; 1 << 20], 1 << 10)];
                let start = vec![Step::send(STREAM)];
                match n {
                    0 => [start, endless.to_vec()].concat(),
                    1 => [start, vec![Step::send(hello("l-1", 20_000))], endless.to_vec()].concat(),
                    _ => good("l-2"),
                }
            })
        },
        play: |bench| {
            let limits = Limits { memory: Some(512 << 20), ..Limits::default() };
            let mut run = bench.watch_apart(20, &limits);
            run.ended(End::Connect(ConnectFault::Limit(LimitExceeded::Line))).is_after(1);
            let limit = StreamFault::Limit(LimitExceeded::Line);
            run.ended(End::Watch(Outcome::Stream(limit)));
            run.connected();
            assert!(bench.server().sent() < 64 << 20, "it read {} bytes", bench.server().sent());
        },
    },
    Scenario {
        name: "data-lines-1000000",
        story: "An event of 1,000,000 data lines.",
        must: "Give up at the limit of one event's data.",
        rows: &["7 one event's data", "4 a limit exceeded"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| {
                let lines = Step::Repeat(b"data:\n".repeat(1000), 1000);
                let many = vec![Step::send(STREAM), Step::send(hello("l-1", 20_000)), lines];
                if n == 0 { many } else { good("l-2") }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            let limit = StreamFault::Limit(LimitExceeded::Data);
            let ending = run.ended(End::Watch(Outcome::Stream(limit)));
            ending.is_after(1);
            run.comes_back(&ending);
            run.connected();
        },
    },
    Scenario {
        name: "comments-1000000",
        story: "1,000,000 comments, a comment of 10 MB, and then a wake.",
        must: "Store none, count all, and take the wake.",
        rows: &["7 comments are never stored", "2.2 a comment is reported"],
        needs: &[],
        stage: |ground| {
            ground.server(|_| {
                vec![
                    Step::send(STREAM),
                    Step::send(hello("l", 20_000)),
                    Step::Repeat(b":\n".repeat(1000), 1000),
                    Step::send(":"),
                    Step::Repeat(vec![b'x'; 10_000], 1000),
                    Step::send("\n"),
                    Step::send(wake("wss://a.example/", "t")),
                    Step::Hold,
                ]
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.wake();
            assert_eq!(run.stats().comments, 1_000_001);
        },
    },
    Scenario {
        name: "flood",
        story: "Events come without end, as fast as they are taken.",
        must: "Stop promptly when told to, all the same.",
        rows: &["8 stopping is prompt in every state", "2.2 any other event is ignored"],
        needs: &[],
        stage: |ground| {
            ground.server(|_| {
                let events = Step::Repeat(b"event: noise\ndata: x\n\n".repeat(1000), 1_000_000);
                vec![Step::send(STREAM), Step::send(hello("l", 20_000)), events]
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            bench.server().wait_sent(1 << 20);
            run.tell(Command::Stop);
            run.stopped(StopReason::Requested);
            bench.server().wait_open(0);
        },
    },
];
