//! What a scenario finds among the facts.

use crate::fact::{Next, Wait};

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Its number.
    pub attempt: u64,
    /// How long it ran, in milliseconds.
    pub ran: u64,
    /// What follows.
    pub then: Next,
}

/// What `hello` said.
#[derive(Clone, Copy, Debug)]
pub struct Connected {
    /// The attempt.
    pub attempt: u64,
    /// How often the lease is refreshed, in milliseconds.
    pub interval: u64,
    /// How long to wait for a viewer, in milliseconds.
    pub wait_for_viewer: u64,
}

/// A wake as it was handed over.
#[derive(Clone, Debug)]
pub struct Woken {
    /// Where to go.
    pub url: String,
    /// The length of the token.
    pub length: u64,
    /// The [`sum`](crate::fact::sum) of the token.
    pub sum: u64,
    /// The session.
    pub session: Option<String>,
}

impl Ending {
    /// The wait before the next connect.
    ///
    /// # Panics
    ///
    /// If something else follows.
    #[must_use]
    pub fn wait(&self) -> Wait {
        match self.then {
            Next::Connect(wait) => wait,
            other => panic!("not a connect follows, but {other:?}"),
        }
    }

    /// Checks that the next connect is made at once: no row, no guard, no draw.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn is_at_once(&self) {
        let wait = self.wait();
        assert_eq!(wait, Wait { row: 0, flap: 0, retry_after: 0, window: 0, total: 0 });
    }

    /// Checks that the wait is what a row gives, in seconds, drawn from its upper half, and nothing else.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn is_after(&self, row: u64) {
        let wait = self.wait();
        assert_eq!((wait.row, wait.flap, wait.retry_after), (row * 1000, 0, 0), "{wait:?}");
        assert_eq!(wait.window, 0, "{wait:?}");
        assert!((row * 500..=row * 1000).contains(&wait.total), "not the upper half: {wait:?}");
    }
}
