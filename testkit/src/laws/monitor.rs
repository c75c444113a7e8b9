//! Watches a run from outside and checks what always holds.
//!
//! It knows what went in, what came out, and nothing of how the machine works.

use std::collections::{BTreeMap, BTreeSet};

use dormouse_core::{Action, Beat, HandOver, InputBuf, Report, State, Stats, Status, Then, Watch};

use super::plan::{LAST, Polls, Setup, Step, take};

const TEN_MINUTES: u64 = 600_000;
const HOUR_AND_A_HALF: u64 = 5_400_000;

/// The watch that it watches, and all that it has seen. Every check panics where a law is broken.
pub struct Monitor {
    setup: Setup,
    /// The watch itself.
    pub watch: Watch,
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
    /// How many connects the machine had decided upon beyond those that were taken out, at the first of
    /// the whole drains in a row.
    untaken: Option<u64>,
}

impl Monitor {
    /// A new watch.
    ///
    /// # Panics
    ///
    /// If it begins with more connects than there are numbers.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let watch = setup.watch();
        let now = setup.origin.min(LAST);
        let connects = vec![now; usize::try_from(watch.stats().connects).expect("few")];
        Self {
            setup,
            watch,
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
            untaken: None,
        }
    }

    /// Feeds one step, takes out what it says, checks everything, and gives back what came.
    ///
    /// # Panics
    ///
    /// If a law is broken.
    pub fn step(&mut self, step: &Step) -> Vec<Action> {
        self.now = self.now.max(step.at.min(LAST));
        let before = (self.watch.state(), *self.watch.stats());
        step.feed(&mut self.watch);
        // What the machine gave up and the driver does not know of yet may be stale; else nothing is.
        let stale = !self.caught_up && self.watch.stats().stale > before.1.stale;
        self.given(&step.given, stale);
        self.handled(&step.given, before);
        self.no_caller_is_made_to_spin();
        let came = take(&mut self.watch, step.polls);
        for action in &came {
            self.action(action);
        }
        self.caught_up = step.polls == Polls::All;
        if self.caught_up {
            self.drained(&came);
        } else {
            self.untaken = None;
        }
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
        // Law 11: no wake is lost.
        assert_eq!(self.wakes, self.watch.stats().wakes, "a wake was lost");
        // Law 8, section 5.1: 30 in any ten minutes, and one for each wake that was handed over in them.
        if self.setup.connect_bound() {
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

    fn given(&mut self, given: &InputBuf, stale: bool) {
        match given {
            // An answer ends the flight of its heartbeat, whatever it says.
            InputBuf::HeartbeatAnswer { beat: Beat(beat), .. }
            | InputBuf::HeartbeatFailed { beat: Beat(beat), .. } => {
                if let Some((_, lease)) = self.in_flight.take_if(|(sent, _)| sent == beat) {
                    if !stale
                        && matches!(given, InputBuf::HeartbeatAnswer { status: 409 | 410, .. })
                    {
                        self.dead.insert(lease.clone());
                        self.refused.insert(lease);
                    }
                }
            }
            InputBuf::SleepAgain(_) => self.awake = false,
            InputBuf::Stop | InputBuf::HeartbeatsCancelled => self.stopping = true,
            _ => {}
        }
    }

    /// What holds after every input, taken out or not.
    fn handled(&mut self, given: &InputBuf, before: (State, Stats)) {
        let (state, stats) = (self.watch.state(), *self.watch.stats());
        let connects = stats.connects - before.1.connects;
        assert!(connects <= 1, "one input, {connects} connects");
        self.connects.extend((0..connects).map(|_| self.now));
        if matches!(given, InputBuf::SleepAgain(HandOver::Done))
            && before.0 == State::Awake
            && state != before.0
        {
            self.handed_over.push(self.now);
        }
        let idle = matches!(state, State::Stopped | State::Awake) || self.watch.is_offline();
        match self.watch.deadline() {
            // Law 7: something is always pending. Section 3 has a timer for each of these states, so
            // that it is always a deadline, whatever else.
            // At the end of time nothing will ever be due.
            None => assert!(idle || self.now >= LAST, "nothing is pending in {state:?}"),
            Some(until) => {
                assert!(!idle, "a deadline in {state:?}");
                // Law 8: no wait is negative, nor too long.
                let until = until.as_millis();
                // Only a tick lets the deadlines of an attempt pass; a wait is over with any input.
                if matches!(given, InputBuf::Tick) || !state.is_attempting() {
                    assert!(until > self.now, "{state:?} until {until} at {}", self.now);
                }
                if matches!(state, State::Waiting | State::Parked) {
                    assert!(until - self.now <= HOUR_AND_A_HALF, "{} ms", until - self.now);
                }
            }
        }
        // Law 13, for what may stand in a log.
        assert!(!format!("{:?}", self.watch).contains("canary"));
    }

    /// The run loop's promise: after a tick at the deadline and a drain, the next one is later or absent.
    fn no_caller_is_made_to_spin(&self) {
        let mut watch = self.watch.clone();
        for _ in 0..3 {
            let Some(deadline) = watch.deadline() else { return };
            // Beyond the last instant no time passes any more.
            if deadline.as_millis() > LAST {
                return;
            }
            watch.handle(deadline, dormouse_core::Input::Tick);
            take(&mut watch, Polls::All);
            assert!(
                watch.deadline().is_none_or(|next| next > deadline),
                "it spins at {deadline:?}"
            );
        }
    }

    fn action(&mut self, action: &Action) {
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
                assert!(!self.awake && !self.stopping && !self.watch.is_offline());
                assert_ne!(self.watch.state(), State::Stopped);
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
                assert!(!self.awake && !self.stopping && !self.watch.is_offline());
                assert_ne!(self.watch.state(), State::Stopped);
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
                assert_eq!(*until, self.watch.deadline());
                assert_eq!(self.watch.poll(), *action, "to sleep is a fixed point");
            }
        }
    }

    fn report(&self, report: &Report) {
        // A guard shortens no row's delay, but for jitter, by half; and section 5.2 has the ceiling.
        if let Report::Ended { then: Then::Connect(delay) | Then::Park(delay), .. } = report {
            let least = delay.row().max(delay.flap());
            let least = if self.setup.jitter() { least / 2 } else { least };
            assert!(delay.total() >= least.max(delay.retry_after()), "{delay:?}");
            assert!(delay.total().as_millis() <= u128::from(HOUR_AND_A_HALF), "{delay:?}");
        }
    }

    fn drained(&mut self, came: &[Action]) {
        let state = self.watch.state();
        assert!(matches!(came.last(), Some(Action::Sleep { .. })), "{came:?}");
        // What the driver has open is what the machine thinks it has.
        assert_eq!(self.open.is_some(), state.is_attempting(), "{state:?}");
        assert_eq!(self.stopped, state == State::Stopped);
        assert_eq!(Some(self.watch.status()), self.status);
        assert_eq!(self.awake && !self.stopping, state == State::Awake);
        assert!(self.in_flight.is_none() || state == State::Watching);
        // All that is decided upon is asked for, if it is taken out at once.
        let stats = self.watch.stats();
        let untaken = stats.connects - self.asked.0;
        assert_eq!(*self.untaken.get_or_insert(untaken), untaken);
        // A heartbeat that is due long after its time may be withdrawn by the deadline after it.
        assert!(stats.heartbeats >= self.asked.1);
    }
}
