//! Heartbeats: sent, answered, abandoned, and what their silence means (protocol.md sections 2.3 and 3).

use core::time::Duration;

use super::Watch;
use super::pending::Kind;
use crate::action::{Beat, Report, StopReason};
use crate::error::{HeartbeatFault, HeartbeatLoss, Outcome};
use crate::state::State;
use crate::time::Timestamp;
use crate::timer::Timer;

/// The longest that one heartbeat is waited for.
const TIMEOUT_MOST: Duration = Duration::from_secs(10);
/// No heartbeat accepted for so many intervals is silence.
pub(super) const SILENCE: u32 = 3;

impl Watch {
    /// The heartbeat's timer fired; it was due at `due`.
    pub(super) fn heartbeat_due(&mut self, due: Timestamp) {
        let Some(lease) = &mut self.lease else { return };
        // The rhythm is kept where it can be; beats that were slept through are not made up for.
        let next = due.after(lease.interval);
        let next = if next > self.now { next } else { self.now.after(lease.interval) };
        self.timers.set(Timer::Heartbeat, next);
        if lease.in_flight.is_some() {
            self.stats.heartbeats_skipped = self.stats.heartbeats_skipped.saturating_add(1);
            return;
        }
        self.beat = Beat(self.beat.0.saturating_add(1));
        lease.in_flight = Some((self.beat, self.now));
        self.pending.put(Kind::Heartbeat);
        let timeout = lease.interval.min(TIMEOUT_MOST);
        self.timers.set(Timer::HeartbeatTimeout, self.now.after(timeout));
    }

    /// Whether an answer belongs to the heartbeat in flight; if not, it is counted and changes nothing.
    pub(super) fn is_in_flight(&mut self, beat: Beat) -> bool {
        let waited_for = self.lease.as_ref().and_then(|lease| lease.in_flight);
        let current =
            waited_for.is_some_and(|(sent, _)| sent == beat) && !self.pending.has(Kind::Heartbeat);
        if !current {
            self.stats.stale = self.stats.stale.saturating_add(1);
        }
        current
    }

    pub(super) fn heartbeat_answered(&mut self, beat: Beat, status: u16) {
        if !self.is_in_flight(beat) {
            return;
        }
        let loss = match status {
            200..=299 => return self.heartbeat_accepted(),
            // A token that has been replaced meanwhile is not refused with it: this beat has failed.
            401 if self.heartbeat_token == self.tokens => HeartbeatLoss::Unauthorized,
            409 => HeartbeatLoss::Taken,
            410 => HeartbeatLoss::Gone,
            _ => return self.heartbeat_failed(HeartbeatFault::Status(status)),
        };
        self.settle_heartbeat(Some(HeartbeatFault::Status(status)));
        self.watch_ended(Outcome::HeartbeatLost(loss));
    }

    pub(super) fn heartbeat_accepted(&mut self) {
        let Some(sent) = self.settle_heartbeat(None) else { return };
        if let Some(lease) = &mut self.lease {
            lease.refreshed = sent;
            lease.accepted = true;
        }
        self.stats.heartbeats_accepted = self.stats.heartbeats_accepted.saturating_add(1);
    }

    /// One heartbeat failed: the next may succeed, unless it has been silent for too long.
    pub(super) fn heartbeat_failed(&mut self, fault: HeartbeatFault) {
        self.settle_heartbeat(Some(fault));
        let Some(lease) = &self.lease else { return };
        if self.now.since(lease.refreshed) >= lease.interval.saturating_mul(SILENCE) {
            self.watch_ended(Outcome::HeartbeatLost(HeartbeatLoss::Failed));
        }
    }

    /// The heartbeat in flight is no longer waited for. Says when it was sent.
    pub(super) fn settle_heartbeat(&mut self, fault: Option<HeartbeatFault>) -> Option<Timestamp> {
        let (beat, sent) = self.lease.as_mut()?.in_flight.take()?;
        self.timers.clear(Timer::HeartbeatTimeout);
        let was_sent = !self.pending.withdraw(Kind::Heartbeat);
        if was_sent && fault == Some(HeartbeatFault::Timeout) {
            self.pending.abandon(beat);
        }
        self.pending.report(Report::Heartbeat { beat, took: self.now.since(sent), fault });
        Some(sent)
    }

    pub(super) fn heartbeats_cancelled(&mut self) {
        if self.state == State::Watching {
            self.watch_ended(Outcome::HeartbeatLost(HeartbeatLoss::Cancelled));
        } else {
            self.stop(StopReason::Cancelled);
        }
    }
}
