//! Where chance comes from: a generator that is seeded once, from outside.
//!
//! It is `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014):
//! eight bytes of state, specified to the bit, the same on every platform and for ever, which is what a
//! recording that replays needs. It spreads reconnects; nothing secret comes from it.

use core::fmt;
use core::time::Duration;

use crate::time::millis;

#[derive(Clone)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number of milliseconds from zero to `most`, both included. Nothing is drawn for zero.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        let most = millis(most);
        if most == 0 {
            return Duration::ZERO;
        }
        // The high half of a 128-bit product: uniform to within 2^-40 for any wait there is, without a
        // loop whose length depends on luck.
        let span = u128::from(most).saturating_add(1);
        let drawn = (u128::from(self.next()).saturating_mul(span)) >> 64;
        Duration::from_millis(u64::try_from(drawn).unwrap_or(most))
    }

    /// A wait from `least` to `most`, both included.
    pub(super) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        least.saturating_add(self.up_to(most.saturating_sub(least)))
    }
}

impl fmt::Debug for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draw({:#018x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first outputs for the seed 1234567, as the reference implementation gives them.
        let mut draw = Draw::new(1_234_567);
        assert_eq!(alloc::format!("{draw:?}"), "Draw(0x000000000012d687)");
        let first: [u64; 5] = core::array::from_fn(|_| draw.next());
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
    }

    #[test]
    fn both_ends_are_drawn_and_nothing_beyond() {
        let mut draw = Draw::new(7);
        let mut seen = [0_u32; 5];
        for _ in 0..5_000 {
            let drawn = draw.between(Duration::from_millis(3), Duration::from_millis(7));
            seen[usize::try_from(drawn.as_millis()).expect("small") - 3] += 1;
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "not uniform: {seen:?}");
        assert_eq!(draw.up_to(Duration::ZERO), Duration::ZERO);
        assert!(draw.up_to(Duration::MAX) <= Duration::from_millis(u64::MAX));
    }
}
