//! Many idle watches in one process, and what they cost.
//!
//! The server is another process, or its memory would be counted too. Time is the world's: the adapter's own timer
//! runs, since it is part of what is measured.

use std::fmt;
use std::fs;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use dormouse_core::driver::{Driver, Handle, Timer, Transport};
use dormouse_runtime::{Setup, StartError};

use super::TOKEN;

/// So many connect at once: the server's backlog holds 128.
const AT_ONCE: usize = 100;
/// For how long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a process holds in memory (the resident set), in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// How many watches there are.
    pub count: usize,
    /// With one watch: what there is of a runtime is there.
    pub one: u64,
    /// With all of them connected, and no heartbeat sent by most.
    pub connected: u64,
    /// With a heartbeat accepted of each, whose connection may be kept.
    pub beating: u64,
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |all: u64| {
            all.saturating_sub(self.one) as f64
                / 1024.0
                / self.count.saturating_sub(1).max(1) as f64
        };
        write!(
            f,
            "{} idle watches: {:.1} KiB each once connected, {:.1} KiB each after a heartbeat",
            self.count,
            each(self.connected),
            each(self.beating)
        )
    }
}

/// Connects so many watches of `url` and holds them until each has had a heartbeat accepted: what
/// [`Client::crowd`](super::Client::crowd) comes to for every adapter.
///
/// # Errors
///
/// If a watch cannot be set up, is not connected in time, or stops.
pub async fn crowd<T: Transport + Unpin, C: Timer + Unpin>(
    url: &str,
    count: usize,
    timer: impl Fn() -> C,
    transport: impl Fn(bool) -> Result<T, StartError>,
) -> Result<Footprint, String> {
    let mut crowd = Crowd { members: Vec::new(), bell: Arc::default() };
    let mut one = 0;
    while crowd.members.len() < count {
        // The first one comes alone.
        let here = crowd.members.len();
        for _ in 0..if here == 0 { 1 } else { AT_ONCE.min(count - here) } {
            let driver = Setup::new(url)
                .token(TOKEN)
                .start(timer(), |config| transport(config.is_plain()))
                .map_err(|error| error.to_string())?;
            crowd.join(driver);
        }
        crowd.until("hello", |handle| handle.stats().hellos > 0).await?;
        if one == 0 {
            one = resident()?;
        }
    }
    let connected = resident()?;
    crowd.until("heartbeat", |handle| handle.stats().heartbeats_accepted > 0).await?;
    Ok(Footprint { count, one, connected, beating: resident()? })
}

/// Many watches in one task, each polled when it has something to do, as if it were a task of its own.
struct Crowd<T: Transport, C> {
    members: Vec<(Handle, Driver<T, C>, Waker)>,
    bell: Arc<Bell>,
}

impl<T: Transport + Unpin, C: Timer + Unpin> Crowd<T, C> {
    fn join(&mut self, driver: Driver<T, C>) {
        let caller = Caller { number: self.members.len(), bell: Arc::clone(&self.bell) };
        let waker = Waker::from(Arc::new(caller));
        waker.wake_by_ref();
        self.members.push((driver.handle(), driver, waker));
    }

    /// Runs all of them until each has got that far.
    async fn until(&mut self, what: &str, reached: impl Fn(&Handle) -> bool) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        let mut there: Vec<_> = self.members.iter().map(|(handle, ..)| reached(handle)).collect();
        let mut lacking = there.iter().filter(|there| !**there).count();
        poll_fn(|cx| {
            for number in self.bell.calls(cx.waker()) {
                let (handle, driver, waker) = &mut self.members[number];
                if stops(driver, &mut Context::from_waker(waker)) {
                    return Poll::Ready(Err("a watch stopped".to_owned()));
                }
                if !there[number] && reached(handle) {
                    there[number] = true;
                    lacking -= 1;
                }
            }
            if lacking == 0 {
                Poll::Ready(Ok(()))
            } else if Instant::now() > until {
                Poll::Ready(Err(format!("{lacking} watches came to no {what}")))
            } else {
                Poll::Pending
            }
        })
        .await
    }
}

/// Who has something to do.
#[derive(Default)]
struct Bell(Mutex<(Vec<usize>, Option<Waker>)>);

impl Bell {
    /// Whoever has called since the last time. The next to call wakes this task.
    fn calls(&self, task: &Waker) -> Vec<usize> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = Some(task.clone());
        std::mem::take(&mut state.0)
    }
}

struct Caller {
    number: usize,
    bell: Arc<Bell>,
}

impl Wake for Caller {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let task = {
            let mut state = self.bell.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.0.push(self.number);
            state.1.take()
        };
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// Runs a watch for as long as it has something to do. Says whether it has stopped.
fn stops<T, C>(driver: &mut Driver<T, C>, cx: &mut Context<'_>) -> bool
where
    T: Transport + Unpin,
    C: Timer + Unpin,
{
    loop {
        match pin!(driver.next()).poll(cx) {
            Poll::Ready(Some(_)) => {}
            Poll::Ready(None) => return true,
            Poll::Pending => return false,
        }
    }
}

/// As Linux tells it.
fn resident() -> Result<u64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let kib = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    Ok(kib.ok_or("the system does not tell what is resident")? * 1024)
}
