//! The machine once more, as a page of the protocol would write it: sections 3, 4 and 5, one after the other.
//!
//! It is given the same steps as the machine, says what has to come of each, and the two are compared in all that
//! can be seen: actions, requests, reports, delays, the next deadline, state, status and every count. It keeps
//! instants and lists where the machine keeps slots and tables, decodes with the transcription of the
//! standard, and knows nothing of chance: it checks each draw against its bounds and takes it over.
//!
//! It follows orderly runs: they begin with a tick, everything is taken out after every step, and the stream comes in
//! whole lines. What it leaves to others is cuts, undrained machines and broken clocks, for which the
//! [`Monitor`](super::Monitor) has laws.
//!
//! This file compares; `life` says what follows from what, `guards` how long to wait.

mod guards;
mod life;

use dormouse_core::{
    Action, InputBuf, Oddity, Report, Request, SessionId, State, Stats, Status, StopReason,
    Timestamp, Wake, Watch,
};

use self::guards::{Bucket, Flap, On};
use super::plan::{Polls, Setup, Step, take};
use super::rows::Rows;

const NEVER: u64 = u64::MAX;

/// The second machine. All times are in milliseconds.
pub struct Reference {
    on: On,
    parks: bool,
    now: u64,
    state: State,
    status: Status,
    offline: bool,
    rows: Rows,
    flap: Flap,
    park: u64,
    window: u64,
    connects: Bucket,
    hints: Bucket,
    timers: Timers,
    /// Between which instants the first heartbeat of this watch is due, until the machine has shown which.
    drawn: Option<(u64, u64)>,
    /// No hint ends the wait before this.
    floor: u64,
    attempt: u64,
    connected_at: u64,
    lease: Option<Lease>,
    /// The latest heartbeat.
    beat: u64,
    session: Option<String>,
    tokens: Tokens,
    stats: Stats,
    expected: Expected,
    came: Vec<Action>,
    /// The deadline that the machine gave before anything was taken out.
    deadline: u64,
}

/// When each timer is due; in this order where two are due at one instant.
struct Timers {
    hello: u64,
    read: u64,
    heartbeat_timeout: u64,
    heartbeat: u64,
    retry: u64,
}

impl Timers {
    const NONE: Self = Self {
        hello: NEVER,
        read: NEVER,
        heartbeat_timeout: NEVER,
        heartbeat: NEVER,
        retry: NEVER,
    };

    fn all(&self) -> [u64; 5] {
        [self.hello, self.read, self.heartbeat_timeout, self.heartbeat, self.retry]
    }
}

struct Lease {
    id: String,
    interval: u64,
    since: u64,
    refreshed: u64,
    accepted: bool,
    /// The heartbeat without an answer, and when it was sent.
    in_flight: Option<(u64, u64)>,
}

/// Which token there is, counted from 0, and which ones the latest requests carried.
#[derive(Default)]
struct Tokens {
    newest: u32,
    connect: u32,
    heartbeat: u32,
}

/// What has to come of a step, but for reports, which are taken out as they are come upon.
#[derive(Default)]
struct Expected {
    disconnect: Option<u64>,
    abandon: Option<u64>,
    connect: bool,
    heartbeat: Option<u64>,
    oddity: Option<Oddity>,
    status: bool,
    wake: bool,
    stop: Option<StopReason>,
}

impl Reference {
    /// A client that wants to connect, and of which nothing has been taken out yet.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let mut reference = Self {
            on: On::of(setup),
            parks: setup.park,
            now: setup.origin,
            state: State::Waiting,
            status: Status::Connecting,
            offline: false,
            rows: Rows::new(),
            flap: Flap::default(),
            park: 300_000,
            window: 0,
            connects: Bucket::new(10, 30_000),
            hints: Bucket::new(3, 60_000),
            timers: Timers { retry: setup.origin, ..Timers::NONE },
            drawn: None,
            floor: setup.origin,
            attempt: 0,
            connected_at: setup.origin,
            lease: None,
            beat: 0,
            session: None,
            tokens: Tokens::default(),
            stats: Stats::default(),
            expected: Expected { status: true, ..Expected::default() },
            came: Vec::new(),
            deadline: NEVER,
        };
        reference.fire();
        reference
    }

    /// Feeds one step to the machine, and holds everything that came against what had to.
    ///
    /// # Panics
    ///
    /// If the machine does otherwise, and if the run is not an orderly one.
    pub fn step(&mut self, watch: &mut Watch, step: &Step) {
        let orderly = self.stats.connects > 0 || step.given == InputBuf::Tick;
        assert!(orderly && step.polls == Polls::All, "an orderly run");
        self.now = self.now.max(step.at);
        step.feed(watch);
        self.deadline = watch.deadline().map_or(NEVER, Timestamp::as_millis);
        self.came = take(watch, Polls::All);
        self.input(&step.given);
        if step.given == InputBuf::Tick || !self.state.is_attempting() {
            self.fire();
        }
        self.compare();
        assert_eq!(self.state, watch.state());
        assert_eq!(self.status, watch.status());
        assert_eq!(self.offline, watch.is_offline());
        let session = watch.session().map(SessionId::as_str);
        assert_eq!(self.session.as_deref(), session);
        assert_eq!(self.stats, *watch.stats());
    }

    /// Takes out what came and was expected: in the end nothing may be left.
    fn compare(&mut self) {
        let expected = std::mem::take(&mut self.expected);
        let disconnect = self.one(|action| match action {
            Action::Disconnect { attempt } => Some(attempt.0),
            _ => None,
        });
        assert_eq!(disconnect, expected.disconnect, "which attempt is given up");
        let abandon = self.one(|action| match action {
            Action::Abandon { beat } => Some(beat.0),
            _ => None,
        });
        assert_eq!(abandon, expected.abandon, "which heartbeat is given up");
        let connect = self.one(|action| match action {
            Action::Connect { attempt, request } => Some((attempt.0, request.clone())),
            _ => None,
        });
        let attempt = connect.as_ref().map(|(attempt, _)| *attempt);
        assert_eq!(attempt, expected.connect.then_some(self.attempt), "whether to connect");
        if let Some((_, request)) = connect {
            self.connect_asked(&request);
        }
        let heartbeat = self.one(|action| match action {
            Action::Heartbeat { beat, request } => Some((beat.0, request.clone())),
            _ => None,
        });
        let beat = heartbeat.as_ref().map(|(beat, _)| *beat);
        assert_eq!(beat, expected.heartbeat, "whether to send a heartbeat");
        if let Some((_, request)) = heartbeat {
            self.heartbeat_asked(&request);
        }
        let oddity = self.report(|report| match report {
            Report::Oddity { oddity, .. } => Some(*oddity),
            _ => None,
        });
        assert_eq!(oddity, expected.oddity, "what is odd");
        let status = self.one(|action| match action {
            Action::Status(status) => Some(*status),
            _ => None,
        });
        assert_eq!(status, expected.status.then_some(self.status), "what is shown");
        let wake = self.one(|action| match action {
            Action::Wake(Wake { url, token, .. }) => Some((url.clone(), token.expose().to_owned())),
            _ => None,
        });
        let good = ("wss://go.example/1".into(), "canary-wake".to_owned());
        assert_eq!(wake, expected.wake.then_some(good), "what is handed over");
        let stop = self.one(|action| match action {
            Action::Stop(reason) => Some(*reason),
            _ => None,
        });
        assert_eq!(stop, expected.stop, "why it is over");
        if let (Some((from, to)), false) = (self.drawn, self.offline) {
            // It comes before anything else that a watch waits for.
            assert!(
                (from..=to).contains(&self.deadline),
                "{} is not {from} to {to}",
                self.deadline
            );
            (self.timers.heartbeat, self.drawn) = (self.deadline, None);
        }
        let until = if self.offline { NEVER } else { self.next_due() };
        assert_eq!(self.deadline, until, "when the next timer is due");
        let slept = self.one(|action| match action {
            Action::Sleep { until } => Some(until.map_or(NEVER, Timestamp::as_millis)),
            _ => None,
        });
        assert_eq!(slept, Some(until), "until when to sleep");
        assert!(self.came.is_empty(), "nobody expected {:?}", self.came);
    }

    /// Sections 2.1 and 4: what a connect says.
    fn connect_asked(&mut self, request: &Request) {
        self.tokens.connect = self.tokens.newest;
        self.stats.connects += 1;
        let mut url = "https://api.example.com/v1/watch?protocolVersion=2.2.0".to_owned();
        if let Some(session) = &self.session {
            url = format!("{url}&remoteAccessSessionId={session}");
        }
        if let Some(lease) = &self.rows.previous_lease {
            url = format!("{url}&previousWatchLeaseId={lease}");
        }
        assert_eq!((request.url(), request.body()), (url.as_str(), ""));
    }

    /// Section 2.3: what a heartbeat says.
    fn heartbeat_asked(&mut self, request: &Request) {
        self.tokens.heartbeat = self.tokens.newest;
        self.stats.heartbeats += 1;
        let lease = self.lease.as_ref().map(|lease| lease.id.as_str()).expect("a lease");
        assert_eq!(request.url(), "https://api.example.com/v1/watch/heartbeat");
        assert_eq!(request.body(), format!(r#"{{"watchLeaseId":"{lease}"}}"#));
    }

    /// Takes out the first action of a kind.
    fn one<T>(&mut self, kind: impl Fn(&Action) -> Option<T>) -> Option<T> {
        let at = self.came.iter().position(|action| kind(action).is_some())?;
        kind(&self.came.remove(at))
    }

    fn report<T>(&mut self, kind: impl Fn(&Report) -> Option<T>) -> Option<T> {
        self.one(|action| match action {
            Action::Report(report) => kind(report),
            _ => None,
        })
    }

    fn next_due(&self) -> u64 {
        self.timers.all().into_iter().min().unwrap_or(NEVER)
    }
}
