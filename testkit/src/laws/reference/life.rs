//! What follows from what: each input, each timer, each end.

use dormouse_core::{
    Attempt, Beat, ConnectFault, Delay, End, HandOver, HeartbeatFault, HeartbeatLoss, Hint,
    InputBuf, Oddity, Outcome, Report, State, Status, StopReason, StreamFault, Then,
    TransportFault, sse::LimitExceeded,
};

use super::guards::{Asked, spread};
use super::{Lease, NEVER, Reference, Timers};
use crate::laws::plan::{HeadKind, head_kind};
use crate::laws::rows::Row;
use crate::standard::{self, Item, Limit};

/// The limits that every setup has, in bytes.
const LINE: usize = 1024;
const DATA: usize = 1500;

fn millis(duration: core::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("short")
}

impl Reference {
    pub(super) fn input(&mut self, given: &InputBuf) {
        match given {
            InputBuf::Tick => {}
            InputBuf::Head { attempt, head } => self.head(*attempt, head_kind(head)),
            InputBuf::Data { attempt, bytes } => self.data(*attempt, bytes),
            InputBuf::End { attempt } => self.stream_over(*attempt, None),
            InputBuf::Failed { attempt, fault } => self.stream_over(*attempt, Some(*fault)),
            InputBuf::HeartbeatAnswer { beat, status } => self.answered(*beat, *status),
            InputBuf::HeartbeatFailed { beat, fault } => {
                if self.in_flight(*beat) {
                    self.heartbeat_failed(HeartbeatFault::Transport(*fault));
                }
            }
            InputBuf::HeartbeatsCancelled if self.state == State::Watching => {
                self.watch_ended(Outcome::HeartbeatLost(HeartbeatLoss::Cancelled));
            }
            InputBuf::HeartbeatsCancelled => self.stop(StopReason::Cancelled),
            InputBuf::SleepAgain(hand_over) => self.sleep_again(*hand_over),
            InputBuf::Hint(hint) => self.hint(*hint),
            InputBuf::Offline(offline) => self.set_offline(*offline),
            InputBuf::NewToken(_) => self.new_token(),
            InputBuf::Stop => self.stop(StopReason::Requested),
            other => panic!("{other:?}"),
        }
    }

    /// Section 3: what is due fires, longest due first.
    pub(super) fn fire(&mut self) {
        while !self.offline && self.next_due() <= self.now {
            let due = self.next_due();
            let timers = &mut self.timers;
            if timers.hello == due {
                let opened = self.state == State::Opening;
                self.connect_failed(ConnectFault::HelloTimeout { opened }, 0);
            } else if timers.read == due {
                self.watch_ended(Outcome::ReadTimeout);
            } else if timers.heartbeat_timeout == due {
                self.expected.abandon =
                    self.lease.as_ref().and_then(|l| l.in_flight).map(|(beat, _)| beat);
                self.heartbeat_failed(HeartbeatFault::Timeout);
            } else if timers.heartbeat == due {
                self.heartbeat_due(due);
            } else {
                self.connect_due();
            }
        }
    }

    fn current(&mut self, attempt: Attempt) -> bool {
        let current = self.state.is_attempting() && attempt.0 == self.attempt;
        self.stats.stale += u64::from(!current);
        current
    }

    /// Section 2.1.
    fn head(&mut self, attempt: Attempt, kind: HeadKind) {
        if !self.current(attempt) {
            return;
        }
        if self.state != State::Connecting {
            self.stats.out_of_place += 1;
            return;
        }
        match kind.fault {
            None => self.state = State::Opening,
            // Section 5.6: an older token's.
            Some(ConnectFault::Unauthorized) if self.tokens.connect != self.tokens.newest => {
                let ran = self.now - self.connected_at;
                let end = End::Connect(ConnectFault::Unauthorized);
                assert_eq!(self.take_end(ran), (end, Then::Connect(Delay::default())));
                self.give_up(State::Waiting);
                self.wait(0, 0);
                self.show(Status::Connecting);
            }
            Some(fault) => self.connect_failed(fault, kind.retry_after),
        }
    }

    /// Section 2.2, in whole lines.
    fn data(&mut self, attempt: Attempt, bytes: &[u8]) {
        if !self.current(attempt) {
            return;
        }
        if self.state == State::Connecting {
            self.stats.out_of_place += 1;
            return;
        }
        let only: Option<&[&str]> = Some(&["hello", "wake"]);
        let exceeded = standard::first_exceeded(bytes, LINE, DATA, only);
        let fits = exceeded.map_or(bytes, |(at, _)| &bytes[..at - 1]);
        let decoded = standard::decode(fits, only);
        assert!(exceeded.is_some() || !decoded.unfinished, "an orderly run comes in whole lines");
        for item in decoded.items {
            if !self.state.is_attempting() {
                return;
            }
            match item {
                Item::Comment => self.stats.comments += 1,
                Item::Retry(time) => self.window = time.min(300_000),
                Item::Event { name, data, .. } if name == "hello" => self.hello(&data),
                Item::Event { data, .. } if self.state == State::Watching => self.wake(&data),
                Item::Event { .. } | Item::Skipped => self.stats.events_ignored += 1,
            }
        }
        if let (Some((_, limit)), true) = (exceeded, self.state.is_attempting()) {
            let limit = match limit {
                Limit::Line => LimitExceeded::Line,
                Limit::Data => LimitExceeded::Data,
            };
            if self.state == State::Watching {
                self.watch_ended(Outcome::Stream(StreamFault::Limit(limit)));
            } else {
                self.connect_failed(ConnectFault::Limit(limit), 0);
            }
        } else if let (Some(lease), true) = (&self.lease, decoded.lines > 0) {
            self.timers.read = self.now + lease.interval * 5 / 2;
        }
    }

    fn hello(&mut self, data: &str) {
        if self.state == State::Watching {
            self.expected.oddity = Some(Oddity::SecondHello);
            self.stats.events_ignored += 1;
            return;
        }
        let hello: Option<serde_json::Value> = serde_json::from_str(data).ok();
        let hello = hello.as_ref();
        let number = |key| hello.and_then(|hello| hello.get(key)?.as_u64());
        let (Some(id), Some(interval), Some(wait)) = (
            hello.and_then(|hello| hello.get("watchLeaseId")?.as_str()),
            number("heartbeatIntervalMs"),
            number("deviceWaitForViewerMs"),
        ) else {
            return self.connect_failed_by(&|fault| matches!(fault, ConnectFault::Hello(_)), 0);
        };
        let interval = interval.clamp(1_000, 86_400_000);
        self.rows.hello();
        self.park = 300_000;
        self.state = State::Watching;
        self.stats.hellos += 1;
        let took = self.now - self.connected_at;
        let connected = self.report(|report| match report {
            Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer } => Some([
                attempt.0,
                millis(*took),
                millis(*heartbeat_interval),
                millis(*wait_for_viewer),
            ]),
            _ => None,
        });
        let wait_for_viewer = wait.clamp(5_000, 86_400_000);
        assert_eq!(connected, Some([self.attempt, took, interval, wait_for_viewer]));
        self.timers = Timers { read: self.now + interval * 5 / 2, ..Timers::NONE };
        // Section 5.3: the first heartbeat is the first of all that is due, after half an interval to a whole one.
        let least = if self.on.jitter { interval / 2 } else { interval };
        self.drawn = Some((self.now + least, self.now + interval));
        self.lease = Some(Lease {
            id: id.to_owned(),
            interval,
            since: self.now,
            refreshed: self.now,
            accepted: false,
            in_flight: None,
        });
        self.show(Status::Connected);
    }

    fn wake(&mut self, data: &str) {
        let wake: Option<serde_json::Value> = serde_json::from_str(data).ok();
        let good = wake.as_ref().filter(|wake| wake["url"] == "wss://go.example/1");
        let Some(wake) = good else {
            return self.watch_ended_by(&|outcome| {
                matches!(outcome, Outcome::Stream(StreamFault::Wake(_)))
            });
        };
        self.stats.wakes += 1;
        match (self.session.clone(), wake["remoteAccessSessionId"].as_str()) {
            (None, Some(first)) => self.session = Some(first.to_owned()),
            (Some(kept), Some(other)) if kept != other => {
                self.expected.oddity = Some(Oddity::OtherSession);
            }
            _ => {}
        }
        self.expected.wake = true;
        self.watch_ended(Outcome::Wake);
    }

    fn stream_over(&mut self, attempt: Attempt, fault: Option<TransportFault>) {
        if !self.current(attempt) {
            return;
        }
        match (self.state, fault) {
            (State::Watching, None) => self.watch_ended(Outcome::Ended),
            (State::Watching, Some(fault)) => {
                self.watch_ended(Outcome::Stream(StreamFault::Transport(fault)));
            }
            (_, None) => self.connect_failed(ConnectFault::Ended, 0),
            (_, Some(fault)) => self.connect_failed(ConnectFault::Transport(fault), 0),
        }
    }

    fn in_flight(&mut self, beat: Beat) -> bool {
        let waited_for = self.lease.as_ref().and_then(|lease| lease.in_flight);
        let current = waited_for.is_some_and(|(sent, _)| sent == beat.0);
        self.stats.stale += u64::from(!current);
        current
    }

    /// Section 2.3.
    fn answered(&mut self, beat: Beat, status: u16) {
        if !self.in_flight(beat) {
            return;
        }
        let lost = match status {
            200..=299 => {
                let sent = self.settle(None);
                let lease = self.lease.as_mut().expect("a lease");
                (lease.refreshed, lease.accepted) = (sent, true);
                self.stats.heartbeats_accepted += 1;
                return;
            }
            401 if self.tokens.heartbeat == self.tokens.newest => HeartbeatLoss::Unauthorized,
            409 => HeartbeatLoss::Taken,
            410 => HeartbeatLoss::Gone,
            _ => return self.heartbeat_failed(HeartbeatFault::Status(status)),
        };
        self.settle(Some(HeartbeatFault::Status(status)));
        self.watch_ended(Outcome::HeartbeatLost(lost));
    }

    /// One heartbeat failed; silence of three intervals is looked at then.
    fn heartbeat_failed(&mut self, fault: HeartbeatFault) {
        self.settle(Some(fault));
        let lease = self.lease.as_ref().expect("a lease");
        if self.now - lease.refreshed >= 3 * lease.interval {
            self.watch_ended(Outcome::HeartbeatLost(HeartbeatLoss::Failed));
        }
    }

    /// The heartbeat in flight has come to its end. Says when it was sent.
    fn settle(&mut self, fault: Option<HeartbeatFault>) -> u64 {
        let lease = self.lease.as_mut().expect("a lease");
        let (beat, sent) = lease.in_flight.take().expect("a heartbeat in flight");
        self.timers.heartbeat_timeout = NEVER;
        let settled = self.report(|report| match report {
            Report::Heartbeat { beat, took, fault } => Some((beat.0, millis(*took), *fault)),
            _ => None,
        });
        assert_eq!(settled, Some((beat, self.now - sent, fault)));
        sent
    }

    /// One interval after the other; what was slept through is not made up for.
    fn heartbeat_due(&mut self, due: u64) {
        let lease = self.lease.as_mut().expect("a lease");
        let next = due + lease.interval;
        self.timers.heartbeat = if next > self.now { next } else { self.now + lease.interval };
        if lease.in_flight.is_some() {
            self.stats.heartbeats_skipped += 1;
            return;
        }
        self.beat += 1;
        lease.in_flight = Some((self.beat, self.now));
        self.timers.heartbeat_timeout = self.now + lease.interval.min(10_000);
        self.expected.heartbeat = Some(self.beat);
    }

    /// The first table, and what section 5 makes of its row.
    fn connect_failed(&mut self, fault: ConnectFault, retry_after: u64) {
        self.connect_failed_by(&|said| said == fault, retry_after);
    }

    fn connect_failed_by(&mut self, is: &dyn Fn(ConnectFault) -> bool, retry_after: u64) {
        let ran = self.now - self.connected_at;
        let (end, then) = self.take_end(ran);
        let End::Connect(fault) = end else { panic!("{end:?} of a connect") };
        assert!(is(fault), "{fault:?}");
        match (self.rows.connect(fault), then) {
            (Row::Wait(row), Then::Connect(delay)) => {
                let asked = Asked { row, retry_after, window: self.window, ..Asked::default() };
                let total = asked.check(self.on, delay);
                self.give_up(State::Waiting);
                self.wait(total, if self.on.retry_after { retry_after } else { 0 });
                self.show(Status::Connecting);
            }
            (Row::Unauthorized, then) => self.refused(then),
            (row, then) => panic!("{row:?}, and {then:?}"),
        }
    }

    /// The second table, and what section 5 makes of its row.
    fn watch_ended(&mut self, outcome: Outcome) {
        self.watch_ended_by(&|said| said == outcome);
    }

    fn watch_ended_by(&mut self, is: &dyn Fn(Outcome) -> bool) {
        let lease = self.lease.take().expect("a lease");
        let ran = self.now - lease.since;
        let (end, then) = self.take_end(ran);
        let End::Watch(outcome) = end else { panic!("{end:?} of a watch") };
        assert!(is(outcome), "{outcome:?}");
        let row = self.rows.watch(lease.id, outcome, ran, lease.interval);
        if row == Row::HandOver {
            assert_eq!(then, Then::HandOver);
            return self.give_up(State::Awake);
        }
        let flap = self.flap.watch_ended(ran, lease.interval, lease.accepted);
        match (row, then) {
            (Row::Wait(row), Then::Connect(delay)) => {
                let window = if spread(outcome) { self.window } else { 0 };
                let total = Asked { row, flap, window, retry_after: 0 }.check(self.on, delay);
                self.give_up(State::Waiting);
                self.wait(total, 0);
            }
            (Row::Unauthorized, then) => self.refused(then),
            (Row::Cancelled, then) => {
                assert_eq!(then, Then::Stop(StopReason::Cancelled));
                self.stop(StopReason::Cancelled);
            }
            (row, then) => panic!("{row:?}, and {then:?}"),
        }
    }

    /// Section 5.6.
    fn refused(&mut self, then: Then) {
        match then {
            Then::Park(delay) if self.parks => {
                let total = Asked { row: self.park, ..Asked::default() }.check(self.on, delay);
                self.park = (self.park * 2).min(3_600_000);
                self.give_up(State::Parked);
                self.wait(total, 0);
                self.show(Status::Unauthorized);
            }
            Then::Stop(StopReason::Unauthorized) if !self.parks => {
                self.stop(StopReason::Unauthorized);
            }
            other => panic!("{other:?} after a refused token"),
        }
    }

    /// The one report of an end, which says how long it ran and what follows.
    fn take_end(&mut self, ran: u64) -> (End, Then) {
        let ended = self.report(|report| match report {
            Report::Ended { attempt, end, ran, then } => {
                Some((attempt.0, *end, millis(*ran), *then))
            }
            _ => None,
        });
        let (attempt, end, said, then) = ended.expect("an end");
        assert_eq!(
            (attempt, said),
            (self.attempt, ran),
            "which attempt ended, and how long it ran"
        );
        (end, then)
    }

    /// Laws 1 and 2: with the attempt goes everything that belongs to it.
    fn give_up(&mut self, next: State) {
        if self.state.is_attempting() {
            self.expected.disconnect = Some(self.attempt);
        }
        self.expected.abandon = None;
        self.expected.heartbeat = None;
        self.timers = Timers::NONE;
        self.drawn = None;
        self.lease = None;
        self.state = next;
    }

    fn wait(&mut self, total: u64, floor: u64) {
        self.floor = self.now + floor;
        self.timers.retry = self.now + total;
        if self.status == Status::Connected && (self.offline || total > 0) {
            self.show(Status::Connecting);
        }
    }

    /// Section 5.1: connects are paid for.
    fn connect_due(&mut self) {
        if self.on.connect_bound && !self.connects.pay(self.now) {
            let payable = self.connects.payable(self.now);
            self.timers.retry = payable;
            self.stats.connects_held += 1;
            let held = self.report(|report| match report {
                Report::Held { wait } => Some(millis(*wait)),
                _ => None,
            });
            assert_eq!(held, Some(payable - self.now));
            if self.status == Status::Connected {
                self.show(Status::Connecting);
            }
            return;
        }
        self.attempt += 1;
        self.connected_at = self.now;
        self.state = State::Connecting;
        self.timers = Timers { hello: self.now + 30_000, ..Timers::NONE };
        self.expected.connect = true;
    }

    fn sleep_again(&mut self, hand_over: HandOver) {
        if self.state != State::Awake {
            self.stats.out_of_place += 1;
            return;
        }
        self.state = State::Waiting;
        if hand_over == HandOver::Done {
            self.flap.proven();
            self.connects.refund(self.now);
            return self.wait(0, 0);
        }
        self.stats.hand_overs_failed += 1;
        let said = self.report(|report| match report {
            Report::HandOverFailed { delay } => Some(*delay),
            _ => None,
        });
        let asked = Asked { flap: self.flap.one_more(), ..Asked::default() };
        let total = asked.check(self.on, said.expect("a hand-over that failed"));
        self.wait(total, 0);
    }

    /// Section 5.5.
    fn hint(&mut self, hint: Hint) {
        let payable =
            if self.on.connect_bound { self.connects.payable(self.now) } else { self.now };
        let due = self.floor.max(payable).max(self.now);
        let shortens = match self.state {
            State::Watching => true,
            State::Waiting => due < self.timers.retry,
            _ => false,
        };
        if !(shortens && self.on.hints && self.hints.pay(self.now)) {
            self.stats.hints_ignored += 1;
        } else if self.state == State::Watching {
            self.watch_ended(Outcome::Hint(hint));
        } else {
            self.timers.retry = due;
        }
    }

    fn set_offline(&mut self, offline: bool) {
        if !self.on.hints {
            self.stats.hints_ignored += 1;
            return;
        }
        self.offline = offline;
        if offline && self.state == State::Waiting && self.status == Status::Connected {
            self.show(Status::Connecting);
        }
    }

    /// Section 5.6.
    fn new_token(&mut self) {
        if self.state == State::Stopped {
            self.stats.out_of_place += 1;
            return;
        }
        self.tokens.newest += 1;
        self.park = 300_000;
        if self.state == State::Parked {
            self.state = State::Waiting;
            self.wait(0, 0);
        }
    }

    fn stop(&mut self, reason: StopReason) {
        if self.state == State::Stopped {
            self.stats.out_of_place += 1;
            return;
        }
        self.give_up(State::Stopped);
        self.expected.stop = Some(reason);
        self.show(Status::Stopped(reason));
    }

    fn show(&mut self, status: Status) {
        if self.status != status {
            self.status = status;
            self.expected.status = true;
        }
    }
}
