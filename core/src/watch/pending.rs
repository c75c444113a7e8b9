//! What is to be done: one slot for each kind, so that a machine that is not polled does not grow.
//!
//! Nearly always there is nothing, or one thing. So a mark says which slots are full, and nobody looks at the others.

use alloc::boxed::Box;
use core::time::Duration;

use crate::action::{Attempt, Beat, End, Oddity, Report, Status, StopReason, Then, Wake};
use crate::error::HeartbeatFault;
use crate::guard::Delay;

/// What there is to do, in the order in which it is done. A connect and a heartbeat have nothing in a slot: their requests are
/// written when they are taken out, and not before.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Disconnect,
    Abandon,
    Connect,
    Heartbeat,
    HandOverFailed,
    Held,
    Connected,
    Oddity,
    HeartbeatSettled,
    Ended,
    Status,
    Wake,
    Stop,
}

impl Kind {
    const ALL: &[Self; 13] = &[
        Self::Disconnect,
        Self::Abandon,
        Self::Connect,
        Self::Heartbeat,
        Self::HandOverFailed,
        Self::Held,
        Self::Connected,
        Self::Oddity,
        Self::HeartbeatSettled,
        Self::Ended,
        Self::Status,
        Self::Wake,
        Self::Stop,
    ];

    const fn mark(self) -> u16 {
        1 << self as u16
    }
}

/// The last of each kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    marks: u16,
    pub(super) disconnect: Option<Attempt>,
    pub(super) abandon: Option<Beat>,
    reports: Reports,
    pub(super) status: Option<Status>,
    /// Boxed, as there is none while a device sleeps.
    pub(super) wake: Option<Box<Wake>>,
    pub(super) stop: Option<StopReason>,
}

/// Each slot holds what its kind of report holds: six times the largest of them would be a quarter of all that a sleeping
/// watch takes.
#[derive(Clone, Debug, Default)]
struct Reports {
    hand_over_failed: Option<Delay>,
    held: Option<Duration>,
    connected: Option<Connected>,
    oddity: Option<(Attempt, Oddity)>,
    heartbeat: Option<(Beat, Duration, Option<HeartbeatFault>)>,
    ended: Option<(Attempt, End, Duration, Then)>,
}

#[derive(Clone, Debug)]
struct Connected {
    attempt: Attempt,
    took: Duration,
    heartbeat_interval: Duration,
    wait_for_viewer: Duration,
}

/// What there is to do, without its numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Outlook {
    marks: u16,
    status: Option<Status>,
    stop: Option<StopReason>,
}

impl Pending {
    /// What is next. Its slot is the caller's to empty.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Kind> {
        let kind = *Kind::ALL.get(self.marks.trailing_zeros() as usize)?;
        self.marks &= !kind.mark();
        Some(kind)
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.marks & kind.mark() != 0
    }

    pub(super) fn put(&mut self, kind: Kind) {
        self.marks |= kind.mark();
    }

    /// Takes it back. Says whether there was one.
    pub(super) fn withdraw(&mut self, kind: Kind) -> bool {
        let had = self.has(kind);
        self.marks &= !kind.mark();
        had
    }

    pub(super) fn disconnect(&mut self, attempt: Attempt) {
        self.disconnect = Some(attempt);
        self.put(Kind::Disconnect);
    }

    pub(super) fn abandon(&mut self, beat: Beat) {
        self.abandon = Some(beat);
        self.put(Kind::Abandon);
    }

    pub(super) fn status(&mut self, status: Status) {
        self.status = Some(status);
        self.put(Kind::Status);
    }

    pub(super) fn wake(&mut self, wake: Wake) {
        self.wake = Some(Box::new(wake));
        self.put(Kind::Wake);
    }

    pub(super) fn stop(&mut self, reason: StopReason) {
        self.stop = Some(reason);
        self.put(Kind::Stop);
    }

    pub(super) fn report(&mut self, report: Report) {
        let reports = &mut self.reports;
        let kind = match report {
            Report::HandOverFailed { delay } => {
                reports.hand_over_failed = Some(delay);
                Kind::HandOverFailed
            }
            Report::Held { wait } => {
                reports.held = Some(wait);
                Kind::Held
            }
            Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer } => {
                let connected = Connected { attempt, took, heartbeat_interval, wait_for_viewer };
                reports.connected = Some(connected);
                Kind::Connected
            }
            Report::Oddity { attempt, oddity } => {
                reports.oddity = Some((attempt, oddity));
                Kind::Oddity
            }
            Report::Heartbeat { beat, took, fault } => {
                reports.heartbeat = Some((beat, took, fault));
                Kind::HeartbeatSettled
            }
            Report::Ended { attempt, end, ran, then } => {
                reports.ended = Some((attempt, end, ran, then));
                Kind::Ended
            }
        };
        self.put(kind);
    }

    /// The report of that kind.
    #[inline]
    pub(super) fn take_report(&mut self, kind: Kind) -> Option<Report> {
        let reports = &mut self.reports;
        Some(match kind {
            Kind::HandOverFailed => {
                Report::HandOverFailed { delay: reports.hand_over_failed.take()? }
            }
            Kind::Held => Report::Held { wait: reports.held.take()? },
            Kind::Connected => {
                let Connected { attempt, took, heartbeat_interval, wait_for_viewer } =
                    reports.connected.take()?;
                Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer }
            }
            Kind::Oddity => {
                let (attempt, oddity) = reports.oddity.take()?;
                Report::Oddity { attempt, oddity }
            }
            Kind::HeartbeatSettled => {
                let (beat, took, fault) = reports.heartbeat.take()?;
                Report::Heartbeat { beat, took, fault }
            }
            Kind::Ended => {
                let (attempt, end, ran, then) = reports.ended.take()?;
                Report::Ended { attempt, end, ran, then }
            }
            _ => return None,
        })
    }

    pub(super) fn outlook(&self) -> Outlook {
        let status = self.status.filter(|_| self.has(Kind::Status));
        let stop = self.stop.filter(|_| self.has(Kind::Stop));
        Outlook { marks: self.marks, status, stop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_mark_and_they_come_in_their_order() {
        let mut pending = Pending::default();
        Kind::ALL.iter().copied().rev().for_each(|kind| pending.put(kind));
        for (place, kind) in Kind::ALL.iter().copied().enumerate() {
            assert_eq!(kind as usize, place);
            assert!(pending.has(kind));
            assert_eq!(pending.next().map(|next| next as usize), Some(place));
            assert!(!pending.withdraw(kind));
        }
        assert!(pending.next().is_none());
    }
}
