//! A generator that never gets anywhere proves nothing: over a fixed run of plans, every state, every
//! action, every kind of end and every oddity has to come up.

use std::collections::BTreeMap;

use dormouse_core::{
    Action, ConnectFault, End, HeartbeatFault, Outcome, Report, StreamFault, Then,
};
use dormouse_testkit::laws::{Monitor, Setup, play, resolve};
use proptest::prelude::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::strategy::{orderly_plan, plan, setup};

#[test]
fn the_plans_reach_everything() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..1500 {
        let (setup, plan) = (setup(), plan()).new_tree(&mut runner).expect("a plan").current();
        let run = resolve(&setup, &plan);
        let mut monitor = Monitor::new(setup);
        for step in &run {
            let came = monitor.step(step);
            let mut see = |what: String| *seen.entry(what).or_default() += 1;
            see(format!("state {:?}", monitor.watch.state()));
            if monitor.watch.is_offline() {
                see(format!("offline {:?}", monitor.watch.state()));
            }
            for action in &came {
                for name in names(action) {
                    see(name);
                }
            }
        }
        let stats = *monitor.watch.stats();
        for (name, count) in [
            ("skipped", stats.heartbeats_skipped),
            ("accepted", stats.heartbeats_accepted),
            ("comments", stats.comments),
            ("ignored", stats.events_ignored),
            ("held", stats.connects_held),
            ("hints ignored", stats.hints_ignored),
            ("stale", stats.stale),
            ("out of place", stats.out_of_place),
            ("hand-overs failed", stats.hand_overs_failed),
        ] {
            *seen.entry(format!("stats {name}")).or_default() += u32::from(count > 0);
        }
    }
    let missing: Vec<&str> = EXPECTED
        .iter()
        .copied()
        .filter(|what| seen.get(*what).is_none_or(|count| *count < 3))
        .collect();
    assert!(missing.is_empty(), "not reached: {missing:?}\n\nreached: {seen:#?}");
}

/// What the model is held against comes from plans of their own.
#[test]
fn the_orderly_plans_reach_every_row() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..800 {
        let plan = orderly_plan().new_tree(&mut runner).expect("a plan").current();
        let setup = Setup { guards: [false; 6], park: round % 2 == 0, seed: 0, origin: 0 };
        for action in play(&mut setup.watch(), &resolve(&setup, &plan)).concat() {
            for name in names(&action) {
                *seen.entry(name).or_default() += 1;
            }
        }
    }
    let ends = EXPECTED.iter().copied().filter(|what| {
        let end = ["connect ", "watch ", "then "].iter().any(|kind| what.starts_with(kind));
        // Hints are a guard's, and switched off.
        end && !what.starts_with("watch Hint")
    });
    let missing: Vec<&str> =
        ends.filter(|what| seen.get(*what).is_none_or(|count| *count < 3)).collect();
    assert!(missing.is_empty(), "not reached: {missing:?}\n\nreached: {seen:#?}");
}

fn names(action: &Action) -> Vec<String> {
    let word = |debug: String| {
        debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
    };
    let mut names = vec![format!("action {}", word(format!("{action:?}")))];
    match action {
        Action::Report(report) => {
            names.push(format!("report {}", word(format!("{report:?}"))));
            match report {
                Report::Oddity { oddity, .. } => names.push(format!("oddity {oddity:?}")),
                Report::Heartbeat { fault: Some(fault), .. } => names.push(match fault {
                    HeartbeatFault::Status(_) => "beat Status".to_owned(),
                    other => format!("beat {}", word(format!("{other:?}"))),
                }),
                Report::Ended { end, then, .. } => {
                    names.push(end_name(end));
                    names.push(format!("then {}", word(format!("{then:?}"))));
                    if let Then::Connect(delay) = then {
                        for (part, wait) in [
                            ("flap", delay.flap()),
                            ("Retry-After", delay.retry_after()),
                            ("window", delay.window()),
                        ] {
                            if !wait.is_zero() {
                                names.push(format!("delay {part}"));
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Action::Status(status) => names.push(format!("status {status:?}")),
        Action::Stop(reason) => names.push(format!("stop {reason:?}")),
        Action::Connect { request, .. } => {
            for parameter in ["previousWatchLeaseId", "remoteAccessSessionId"] {
                if request.url().contains(parameter) {
                    names.push(format!("connect {parameter}"));
                }
            }
        }
        _ => {}
    }
    names
}

fn end_name(end: &End) -> String {
    match end {
        End::Connect(ConnectFault::HelloTimeout { opened }) => {
            format!("connect HelloTimeout {opened}")
        }
        End::Connect(fault) => {
            let name = format!("{fault:?}");
            format!("connect {}", name.split('(').next().unwrap_or_default())
        }
        End::Watch(Outcome::Stream(fault)) => match fault {
            StreamFault::Transport(_) => "watch Stream Transport".to_owned(),
            StreamFault::Wake(_) => "watch Stream Wake".to_owned(),
            other => format!("watch Stream {other:?}"),
        },
        End::Watch(outcome) => format!("watch {outcome:?}"),
    }
}

const EXPECTED: &[&str] = &[
    "state Waiting",
    "state Connecting",
    "state Opening",
    "state Watching",
    "state Awake",
    "state Parked",
    "state Stopped",
    "offline Waiting",
    "offline Watching",
    "offline Awake",
    "action Disconnect",
    "action Abandon",
    "action Connect",
    "action Heartbeat",
    "action Report",
    "action Status",
    "action Wake",
    "action Stop",
    "action Sleep",
    "report Connected",
    "report Oddity",
    "report Heartbeat",
    "report Ended",
    "report Held",
    "oddity SecondHello",
    "oddity OtherSession",
    "beat Status",
    "beat Transport",
    "beat Timeout",
    "then Connect",
    "then Park",
    "then HandOver",
    "then Stop",
    "delay flap",
    "delay Retry-After",
    "delay window",
    "connect Unauthorized",
    "connect Conflict",
    "connect NotEventStream",
    "connect Status",
    "connect Compressed",
    "connect Transport",
    "connect Ended",
    "connect HelloTimeout false",
    "connect HelloTimeout true",
    "connect Hello",
    "connect Limit",
    "connect previousWatchLeaseId",
    "connect remoteAccessSessionId",
    "watch Wake",
    "watch ReadTimeout",
    "watch Hint(NetworkChanged)",
    "watch Hint(Resumed)",
    "watch Ended",
    "watch Stream Transport",
    "watch Stream Wake",
    "watch Stream Limit(Line)",
    "watch Stream Limit(Data)",
    "watch HeartbeatLost(Taken)",
    "watch HeartbeatLost(Gone)",
    "watch HeartbeatLost(Unauthorized)",
    "watch HeartbeatLost(Failed)",
    "watch HeartbeatLost(Cancelled)",
    "status Connecting",
    "status Connected",
    "status Unauthorized",
    "status Stopped(Requested)",
    "status Stopped(Unauthorized)",
    "status Stopped(Cancelled)",
    "stop Requested",
    "stop Unauthorized",
    "stop Cancelled",
    "stats skipped",
    "stats accepted",
    "stats comments",
    "stats ignored",
    "stats held",
    "stats hints ignored",
    "stats stale",
    "stats out of place",
    "stats hand-overs failed",
];
