//! The machine's five timers, in one small table (protocol.md section 3).
//!
//! A timer is a deadline or nothing. The table knows which is due first; it does not know what any of
//! them means. Two that are due at the same instant fire in the order of [`Timer`]: a heartbeat that has
//! timed out is settled before the next one is due, or that one would be skipped.

use crate::time::Timestamp;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// `hello` has to be here: 30 s after the connect.
    Hello,
    /// The next complete line has to be here.
    Read,
    /// The heartbeat in flight has to be answered.
    HeartbeatTimeout,
    /// The next heartbeat is due.
    Heartbeat,
    /// The wait between two attempts is over.
    Retry,
}

impl Timer {
    pub(crate) const ALL: [Self; 5] =
        [Self::Hello, Self::Read, Self::HeartbeatTimeout, Self::Heartbeat, Self::Retry];
}

/// Each timer's deadline, if it runs.
#[derive(Clone, Debug)]
pub(crate) struct Timers([Timestamp; 5]);

/// The deadline of a timer that does not run: the end of time, which no clock of the machine's reaches.
const NEVER: Timestamp = Timestamp::MAX;

impl Default for Timers {
    fn default() -> Self {
        Self([NEVER; 5])
    }
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, deadline: Timestamp) {
        self.0[timer as usize] = deadline;
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.0[timer as usize] = NEVER;
    }

    pub(crate) fn clear_all(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn deadline(&self, timer: Timer) -> Option<Timestamp> {
        Some(self.0[timer as usize]).filter(|deadline| *deadline != NEVER)
    }

    /// The earliest deadline of all.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.iter().copied().min().filter(|deadline| *deadline != NEVER)
    }

    /// Takes out the timer that has been due longest at `now`, with the instant it was due.
    pub(crate) fn expired(&mut self, now: Timestamp) -> Option<(Timer, Timestamp)> {
        let first = self.next().filter(|deadline| *deadline <= now)?;
        let timer = Timer::ALL.into_iter().find(|timer| self.deadline(*timer) == Some(first))?;
        self.clear(timer);
        Some((timer, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_longest_due_comes_first_and_ties_go_by_order() {
        let mut timers = Timers::default();
        timers.set(Timer::Heartbeat, at(10));
        timers.set(Timer::HeartbeatTimeout, at(10));
        timers.set(Timer::Read, at(9));
        timers.set(Timer::Hello, at(11));
        assert_eq!(timers.next(), Some(at(9)));
        assert_eq!(timers.expired(at(10)), Some((Timer::Read, at(9))));
        assert_eq!(timers.expired(at(10)), Some((Timer::HeartbeatTimeout, at(10))));
        assert_eq!(timers.expired(at(10)), Some((Timer::Heartbeat, at(10))));
        assert_eq!(timers.expired(at(10)), None);
        assert_eq!(timers.next(), Some(at(11)));
    }

    #[test]
    fn each_timer_has_its_own_place() {
        for (place, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, place);
        }
    }
}
