//! A generator that never gets anywhere proves nothing: over a fixed run of plans, every state, every
//! action, every kind of end and every oddity has to come up.

use std::collections::BTreeMap;
use std::time::Duration;

use dormouse_core::{
    Action, ConnectFault, End, HeartbeatFault, Hint, InputBuf, Outcome, Report, State, StreamFault,
    Then, Watch,
};
use dormouse_testkit::laws::{Monitor, Op, Setup, Step, play, resolve};
use proptest::prelude::Strategy;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::strategy::{orderly_plan, orderly_setup, plan, setup};

type Seen = BTreeMap<String, u32>;

#[test]
fn the_plans_reach_everything() {
    let mut seen = Seen::new();
    lives(1500, (setup(), plan()), |setup, run| {
        let mut monitor = Monitor::new(setup);
        let mut depth = Depth::default();
        for step in run {
            let before = monitor.watch.clone();
            let came = monitor.step(step);
            depth.step(&setup, &before, step, &came, &monitor.watch, &mut seen);
        }
        count(&monitor.watch, &mut seen);
    });
    demand(EXPECTED.iter().chain(DEEP), &seen);
}

/// What the models are held against comes from plans of their own, and has to go as deep.
#[test]
fn the_orderly_plans_reach_everything() {
    let mut seen = Seen::new();
    lives(1200, (orderly_setup(), orderly_plan()), |setup, run| {
        let mut watch = setup.watch();
        let mut depth = Depth::default();
        for step in run {
            let before = watch.clone();
            let came = play(&mut watch, core::slice::from_ref(step)).concat();
            depth.step(&setup, &before, step, &came, &watch, &mut seen);
        }
        count(&watch, &mut seen);
    });
    demand(EXPECTED.iter().chain(DEEP), &seen);
}

/// With every guard off, too, every row is reached.
#[test]
fn the_orderly_plans_reach_every_row() {
    let mut seen = Seen::new();
    let off = orderly_setup().prop_map(|setup| Setup { guards: [false; 6], ..setup });
    lives(800, (off, orderly_plan()), |setup, run| {
        for action in play(&mut setup.watch(), run).concat() {
            for name in names(&action) {
                *seen.entry(name).or_default() += 1;
            }
        }
    });
    let rows = EXPECTED.iter().filter(|what| {
        let end = ["connect ", "watch ", "then "].iter().any(|kind| what.starts_with(kind));
        // Hints are a guard's, and switched off.
        end && !what.starts_with("watch Hint")
    });
    demand(rows, &seen);
}

/// A fixed number of the lives that a strategy makes, the same in each run.
fn lives(
    number: usize,
    strategy: impl Strategy<Value = (Setup, Vec<Op>)>,
    mut live: impl FnMut(Setup, &[Step]),
) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..number {
        let (setup, plan) = strategy.new_tree(&mut runner).expect("a plan").current();
        live(setup, &resolve(&setup, &plan));
    }
}

/// A thing that came up once may not come up with another seed: three times is the least.
fn demand<'e>(expected: impl Iterator<Item = &'e &'static str>, seen: &Seen) {
    let missing: Vec<_> = expected
        .copied()
        .filter(|what| seen.get(*what).is_none_or(|count| *count < 3))
        .map(|what| (what, seen.get(what).copied().unwrap_or_default()))
        .collect();
    assert!(missing.is_empty(), "not reached: {missing:?}\n\nreached: {seen:#?}");
}

/// What only a long life comes to, seen from what went before.
#[derive(Default)]
struct Depth {
    doublings: u32,
    refusals: u32,
    /// For how long it was parked last.
    parked: Option<Duration>,
    /// Whether a connect was ever held, is held, and whether one was made since.
    held: bool,
    holding: bool,
    free: bool,
    /// The wait at hand is one that a `Retry-After` asked for.
    asked: bool,
    leases: u32,
}

impl Depth {
    fn step(
        &mut self,
        setup: &Setup,
        before: &Watch,
        step: &Step,
        came: &[Action],
        after: &Watch,
        seen: &mut Seen,
    ) {
        let mut see = |what: String| *seen.entry(what).or_default() += 1;
        see(format!("state {:?}", after.state()));
        if after.is_offline() {
            see(format!("offline {:?}", after.state()));
        }
        for action in came {
            names(action).into_iter().for_each(&mut see);
        }
        let guards = setup.guards == [true; 6];
        let ignored = after.stats().hints_ignored > before.stats().hints_ignored;
        if let (InputBuf::Hint(Hint::Resumed | Hint::NetworkChanged), true) = (&step.given, guards)
        {
            match (before.state(), ignored) {
                (State::Watching, true) => see("deep the hint bucket is empty".to_owned()),
                (State::Waiting, true) if self.asked => {
                    see("deep Retry-After holds a hint".to_owned());
                }
                (State::Waiting, false) if self.asked => {
                    see("deep a hint shortens a wait to its Retry-After".to_owned());
                }
                (State::Waiting, true) if self.holding => {
                    see("deep the bucket holds a hint".to_owned());
                }
                _ => {}
            }
        }
        for action in came {
            match action {
                Action::Report(Report::Ended { end, then, .. }) => {
                    self.end(*end, *then, guards, &mut see);
                }
                Action::Report(Report::Held { .. }) => {
                    if self.held && self.free {
                        see("deep the bucket is empty once more".to_owned());
                    }
                    (self.held, self.holding, self.free) = (true, true, false);
                }
                Action::Connect { .. } => (self.holding, self.free) = (false, true),
                Action::Report(Report::HandOverFailed { delay }) if delay.flap().as_secs() >= 8 => {
                    see("deep hand-overs fail again and again".to_owned());
                }
                Action::Report(Report::Heartbeat {
                    fault: Some(HeartbeatFault::Status(401)),
                    ..
                }) if after.state() == State::Watching => {
                    see("deep a heartbeat's token is overtaken".to_owned());
                }
                Action::Report(Report::Connected { .. }) => {
                    self.leases += 1;
                    if self.leases >= 12 {
                        see("deep a twelfth lease".to_owned());
                    }
                }
                _ => {}
            }
        }
    }

    fn end(&mut self, end: End, then: Then, guards: bool, see: &mut impl FnMut(String)) {
        let doubled = !matches!(
            end,
            End::Watch(_)
                | End::Connect(
                    ConnectFault::Conflict
                        | ConnectFault::NotEventStream
                        | ConnectFault::Unauthorized
                )
        );
        self.doublings = if doubled { self.doublings + 1 } else { 0 };
        if self.doublings >= 8 {
            see("deep eight failed connects in a row".to_owned());
        }
        let Then::Connect(delay) = then else {
            if let Then::Park(delay) = then {
                self.refusals += 1;
                if self.parked.is_some_and(|before| before > delay.row()) {
                    see("deep parked as if for the first time, once more".to_owned());
                }
                self.parked = Some(delay.row());
                if delay.row().as_secs() == 3_600 && self.refusals >= 5 {
                    see("deep parked for an hour".to_owned());
                }
            }
            return;
        };
        self.refusals = 0;
        self.asked = !delay.retry_after().is_zero();
        if end == End::Connect(ConnectFault::Unauthorized) {
            see("deep a connect's token is overtaken".to_owned());
        }
        if delay.retry_after().as_secs() == 3_600 {
            see("deep Retry-After of an hour".to_owned());
        }
        if guards && delay.flap().as_secs() == 30 {
            see("deep six short watches in a row".to_owned());
        }
        if delay.window().as_secs() > 60 {
            see("deep a draw from a wide window".to_owned());
        }
        if let (End::Watch(outcome), false) = (end, delay.window().is_zero()) {
            match outcome {
                Outcome::HeartbeatLost(_) => {
                    see("deep a draw from the window after 410".to_owned());
                }
                Outcome::Ended => see("deep a draw from the window after an end".to_owned()),
                _ => see("deep a draw from the window after a stream error".to_owned()),
            }
        }
        if !delay.row().is_zero() && !delay.flap().is_zero() && !delay.window().is_zero() {
            see("deep row, flap guard and window in one delay".to_owned());
        }
        if delay.row() > delay.retry_after() && !delay.retry_after().is_zero() {
            see("deep a row that is longer than its Retry-After".to_owned());
        }
    }
}

fn count(watch: &Watch, seen: &mut Seen) {
    let stats = watch.stats();
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

/// What the demands above go by.
const DEEP: &[&str] = &[
    "deep eight failed connects in a row",
    "deep parked for an hour",
    "deep parked as if for the first time, once more",
    "deep six short watches in a row",
    "deep hand-overs fail again and again",
    "deep the bucket is empty once more",
    "deep the bucket holds a hint",
    "deep the hint bucket is empty",
    "deep Retry-After of an hour",
    "deep Retry-After holds a hint",
    "deep a hint shortens a wait to its Retry-After",
    "deep a row that is longer than its Retry-After",
    "deep a draw from a wide window",
    "deep a draw from the window after 410",
    "deep a draw from the window after an end",
    "deep a draw from the window after a stream error",
    "deep row, flap guard and window in one delay",
    "deep a connect's token is overtaken",
    "deep a heartbeat's token is overtaken",
    "deep a twelfth lease",
    "offline Connecting",
    "offline Opening",
    "offline Parked",
    "offline Stopped",
];

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
