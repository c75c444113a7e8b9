//! A token bucket: so many at once, and one more every so often.
//!
//! It keeps no fraction and needs no timer: only how many are left, and since when the next one has been
//! filling. A full bucket fills nothing, so that no stretch of time ever gives more than its capacity and
//! one for each refill that ends within it.

use core::time::Duration;

use crate::time::Timestamp;

#[derive(Clone, Debug)]
pub(super) struct Bucket {
    left: u32,
    capacity: u32,
    refill: Duration,
    /// Since when the next refill has been on its way, if any is.
    since: Timestamp,
}

impl Bucket {
    pub(super) fn new(capacity: u32, refill: Duration, now: Timestamp) -> Self {
        Self { left: capacity, capacity, refill, since: now }
    }

    /// Takes one out, or says when there will be one.
    pub(super) fn pay(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.settle(now);
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.since.after(self.refill)),
        }
    }

    /// When one could be taken out: now, or later.
    pub(super) fn payable(&self, now: Timestamp) -> Timestamp {
        if self.left > 0 { now } else { self.since.after(self.refill).max(now) }
    }

    /// Puts one back.
    pub(super) fn refund(&mut self, now: Timestamp) {
        self.settle(now);
        self.left = self.left.saturating_add(1).min(self.capacity);
    }

    /// How many are left, and for how long the next one has been filling, in milliseconds.
    pub(super) fn outlook(&self, now: Timestamp) -> (u32, u64) {
        let mut settled = self.clone();
        settled.settle(now);
        (settled.left, crate::time::millis(now.since(settled.since)))
    }

    /// Adds what was refilled until `now`.
    fn settle(&mut self, now: Timestamp) {
        let period = self.refill.as_millis().max(1);
        let elapsed = now.since(self.since).as_millis();
        let refills = elapsed / period;
        let missing = self.capacity.saturating_sub(self.left);
        if refills >= u128::from(missing) {
            // Full: the time that went by before is worth nothing.
            self.left = self.capacity;
            self.since = now;
        } else {
            // Fewer than are missing, so it fits in a u32.
            self.left = self.left.saturating_add(u32::try_from(refills).unwrap_or(missing));
            let rest = u64::try_from(elapsed % period).unwrap_or(0);
            self.since = Timestamp::from_millis(now.as_millis().saturating_sub(rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const REFILL: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn it_pays_its_capacity_and_then_one_a_refill() {
        let mut bucket = Bucket::new(3, REFILL, at(0));
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
        let mut bucket = Bucket::new(2, REFILL, at(0));
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
            let mut bucket = Bucket::new(10, REFILL, at(0));
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
