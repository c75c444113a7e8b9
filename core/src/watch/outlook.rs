//! What a watch's future depends on, and nothing else: by it two watches are told apart, or not.

use core::time::Duration;

use super::Watch;
use super::heartbeat::SILENCE;
use super::pending::Kind;
use crate::action::Status;
use crate::config::OnUnauthorized;
use crate::guard;
use crate::sse;
use crate::state::State;
use crate::time::{Timestamp, millis};
use crate::timer::Timer;
use crate::wire::SessionId;

/// All that a [`Watch`] will do, whatever comes: a value to compare, to hash and to look at.
///
/// Two watches of one configuration and with equal outlooks do the same from here, with the same seed (see
/// [`Watch::reseed`]) and whatever comes, *but for*
///
/// * absolute times and the numbers of attempts and heartbeats,
/// * what reports and [`Stats`](crate::Stats) tell of the past,
/// * names that the server or the application chose: which lease it was, where a wake leads, the tokens.
///
/// It holds no secret, and it holds no more than it must: a time that went by counts only as far as something
/// still depends on it, a deadline that has long passed only by its place among the others. So a watch has few
/// outlooks, and they can all be visited. Only the end of time (some 584 million years on) is not in it.
///
/// ```
/// use dormouse_core::{Config, Input, Timestamp, Token, Watch};
///
/// let watch = |seed, origin| {
///     let config = Config::new("https://api.example.com").build()?;
///     let token = Token::new("device-token")?;
///     Ok::<_, Box<dyn std::error::Error>>(Watch::new(config, token, seed, Timestamp::from_millis(origin)))
/// };
/// let (mut one, other) = (watch(1, 0)?, watch(2, 1_000_000)?);
/// assert_eq!(one.outlook(), other.outlook());
///
/// one.handle(Timestamp::ORIGIN, Input::Stop);
/// assert_ne!(one.outlook(), other.outlook());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outlook {
    state: State,
    offline: bool,
    status: Status,
    /// Milliseconds to each deadline, in the order of [`Timer`].
    timers: [Option<i64>; 5],
    pending: super::pending::Outlook,
    guard: guard::Outlook,
    backoff: Duration,
    previous_lease: bool,
    session: Option<SessionId>,
    lease: Option<Lease>,
    /// How long no hint ends the wait.
    floor: Duration,
    /// The request that is under way carries a token that has been replaced.
    connect_overtaken: bool,
    heartbeat_overtaken: bool,
    decoder: sse::Outlook,
}

/// What of a lease still matters. Times that went by are cut off where nothing depends on them any more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lease {
    interval: Duration,
    wait_for_viewer: Duration,
    age: Duration,
    accepted: bool,
    silent: Duration,
    in_flight: Option<Duration>,
}

impl Watch {
    /// Everything that this watch's future depends on.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        let connecting = self.state == State::Connecting && !self.pending.has(Kind::Connect);
        let beating = self.lease.as_ref().is_some_and(|lease| lease.in_flight.is_some())
            && !self.pending.has(Kind::Heartbeat);
        let waiting = self.state == State::Waiting;
        Outlook {
            state: self.state,
            offline: self.offline,
            status: self.status,
            timers: self.due_in(),
            pending: self.pending.outlook(),
            guard: self
                .guard
                .outlook(self.now, self.config.on_unauthorized() == OnUnauthorized::Park),
            backoff: self.memory.backoff,
            previous_lease: self.memory.previous_lease.is_some(),
            session: self.session.clone(),
            lease: self.lease.as_ref().map(|lease| {
                let silence = lease.interval.saturating_mul(SILENCE);
                Lease {
                    interval: lease.interval,
                    wait_for_viewer: lease.wait_for_viewer,
                    age: self.now.since(lease.since).min(self.guard.horizon(lease.interval)),
                    accepted: lease.accepted,
                    silent: self.now.since(lease.refreshed).min(silence),
                    in_flight: lease.in_flight.map(|(_, sent)| self.now.since(sent).min(silence)),
                }
            }),
            floor: if waiting { self.floor.since(self.now) } else { Duration::ZERO },
            connect_overtaken: connecting && self.connect_token != self.tokens,
            heartbeat_overtaken: beating && self.heartbeat_token != self.tokens,
            decoder: self.decoder.outlook(),
        }
    }

    /// Milliseconds to each deadline. A heartbeat that is less than one interval late still keeps the rhythm;
    /// of everything later than that only the order matters.
    fn due_in(&self) -> [Option<i64>; 5] {
        let signed = |millis: u64| i64::try_from(millis).unwrap_or(i64::MAX);
        let interval = self.lease.as_ref().map_or(Duration::ZERO, |lease| lease.interval);
        let interval = signed(millis(interval));
        let deadlines = Timer::ALL.map(|timer| self.timers.deadline(timer));
        let left = |deadline: Timestamp| {
            let ahead = signed(deadline.as_millis().saturating_sub(self.now.as_millis()));
            let behind = signed(self.now.as_millis().saturating_sub(deadline.as_millis()));
            ahead.saturating_sub(behind)
        };
        let late = |deadline: Timestamp| left(deadline) <= interval.saturating_neg();
        let mut due = deadlines.map(|deadline| deadline.map(left));
        for (slot, (at, deadline)) in due.iter_mut().zip(deadlines.iter().enumerate()) {
            let Some(deadline) = deadline.filter(|deadline| late(*deadline)) else { continue };
            let after = deadlines.iter().enumerate().filter(|(other, deadline_of_other)| {
                deadline_of_other
                    .is_some_and(|of_other| late(of_other) && (of_other, *other) > (deadline, at))
            });
            let rank = signed(u64::try_from(after.count()).unwrap_or(0));
            *slot = Some(interval.saturating_neg().saturating_sub(rank));
        }
        due
    }

    /// Gives the machine other chance from here on.
    ///
    /// For whoever copies a machine: a device image or a snapshot that is cloned would otherwise have all its
    /// clones draw alike, and come back at the same instants (protocol.md section 5.3). It is no input: a journal
    /// does not hold it, and a recording that goes on beyond it does not replay.
    pub fn reseed(&mut self, seed: u64) {
        self.guard.reseed(seed);
    }
}
