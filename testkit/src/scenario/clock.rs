//! Clocks that jump: forward, back, over a suspend; and the clock that only runs.

use std::time::Duration;

use dormouse_core::{ConnectFault, End, Hint, Outcome};

use super::Scenario;
use super::say::{good, secs, then};
use crate::client::Options;
use crate::clock::{Clock, Pace};
use crate::fact::{Command, Fact};
use crate::wire::wake;
use crate::{Gate, Step};

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "clock-forward",
        story: "The clock jumps forward by an hour, and later by a hundred years.",
        must: "Take it for the silence that it looks like: come back at once, with the lease.",
        rows: &["4 watch: read timeout", "3 without overflow"],
        needs: &[],
        stage: |ground| ground.server(|n| good(&format!("l-{n}"))),
        play: |bench| {
            let mut run = bench.watch();
            for (n, jump) in [3600, 100 * 365 * 24 * 3600].into_iter().enumerate() {
                run.connected();
                run.jump(secs(jump));
                run.ended(End::Watch(Outcome::ReadTimeout)).is_at_once();
                run.connecting();
                bench.saw_watches(n + 2);
                assert_eq!(bench.previous(n + 1), Some(format!("l-{n}")));
            }
            run.connected();
        },
    },
    Scenario {
        name: "clock-back",
        story: "The clock jumps back by an hour, before hello and after it.",
        must: "Do nothing because of it, and still take a wake.",
        rows: &["6.11 every input in every state", "6.8 no wait is negative"],
        needs: &[],
        stage: |ground| {
            let gate = Gate::new();
            let script = then("l", &gate, [Step::send(wake("wss://a.example/", "t")), Step::Hold]);
            let busy = crate::wire::status("409 Conflict");
            let stage =
                ground.server(move |n| if n == 0 { busy.clone() } else { script.clone() })?;
            Ok(stage.gates([gate]))
        },
        play: |bench| {
            let mut run = bench.watch();
            let ending = run.ended(End::Connect(ConnectFault::Conflict));
            run.back(secs(3600));
            run.is_quiet();
            run.forward(secs(3600));
            run.comes_back(&ending);
            run.connected();
            run.back(secs(3600));
            run.is_quiet();
            bench.open(0);
            assert_eq!(run.wake().url, "wss://a.example/");
        },
    },
    Scenario {
        name: "suspended",
        story: "The device is suspended for two hours while it watches, and while it waits.",
        must: "Notice the resume by itself, and connect at once; with the lease, if it had one.",
        rows: &["5.5 hints end a watch", "8 the clock keeps counting while suspended"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| {
                if n == 1 { crate::wire::status("409 Conflict") } else { good(&format!("l-{n}")) }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.suspend(secs(7200));
            run.ended(End::Watch(Outcome::Hint(Hint::Resumed))).is_at_once();
            run.ended(End::Connect(ConnectFault::Conflict)).is_after(30);
            assert_eq!(bench.previous(1).as_deref(), Some("l-0"));
            run.suspend(secs(7200));
            run.connected();
        },
    },
    Scenario {
        name: "resume-announced",
        story: "The application says that the device was suspended.",
        must: "Connect at once, with the lease.",
        rows: &["5.5 hints end a watch"],
        needs: &[],
        stage: |ground| ground.server(|n| good(&format!("l-{n}"))),
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.tell(Command::Resumed);
            run.ended(End::Watch(Outcome::Hint(Hint::Resumed))).is_at_once();
            run.connected();
            assert_eq!(bench.previous(1).as_deref(), Some("l-0"));
        },
    },
    Scenario {
        name: "deadline-in-time",
        story: "No head comes; the client's own timer runs, twenty times as fast as life.",
        must: "Give up after 30 s and come back after the backoff, neither of them early.",
        rows: &["3 hello deadline", "3 backoff"],
        needs: &[],
        stage: |ground| ground.server(|n| if n == 0 { vec![Step::Hold] } else { good("l") }),
        play: |bench| {
            let mut run = bench.watch_with(Options { pace: Pace::Times(20), ..bench.options() });
            let fault = ConnectFault::HelloTimeout { opened: false };
            let ending = run.ended(End::Connect(fault));
            ending.is_after(1);
            assert!(ending.ran >= 30_000, "{ending:?}");
            run.connected();
            let history = run.history();
            let history = history.lock().expect("no panic");
            let at = |which: fn(&Fact) -> bool| {
                history
                    .iter()
                    .filter(|told| which(&told.fact))
                    .map(|told| told.at)
                    .collect::<Vec<_>>()
            };
            let again = at(|fact| matches!(fact, Fact::Connecting { .. }))[1];
            // Told later than it was so, and never earlier.
            let start = Clock::new(Pace::Still).at(Duration::ZERO).as_millis();
            assert!(again >= start + ending.ran + ending.wait().total, "{history:#?}");
        },
    },
];
