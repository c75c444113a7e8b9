//! The states of a watch, and every legal transition between them.
//!
//! The rules, in the order in which a life meets them:
//!
//! * A watch begins *waiting*, with nothing to wait for: the first connect is due at once.
//! * While an attempt runs the watch is *connecting* until a response head is accepted, *opening* until
//!   `hello`, and *watching* from then on. These three own a connection; the others own none.
//! * An attempt that ends without a wake leads back to *waiting*, for however long [`retry`](crate::retry)
//!   and the guards say: zero is a wait like any other, and so every connect takes the same door.
//! * A wake leads to *awake*, and only the application leads out of there.
//! * A refused token leads to *stopped*, or to *parked* where it was configured so.
//! * *Stopped* has no way out.
//!
//! Being offline is not a state but a veil over all of them: no timer fires and nothing is asked for,
//! and nothing is forgotten.
//!
//! [`TABLE`] is the only place that says which state follows which. The diagram in the crate's
//! documentation is drawn from it.

/// Where a watch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// No attempt runs; the next is due when the wait is over.
    Waiting,
    /// A connect was asked for; no response head was accepted yet.
    Connecting,
    /// The response is an event stream; `hello` is due.
    Opening,
    /// `hello` came: the lease is held, heartbeats are sent, a wake may come.
    Watching,
    /// A wake came; the application has not asked to sleep again.
    Awake,
    /// The token was refused; another try is due much later, or with a new token.
    Parked,
    /// The end.
    Stopped,
}

/// What leads from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The wait is over and the connect is paid for.
    Due,
    /// The response head is that of an event stream.
    Accepted,
    /// `hello` was received.
    Hello,
    /// A wake was received.
    Wake,
    /// The attempt ended, and another will follow.
    Ended,
    /// The device went offline before the connect was taken up.
    Retracted,
    /// The token was refused, and the watch waits for better times.
    Parked,
    /// A new token came while parked.
    NewToken,
    /// The application asked to sleep again.
    SleepAgain,
    /// The token was refused for good, heartbeats were cancelled, or the application stopped the watch.
    Stopped,
}

/// Every legal transition.
pub(crate) const TABLE: &[(State, Step, State)] = {
    use State as S;
    use Step as T;
    &[
        (S::Waiting, T::Due, S::Connecting),
        (S::Waiting, T::Stopped, S::Stopped),
        (S::Connecting, T::Accepted, S::Opening),
        (S::Connecting, T::Ended, S::Waiting),
        (S::Connecting, T::Retracted, S::Waiting),
        (S::Connecting, T::Parked, S::Parked),
        (S::Connecting, T::Stopped, S::Stopped),
        (S::Opening, T::Hello, S::Watching),
        (S::Opening, T::Ended, S::Waiting),
        (S::Opening, T::Stopped, S::Stopped),
        (S::Watching, T::Wake, S::Awake),
        (S::Watching, T::Ended, S::Waiting),
        (S::Watching, T::Parked, S::Parked),
        (S::Watching, T::Stopped, S::Stopped),
        (S::Awake, T::SleepAgain, S::Waiting),
        (S::Awake, T::Stopped, S::Stopped),
        (S::Parked, T::Due, S::Connecting),
        (S::Parked, T::NewToken, S::Waiting),
        (S::Parked, T::Stopped, S::Stopped),
    ]
};

impl State {
    /// The state that `step` leads to, if the table has it.
    pub(crate) fn after(self, step: Step) -> Option<Self> {
        TABLE.iter().find(|(from, on, _)| (*from, *on) == (self, step)).map(|(_, _, to)| *to)
    }

    /// Whether an attempt runs: there is a connection, or one was asked for.
    #[must_use]
    pub const fn is_attempting(self) -> bool {
        matches!(self, Self::Connecting | Self::Opening | Self::Watching)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use core::fmt::Write as _;

    /// Draws the table: one block a state, one line a transition.
    fn diagram() -> String {
        let mut drawn = String::new();
        let mut last = None;
        for (from, on, to) in TABLE {
            let name = if last == Some(from) { String::new() } else { alloc::format!("{from:?}") };
            if last.is_some() && !name.is_empty() {
                drawn.push('\n');
            }
            let edge = alloc::format!("{on:?} ");
            writeln!(drawn, "{name:<10} ── {edge:─<12}▶ {to:?}").expect("a String takes all");
            last = Some(from);
        }
        drawn
    }

    #[test]
    fn the_documented_diagram_is_the_table() {
        let documented = include_str!("state.txt");
        assert_eq!(documented, diagram(), "core/src/state.txt should hold:\n{}", diagram());
    }

    #[test]
    fn no_state_has_two_answers_to_one_step() {
        for (i, (from, on, _)) in TABLE.iter().enumerate() {
            let same = TABLE.iter().position(|(f, o, _)| (f, o) == (from, on));
            assert_eq!(same, Some(i), "{from:?} on {on:?} stands twice");
        }
    }

    #[test]
    fn every_state_but_the_last_can_be_left_and_stopped() {
        for (from, ..) in TABLE {
            assert_ne!(*from, State::Stopped);
            assert_eq!(from.after(Step::Stopped), Some(State::Stopped));
        }
    }

    #[test]
    fn every_state_is_reached_from_the_first() {
        let mut seen = alloc::vec![State::Waiting];
        let mut next = 0;
        while let Some(state) = seen.get(next).copied() {
            next += 1;
            for (from, _, to) in TABLE {
                if *from == state && !seen.contains(to) {
                    seen.push(*to);
                }
            }
        }
        assert_eq!(seen.len(), 7);
    }
}
