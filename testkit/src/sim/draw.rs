//! Chance, of one seed: the same draws on every machine, for ever.
//!
//! `SplitMix64`, as in the core's own guards. Everything that draws has a generator of its own, forked by what
//! it is, so that taking one device or one fault away changes nothing for the others. Shrinking needs that.

/// A generator.
#[derive(Clone, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The generator of a part, by the part's kind and number.
    pub(crate) fn of(&self, kind: &str, number: u64) -> Self {
        // FNV-1a over the kind: any mixing does, it is finished by the generator.
        let kind = kind.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut part = Self(self.0 ^ kind.rotate_left(17));
        part.0 = part.next() ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93);
        part.0 = part.next();
        part
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to and without `most`; 0 where that is 0.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        let drawn = (u128::from(self.next()) * u128::from(most)) >> 64;
        u64::try_from(drawn).unwrap_or(0)
    }

    /// Both ends included.
    pub(crate) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// True in so many of a hundred cases.
    pub(crate) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of them.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let at = self.below(of.len() as u64);
        of[usize::try_from(at).unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_keep_within_their_bounds_and_reach_them() {
        let mut draw = Draw::new(7);
        let mut seen = [false; 5];
        for _ in 0..200 {
            let drawn = usize::try_from(draw.between(3, 7)).expect("small");
            seen[drawn - 3] = true;
            assert_eq!(draw.below(1), 0);
            assert_eq!(draw.below(0), 0);
            assert!(!draw.percent(0) && draw.percent(100));
        }
        assert_eq!(seen, [true; 5]);
    }

    #[test]
    fn parts_draw_alike_whatever_others_drew() {
        let root = Draw::new(1);
        let mut other = root.of("device", 1);
        other.next();
        assert_eq!(root.of("device", 2).next(), Draw::new(1).of("device", 2).next());
        assert_ne!(root.of("device", 2).next(), root.of("device", 3).next());
        assert_ne!(root.of("device", 2).next(), root.of("link", 2).next());
        assert_ne!(root.of("device", 2).next(), Draw::new(2).of("device", 2).next());
    }
}
