//! A clock that counts suspend, and the one timer that a watch needs.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use dormouse_core::Timestamp;
use dormouse_core::driver::Timer;
use dormouse_runtime::SuspendClock;
use tokio::time::{Instant, Sleep};

/// What it takes, at the most, until what lies in a socket is seen: tokio's reactor has to look at it first, and an
/// HTTP client that reads in a task of its own has to be scheduled.
const CATCH_UP: Duration = Duration::from_millis(50);

/// Two readings of the same deadline may differ by so much, in the rounding.
const TOLERANCE: Duration = Duration::from_millis(5);

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
    catch_up: Option<Pin<Box<Sleep>>>,
}

impl TokioTimer {
    /// A timer whose origin is now.
    #[must_use]
    pub fn new() -> Self {
        Self::over(SuspendClock::new())
    }

    fn over(suspend: SuspendClock) -> Self {
        Self { origin: Instant::now(), suspend, sleep: None, catch_up: None }
    }
}

fn apart(one: Instant, other: Instant) -> Duration {
    one.saturating_duration_since(other).max(other.saturating_duration_since(one))
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
        if wait.is_zero() {
            return Poll::Ready(());
        }
        self.catch_up = None;
        let at = Instant::now() + wait;
        let sleep = match &mut self.sleep {
            // The same instant as before. It is asked for as an instant of tokio's clock, for after a suspend
            // the same deadline is an earlier one there.
            Some(sleep) if !sleep.is_elapsed() && apart(sleep.deadline(), at) <= TOLERANCE => sleep,
            Some(sleep) => {
                sleep.as_mut().reset(at);
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(at))),
        };
        sleep.as_mut().poll(cx)
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

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_a_suspend_has_brought_nearer_is_kept() {
        thread_local! {
            static SUSPENDED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
        }
        let mut timer = TokioTimer::over(SuspendClock::over(|| SUSPENDED.get()));
        let began = Instant::now();
        let until = timer.now().after(Duration::from_secs(3600));
        poll_fn(|cx| {
            assert!(timer.poll_sleep(until, cx).is_pending());
            Poll::Ready(())
        })
        .await;
        SUSPENDED.set(Duration::from_secs(3000));
        sleep(&mut timer, until).await;
        let awake = began.elapsed();
        assert!(awake < Duration::from_secs(601), "late: {awake:?} awake, 3000 s suspended");
    }
}
