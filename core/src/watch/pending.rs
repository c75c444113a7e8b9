//! What is to be done: one slot for each kind, so that a machine that is not polled does not grow.

use alloc::boxed::Box;
use core::time::Duration;

use crate::action::{Attempt, Beat, End, Oddity, Report, Status, StopReason, Then, Wake};
use crate::error::HeartbeatFault;
use crate::guard::Delay;

/// Taken out by [`Watch::poll`](super::Watch::poll) in this order.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    pub(super) disconnect: Option<Attempt>,
    pub(super) abandon: Option<Beat>,
    pub(super) connect: bool,
    pub(super) heartbeat: bool,
    pub(super) reports: Reports,
    pub(super) status: Option<Status>,
    /// Boxed, as there is none while a device sleeps.
    pub(super) wake: Option<Box<Wake>>,
    pub(super) stop: Option<StopReason>,
}

/// The last report of each kind, taken out in this order. Each slot holds what its kind holds: six times the largest
/// of them would be a quarter of all that a sleeping watch takes.
#[derive(Clone, Debug, Default)]
pub(super) struct Reports {
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

impl Reports {
    pub(super) fn put(&mut self, report: Report) {
        match report {
            Report::HandOverFailed { delay } => self.hand_over_failed = Some(delay),
            Report::Held { wait } => self.held = Some(wait),
            Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer } => {
                let connected = Connected { attempt, took, heartbeat_interval, wait_for_viewer };
                self.connected = Some(connected);
            }
            Report::Oddity { attempt, oddity } => self.oddity = Some((attempt, oddity)),
            Report::Heartbeat { beat, took, fault } => self.heartbeat = Some((beat, took, fault)),
            Report::Ended { attempt, end, ran, then } => {
                self.ended = Some((attempt, end, ran, then));
            }
        }
    }

    pub(super) fn take(&mut self) -> Option<Report> {
        if let Some(delay) = self.hand_over_failed.take() {
            return Some(Report::HandOverFailed { delay });
        }
        if let Some(wait) = self.held.take() {
            return Some(Report::Held { wait });
        }
        if let Some(connected) = self.connected.take() {
            let Connected { attempt, took, heartbeat_interval, wait_for_viewer } = connected;
            return Some(Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer });
        }
        if let Some((attempt, oddity)) = self.oddity.take() {
            return Some(Report::Oddity { attempt, oddity });
        }
        if let Some((beat, took, fault)) = self.heartbeat.take() {
            return Some(Report::Heartbeat { beat, took, fault });
        }
        let (attempt, end, ran, then) = self.ended.take()?;
        Some(Report::Ended { attempt, end, ran, then })
    }

    /// Which kinds there are, in their order.
    pub(super) fn kinds(&self) -> [bool; 6] {
        [
            self.hand_over_failed.is_some(),
            self.held.is_some(),
            self.connected.is_some(),
            self.oddity.is_some(),
            self.heartbeat.is_some(),
            self.ended.is_some(),
        ]
    }
}
