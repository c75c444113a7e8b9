//! The life of a client: stopped and dropped wherever it stands, frozen, killed, doubled, panicking.

use std::time::{Duration, Instant};

use dormouse_core::{ConnectFault, End, HeartbeatLoss, Outcome, StopReason, TransportFault};

use super::Scenario;
use super::say::{broken_stream, comments, good, secs, stream};
use crate::bench::{Bench, Ground, Stage, Staged};
use crate::client::{Limits, Options, PanicAt, Run};
use crate::clock::Pace;
use crate::fact::{Command, Fact, Next, words};
use crate::house::House;
use crate::wire::{STREAM, hello, status, wake};
use crate::{Gate, Step};

const URL: &str = "wss://a.example/";

type Reach = fn(&mut Run);

/// The places in which a watch can stand, and how it is brought there: the server's script has its number.
const PLACES: [(&str, Reach); 8] = [
    ("connecting", |run| {
        run.connecting();
    }),
    ("opening", |run| {
        run.connecting();
        run.has_heard(1);
    }),
    ("watching", |run| {
        run.connected();
    }),
    ("a heartbeat in flight", |run| {
        run.connected();
        run.forward(secs(20));
        run.beat();
    }),
    ("waiting", |run| {
        run.ended(End::Connect(ConnectFault::Conflict));
    }),
    ("awake", |run| {
        run.wake();
    }),
    ("parked", |run| {
        run.ended(End::Connect(ConnectFault::Unauthorized));
        run.status(3);
    }),
    ("offline", |run| {
        run.connected();
        run.tell(Command::Offline { offline: true });
    }),
];

fn places(ground: &Ground) -> Staged {
    ground.servers(
        |n| match n {
            0 => vec![Step::Hold],
            1 => stream(": hi\n"),
            4 => status("409 Conflict"),
            5 => stream(hello("l", 20_000) + &wake(URL, "t")),
            6 => status("401 Unauthorized"),
            _ => good("l"),
        },
        |_| vec![Step::Hold],
    )
}

/// Ends a watch in every place, in its way, and sees that everything is closed and nothing more is asked for.
fn everywhere(bench: &Bench, end: impl Fn(&mut Run)) {
    for (n, (place, reach)) in PLACES.into_iter().enumerate() {
        let mut run = bench.watch_with(Options { park: true, ..bench.options() });
        bench.server().wait_seen(|seen| seen.iter().filter(|s| !s.is_heartbeat()).count() == n + 1);
        reach(&mut run);
        let asked = bench.server().seen().len().max(if n < 3 { n + 1 } else { 0 });
        let began = Instant::now();
        end(&mut run);
        drop(run);
        bench.server().wait_open(0);
        assert!(began.elapsed() < secs(5), "{place}: it took {:?}", began.elapsed());
        let late = bench.server().seen().len();
        // A heartbeat that was on its way when it ended may still have arrived.
        assert!(late <= asked + 1 && bench.watches().len() == n + 1, "{place}: asked for more");
    }
}

/// A transport that panics here takes its own watch down, cleanly, and nothing else.
fn panics(bench: &Bench, panic_at: PanicAt) {
    let mut run = bench.watch_with(Options { panic_at: Some(panic_at), ..bench.options() });
    if panic_at == PanicAt::Post {
        run.connected();
        run.forward(secs(20));
    } else if panic_at == PanicAt::Open {
        run.ended(End::Connect(ConnectFault::Status(500)));
        run.forward(secs(1));
    }
    assert!(run.panicked().contains("as it was told to"));
    bench.server().wait_open(0);
    drop(run);
    let mut other = bench.watch();
    other.connected();
}

/// Stops the process for so long.
fn stopped_for(run: &Run, seconds: f64, meanwhile: impl FnOnce()) {
    run.process().stop();
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    meanwhile();
    // The world's time, which is what passes for a process that gets none.
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
    run.process().go_on();
}

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "stop-everywhere",
        story: "The watch is stopped while it connects, opens, watches, heartbeats, waits, is awake, parked and offline.",
        must: "Stop promptly each time, close everything, ask for nothing more.",
        rows: &["6.6 nothing after a stop", "8 stopping is prompt in every state"],
        needs: &[],
        stage: places,
        play: |bench| {
            everywhere(bench, |run| {
                run.tell(Command::Stop);
                run.stopped(StopReason::Requested);
            });
        },
    },
    Scenario {
        name: "drop-everywhere",
        story: "The watch is dropped in each of these places.",
        must: "Leave nothing open, and ask for nothing more.",
        rows: &["8 leaves no task, socket or descriptor behind"],
        needs: &[],
        stage: places,
        play: |bench| everywhere(bench, |run| run.tell(Command::Drop)),
    },
    Scenario {
        name: "polled-in-pieces",
        story: "Hello, comments and a wake come byte by byte; the future of the next event is dropped at every await.",
        must: "Lose nothing.",
        rows: &["8 dropping the future at any await loses nothing"],
        needs: &[],
        stage: |ground| {
            ground.server(|_| {
                let bytes = format!("{STREAM}{}:\n:\n:\n{}", hello("l", 20_000), wake(URL, "t"));
                vec![Step::Drip(bytes.into_bytes(), Duration::from_millis(1)), Step::Hold]
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            assert_eq!(run.wake().url, URL);
            assert_eq!(run.stats().comments, 3);
        },
    },
    Scenario {
        name: "panic-on-open",
        story: "The transport panics when it is to open a second watch.",
        must: "Go down with it, close everything, and leave other watches alone.",
        rows: &["8 leaves no task, socket or descriptor behind"],
        needs: &[],
        stage: |ground| ground.server(|n| if n == 0 { status("500 Oops") } else { good("l") }),
        play: |bench| panics(bench, PanicAt::Open),
    },
    Scenario {
        name: "panic-on-bytes",
        story: "The transport panics when something of the stream comes.",
        must: "Go down with it, close everything, and leave other watches alone.",
        rows: &["8 leaves no task, socket or descriptor behind"],
        needs: &[],
        stage: |ground| ground.server(|_| good("l")),
        play: |bench| panics(bench, PanicAt::Chunk),
    },
    Scenario {
        name: "panic-on-heartbeat",
        story: "The transport panics when a heartbeat is to be sent.",
        must: "Go down with it, close everything, and leave other watches alone.",
        rows: &["8 leaves no task, socket or descriptor behind"],
        needs: &[],
        stage: |ground| ground.server(|_| good("l")),
        play: |bench| panics(bench, PanicAt::Post),
    },
    Scenario {
        name: "two-clients",
        story: "Two processes have one token. A real server grants the lease to the first; then the first is killed.",
        must: "The second is refused, waits 30 s each time, and is granted the lease when it has lapsed; the first is never disturbed.",
        rows: &["2.1 409", "4 connect: 409"],
        needs: &[],
        stage: |_| {
            let house = House::open()?;
            let url = format!("http://{}", house.address());
            Ok(Stage { url, house: Some(house), ..Stage::default() })
        },
        play: |bench| {
            let mut first = bench.watch_apart(1, &Limits::default());
            first.connected();
            let mut second = bench.watch();
            for _ in 0..2 {
                let ending = second.ended(End::Connect(ConnectFault::Conflict));
                ending.is_after(30);
                second.comes_back(&ending);
            }
            first.accepted();
            first.accepted();
            first.goes_on();
            drop(first);
            // Each further try is 30 s of the client's time and none of the lease's, which has 2 s to live.
            let until = Instant::now() + secs(10);
            let refused = words(End::Connect(ConnectFault::Conflict));
            while let Some(wait) = second.find("hello, or 409", |fact| match fact {
                Fact::Connected { .. } => Some(None),
                Fact::Ended { words, then: Next::Connect(wait), .. } if *words == refused => {
                    Some(Some(wait.total))
                }
                _ => None,
            }) {
                assert!(Instant::now() < until, "the lease never lapses");
                std::thread::sleep(Duration::from_millis(300));
                second.passes(wait);
            }
        },
    },
    Scenario {
        name: "server-restarts",
        story: "A real server crashes, its leases lost; another stands where it stood.",
        must: "Come back at once or after 1 s, naming its lease, and be granted a new one.",
        rows: &["4 watch: stream error", "2.1 previousWatchLeaseId"],
        needs: &[],
        stage: |_| Stage { house: Some(House::open()?), ..Stage::default() }.behind_a_proxy(),
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            let new = House::open().expect("a second server");
            bench.proxy().lead_to(new.address());
            bench.stage.house.as_ref().expect("a server").crash();
            let ended = End::Watch(Outcome::Ended);
            let ending = run.ended_in(&[ended, broken_stream(TransportFault::Broken)]);
            let wait = ending.wait();
            assert!(wait.row <= 1000 && wait.flap == 0, "{wait:?}");
            run.comes_back(&ending);
            run.connected();
            assert_eq!(new.open_watches(), 1);
        },
    },
    Scenario {
        name: "stopped-shortly",
        story: "The process is stopped (SIGSTOP) for one second and a half, less than any deadline.",
        must: "Go on as if nothing had been.",
        rows: &["3 read deadline", "3 heartbeat"],
        needs: &[],
        stage: |ground| {
            ground.server(|_| vec![Step::send(STREAM), Step::send(hello("l", 2_000)), comments()])
        },
        play: |bench| {
            let mut run = bench.watch_apart(1, &Limits::default());
            run.connected();
            stopped_for(&run, 1.5, || {});
            run.accepted();
            run.accepted();
            assert_eq!(bench.watches().len(), 1);
        },
    },
    Scenario {
        name: "stopped-longer-than-the-lease",
        story: "The process is stopped (SIGSTOP) for longer than its lease lives, on a stream that is silent meanwhile.",
        must: "Notice what has passed, and come back at once with the lease.",
        rows: &["4 watch: read timeout", "3 heartbeat"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| if n == 0 { stream(hello("l-1", 1_000)) } else { good("l-2") })
        },
        play: |bench| {
            let mut run = bench.watch_apart(1, &Limits::default());
            run.connected();
            stopped_for(&run, 3.5, || {});
            run.ended(End::Watch(Outcome::ReadTimeout)).is_at_once();
            run.connected();
            assert_eq!(bench.previous(1).as_deref(), Some("l-1"));
        },
    },
    Scenario {
        name: "stopped-and-gone",
        story: "The process is stopped (SIGSTOP) on a stream that lives, and its lease expires: the next heartbeat is answered 410.",
        must: "Come back at once, without the lease.",
        rows: &["4 watch: heartbeat answered 410"],
        needs: &[],
        stage: |ground| {
            ground.servers(
                |n| {
                    let lives = [Step::send(STREAM), Step::send(hello("l-1", 2_000)), comments()];
                    if n == 0 { lives.to_vec() } else { good("l-2") }
                },
                |_| status("410 Gone"),
            )
        },
        play: |bench| {
            let mut run = bench.watch_apart(1, &Limits::default());
            run.connected();
            stopped_for(&run, 2.5, || {});
            run.ended(End::Watch(Outcome::HeartbeatLost(HeartbeatLoss::Gone)));
            run.connected();
            assert_eq!(bench.previous(1), None);
        },
    },
    Scenario {
        name: "stopped-and-woken",
        story: "While the process is stopped (SIGSTOP) a wake arrives; it runs again when every deadline has long passed.",
        must: "Take the wake that lies in its socket: input comes before deadlines.",
        rows: &["3 at one instant, input is applied before timers", "6.11 no lost wake"],
        needs: &[],
        stage: |ground| {
            let gate = Gate::new();
            let before = [Step::send(STREAM), Step::send(hello("l-1", 1_000))];
            let after = [Step::Wait(gate.clone()), Step::send(wake(URL, "t")), Step::Hold];
            let script: Vec<_> = before.into_iter().chain(after).collect();
            let stage =
                ground.server(move |n| if n == 0 { script.clone() } else { good("l-2") })?;
            Ok(stage.gates([gate]))
        },
        play: |bench| {
            let mut run = bench.watch_apart(1, &Limits::default());
            run.connected();
            let before = bench.server().sent();
            stopped_for(&run, 3.5, || {
                bench.open(0);
                bench.server().wait_sent(before + 1);
            });
            assert_eq!(run.wake().url, URL);
        },
    },
    Scenario {
        name: "two-watches",
        story: "Two watches run in one process, each against a server of its own; one of them is refused.",
        must: "Keep out of each other's way.",
        rows: &["6.1"],
        needs: &[],
        stage: |ground| {
            let former = ground.beside().watches(|_| status("500 Oops")).start()?;
            Ok(Stage { former: Some(former), ..ground.server(|_| good("l"))? })
        },
        play: |bench| {
            let url = bench.stage.former.as_ref().expect("a server").url();
            let mut refused =
                bench.watch_with(Options { url, pace: Pace::Still, ..bench.options() });
            let mut other = bench.watch();
            other.connected();
            for row in [1, 2, 4] {
                let ending = refused.ended(End::Connect(ConnectFault::Status(500)));
                ending.is_after(row);
                refused.comes_back(&ending);
            }
            other.is_quiet();
        },
    },
];
