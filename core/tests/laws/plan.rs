//! What may come, as data that shrinks; and how it becomes a run of concrete inputs.
//!
//! A plan is written in relative terms (this attempt, the one before, at the deadline, one after it), since
//! what they mean depends on the run. [`resolve`] plays a plan once and writes down what they meant; the
//! run can then be played again, on another machine, cut otherwise, or with something slipped in.

use dormouse_core::{
    Action, Attempt, Beat, Config, Guards, HandOver, Head, Hint, Input, OnUnauthorized, State,
    Timestamp, Token, TransportFault, Watch, sse,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// The last instant that the machine distinguishes: later ones are taken for it.
pub(crate) const LAST: u64 = u64::MAX - (1 << 40);

/// The machine to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) guards: [bool; 6],
    pub(crate) park: bool,
    pub(crate) seed: u64,
    pub(crate) origin: u64,
}

impl Setup {
    pub(crate) fn watch(&self) -> Watch {
        let mut guards = Guards::none();
        [
            guards.flap,
            guards.connect_bound,
            guards.retry_after,
            guards.jitter,
            guards.window,
            guards.hints,
        ] = self.guards;
        let unauthorized = if self.park { OnUnauthorized::Park } else { OnUnauthorized::Stop };
        let config = Config::new("https://api.example.com")
            .guards(guards)
            .on_unauthorized(unauthorized)
            .limits(sse::Limits { line: 1024, data: 1500 })
            .build()
            .expect("a config");
        let token = Token::new("canary-0").expect("a token");
        Watch::new(config, token, self.seed, Timestamp::from_millis(self.origin))
    }

    pub(crate) fn connect_bound(&self) -> bool {
        self.guards[1]
    }

    pub(crate) fn jitter(&self) -> bool {
        self.guards[3]
    }
}

pub(crate) fn setup() -> impl Strategy<Value = Setup> {
    let guards = prop_oneof![
        3 => Just([true; 6]),
        1 => Just([false; 6]),
        4 => any::<[bool; 6]>(),
    ];
    let origin = prop_oneof![8 => Just(0), 1 => any::<u64>(), 1 => LAST - 10_000_000..=u64::MAX];
    (guards, any::<bool>(), any::<u64>(), origin).prop_map(|(guards, park, seed, origin)| Setup {
        guards,
        park,
        seed,
        origin,
    })
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Op {
    when: When,
    what: What,
    polls: Polls,
}

#[derive(Clone, Copy, Debug)]
enum When {
    Same,
    Later(u64),
    /// Before, at, or after the machine's deadline.
    Deadline(i8),
    Back(u64),
    NearTheEnd(u64),
}

/// Which attempt or heartbeat, seen from the latest that the machine asked for.
#[derive(Clone, Copy, Debug)]
enum Who {
    Latest,
    Before,
    Next,
    Zero,
    Most,
}

#[derive(Clone, Debug)]
enum What {
    /// Whatever brings the machine on from where it is, in one of several ways.
    Onwards(u8),
    Tick,
    Head(Who, u8),
    /// Frames, of which the last bytes are kept back for the next data.
    Data(Who, Vec<Frame>, u8),
    End(Who),
    Failed(Who, u8),
    Answer(Who, u16),
    Lost(Who, u8),
    Cancel,
    Again(bool),
    Hint(bool),
    Offline(bool),
    NewToken(u8),
    Stop,
}

#[derive(Clone, Debug)]
enum Frame {
    Hello(u8),
    BadHello(u8),
    Wake(u8),
    BadWake(u8),
    Comment,
    Retry(u8),
    Other(u8),
    TooLong(bool),
    Garbage(Vec<u8>),
}

/// How much is taken out after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polls {
    All,
    Few(u8),
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        6 => Just(When::Same),
        3 => prop_oneof![Just(1), 1..2_000_u64, 1..40_000_u64, 1..8_000_000_u64].prop_map(When::Later),
        6 => (-1..=1_i8).prop_map(When::Deadline),
        1 => any::<u32>().prop_map(|back| When::Back(u64::from(back))),
    ]
}

fn hostile_when() -> impl Strategy<Value = When> {
    prop_oneof![
        60 => when(),
        1 => any::<u64>().prop_map(When::Back),
        1 => (0..1_u64 << 42).prop_map(When::NearTheEnd),
    ]
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        12 => Just(Who::Latest),
        2 => Just(Who::Before),
        2 => Just(Who::Next),
        1 => Just(Who::Zero),
        1 => Just(Who::Most),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        6 => any::<u8>().prop_map(Frame::Hello),
        1 => any::<u8>().prop_map(Frame::BadHello),
        3 => any::<u8>().prop_map(Frame::Wake),
        1 => any::<u8>().prop_map(Frame::BadWake),
        3 => Just(Frame::Comment),
        1 => any::<u8>().prop_map(Frame::Retry),
        2 => any::<u8>().prop_map(Frame::Other),
        1 => any::<bool>().prop_map(Frame::TooLong),
        1 => vec(
            prop_oneof![any::<u8>(), proptest::sample::select(b"\r\n: {}\"dateventr".to_vec())],
            0..24,
        )
        .prop_map(Frame::Garbage),
    ]
}

fn status() -> impl Strategy<Value = u16> {
    prop_oneof![
        4 => 200..300_u16,
        1 => Just(401),
        2 => Just(409),
        2 => Just(410),
        2 => Just(500),
        1 => any::<u16>(),
    ]
}

fn what(data: impl Strategy<Value = What> + 'static) -> impl Strategy<Value = What> {
    prop_oneof![
        40 => any::<u8>().prop_map(What::Onwards),
        8 => Just(What::Tick),
        8 => (who(), any::<u8>()).prop_map(|(who, kind)| What::Head(who, kind)),
        12 => data,
        4 => who().prop_map(What::End),
        4 => (who(), any::<u8>()).prop_map(|(who, fault)| What::Failed(who, fault)),
        6 => (who(), status()).prop_map(|(who, status)| What::Answer(who, status)),
        4 => (who(), any::<u8>()).prop_map(|(who, fault)| What::Lost(who, fault)),
        4 => any::<bool>().prop_map(What::Again),
        4 => any::<bool>().prop_map(What::Hint),
        2 => prop_oneof![1 => Just(true), 3 => Just(false)].prop_map(What::Offline),
        1 => any::<u8>().prop_map(What::NewToken),
        1 => any::<u8>().prop_map(|rare| match rare {
            0..40 => What::Stop,
            40..60 => What::Cancel,
            _ => What::Tick,
        }),
    ]
}

/// Anything at any time, taken out or not.
pub(crate) fn plan() -> impl Strategy<Value = Vec<Op>> {
    let polls = prop_oneof![5 => Just(Polls::All), 1 => (0..4_u8).prop_map(Polls::Few)];
    let data = (who(), vec(frame(), 0..5), prop_oneof![4 => Just(0), 1 => any::<u8>()])
        .prop_map(|(who, frames, kept)| What::Data(who, frames, kept));
    let op = (hostile_when(), what(data), polls.clone());
    let anything = vec(op.prop_map(|(when, what, polls)| Op { when, what, polls }), 1..80);
    // A hasty peer: one attempt after the other, as fast as the machine lets it.
    let hasty = prop_oneof![
        12 => Just(What::Onwards(7)),
        1 => any::<u8>().prop_map(What::Onwards),
        4 => Just(What::End(Who::Latest)),
        1 => Just(What::Failed(Who::Latest, 0)),
        1 => Just(What::Hint(true)),
    ];
    let hasty = (hasty, polls).prop_map(|(what, polls)| Op { when: When::Same, what, polls });
    prop_oneof![4 => anything, 1 => vec(hasty, 60..200)]
}

/// One whole frame at a time, in proper time, all taken out: what the model can follow.
pub(crate) fn orderly_plan() -> impl Strategy<Value = Vec<Op>> {
    let data =
        (who(), frame().prop_filter("no torn line", |frame| !matches!(frame, Frame::Garbage(_))))
            .prop_map(|(who, frame)| What::Data(who, vec![frame], 0));
    let op = (when(), what(data));
    vec(op.prop_map(|(when, what)| Op { when, what, polls: Polls::All }), 1..80)
}

/// One concrete step of a run.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: u64,
    pub(crate) given: Given,
    pub(crate) polls: Polls,
}

/// An input that owns its bytes.
#[derive(Clone, Debug)]
pub(crate) enum Given {
    Tick,
    Head(u64, Head),
    Data(u64, Vec<u8>),
    End(u64),
    Failed(u64, TransportFault),
    Answer(u64, u16),
    Lost(u64, TransportFault),
    Cancel,
    Again(HandOver),
    Hint(Hint),
    Offline(bool),
    NewToken(u8),
    Stop,
}

impl Given {
    pub(crate) fn feed(&self, watch: &mut Watch, at: u64) {
        let input = match self {
            Self::Tick => Input::Tick,
            Self::Head(attempt, head) => Input::Head { attempt: Attempt(*attempt), head: *head },
            Self::Data(attempt, bytes) => Input::Data { attempt: Attempt(*attempt), bytes },
            Self::End(attempt) => Input::End { attempt: Attempt(*attempt) },
            Self::Failed(attempt, fault) => {
                Input::Failed { attempt: Attempt(*attempt), fault: *fault }
            }
            Self::Answer(beat, status) => {
                Input::HeartbeatAnswer { beat: Beat(*beat), status: *status }
            }
            Self::Lost(beat, fault) => Input::HeartbeatFailed { beat: Beat(*beat), fault: *fault },
            Self::Cancel => Input::HeartbeatsCancelled,
            Self::Again(hand_over) => Input::SleepAgain(*hand_over),
            Self::Hint(hint) => Input::Hint(*hint),
            Self::Offline(offline) => Input::Offline(*offline),
            Self::NewToken(number) => {
                Input::NewToken(Token::new(format!("canary-{number}")).expect("a token"))
            }
            Self::Stop => Input::Stop,
        };
        watch.handle(Timestamp::from_millis(at), input);
    }
}

/// Takes out what the step says; the last action of a whole drain is the sleep.
pub(crate) fn take(watch: &mut Watch, polls: Polls) -> Vec<Action> {
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
pub(crate) fn play(watch: &mut Watch, run: &[Step]) -> Vec<Vec<Action>> {
    run.iter()
        .map(|step| {
            step.given.feed(watch, step.at);
            take(watch, step.polls)
        })
        .collect()
}

/// Plays a plan once and writes down what it came to.
pub(crate) fn resolve(setup: &Setup, plan: &[Op]) -> Vec<Step> {
    let mut watch = setup.watch();
    let mut seen = Seen { now: setup.origin, ..Seen::default() };
    let mut run = Vec::new();
    for op in plan {
        let step = seen.step(&watch, op);
        step.given.feed(&mut watch, step.at);
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
        let given = match &op.what {
            What::Onwards(way) => {
                let (soon, given) = self.onwards(watch.state(), *way);
                at = if soon { self.now } else { deadline };
                given
            }
            What::Tick => Given::Tick,
            What::Head(who, kind) => Given::Head(who.of(self.attempt), head(*kind)),
            What::Data(who, frames, kept) => {
                let mut bytes = core::mem::take(&mut self.kept);
                for frame in frames {
                    bytes.extend(self.bytes(frame));
                }
                let kept = bytes.len().saturating_sub(usize::from(*kept));
                self.kept = bytes.split_off(kept);
                Given::Data(who.of(self.attempt), bytes)
            }
            What::End(who) => Given::End(who.of(self.attempt)),
            What::Failed(who, kind) => Given::Failed(who.of(self.attempt), fault(*kind)),
            What::Answer(who, status) => Given::Answer(who.of(self.beat), *status),
            What::Lost(who, kind) => Given::Lost(who.of(self.beat), fault(*kind)),
            What::Cancel => Given::Cancel,
            What::Again(done) => {
                Given::Again(if *done { HandOver::Done } else { HandOver::Failed })
            }
            What::Hint(resumed) => {
                Given::Hint(if *resumed { Hint::Resumed } else { Hint::NetworkChanged })
            }
            What::Offline(offline) => Given::Offline(*offline),
            What::NewToken(number) => Given::NewToken(*number),
            What::Stop => Given::Stop,
        };
        // A plan that went back, or near the end of time and back, is now where it is.
        self.now = at;
        Step { at, given, polls: op.polls }
    }

    /// What a good server and a good application would do next, and whether now or at the deadline.
    fn onwards(&mut self, state: State, way: u8) -> (bool, Given) {
        let data = |bytes| Given::Data(self.attempt, bytes);
        match (state, way % 8) {
            (State::Connecting, _) => (true, Given::Head(self.attempt, head(0))),
            (State::Opening, _) => {
                let bytes = self.bytes(&Frame::Hello(way / 8));
                (true, Given::Data(self.attempt, bytes))
            }
            (State::Watching, 0) => (true, data(wake(way / 8))),
            (State::Watching, 1..=3) => (false, data(b": alive\n".to_vec())),
            (State::Watching, 4..=6) => (true, Given::Answer(self.beat, 204)),
            (State::Awake, 0..=3) => (true, Given::Again(HandOver::Done)),
            (State::Awake, 4..=5) => (true, Given::Again(HandOver::Failed)),
            _ => (false, Given::Tick),
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

pub(crate) fn hello(lease: &str, interval: u64) -> Vec<u8> {
    format!(
        r#"event: hello
data: {{"watchLeaseId":"{lease}","deviceWaitForViewerMs":30000,"heartbeatIntervalMs":{interval}}}

"#
    )
    .into_bytes()
}

pub(crate) fn wake(kind: u8) -> Vec<u8> {
    let session = ["null", "\"s-1\"", "\"s-2\""][usize::from(kind) % 3];
    format!(
        r#"event: wake
data: {{"url":"wss://go.example/1","token":"canary-wake","remoteAccessSessionId":{session}}}

"#
    )
    .into_bytes()
}

fn head(kind: u8) -> Head {
    let sse: (&str, &[u8]) = ("content-type", b"text/event-stream");
    match kind % 16 {
        0..=6 => Head::read(200, [sse]),
        7 => Head::read(401, []),
        8 => Head::read(409, []),
        9 => Head::read(200, []),
        10 => Head::read(500, []),
        11 => Head::read(503, [("retry-after", b"7".as_slice())]),
        12 => Head::read(429, [("retry-after", b"99999999999999999999999".as_slice())]),
        13 => Head::read(200, [sse, ("content-encoding", b"br".as_slice())]),
        14 => Head::read(302, [sse]),
        _ => Head::read(u16::MAX, [("retry-after", b"7".as_slice())]),
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
