//! Ways to let time pass for a watch whose clock stands still.

use std::time::Duration;

use super::{Ending, Run};
use crate::fact::Fact;

impl Run {
    /// Lets the wait pass that follows an end, and not a millisecond more; checks that the next connect comes
    /// then, and not a millisecond earlier.
    pub fn comes_back(&mut self, ending: &Ending) -> u64 {
        self.passes(ending.wait().total);
        self.connecting()
    }

    /// Lets a wait pass that ends in a connect, and one for the connect bucket behind it, if there is one.
    pub fn passes(&mut self, wait: u64) {
        let mut wait = wait;
        loop {
            if wait > 0 {
                self.forward(Duration::from_millis(wait - 1));
                self.is_quiet();
                self.forward(Duration::from_millis(1));
            }
            let held = self.find("a connect, or a wait for one", |fact| match fact {
                Fact::Connecting { .. } => Some(None),
                Fact::Held { wait } => Some(Some(*wait)),
                _ => None,
            });
            match held {
                Some(held) => wait = held,
                // It is looked for by whoever called.
                None => return self.put_back(),
            }
        }
    }

    /// Lets so many seconds pass on a stream that lives, and every heartbeat be answered that is due by then;
    /// less, if the attempt ends.
    pub fn lives(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.forward(Duration::from_secs(1));
            self.hears();
            if self.is_over() {
                return;
            }
        }
    }

    /// Lets so many seconds pass on a stream that is silent, while every heartbeat is answered; less, if the
    /// attempt ends.
    pub fn is_left_alone(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.forward(Duration::from_secs(1));
            if self.is_over() {
                return;
            }
            if self.came(|fact| matches!(fact, Fact::Beat { .. })) {
                self.answer();
            }
        }
    }

    /// Lets time pass on a stream that lives, until a heartbeat is sent.
    ///
    /// # Panics
    ///
    /// If none is within a minute.
    pub fn lives_until_a_beat(&mut self) {
        for _ in 0..60 {
            self.forward(Duration::from_secs(1));
            self.hears();
            if self.came(|fact| matches!(fact, Fact::Beat { .. })) {
                return self.beat();
            }
        }
        panic!("no heartbeat within a minute");
    }
}
