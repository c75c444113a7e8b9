//! The laws of protocol.md section 6 on one transition, from outside: laws 1 to 3, 5 to 8 and 11.
//!
//! It checks what `laws::Monitor` checks of a whole run, and remembers as little as that takes, so that it can be
//! part of a state: whether something is so, not when or how often it was.

use std::hash::{Hash, Hasher};

use dormouse_core::{Action, InputBuf, State, Status, Watch};

use super::alphabet::{Known, lease};
use super::told::{Then, Told};
use crate::laws::Polls;

/// Law 8: the longest wait.
const HOUR_AND_A_HALF: u64 = 5_400_000;

/// What a driver sees.
#[derive(Clone)]
pub(crate) struct Observer {
    known: Known,
    /// The stream that is open.
    open: Option<u64>,
    /// The heartbeat that is on its way, and its lease.
    in_flight: Option<(u64, String)>,
    /// The lease that the server answered last with 409 or 410.
    refused: Option<String>,
    awake: bool,
    woken_on: u64,
    wakes: u64,
    stopping: bool,
    stopped: bool,
    status: Option<Status>,
    /// The last drain was a whole one.
    caught_up: bool,
    jitter: bool,
}

impl Observer {
    pub(crate) fn new(jitter: bool) -> Self {
        Self {
            known: Known::default(),
            open: None,
            in_flight: None,
            refused: None,
            awake: false,
            woken_on: 0,
            wakes: 0,
            stopping: false,
            stopped: false,
            status: None,
            caught_up: false,
            jitter,
        }
    }

    pub(crate) fn known(&self) -> Known {
        self.known
    }

    /// Whether this belongs to what is over, was given up or never was, as far as the driver knows.
    pub(crate) fn is_stale(&self, given: &InputBuf) -> bool {
        match given {
            InputBuf::Head { attempt, .. }
            | InputBuf::Data { attempt, .. }
            | InputBuf::End { attempt }
            | InputBuf::Failed { attempt, .. } => self.open != Some(attempt.0),
            InputBuf::HeartbeatAnswer { beat, .. } | InputBuf::HeartbeatFailed { beat, .. } => {
                self.in_flight.as_ref().is_none_or(|(sent, _)| *sent != beat.0)
            }
            _ => false,
        }
    }

    /// An input was handed in; nothing was taken out yet.
    pub(crate) fn given(&mut self, given: &InputBuf, before: &Watch, after: &Watch, now: u64) {
        // What the machine gave up and the driver does not know of yet may be stale; else nothing is.
        let stale = !self.caught_up && after.stats().stale > before.stats().stale;
        match given {
            InputBuf::HeartbeatAnswer { beat, status } => {
                if let Some((_, lease)) = self.in_flight.take_if(|(sent, _)| *sent == beat.0) {
                    if !stale && matches!(status, 409 | 410) {
                        self.refused = Some(lease);
                    }
                }
            }
            InputBuf::HeartbeatFailed { beat, .. } => {
                self.in_flight.take_if(|(sent, _)| *sent == beat.0);
            }
            // A wake that was not even taken out cannot have been handed over.
            InputBuf::SleepAgain(_) => self.awake = false,
            InputBuf::Stop | InputBuf::HeartbeatsCancelled => self.stopping = true,
            InputBuf::NewToken(_) => self.known.token += 1,
            _ => {}
        }
        // Section 3: a beat is skipped where one is in flight, and only there.
        let skipped = after.stats().heartbeats_skipped > before.stats().heartbeats_skipped;
        assert!(!(skipped && self.caught_up) || self.in_flight.is_some(), "skipped for nothing");
        let state = after.state();
        assert!(after.stats().connects - before.stats().connects <= 1, "two connects at once");
        let idle = matches!(state, State::Stopped | State::Awake) || after.is_offline();
        match after.deadline().map(dormouse_core::Timestamp::as_millis) {
            // Law 7: something is always pending.
            None => assert!(idle, "nothing is pending in {state:?}"),
            Some(until) => {
                assert!(!idle, "a deadline in {state:?}");
                // Law 8: no wait is negative, nor too long.
                if matches!(given, InputBuf::Tick) || !state.is_attempting() {
                    assert!(until > now, "{state:?} until {until} at {now}");
                }
                if matches!(state, State::Waiting | State::Parked) {
                    assert!(until - now <= HOUR_AND_A_HALF, "a wait of {} ms", until - now);
                }
            }
        }
    }

    /// Something was taken out.
    pub(crate) fn told(&mut self, told: &Told, watch: &Watch) {
        // Law 6: after a stop nothing is asked for, ever.
        assert!(!self.stopped || *told == Told::Sleep { until: None }, "{told:?} after the stop");
        match told {
            Told::Disconnect { attempt } => {
                // Laws 1 and 2: what is given up is what is open.
                assert_eq!(self.open.take(), Some(*attempt));
                self.in_flight = None;
            }
            Told::Abandon { beat } => {
                let given_up = self.in_flight.take().map(|(beat, _)| beat);
                // An answer may have crossed the abandonment, where that was not taken out at once.
                assert!(given_up == Some(*beat) || (given_up.is_none() && !self.caught_up));
            }
            Told::Connect { attempt, previous, token, .. } => {
                // Laws 1, 2, 5 and 6.
                assert_eq!((self.open, &self.in_flight), (None, &None), "not given up");
                self.may_ask(watch);
                assert!(*attempt > self.known.attempt, "attempts are numbered upwards");
                assert_eq!(*token, self.known.token, "another token");
                (self.open, self.known.attempt) = (Some(*attempt), *attempt);
                // Section 4: after 409 and 410 the lease is not mentioned again.
                assert!(previous.is_none() || *previous != self.refused, "it was refused");
                let before = |lease_of: u64| previous.as_deref() == Some(&*lease(lease_of));
                assert!(previous.is_none() || (1..*attempt).rev().any(before), "of no attempt");
            }
            Told::Heartbeat { beat, lease: of, token } => {
                self.may_ask(watch);
                // Law 1: one in flight, and only beside an open stream.
                assert_eq!(self.in_flight, None, "two heartbeats in flight");
                assert!(*beat > self.known.beat, "heartbeats are numbered upwards");
                assert_eq!(*token, self.known.token, "another token");
                // Law 3: on the lease of this watch and no other, and not if it was refused.
                assert_eq!(self.open.map(lease).as_ref(), Some(of), "another watch's lease");
                assert_ne!(self.refused.as_ref(), Some(of), "it was refused");
                self.known.beat = *beat;
                self.in_flight = Some((*beat, of.clone()));
            }
            Told::Ended { then: Then::Connect(wait) | Then::Park(wait), .. } => {
                // A guard shortens no delay, but for jitter, by half.
                let least = wait.row.max(wait.flap) / if self.jitter { 2 } else { 1 };
                assert!(wait.total >= least.max(wait.retry_after), "{wait:?}");
                assert!(wait.total <= HOUR_AND_A_HALF, "{wait:?}");
            }
            Told::Status(status) => {
                assert!(!self.awake || matches!(status, Status::Stopped(_)));
                self.status = Some(*status);
            }
            Told::Wake { .. } => {
                // Law 5: one a watch, and its stream is given up.
                assert_eq!(self.open, None);
                assert!(!self.awake, "two wakes");
                assert!(self.known.attempt > self.woken_on, "two wakes of one watch");
                (self.awake, self.woken_on) = (true, self.known.attempt);
                self.wakes += 1;
            }
            Told::Stop(_) => self.stopped = true,
            Told::Sleep { .. } => {
                let again = watch.clone().poll();
                assert_eq!(Told::of(&again), *told, "to sleep is a fixed point");
            }
            _ => {}
        }
    }

    fn may_ask(&self, watch: &Watch) {
        assert!(!self.awake && !self.stopping && !watch.is_offline(), "nothing may be asked for");
        assert_ne!(watch.state(), State::Stopped);
    }

    /// What was to be taken out was.
    pub(crate) fn drained(&mut self, polls: Polls, last: Option<&Action>, watch: &Watch) {
        self.caught_up = polls == Polls::All;
        if !self.caught_up {
            return;
        }
        let state = watch.state();
        assert!(matches!(last, Some(Action::Sleep { until }) if *until == watch.deadline()));
        // What the driver has open is what the machine thinks it has.
        assert_eq!(self.open.is_some(), state.is_attempting(), "{state:?}");
        assert!(self.open.is_none_or(|open| open == self.known.attempt));
        assert_eq!(self.stopped, state == State::Stopped);
        assert_eq!(Some(watch.status()), self.status);
        assert_eq!(self.awake && !self.stopping, state == State::Awake);
        assert!(self.in_flight.is_none() || state == State::Watching);
        // Law 11: no wake is lost.
        assert_eq!(self.wakes, watch.stats().wakes, "a wake was lost");
    }

    /// What later verdicts depend on.
    pub(crate) fn mark(&self, watch: &Watch, hasher: &mut impl Hasher) {
        let Known { attempt, .. } = self.known;
        (self.open.map(|open| open == attempt), self.in_flight.is_some()).hash(hasher);
        (self.awake, self.stopping, self.stopped, self.status, self.caught_up).hash(hasher);
        (self.woken_on == attempt, watch.stats().wakes - self.wakes).hash(hasher);
        // Which lease was refused matters as long as it could be named.
        let named = self.refused.as_ref() == Some(&lease(attempt));
        (self.refused.is_some(), named).hash(hasher);
    }
}
