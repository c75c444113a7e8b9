//! A device's way to the service, and all that goes wrong on it.
//!
//! A link delays what it carries and keeps it in order. It can hold everything up for a while, as a lost
//! packet does that is sent again; it can be a hole, into which everything falls and where what was open is dead
//! without anybody being told; it can refuse connects, cut bytes into crumbs that drip, or gather them
//! as a proxy that buffers does.

use dormouse_core::TransportFault;

use super::draw::Draw;

/// A link. Faults have an end, at which they are over by themselves.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// One way, in milliseconds, and how much more it may be.
    delay: u64,
    spread: u64,
    /// Whether bytes are cut at random places.
    cuts: bool,
    hole_until: u64,
    stalled_until: u64,
    refuses: Option<(u64, TransportFault)>,
    drips: Option<(u64, usize, u64)>,
    gathers: Option<(u64, usize)>,
    draw: Draw,
}

/// What becomes of a connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It gets through.
    Open,
    /// It fails at once.
    Refused(TransportFault),
    /// It is never heard of again.
    Hole,
}

impl Link {
    pub(crate) fn new(delay: u64, spread: u64, cuts: bool, draw: Draw) -> Self {
        Self {
            delay,
            spread,
            cuts,
            hole_until: 0,
            stalled_until: 0,
            refuses: None,
            drips: None,
            gathers: None,
            draw,
        }
    }

    pub(crate) fn hole(&mut self, until: u64) {
        self.hole_until = self.hole_until.max(until);
    }

    pub(crate) fn stall(&mut self, until: u64) {
        self.stalled_until = self.stalled_until.max(until);
    }

    pub(crate) fn refuse(&mut self, until: u64, fault: TransportFault) {
        self.refuses = Some((until, fault));
    }

    pub(crate) fn drip(&mut self, until: u64, bytes: usize, gap: u64) {
        self.drips = Some((until, bytes.max(1), gap));
    }

    pub(crate) fn gather(&mut self, until: u64, bytes: usize) {
        self.gathers = Some((until, bytes));
    }

    pub(crate) fn way(&self, now: u64) -> Way {
        match self.refuses {
            _ if now < self.hole_until => Way::Hole,
            Some((until, fault)) if now < until => Way::Refused(fault),
            _ => Way::Open,
        }
    }

    /// When something that is sent now is there.
    pub(crate) fn arrival(&mut self, now: u64) -> u64 {
        let spread = if self.spread == 0 { 0 } else { self.draw.below(self.spread + 1) };
        now.max(self.stalled_until) + self.delay + spread
    }

    /// How much is held back until there is as much, if bytes are gathered now.
    pub(crate) fn gathers(&self, now: u64) -> Option<usize> {
        self.gathers.filter(|(until, _)| now < *until).map(|(_, bytes)| bytes)
    }

    /// Cuts bytes into pieces: the length of each, and how long after the one before it comes.
    pub(crate) fn pieces(&mut self, now: u64, len: usize, mut each: impl FnMut(usize, u64)) {
        if let Some((_, bytes, gap)) = self.drips.filter(|(until, ..)| now < *until) {
            let mut left = len;
            while left > 0 {
                let piece = left.min(bytes);
                each(piece, gap);
                left -= piece;
            }
            return;
        }
        let mut left = len;
        // A third of what is sent comes in one piece, the rest in two or more.
        while self.cuts && left > 1 && self.draw.percent(40) {
            let piece = usize::try_from(self.draw.between(1, left as u64 - 1)).unwrap_or(1);
            let gap = if self.draw.percent(50) { 0 } else { self.draw.below(self.spread + 2) };
            each(piece, gap);
            left -= piece;
        }
        each(left, 0);
    }

    /// True in half of the cases.
    pub(crate) fn coin(&mut self) -> bool {
        self.draw.percent(50)
    }
}
