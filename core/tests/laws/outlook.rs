//! The law of [`Outlook`]: watches with equal ones do the same from there, whatever led to it.

use std::collections::HashMap;

use dormouse_core::{Action, HandOver, Head, Hint, Outlook, Report, Then, Timestamp, Watch};
use dormouse_testkit::laws::{Given, LAST, Polls, Setup, hello, resolve, take, wake};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::strategy::{orderly_plan, plan};

/// A watch somewhere in its life, and what its driver knows.
#[derive(Clone)]
struct Run {
    watch: Watch,
    now: u64,
    attempt: u64,
    beat: u64,
}

/// What comes, seen from there: when, and what. Numbers are relative to the latest.
type Next = (u8, u8, u64);

#[test]
fn equal_outlooks_have_equal_futures() {
    let mut runner = TestRunner::deterministic();
    let (mut compared, mut apart) = (0_u32, 0_u32);
    for (guards, park) in [([true; 6], true), ([false; 6], false)] {
        let mut seen: HashMap<Outlook, Run> = HashMap::new();
        for round in 0..700_u64 {
            let origin = if round % 2 == 0 { 0 } else { 10_000_019 * round };
            let setup = Setup { guards, park, seed: round, origin };
            let plan = if round % 3 == 0 { plan().boxed() } else { orderly_plan().boxed() };
            let plan = plan.new_tree(&mut runner).expect("a plan").current();
            let mut run = Run { watch: setup.watch(), now: origin, attempt: 0, beat: 0 };
            for step in resolve(&setup, &plan) {
                run.step(step.at, &step.given, step.polls);
                // The end of time is not in an outlook.
                if run.now > LAST / 2 {
                    break;
                }
                let Some(earlier) = seen.get(&run.watch.outlook()) else {
                    seen.insert(run.watch.outlook(), run.clone());
                    continue;
                };
                let future = proptest::collection::vec((0..6_u8, 0..22_u8, 0..3_u64), 1..12);
                let future = future.new_tree(&mut runner).expect("a future").current();
                compare(earlier.clone(), run.clone(), &future);
                compared += 1;
                apart += u32::from((earlier.attempt, earlier.now) != (run.attempt, run.now));
            }
        }
    }
    // Watches met that had come different ways.
    assert!(compared > 5_000 && apart > 2_000, "{compared}, {apart} apart");
}

fn compare(mut one: Run, mut other: Run, future: &[Next]) {
    one.watch.reseed(future.len() as u64);
    other.watch.reseed(future.len() as u64);
    // What reports tell of the past is not promised: only which there are.
    let kinds = |watch: &mut Watch| -> Vec<_> {
        take(watch, Polls::All).iter().map(core::mem::discriminant).collect()
    };
    let (mut of_one, mut of_other) = (one.clone(), other.clone());
    assert_eq!(kinds(&mut of_one.watch), kinds(&mut of_other.watch));
    one.step(one.now, &Given::Tick, Polls::All);
    other.step(other.now, &Given::Tick, Polls::All);
    for next in future {
        let before = one.watch.clone();
        let (came, same) = (one.next(*next), other.next(*next));
        assert_eq!(came, same, "{next:?} of {future:?} after\n{before:#?}");
        assert_eq!(one.watch.outlook(), other.watch.outlook(), "{next:?} after\n{before:#?}");
    }
}

impl Run {
    fn step(&mut self, at: u64, given: &Given, polls: Polls) -> Vec<Action> {
        self.now = self.now.max(at.min(LAST));
        given.feed(&mut self.watch, at);
        let came = take(&mut self.watch, polls);
        for action in &came {
            match action {
                Action::Connect { attempt, .. } => self.attempt = attempt.0,
                Action::Heartbeat { beat, .. } => self.beat = beat.0,
                _ => {}
            }
        }
        came
    }

    /// What comes of it, told without what an outlook does not promise.
    fn next(&mut self, (when, what, back): Next) -> Vec<String> {
        let deadline = self.watch.deadline().map_or(self.now, Timestamp::as_millis);
        let at = match when {
            0 | 1 => self.now,
            2 => deadline.saturating_sub(1),
            3 => deadline,
            4 => deadline + 1,
            _ => deadline + 100_000,
        };
        let (attempt, beat) =
            (self.attempt.wrapping_sub(back / 2), self.beat.wrapping_sub(back / 2));
        let sse: (&str, &[u8]) = ("content-type", b"text/event-stream");
        let given = match what {
            0 => Given::Head(attempt, Head::read(200, [sse])),
            1 => Given::Head(attempt, Head::read(401, [])),
            2 => Given::Head(attempt, Head::read(503, [("retry-after", b"9".as_slice())])),
            3 | 4 => Given::Data(attempt, hello(&format!("L{}", self.attempt), 4_000)),
            5 => Given::Data(attempt, wake(1)),
            6 => Given::Data(attempt, b"event: wa".to_vec()),
            7 => Given::Data(attempt, b"ke\ndata: {}\n\n".to_vec()),
            8 => Given::Data(attempt, b"\n: \r".to_vec()),
            9 => Given::End(attempt),
            10 => Given::Failed(attempt, dormouse_core::TransportFault::Broken),
            11 => Given::Answer(beat, 204),
            12 => Given::Answer(beat, 401),
            13 => Given::Answer(beat, 410),
            14 => Given::Answer(beat, 500),
            15 => Given::Again(HandOver::Done),
            16 => Given::Again(HandOver::Failed),
            17 => Given::Hint(Hint::Resumed),
            18 => Given::Offline(true),
            19 => Given::Offline(false),
            20 => Given::NewToken(7),
            _ => Given::Tick,
        };
        let came = self.step(at, &given, Polls::All);
        came.iter().map(|action| self.told(action)).collect()
    }

    fn told(&self, action: &Action) -> String {
        match action {
            Action::Connect { request, .. } => {
                let (url, rest) =
                    request.url().split_once("&previous").unwrap_or((request.url(), ""));
                format!("connect {url} {}", !rest.is_empty())
            }
            Action::Report(Report::Ended { end, then, .. }) => {
                let then = match then {
                    Then::Connect(delay) | Then::Park(delay) => format!("{delay:?}"),
                    other => format!("{other:?}"),
                };
                format!("ended {end:?} {then}")
            }
            Action::Status(status) => format!("{status:?}"),
            Action::Wake(wake) => format!("wake {:?}", wake.wait_for_viewer),
            Action::Stop(reason) => format!("stop {reason:?}"),
            Action::Sleep { until } => {
                format!("sleep {:?}", until.map(|until| until.as_millis().checked_sub(self.now)))
            }
            other => format!("{:?}", core::mem::discriminant(other)),
        }
    }
}
