//! How much is let in, and when the rest shall come: arithmetic with time passed in.
//!
//! Accepted watches are paid from a bucket. Who is turned away takes a place in an imagined queue
//! that is served at the same rate; the time to that place is what `Retry-After` says, so that a
//! crowd is spread over the seconds that it needs instead of coming back as a crowd.

use core::time::Duration;

/// The longest reconnect window, and so the longest `retry:`; a client clamps it to this anyway (protocol.md,
/// section 5.4).
pub const MAX_WINDOW: Duration = Duration::from_secs(5 * 60);

/// The longest `Retry-After` that is ever told; a client caps it at an hour.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// The bucket and the queue. Both are a time up to which the rate is spoken for, so nothing is ever
/// refilled.
#[derive(Debug)]
pub struct Intake {
    step: Duration,
    burst: Duration,
    accepted: Duration,
    turned_away: Duration,
}

impl Intake {
    /// A bucket that refills `per_second` times a second, and is full with `burst`.
    ///
    /// # Panics
    /// If nothing is ever accepted: `per_second` is 0.
    pub fn new(per_second: u32, burst: u32) -> Intake {
        let step = Duration::from_secs(1) / per_second;
        Intake { step, burst: step * burst, accepted: Duration::ZERO, turned_away: Duration::ZERO }
    }

    /// Pays for one watch, if the bucket has it.
    pub fn accept(&mut self, now: Duration) -> bool {
        let paid = self.accepted.max(now) + self.step;
        let enough = paid <= now + self.burst;
        if enough {
            self.accepted = paid;
        }
        enough
    }

    /// Turns one watch away: the whole seconds after which it shall come, at least 1.
    pub fn turn_away(&mut self, now: Duration) -> u64 {
        self.turned_away = (self.turned_away.max(now) + self.step).min(now + LONGEST);
        whole_seconds(self.turned_away - now)
    }
}

/// A time in seconds, rounded up.
pub fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// The reconnect window for a fleet of this size (protocol.md, section 5.4): 1.2 times what the
/// rate needs for it, and no less than `at_least`.
///
/// # Panics
/// If nothing is ever accepted: `per_second` is 0.
pub fn window(fleet: usize, per_second: u32, at_least: Duration) -> Duration {
    let fleet = u64::try_from(fleet).unwrap_or(u64::MAX);
    let needed = Duration::from_millis(fleet.saturating_mul(1200) / u64::from(per_second));
    needed.max(at_least).min(MAX_WINDOW)
}

/// Whether the window that a client was told is so far from the present one that it has to be told again: by
/// more than a quarter.
pub fn misleads(told: Duration, now: Duration) -> bool {
    now.abs_diff(told) * 4 > told
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_bucket_gives_a_burst_and_then_its_rate() {
        let mut intake = Intake::new(10, 5);
        let now = 100 * SECOND;
        assert_eq!((0..20).filter(|_| intake.accept(now)).count(), 5);
        assert!(!intake.accept(now + SECOND / 20));
        assert_eq!((0..20).filter(|_| intake.accept(now + SECOND / 5)).count(), 2);
        // However long the calm, no more than the burst.
        assert_eq!((0..20).filter(|_| intake.accept(now + 1000 * SECOND)).count(), 5);
    }

    #[test]
    fn those_turned_away_are_spread_over_the_time_they_need() {
        let mut intake = Intake::new(10, 1);
        let told: Vec<u64> = (0..30).map(|_| intake.turn_away(SECOND)).collect();
        assert_eq!(told, (1..=3).flat_map(|second| [second; 10]).collect::<Vec<_>>());
        // The queue moves on with time, and never asks for more than the longest wait.
        assert_eq!(intake.turn_away(4 * SECOND), 1);
        assert!((0..100_000).all(|_| intake.turn_away(4 * SECOND) <= LONGEST.as_secs()));
    }

    #[test]
    fn the_window_is_sized_to_the_fleet() {
        assert_eq!(window(0, 400, Duration::ZERO), Duration::ZERO);
        assert_eq!(window(1, 400, SECOND), SECOND);
        assert_eq!(window(20_000, 400, SECOND), 60 * SECOND);
        assert_eq!(window(10_000_000, 400, SECOND), MAX_WINDOW);
        assert_eq!(window(usize::MAX, 400, SECOND), MAX_WINDOW);
    }

    #[test]
    fn a_window_is_told_again_when_it_is_off_by_more_than_a_quarter() {
        for (told, now, off) in
            [(4, 5, false), (4, 6, true), (4, 3, false), (4, 2, true), (0, 1, true)]
        {
            assert_eq!(misleads(told * SECOND, now * SECOND), off, "{told} s told, {now} s now");
        }
        assert!(!misleads(Duration::ZERO, Duration::ZERO));
    }
}
