//! What all requests share: the lease table under one lock, and for each open stream the waker of
//! its task.
//!
//! The table decides; the hub gives it the time and fresh lease ids, writes down what must outlive
//! the process before anybody hears of it, and tells the streams to look again. Nothing awaits
//! under the lock, and no stream's waker is called under it.

use core::task::Waker;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::answer::Answer;
use super::config::Config;
use super::state::{StateError, StateFile};
use super::wake::Wake;
use crate::lease::{Handed, Heartbeat, LeaseId, Leases, Refusal, Status, Terms, Turn};
use crate::load::{self, Intake};

#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) config: Config,
    origin: Instant,
    /// How many streams exist, for whoever waits for their end.
    open: watch::Sender<usize>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    leases: Leases<Arc<Wake>>,
    /// The holder's stream of each device that has one.
    streams: HashMap<Arc<str>, Stream>,
    intake: Intake,
    state: Option<StateFile>,
    next_sweep: Duration,
    /// Set by a drain: the window that was right when it began.
    draining: Option<Duration>,
}

#[derive(Debug)]
struct Stream {
    lease: LeaseId,
    waker: Option<Waker>,
    /// The operator's request that waits for this stream to take its wake.
    asked: Option<oneshot::Sender<Fate>>,
}

/// What became of a wake that was handed to an open stream. If the stream closes first, nothing is
/// sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Taken,
    Replaced,
}

/// A watch that was accepted.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) lease: LeaseId,
    pub(crate) window: Duration,
}

/// What a stream does next.
#[derive(Debug)]
pub(crate) enum Next {
    Wake(Arc<Wake>),
    /// Nothing to say until `until`, unless its waker is called.
    Idle {
        until: Instant,
        window: Duration,
    },
    /// Tell this window, and end.
    Drain(Duration),
    Over,
}

/// The server at a glance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glance {
    pub(crate) open: usize,
    pub(crate) held: usize,
    pub(crate) window: Duration,
    pub(crate) draining: bool,
    pub(crate) state_broken: bool,
}

impl Hub {
    pub(crate) fn new(config: Config) -> Result<Hub, StateError> {
        let terms =
            Terms { lease_lifetime: config.lease_lifetime, wake_lifetime: config.wake_lifetime };
        let mut leases = Leases::new(terms, config.directory.devices().cloned());
        let mut state = None;
        if let Some(path) = &config.state_file {
            let (file, held) = StateFile::open(path)?;
            // Its clients come back spread over the window that they were told, and behind that
            // comes the lifetime.
            leases.restore(Duration::ZERO, config.window(held.len()), held);
            tracing::info!(
                path = %path.display(), leases = leases.held(),
                "leases of the last run are kept for their holders"
            );
            state = Some(file);
        }
        let inner = Inner {
            leases,
            streams: HashMap::new(),
            intake: Intake::new(config.connects_per_second, config.connect_burst),
            state,
            next_sweep: config.lease_lifetime,
            draining: None,
        };
        let (open, _) = watch::channel(0);
        Ok(Hub { config, origin: Instant::now(), open, inner: Mutex::new(inner) })
    }

    /// Opens a watch, or says why not.
    pub(crate) fn open(&self, device: &Arc<str>, previous: Option<&str>) -> Result<Grant, Answer> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits).map_err(|error| {
            tracing::error!(%error, "no entropy for a lease id");
            Answer::later("no-entropy", "the server has no random numbers", 30)
        })?;
        let lease = LeaseId::from_bits(u128::from_ne_bytes(bits));

        let (grant, older) = self.locked(|inner, now| {
            if let Some(window) = inner.draining {
                return Err(Answer::draining(window));
            }
            if self.open_watches() >= self.config.max_watches {
                let wait = inner
                    .intake
                    .turn_away(now)
                    .max(load::whole_seconds(self.config.heartbeat_interval));
                return Err(Answer::later("full", "too many watches are open", wait));
            }
            if !inner.intake.accept(now) {
                let wait = inner.intake.turn_away(now);
                return Err(Answer::later("overloaded", "too many watches are being opened", wait));
            }
            let opened =
                inner.leases.open(now, device, previous, lease.clone()).map_err(|refusal| {
                    match refusal {
                        Refusal::Held => Answer::held(),
                        Refusal::UnknownDevice => Answer::unknown_device(),
                    }
                })?;
            if let Some(state) = &mut inner.state {
                let before = previous.and_then(|id| LeaseId::new(id).ok());
                state.granted(now, device, &lease, before);
            }
            let stream = Stream { lease: lease.clone(), waker: None, asked: None };
            let older =
                inner.streams.insert(Arc::clone(device), stream).and_then(|stream| stream.waker);
            self.open.send_modify(|open| *open += 1);
            tracing::debug!(device = &**device, ?opened, "watch open");
            Ok((Grant { lease, window: self.window(inner) }, older))
        })?;
        // The stream that was taken over from ends.
        if let Some(older) = older {
            older.wake();
        }
        Ok(grant)
    }

    pub(crate) fn heartbeat(&self, device: &str, lease: &str) -> Heartbeat {
        self.locked(|inner, now| inner.leases.heartbeat(now, device, lease))
    }

    /// What the stream of this lease does next. Its waker is called when that changes.
    pub(crate) fn turn(&self, device: &Arc<str>, lease: &LeaseId, waker: &Waker) -> Next {
        self.locked(|inner, now| match inner.leases.turn(now, device, lease) {
            Turn::Wake(wake) => {
                inner.freed(now, device);
                if let Some(asked) =
                    inner.stream(device, lease).and_then(|stream| stream.asked.take())
                {
                    let _ = asked.send(Fate::Taken);
                }
                tracing::info!(device = &**device, session = wake.session.as_deref(), "woken");
                Next::Wake(wake)
            }
            Turn::Idle { until } => match inner.draining {
                Some(window) => Next::Drain(window),
                None => {
                    if let Some(stream) = inner.stream(device, lease) {
                        match &mut stream.waker {
                            Some(known) => known.clone_from(waker),
                            none => *none = Some(waker.clone()),
                        }
                    }
                    Next::Idle { until: self.origin + until, window: self.window(inner) }
                }
            },
            Turn::Over => Next::Over,
        })
    }

    /// The stream of this lease is gone. Called exactly once for each grant.
    pub(crate) fn close(&self, device: &Arc<str>, lease: &LeaseId, hello_sent: bool) {
        let gone = self.locked(|inner, now| {
            if hello_sent {
                inner.leases.close(now, device, lease);
            } else if inner.leases.withdraw(now, device, lease) {
                inner.freed(now, device);
            }
            self.open.send_modify(|open| *open -= 1);
            tracing::debug!(device = &**device, hello_sent, "watch closed");
            let own = inner.stream(device, lease).is_some();
            own.then(|| inner.streams.remove(device))
        });
        // Not under the lock: a waker may be the last that holds a task, and so a body that closes.
        drop(gone);
    }

    /// Hands in a wake. Where a stream is open, the receiver tells what became of it.
    pub(crate) fn wake(
        &self,
        device: &str,
        wake: Arc<Wake>,
    ) -> Result<(Handed, Option<oneshot::Receiver<Fate>>), Answer> {
        let (handed, fate, waker) = self.locked(|inner, now| {
            if let Some(window) = inner.draining {
                // A wake that waits would die with the process.
                return Err(Answer::draining(window));
            }
            let handed =
                inner.leases.wake(now, device, wake).map_err(|_| Answer::unknown_device())?;
            let Some(stream) = inner.streams.get_mut(device).filter(|_| handed.open) else {
                return Ok((handed, None, None));
            };
            let (asked, fate) = oneshot::channel();
            if let Some(older) = stream.asked.replace(asked) {
                let _ = older.send(Fate::Replaced);
            }
            Ok((handed, Some(fate), stream.waker.take()))
        })?;
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok((handed, fate))
    }

    pub(crate) fn status(&self) -> Vec<Status> {
        self.locked(|inner, now| inner.leases.status(now))
    }

    pub(crate) fn glance(&self) -> Glance {
        self.locked(|inner, _| Glance {
            open: self.open_watches(),
            held: inner.leases.held(),
            window: inner.draining.unwrap_or_else(|| self.window(inner)),
            draining: inner.draining.is_some(),
            state_broken: inner.state.as_ref().is_some_and(StateFile::is_broken),
        })
    }

    pub(crate) fn open_watches(&self) -> usize {
        *self.open.borrow()
    }

    /// From now on no watch is opened, and those that are open end. Resolves when the last one has.
    pub(crate) async fn drain(&self) {
        let wakers = self.locked(|inner, _| {
            let window = self.window(inner);
            if inner.draining.is_none() {
                inner.draining = Some(window);
                tracing::info!(
                    open = self.open_watches(),
                    window_ms = window.as_millis(),
                    "draining"
                );
            }
            inner.streams.values_mut().filter_map(|stream| stream.waker.take()).collect::<Vec<_>>()
        });
        wakers.into_iter().for_each(Waker::wake);
        // The sender lives in `self`, so this cannot fail before it is true.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Sized to all that are here or on their way back: after a restart few are here yet.
    fn window(&self, inner: &Inner) -> Duration {
        self.config.window(self.open_watches().max(inner.leases.held()))
    }

    /// The one way to the table: with the time, and with what has expired forgotten now and then.
    fn locked<T>(&self, change: impl FnOnce(&mut Inner, Duration) -> T) -> T {
        // No change leaves anything half done where it could panic.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that it never runs backwards.
        let now = self.origin.elapsed();
        if inner.next_sweep <= now {
            inner.sweep(now, self.config.lease_lifetime);
        }
        let outcome = change(&mut inner, now);
        inner.renew_state(now);
        outcome
    }
}

impl Inner {
    fn stream(&mut self, device: &str, lease: &LeaseId) -> Option<&mut Stream> {
        self.streams.get_mut(device).filter(|stream| stream.lease == *lease)
    }

    fn sweep(&mut self, now: Duration, interval: Duration) {
        self.next_sweep = now + interval;
        for device in self.leases.sweep(now) {
            tracing::debug!(device = &*device, "lease expired");
            self.freed(now, &device);
        }
    }

    /// Writes down that the device has no holder any more.
    fn freed(&mut self, now: Duration, device: &Arc<str>) {
        if let Some(state) = &mut self.state {
            state.freed(now, device);
        }
    }

    fn renew_state(&mut self, now: Duration) {
        if let Some(state) =
            self.state.as_mut().filter(|state| state.is_due(now, self.leases.held()))
        {
            state.renew(now, &self.leases.snapshot(now));
        }
    }
}
