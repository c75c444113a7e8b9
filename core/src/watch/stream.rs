//! The stream of an attempt: its head, its bytes, its end, and the events in it.

use core::mem;
use core::time::Duration;

use super::pending::Kind;
use super::{Lease, Watch};
use crate::action::{Attempt, End, Oddity, Report, Status, Then, Wake};
use crate::error::{ConnectFault, Outcome, StreamFault, TransportFault, WireFault};
use crate::retry;
use crate::sse::{Item, LimitExceeded};
use crate::state::{State, Step};
use crate::timer::Timer;
use crate::wire::{Head, Hello, WakeUp};

impl Watch {
    /// Whether input belongs to the attempt that runs; if not, it is counted and changes nothing.
    pub(super) fn is_current(&mut self, attempt: Attempt) -> bool {
        let current = self.state.is_attempting()
            && attempt == self.attempt
            && !self.pending.has(Kind::Connect);
        if !current {
            self.stats.stale = self.stats.stale.saturating_add(1);
        }
        current
    }

    pub(super) fn head(&mut self, attempt: Attempt, head: Head) {
        if !self.is_current(attempt) {
            return;
        }
        if self.state != State::Connecting {
            return self.out_of_place();
        }
        match head.accept() {
            Ok(()) => self.step(Step::Accepted),
            Err(ConnectFault::Unauthorized) if self.connect_token != self.tokens => {
                self.token_overtaken();
            }
            Err(fault) => self.connect_failed(fault, head.retry_after()),
        }
    }

    pub(super) fn data(&mut self, attempt: Attempt, bytes: &[u8]) {
        /// What one item of the stream amounts to here, free of the decoder's loan.
        enum Found {
            Hello(Result<Hello, WireFault>),
            Wake(Result<WakeUp, WireFault>),
            Window(u64),
            Limit(LimitExceeded),
            /// Something that means nothing here.
            Nothing,
            /// The chunk's end.
            End,
        }
        if !self.is_current(attempt) {
            return;
        }
        if self.state == State::Connecting {
            return self.out_of_place();
        }
        let (lines, mut comments) = (self.decoder.lines(), self.decoder.comments());
        let mut rest = bytes;
        // A wake ends the watch, and so does a fault: what follows it in the chunk is not read.
        while self.state.is_attempting() {
            let found = match self.decoder.decode(&mut rest) {
                Ok(None) => Found::End,
                Ok(Some(Item::Event(event))) => match (event.name, self.state) {
                    ("hello", _) => Found::Hello(Hello::read(event.data)),
                    ("wake", State::Watching) => {
                        Found::Wake(WakeUp::read(event.data, self.config.is_plain()))
                    }
                    _ => Found::Nothing,
                },
                Ok(Some(Item::Retry(millis))) => Found::Window(millis),
                Ok(Some(_)) => Found::Nothing,
                Err(limit) => Found::Limit(limit),
            };
            let more = self.decoder.comments().saturating_sub(comments);
            self.stats.comments = self.stats.comments.saturating_add(more);
            comments = self.decoder.comments();
            match (found, self.state) {
                (Found::End, _) => break,
                (Found::Window(millis), _) => self.guard.set_window(millis),
                (Found::Hello(_), State::Watching) => self.second_hello(),
                (Found::Hello(Ok(hello)), _) => self.hello(hello),
                (Found::Hello(Err(fault)), _) => {
                    self.connect_failed(ConnectFault::Hello(fault), None);
                }
                (Found::Wake(Ok(wake)), _) => self.wake(wake),
                (Found::Wake(Err(fault)), _) => {
                    self.watch_ended(Outcome::Stream(StreamFault::Wake(fault)));
                }
                (Found::Limit(limit), State::Watching) => {
                    self.watch_ended(Outcome::Stream(StreamFault::Limit(limit)));
                }
                (Found::Limit(limit), _) => self.connect_failed(ConnectFault::Limit(limit), None),
                (Found::Nothing, _) => {
                    self.stats.events_ignored = self.stats.events_ignored.saturating_add(1);
                }
            }
        }
        // Only a line that is complete is a sign of life: one that trickles in is not.
        if let (Some(lease), true) = (&self.lease, self.decoder.lines() != lines) {
            self.timers.set(Timer::Read, self.now.after(read_deadline(lease.interval)));
        }
    }

    /// The stream is over: at its proper end, or broken.
    pub(super) fn stream_over(&mut self, attempt: Attempt, fault: Option<TransportFault>) {
        if !self.is_current(attempt) {
            return;
        }
        match (self.state, fault) {
            (State::Watching, None) => self.watch_ended(Outcome::Ended),
            (State::Watching, Some(fault)) => {
                self.watch_ended(Outcome::Stream(StreamFault::Transport(fault)));
            }
            (_, None) => self.connect_failed(ConnectFault::Ended, None),
            (_, Some(fault)) => self.connect_failed(ConnectFault::Transport(fault), None),
        }
    }

    pub(super) fn hello(&mut self, hello: Hello) {
        let (memory, _) = retry::connect_ended(mem::take(&mut self.memory), Ok(()));
        self.memory = memory;
        self.guard.unpark();
        self.step(Step::Hello);
        self.stats.hellos = self.stats.hellos.saturating_add(1);
        // What comes from here on is comments, for hours, and then one wake.
        self.decoder.shrink();
        self.timers.clear(Timer::Hello);
        self.timers.set(Timer::Read, self.now.after(read_deadline(hello.heartbeat_interval)));
        let first = self.guard.first_heartbeat(hello.heartbeat_interval);
        self.timers.set(Timer::Heartbeat, self.now.after(first));
        self.pending.report(Report::Connected {
            attempt: self.attempt,
            took: self.now.since(self.connected_at),
            heartbeat_interval: hello.heartbeat_interval,
            wait_for_viewer: hello.wait_for_viewer,
        });
        self.lease = Some(Lease {
            id: hello.lease,
            interval: hello.heartbeat_interval,
            wait_for_viewer: hello.wait_for_viewer,
            since: self.now,
            refreshed: self.now,
            accepted: false,
            in_flight: None,
        });
        self.show(Status::Connected);
    }

    pub(super) fn second_hello(&mut self) {
        self.pending.report(Report::Oddity { attempt: self.attempt, oddity: Oddity::SecondHello });
        self.stats.events_ignored = self.stats.events_ignored.saturating_add(1);
    }

    pub(super) fn wake(&mut self, wake: WakeUp) {
        let Some(lease) = self.lease.take() else { return };
        self.stats.wakes = self.stats.wakes.saturating_add(1);
        match (&self.session, &wake.session) {
            (None, Some(first)) => self.session = Some(first.clone()),
            (Some(kept), Some(other)) if kept != other => {
                self.pending
                    .report(Report::Oddity { attempt: self.attempt, oddity: Oddity::OtherSession });
            }
            _ => {}
        }
        self.pending.wake(Wake {
            url: wake.url,
            token: wake.token,
            session: wake.session,
            wait_for_viewer: lease.wait_for_viewer,
        });
        let ran = self.now.since(lease.since);
        let (memory, _) = retry::watch_ended(
            mem::take(&mut self.memory),
            lease.id,
            Outcome::Wake,
            ran,
            lease.interval,
        );
        self.memory = memory;
        self.give_up(Step::Wake);
        self.ended(End::Watch(Outcome::Wake), ran, Then::HandOver);
    }
}

/// Two and a half heartbeat intervals (protocol.md section 3).
fn read_deadline(interval: Duration) -> Duration {
    interval.saturating_mul(5) / 2
}
