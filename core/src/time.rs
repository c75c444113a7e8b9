//! Time, as the machine knows it: milliseconds since an origin that the caller chose.
//!
//! The machine has no clock. Every input carries a [`Timestamp`], every deadline goes out as one, and
//! only the caller knows what zero means. The clock behind it should keep counting while the device is
//! suspended (protocol.md section 8): a lease does not wait for a closed laptop.

use core::fmt;
use core::time::Duration;

/// A point in time: whole milliseconds since any origin the caller likes.
///
/// The integer is private so that a count of seconds, or a wall clock that may jump, is not taken for
/// one by accident. All arithmetic saturates: the far end is [`Timestamp::MAX`], some 584 million years on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The caller's origin.
    pub const ORIGIN: Self = Self(0);
    /// The last instant there is.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `millis` milliseconds after the origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the origin.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The instant `wait` later. A part of a millisecond counts as a whole one, so that nothing is
    /// ever due early.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(millis(wait)))
    }

    /// How long after `earlier` this is: zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// A duration in whole milliseconds, rounded up.
pub(crate) fn millis(duration: Duration) -> u64 {
    let part = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
    duration.as_secs().saturating_mul(1_000).saturating_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Timestamp::MAX.after(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::ORIGIN.since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(Timestamp::ORIGIN.after(Duration::MAX), Timestamp::MAX);
    }

    #[test]
    fn it_is_shown_with_its_unit() {
        assert_eq!(alloc::format!("{:?}", Timestamp::from_millis(7)), "7ms");
    }

    #[test]
    fn a_part_of_a_millisecond_is_never_due_early() {
        let start = Timestamp::from_millis(5);
        assert_eq!(start.after(Duration::from_nanos(1)), Timestamp::from_millis(6));
        assert_eq!(start.after(Duration::from_millis(1)), Timestamp::from_millis(6));
        assert_eq!(start.after(Duration::ZERO), start);
    }
}
