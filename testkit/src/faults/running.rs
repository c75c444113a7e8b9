//! A watch that runs beside the test, what it said, and its end: it is joined, and its journal is played again.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dormouse_core::driver::{Event, Handle, Note};
use dormouse_core::journal::Replay;
use dormouse_core::{End, HeartbeatFault, Report, Status, Then, Wake};

use super::{Client, Observer, PATIENCE, Sink};

/// A watch that runs in a thread of its own, and everything that it said.
pub(super) struct Running<C> {
    reports: mpsc::Receiver<Report>,
    pub(super) wakes: mpsc::Receiver<Wake>,
    pub(super) handle: Handle,
    thread: Option<JoinHandle<()>>,
    last: mpsc::Receiver<Option<Status>>,
    given_up: Arc<GivenUp>,
    journal: Arc<Mutex<Vec<String>>>,
    client: std::marker::PhantomData<C>,
}

impl<C: Client> Running<C> {
    pub(super) fn start(url: &str) -> Self {
        let (said, reports) = mpsc::channel();
        let (woken, wakes) = mpsc::channel();
        let (ended, last) = mpsc::channel();
        let (made, handle) = mpsc::channel();
        let given_up = Arc::<GivenUp>::default();
        let (url, own) = (url.to_owned(), Arc::clone(&given_up));
        let observer: Observer = Box::new(move |_, note| {
            assert!(!format!("{note} {note:?}").contains("canary"), "a token is shown: {note}");
            if let Note::Report(report) = note {
                let _ = said.send(**report);
            }
        });
        let journal = Arc::<Mutex<Vec<String>>>::default();
        let lines = Arc::clone(&journal);
        let sink: Sink = Box::new(move |line| {
            lines.lock().expect("nobody panics here").push(line.to_owned());
        });
        let thread = thread::spawn(move || {
            C::block_on(async move {
                let mut watch =
                    C::watch(&url, "canary-device-token", observer, sink).expect("a watch");
                let _ = made.send(C::handle(&watch));
                let mut last = None;
                while let Some(event) = own.or(C::next(&mut watch)).await {
                    match event {
                        Event::Wake(wake) => drop(woken.send(wake)),
                        Event::Status(status) => last = Some(status),
                    }
                }
                let _ = ended.send(last);
            });
        });
        let handle = handle.recv_timeout(PATIENCE).expect("a watch");
        let thread = Some(thread);
        let client = std::marker::PhantomData;
        Self { reports, wakes, handle, thread, last, given_up, journal, client }
    }

    /// The first report that `pick` takes.
    pub(super) fn report<T>(&mut self, pick: impl Fn(Report) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let report = self.reports.recv_timeout(left).expect("a report in time");
            if let Some(found) = pick(report) {
                return found;
            }
        }
    }

    pub(super) fn ended(&mut self) -> (End, Then) {
        self.report(|report| match report {
            Report::Ended { end, then, .. } => Some((end, then)),
            _ => None,
        })
    }

    pub(super) fn connected(&mut self) -> Duration {
        self.report(|report| match report {
            Report::Connected { heartbeat_interval, .. } => Some(heartbeat_interval),
            _ => None,
        })
    }

    pub(super) fn beat(&mut self) -> Option<HeartbeatFault> {
        self.report(|report| match report {
            Report::Heartbeat { fault, .. } => Some(fault),
            _ => None,
        })
    }

    pub(super) fn wake(&mut self) -> Wake {
        self.wakes.recv_timeout(PATIENCE).expect("a wake in time")
    }

    pub(super) fn stopped(&mut self) -> Option<Status> {
        self.last.recv_timeout(PATIENCE).expect("stopped in time")
    }

    /// Drops the watch, in the middle of whatever it does.
    pub(super) fn give_up(&self) {
        self.given_up.set();
    }
}

impl<C> Drop for Running<C> {
    fn drop(&mut self) {
        self.given_up.set();
        let failed = self.thread.take().is_some_and(|thread| thread.join().is_err());
        if !thread::panicking() {
            assert!(!failed, "the watch panicked");
            replays(&self.journal.lock().expect("nobody panics here"));
        }
    }
}

/// Whatever happened to a watch, a fresh machine does the same with its journal, in which no token is.
fn replays(journal: &[String]) {
    let shown = journal.concat();
    assert!(!shown.contains("canary"), "a token is recorded:\n{shown}");
    let (first, rest) = journal.split_first().expect("a first line");
    let mut replay = Replay::new(first).expect("a first line");
    for line in rest {
        if let Err(error) = replay.line(line) {
            panic!("{error}\n{shown}");
        }
    }
    assert!(replay.watch().stats().connects > 0, "nothing is recorded:\n{shown}");
}

/// Says to the watch's thread that it is over.
#[derive(Default)]
struct GivenUp(Mutex<(bool, Option<Waker>)>);

impl GivenUp {
    fn set(&self) {
        let mut state = self.0.lock().expect("nobody panics here");
        state.0 = true;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }

    /// What `future` gives, or nothing from when it is over.
    async fn or<T>(&self, future: impl Future<Output = Option<T>>) -> Option<T> {
        let mut future = pin!(future);
        poll_fn(|cx: &mut Context<'_>| {
            let mut state = self.0.lock().expect("nobody panics here");
            if state.0 {
                return Poll::Ready(None);
            }
            state.1 = Some(cx.waker().clone());
            drop(state);
            future.as_mut().poll(cx)
        })
        .await
    }
}
