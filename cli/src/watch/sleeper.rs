//! The device's watch on the runtime of the user's choice.
//!
//! On tokio it lives in the task that asks for its events. On smol it lives in a thread of its own, with
//! smol's executor and nothing of tokio's: what comes out goes through a channel, and so does what became
//! of a wake. Both decide alike, for neither decides anything.

use std::thread::{self, JoinHandle};

use dormouse_core::HandOver;
use dormouse_core::driver::{Event, Handle};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Where the watch runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Runtime {
    /// tokio
    Tokio,
    /// smol, in a thread of its own
    Smol,
}

/// A watch, wherever it runs. Dropping it closes everything before the drop returns.
pub(crate) enum Sleeper {
    Tokio(Box<dormouse_tokio::Watch>),
    Smol(Thread),
}

impl Sleeper {
    pub(crate) async fn next(&mut self) -> Option<Event> {
        match self {
            Self::Tokio(watch) => watch.next().await,
            Self::Smol(thread) => thread.next().await,
        }
    }

    pub(crate) fn hand_over_failed(&mut self) {
        match self {
            Self::Tokio(watch) => watch.hand_over_failed(),
            Self::Smol(thread) => thread.hand_over = thread.hand_over.map(|_| HandOver::Failed),
        }
    }
}

impl From<dormouse_tokio::Watch> for Sleeper {
    fn from(watch: dormouse_tokio::Watch) -> Self {
        Self::Tokio(Box::new(watch))
    }
}

impl From<dormouse_smol::Watch> for Sleeper {
    fn from(watch: dormouse_smol::Watch) -> Self {
        Self::Smol(Thread::start(watch))
    }
}

/// A thread in which a watch runs on smol.
pub(crate) struct Thread {
    events: UnboundedReceiver<Event>,
    hand_overs: Option<UnboundedSender<HandOver>>,
    /// What became of the wake that was given out, until it is said.
    hand_over: Option<HandOver>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Thread {
    fn start(mut watch: dormouse_smol::Watch) -> Self {
        let (event, events) = unbounded_channel();
        let (hand_over, mut hand_overs) = unbounded_channel();
        let handle = watch.handle();
        let thread = thread::spawn(move || {
            while let Some(next) = smol::block_on(watch.next()) {
                let awake = matches!(next, Event::Wake(_));
                if event.send(next).is_err() {
                    return;
                }
                // While awake nothing is open, and nothing needs to run.
                match awake.then(|| hand_overs.blocking_recv()) {
                    Some(Some(HandOver::Failed)) => watch.hand_over_failed(),
                    Some(None) => return,
                    Some(Some(HandOver::Done)) | None => {}
                }
            }
        });
        let hand_overs = Some(hand_over);
        Self { events, hand_overs, hand_over: None, handle, thread: Some(thread) }
    }

    async fn next(&mut self) -> Option<Event> {
        if let (Some(hand_over), Some(hand_overs)) = (self.hand_over.take(), &self.hand_overs) {
            // If the thread has ended, so have its events.
            let _ = hand_overs.send(hand_over);
        }
        let event = self.events.recv().await;
        if let Some(Event::Wake(_)) = event {
            self.hand_over = Some(HandOver::Done);
        }
        event
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.hand_overs = None;
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported there.
            let _ = thread.join();
        }
    }
}
