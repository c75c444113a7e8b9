//! A clock that counts suspend, and the one timer that a watch needs.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use dormouse_core::Timestamp;
use dormouse_core::driver::Timer;
use dormouse_runtime::SuspendClock;

/// [`Timer`] over smol's reactor, async-io: the time since it was made, time spent suspended included.
///
/// The reactor's own clock stands still while the device is suspended; what it missed is added from the
/// operating system, which is also how a resume is found out.
#[derive(Debug)]
pub struct SmolTimer {
    origin: Instant,
    suspend: SuspendClock,
    /// Made once, then set again and again.
    sleep: async_io::Timer,
    until: Timestamp,
    /// For how many seconds the device had been suspended when the timer was set.
    suspended: u64,
}

impl SmolTimer {
    /// A timer whose origin is now.
    #[must_use]
    pub fn new() -> Self {
        Self::over(SuspendClock::new())
    }

    fn over(suspend: SuspendClock) -> Self {
        let sleep = async_io::Timer::never();
        Self { origin: Instant::now(), suspend, sleep, until: Timestamp::ORIGIN, suspended: 0 }
    }
}

impl Default for SmolTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for SmolTimer {
    fn now(&mut self) -> Timestamp {
        let elapsed = self.origin.elapsed().saturating_add(self.suspend.suspended());
        // Rounded down: what is due at a millisecond is not due before it.
        Timestamp::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    fn poll_sleep(&mut self, until: Timestamp, cx: &mut Context<'_>) -> Poll<()> {
        let wait = until.since(self.now());
        if wait.is_zero() {
            // Whatever was set is of no interest any more, and is not to wake anybody.
            self.sleep.clear();
            self.until = Timestamp::ORIGIN;
            return Poll::Ready(());
        }
        // The reactor's clock does not count suspend: after one, the same deadline is an earlier instant there.
        if self.until != until || self.suspended != self.suspend.suspended().as_secs() {
            self.sleep.set_after(wait);
            self.until = until;
            self.suspended = self.suspend.suspended().as_secs();
        }
        core::task::ready!(Pin::new(&mut self.sleep).poll(cx));
        // The reactor's clock and ours need not agree to the millisecond; one that is early is set again.
        self.until = Timestamp::ORIGIN;
        Poll::Ready(())
    }

    fn resumed(&mut self) -> bool {
        self.suspend.resumed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::time::Duration;

    use futures_lite::future::block_on;

    fn sleep(timer: &mut SmolTimer, until: Timestamp) {
        block_on(poll_fn(|cx| timer.poll_sleep(until, cx)));
    }

    /// As the driver does: ready early is harmless, since the time is looked at again.
    fn sleep_whole(timer: &mut SmolTimer, until: Timestamp) {
        while until.since(timer.now()) > Duration::ZERO {
            sleep(timer, until);
        }
    }

    #[test]
    fn it_sleeps_until_the_instant_and_can_be_set_again() {
        let mut timer = SmolTimer::new();
        let start = timer.now();
        sleep_whole(&mut timer, start.after(Duration::from_millis(50)));
        assert!(timer.now().since(start) >= Duration::from_millis(50));
        let again = timer.now();
        sleep_whole(&mut timer, again.after(Duration::from_millis(20)));
        let slept = timer.now().since(again);
        assert!(slept >= Duration::from_millis(20) && slept < Duration::from_secs(5), "{slept:?}");
        sleep(&mut timer, start);
    }

    #[test]
    fn an_earlier_deadline_replaces_a_later_one() {
        let mut timer = SmolTimer::new();
        let start = timer.now();
        let mut later = true;
        block_on(poll_fn(|cx| {
            if std::mem::take(&mut later) {
                let hour = start.after(Duration::from_secs(3600));
                assert!(timer.poll_sleep(hour, cx).is_pending());
            }
            timer.poll_sleep(start.after(Duration::from_millis(20)), cx)
        }));
        assert!(timer.now().since(start) < Duration::from_secs(60));
    }

    #[test]
    fn time_spent_suspended_counts() {
        thread_local! {
            static SUSPENDED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
        }
        let mut timer = SmolTimer::over(SuspendClock::over(|| SUSPENDED.get()));
        let start = timer.now();
        assert!(!timer.resumed());
        SUSPENDED.set(Duration::from_secs(7200));
        assert!(timer.resumed());
        assert!(timer.now().since(start) >= Duration::from_secs(7200));
        sleep(&mut timer, start.after(Duration::from_secs(7000)));
        assert!(timer.now().since(start) < Duration::from_secs(7260), "no need to wait for that");
    }
}
