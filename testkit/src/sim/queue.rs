//! What is to happen, in the order in which it will: a radix heap.
//!
//! Simulated time never runs backwards, and a queue that may rely on this need not compare: an entry lies in
//! the bucket of the highest bit in which its time differs from the present. To push is to append. When time
//! moves on, one bucket is dealt out to those below it, in order, and that is all the sorting there is. Memory is
//! read from front to end, which matters when 300,000 entries do not fit a cache; and entries of one instant
//! stay in the order in which they came, which matters because a run must be the same each time.

use std::collections::VecDeque;

/// A queue of entries, each with the millisecond at which it is due.
#[derive(Debug)]
pub(crate) struct Queue<E> {
    now: u64,
    /// What is due now, first come first.
    due: VecDeque<E>,
    /// Bucket n holds what differs from `now` in bit n and in none above.
    later: [Vec<(u64, E)>; 64],
    /// Which buckets hold anything.
    filled: u64,
}

impl<E> Queue<E> {
    pub(crate) fn new() -> Self {
        Self {
            now: 0,
            due: VecDeque::new(),
            later: core::array::from_fn(|_| Vec::new()),
            filled: 0,
        }
    }

    /// What should have happened already happens now.
    pub(crate) fn push(&mut self, at: u64, entry: E) {
        self.place(at.max(self.now), entry);
    }

    /// The next entry, and when it is due.
    pub(crate) fn pop(&mut self) -> Option<(u64, E)> {
        if self.due.is_empty() {
            self.advance()?;
        }
        let entry = self.due.pop_front()?;
        Some((self.now, entry))
    }

    fn place(&mut self, at: u64, entry: E) {
        let differs = at ^ self.now;
        if differs == 0 {
            return self.due.push_back(entry);
        }
        let bucket = 63 - differs.leading_zeros();
        self.later[bucket as usize].push((at, entry));
        self.filled |= 1 << bucket;
    }

    /// Moves on to the next time at which anything is due, and deals out the bucket that it lies in.
    fn advance(&mut self) -> Option<()> {
        if self.filled == 0 {
            return None;
        }
        let bucket = self.filled.trailing_zeros();
        self.filled &= !(1 << bucket);
        let mut dealt = core::mem::take(&mut self.later[bucket as usize]);
        self.now = dealt.iter().map(|(at, _)| *at).min()?;
        for (at, entry) in dealt.drain(..) {
            self.place(at, entry);
        }
        // Its memory is used again.
        self.later[bucket as usize] = dealt;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::sim::draw::Draw;

    /// Held against a map of times to entries, first come first.
    #[test]
    fn entries_come_by_time_and_within_an_instant_by_turn() {
        let mut draw = Draw::new(3);
        for most in [2, 10, 1000, u64::MAX / 2] {
            let mut queue = Queue::new();
            let mut model: BTreeMap<u64, VecDeque<u64>> = BTreeMap::new();
            let mut now = 0;
            for number in 0..5000 {
                if draw.percent(60) {
                    let at = draw.below(most).saturating_add(now);
                    queue.push(at, number);
                    model.entry(at).or_default().push_back(number);
                } else {
                    let expected = model.first_entry().map(|mut first| {
                        let at = *first.key();
                        let number = first.get_mut().pop_front().expect("no empty one");
                        if first.get().is_empty() {
                            first.remove();
                        }
                        (at, number)
                    });
                    assert_eq!(queue.pop(), expected);
                    now = expected.map_or(now, |(at, _)| at);
                }
            }
        }
    }

    #[test]
    fn what_is_late_is_due_now() {
        let mut queue = Queue::new();
        queue.push(10, 'a');
        assert_eq!(queue.pop(), Some((10, 'a')));
        queue.push(3, 'b');
        assert_eq!(queue.pop(), Some((10, 'b')));
        assert_eq!(queue.pop(), None);
    }
}
