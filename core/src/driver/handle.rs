//! What a user holds beside the stream: says what happened to the device, sees how the watch fares.
//!
//! Commands wait in slots, like the machine's own actions: one of each kind, the last one counts, and
//! nothing grows however often it is called.

use alloc::sync::Arc;
use core::task::{Context, Poll, Waker};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::action::{Stats, Status};
use crate::error::Hint;
use crate::input::Input;
use crate::secret::Token;

/// A handle to a watch: cheap to clone, usable from any thread, and harmless once the watch is gone.
#[derive(Clone, Debug)]
pub struct Handle(pub(super) Arc<Shared>);

impl Handle {
    /// What a person sees.
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.lock().status
    }

    /// Counts since the beginning, as of the last time the watch was polled.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.lock().stats
    }

    /// The device's network changed: another interface, address or route. Ends a backoff, and replaces a
    /// running watch; heeded three times in quick succession and once a minute from then on
    /// (protocol.md section 5.5).
    pub fn network_changed(&self) {
        self.0.command(|commands| commands.network_changed = true);
    }

    /// The device was suspended and runs again. The adapters find out by themselves where they can.
    pub fn resumed(&self) {
        self.0.command(|commands| commands.resumed = true);
    }

    /// There is no network (`true`), or there is one again (`false`). While offline nothing is attempted
    /// and nothing is forgotten.
    pub fn offline(&self, offline: bool) {
        self.0.command(|commands| commands.offline = Some(offline));
    }

    /// A new token, for every request from now on. A parked watch tries it at once.
    pub fn set_token(&self, token: Token) {
        self.0.command(|commands| commands.token = Some(token));
    }

    /// Stops the watch, for good: what is open is closed, and the stream ends.
    pub fn stop(&self) {
        self.0.command(|commands| commands.stop = true);
    }
}

/// What a driver and its handles share.
#[derive(Debug)]
pub(super) struct Shared(Mutex<Inside>);

#[derive(Debug)]
struct Inside {
    status: Status,
    stats: Stats,
    commands: Commands,
    /// Who is to be told of a command.
    waker: Option<Waker>,
}

#[derive(Debug, Default)]
struct Commands {
    stop: bool,
    token: Option<Token>,
    offline: Option<bool>,
    network_changed: bool,
    resumed: bool,
}

impl Commands {
    /// Takes one out. To stop comes first: nothing else matters then.
    fn take(&mut self) -> Option<Input<'static>> {
        if core::mem::take(&mut self.stop) {
            return Some(Input::Stop);
        }
        if let Some(token) = self.token.take() {
            return Some(Input::NewToken(token));
        }
        if let Some(offline) = self.offline.take() {
            return Some(Input::Offline(offline));
        }
        if core::mem::take(&mut self.network_changed) {
            return Some(Input::Hint(Hint::NetworkChanged));
        }
        if core::mem::take(&mut self.resumed) {
            return Some(Input::Hint(Hint::Resumed));
        }
        None
    }
}

impl Shared {
    pub(super) fn new(status: Status) -> Self {
        Self(Mutex::new(Inside {
            status,
            stats: Stats::default(),
            commands: Commands::default(),
            waker: None,
        }))
    }

    pub(super) fn publish(&self, status: Status, stats: &Stats) {
        let mut inside = self.lock();
        inside.status = status;
        inside.stats = *stats;
    }

    pub(super) fn poll_command(&self, cx: &mut Context<'_>) -> Poll<Input<'static>> {
        let mut inside = self.lock();
        if let Some(command) = inside.commands.take() {
            return Poll::Ready(command);
        }
        match &mut inside.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn command(&self, set: impl FnOnce(&mut Commands)) {
        let waker = {
            let mut inside = self.lock();
            set(&mut inside.commands);
            inside.waker.take()
        };
        // Outside the lock: whoever is woken may poll at once.
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Nothing that panics runs under this lock; should it be poisoned all the same, what it keeps is
    /// still whole.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
