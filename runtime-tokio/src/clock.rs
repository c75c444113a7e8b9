//! A clock that counts suspend, and the one timer that a watch needs.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use dormouse_core::Timestamp;
use dormouse_core::driver::Timer;
use tokio::time::{Instant, Sleep};

/// A jump of the suspended time below this is the two clocks being read one after the other.
const SUSPENDED: Duration = Duration::from_secs(2);

/// [`Timer`] over tokio's clock: the time since it was made, time spent suspended included.
///
/// Tokio's own clock stands still while the device is suspended; what it missed is added from the
/// operating system, which is also how a resume is found out.
#[derive(Debug)]
pub struct TokioTimer {
    origin: Instant,
    /// For how long this system has been suspended since some instant, as far as it tells.
    suspended: fn() -> Duration,
    /// What that was at the origin.
    suspended_before: Duration,
    /// How much suspended time was reported by [`Timer::resumed`].
    reported: Duration,
    /// Made once, then set again and again.
    sleep: Option<Pin<Box<Sleep>>>,
    until: Timestamp,
}

impl TokioTimer {
    /// A timer whose origin is now.
    #[must_use]
    pub fn new() -> Self {
        Self::over(suspended)
    }

    fn over(suspended: fn() -> Duration) -> Self {
        Self {
            origin: Instant::now(),
            suspended,
            suspended_before: suspended(),
            reported: Duration::ZERO,
            sleep: None,
            until: Timestamp::ORIGIN,
        }
    }

    fn suspended(&self) -> Duration {
        (self.suspended)().saturating_sub(self.suspended_before)
    }
}

impl Default for TokioTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for TokioTimer {
    fn now(&mut self) -> Timestamp {
        let elapsed = self.origin.elapsed().saturating_add(self.suspended());
        // Rounded down: what is due at a millisecond is not due before it.
        Timestamp::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    fn poll_sleep(&mut self, until: Timestamp, cx: &mut Context<'_>) -> Poll<()> {
        let wait = until.since(self.now());
        let at = Instant::now() + wait;
        let sleep = match &mut self.sleep {
            Some(sleep) if self.until == until => sleep,
            Some(sleep) => {
                sleep.as_mut().reset(at);
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(at))),
        };
        self.until = until;
        if wait.is_zero() {
            return Poll::Ready(());
        }
        core::task::ready!(sleep.as_mut().poll(cx));
        // Tokio's clock and ours need not agree to the millisecond; one that is early is set again.
        self.until = Timestamp::ORIGIN;
        Poll::Ready(())
    }

    fn resumed(&mut self) -> bool {
        let suspended = self.suspended();
        let resumed = suspended.saturating_sub(self.reported) >= SUSPENDED;
        if resumed {
            self.reported = suspended;
        }
        resumed
    }
}

/// For how long this system has been suspended since it was booted, as far as it tells.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn suspended() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    // In this order, so that what passes between the two readings counts as time awake.
    let awake = clock_gettime(ClockId::Monotonic);
    let all = clock_gettime(ClockId::Boottime);
    duration(all).saturating_sub(duration(awake))
}

#[cfg(target_vendor = "apple")]
fn suspended() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    // Here the monotonic clock counts suspend, and the one that std and tokio use does not; it has no
    // reading of its own, but since an instant both are readings of, their difference is what is needed.
    static FIRST: std::sync::OnceLock<(std::time::Instant, Duration)> = std::sync::OnceLock::new();
    let (instant, all) = *FIRST
        .get_or_init(|| (std::time::Instant::now(), duration(clock_gettime(ClockId::Monotonic))));
    let awake = instant.elapsed();
    duration(clock_gettime(ClockId::Monotonic)).saturating_sub(all).saturating_sub(awake)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn duration(reading: rustix::time::Timespec) -> Duration {
    let seconds = u64::try_from(reading.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(reading.tv_nsec).unwrap_or(0))
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn suspended() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;

    async fn sleep(timer: &mut TokioTimer, until: Timestamp) {
        poll_fn(|cx| timer.poll_sleep(until, cx)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_sleeps_until_the_instant_and_can_be_set_again() {
        let mut timer = TokioTimer::new();
        let start = timer.now();
        sleep(&mut timer, start.after(Duration::from_secs(5))).await;
        assert!(timer.now().since(start) >= Duration::from_secs(5));
        let again = timer.now();
        sleep(&mut timer, again.after(Duration::from_secs(1))).await;
        let slept = timer.now().since(again);
        assert!(slept >= Duration::from_secs(1) && slept < Duration::from_secs(2), "{slept:?}");
        sleep(&mut timer, start).await;
    }

    #[test]
    fn an_earlier_deadline_replaces_a_later_one() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut timer = TokioTimer::new();
            let start = timer.now();
            let mut later = true;
            poll_fn(|cx| {
                if std::mem::take(&mut later) {
                    assert!(
                        timer.poll_sleep(start.after(Duration::from_secs(3600)), cx).is_pending()
                    );
                }
                timer.poll_sleep(start.after(Duration::from_secs(1)), cx)
            })
            .await;
            assert!(timer.now().since(start) < Duration::from_secs(2));
        });
    }

    #[test]
    fn a_device_that_was_not_suspended_has_not_resumed() {
        assert!(!TokioTimer::new().resumed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_resume_is_reported_once_and_counts_as_time() {
        thread_local! {
            static SUSPENDED_FOR: Cell<Duration> = const { Cell::new(Duration::from_secs(100)) };
        }
        let mut timer = TokioTimer::over(|| SUSPENDED_FOR.get());
        let start = timer.now();
        assert!(!timer.resumed());
        SUSPENDED_FOR.set(Duration::from_secs(100) + SUSPENDED / 2);
        assert!(!timer.resumed(), "that is the clocks' own noise");
        SUSPENDED_FOR.set(Duration::from_secs(7300));
        assert!(timer.resumed());
        assert!(!timer.resumed());
        assert_eq!(timer.now().since(start), Duration::from_secs(7200));
        sleep(&mut timer, start.after(Duration::from_secs(7000))).await;
    }
}
