//! How long the device has been suspended.
//!
//! The clocks of async runtimes stand still while a device is suspended, and a lease does not wait for a
//! closed laptop (protocol.md section 8). Most operating systems have one clock that counts suspend and one
//! that does not; their difference is what a runtime's clock misses, and that it has grown is how a resume
//! is found out.
//!
//! | system | counts suspend | does not |
//! | --- | --- | --- |
//! | Linux, Android | `CLOCK_BOOTTIME` | `CLOCK_MONOTONIC` |
//! | Apple's | `CLOCK_MONOTONIC` | what `std::time::Instant` reads |
//! | others | | suspended time is not seen here; on Windows runtimes count it themselves |

use std::time::Duration;

/// A jump below this is the two clocks being read one after the other.
const NOTICEABLE: Duration = Duration::from_secs(2);

/// Counts the time spent suspended since it was made, and notices a resume.
#[derive(Clone, Debug)]
pub struct SuspendClock {
    /// For how long this system has been suspended since some instant.
    read: fn() -> Duration,
    /// What that was when the clock was made.
    origin: Duration,
    /// How much of it was reported by [`SuspendClock::resumed`].
    reported: Duration,
}

impl SuspendClock {
    /// Begins to count.
    #[must_use]
    pub fn new() -> Self {
        Self::over(read)
    }

    /// A clock over another reading, for tests: the time spent suspended since any instant, never less than
    /// what it said before.
    #[must_use]
    pub fn over(read: fn() -> Duration) -> Self {
        Self { read, origin: read(), reported: Duration::ZERO }
    }

    /// The time spent suspended since this clock was made.
    #[must_use]
    pub fn suspended(&self) -> Duration {
        (self.read)().saturating_sub(self.origin)
    }

    /// Whether the device was suspended, for two seconds or more, since this was last asked.
    pub fn resumed(&mut self) -> bool {
        let suspended = self.suspended();
        let resumed = suspended.saturating_sub(self.reported) >= NOTICEABLE;
        if resumed {
            self.reported = suspended;
        }
        resumed
    }
}

impl Default for SuspendClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn read() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    // In this order, so that what passes between the two readings is not taken for suspended time twice.
    let awake = clock_gettime(ClockId::Monotonic);
    let all = clock_gettime(ClockId::Boottime);
    duration(all).saturating_sub(duration(awake))
}

#[cfg(target_vendor = "apple")]
fn read() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    // The clock that does not count suspend cannot be read as a number, only as a difference of instants:
    // so both are counted from the first reading.
    static FIRST: std::sync::OnceLock<(std::time::Instant, Duration)> = std::sync::OnceLock::new();
    let now = || duration(clock_gettime(ClockId::Monotonic));
    let (instant, all) = *FIRST.get_or_init(|| (std::time::Instant::now(), now()));
    let awake = instant.elapsed();
    now().saturating_sub(all).saturating_sub(awake)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn duration(reading: rustix::time::Timespec) -> Duration {
    let seconds = u64::try_from(reading.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(reading.tv_nsec).unwrap_or(0))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn read() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_device_that_was_not_suspended_has_not_resumed() {
        let mut clock = SuspendClock::new();
        assert!(clock.suspended() < NOTICEABLE);
        assert!(!clock.resumed());
    }

    #[test]
    fn a_resume_is_noticed_once() {
        thread_local! {
            static READING: Cell<Duration> = const { Cell::new(Duration::from_secs(100)) };
        }
        let mut clock = SuspendClock::over(|| READING.get());
        READING.set(READING.get() + NOTICEABLE / 2);
        assert!(!clock.resumed(), "that is noise");
        READING.set(Duration::from_secs(7300));
        assert_eq!(clock.suspended(), Duration::from_secs(7200));
        assert!(clock.resumed());
        assert!(!clock.resumed());
    }
}
