//! The end of an attempt, and the way to the next: rows from [`retry`], delays from the guards.

use core::mem;
use core::time::Duration;

use super::Watch;
use super::pending::Kind;
use crate::action::{Attempt, End, Report, Status, StopReason, Then};
use crate::config::OnUnauthorized;
use crate::error::{ConnectFault, Outcome};
use crate::guard::{Delay, Side};
use crate::retry::{self, Next};
use crate::state::{State, Step};
use crate::timer::Timer;

/// From the connect to `hello` (protocol.md section 3).
const HELLO_DEADLINE: Duration = Duration::from_secs(30);

impl Watch {
    pub(super) fn connect_failed(&mut self, fault: ConnectFault, retry_after: Option<Duration>) {
        let ran = self.now.since(self.connected_at);
        let (memory, next) = retry::connect_ended(mem::take(&mut self.memory), Err(fault));
        self.memory = memory;
        let end = End::Connect(fault);
        match next {
            Next::Connect(row) => {
                let delay = self.guard.connect_failed(row, retry_after);
                self.wait(delay, end, ran);
                self.show(Status::Connecting);
            }
            other => self.stop_or_park(other, end, ran),
        }
    }

    /// The token that was refused has been replaced meanwhile: the new one is tried at once.
    pub(super) fn token_overtaken(&mut self) {
        let ran = self.now.since(self.connected_at);
        self.wait(Delay::default(), End::Connect(ConnectFault::Unauthorized), ran);
        self.show(Status::Connecting);
    }

    /// The watch ended, other than by a wake.
    pub(super) fn watch_ended(&mut self, outcome: Outcome) {
        let Some(lease) = self.lease.take() else { return };
        let ran = self.now.since(lease.since);
        let (memory, next) =
            retry::watch_ended(mem::take(&mut self.memory), lease.id, outcome, ran, lease.interval);
        self.memory = memory;
        let end = End::Watch(outcome);
        match next {
            Next::Connect(row) => {
                let cause = Side::of(outcome);
                let delay = self.guard.watch_ended(row, cause, ran, lease.interval, lease.accepted);
                self.wait(delay, end, ran);
            }
            other => {
                self.guard.flapped(ran, lease.interval, lease.accepted);
                self.stop_or_park(other, end, ran);
            }
        }
    }

    /// The attempt ended, and the next one comes after `delay`.
    pub(super) fn wait(&mut self, delay: Delay, end: End, ran: Duration) {
        self.give_up(Step::Ended);
        self.wait_for(delay);
        self.ended(end, ran, Then::Connect(delay));
    }

    pub(super) fn wait_for(&mut self, delay: Delay) {
        self.floor = self.now.after(delay.retry_after());
        self.timers.set(Timer::Retry, self.now.after(delay.total()));
        // Back so fast that nobody need know, or not.
        if self.status == Status::Connected && (self.offline || !delay.total().is_zero()) {
            self.show(Status::Connecting);
        }
    }

    /// The rows that stop, and what the configuration makes of the one for a refused token.
    pub(super) fn stop_or_park(&mut self, next: Next, end: End, ran: Duration) {
        let reason = match next {
            Next::Unauthorized if self.config.on_unauthorized() == OnUnauthorized::Park => {
                let delay = self.guard.parked();
                self.give_up(Step::Parked);
                self.wait_for(delay);
                self.ended(end, ran, Then::Park(delay));
                return self.show(Status::Unauthorized);
            }
            Next::Unauthorized => StopReason::Unauthorized,
            _ => StopReason::Cancelled,
        };
        self.ended(end, ran, Then::Stop(reason));
        self.stop(reason);
    }

    pub(super) fn stop(&mut self, reason: StopReason) {
        if self.state == State::Stopped {
            return self.out_of_place();
        }
        self.give_up(Step::Stopped);
        self.lease = None;
        self.pending.stop(reason);
        self.show(Status::Stopped(reason));
    }

    /// The one way out of an attempt, and out of anything else: no timer runs on, nothing is asked for
    /// any more, and what was asked for is given up. What was never taken up need not be.
    pub(super) fn give_up(&mut self, step: Step) {
        if self.state.is_attempting() && !self.withdraw_connect() {
            self.pending.disconnect(self.attempt);
        }
        self.pending.withdraw(Kind::Heartbeat);
        self.pending.withdraw(Kind::Abandon);
        self.timers.clear_all();
        self.decoder.reset();
        self.step(step);
    }

    /// Takes back a connect that nobody has taken up, and what was paid for it. Says whether there was one.
    pub(super) fn withdraw_connect(&mut self) -> bool {
        let withdrawn = self.pending.withdraw(Kind::Connect);
        if withdrawn {
            self.guard.refund_connect(self.now);
        }
        withdrawn
    }

    /// The wait is over: connect, if the bucket pays for it.
    pub(super) fn retry_due(&mut self) {
        if let Err(payable) = self.guard.pay_connect(self.now) {
            self.timers.set(Timer::Retry, payable);
            self.stats.connects_held = self.stats.connects_held.saturating_add(1);
            self.pending.report(Report::Held { wait: payable.since(self.now) });
            if self.status == Status::Connected {
                self.show(Status::Connecting);
            }
            return;
        }
        self.step(Step::Due);
        self.attempt = Attempt(self.attempt.0.saturating_add(1));
        self.connected_at = self.now;
        self.pending.put(Kind::Connect);
        self.timers.set(Timer::Hello, self.now.after(HELLO_DEADLINE));
    }
}
