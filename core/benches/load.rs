//! What is measured, the same wherever it is: event streams of six shapes, and a watch that sleeps.
//!
//! The benchmarks here, `tests/counts.rs` and the comparison in `peers` all take it from this file.

use dormouse_core::sse::{Decoder, Item, Limits};
use dormouse_core::{
    Action, Attempt, Beat, Config, HandOver, Head, Input, Timestamp, Token, Watch,
};

/// How streams are cut, in bytes: what a slow peer sends, one segment of Ethernet, and what a client reads at most.
pub const CUTS: [(&str, usize); 6] = [
    ("1 B", 1),
    ("16 B", 16),
    ("64 B", 64),
    ("1.4 KiB", 1_434),
    ("64 KiB", 64 * 1024),
    ("whole", usize::MAX),
];

/// So many bytes of each shape are a stream, or one item if that is longer.
pub const STREAM: usize = 1024 * 1024;

/// A stream that is one item over and over.
#[derive(Clone, Debug)]
pub struct Shape {
    /// What it is called in tables.
    pub name: &'static str,
    /// One item: an event, or a comment with the blank line that servers put behind it.
    pub item: String,
    /// Whether it is an event.
    pub event: bool,
}

impl Shape {
    /// All of them, in the order of the table.
    pub fn all() -> [Self; 6] {
        let event = |name, item| Self { name, item, event: true };
        [
            event("wake", wake(200)),
            Self { name: "comment", item: ": keepalive\n\n".to_owned(), event: false },
            event("30 B events", "data: {\"a\":1,\"b\":\"twenty\"}\n\n".to_owned()),
            event("20-line events", lines(20) + "\n"),
            event("64 KiB lines", line(64 * 1024) + "\n"),
            event("1 MiB line", line(1024 * 1024) + "\n"),
        ]
    }

    /// The one of that name.
    pub fn of(name: &str) -> Self {
        let found = Self::all().into_iter().find(|shape| shape.name == name);
        found.unwrap_or_else(|| panic!("there is no shape {name}"))
    }

    /// How many items are in a stream.
    pub fn items(&self) -> usize {
        (STREAM / self.item.len()).max(1)
    }

    /// The stream.
    pub fn stream(&self) -> Vec<u8> {
        self.item.repeat(self.items()).into_bytes()
    }
}

/// All that an idle stream carries, as the reference server writes it.
pub const COMMENT: &str = ":\n\n";

/// Limits that let every shape through.
pub fn limits() -> Limits {
    Limits { line: 2 * STREAM, data: 2 * STREAM }
}

/// Decodes a chunk, and says how many items that were and how long the data of all of them together.
pub fn decode(decoder: &mut Decoder, mut chunk: &[u8]) -> (usize, usize) {
    let (mut items, mut length) = (0, 0);
    let comments = decoder.comments();
    while let Ok(Some(item)) = decoder.decode(&mut chunk) {
        if let Item::Event(event) = item {
            items += 1;
            length += event.data.len();
        }
    }
    (items + (decoder.comments() - comments) as usize, length)
}

/// A decoder as a watch has it, but for the names: comments are counted and not yielded. No peer yields them.
pub fn decoder() -> Decoder {
    Decoder::new(limits()).quiet()
}

/// A wake that is so many bytes long, 150 at least.
pub fn wake(bytes: usize) -> String {
    let frame = |token: &str| {
        format!(
            "event: wake\ndata: {{\"url\":\"wss://relay.example.com/room/4711\",\"token\":\"{token}\",\
             \"remoteAccessSessionId\":\"session-1\"}}\n\n"
        )
    };
    frame(&"canary".repeat(bytes / 6 + 1)[..bytes - frame("").len()])
}

/// A data line of so many bytes, without its end.
fn line(bytes: usize) -> String {
    let text = r#"{"sensor":17,"reading":"21.50"},"#.repeat(bytes / 32 + 1);
    format!("data: {}\n", &text[..bytes - "data: ".len()])
}

/// So many data lines of 60 to 79 bytes.
fn lines(count: usize) -> String {
    (0..count).map(|number| line(60 + number % 20)).collect()
}

/// The attempt of a watch that [`asleep`] made.
pub const ATTEMPT: Attempt = Attempt(1);

/// The heartbeat interval of such a watch, in milliseconds.
pub const INTERVAL: u64 = 30_000;

/// The configuration of every watch here.
pub fn config() -> Config {
    Config::new("https://api.example.com").build().expect("a config")
}

/// A watch that wants to connect. Its URL, token and lease are of usual lengths: 23, 43 and 36 bytes.
pub fn fresh() -> Watch {
    let config = config();
    let token = Token::new("canary-0123456789abcdef0123456789abcdef-012").expect("a token");
    Watch::new(config, token, 0x5eed, Timestamp::ORIGIN)
}

/// The hello that opens it.
pub fn hello() -> String {
    format!(
        "retry: 60000\nevent: hello\ndata: {{\"watchLeaseId\":\"3f2b8c1e-9d47-4a55-8e0b-6c7d1f2a9b30\",\
         \"deviceWaitForViewerMs\":30000,\"heartbeatIntervalMs\":{INTERVAL}}}\n\n"
    )
}

/// A watch that sleeps: connected at the origin of time, with nothing left to do.
pub fn asleep() -> Watch {
    let mut watch = fresh();
    open(&mut watch, ATTEMPT, Timestamp::ORIGIN, usize::MAX);
    watch
}

/// Opens the watch that it asks for, with a hello in pieces of at most `cut` bytes.
pub fn open(watch: &mut Watch, attempt: Attempt, now: Timestamp, cut: usize) {
    drain(watch);
    let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    watch.handle(now, Input::Head { attempt, head });
    for piece in hello().as_bytes().chunks(cut) {
        watch.handle(now, Input::Data { attempt, bytes: piece });
    }
    drain(watch);
}

/// Takes every action out, and says until when to sleep.
pub fn drain(watch: &mut Watch) -> Option<Timestamp> {
    loop {
        if let Action::Sleep { until } = watch.poll() {
            return until;
        }
    }
}

/// One comment, as it comes from the socket, through the machine to its sleep.
pub fn comment(watch: &mut Watch, now: Timestamp) -> Option<Timestamp> {
    watch.handle(now, Input::Data { attempt: ATTEMPT, bytes: COMMENT.as_bytes() });
    drain(watch)
}

/// One heartbeat's whole round: the tick that is due, the request, the answer, the report, the sleep.
///
/// The comment behind it keeps the stream's own deadline off.
///
/// # Panics
///
/// If no heartbeat is due.
pub fn beat_and_comment(watch: &mut Watch) {
    let due = watch.deadline().expect("a deadline");
    watch.handle(due, Input::Tick);
    let beat = sent(watch);
    watch.handle(due, Input::HeartbeatAnswer { beat, status: 204 });
    drain(watch);
    comment(watch, due);
}

/// Takes every action out; one of them is a heartbeat, whose number this is.
pub fn sent(watch: &mut Watch) -> Beat {
    let mut sent = None;
    loop {
        match watch.poll() {
            Action::Heartbeat { beat, request } => {
                std::hint::black_box(&request);
                sent = Some(beat);
            }
            Action::Sleep { .. } => return sent.expect("a heartbeat"),
            _ => {}
        }
    }
}

/// A watch that was woken, and sleeps again: the fullest there is.
pub fn asleep_again(cut: usize) -> Watch {
    let mut watch = asleep();
    for piece in wake(200).as_bytes().chunks(cut) {
        watch.handle(Timestamp::ORIGIN, Input::Data { attempt: ATTEMPT, bytes: piece });
    }
    drain(&mut watch);
    watch.handle(Timestamp::ORIGIN, Input::SleepAgain(HandOver::Done));
    open(&mut watch, Attempt(2), Timestamp::ORIGIN, cut);
    watch
}
