//! What the application and its surroundings say: sleep again, hints, offline, a new token, stop.

use super::Watch;
use super::pending::Kind;
use crate::action::{Report, Status};
use crate::error::{Hint, Outcome};
use crate::guard::Delay;
use crate::input::HandOver;
use crate::secret::Token;
use crate::state::{State, Step};
use crate::timer::Timer;
use crate::wire;

impl Watch {
    pub(super) fn sleep_again(&mut self, hand_over: HandOver) {
        // A wake that was not even taken out cannot have been handed over.
        if self.state != State::Awake || self.pending.has(Kind::Wake) {
            return self.out_of_place();
        }
        let delay = match hand_over {
            HandOver::Done => self.guard.handed_over(self.now),
            HandOver::Failed => {
                self.stats.hand_overs_failed = self.stats.hand_overs_failed.saturating_add(1);
                let delay = self.guard.hand_over_failed();
                self.pending.report(Report::HandOverFailed { delay });
                delay
            }
        };
        self.step(Step::SleepAgain);
        self.wait_for(delay);
    }

    pub(super) fn hint(&mut self, hint: Hint) {
        let led_somewhere = match self.state {
            State::Watching if self.guard.pay_hint(self.now) => {
                self.watch_ended(Outcome::Hint(hint));
                true
            }
            State::Waiting => self.hasten(),
            _ => false,
        };
        if !led_somewhere {
            self.stats.hints_ignored = self.stats.hints_ignored.saturating_add(1);
        }
    }

    /// Ends a backoff, as far as the server's `Retry-After` and the connect bucket allow.
    pub(super) fn hasten(&mut self) -> bool {
        let due = self.floor.max(self.guard.connect_payable(self.now)).max(self.now);
        let sooner = self.timers.deadline(Timer::Retry).is_some_and(|deadline| due < deadline);
        let hastened = sooner && self.guard.pay_hint(self.now);
        if hastened {
            self.timers.set(Timer::Retry, due);
        }
        hastened
    }

    pub(super) fn set_offline(&mut self, offline: bool) {
        if !self.config.guards().hints {
            self.stats.hints_ignored = self.stats.hints_ignored.saturating_add(1);
            return;
        }
        self.offline = offline;
        if !offline {
            return;
        }
        // What was asked for and not yet taken up is not to be attempted now; it is due when there is a
        // network again.
        if self.withdraw_connect() {
            self.step(Step::Retracted);
            self.timers.clear_all();
            self.timers.set(Timer::Retry, self.now);
        }
        if self.state == State::Waiting && self.status == Status::Connected {
            self.show(Status::Connecting);
        }
        if self.pending.withdraw(Kind::Heartbeat) {
            if let Some(lease) = &mut self.lease {
                lease.in_flight = None;
            }
            self.timers.clear(Timer::HeartbeatTimeout);
            self.timers.set(Timer::Heartbeat, self.now);
        }
    }

    pub(super) fn new_token(&mut self, token: Token) {
        if self.state == State::Stopped {
            return self.out_of_place();
        }
        self.authorization = wire::authorization(&self.config, &token);
        self.tokens = self.tokens.wrapping_add(1);
        self.guard.unpark();
        if self.state == State::Parked {
            self.step(Step::NewToken);
            self.wait_for(Delay::default());
        }
    }

    pub(super) fn out_of_place(&mut self) {
        self.stats.out_of_place = self.stats.out_of_place.saturating_add(1);
    }
}
