//! Writes a journal: what goes into a watch and what comes out of it, veiled, a line for each.

use alloc::borrow::ToOwned as _;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::mem;

use super::header::Header;
use super::line;
use super::stream::Stream;
use super::{LINE_MOST, filler};
use crate::action::{Action, Attempt};
use crate::config::Config;
use crate::input::Input;
use crate::secret::Token;
use crate::time::Timestamp;
use crate::watch::Watch;

/// What a line that is held costs beside its bytes, about.
const HELD_LINE: usize = 64;
/// What a line end and the last line of a journal that ends early take at most.
const LAST_LINE: usize = 32;
/// What may be held beyond what an event and a line may have: for what comes meanwhile. A wake of 8 KiB may come
/// byte by byte, and each of them takes three lines' worth.
const HELD_MORE: usize = 2 * 1024 * 1024;

/// Records a watch as lines of a journal, with no token in any.
///
/// Show it each input before [`Watch::handle`] takes it, and each action that [`Watch::poll`] gives; and take
/// lines out after both. A line may come some inputs late: while a server is in the middle of an event it is not
/// known which part of that is a secret. Lines come in the order in which things happened, and each has its line
/// end.
///
/// ```
/// use dormouse_core::journal::{Recorder, Replay};
/// use dormouse_core::{Action, Config, Input, Timestamp, Token, Watch};
///
/// let config = Config::new("https://api.example.com").build()?;
/// let token = Token::new("the-token-of-this-device")?;
/// let (seed, start) = (0x5eed, Timestamp::ORIGIN);
/// let mut recorder = Recorder::new(&config, &token, seed, start);
/// let mut watch = Watch::new(config, token, seed, start);
///
/// for (now, input) in [(0, Input::Tick), (9, Input::Stop)] {
///     let now = Timestamp::from_millis(now);
///     recorder.input(&watch, now, &input);
///     watch.handle(now, input);
///     loop {
///         let action = watch.poll();
///         recorder.action(&action);
///         if let Action::Sleep { .. } = action {
///             break;
///         }
///     }
/// }
/// recorder.finish();
///
/// let journal: Vec<String> = std::iter::from_fn(|| recorder.next_line()).collect();
/// assert_eq!(journal[1], "{\"at\":0,\"in\":\"tick\"}\n");
/// assert!(!journal.concat().contains("the-token-of-this-device"));
///
/// // And a fresh machine does the same.
/// let mut replay = Replay::new(&journal[0])?;
/// for line in &journal[1..] {
///     replay.line(line)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recorder {
    config: Config,
    limit: usize,
    /// The first line, until something follows it.
    header: Option<Header>,
    /// The stream of the attempt that runs, once there was something of it.
    stream: Option<(Attempt, Stream)>,
    /// What has happened since the first thing that cannot be written yet, and about how much memory it takes.
    held: VecDeque<Entry>,
    held_bytes: usize,
    /// The last thing that happened was a sleep.
    asleep: bool,
    /// Lines to be taken out.
    ready: VecDeque<String>,
    /// Bytes of all lines that are or were ready.
    written: usize,
    ended: Option<Ended>,
}

#[derive(Clone, Debug)]
enum Entry {
    Line(String),
    /// So many bytes of the stream, which are there until they are veiled.
    Data {
        at: Timestamp,
        attempt: Attempt,
        len: usize,
    },
}

impl Entry {
    fn cost(&self) -> usize {
        let len = match self {
            Self::Line(line) => line.len(),
            Self::Data { len, .. } => *len,
        };
        len.saturating_add(HELD_LINE)
    }
}

/// Why a journal stops before its watch does: what its last line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It has as many bytes as it may have, or one line of it would have more than
    /// [`LINE_MOST`](super::LINE_MOST): 16 MiB of a stream in one piece.
    Limit,
    /// A server began an event and sent so much else before its end that the rest would have to be kept in
    /// memory for too long.
    Held,
}

impl Ended {
    pub(super) const ALL: [Self; 2] = [Self::Limit, Self::Held];

    /// As it stands in the line: `limit`, `held`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Held => "held",
        }
    }
}

impl core::fmt::Display for Ended {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Limit => "the journal reached its limit",
            Self::Held => "an event of the stream was too long in coming to be recorded",
        })
    }
}

impl Recorder {
    /// How many bytes a journal has at most, unless told otherwise: 16 MiB.
    pub const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

    /// Begins the journal of the watch that is made with the same: see [`Watch::new`].
    #[must_use]
    pub fn new(config: &Config, token: &Token, seed: u64, now: Timestamp) -> Self {
        let header = Header {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            shows: None,
            config: config.clone(),
            token_len: token.expose().len(),
            seed,
            start: now,
        };
        Self {
            config: config.clone(),
            limit: Self::DEFAULT_LIMIT,
            header: Some(header),
            stream: None,
            held: VecDeque::new(),
            held_bytes: 0,
            asleep: false,
            ready: VecDeque::new(),
            written: 0,
            ended: None,
        }
    }

    /// Bounds the journal to so many bytes: [`DEFAULT_LIMIT`](Self::DEFAULT_LIMIT) otherwise. The beginning is
    /// what is kept, since a replay has to begin there. When the next line would be too many the last one says
    /// so instead, and nothing more is recorded. The first line and the last are always written.
    #[must_use]
    pub fn limit(mut self, bytes: usize) -> Self {
        self.limit = bytes;
        self
    }

    /// Has the first line say what the journal shows, in a sentence, instead of which version recorded it: for
    /// a journal that holds for every version, such as a test vector.
    #[must_use]
    pub fn shows(mut self, what: &str) -> Self {
        if let Some(header) = &mut self.header {
            header.version = None;
            header.shows = Some(what.to_owned());
        }
        self
    }

    /// Notes what `watch` is about to take in at `now`.
    pub fn input(&mut self, watch: &Watch, now: Timestamp, input: &Input<'_>) {
        if self.stream.as_ref().is_some_and(|(attempt, _)| !watch.reads(*attempt)) {
            self.stream_over();
        }
        let entry = match input {
            Input::Data { attempt, bytes } if watch.reads(*attempt) => {
                let (at, attempt) = (now, *attempt);
                self.push_stream(attempt, bytes);
                Entry::Data { at, attempt, len: bytes.len() }
            }
            // Of bytes that nobody reads the length is all there is to know.
            other => Entry::Line(line::input(now, other)),
        };
        self.asleep = false;
        self.push(entry);
    }

    /// Notes what the watch wants done. A sleep that only repeats itself is noted once.
    pub fn action(&mut self, action: &Action) {
        let sleeps = matches!(action, Action::Sleep { .. });
        if mem::replace(&mut self.asleep, sleeps) && sleeps {
            return;
        }
        self.push(Entry::Line(line::action(action, filler::url)));
        if let Action::Disconnect { .. } = action {
            self.stream_over();
        }
    }

    /// Nothing more will come: what a server has begun it will not finish, and so nothing is held any longer.
    pub fn finish(&mut self) {
        self.begin();
        self.stream_over();
    }

    /// The next line, with its line end, if there is one that is complete.
    pub fn next_line(&mut self) -> Option<String> {
        self.begin();
        self.ready.pop_front()
    }

    /// Why nothing more is recorded, if so.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    fn begin(&mut self) {
        if let Some(header) = self.header.take() {
            self.write(header.line());
        }
    }

    fn push_stream(&mut self, attempt: Attempt, bytes: &[u8]) {
        if self.stream.as_ref().is_none_or(|(current, _)| *current != attempt) {
            self.stream =
                Some((attempt, Stream::new(self.config.limits(), self.config.is_plain())));
        }
        if let (Some((_, stream)), None) = (&mut self.stream, self.ended) {
            stream.push(bytes);
        }
    }

    fn stream_over(&mut self) {
        if let Some((_, stream)) = &mut self.stream {
            stream.give_up();
        }
        self.settle();
        self.stream = None;
    }

    fn push(&mut self, entry: Entry) {
        self.begin();
        if self.ended.is_some() {
            return;
        }
        self.held_bytes = self.held_bytes.saturating_add(entry.cost());
        self.held.push_back(entry);
        self.settle();
        let limits = self.config.limits();
        if self.held_bytes > limits.line.saturating_add(limits.data).saturating_add(HELD_MORE) {
            self.end(Ended::Held);
        }
    }

    /// Writes what need not be held any longer.
    fn settle(&mut self) {
        while let Some(entry) = self.held.front() {
            let bytes = match (entry, &mut self.stream) {
                (Entry::Line(_), _) => None,
                (Entry::Data { len, .. }, Some((_, stream))) => match stream.take(*len) {
                    Some(bytes) => Some(bytes),
                    None => return,
                },
                // A stream that is over holds nothing.
                (Entry::Data { .. }, None) => return,
            };
            let Some(entry) = self.held.pop_front() else { return };
            self.held_bytes = self.held_bytes.saturating_sub(entry.cost());
            let line = match entry {
                Entry::Line(line) => line,
                Entry::Data { at, attempt, .. } => {
                    line::data(at, attempt, &bytes.unwrap_or_default())
                }
            };
            let more = self.written.saturating_add(line.len()).saturating_add(LAST_LINE);
            if more > self.limit || line.len() > LINE_MOST {
                return self.end(Ended::Limit);
            }
            self.write(line);
        }
    }

    fn write(&mut self, mut line: String) {
        line.push('\n');
        self.written = self.written.saturating_add(line.len());
        self.ready.push_back(line);
    }

    fn end(&mut self, ended: Ended) {
        self.held.clear();
        self.held_bytes = 0;
        self.stream = None;
        self.ended = Some(ended);
        self.write(line::end(ended.name()));
    }
}
