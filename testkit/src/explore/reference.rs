//! Sections 2 to 5 of protocol.md once more, whole: what a client must do, said before it is asked.
//!
//! The machine is built for devices: slots, timers in a table, a decoder that lends. This is built to be read
//! beside the page. It is told the same symbols with the same chance, says everything that the machine must say,
//! in the order of `Action`; where the two differ, one of them is wrong. It presumes that all is taken out after
//! each input; what a machine does that is not drained, the laws alone say.

mod guards;
mod mark;

use dormouse_core::{
    ConnectFault, End, HeartbeatFault, HeartbeatLoss, Oddity, Outcome, State, Status, StopReason,
    StreamFault, TransportFault, sse,
};

use guards::Allowance;

use super::alphabet::{Answer, Known, Symbol, Whose, lease};
use super::stream::{Found, Stream, hello, wake};
use super::told::{Then, Told, Wait};

/// The timers of section 3, in the order in which those fire that are due at one instant.
const HELLO: usize = 0;
const READ: usize = 1;
const TIMEOUT: usize = 2;
const BEAT: usize = 3;
const RETRY: usize = 4;

/// Which guards are on, and what a refused token leads to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) flap: bool,
    pub(crate) bound: bool,
    pub(crate) retry_after: bool,
    pub(crate) jitter: bool,
    pub(crate) window: bool,
    pub(crate) hints: bool,
    pub(crate) parks: bool,
}

/// What the page says that a client remembers. Times are the run's own.
#[derive(Clone)]
pub(crate) struct Reference {
    rules: Rules,
    /// What each `hello` of this exploration says.
    interval: u64,
    now: u64,
    state: State,
    offline: bool,
    status: Status,
    known: Known,
    /// Heartbeats that were due; one may be given up before it is asked for.
    beats: u64,
    timers: [Option<u64>; 5],
    previous: Option<String>,
    backoff: u64,
    session: Option<String>,
    connected_at: u64,
    held: Option<Held>,
    stream: Stream,
    /// Which token the latest requests carried.
    connect_token: u8,
    beat_token: u8,
    floor: u64,
    short: u32,
    park: u64,
    window: u64,
    connects: Allowance,
    hints: Allowance,
    chance: u64,
    say: Say,
}

/// The lease that is held, on a watch that is open.
#[derive(Clone)]
struct Held {
    lease: String,
    since: u64,
    refreshed: u64,
    accepted: bool,
    /// The heartbeat that has no answer, and when it was sent.
    in_flight: Option<(u64, u64)>,
}

/// What is said after one input, by kind: the last of each.
#[derive(Clone, Default)]
struct Say {
    disconnect: Option<u64>,
    abandon: Option<u64>,
    connect: bool,
    heartbeat: bool,
    hand_over_failed: Option<Told>,
    held: Option<Told>,
    connected: Option<Told>,
    oddity: Option<Told>,
    beat: Option<Told>,
    ended: Option<Told>,
    status: Option<Status>,
    wake: Option<Told>,
    stop: Option<StopReason>,
}

impl Reference {
    /// A client that was just made, and what it says first.
    pub(crate) fn new(rules: Rules, interval: u64, now: u64) -> (Self, Vec<Told>) {
        let allowance = |most, every| Allowance { most, every, full_at: now };
        let mut new = Self {
            rules,
            interval,
            now,
            state: State::Waiting,
            offline: false,
            status: Status::Connecting,
            known: Known::default(),
            beats: 0,
            timers: [None, None, None, None, Some(now)],
            previous: None,
            backoff: 1_000,
            session: None,
            connected_at: now,
            held: None,
            stream: Stream::default(),
            connect_token: 0,
            beat_token: 0,
            floor: now,
            short: 0,
            park: 300_000,
            window: 0,
            connects: allowance(10, 30_000),
            hints: allowance(3, 60_000),
            chance: 0,
            say: Say { status: Some(Status::Connecting), ..Say::default() },
        };
        new.fire();
        let said = new.said();
        (new, said)
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn known(&self) -> Known {
        self.known
    }

    /// The stream is between two blocks, with no line begun.
    pub(crate) fn nothing_begun(&self) -> bool {
        self.stream.nothing_begun()
    }

    /// When something is due next, offline or not.
    pub(crate) fn due(&self) -> Option<u64> {
        self.timers.iter().flatten().min().copied()
    }

    /// What the machine must say to this, at this time and with the chance of this seed.
    pub(crate) fn step(&mut self, at: u64, symbol: Symbol, seed: u64) -> Vec<Told> {
        self.now = self.now.max(at);
        self.chance = seed;
        self.input(symbol);
        if symbol == Symbol::Tick || !self.state.is_attempting() {
            self.fire();
        }
        self.said()
    }

    fn input(&mut self, symbol: Symbol) {
        let broken = TransportFault::Broken;
        match symbol {
            Symbol::Tick | Symbol::Nothing => {}
            Symbol::Head(whose, answer) if self.is_current(whose) => self.head(answer),
            Symbol::Data(whose, chunk) if self.is_current(whose) => {
                if self.state != State::Connecting {
                    self.data(&chunk.bytes(&lease(self.known.attempt), self.interval));
                }
            }
            Symbol::End(whose) if self.is_current(whose) => match self.state {
                State::Watching => self.watch_ended(Outcome::Ended),
                _ => self.connect_failed(ConnectFault::Ended, 0),
            },
            Symbol::Failed(whose) if self.is_current(whose) => match self.state {
                State::Watching => {
                    self.watch_ended(Outcome::Stream(StreamFault::Transport(broken)));
                }
                _ => self.connect_failed(ConnectFault::Transport(broken), 0),
            },
            Symbol::Answer(whose, status) if self.is_in_flight(whose) => self.answer(status),
            Symbol::Lost(whose) if self.is_in_flight(whose) => {
                self.beat_failed(HeartbeatFault::Transport(TransportFault::Connect));
            }
            Symbol::Head(..)
            | Symbol::Data(..)
            | Symbol::End(_)
            | Symbol::Failed(_)
            | Symbol::Answer(..)
            | Symbol::Lost(_) => {}
            Symbol::Cancel => match self.state {
                State::Watching => self.lost(HeartbeatLoss::Cancelled),
                State::Stopped => {}
                _ => self.stop(StopReason::Cancelled),
            },
            Symbol::Again(hand_over) => self.again(hand_over),
            Symbol::Hint(hint) => self.hint(hint),
            Symbol::Offline(offline) => {
                if self.rules.hints {
                    self.offline = offline;
                    // A watch that has ended is shown as connecting: it cannot be back at once.
                    if offline && self.state == State::Waiting && self.status == Status::Connected {
                        self.show(Status::Connecting);
                    }
                }
            }
            Symbol::NewToken => {
                // Whoever drives the machine has given it, heard or not.
                self.known.token += 1;
                if self.state != State::Stopped {
                    self.park = 300_000;
                }
                if self.state == State::Parked {
                    self.state = State::Waiting;
                    self.begin_wait(Wait::default());
                }
            }
            Symbol::Stop => {
                if self.state != State::Stopped {
                    self.stop(StopReason::Requested);
                }
            }
        }
    }

    fn is_current(&self, whose: Whose) -> bool {
        self.state.is_attempting() && whose == Whose::Latest
    }

    fn is_in_flight(&self, whose: Whose) -> bool {
        let in_flight = self.held.as_ref().and_then(|held| held.in_flight);
        in_flight.is_some_and(|(beat, _)| whose.of(self.known.beat) == beat)
    }

    /// Section 2.1.
    fn head(&mut self, answer: Answer) {
        if self.state != State::Connecting {
            return;
        }
        match answer {
            Answer::Sse => self.state = State::Opening,
            Answer::Html | Answer::NoContent => {
                self.connect_failed(ConnectFault::NotEventStream, 0);
            }
            Answer::Gzip => self.connect_failed(ConnectFault::Compressed, 0),
            Answer::Found => self.connect_failed(ConnectFault::Status(302), 0),
            // Section 5.6: a 401 to a request that carried an older token says nothing about the new one.
            Answer::Unauthorized if self.connect_token != self.known.token => {
                self.end(End::Connect(ConnectFault::Unauthorized), Some(Wait::default()));
                self.show(Status::Connecting);
            }
            Answer::Unauthorized => self.connect_failed(ConnectFault::Unauthorized, 0),
            Answer::Conflict => self.connect_failed(ConnectFault::Conflict, 0),
            Answer::BusySeven => self.connect_failed(ConnectFault::Status(503), 7_000),
            // Section 5.2: at most one hour.
            Answer::BusyForEver => self.connect_failed(ConnectFault::Status(429), 3_600_000),
            Answer::Broken => self.connect_failed(ConnectFault::Status(500), 0),
        }
    }

    /// Section 2.2.
    fn data(&mut self, bytes: &[u8]) {
        let mut lived = false;
        for &byte in bytes {
            let (line, found) = self.stream.byte(byte);
            lived |= line;
            let watching = self.state == State::Watching;
            match found {
                None => {}
                Some(Found::Comment) => {}
                Some(Found::Retry(millis)) => self.window = millis.min(300_000),
                Some(Found::Limit(limit)) if watching => {
                    self.watch_ended(Outcome::Stream(StreamFault::Limit(limit)));
                }
                Some(Found::Limit(limit)) => self.connect_failed(ConnectFault::Limit(limit), 0),
                Some(Found::Event(name, data)) => match &*name {
                    "hello" if watching => {
                        let attempt = self.known.attempt;
                        self.say.oddity =
                            Some(Told::Oddity { attempt, oddity: Oddity::SecondHello });
                    }
                    "hello" => match hello(&data) {
                        Ok(lease) => self.hello(lease),
                        Err(fault) => self.connect_failed(ConnectFault::Hello(fault), 0),
                    },
                    "wake" if watching => match wake(&data) {
                        Ok(wake) => self.woken(wake),
                        Err(fault) => self.watch_ended(Outcome::Stream(StreamFault::Wake(fault))),
                    },
                    _ => {}
                },
            }
            if !self.state.is_attempting() {
                return;
            }
        }
        // Section 3: every complete line is a sign of life.
        if lived && self.held.is_some() {
            self.timers[READ] = Some(self.now + self.interval * 5 / 2);
        }
    }

    fn hello(&mut self, lease: String) {
        (self.previous, self.backoff, self.park) = (None, 1_000, 300_000);
        self.state = State::Watching;
        self.timers[HELLO] = None;
        self.timers[READ] = Some(self.now + self.interval * 5 / 2);
        // Section 5.3: the first heartbeat after half an interval to a whole one.
        let early =
            if self.rules.jitter { self.draw(self.interval - self.interval / 2) } else { 0 };
        let first = if self.rules.jitter { self.interval / 2 + early } else { self.interval };
        self.timers[BEAT] = Some(self.now + first);
        self.say.connected = Some(Told::Connected {
            attempt: self.known.attempt,
            took: self.now - self.connected_at,
            interval: self.interval,
        });
        self.held = Some(Held {
            lease,
            since: self.now,
            refreshed: self.now,
            accepted: false,
            in_flight: None,
        });
        self.show(Status::Connected);
    }

    fn woken(&mut self, (url, session): (String, Option<String>)) {
        let attempt = self.known.attempt;
        match (&self.session, &session) {
            (None, Some(_)) => self.session.clone_from(&session),
            (Some(kept), Some(other)) if kept != other => {
                self.say.oddity = Some(Told::Oddity { attempt, oddity: Oddity::OtherSession });
            }
            _ => {}
        }
        self.say.wake = Some(Told::Wake { url, session });
        let ran = self.held.as_ref().map_or(0, |held| self.now - held.since);
        self.give_up(State::Awake);
        let end = End::Watch(Outcome::Wake);
        self.say.ended = Some(Told::Ended { attempt, end, ran, then: Then::HandOver });
    }

    /// Section 2.3.
    fn answer(&mut self, status: u16) {
        let loss = match status {
            200..=299 => {
                if let Some((sent, held)) = self.settle(None).zip(self.held.as_mut()) {
                    (held.refreshed, held.accepted) = (sent, true);
                }
                return;
            }
            401 if self.beat_token == self.known.token => HeartbeatLoss::Unauthorized,
            409 => HeartbeatLoss::Taken,
            410 => HeartbeatLoss::Gone,
            status => return self.beat_failed(HeartbeatFault::Status(status)),
        };
        self.settle(Some(HeartbeatFault::Status(status)));
        self.lost(loss);
    }

    /// Section 3, heartbeat silence.
    fn beat_failed(&mut self, fault: HeartbeatFault) {
        self.settle(Some(fault));
        let silent = self.held.as_ref().map_or(0, |held| self.now - held.refreshed);
        if silent >= 3 * self.interval {
            self.lost(HeartbeatLoss::Failed);
        }
    }

    fn settle(&mut self, fault: Option<HeartbeatFault>) -> Option<u64> {
        let (beat, sent) = self.held.as_mut()?.in_flight.take()?;
        self.timers[TIMEOUT] = None;
        if fault == Some(HeartbeatFault::Timeout) {
            self.say.abandon = Some(beat);
        }
        self.say.beat = Some(Told::Beat { beat, took: self.now - sent, fault });
        Some(sent)
    }

    fn lost(&mut self, loss: HeartbeatLoss) {
        self.watch_ended(Outcome::HeartbeatLost(loss));
    }

    /// Section 4, the first table.
    fn connect_failed(&mut self, fault: ConnectFault, retry_after: u64) {
        let row = match fault {
            ConnectFault::Unauthorized => return self.refused(End::Connect(fault)),
            ConnectFault::Conflict => {
                self.previous = None;
                30_000
            }
            ConnectFault::NotEventStream => 30_000,
            _ => self.double(),
        };
        let wait = self.delay(row, 0, retry_after, true);
        self.end(End::Connect(fault), Some(wait));
        self.show(Status::Connecting);
    }

    /// Section 4, the second table.
    fn watch_ended(&mut self, outcome: Outcome) {
        let Some(held) = self.held.clone() else { return };
        let ran = self.now - held.since;
        let this = Some(held.lease);
        let (previous, row, server) = match outcome {
            Outcome::Ended => (this, 0, true),
            Outcome::Stream(_) if ran >= self.interval => (this, 0, true),
            Outcome::Stream(_) => (this, self.double(), true),
            Outcome::HeartbeatLost(HeartbeatLoss::Taken) => (None, 30_000, false),
            Outcome::HeartbeatLost(HeartbeatLoss::Gone) => (None, 0, true),
            Outcome::HeartbeatLost(HeartbeatLoss::Unauthorized | HeartbeatLoss::Cancelled) => {
                self.flap(ran, held.accepted);
                let end = End::Watch(outcome);
                if outcome == Outcome::HeartbeatLost(HeartbeatLoss::Cancelled) {
                    self.end(end, None);
                    return self.stop(StopReason::Cancelled);
                }
                return self.refused(end);
            }
            _ => (this, 0, false),
        };
        self.previous = previous;
        let flap = self.flap(ran, held.accepted);
        let wait = self.delay(row, flap, 0, server);
        self.end(End::Watch(outcome), Some(wait));
    }

    /// The attempt ends, and the next one comes after the wait, or the stop.
    fn end(&mut self, end: End, wait: Option<Wait>) {
        let (attempt, ran) = (self.known.attempt, self.ran());
        let then = match (wait, end) {
            (Some(wait), _) => Then::Connect(wait),
            (None, End::Watch(Outcome::HeartbeatLost(HeartbeatLoss::Cancelled))) => {
                Then::Stop(StopReason::Cancelled)
            }
            (None, _) => Then::Stop(StopReason::Unauthorized),
        };
        self.say.ended = Some(Told::Ended { attempt, end, ran, then });
        if let Some(wait) = wait {
            self.give_up(State::Waiting);
            self.begin_wait(wait);
        }
    }

    /// Since the connect, or for a watch since `hello`.
    fn ran(&self) -> u64 {
        self.now - self.held.as_ref().map_or(self.connected_at, |held| held.since)
    }

    fn begin_wait(&mut self, wait: Wait) {
        self.floor = self.now + wait.retry_after;
        self.timers[RETRY] = Some(self.now + wait.total);
        // Section 4, the last paragraph: still connected through every "connect at once".
        if self.status == Status::Connected && (wait.total > 0 || self.offline) {
            self.show(Status::Connecting);
        }
    }

    fn give_up(&mut self, then: State) {
        if self.state.is_attempting() {
            self.say.disconnect = Some(self.known.attempt);
        }
        (self.say.heartbeat, self.say.abandon) = (false, None);
        self.timers = [None; 5];
        self.stream = Stream::default();
        self.held = None;
        self.state = then;
    }

    fn stop(&mut self, reason: StopReason) {
        self.give_up(State::Stopped);
        self.say.stop = Some(reason);
        self.show(Status::Stopped(reason));
    }

    /// "Double": the present value is the delay; then it is doubled, to at most 30 s.
    fn double(&mut self) -> u64 {
        let delay = self.backoff;
        self.backoff = (delay * 2).min(30_000);
        delay
    }

    /// Section 3: what is due, longest due first.
    fn fire(&mut self) {
        while !self.offline {
            let due = |timer: &usize| self.timers[*timer].filter(|due| *due <= self.now);
            let first = (0..5).filter_map(|timer| due(&timer).map(|due| (due, timer))).min();
            let Some((due, timer)) = first else { return };
            self.timers[timer] = None;
            match timer {
                HELLO => {
                    let opened = self.state == State::Opening;
                    self.connect_failed(ConnectFault::HelloTimeout { opened }, 0);
                }
                READ => self.watch_ended(Outcome::ReadTimeout),
                TIMEOUT => self.beat_failed(HeartbeatFault::Timeout),
                BEAT => self.beat_due(due),
                _ => self.retry_due(),
            }
        }
    }

    fn beat_due(&mut self, due: u64) {
        let in_time = due + self.interval > self.now;
        self.timers[BEAT] = Some(if in_time { due } else { self.now } + self.interval);
        let Some(held) = self.held.as_mut().filter(|held| held.in_flight.is_none()) else { return };
        self.beats += 1;
        held.in_flight = Some((self.beats, self.now));
        self.timers[TIMEOUT] = Some(self.now + self.interval.min(10_000));
        self.say.heartbeat = true;
    }

    fn retry_due(&mut self) {
        if self.rules.bound && !self.connects.pay(self.now) {
            let payable = self.connects.payable(self.now);
            self.timers[RETRY] = Some(payable);
            self.say.held = Some(Told::Held { wait: payable - self.now });
            if self.status == Status::Connected {
                self.show(Status::Connecting);
            }
            return;
        }
        self.state = State::Connecting;
        self.connected_at = self.now;
        self.timers[HELLO] = Some(self.now + 30_000);
        self.say.connect = true;
    }

    fn show(&mut self, status: Status) {
        if self.status != status {
            self.status = status;
            self.say.status = Some(status);
        }
    }

    /// All that is to be said, in the order of `Action`.
    fn said(&mut self) -> Vec<Told> {
        let say = core::mem::take(&mut self.say);
        let mut told = Vec::with_capacity(4);
        told.extend(say.disconnect.map(|attempt| Told::Disconnect { attempt }));
        told.extend(say.abandon.map(|beat| Told::Abandon { beat }));
        let token = self.known.token;
        if say.connect {
            self.known.attempt += 1;
            self.connect_token = token;
            told.push(Told::Connect {
                attempt: self.known.attempt,
                session: self.session.clone(),
                previous: self.previous.clone(),
                token,
            });
        }
        if let (true, Some(held)) = (say.heartbeat, &self.held) {
            self.known.beat = self.beats;
            self.beat_token = token;
            told.push(Told::Heartbeat { beat: self.beats, lease: held.lease.clone(), token });
        }
        told.extend(
            [say.hand_over_failed, say.held, say.connected, say.oddity, say.beat, say.ended]
                .into_iter()
                .flatten(),
        );
        told.extend(say.status.map(Told::Status));
        told.extend(say.wake);
        told.extend(say.stop.map(Told::Stop));
        let until = if self.offline { None } else { self.due() };
        told.push(Told::Sleep { until });
        told
    }
}

/// The limits that explorations run with: as small as they may be, so that they are reached.
pub(crate) const LIMITS: sse::Limits = sse::Limits { line: 1024, data: 1500 };
