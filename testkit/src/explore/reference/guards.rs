//! Section 5 once more: the guards.

use dormouse_core::{End, HandOver, Hint, Outcome, State, Status, StopReason};

use super::{RETRY, Reference};
use crate::explore::alphabet::split_mix;
use crate::explore::told::{Then, Told, Wait};

/// Section 5.1: so many at once, and one more every so often. All it remembers is when it will be full.
#[derive(Clone)]
pub(super) struct Allowance {
    pub(super) most: u64,
    pub(super) every: u64,
    pub(super) full_at: u64,
}

impl Allowance {
    pub(super) fn payable(&self, now: u64) -> u64 {
        self.full_at.saturating_sub((self.most - 1) * self.every).max(now)
    }

    pub(super) fn pay(&mut self, now: u64) -> bool {
        let payable = self.payable(now) == now;
        if payable {
            self.full_at = self.full_at.max(now) + self.every;
        }
        payable
    }

    pub(super) fn refund(&mut self) {
        self.full_at = self.full_at.saturating_sub(self.every);
    }
}

impl Reference {
    /// Section 5.6.
    pub(super) fn refused(&mut self, end: End) {
        if !self.rules.parks {
            self.end(end, None);
            return self.stop(StopReason::Unauthorized);
        }
        let row = self.park;
        self.park = (row * 2).min(3_600_000);
        let wait = self.delay(row, 0, 0, false);
        let (attempt, ran) = (self.known.attempt, self.ran());
        self.give_up(State::Parked);
        self.begin_wait(wait);
        self.say.ended = Some(Told::Ended { attempt, end, ran, then: Then::Park(wait) });
        self.show(Status::Unauthorized);
    }

    pub(super) fn again(&mut self, hand_over: HandOver) {
        if self.state != State::Awake {
            return;
        }
        let wait = match hand_over {
            HandOver::Done => {
                self.short = 0;
                self.connects.refund();
                Wait::default()
            }
            HandOver::Failed => {
                let flap = self.short();
                let wait = self.delay(0, flap, 0, false);
                self.say.hand_over_failed = Some(Told::HandOverFailed(wait));
                wait
            }
        };
        self.state = State::Waiting;
        self.begin_wait(wait);
    }

    /// Section 5.5.
    pub(super) fn hint(&mut self, hint: Hint) {
        if !self.rules.hints {
            return;
        }
        match self.state {
            State::Watching if self.hints.pay(self.now) => self.watch_ended(Outcome::Hint(hint)),
            State::Waiting => {
                let payable =
                    if self.rules.bound { self.connects.payable(self.now) } else { self.now };
                let soonest = self.floor.max(payable).max(self.now);
                let hastens = self.timers[RETRY].is_some_and(|due| soonest < due);
                if hastens && self.hints.pay(self.now) {
                    self.timers[RETRY] = Some(soonest);
                }
            }
            _ => {}
        }
    }

    /// Section 5.1, for a watch that ended without a wake.
    pub(super) fn flap(&mut self, ran: u64, accepted: bool) -> u64 {
        if ran >= 60_000 && accepted {
            self.short = 0;
        }
        if ran < self.interval { self.short() } else { 0 }
    }

    fn short(&mut self) -> u64 {
        self.short += 1;
        match self.short {
            _ if !self.rules.flap => 0,
            0 | 1 => 0,
            more => (1_000 << (more - 2).min(5)).min(30_000),
        }
    }

    /// How a delay is put together: section 5, its third paragraph.
    pub(super) fn delay(&mut self, row: u64, flap: u64, asked: u64, server: bool) -> Wait {
        let retry_after = if self.rules.retry_after { asked } else { 0 };
        let spread = self.rules.window && server && retry_after == 0;
        let window = if spread { self.draw(self.window) } else { 0 };
        let least = row.max(flap).max(retry_after);
        let slept = match least {
            _ if !self.rules.jitter => least,
            // From what was asked for up to one and a half times of it.
            asked if asked == retry_after => asked + self.draw(asked / 2),
            // From the upper half, and never below a Retry-After.
            least => {
                let lowest = (least / 2).max(retry_after);
                lowest + self.draw(least - lowest)
            }
        };
        Wait { row, flap, retry_after, window, total: slept + window }
    }

    pub(super) fn draw(&mut self, most: u64) -> u64 {
        if most == 0 {
            return 0;
        }
        let drawn = u128::from(split_mix(&mut self.chance)) * (u128::from(most) + 1);
        u64::try_from(drawn >> 64).expect("no more than the most")
    }
}
