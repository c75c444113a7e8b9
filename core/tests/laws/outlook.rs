//! The law of [`Outlook`]: watches with equal ones do the same from there, whatever led to it.

use std::collections::HashMap;

use dormouse_core::{
    Action, Attempt, Beat, HandOver, Head, Hint, InputBuf, Outlook, Report, Then, Timestamp, Token,
    TransportFault, Watch,
};
use dormouse_testkit::laws::{LAST, Polls, Setup, hello, resolve, take, wake};
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
    one.step(one.now, &InputBuf::Tick, Polls::All);
    other.step(other.now, &InputBuf::Tick, Polls::All);
    for next in future {
        let before = one.watch.clone();
        let (came, same) = (one.next(*next), other.next(*next));
        assert_eq!(came, same, "{next:?} of {future:?} after\n{before:#?}");
        assert_eq!(one.watch.outlook(), other.watch.outlook(), "{next:?} after\n{before:#?}");
    }
}

impl Run {
    fn step(&mut self, at: u64, given: &InputBuf, polls: Polls) -> Vec<Action> {
        self.now = self.now.max(at.min(LAST));
        self.watch.handle(Timestamp::from_millis(at), given.as_input());
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
        let attempt = Attempt(self.attempt.wrapping_sub(back / 2));
        let beat = Beat(self.beat.wrapping_sub(back / 2));
        let head = |head| InputBuf::Head { attempt, head };
        let data = |bytes: &[u8]| InputBuf::Data { attempt, bytes: bytes.into() };
        let answer = |status| InputBuf::HeartbeatAnswer { beat, status };
        let sse: (&str, &[u8]) = ("content-type", b"text/event-stream");
        let given = match what {
            0 => head(Head::read(200, [sse])),
            1 => head(Head::read(401, [])),
            2 => head(Head::read(503, [("retry-after", b"9".as_slice())])),
            3 | 4 => data(&hello(&format!("L{}", self.attempt), 4_000)),
            5 => data(&wake(1)),
            6 => data(b"event: wa"),
            7 => data(b"ke\ndata: {}\n\n"),
            8 => data(b"\n: \r"),
            9 => InputBuf::End { attempt },
            10 => InputBuf::Failed { attempt, fault: TransportFault::Broken },
            11 => answer(204),
            12 => answer(401),
            13 => answer(410),
            14 => answer(500),
            15 => InputBuf::SleepAgain(HandOver::Done),
            16 => InputBuf::SleepAgain(HandOver::Failed),
            17 => InputBuf::Hint(Hint::Resumed),
            18 => InputBuf::Offline(true),
            19 => InputBuf::Offline(false),
            20 => InputBuf::NewToken(Token::new("canary-7").expect("a token")),
            _ => InputBuf::Tick,
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
