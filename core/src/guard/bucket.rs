//! A token bucket: so many at once, and one more every so often. How many and how often is its type, so that a
//! watch, which has two of them, need not remember it.
//!
//! It keeps no fraction and needs no timer: only how many are left, and since when the next one has been
//! filling. A full bucket fills nothing, so that no stretch of time ever gives more than its capacity and
//! one for each refill that ends within it.

use core::time::Duration;

use crate::time::Timestamp;

/// At most `CAPACITY`, and one more every `REFILL` milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Bucket<const CAPACITY: u32, const REFILL: u64> {
    left: u32,
    /// Since when the next refill has been on its way, if any is.
    since: Timestamp,
}

impl<const CAPACITY: u32, const REFILL: u64> Bucket<CAPACITY, REFILL> {
    /// A full one.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { left: CAPACITY, since: now }
    }

    /// Takes one out, or says when there will be one.
    pub(super) fn pay(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.settle(now);
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.refilled()),
        }
    }

    /// When one could be taken out: now, or later.
    pub(super) fn payable(&self, now: Timestamp) -> Timestamp {
        if self.left > 0 { now } else { self.refilled().max(now) }
    }

    /// When the next one will be there.
    fn refilled(&self) -> Timestamp {
        self.since.after(Duration::from_millis(REFILL))
    }

    /// Puts one back.
    pub(super) fn refund(&mut self, now: Timestamp) {
        self.settle(now);
        self.left = self.left.saturating_add(1).min(CAPACITY);
    }

    /// How many are left, and for how long the next one has been filling, in milliseconds.
    pub(super) fn outlook(&self, now: Timestamp) -> (u32, u64) {
        let mut settled = self.clone();
        settled.settle(now);
        (settled.left, crate::time::millis(now.since(settled.since)))
    }

    /// Adds what was refilled until `now`.
    fn settle(&mut self, now: Timestamp) {
        let elapsed = crate::time::millis(now.since(self.since));
        let refills = elapsed / REFILL;
        let missing = CAPACITY.saturating_sub(self.left);
        if refills >= u64::from(missing) {
            // Full: the time that went by before is worth nothing.
            self.left = CAPACITY;
            self.since = now;
        } else {
            // Fewer than are missing, so it fits in a u32.
            self.left = self.left.saturating_add(u32::try_from(refills).unwrap_or(missing));
            self.since = Timestamp::from_millis(now.as_millis().saturating_sub(elapsed % REFILL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const REFILL: u64 = 30_000;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn it_pays_its_capacity_and_then_one_a_refill() {
        let mut bucket = Bucket::<3, REFILL>::new(at(0));
        for _ in 0..3 {
            assert_eq!(bucket.payable(at(100)), at(100));
            assert_eq!(bucket.pay(at(100)), Ok(()));
        }
        assert_eq!(bucket.pay(at(100)), Err(at(130)));
        assert_eq!(bucket.pay(at(129)), Err(at(130)));
        assert_eq!(bucket.payable(at(129)), at(130));
        assert_eq!(bucket.pay(at(130)), Ok(()));
        assert_eq!(bucket.pay(at(130)), Err(at(160)));
    }

    #[test]
    fn a_refund_never_overfills() {
        let mut bucket = Bucket::<2, REFILL>::new(at(0));
        bucket.refund(at(0));
        assert_eq!(bucket.left, 2);
        bucket.pay(at(0)).expect("two are left");
        bucket.refund(at(0));
        bucket.refund(at(0));
        assert_eq!(bucket.left, 2);
    }

    proptest! {
        /// The bound of protocol.md section 5.1, with no refund: 30 in any 10 minutes.
        #[test]
        fn no_stretch_of_ten_minutes_sees_more_than_thirty(
            waits in proptest::collection::vec(prop_oneof![0..50_u64, 0..40_000_u64, 0..900_000_u64], 1..300),
        ) {
            let mut bucket = Bucket::<10, REFILL>::new(at(0));
            let mut now = 0;
            let mut paid = Vec::new();
            for wait in waits {
                now += wait;
                if bucket.pay(Timestamp::from_millis(now)).is_ok() {
                    paid.push(now);
                }
            }
            for (i, first) in paid.iter().enumerate() {
                let within = paid[i..].iter().filter(|at| **at - first <= 600_000).count();
                prop_assert!(within <= 30, "{within} within ten minutes of {first}");
            }
        }
    }
}
