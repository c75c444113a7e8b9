//! Through everything that can be reached, breadth first, until nothing new appears.
//!
//! A place that was seen is remembered by 128 bits of its mark, not by itself: of a hundred million places two
//! would be taken for one with a chance of one in 10^22. What comes first to a place comes by a shortest way,
//! which is kept, so that whatever is wrong can be told as the shortest run that shows it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What is explored.
pub(crate) trait World {
    /// Where one can be.
    type Place;
    /// What one can do there.
    type Move: Copy;

    fn start(&self) -> Self::Place;

    /// All that can happen at a place.
    fn moves(&self, place: &Self::Place, moves: &mut Vec<Self::Move>);

    /// Where a move leads, or nothing if it only tries something.
    ///
    /// # Panics
    ///
    /// If what always holds does not.
    fn go(&self, place: &Self::Place, what: Self::Move) -> Option<Self::Place>;

    /// Checks what holds at a place, and is looked at once for each.
    ///
    /// # Panics
    ///
    /// If it does not.
    fn look(&self, place: &Self::Place);

    /// All that the future depends on.
    fn mark(&self, place: &Self::Place, hasher: &mut impl Hasher);

    /// A run, in words and to be pasted into a test.
    fn tell(&self, run: &[Self::Move]) -> String;
}

/// How far an exploration went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extent {
    /// Places that differ.
    pub states: usize,
    /// Moves that were played and checked.
    pub transitions: u64,
    /// Moves on the shortest way to the farthest place.
    pub depth: u32,
    /// Nothing new was left to find.
    pub closed: bool,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, transitions, depth, closed, took } = self;
        let end = if *closed { "nothing left" } else { "cut off there" };
        write!(f, "{states} states, {transitions} transitions, depth {depth} ({end}), {took:.1?}")
    }
}

/// What does not hold, and the shortest run that shows it.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What is wrong.
    pub what: String,
    /// The run, one move a line, and as steps for a test.
    pub run: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n\nThe shortest run that shows it:\n{}", self.what, self.run)
    }
}

impl std::error::Error for Broken {}

/// The marks are hashed well already.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u128(&mut self, mark: u128) {
        #[expect(clippy::cast_possible_truncation, reason = "half of it is enough for a table")]
        let half = mark as u64;
        self.0 = half;
    }
}

struct Search<'w, W: World> {
    world: &'w W,
    seen: HashMap<u128, u32, BuildHasherDefault<AsItIs>>,
    /// How each place was come to first: from which, and by what.
    ways: Vec<Option<(u32, W::Move)>>,
    transitions: u64,
}

/// How far an exploration may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Moves from the start: there it is cut off.
    pub(crate) moves: u32,
    /// Places. What has more does not end: something is remembered that nothing depends on, or never forgotten.
    pub(crate) places: usize,
}

/// Explores a world within its bounds. `leaf` is shown the run to each place that led to
/// nothing new: all of them together take every first way.
///
/// # Errors
///
/// The first thing that does not hold, by one of the shortest runs to it; and more places than there may be.
pub(crate) fn explore<W: World>(
    world: &W,
    bounds: Bounds,
    mut leaf: impl FnMut(&[W::Move]),
) -> Result<Extent, Broken> {
    let began = Instant::now();
    let mut search = Search { world, seen: HashMap::default(), ways: Vec::new(), transitions: 0 };
    let start = guarded(|| world.start()).map_err(|what| search.broken(what, None, None))?;
    search.arrive(&start, None)?;
    let mut here = vec![(0, start)];
    let (mut depth, mut moves) = (0, Vec::new());
    while !here.is_empty() && depth < bounds.moves {
        let mut next = Vec::new();
        for (at, place) in here {
            moves.clear();
            world.moves(&place, &mut moves);
            let before = next.len();
            for &what in &moves {
                search.transitions += 1;
                let there = guarded(|| world.go(&place, what))
                    .map_err(|broken| search.broken(broken, Some(at), Some(what)))?;
                if let Some(there) = there {
                    if let Some(new) = search.arrive(&there, Some((at, what)))? {
                        if search.ways.len() > bounds.places {
                            let what = format!("more than {} states: no end", bounds.places);
                            return Err(search.broken(what, Some(new), None));
                        }
                        next.push((new, there));
                    }
                }
            }
            if next.len() == before {
                let run = search.run(Some(at));
                guarded(|| leaf(&run)).map_err(|broken| search.broken(broken, Some(at), None))?;
            }
        }
        here = next;
        depth += u32::from(!here.is_empty());
    }
    Ok(Extent {
        states: search.ways.len(),
        transitions: search.transitions,
        depth,
        closed: here.is_empty(),
        took: began.elapsed(),
    })
}

impl<W: World> Search<'_, W> {
    /// Says whether the place is new, and which number it got.
    fn arrive(
        &mut self,
        place: &W::Place,
        way: Option<(u32, W::Move)>,
    ) -> Result<Option<u32>, Broken> {
        let number = u32::try_from(self.ways.len()).unwrap_or(u32::MAX);
        let Entry::Vacant(entry) = self.seen.entry(mark(self.world, place)) else {
            return Ok(None);
        };
        entry.insert(number);
        self.ways.push(way);
        guarded(|| self.world.look(place))
            .map_err(|broken| self.broken(broken, Some(number), None))?;
        Ok(Some(number))
    }

    fn run(&self, mut to: Option<u32>) -> Vec<W::Move> {
        let mut run = Vec::new();
        while let Some(Some((from, what))) =
            to.map(|to| usize::try_from(to).ok().and_then(|to| *self.ways.get(to)?))
        {
            run.push(what);
            to = Some(from);
        }
        run.reverse();
        run
    }

    fn broken(&self, what: String, at: Option<u32>, then: Option<W::Move>) -> Broken {
        let mut run = self.run(at);
        run.extend(then);
        let run = guarded(|| self.world.tell(&run)).unwrap_or_else(|why| why);
        Broken { what, run }
    }
}

fn mark<W: World>(world: &W, place: &W::Place) -> u128 {
    let mut twice = Twice::default();
    twice.1.write_u8(1);
    world.mark(place, &mut twice);
    (u128::from(twice.0.finish()) << 64) | u128::from(twice.1.finish())
}

/// Two hashers side by side, of which the second begins with a byte of its own.
#[derive(Default)]
struct Twice(DefaultHasher, DefaultHasher);

impl Hasher for Twice {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }
}

/// What it comes to, or what it panicked with: a broken law, or a panic of the machine itself.
fn guarded<T>(what: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(what)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("a panic without words").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::Hash;

    const TO_THE_END: Bounds = Bounds { moves: u32::MAX, places: usize::MAX };

    /// The numbers below a bound, by doubling and by adding three; one of them is bad.
    struct Numbers {
        bad: u32,
    }

    impl World for Numbers {
        type Place = u32;
        type Move = bool;

        fn start(&self) -> u32 {
            1
        }

        fn moves(&self, _: &u32, moves: &mut Vec<bool>) {
            moves.extend([false, true]);
        }

        fn go(&self, place: &u32, double: bool) -> Option<u32> {
            let there = if double { place * 2 } else { place + 3 };
            Some(there % 50)
        }

        fn look(&self, place: &u32) {
            assert_ne!(*place, self.bad, "a bad number");
        }

        fn mark(&self, place: &u32, hasher: &mut impl Hasher) {
            place.hash(hasher);
        }

        fn tell(&self, run: &[bool]) -> String {
            format!("{run:?}")
        }
    }

    #[test]
    fn everything_is_found_and_the_end_is_noticed() {
        let mut leaves = 0;
        let extent =
            explore(&Numbers { bad: 50 }, TO_THE_END, |_| leaves += 1).expect("no bad one");
        assert_eq!((extent.states, extent.transitions, extent.closed), (50, 100, true));
        assert!(leaves > 0);
        let near = Bounds { moves: 3, ..TO_THE_END };
        assert!(!explore(&Numbers { bad: 50 }, near, |_| {}).expect("none").closed);
    }

    #[test]
    fn what_has_no_end_is_broken() {
        let few = Bounds { places: 49, ..TO_THE_END };
        let broken = explore(&Numbers { bad: 50 }, few, |_| {}).expect_err("fifty");
        assert_eq!(broken.what, "more than 49 states: no end");
    }

    #[test]
    fn what_is_wrong_is_told_by_a_shortest_run() {
        // 1, 4, 8, 16, 19: nothing leads to 19 in fewer.
        let broken = explore(&Numbers { bad: 19 }, TO_THE_END, |_| {}).expect_err("a bad one");
        assert!(broken.what.contains("a bad number"), "{broken}");
        assert_eq!(broken.run, "[false, true, true, false]");
    }
}
