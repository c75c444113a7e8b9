//! Wakes: whole and cut, hostile, doubled, early, in a race with the lease's end, handed over or not.

use dormouse_core::{End, Field, HeartbeatLoss, Outcome, StreamFault, UrlFault, WireFault};

use super::Scenario;
use super::say::{ends, good, secs, stream, then};
use crate::bench::{Bench, Ground, Staged};
use crate::fact::{Command, Fact, sum};
use crate::wire::{STREAM, answer, hello, wake};
use crate::{Gate, Step};

const URL: &str = "wss://a.example/room?x=1";
const DONE: Command = Command::SleepAgain { done: true };
const FAILED: Command = Command::SleepAgain { done: false };

/// A hello and this wake.
fn with_wake(lease: &str, wake: &str) -> String {
    format!("{}{wake}", hello(lease, 20_000))
}

fn event(data: &str) -> String {
    format!("event: wake\ndata: {data}\n\n")
}

/// What a wake holds, and what is wrong with it.
fn malformed() -> Vec<(String, WireFault)> {
    let url =
        |url: &str, fault| (format!(r#"{{"url":"{url}","token":"t"}}"#), WireFault::Url(fault));
    let long = format!("wss://a.example/{}", "x".repeat(8 * 1024));
    vec![
        ("{}".into(), WireFault::Missing(Field::Url)),
        ("nonsense".into(), WireFault::Json),
        (r#"{"url":"wss://a.example"}"#.into(), WireFault::Missing(Field::Token)),
        (r#"{"url":"wss://a.example","token":1}"#.into(), WireFault::Type(Field::Token)),
        (
            r#"{"url":"wss://a.example","token":"t","remoteAccessSessionId":"a b"}"#.into(),
            WireFault::Id(Field::RemoteAccessSessionId),
        ),
        (r#"{"url":"wss://a","url":"wss://b","token":"t"}"#.into(), WireFault::Json),
        url("", UrlFault::Syntax),
        url("/room", UrlFault::Syntax),
        url("//a.example/", UrlFault::Syntax),
        url("wss://a .example/", UrlFault::Syntax),
        url("wss://a.example/\\n", UrlFault::Syntax),
        url("wss:\\\\\\\\a.example", UrlFault::Syntax),
        url("javascript:alert(1)", UrlFault::Scheme),
        url("file:///etc/passwd", UrlFault::Scheme),
        url("ftp://a.example/", UrlFault::Scheme),
        url("wss:///room", UrlFault::Host),
        url("wss://a.example:99999/", UrlFault::Host),
        url("wss://user:pass@a.example/", UrlFault::UserInfo),
        url("https://a.example@evil.example/", UrlFault::UserInfo),
        (format!(r#"{{"url":"{long}","token":"t"}}"#), WireFault::TooLong(Field::Url)),
    ]
}

/// A wake behind the first gate, a 410 for the heartbeat behind the second.
fn race(ground: &Ground) -> Staged {
    let gates = [Gate::new(), Gate::new()];
    let watch = then("l-1", &gates[0], [Step::send(wake(URL, "t")), Step::Hold]);
    let beat = vec![Step::Wait(gates[1].clone()), Step::send(answer("410 Gone", &[], ""))];
    let watches = move |n| if n == 0 { watch.clone() } else { good("l-2") };
    Ok(ground.servers(watches, move |_| beat.clone())?.gates(gates))
}

/// Connected, with a heartbeat in flight.
fn in_flight(bench: &Bench) -> crate::client::Run {
    let mut run = bench.watch();
    run.connected();
    run.forward(secs(20));
    run.beat();
    bench.server().wait_seen(|seen| seen.len() == 2);
    run
}

/// The wake counts, the 410 does not, and the next watch names no lease.
fn the_wake_counts(bench: &Bench, run: &mut crate::client::Run) {
    run.tell(DONE);
    run.connected();
    run.is_quiet();
    assert_eq!(bench.previous(1), None);
    bench.server().wait_open(1);
}

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "wake",
        story: "A wake comes.",
        must: "Hand it over whole, close the stream, do nothing for two hours; then sleep again at once, without a lease.",
        rows: &["2.2 wake", "4 watch: wake", "6.5 nothing happens until asked to sleep again"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| match n {
                0 => stream(with_wake("l", &wake(URL, &"x".repeat(60_000)))),
                _ => good("l-2"),
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            let woken = run.wake();
            assert_eq!(woken.url, URL);
            assert_eq!((woken.length, woken.sum), (60_000, sum(&"x".repeat(60_000))));
            bench.server().wait_open(0);
            run.forward(secs(7200));
            run.is_quiet();
            bench.saw_watches(1);
            run.tell(DONE);
            run.connected();
            assert_eq!(bench.previous(1), None);
        },
    },
    Scenario {
        name: "wake-cut",
        story: "The stream ends at every byte of a wake, one after the other.",
        must: "Never act on a part; take the wake when it is whole.",
        rows: &["2.2 as the standard says", "4 watch: stream ended cleanly", "6.10"],
        needs: &[],
        stage: |ground| {
            let whole = wake(URL, "t");
            ground.server(move |n| ends(with_wake("l", &whole[..n.min(whole.len())])))
        },
        play: |bench| {
            let mut run = bench.watch();
            // With all but the last line end the wake is not dispatched.
            for _ in 0..wake(URL, "t").len() {
                run.connected();
                let ending = run.ended(End::Watch(Outcome::Ended));
                run.comes_back(&ending);
            }
            assert_eq!(run.wake().url, URL);
        },
    },
    Scenario {
        name: "wake-malformed",
        story: "Twenty wakes, each with something wrong: fields, JSON, and URLs that are hostile.",
        must: "Act on none, name what is wrong, and come back.",
        rows: &["2.2 wake", "4 watch: malformed wake", "7 wake url"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| match malformed().get(n) {
                Some((data, _)) => stream(with_wake("l", &event(data))),
                None => stream(with_wake("l", &wake(URL, "t"))),
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            for (_, fault) in malformed() {
                let fault = StreamFault::Wake(fault);
                let ending = run.ended(End::Watch(Outcome::Stream(fault)));
                run.comes_back(&ending);
            }
            assert_eq!(run.wake().url, URL);
        },
    },
    Scenario {
        name: "wake-twice",
        story: "Two wakes come in one piece.",
        must: "Wake once; read nothing behind the first.",
        rows: &["2.2 it ends the watch", "6.5 at most one wake"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| {
                let twice = wake(URL, "t") + &wake("wss://b.example/", "t");
                if n == 0 { stream(with_wake("l", &twice)) } else { good("l-2") }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            assert_eq!(run.wake().url, URL);
            run.tell(DONE);
            run.connected();
            run.is_quiet();
            assert_eq!(run.stats().wakes, 1);
        },
    },
    Scenario {
        name: "wake-again",
        story: "The same wake comes again after the reconnect.",
        must: "Hand it over again: to tell a repetition from a second wish is not the client's to decide.",
        rows: &["6.5 one watch yields at most one wake"],
        needs: &[],
        stage: |ground| ground.server(|_| stream(with_wake("l", &wake(URL, "t")))),
        play: |bench| {
            let mut run = bench.watch();
            for _ in 0..2 {
                assert_eq!(run.wake().url, URL);
                run.tell(DONE);
            }
        },
    },
    Scenario {
        name: "wake-before-hello",
        story: "A wake comes before hello, and another after it.",
        must: "Ignore the first, take the second.",
        rows: &["2.2 events before hello are ignored"],
        needs: &[],
        stage: |ground| {
            ground.server(|_| {
                let early = wake("wss://early.example/", "t");
                stream(early + &with_wake("l", &wake(URL, "t")))
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            assert_eq!(run.wake().url, URL);
        },
    },
    Scenario {
        name: "wake-then-gone",
        story: "While a heartbeat is on its way a wake comes, and then a 410 for the heartbeat.",
        must: "Take the wake; the 410 changes nothing.",
        rows: &[
            "3 input takes effect in the order in which it arrives",
            "6.4 input of what was given up",
        ],
        needs: &[],
        stage: race,
        play: |bench| {
            let mut run = in_flight(bench);
            bench.open(0);
            assert_eq!(run.wake().url, URL);
            bench.open(1);
            run.is_quiet();
            the_wake_counts(bench, &mut run);
        },
    },
    Scenario {
        name: "gone-then-wake",
        story: "While a heartbeat is on its way a 410 for it comes, and then a wake on the stream.",
        must: "Give the stream up with the lease: the wake is not acted upon.",
        rows: &[
            "3 input takes effect in the order in which it arrives",
            "4 watch: heartbeat answered 410",
        ],
        needs: &[],
        stage: race,
        play: |bench| {
            let mut run = in_flight(bench);
            bench.open(1);
            let ending = run.ended(End::Watch(Outcome::HeartbeatLost(HeartbeatLoss::Gone)));
            run.comes_back(&ending);
            run.connected();
            bench.open(0);
            bench.server().wait_open(1);
            run.is_quiet();
            assert_eq!(bench.previous(1), None);
        },
    },
    Scenario {
        name: "session",
        story: "A wake carries a session; a later one carries another; a last one none.",
        must: "Name the first in every later watch, and report the other.",
        rows: &["2.1 remoteAccessSessionId"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| {
                let session = ["\"s-1\"", "\"s-2\"", "null"][n.min(2)];
                let data = format!(
                    r#"{{"url":"{URL}","token":"t","remoteAccessSessionId":{session},"more":[]}}"#
                );
                stream(with_wake("l", &event(&data)))
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            assert_eq!(run.wake().session.as_deref(), Some("s-1"));
            run.tell(DONE);
            assert_eq!(run.wake().session.as_deref(), Some("s-2"));
            let history = run.history();
            let odd = |told: &crate::fact::Told| matches!(told.fact, Fact::Oddity { .. });
            assert!(history.lock().expect("no panic").iter().any(odd), "nothing was reported");
            run.tell(DONE);
            assert_eq!(run.wake().session, None);
            let named = |n: usize| bench.watches()[n].line.contains("remoteAccessSessionId=s-1");
            assert!(!named(0) && named(1) && named(2));
        },
    },
    Scenario {
        name: "hand-over-fails-100",
        story: "A hundred wakes, one behind the other, none of which the application can act upon.",
        must: "Come back ever more slowly: after 0, 1, 2, 4 … 30 s.",
        rows: &[
            "5.1 a wake whose hand-over failed counts as a short watch",
            "5.1 30 in any 10 minutes",
        ],
        needs: &[],
        stage: |ground| ground.server(|_| stream(with_wake("l", &wake(URL, "t")))),
        play: |bench| {
            let mut run = bench.watch();
            let flaps = [0, 1, 2, 4, 8, 16].into_iter().chain(std::iter::repeat(30));
            for (_, flap) in (0..100).zip(flaps) {
                run.wake();
                run.tell(FAILED);
                let wait = run.find("what a failed hand-over leads to", |fact| match fact {
                    Fact::HandOverFailed { delay } => Some(*delay),
                    _ => None,
                });
                assert_eq!(wait.flap, flap * 1000);
                assert!((flap * 500..=flap * 1000).contains(&wait.total), "{wait:?}");
                if wait.total > 0 {
                    run.passes(wait.total);
                }
            }
            assert_eq!(run.stats().hand_overs_failed, 100);
            assert!(run.stats().connects_held > 0);
        },
    },
    Scenario {
        name: "hand-over-done-100",
        story: "A hundred wakes, one behind the other, each acted upon.",
        must: "Come back at once each time: a busy device is not throttled for being busy.",
        rows: &["5.1 a wake that was handed over well gives the price back"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| {
                let wake = if n < 100 { wake(URL, "t") } else { String::new() };
                vec![Step::send(STREAM), Step::send(with_wake("l", &wake)), Step::Hold]
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            for _ in 0..100 {
                run.wake();
                run.tell(DONE);
            }
            run.connected();
            assert_eq!((run.stats().connects, run.stats().connects_held), (101, 0));
        },
    },
];
