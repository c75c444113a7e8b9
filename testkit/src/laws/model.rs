//! Section 4 once more: a literal transcription of its two tables, to hold against what the machine says.
//!
//! With every guard off the machine has to decide exactly as these rows, at every end of every attempt of
//! any run. What the model cannot see from outside, such as which `hello` was the first, it reads from the
//! reports; what a status means, it says itself.

use dormouse_core::{
    Action, Attempt, Beat, ConnectFault, End, HeartbeatLoss, InputBuf, Outcome, Report, State,
    StopReason, StreamFault, Then, Timestamp, Watch,
};

use super::plan::{Step, take};
use super::rows::{Row, Rows};

/// What the two tables remember, and what is running.
pub struct Model {
    now: u64,
    rows: Rows,
    /// Section 5.6, which no guard switches off.
    park: u64,
    parks: bool,
    interval: u64,
    /// The last lease id that a complete `hello` carried on the running attempt before there was one.
    offered: Option<String>,
    lease: Option<String>,
    /// When the next connect has to come.
    due: Option<u64>,
    in_flight: Option<u64>,
    /// The latest attempt that was asked for.
    attempt: Option<u64>,
    /// Which token there is, and which ones the latest requests carried (section 5.6).
    token: u32,
    connect_token: u32,
    heartbeat_token: u32,
}

impl Model {
    /// A client that has not connected yet.
    #[must_use]
    pub fn new(now: u64, parks: bool) -> Self {
        Self {
            now,
            rows: Rows::new(),
            park: 300_000,
            parks,
            interval: 0,
            offered: None,
            lease: None,
            due: Some(now),
            in_flight: None,
            attempt: None,
            token: 0,
            connect_token: 0,
            heartbeat_token: 0,
        }
    }

    /// Feeds one step to the machine, and holds what came against the rows.
    ///
    /// # Panics
    ///
    /// If the machine decides otherwise.
    pub fn step(&mut self, watch: &mut Watch, step: &Step) {
        self.now = self.now.max(step.at);
        let before = watch.state();
        let expected = self.end_by_input(&step.given, before);
        if let InputBuf::Data { attempt: Attempt(attempt), bytes } = &step.given {
            if Some(*attempt) == self.attempt && before == State::Opening {
                let text = String::from_utf8_lossy(bytes);
                let id =
                    text.split_once(r#""watchLeaseId":""#).and_then(|(_, id)| id.split_once('"'));
                self.offered = id.map(|(id, _)| id.to_owned());
            }
        }
        step.feed(watch);
        match &step.given {
            InputBuf::SleepAgain(_) if before == State::Awake => self.due = Some(self.now),
            InputBuf::NewToken(_) if before != State::Stopped => {
                self.token += 1;
                self.park = 300_000;
                if before == State::Parked {
                    self.due = Some(self.now);
                }
            }
            InputBuf::Stop | InputBuf::HeartbeatsCancelled => self.due = None,
            _ => {}
        }
        let came = take(watch, step.polls);
        let mut ended = None;
        for action in &came {
            match action {
                Action::Report(Report::Connected { heartbeat_interval, .. }) => {
                    // The first table's first row.
                    self.rows.hello();
                    self.park = 300_000;
                    self.interval = u64::try_from(heartbeat_interval.as_millis()).expect("a day");
                    self.lease = self.offered.take();
                }
                Action::Report(Report::Ended { end, ran, then, .. }) => {
                    let ran = u64::try_from(ran.as_millis()).expect("a run");
                    self.ended(*end, ran, *then);
                    ended = Some(*end);
                }
                _ => {}
            }
        }
        if let Some(expected) = expected {
            assert_eq!(ended, Some(expected), "after {:?}", step.given);
        }
        self.connects(&came, watch);
    }

    fn ended(&mut self, end: End, ran: u64, then: Then) {
        self.in_flight = None;
        let row = match end {
            // Section 5.6: an older token's refusal says nothing about the new one.
            End::Connect(ConnectFault::Unauthorized) if self.connect_token != self.token => {
                Row::Wait(0)
            }
            End::Connect(fault) => self.rows.connect(fault),
            End::Watch(Outcome::Hint(hint)) => panic!("{hint:?} with every guard off"),
            End::Watch(outcome) => {
                let lease = self.lease.take().expect("a watch has a lease");
                self.rows.watch(lease, outcome, ran, self.interval)
            }
        };
        let expected = match row {
            Row::Wait(delay) => {
                self.due = Some(self.now + delay);
                format!("connect {delay}")
            }
            Row::HandOver => {
                self.due = None;
                "hand over".to_owned()
            }
            Row::Unauthorized if self.parks => {
                let delay = self.park;
                self.park = (delay * 2).min(3_600_000);
                self.due = Some(self.now + delay);
                format!("park {delay}")
            }
            Row::Unauthorized => {
                self.due = None;
                "stop unauthorized".to_owned()
            }
            Row::Cancelled => {
                self.due = None;
                "stop cancelled".to_owned()
            }
        };
        let said = match then {
            Then::Connect(delay) => format!("connect {}", delay.total().as_millis()),
            Then::Park(delay) => format!("park {}", delay.total().as_millis()),
            Then::HandOver => "hand over".to_owned(),
            Then::Stop(StopReason::Unauthorized) => "stop unauthorized".to_owned(),
            Then::Stop(StopReason::Cancelled) => "stop cancelled".to_owned(),
            Then::Stop(other) => panic!("{other:?}"),
        };
        assert_eq!(said, expected, "after {end:?}, having run {ran} ms");
    }

    /// Sections 2.1 and 2.3: which end an input leads to, where it alone says so.
    fn end_by_input(&self, given: &InputBuf, state: State) -> Option<End> {
        let running = match given {
            InputBuf::Head { attempt: Attempt(attempt), .. }
            | InputBuf::End { attempt: Attempt(attempt) }
            | InputBuf::Failed { attempt: Attempt(attempt), .. } => {
                Some(*attempt) == self.attempt && state.is_attempting()
            }
            InputBuf::HeartbeatAnswer { beat: Beat(beat), .. } => Some(*beat) == self.in_flight,
            InputBuf::HeartbeatsCancelled => state == State::Watching,
            _ => false,
        };
        if !running {
            return None;
        }
        let connect = |fault| Some(End::Connect(fault));
        let lost = |loss| Some(End::Watch(Outcome::HeartbeatLost(loss)));
        match (given, state) {
            (InputBuf::Head { head, .. }, State::Connecting) => match head.status() {
                200..=299 => None,
                401 => connect(ConnectFault::Unauthorized),
                409 => connect(ConnectFault::Conflict),
                status => connect(ConnectFault::Status(status)),
            },
            (InputBuf::End { .. }, State::Watching) => Some(End::Watch(Outcome::Ended)),
            (InputBuf::End { .. }, _) => connect(ConnectFault::Ended),
            (InputBuf::Failed { fault, .. }, State::Watching) => {
                Some(End::Watch(Outcome::Stream(StreamFault::Transport(*fault))))
            }
            (InputBuf::Failed { fault, .. }, _) => connect(ConnectFault::Transport(*fault)),
            (InputBuf::HeartbeatAnswer { status: 401, .. }, _)
                if self.heartbeat_token != self.token =>
            {
                None
            }
            (InputBuf::HeartbeatAnswer { status: 401, .. }, _) => lost(HeartbeatLoss::Unauthorized),
            (InputBuf::HeartbeatAnswer { status: 409, .. }, _) => lost(HeartbeatLoss::Taken),
            (InputBuf::HeartbeatAnswer { status: 410, .. }, _) => lost(HeartbeatLoss::Gone),
            (InputBuf::HeartbeatsCancelled, _) => lost(HeartbeatLoss::Cancelled),
            _ => None,
        }
    }

    /// The next connect comes when it is due, not sooner and not later, and says what is remembered.
    fn connects(&mut self, came: &[Action], watch: &Watch) {
        let mut connected = false;
        for action in came {
            match action {
                Action::Connect { attempt: Attempt(attempt), request } => {
                    let due = self.due.take().expect("no connect was due");
                    assert!(due <= self.now, "due at {due}, and now is {}", self.now);
                    let previous = request.url().split_once("previousWatchLeaseId=");
                    assert_eq!(
                        previous.map(|(_, lease)| lease),
                        self.rows.previous_lease.as_deref()
                    );
                    (connected, self.attempt) = (true, Some(*attempt));
                    self.connect_token = self.token;
                }
                Action::Heartbeat { beat, .. } => {
                    self.in_flight = Some(beat.0);
                    self.heartbeat_token = self.token;
                }
                Action::Disconnect { .. } | Action::Abandon { .. } => self.in_flight = None,
                Action::Report(Report::Heartbeat { beat, .. }) => {
                    self.in_flight = self.in_flight.filter(|sent| *sent != beat.0);
                }
                _ => {}
            }
        }
        if let (false, Some(due)) = (connected, self.due) {
            assert_eq!(watch.deadline(), Some(Timestamp::from_millis(due)));
            assert!(due > self.now, "due at {due}, and now is {}", self.now);
        }
    }
}
