//! What may come, as data that shrinks; and how it becomes a run of concrete inputs.
//!
//! A plan is written in relative terms (this attempt, the one before, at the deadline, one after it), since
//! what they mean depends on the run. [`resolve`] plays a plan once and writes down what they meant; the
//! run can then be played again, on another machine, cut otherwise, or with something slipped in.

use dormouse_core::{
    Action, Attempt, Beat, Config, ConnectFault, Guards, HandOver, Head, Hint, InputBuf,
    OnUnauthorized, State, Timestamp, Token, TransportFault, Watch, sse,
};

/// The last instant that the machine distinguishes: later ones are taken for it.
pub const LAST: u64 = u64::MAX - (1 << 40);

/// The machine to run.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Which guards are on, in the order of [`Guards`].
    pub guards: [bool; 6],
    /// Whether a refused token parks the watch.
    pub park: bool,
    /// All the chance that the machine has.
    pub seed: u64,
    /// The time at which it begins.
    pub origin: u64,
}

impl Setup {
    /// A new machine.
    ///
    /// # Panics
    ///
    /// Never: the configuration is a good one.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::new(self.config(), token(0), self.seed, Timestamp::from_millis(self.origin))
    }

    /// How it is configured.
    ///
    /// # Panics
    ///
    /// Never: the configuration is a good one.
    #[must_use]
    pub fn config(&self) -> Config {
        let unauthorized = if self.park { OnUnauthorized::Park } else { OnUnauthorized::Stop };
        Config::new("https://api.example.com")
            .guards(self.switches())
            .on_unauthorized(unauthorized)
            .limits(sse::Limits { line: 1024, data: 1500 })
            .build()
            .expect("a config")
    }

    /// The guards by their names.
    #[must_use]
    pub fn switches(&self) -> Guards {
        let mut guards = Guards::none();
        [
            guards.flap,
            guards.connect_bound,
            guards.retry_after,
            guards.jitter,
            guards.window,
            guards.hints,
        ] = self.guards;
        guards
    }
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub struct Op {
    /// When it happens.
    pub when: When,
    /// What happens.
    pub what: What,
    /// How much is taken out after it.
    pub polls: Polls,
}

/// When a step happens.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// At the time of the step before.
    Same,
    /// So many milliseconds after it.
    Later(u64),
    /// Before, at, or after the machine's deadline.
    Deadline(i8),
    /// So many milliseconds before the step before.
    Back(u64),
    /// So many milliseconds before the end of time.
    NearTheEnd(u64),
}

/// Which attempt or heartbeat, seen from the latest that the machine asked for.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// The latest itself.
    Latest,
    /// The one before it.
    Before,
    /// One that there is not yet.
    Next,
    /// One that there never is.
    Zero,
    /// The last number there is.
    Most,
}

/// What happens. Numbers choose among a handful of kinds, so that a plan is small and shrinks.
#[derive(Clone, Debug)]
pub enum What {
    /// Whatever brings the machine on from where it is, in one of several ways.
    Onwards(u8),
    /// Time passes.
    Tick,
    /// A response head.
    Head(Who, u8),
    /// Frames, of which the last bytes are kept back for the next data.
    Data(Who, Vec<Frame>, u8),
    /// The proper end of a stream.
    End(Who),
    /// A transport that fails.
    Failed(Who, u8),
    /// A heartbeat that is answered with a status.
    Answer(Who, u16),
    /// A heartbeat that gets no answer.
    Lost(Who, u8),
    /// Heartbeats are cancelled.
    Cancel,
    /// The application sleeps again, having done well or not.
    Again(bool),
    /// A resume, or a change of network.
    Hint(bool),
    /// The network goes, or comes.
    Offline(bool),
    /// Another token.
    NewToken(u8),
    /// The application has had enough.
    Stop,
}

/// Something that a server writes to a stream.
#[derive(Clone, Debug)]
pub enum Frame {
    /// A `hello` with a lease of its own, and one of several intervals.
    Hello(u8),
    /// One that does not say what it must.
    BadHello(u8),
    /// A wake, with one of several sessions.
    Wake(u8),
    /// One that does not say what it must.
    BadWake(u8),
    /// A sign of life.
    Comment,
    /// A reconnect window.
    Retry(u8),
    /// An event that means nothing.
    Other(u8),
    /// What exceeds the limit of a line (`true`), or of an event.
    TooLong(bool),
    /// Anything.
    Garbage(Vec<u8>),
}

/// How much is taken out after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polls {
    /// All there is.
    All,
    /// So many actions at most.
    Few(u8),
}

/// One concrete step of a run.
#[derive(Clone, Debug)]
pub struct Step {
    /// When it happens.
    pub at: u64,
    /// What goes in.
    pub given: InputBuf,
    /// How much is taken out after it.
    pub polls: Polls,
}

impl Step {
    /// Hands it in.
    pub fn feed(&self, watch: &mut Watch) {
        watch.handle(Timestamp::from_millis(self.at), self.given.as_input());
    }
}

/// Takes out what the step says; the last action of a whole drain is the sleep.
///
/// # Panics
///
/// If a drain does not come to an end.
pub fn take(watch: &mut Watch, polls: Polls) -> Vec<Action> {
    let mut taken = Vec::new();
    let most = match polls {
        Polls::All => 30,
        Polls::Few(few) => usize::from(few),
    };
    while taken.len() < most {
        let action = watch.poll();
        let sleeps = matches!(action, Action::Sleep { .. });
        taken.push(action);
        if sleeps {
            return taken;
        }
    }
    assert!(polls != Polls::All, "it never sleeps: {taken:?}");
    taken
}

/// Plays a run on a machine: what came after each step.
pub fn play(watch: &mut Watch, run: &[Step]) -> Vec<Vec<Action>> {
    run.iter()
        .map(|step| {
            step.feed(watch);
            take(watch, step.polls)
        })
        .collect()
}

/// Plays a plan once and writes down what it came to.
#[must_use]
pub fn resolve(setup: &Setup, plan: &[Op]) -> Vec<Step> {
    let mut watch = setup.watch();
    let mut seen = Seen { now: setup.origin, ..Seen::default() };
    let mut run = Vec::new();
    for op in plan {
        let step = seen.step(&watch, op);
        step.feed(&mut watch);
        for action in take(&mut watch, step.polls) {
            match action {
                Action::Connect { attempt, .. } => seen.attempt = attempt.0,
                Action::Heartbeat { beat, .. } => seen.beat = beat.0,
                _ => {}
            }
        }
        run.push(step);
    }
    run
}

#[derive(Default)]
struct Seen {
    now: u64,
    attempt: u64,
    beat: u64,
    hellos: u32,
    kept: Vec<u8>,
}

impl Seen {
    fn step(&mut self, watch: &Watch, op: &Op) -> Step {
        let deadline = watch.deadline().map_or(self.now, Timestamp::as_millis);
        let mut at = match op.when {
            When::Same => self.now,
            When::Later(wait) => self.now.saturating_add(wait),
            When::Deadline(offset) => deadline.saturating_add_signed(i64::from(offset)),
            When::Back(back) => self.now.saturating_sub(back),
            When::NearTheEnd(before) => u64::MAX - before,
        };
        let attempt = |who: &Who| Attempt(who.of(self.attempt));
        let beat = |who: &Who| Beat(who.of(self.beat));
        let given = match &op.what {
            What::Onwards(way) => {
                let (soon, given) = self.onwards(watch.state(), *way);
                at = if soon { self.now } else { deadline };
                given
            }
            What::Tick => InputBuf::Tick,
            What::Head(who, kind) => InputBuf::Head { attempt: attempt(who), head: head(*kind) },
            What::Data(who, frames, kept) => {
                let attempt = attempt(who);
                let mut bytes = core::mem::take(&mut self.kept);
                for frame in frames {
                    bytes.extend(self.bytes(frame));
                }
                let kept = bytes.len().saturating_sub(usize::from(*kept));
                self.kept = bytes.split_off(kept);
                InputBuf::Data { attempt, bytes: bytes.into() }
            }
            What::End(who) => InputBuf::End { attempt: attempt(who) },
            What::Failed(who, kind) => {
                InputBuf::Failed { attempt: attempt(who), fault: fault(*kind) }
            }
            What::Answer(who, status) => {
                InputBuf::HeartbeatAnswer { beat: beat(who), status: *status }
            }
            What::Lost(who, kind) => {
                InputBuf::HeartbeatFailed { beat: beat(who), fault: fault(*kind) }
            }
            What::Cancel => InputBuf::HeartbeatsCancelled,
            What::Again(done) => {
                InputBuf::SleepAgain(if *done { HandOver::Done } else { HandOver::Failed })
            }
            What::Hint(resumed) => {
                InputBuf::Hint(if *resumed { Hint::Resumed } else { Hint::NetworkChanged })
            }
            What::Offline(offline) => InputBuf::Offline(*offline),
            What::NewToken(number) => InputBuf::NewToken(token(*number)),
            What::Stop => InputBuf::Stop,
        };
        // A plan that went back, or near the end of time and back, is now where it is.
        self.now = at;
        Step { at, given, polls: op.polls }
    }

    /// What a good server and a good application would do next, and whether now or at the deadline.
    fn onwards(&mut self, state: State, way: u8) -> (bool, InputBuf) {
        let attempt = Attempt(self.attempt);
        let data = |bytes: Vec<u8>| InputBuf::Data { attempt, bytes: bytes.into() };
        match (state, way % 8) {
            (State::Connecting, _) => (true, InputBuf::Head { attempt, head: head(0) }),
            (State::Opening, _) => (true, data(self.bytes(&Frame::Hello(way / 8)))),
            (State::Watching, 0) => (true, data(wake(way / 8))),
            (State::Watching, 1..=3) => (false, data(b": alive\n".to_vec())),
            (State::Watching, 4..=6) => {
                (true, InputBuf::HeartbeatAnswer { beat: Beat(self.beat), status: 204 })
            }
            (State::Awake, 0..=3) => (true, InputBuf::SleepAgain(HandOver::Done)),
            (State::Awake, 4..=5) => (true, InputBuf::SleepAgain(HandOver::Failed)),
            _ => (false, InputBuf::Tick),
        }
    }

    fn bytes(&mut self, frame: &Frame) -> Vec<u8> {
        match frame {
            Frame::Hello(kind) => {
                // No lease is ever granted twice, so that each one tells its watch.
                self.hellos += 1;
                let interval = match kind % 8 {
                    0 => 0,
                    1 => 1_000,
                    2 => 4_000,
                    3 => 10_000,
                    4 => 90_000,
                    5 => u64::MAX,
                    _ => 30_000,
                };
                hello(&format!("L{}", self.hellos), interval)
            }
            Frame::BadHello(kind) => {
                let data = ["", "{}", "[1]", r#"{"watchLeaseId":7}"#, "{\"a\":[[[[[[[[[[[[[[[[["];
                let data = data[usize::from(*kind) % data.len()];
                format!("event: hello\ndata: {data}\n\n").into_bytes()
            }
            Frame::Wake(kind) => wake(*kind),
            Frame::BadWake(kind) => {
                let data = ["{}", "canary-x", r#"{"url":"ws://x","token":"canary-y"}"#];
                let data = data[usize::from(*kind) % data.len()];
                format!("event: wake\ndata: {data}\n\n").into_bytes()
            }
            Frame::Comment => b": alive\r\n".to_vec(),
            Frame::Retry(kind) => {
                let millis = ["0", "60000", "300001", "99999999999999999999999", "x"];
                format!("retry: {}\n", millis[usize::from(*kind) % millis.len()]).into_bytes()
            }
            Frame::Other(kind) => match kind % 3 {
                0 => b"data: unnamed\n\n".to_vec(),
                1 => b"event: other\rdata: x\r\r".to_vec(),
                _ => b"id: 7\nunknown\n\n".to_vec(),
            },
            Frame::TooLong(true) => {
                let mut line = b"data: ".to_vec();
                line.resize(1100, b'x');
                line.push(b'\n');
                line
            }
            Frame::TooLong(false) => {
                let mut line = b"data: ".to_vec();
                line.resize(1000, b'x');
                line.push(b'\n');
                line.repeat(2)
            }
            Frame::Garbage(bytes) => bytes.clone(),
        }
    }
}

impl Who {
    fn of(self, latest: u64) -> u64 {
        match self {
            Self::Latest => latest,
            Self::Before => latest.saturating_sub(1),
            Self::Next => latest + 1,
            Self::Zero => 0,
            Self::Most => u64::MAX,
        }
    }
}

/// A whole `hello`, as it comes over the wire.
#[must_use]
pub fn hello(lease: &str, interval: u64) -> Vec<u8> {
    format!(
        r#"event: hello
data: {{"watchLeaseId":"{lease}","deviceWaitForViewerMs":30000,"heartbeatIntervalMs":{interval}}}

"#
    )
    .into_bytes()
}

/// A whole wake; its token is one that no `Debug` may ever show.
#[must_use]
pub fn wake(kind: u8) -> Vec<u8> {
    let session = ["null", "\"s-1\"", "\"s-2\""][usize::from(kind) % 3];
    format!(
        r#"event: wake
data: {{"url":"wss://go.example/1","token":"canary-wake","remoteAccessSessionId":{session}}}

"#
    )
    .into_bytes()
}

/// A device token, by number: one that no `Debug` may ever show.
///
/// # Panics
///
/// Never: such tokens are good ones.
#[must_use]
pub fn token(number: u8) -> Token {
    Token::new(format!("canary-{number}")).expect("a token")
}

/// What a head means: sections 2.1 and 5.2.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadKind {
    /// Why it opens no watch, if it does not.
    pub(super) fault: Option<ConnectFault>,
    /// How long it asks to be left alone, in milliseconds and at most an hour.
    pub(super) retry_after: u64,
}

fn head(kind: u8) -> Head {
    heads(kind).0
}

/// What this head means, which is one of those that plans have.
pub(super) fn head_kind(head: &Head) -> HeadKind {
    (0..=u8::MAX).map(heads).find(|(one, _)| one == head).expect("a head of a plan").1
}

/// The low half of `kind` says which status, the high half what more.
fn heads(kind: u8) -> (Head, HeadKind) {
    let sse: (&str, &[u8]) = ("content-type", b"text/event-stream");
    let more = usize::from(kind / 16);
    let refused = |fault| HeadKind { fault: Some(fault), retry_after: 0 };
    let asks = |status, first: (&str, u64)| {
        const DATE: &[u8] = b"Sun, 06 Nov 1994 08:49:37 GMT";
        let values = [
            first,
            ("1", 1_000),
            ("30", 30_000),
            ("1800", 1_800_000),
            ("3600", 3_600_000),
            ("3601", 3_600_000),
            ("0", 0),
            ("soon", 0),
            ("Sun, 06 Nov 1994 08:50:37 GMT", 60_000),
            ("Sunday, 06-Nov-94 08:49:36 GMT", 0),
        ];
        let (value, retry_after) = values[more % values.len()];
        let head = Head::read(status, [("retry-after", value.as_bytes()), ("date", DATE)]);
        (head, HeadKind { fault: Some(ConnectFault::Status(status)), retry_after })
    };
    match kind % 16 {
        0..=6 => (Head::read(200, [sse]), HeadKind { fault: None, retry_after: 0 }),
        7 => (Head::read(401, []), refused(ConnectFault::Unauthorized)),
        8 => (Head::read(409, []), refused(ConnectFault::Conflict)),
        9 => (Head::read(200, []), refused(ConnectFault::NotEventStream)),
        10 => {
            let status = [500, 0, 100, 199, 300, 404, 410, 502][more % 8];
            (Head::read(status, []), refused(ConnectFault::Status(status)))
        }
        11 => asks(503, ("7", 7_000)),
        12 => asks(429, ("99999999999999999999999", 3_600_000)),
        13 => {
            let head = Head::read(200, [sse, ("content-encoding", b"br".as_slice())]);
            (head, refused(ConnectFault::Compressed))
        }
        14 => (Head::read(302, [sse]), refused(ConnectFault::Status(302))),
        _ => {
            let head = Head::read(u16::MAX, [("retry-after", b"7".as_slice())]);
            (head, refused(ConnectFault::Status(u16::MAX)))
        }
    }
}

fn fault(kind: u8) -> TransportFault {
    [
        TransportFault::Resolve,
        TransportFault::Connect,
        TransportFault::Tls,
        TransportFault::Broken,
        TransportFault::Http,
        TransportFault::Other,
    ][usize::from(kind) % 6]
}
