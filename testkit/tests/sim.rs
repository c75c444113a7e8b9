//! The simulator: what it promises of itself, and a thousand small worlds on each run.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;

use dormouse_core::{Action, Guards, Input, Timestamp, Watch};
use dormouse_testkit::sim::chaos::{Excuse, Outcome, Scenario, run, run_with, shrink};
use dormouse_testkit::sim::fleet::{Fleet, Run};
use dormouse_testkit::sim::{Client, Window};

/// Seeds that are run each time; others are run by hand, and for longer.
const SEEDS: core::ops::Range<u64> = 1..1001;

#[test]
fn a_thousand_worlds_keep_every_promise_and_see_everything() {
    let (mut ends, mut excuses, mut woken) = (BTreeSet::new(), BTreeSet::new(), 0);
    for seed in SEEDS {
        let scenario = Scenario::new(seed);
        let outcome = run(&scenario);
        if outcome.broken.is_some() {
            let (small, outcome) = shrink(&scenario, outcome, run);
            let plan = small.plan();
            panic!("{:?}\n{plan}\ndormouse simulate {small}", outcome.broken);
        }
        ends.extend(outcome.ends);
        excuses.extend(outcome.excused);
        woken += outcome.woken;
    }
    // A world in which nothing happens proves nothing. These are all there are but for compressed streams, a
    // malformed hello and exceeded limits, which no fault here makes; heartbeats that are cancelled; and a
    // heartbeat answered 409: here the end of the stream, which comes with the loss of the lease, is faster.
    let expected = [201, 202, 203, 204, 206, 207, 208, 301, 302, 303, 304, 305, 322, 323, 324];
    let missing: Vec<u16> = expected.into_iter().filter(|code| !ends.contains(code)).collect();
    assert!(missing.is_empty(), "no attempt ended with {missing:?}");
    use Excuse::{Expired, FirstHelloLost, Replaced, ServiceEnded, Stopped};
    // A token that is refused while a wake is lost is rarer; it has a test of its own.
    let all = BTreeSet::from([Replaced, Expired, ServiceEnded, FirstHelloLost, Stopped]);
    assert!(excuses.is_superset(&all), "{excuses:?}");
    assert!(woken > 4000, "{woken} wakes");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let digests = || SEEDS.take(20).map(|seed| run(&Scenario::new(seed))).collect::<Vec<Outcome>>();
    let first = digests();
    assert_eq!(first, digests());
    let distinct: BTreeSet<u64> = first.iter().map(|outcome| outcome.digest).collect();
    assert_eq!(distinct.len(), first.len());
}

/// The one row of section 4 that forgets a lease whose wake may not have been read: the stream is dead, a wake is
/// given to it, and the next heartbeat is answered 401. The client parks, and comes back with nothing to name.
#[test]
fn a_wake_is_lost_where_the_token_is_refused_before_its_client_notices() {
    let scenario = Scenario {
        devices: Some(2),
        duration: Some(533_538),
        only_devices: Some([0].into()),
        only_lines: Some([3, 12, 33].into()),
        ..Scenario::new(103_704)
    };
    let outcome = run(&scenario);
    assert_eq!(outcome.broken, None, "{}", scenario.plan());
    assert_eq!(outcome.excused, [Excuse::TokenRefused]);
}

/// A machine that does one thing wrong.
struct Broken {
    watch: Watch,
    count: u32,
    hears: fn(&Input<'_>) -> bool,
    says: fn(&mut u32, &Action) -> bool,
}

impl Broken {
    fn new(watch: Watch) -> Self {
        Self { watch, count: 0, hears: |_| true, says: |_, _| true }
    }
}

impl Client for Broken {
    fn handle(&mut self, now: Timestamp, input: Input<'_>) {
        let input = if (self.hears)(&input) { input } else { Input::Tick };
        self.watch.handle(now, input);
    }

    fn poll(&mut self) -> Action {
        loop {
            let action = self.watch.poll();
            if (self.says)(&mut self.count, &action) {
                return action;
            }
        }
    }

    fn watch(&self) -> &Watch {
        &self.watch
    }
}

/// Finds the first seed that shows the fault, makes it small, and runs what is left once more.
fn find(make: fn(Watch) -> Broken) -> (Scenario, String) {
    let play = |scenario: &Scenario| run_with(scenario, make);
    let broken = SEEDS.map(Scenario::new).map(|scenario| (play(&scenario), scenario));
    let (outcome, scenario) =
        broken.take(100).find(|(outcome, _)| outcome.broken.is_some()).expect("it is found");
    let (small, shrunk) = shrink(&scenario, outcome, play);
    let again = play(&small);
    assert_eq!(again, shrunk, "what is printed runs again as it did");
    assert_eq!(run(&small).broken, None, "a whole machine has no fault there");
    let plan = small.plan();
    let lines = plan.to_string().lines().count();
    assert!(lines <= 6, "the world, a device or two, what happens, and the calm:\n{plan}");
    (small, again.broken.expect("it fails still").1)
}

#[test]
fn a_machine_that_swallows_a_wake_is_found_by_the_laws_and_the_world_made_small() {
    let (small, _) = find(|watch| Broken {
        says: |wakes, action| {
            *wakes += u32::from(matches!(action, Action::Wake(_)));
            !matches!(action, Action::Wake(_)) || *wakes % 3 != 0
        },
        ..Broken::new(watch)
    });
    assert!(small.only_devices.is_some() && small.only_lines.is_some(), "{small}");
}

#[test]
fn a_machine_that_never_hears_a_wake_is_found_by_the_books() {
    let (_, what) = find(|watch| Broken {
        hears: |input| match input {
            Input::Data { bytes, .. } => !bytes.windows(5).any(|five| five == b"event"),
            _ => true,
        },
        ..Broken::new(watch)
    });
    assert!(what.contains("after all was well again"), "{what}");
    let (_, what) = find(|watch| Broken {
        hears: |input| match input {
            Input::Data { bytes, .. } => !bytes.windows(5).any(|five| five == b"relay"),
            _ => true,
        },
        ..Broken::new(watch)
    });
    assert!(what.contains("wake"), "{what}");
}

#[test]
fn a_machine_that_keeps_a_stream_open_is_found() {
    find(|watch| Broken {
        says: |_, action| !matches!(action, Action::Disconnect { .. }),
        ..Broken::new(watch)
    });
}

fn fleet(guards: Guards, window: Window) -> Run {
    let fleet = Fleet {
        devices: 2000,
        outage: 30_000,
        accept_rate: 40,
        window,
        guards,
        interval: 30_000,
        duration: 150_000,
        seed: 1,
    };
    fleet.run(|_| {})
}

#[test]
fn a_fleet_with_its_guards_on_comes_back_and_one_without_does_not() {
    let on = fleet(Guards::all(), Window::Auto);
    let off = fleet(Guards::none(), Window::Auto);
    // Section 5.4: about N/W connects a second, which is what the server takes, divided by 1.2.
    assert!(on.peak_away < 100, "{}", on.peak_away);
    assert!(on.peak < 200, "{}", on.peak);
    let back = on.back.expect("it is back");
    assert!((50_000..90_000).contains(&back), "2000 devices at 40 a second need 50 s: {back} ms");
    assert_eq!(on.seconds.last().expect("some").asleep, 2000);
    // All at once, again and again.
    assert_eq!(off.peak_away, 2000);
    assert!(off.peak > 1000, "{}", off.peak);
    assert_eq!(off.back, None);
    for run in [on, off] {
        assert_eq!(run.seconds.len(), 150);
        for second in &run.seconds[..30] {
            assert_eq!((second.accepted, second.turned_away, second.asleep), (0, 0, 0));
        }
        for second in &run.seconds {
            // A second's worth, and the burst.
            assert!(second.accepted <= 80, "{second:?}");
        }
    }
}

#[test]
fn without_a_window_the_first_reconnect_is_a_wave() {
    let with = fleet(Guards::all(), Window::Auto);
    let without = fleet(Guards::all(), Window::Off);
    assert!(without.peak_away > 10 * with.peak_away, "{} {}", without.peak_away, with.peak_away);
    assert!(without.connects > 2 * with.connects, "{} {}", without.connects, with.connects);
}

#[test]
fn a_fleet_that_sleeps_makes_no_connects_and_is_the_same_each_time() {
    let asleep = Fleet {
        devices: 1500,
        outage: 0,
        accept_rate: 100,
        window: Window::Auto,
        guards: Guards::all(),
        interval: 30_000,
        duration: 120_000,
        seed: 7,
    };
    let mut passed = 0;
    let run = asleep.run(|now| passed = now);
    assert_eq!(passed, asleep.prelude() + asleep.duration);
    assert_eq!(run.connects, 0);
    assert!(run.seconds.iter().all(|second| second.asleep == 1500));
    assert_eq!(run, asleep.run(|_| {}));
}
