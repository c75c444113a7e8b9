//! The two tables of section 4, transcribed row by row.

use dormouse_core::{ConnectFault, HeartbeatLoss, Outcome};

/// What a row says comes next, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Wait(u64),
    HandOver,
    Unauthorized,
    Cancelled,
}

/// What the client remembers between attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) previous_lease: Option<String>,
    pub(super) backoff: u64,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self { previous_lease: None, backoff: 1_000 }
    }

    /// "Double": use the present value as the delay, then double it, to at most 30 s.
    fn double(&mut self) -> Row {
        let delay = self.backoff;
        self.backoff = (delay * 2).min(30_000);
        Row::Wait(delay)
    }

    /// A connect ends in `hello`.
    pub(super) fn hello(&mut self) {
        *self = Self::new();
    }

    /// A connect ends in one of.
    pub(super) fn connect(&mut self, fault: ConnectFault) -> Row {
        match fault {
            ConnectFault::Unauthorized => Row::Unauthorized,
            ConnectFault::Conflict => {
                self.previous_lease = None;
                Row::Wait(30_000)
            }
            ConnectFault::NotEventStream => Row::Wait(30_000),
            // Anything else.
            _ => self.double(),
        }
    }

    /// A watch on `this` lease ends in one of, having run for `ran`.
    pub(super) fn watch(&mut self, this: String, outcome: Outcome, ran: u64, interval: u64) -> Row {
        let this = Some(this);
        match outcome {
            Outcome::Wake => Row::HandOver,
            // A watch that a hint ends ends as by a read timeout.
            Outcome::ReadTimeout | Outcome::Ended | Outcome::Hint(_) => {
                self.previous_lease = this;
                Row::Wait(0)
            }
            Outcome::Stream(_) if ran >= interval => {
                self.previous_lease = this;
                Row::Wait(0)
            }
            Outcome::Stream(_) => {
                self.previous_lease = this;
                self.double()
            }
            Outcome::HeartbeatLost(HeartbeatLoss::Taken) => {
                self.previous_lease = None;
                Row::Wait(30_000)
            }
            Outcome::HeartbeatLost(HeartbeatLoss::Gone) => {
                self.previous_lease = None;
                Row::Wait(0)
            }
            Outcome::HeartbeatLost(HeartbeatLoss::Unauthorized) => Row::Unauthorized,
            Outcome::HeartbeatLost(HeartbeatLoss::Failed) => {
                self.previous_lease = this;
                Row::Wait(0)
            }
            Outcome::HeartbeatLost(HeartbeatLoss::Cancelled) => Row::Cancelled,
            other => panic!("section 4 has no row for {other:?}"),
        }
    }
}
