//! After hello: streams that end, break, dry up, flood, or never come to the point.

use dormouse_core::{End, HeartbeatFault, Outcome, TransportFault};

use super::Scenario;
use super::say::{broken_stream, comments, ends, good, millis, secs, then};
use crate::client::Run;
use crate::fact::Command;
use crate::wire::{STREAM, hello, wake};
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

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "half-open",
        story: "After hello the path is dead, in both directions and for new connections too; nothing is closed.",
        must: "Notice when no line has come for two and a half intervals; connect at once.",
        rows: &["3 read deadline", "4 watch: read timeout", "2.3 no answer"],
        needs: &[],
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
        needs: &[],
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
    },
    Scenario {
        name: "line-trickles",
        story: "A line without end trickles in, byte by byte.",
        must: "Not take it for a sign of life: the read deadline passes.",
        rows: &["3 a line that trickles in is no sign of life"],
        needs: &[],
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
    },
    Scenario {
        name: "stream-stalls",
        story: "The stream is held up for 49 s, a wake with it, and then goes on.",
        must: "Wait for it, and take the wake.",
        rows: &["3 read deadline"],
        needs: &[],
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
    },
    Scenario {
        name: "bytes-drip",
        story: "The proxy passes everything on in pieces of three bytes, both ways.",
        must: "Connect, heartbeat and wake as ever.",
        rows: &["6.10 how the bytes are cut changes nothing"],
        needs: &[],
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
    },
    Scenario {
        name: "bytes-twice",
        story: "The proxy passes a wake on twice.",
        must: "Wake once.",
        rows: &["2.2 bytes after a wake are not read", "6.5 at most one wake"],
        needs: &[],
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
    },
    Scenario {
        name: "cut-early",
        story: "The stream is reset just after hello.",
        must: "Take the backoff, 1 s, and come back with the lease.",
        rows: &["4 watch: stream error earlier than that"],
        needs: &[],
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
    },
    Scenario {
        name: "cut-late",
        story: "The stream is reset after more than one heartbeat interval.",
        must: "Connect at once, with the lease.",
        rows: &["4 watch: stream error after at least one heartbeat interval"],
        needs: &[],
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
    },
    Scenario {
        name: "ends",
        story: "The server ends the stream properly, as it does to be restarted.",
        must: "Connect at once, with the lease.",
        rows: &["4 watch: stream ended cleanly", "2.1 previousWatchLeaseId"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| if n == 0 { ends(hello("l=1&x", 20_000)) } else { good("l-2") })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.ended(End::Watch(Outcome::Ended)).is_at_once();
            run.connected();
            assert_eq!(bench.previous(1).as_deref(), Some("l%3D1%26x"));
        },
    },
    Scenario {
        name: "hello-and-close-1000",
        story: "The server says hello and closes, 1,000 times.",
        must: "Wait 0, 1, 2, 4 … 30 s between; never make more than 30 connects in ten minutes.",
        rows: &["5.1 flap guard", "5.1 30 in any 10 minutes", "6.8"],
        needs: &[],
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
    },
    Scenario {
        name: "retry-field",
        story: "`retry:` says 0, junk, 10^18, and nothing more, while the server closes again and again.",
        must: "Be hastened by nothing; draw from a window of at most 5 min from 10^18 on.",
        rows: &["5.4 reconnect window"],
        needs: &[],
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
    },
    Scenario {
        name: "lives-long",
        story: "A stream lives for ten minutes on comments alone.",
        must: "Stay connected, and heartbeat some thirty times.",
        rows: &["3 read deadline", "3 heartbeat"],
        needs: &[],
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
    },
];
