//! Watches a run from outside and checks what always holds.
//!
//! It knows what went in, what came out, and nothing of how the machine works. [`Laws`] watches any machine that
//! somebody else runs; [`Monitor`] runs one of its own.

use std::collections::{BTreeMap, BTreeSet};

use dormouse_core::{
    Action, Guards, HandOver, Input, InputBuf, Report, State, Stats, Status, Then, Watch,
};

use super::plan::{LAST, Polls, Setup, Step, take};

const TEN_MINUTES: u64 = 600_000;
const HOUR_AND_A_HALF: u64 = 5_400_000;

/// A watch, and the laws that are held against it. Every check panics where a law is broken.
#[derive(Clone)]
pub struct Monitor {
    /// The watch itself.
    pub watch: Watch,
    laws: Laws,
}

impl Monitor {
    /// A new watch.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let watch = setup.watch();
        let laws = Laws::new(&watch, setup.switches(), setup.origin);
        Self { watch, laws }
    }

    /// Feeds one step, takes out what it says, checks everything, and gives back what came.
    ///
    /// # Panics
    ///
    /// If a law is broken.
    pub fn step(&mut self, step: &Step) -> Vec<Action> {
        let before = self.laws.before(&self.watch, step.at, &step.given.as_input());
        step.feed(&mut self.watch);
        self.laws.handled(&self.watch, before);
        let came = take(&mut self.watch, step.polls);
        for action in &came {
            self.laws.action(&self.watch, action);
        }
        if let Some(sleep @ Action::Sleep { .. }) = came.last() {
            assert_eq!(self.watch.poll(), *sleep, "to sleep is a fixed point");
        }
        self.laws.taken(&self.watch, step.polls == Polls::All);
        came
    }

    /// Takes out everything that is left, and checks what holds at the end of a run.
    ///
    /// # Panics
    ///
    /// If a law is broken.
    pub fn finish(mut self) {
        let step = Step { at: 0, given: InputBuf::Tick, polls: Polls::All };
        self.step(&step);
        self.laws.finish(&self.watch);
    }
}

/// All that has been seen of one watch. Every check panics where a law is broken.
///
/// For each input: [`before`](Self::before) it is handed in, [`handled`](Self::handled) after it,
/// [`action`](Self::action) for each action as it is taken out, [`taken`](Self::taken) when enough was.
#[derive(Clone)]
pub struct Laws {
    guards: Guards,
    /// Time as the machine has to take it: never backwards, and never beyond the last instant.
    now: u64,
    /// The stream that is open, from the driver's point of view.
    open: Option<u64>,
    latest_attempt: u64,
    in_flight: Option<(u64, String)>,
    latest_beat: u64,
    /// Which attempt a lease was first heartbeated on.
    leases: BTreeMap<String, u64>,
    dead: BTreeSet<String>,
    /// Leases that the server answered with 409 or 410.
    refused: BTreeSet<String>,
    awake: bool,
    woken_on: u64,
    wakes: u64,
    stopping: bool,
    stopped: bool,
    status: Option<Status>,
    /// When connects were decided upon, and when wakes were handed over.
    connects: Vec<u64>,
    handed_over: Vec<u64>,
    /// Connects and heartbeats that were taken out.
    asked: (u64, u64),
    /// The last drain was a whole one: the driver knows all that the machine knows.
    caught_up: bool,
    /// The latest action that was taken out is to sleep.
    sleeps: bool,
    /// How many connects the machine had decided upon beyond those that were taken out, at the first of
    /// the whole drains in a row.
    untaken: Option<u64>,
    /// The checks that cost a copy of the machine, or its whole text, are made at each so many inputs.
    every: u32,
    inputs: u32,
}

/// How the machine stood before an input, and what of the input matters.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    state: State,
    stats: Stats,
    given: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tick,
    /// A heartbeat's answer, and whether the lease ends with it.
    Answer(u64, bool),
    Again(HandOver),
    TheEnd,
    Other,
}

impl Laws {
    /// Begins with a new watch, made at `now` with these guards.
    ///
    /// # Panics
    ///
    /// If it begins with more connects than there are numbers.
    #[must_use]
    pub fn new(watch: &Watch, guards: Guards, now: u64) -> Self {
        let now = now.min(LAST);
        let connects = vec![now; usize::try_from(watch.stats().connects).expect("few")];
        Self {
            guards,
            now,
            open: None,
            latest_attempt: 0,
            in_flight: None,
            latest_beat: 0,
            leases: BTreeMap::new(),
            dead: BTreeSet::new(),
            refused: BTreeSet::new(),
            awake: false,
            woken_on: 0,
            wakes: 0,
            stopping: false,
            stopped: false,
            status: None,
            connects,
            handed_over: Vec::new(),
            asked: (0, 0),
            caught_up: false,
            sleeps: false,
            untaken: None,
            every: 1,
            inputs: 0,
        }
    }

    /// Makes the two costly checks, for spinning and for tokens in the machine's text, at each `every`-th
    /// input only: for runs of millions.
    #[must_use]
    pub fn sparingly(mut self, every: u32) -> Self {
        self.every = every.max(1);
        self
    }

    /// Looks at the machine before an input is handed in at `at`.
    pub fn before(&mut self, watch: &Watch, at: u64, input: &Input<'_>) -> Before {
        self.now = self.now.max(at.min(LAST));
        let given = match input {
            Input::Tick => Kind::Tick,
            Input::HeartbeatAnswer { beat, status } => {
                Kind::Answer(beat.0, matches!(status, 409 | 410))
            }
            Input::HeartbeatFailed { beat, .. } => Kind::Answer(beat.0, false),
            Input::SleepAgain(hand_over) => Kind::Again(*hand_over),
            Input::Stop | Input::HeartbeatsCancelled => Kind::TheEnd,
            _ => Kind::Other,
        };
        Before { state: watch.state(), stats: *watch.stats(), given }
    }

    /// Looks at it after that input, before anything is taken out.
    ///
    /// # Panics
    ///
    /// If a law is broken.
    pub fn handled(&mut self, watch: &Watch, before: Before) {
        // What the machine gave up and the driver does not know of yet may be stale; else nothing is.
        let stale = !self.caught_up && watch.stats().stale > before.stats.stale;
        self.given(before.given, stale);
        self.settled(watch, before);
        self.inputs = self.inputs.wrapping_add(1);
        if self.inputs % self.every == 0 {
            // Law 13, for what may stand in a log.
            assert!(!format!("{watch:?}").contains("canary"));
            no_caller_is_made_to_spin(watch);
        }
    }

    /// Enough was taken out: all there was, or not.
    ///
    /// # Panics
    ///
    /// If a law is broken.
    pub fn taken(&mut self, watch: &Watch, all: bool) {
        self.caught_up = all;
        if all {
            self.drained(watch);
        } else {
            self.untaken = None;
        }
    }

    /// Checks what holds at the end of a run, when all was taken out.
    ///
    /// # Panics
    ///
    /// If a law is broken.
    pub fn finish(&self, watch: &Watch) {
        // Law 11: no wake is lost.
        assert_eq!(self.wakes, watch.stats().wakes, "a wake was lost");
        // Law 8, section 5.1: 30 in any ten minutes, and one for each wake that was handed over in them.
        if self.guards.connect_bound {
            for from in &self.connects {
                let within = |times: &[u64]| {
                    times.iter().filter(|at| *at >= from && **at - from <= TEN_MINUTES).count()
                };
                let (connects, wakes) = (within(&self.connects), within(&self.handed_over));
                assert!(
                    connects <= 30 + wakes,
                    "{connects} connects, {wakes} wakes from {from} on"
                );
            }
        }
    }

    fn given(&mut self, given: Kind, stale: bool) {
        match given {
            // An answer ends the flight of its heartbeat, whatever it says.
            Kind::Answer(beat, ends) => {
                if let Some((_, lease)) = self.in_flight.take_if(|(sent, _)| *sent == beat) {
                    if ends && !stale {
                        self.dead.insert(lease.clone());
                        self.refused.insert(lease);
                    }
                }
            }
            Kind::Again(_) => self.awake = false,
            Kind::TheEnd => self.stopping = true,
            Kind::Tick | Kind::Other => {}
        }
    }

    /// What holds after every input, taken out or not.
    fn settled(&mut self, watch: &Watch, before: Before) {
        let (state, stats) = (watch.state(), *watch.stats());
        let connects = stats.connects - before.stats.connects;
        assert!(connects <= 1, "one input, {connects} connects");
        self.connects.extend((0..connects).map(|_| self.now));
        if before.given == Kind::Again(HandOver::Done)
            && before.state == State::Awake
            && state != before.state
        {
            self.handed_over.push(self.now);
        }
        let idle = matches!(state, State::Stopped | State::Awake) || watch.is_offline();
        match watch.deadline() {
            // Law 7: something is always pending. Section 3 has a timer for each of these states, so
            // that it is always a deadline, whatever else.
            // At the end of time nothing will ever be due.
            None => assert!(idle || self.now >= LAST, "nothing is pending in {state:?}"),
            Some(until) => {
                assert!(!idle, "a deadline in {state:?}");
                // Law 8: no wait is negative, nor too long.
                let until = until.as_millis();
                // Only a tick lets the deadlines of an attempt pass; a wait is over with any input.
                if before.given == Kind::Tick || !state.is_attempting() {
                    assert!(until > self.now, "{state:?} until {until} at {}", self.now);
                }
                if matches!(state, State::Waiting | State::Parked) {
                    assert!(until - self.now <= HOUR_AND_A_HALF, "{} ms", until - self.now);
                }
            }
        }
    }

    /// Looks at one action that was taken out.
    ///
    /// # Panics
    ///
    /// If a law is broken.
    pub fn action(&mut self, watch: &Watch, action: &Action) {
        self.sleeps = matches!(action, Action::Sleep { .. });
        // Law 13.
        assert!(!format!("{action:?}").contains("canary"));
        // Law 6: after a stop nothing is asked for, ever.
        if self.stopped {
            assert_eq!(*action, Action::Sleep { until: None }, "after the stop");
        }
        match action {
            Action::Disconnect { attempt } => {
                // Laws 1 and 2: what is given up is what is open.
                assert_eq!(self.open.take(), Some(attempt.0));
                self.in_flight = None;
                // Law 3: with its watch the lease ends.
                let ended = self.leases.iter().filter(|(_, on)| **on == attempt.0);
                self.dead.extend(ended.map(|(lease, _)| lease.clone()));
            }
            Action::Abandon { beat } => {
                let given_up = self.in_flight.take().map(|(beat, _)| beat);
                // An answer may have crossed the abandonment, where that was not taken out at once.
                assert!(given_up == Some(beat.0) || (given_up.is_none() && !self.caught_up));
            }
            Action::Connect { attempt, request } => {
                // Laws 1, 2, 5 and 6.
                assert_eq!(self.open, None, "two watches");
                assert_eq!(self.in_flight, None, "the old heartbeat was not given up");
                assert!(!self.awake && !self.stopping && !watch.is_offline());
                assert_ne!(watch.state(), State::Stopped);
                assert!(attempt.0 > self.latest_attempt, "attempts are numbered upwards");
                (self.open, self.latest_attempt) = (Some(attempt.0), attempt.0);
                self.asked.0 += 1;
                // Section 4: after 409 and 410 the lease is not mentioned again.
                let previous = request.url().split_once("previousWatchLeaseId=");
                if let Some((_, lease)) = previous {
                    assert!(!self.refused.contains(lease), "{lease} was refused");
                }
            }
            Action::Heartbeat { beat, request } => {
                assert!(!self.awake && !self.stopping && !watch.is_offline());
                assert_ne!(watch.state(), State::Stopped);
                // Law 1: one in flight, and only beside an open stream.
                let open = self.open.expect("an open watch");
                assert_eq!(self.in_flight, None, "two heartbeats in flight");
                assert!(beat.0 > self.latest_beat, "heartbeats are numbered upwards");
                self.latest_beat = beat.0;
                self.asked.1 += 1;
                // Law 3: leases are granted once, so that one that comes back has ended.
                let body: serde_json::Value = serde_json::from_str(request.body()).expect("JSON");
                let lease = body["watchLeaseId"].as_str().expect("a lease").to_owned();
                assert!(!self.dead.contains(&lease), "{lease} had ended");
                assert_eq!(*self.leases.entry(lease.clone()).or_insert(open), open);
                assert_eq!(self.leases.values().filter(|on| **on == open).count(), 1);
                self.in_flight = Some((beat.0, lease));
            }
            Action::Report(report) => self.report(report),
            Action::Status(status) => {
                assert!(!self.awake || matches!(status, Status::Stopped(_)));
                self.status = Some(*status);
            }
            Action::Wake(_) => {
                // Law 5: one a watch, and its stream is given up.
                assert_eq!(self.open, None);
                assert!(!self.awake, "two wakes");
                assert!(self.latest_attempt > self.woken_on, "two wakes of one watch");
                (self.awake, self.woken_on) = (true, self.latest_attempt);
                self.wakes += 1;
            }
            Action::Stop(_) => self.stopped = true,
            Action::Sleep { until } => {
                assert_eq!(*until, watch.deadline());
            }
        }
    }

    fn report(&self, report: &Report) {
        // A guard shortens no row's delay, but for jitter, by half; and section 5.2 has the ceiling.
        if let Report::Ended { then: Then::Connect(delay) | Then::Park(delay), .. } = report {
            let least = delay.row().max(delay.flap());
            let least = if self.guards.jitter { least / 2 } else { least };
            assert!(delay.total() >= least.max(delay.retry_after()), "{delay:?}");
            assert!(delay.total().as_millis() <= u128::from(HOUR_AND_A_HALF), "{delay:?}");
        }
    }

    fn drained(&mut self, watch: &Watch) {
        let state = watch.state();
        assert!(self.sleeps, "a whole drain ends with the sleep");
        // What the driver has open is what the machine thinks it has.
        assert_eq!(self.open.is_some(), state.is_attempting(), "{state:?}");
        assert_eq!(self.stopped, state == State::Stopped);
        assert_eq!(Some(watch.status()), self.status);
        assert_eq!(self.awake && !self.stopping, state == State::Awake);
        assert!(self.in_flight.is_none() || state == State::Watching);
        // All that is decided upon is asked for, if it is taken out at once.
        let stats = watch.stats();
        let untaken = stats.connects - self.asked.0;
        assert_eq!(*self.untaken.get_or_insert(untaken), untaken);
        // A heartbeat that is due long after its time may be withdrawn by the deadline after it.
        assert!(stats.heartbeats >= self.asked.1);
    }
}

/// The run loop's promise: after a tick at the deadline and a drain, the next one is later or absent.
fn no_caller_is_made_to_spin(watch: &Watch) {
    let mut watch = watch.clone();
    for _ in 0..3 {
        let Some(deadline) = watch.deadline() else { return };
        // Beyond the last instant no time passes any more.
        if deadline.as_millis() > LAST {
            return;
        }
        watch.handle(deadline, Input::Tick);
        take(&mut watch, Polls::All);
        assert!(watch.deadline().is_none_or(|next| next > deadline), "it spins at {deadline:?}");
    }
}
