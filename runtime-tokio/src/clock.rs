//! A clock that counts suspend, and the one timer that a watch needs.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use dormouse_core::Timestamp;
use dormouse_core::driver::Timer;
use dormouse_runtime::SuspendClock;
use tokio::time::{Instant, Sleep};

/// What an HTTP client's own task needs, at the most, to read what lies in its socket: it has only to be
/// scheduled.
const CATCH_UP: Duration = Duration::from_millis(50);

/// [`Timer`] over tokio's clock: the time since it was made, time spent suspended included.
///
/// Tokio's own clock stands still while the device is suspended; what it missed is added from the
/// operating system, which is also how a resume is found out.
#[derive(Debug)]
pub struct TokioTimer {
    origin: Instant,
    suspend: SuspendClock,
    /// Made once, then set again and again.
    sleep: Option<Pin<Box<Sleep>>>,
    until: Timestamp,
    catch_up: Option<Pin<Box<Sleep>>>,
}

impl TokioTimer {
    /// A timer whose origin is now.
    #[must_use]
    pub fn new() -> Self {
        Self::over(SuspendClock::new())
    }

    fn over(suspend: SuspendClock) -> Self {
        Self {
            origin: Instant::now(),
            suspend,
            sleep: None,
            until: Timestamp::ORIGIN,
            catch_up: None,
        }
    }
}

impl Default for TokioTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for TokioTimer {
    fn now(&mut self) -> Timestamp {
        let elapsed = self.origin.elapsed().saturating_add(self.suspend.suspended());
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
        ready!(sleep.as_mut().poll(cx));
        // Tokio's clock and ours need not agree to the millisecond; one that is early is set again.
        self.until = Timestamp::ORIGIN;
        Poll::Ready(())
    }

    fn poll_catch_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.catch_up.get_or_insert_with(|| Box::pin(tokio::time::sleep(CATCH_UP)));
        ready!(sleep.as_mut().poll(cx));
        self.catch_up = None;
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

    #[tokio::test(start_paused = true)]
    async fn time_spent_suspended_counts() {
        thread_local! {
            static SUSPENDED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
        }
        let mut timer = TokioTimer::over(SuspendClock::over(|| SUSPENDED.get()));
        let start = timer.now();
        assert!(!timer.resumed());
        SUSPENDED.set(Duration::from_secs(7200));
        assert!(timer.resumed());
        assert_eq!(timer.now().since(start), Duration::from_secs(7200));
        sleep(&mut timer, start.after(Duration::from_secs(7000))).await;
        assert!(timer.now().since(start) < Duration::from_secs(7201), "no need to wait for that");
    }
}
