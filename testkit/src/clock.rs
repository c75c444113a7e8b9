//! Time that a scenario decides over.
//!
//! A client's clock either stands still until the scenario moves it, so that a deadline can be tried one
//! millisecond early and then on time, without anybody waiting; or it runs so many times faster than the
//! world's, so that the adapter's own timer does the waiting. Either way the scenario can put it forward, put
//! it back, or suspend it as closing a laptop does.
//!
//! All durations are protocol time, in milliseconds inside.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use dormouse_core::Timestamp;
use dormouse_core::driver::Timer;

/// How fast a clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Not at all: it moves when it is moved.
    Still,
    /// So many times as fast as the world's.
    Times(u32),
}

/// A client's clock. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    pace: Pace,
    moved: Arc<Mutex<Moved>>,
}

#[derive(Clone, Copy, Debug)]
struct Moved {
    /// By how much, in all.
    by: i64,
    /// Whether a suspend has not been noticed yet.
    resumed: bool,
}

impl Clock {
    /// A clock at that pace. It begins at one day, so that it can be put back.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        let by = 24 * 60 * 60 * 1000;
        Self { pace, moved: Arc::new(Mutex::new(Moved { by, resumed: false })) }
    }

    /// How fast it runs.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Puts it forward.
    pub fn forward(&self, by: Duration) {
        self.change(|moved| moved.by = moved.by.saturating_add(millis(by)));
    }

    /// Puts it back.
    pub fn back(&self, by: Duration) {
        self.change(|moved| moved.by = moved.by.saturating_sub(millis(by)));
    }

    /// Puts it forward, and has the timer say that the device was suspended.
    pub fn suspend(&self, by: Duration) {
        self.change(|moved| {
            moved.by = moved.by.saturating_add(millis(by));
            moved.resumed = true;
        });
    }

    /// What it shows when that much of the world's time has passed since it was made.
    #[must_use]
    pub fn at(&self, passed: Duration) -> Timestamp {
        let run = match self.pace {
            Pace::Still => 0,
            Pace::Times(times) => millis(passed).saturating_mul(i64::from(times)),
        };
        let at = self.change(|moved| moved.by).saturating_add(run);
        Timestamp::from_millis(u64::try_from(at).unwrap_or(0))
    }

    /// For how long to wait in the world until that much of this clock's time has passed; `None` where waiting
    /// does not help.
    #[must_use]
    pub fn wait(&self, left: Duration) -> Option<Duration> {
        match self.pace {
            Pace::Still => None,
            Pace::Times(times) => Some(left / times.max(1)),
        }
    }

    /// Whether it was suspended since this was last asked.
    #[must_use]
    pub fn resumed(&self) -> bool {
        self.change(|moved| std::mem::take(&mut moved.resumed))
    }

    /// Whether a suspend was not asked about yet.
    #[must_use]
    pub fn has_resumed(&self) -> bool {
        self.change(|moved| moved.resumed)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Moved) -> T) -> T {
        change(&mut self.moved.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// An adapter's timer, going by a scenario's clock.
///
/// Whoever moves the clock has to wake the task as well.
#[derive(Debug)]
pub struct Scaled<T> {
    inner: T,
    clock: Clock,
}

impl<T: Timer> Scaled<T> {
    /// Has `inner` go by `clock`.
    pub fn new(inner: T, clock: Clock) -> Self {
        Self { inner, clock }
    }
}

impl<T: Timer> Timer for Scaled<T> {
    fn now(&mut self) -> Timestamp {
        self.clock.at(self.inner.now().since(Timestamp::ORIGIN))
    }

    fn poll_sleep(&mut self, until: Timestamp, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let left = until.since(self.now());
            if left.is_zero() {
                return Poll::Ready(());
            }
            let Some(wait) = self.clock.wait(left) else { return Poll::Pending };
            let until = self.inner.now().after(wait);
            ready!(self.inner.poll_sleep(until, cx));
        }
    }

    fn poll_catch_up(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_catch_up(cx)
    }

    fn resumed(&mut self) -> bool {
        // The inner one's first: it must be asked, or it would remember.
        self.inner.resumed() | self.clock.resumed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Never;

    impl Timer for Never {
        fn now(&mut self) -> Timestamp {
            Timestamp::from_millis(7)
        }
        fn poll_sleep(&mut self, _: Timestamp, _: &mut Context<'_>) -> Poll<()> {
            Poll::Pending
        }
    }

    #[test]
    fn a_clock_that_stands_still_moves_when_it_is_moved() {
        let clock = Clock::new(Pace::Still);
        let mut timer = Scaled::new(Never, clock.clone());
        let start = timer.now();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let until = start.after(Duration::from_secs(30));
        clock.forward(Duration::from_millis(29_999));
        assert!(timer.poll_sleep(until, &mut cx).is_pending());
        assert!(!timer.resumed());
        clock.suspend(Duration::from_millis(1));
        assert!(timer.poll_sleep(until, &mut cx).is_ready());
        assert!(timer.resumed());
        assert!(!timer.resumed());
        clock.back(Duration::from_secs(30));
        assert_eq!(timer.now(), start);
    }

    #[test]
    fn a_clock_that_runs_runs_so_many_times_faster() {
        let mut timer = Scaled::new(Never, Clock::new(Pace::Times(20)));
        let origin = Clock::new(Pace::Still).at(Duration::ZERO);
        assert_eq!(timer.now().since(origin), Duration::from_millis(140));
    }
}
