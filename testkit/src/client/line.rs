//! What a running client and the scenario share.

use std::collections::VecDeque;
use std::sync::mpsc::Sender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use dormouse_core::{Stats, Timestamp};

use crate::clock::Clock;
use crate::fact::{Command, Fact, Told};

/// The line between a client and the scenario: facts one way, commands the other.
pub struct Line {
    clock: Clock,
    /// Until it is over.
    facts: Mutex<Option<Sender<Told>>>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    commands: VecDeque<Command>,
    waker: Option<Waker>,
    /// How many commands were given, and up to which of them all is done.
    given: u64,
    settled: u64,
    over: bool,
    stats: Stats,
    /// When the last fact was so.
    last: u64,
}

impl Line {
    pub(crate) fn new(clock: Clock, facts: Sender<Told>) -> Self {
        Self {
            clock,
            facts: Mutex::new(Some(facts)),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// The clock to go by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Tells a fact.
    pub fn tell(&self, at: Timestamp, fact: Fact) {
        let told = Told { at: at.as_millis(), fact };
        let fact = super::leaks(&format!("{told:?}")).unwrap_or(told.fact);
        self.state().last = told.at;
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(facts) = &*facts {
            // Nobody listens once the scenario is over.
            let _ = facts.send(Told { fact, ..told });
        }
    }

    /// Tells a fact that comes with no time of its own: it is as old as the last one.
    pub fn tell_also(&self, fact: Fact) {
        let last = self.state().last;
        self.tell(Timestamp::from_millis(last), fact);
    }

    /// The next command, and how many were given up to now. The waker is kept for the next one.
    pub fn command(&self, waker: Option<&Waker>) -> (Option<Command>, u64) {
        let mut state = self.state();
        state.waker = waker.cloned();
        (state.commands.pop_front(), state.given)
    }

    /// Says that everything is done that follows from so many commands, and that the client sleeps.
    pub fn settled(&self, given: u64, stats: Stats) {
        let mut state = self.state();
        state.settled = state.settled.max(given);
        state.stats = stats;
        self.changed.notify_all();
    }

    /// Waits for a command for so long; until there is one, if `None`.
    pub fn wait(&self, most: Option<Duration>) {
        let guard = self.state();
        let idle = |state: &mut State| state.commands.is_empty();
        match most {
            Some(most) => drop(self.changed.wait_timeout_while(guard, most, idle)),
            None => drop(self.changed.wait_while(guard, idle)),
        }
    }

    pub(crate) fn over(&self) {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.state().over = true;
        self.changed.notify_all();
    }

    pub(crate) fn stats(&self) -> Stats {
        self.state().stats
    }

    /// Gives a command. Says which it is.
    pub(crate) fn give(&self, command: Command) -> u64 {
        let (given, waker) = {
            let mut state = self.state();
            state.commands.push_back(command);
            state.given += 1;
            (state.given, state.waker.take())
        };
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
        given
    }

    /// Waits until everything is done that follows from so many commands, or all is over. Says whether that
    /// came about.
    pub(crate) fn wait_settled(&self, given: u64, patience: Duration) -> bool {
        let open = |state: &mut State| state.settled < given && !state.over;
        let waited = self.changed.wait_timeout_while(self.state(), patience, open);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
