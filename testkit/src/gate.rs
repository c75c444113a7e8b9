//! A gate in a script: the server waits in front of it until somebody opens it.
//!
//! Without gates an order between two connections could only be hoped for, with a pause between them. With
//! them it is made: the wake is sent when the heartbeat has come, the answer when the wake was taken.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Shut at first; open for good once [`Gate::open`] was called. Clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// A gate that is shut.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Whether it is open, after waiting for that for so long.
    #[must_use]
    pub fn is_open_within(&self, wait: Duration) -> bool {
        let guard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        *self
            .0
            .1
            .wait_timeout_while(guard, wait, |open| !*open)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if self.is_open_within(Duration::ZERO) { "open" } else { "shut" };
        write!(f, "Gate({open})")
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Gate {}
