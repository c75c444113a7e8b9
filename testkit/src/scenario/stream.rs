//! After hello: streams that end, break, dry up, flood, or never come to the point.

use dormouse_core::sse::LimitExceeded;
use dormouse_core::{
    ConnectFault, End, HeartbeatFault, Outcome, StopReason, StreamFault, TransportFault,
};

use super::Scenario;
use super::say::{broken_stream, comments, ends, good, millis, secs, stream, then};
use crate::client::{Limits, Run, Speech};
use crate::fact::Command;
use crate::wire::{CHUNKED, LAST_CHUNK, STREAM, chunk, hello, wake};
use crate::{Direction, Flow, Gate, Step};

const FLAPS: [u64; 7] = [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/// Lets 50 s pass without a line, and the client come back by itself.
fn dries_up(run: &mut Run, beats_are_answered: bool) {
    if beats_are_answered {
        run.is_left_alone(49);
    } else {
        for _ in 0..49 {
            run.forward(secs(1));
        }
    }
    run.forward(millis(999));
    run.goes_on();
    run.forward(millis(1));
    run.ended(End::Watch(Outcome::ReadTimeout)).is_at_once();
    assert_eq!(run.connecting(), 2);
}

/// Whatever a transport makes of a body whose framing is broken: for people the two are not the same, the
/// machine decides alike.
const UNFRAMED: &[End] = &[
    End::Watch(Outcome::Stream(StreamFault::Transport(TransportFault::Broken))),
    End::Watch(Outcome::Stream(StreamFault::Transport(TransportFault::Http))),
];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "half-open",
        story: "After hello the path is dead, in both directions and for new connections too; nothing is closed.",
        must: "Notice when no line has come for two and a half intervals; connect at once.",
        rows: &["3 read deadline", "4 watch: read timeout", "2.3 no answer"],
        stage: |ground| ground.server(|_| good("l-1"))?.behind_a_proxy(),
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            for direction in [Direction::Up, Direction::Down] {
                bench.proxy().flow(direction, Flow::BlackHole);
            }
            dries_up(&mut run, false);
            let fails = run.history();
            let fails = fails.lock().expect("no panic");
            let timeout = HeartbeatFault::Timeout.to_string();
            assert!(fails.iter().any(|told| format!("{told:?}").contains(&timeout)), "{fails:#?}");
        },
        ..Scenario::NONE
    },
    Scenario {
        name: "stream-dead",
        story: "The stream is silent after hello, while each heartbeat is accepted.",
        must: "Not take the one for the other: notice when no line has come for two and a half intervals, and come back with the lease.",
        rows: &[
            "3 read deadline",
            "3 the two signs of life never feed each other",
            "4 watch: read timeout",
        ],
        stage: |ground| ground.server(|n| good(&format!("l-{n}"))),
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            dries_up(&mut run, true);
            run.connected();
            assert!(run.stats().heartbeats_accepted > 0);
            assert_eq!(bench.previous(1).as_deref(), Some("l-0"));
            bench.server().wait_open(1);
        },
        ..Scenario::NONE
    },
    Scenario {
        name: "line-trickles",
        story: "A line without end trickles in, byte by byte.",
        must: "Not take it for a sign of life: the read deadline passes.",
        rows: &["3 a line that trickles in is no sign of life"],
        stage: |ground| {
            ground.server(|n| {
                let line = format!("data: {}", "x".repeat(60_000)).into_bytes();
                let trickle = vec![
                    Step::send(STREAM),
                    Step::send(hello("l-1", 20_000)),
                    Step::Drip(line, millis(1)),
                ];
                if n == 0 { trickle } else { good("l-2") }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            let before = bench.server().sent();
            dries_up(&mut run, true);
            assert!(bench.server().sent() > before, "nothing trickled");
        },
        ..Scenario::NONE
    },
    Scenario {
        name: "stream-stalls",
        story: "The stream is held up for 49 s, a wake with it, and then goes on.",
        must: "Wait for it, and take the wake.",
        rows: &["3 read deadline"],
        stage: |ground| {
            let gate = Gate::new();
            let script = then("l", &gate, [Step::send(wake("wss://a.example/", "t")), Step::Hold]);
            let stage = ground.server(move |_| script.clone())?.gates([gate]);
            stage.behind_a_proxy()
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            bench.proxy().flow_of(1, Direction::Down, Flow::Stall);
            bench.open(0);
            run.is_left_alone(49);
            run.goes_on();
            bench.proxy().flow_of(1, Direction::Down, Flow::Pass);
            assert_eq!(run.wake().url, "wss://a.example/");
        },
        ..Scenario::NONE
    },
    Scenario {
        name: "bytes-drip",
        story: "The proxy passes everything on in pieces of three bytes, both ways.",
        must: "Connect, heartbeat and wake as ever.",
        rows: &["6.10 how the bytes are cut changes nothing"],
        stage: |ground| {
            let gate = Gate::new();
            let wake = Step::send(wake("wss://a.example/", "t"));
            let script = then("l", &gate, [wake, Step::Hold]);
            ground.server(move |_| script.clone())?.gates([gate]).behind_a_proxy()
        },
        play: |bench| {
            for direction in [Direction::Up, Direction::Down] {
                bench.proxy().flow(direction, Flow::Drip(3, millis(1)));
            }
            let mut run = bench.watch();
            run.connected();
            run.forward(secs(20));
            run.accepted();
            bench.open(0);
            assert_eq!(run.wake().url, "wss://a.example/");
        },
        ..Scenario::NONE
    },
    Scenario {
        name: "bytes-twice",
        story: "The proxy passes a wake on twice.",
        must: "Wake once.",
        rows: &["2.2 bytes after a wake are not read", "6.5 at most one wake"],
        stage: |ground| {
            let gate = Gate::new();
            let script = then("l", &gate, [Step::send(wake("wss://a.example/", "t")), Step::Hold]);
            let stage =
                ground.server(move |n| if n == 0 { script.clone() } else { good("l-2") })?;
            stage.gates([gate]).behind_a_proxy()
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            bench.proxy().flow(Direction::Down, Flow::Duplicate);
            bench.open(0);
            run.wake();
            bench.proxy().wait_open(0);
            bench.proxy().flow(Direction::Down, Flow::Pass);
            run.is_quiet();
            run.tell(Command::SleepAgain { done: true });
            run.connected();
            run.is_quiet();
            assert_eq!(run.stats().wakes, 1);
        },
        ..Scenario::NONE
    },
    Scenario {
        name: "cut-early",
        story: "The stream is reset just after hello.",
        must: "Take the backoff, 1 s, and come back with the lease.",
        rows: &["4 watch: stream error earlier than that"],
        stage: |ground| {
            let gate = Gate::new();
            let cut = then("l-1", &gate, [Step::Reset]);
            let stage = ground.server(move |n| if n == 0 { cut.clone() } else { good("l-2") })?;
            Ok(stage.gates([gate]))
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            bench.open(0);
            let ending = run.ended(broken_stream(TransportFault::Broken));
            ending.is_after(1);
            run.comes_back(&ending);
            run.connected();
            assert_eq!(bench.previous(1).as_deref(), Some("l-1"));
        },
        ..Scenario::NONE
    },
    Scenario {
        name: "cut-late",
        story: "The stream is reset after more than one heartbeat interval.",
        must: "Connect at once, with the lease.",
        rows: &["4 watch: stream error after at least one heartbeat interval"],
        stage: |ground| {
            let gate = Gate::new();
            let cut = then("l-1", &gate, [Step::Reset]);
            let stage = ground.server(move |n| if n == 0 { cut.clone() } else { good("l-2") })?;
            Ok(stage.gates([gate]))
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.forward(secs(20));
            run.accepted();
            bench.open(0);
            run.ended(broken_stream(TransportFault::Broken)).is_at_once();
            run.connected();
            assert_eq!(bench.previous(1).as_deref(), Some("l-1"));
        },
        ..Scenario::NONE
    },
    Scenario {
        name: "ends",
        story: "The server ends the stream properly, as it does to be restarted.",
        must: "Connect at once, with the lease.",
        rows: &["4 watch: stream ended cleanly", "2.1 previousWatchLeaseId"],
        stage: |ground| {
            ground.server(|n| if n == 0 { ends(hello("l=1&x", 20_000)) } else { good("l-2") })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.ended(End::Watch(Outcome::Ended)).is_at_once();
            run.connected();
            assert_eq!(bench.previous(1).as_deref(), Some("l%3D1%26x"));
        },
        ..Scenario::NONE
    },
    Scenario {
        name: "hello-and-close-1000",
        story: "The server says hello and closes, 1,000 times.",
        must: "Wait 0, 1, 2, 4 … 30 s between; never make more than 30 connects in ten minutes.",
        rows: &["5.1 flap guard", "5.1 30 in any 10 minutes", "6.8"],
        stage: |ground| {
            ground.server(|n| if n < 1000 { ends(hello("l", 20_000)) } else { good("l") })
        },
        play: |bench| {
            let mut run = bench.watch();
            let flaps = FLAPS.into_iter().chain(std::iter::repeat(30_000));
            for (_, flap) in (0..1000).zip(flaps) {
                let ending = run.ended(End::Watch(Outcome::Ended));
                let wait = ending.wait();
                assert_eq!((wait.row, wait.flap), (0, flap));
                assert!((flap / 2..=flap).contains(&wait.total), "{wait:?}");
                run.comes_back(&ending);
            }
            run.connected();
            bench.saw_watches(1001);
            assert!(run.stats().connects_held > 0);
        },
        ..Scenario::NONE
    },
    Scenario {
        name: "retry-field",
        story: "`retry:` says 0, junk, 10^18, and nothing more, while the server closes again and again.",
        must: "Be hastened by nothing; draw from a window of at most 5 min from 10^18 on.",
        rows: &["5.4 reconnect window"],
        stage: |ground| {
            ground.server(|n| {
                let field = match n {
                    0 => "retry: 0\n\n",
                    1 => "retry: soon\nretry: -1\nretry:\n\n",
                    2 => "retry: 1000000000000000000\n\n",
                    _ => "",
                };
                if n < 9 { ends(format!("{field}{}", hello("l", 20_000))) } else { good("l") }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            let mut windows = Vec::new();
            for (n, flap) in FLAPS.into_iter().chain([30_000, 30_000]).enumerate() {
                let ending = run.ended(End::Watch(Outcome::Ended));
                let wait = ending.wait();
                assert_eq!((wait.row, wait.flap), (0, flap));
                let least = if n < 2 { 0 } else { wait.window };
                assert_eq!(wait.window, least, "a window before there is one");
                assert!(wait.window <= 300_000);
                assert!((flap / 2..=flap).contains(&(wait.total - wait.window)), "{wait:?}");
                windows.push(wait.window);
                run.comes_back(&ending);
            }
            assert!(windows.iter().any(|window| *window > 30_000), "{windows:?}");
        },
        ..Scenario::NONE
    },
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
        ..Scenario::NONE
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
        ..Scenario::NONE
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
        ..Scenario::NONE
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
        ..Scenario::NONE
    },
    Scenario {
        name: "not-utf-8",
        story: "An event and a comment hold bytes that are no UTF-8; then comes a wake.",
        must: "Ignore the event and take the wake.",
        rows: &["2.2 as the standard says", "2.2 any other event is ignored"],
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
        ..Scenario::NONE
    },
    Scenario {
        name: "line-without-end",
        story: "A line of a gigabyte, before hello and after it, to a process that may use half of that.",
        must: "Give up at its limit, each time; connect again.",
        rows: &["7 one line", "4 a limit exceeded", "6.9 memory is bounded"],
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
        ..Scenario::NONE
    },
    Scenario {
        name: "data-lines-1000000",
        story: "An event of 1,000,000 data lines.",
        must: "Give up at the limit of one event's data.",
        rows: &["7 one event's data", "4 a limit exceeded"],
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
        ..Scenario::NONE
    },
    Scenario {
        name: "comments-1000000",
        story: "1,000,000 comments, a comment of 10 MB, and then a wake.",
        must: "Store none, count all, and take the wake.",
        rows: &["7 comments are never stored", "2.2 a comment is reported"],
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
        ..Scenario::NONE
    },
    Scenario {
        name: "flood",
        story: "Events come without end, as fast as they are taken.",
        must: "Stop promptly when told to, all the same.",
        rows: &["8 stopping is prompt in every state", "2.2 any other event is ignored"],
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
        ..Scenario::NONE
    },
    Scenario {
        name: "lives-long",
        story: "A stream lives for ten minutes on comments alone.",
        must: "Stay connected, and heartbeat some thirty times.",
        rows: &["3 read deadline", "3 heartbeat"],
        stage: |ground| {
            ground.server(|_| vec![Step::send(STREAM), Step::send(hello("l", 20_000)), comments()])
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.lives(600);
            run.goes_on();
            let beats = run.stats().heartbeats_accepted;
            assert!((29..=30).contains(&beats), "{beats}");
            assert_eq!(bench.watches().len(), 1);
        },
        ..Scenario::NONE
    },
];
