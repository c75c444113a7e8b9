//! Section 5 once more, sentence by sentence, in milliseconds: what a guard asks, not how the machine keeps it.
//!
//! What is drawn by chance cannot be known here. A delay is therefore given as bounds for each of its parts, and the
//! machine's own choice is taken over once it lies within them.

use dormouse_core::{Delay, HeartbeatLoss, Outcome};

use crate::laws::plan::Setup;

/// Which guards are on, by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct On {
    pub(super) flap: bool,
    pub(super) connect_bound: bool,
    pub(super) retry_after: bool,
    pub(super) jitter: bool,
    pub(super) window: bool,
    pub(super) hints: bool,
}

impl On {
    pub(super) fn of(setup: &Setup) -> Self {
        let [flap, connect_bound, retry_after, jitter, window, hints] = setup.guards;
        Self { flap, connect_bound, retry_after, jitter, window, hints }
    }
}

/// A bucket, as the list of times at which what was taken out comes back: so long after it was taken out, or
/// after the one before it came back, whichever is later.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    capacity: usize,
    refill: u64,
    back: Vec<u64>,
}

impl Bucket {
    pub(super) fn new(capacity: usize, refill: u64) -> Self {
        Self { capacity, refill, back: Vec::new() }
    }

    /// When one can be taken out: now, or later.
    pub(super) fn payable(&mut self, now: u64) -> u64 {
        self.back.retain(|back| *back > now);
        if self.back.len() < self.capacity { now } else { self.back[0] }
    }

    /// Takes one out, if there is one.
    pub(super) fn pay(&mut self, now: u64) -> bool {
        let paid = self.payable(now) <= now;
        if paid {
            let from = self.back.last().copied().unwrap_or(now).max(now);
            self.back.push(from + self.refill);
        }
        paid
    }

    /// Puts one back, at once.
    pub(super) fn refund(&mut self, now: u64) {
        self.payable(now);
        self.back.pop();
    }
}

/// Section 5.1: short watches in a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Flap {
    short: u32,
}

impl Flap {
    /// A watch ended other than by a wake. Says how long the guard wants to wait, were it on.
    pub(super) fn watch_ended(&mut self, ran: u64, interval: u64, accepted: bool) -> u64 {
        if ran >= 60_000 && accepted {
            self.short = 0;
        }
        if ran < interval { self.one_more() } else { 0 }
    }

    /// After the first the row's answer stands; from the second on 1 s, 2 s, 4 s … up to 30 s.
    pub(super) fn one_more(&mut self) -> u64 {
        self.short += 1;
        let asked = [0, 0, 1_000, 2_000, 4_000, 8_000, 16_000];
        asked.get(self.short as usize).copied().unwrap_or(30_000)
    }

    /// A wake was handed over well.
    pub(super) fn proven(&mut self) {
        self.short = 0;
    }
}

/// Section 5.4: whether the reconnect window lengthens the wait after this end of a watch.
pub(super) fn spread(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Ended | Outcome::Stream(_) | Outcome::HeartbeatLost(HeartbeatLoss::Gone)
    )
}

/// What a delay is put together from, in the order of section 5.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    pub(super) row: u64,
    pub(super) flap: u64,
    pub(super) retry_after: u64,
    /// The window, where the cause is one that it lengthens.
    pub(super) window: u64,
}

impl Asked {
    /// Holds a delay against what was asked, and gives back its length.
    pub(super) fn check(mut self, on: On, delay: Delay) -> u64 {
        if !on.flap {
            self.flap = 0;
        }
        if !on.retry_after {
            self.retry_after = 0;
        }
        if !on.window || self.retry_after > 0 {
            self.window = 0;
        }
        let ms = |part: core::time::Duration| u64::try_from(part.as_millis()).expect("short");
        let [row, flap, retry_after, window, total] =
            [delay.row(), delay.flap(), delay.retry_after(), delay.window(), delay.total()].map(ms);
        assert_eq!((row, flap, retry_after), (self.row, self.flap, self.retry_after), "{delay:?}");
        assert!(window <= self.window, "{delay:?} with a window of {}", self.window);
        let least = row.max(flap);
        let (from, to) = match on.jitter {
            false => (least.max(retry_after), least.max(retry_after)),
            true if retry_after >= least => (retry_after, retry_after + retry_after / 2),
            true => (retry_after.max(least / 2), least),
        };
        let wait = total - window;
        assert!((from..=to).contains(&wait), "{delay:?}: not {from} to {to}");
        total
    }
}
