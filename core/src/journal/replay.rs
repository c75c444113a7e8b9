//! Plays a journal on a fresh machine, and finds the first line that it does not agree with.
//!
//! A journal may come from a stranger: whatever stands in it, reading it neither panics nor grows.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::header::{Header, filler};
use super::{Ended, LINE_MOST, line};
use crate::action::{Action, Attempt, Beat, Stats};
use crate::config::ConfigError;
use crate::error::{Hint, TransportFault};
use crate::input::{HandOver, InputBuf};
use crate::state::State;
use crate::time::Timestamp;
use crate::watch::Watch;
use crate::wire::Head;

/// A journal being replayed, line by line: see [`Recorder`](super::Recorder) for an example.
///
/// Lines are handed in as they stand, with or without their line ends. What was torn off in the middle of its
/// last line has to be recognised by whoever reads the file: only a line with a line end is one.
#[derive(Clone, Debug)]
pub struct Replay {
    header: Header,
    watch: Watch,
    /// The number of the last line, from 1.
    line: u64,
    ended: bool,
}

/// What a line of a journal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// An input, which the machine took.
    Input {
        /// When, by the recording's own clock.
        at: Timestamp,
        /// What it was.
        input: InputBuf,
        /// The state it met, and the one it left.
        states: (State, State),
        /// The counts before and after it: they say whether it was ignored, and why.
        stats: (Stats, Stats),
    },
    /// An action, in which the recording and the machine agree.
    Action(Action),
    /// The journal ends here, though its watch did not.
    Ended(Ended),
}

impl Replay {
    /// Begins with the first line.
    ///
    /// # Errors
    ///
    /// If it is not the first line of a journal, or of one of another format.
    pub fn new(first: &str) -> Result<Self, ReplayError> {
        let damaged = |damage| ReplayError::Damaged { line: 1, damage };
        let header = Header::read(checked(first).map_err(damaged)?).map_err(damaged)?;
        let watch = header.watch().ok_or(damaged(Damage::Value { field: "token_len" }))?;
        Ok(Self { header, watch, line: 1, ended: false })
    }

    /// What the first line says.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The machine, as the lines so far have left it.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The next line: an input is taken in, an action is compared with what the machine says, byte by byte.
    ///
    /// # Errors
    ///
    /// The machine says something else, or the line is none of a journal's. What comes after is worth nothing.
    pub fn line(&mut self, text: &str) -> Result<Step, ReplayError> {
        self.line = self.line.saturating_add(1);
        let line = self.line;
        let damaged = |damage| ReplayError::Damaged { line, damage };
        let text = checked(text).map_err(damaged)?;
        if self.ended {
            return Err(damaged(Damage::AfterTheEnd));
        }
        if text.starts_with(line::ACTION) {
            let action = self.watch.poll();
            let came = line::action(&action, str::to_owned);
            if came != text {
                serde_json::from_str::<IgnoredAny>(text)
                    .map_err(|error| damaged(Damage::json(&error)))?;
                let (expected, came) = (text.into(), came.into());
                return Err(ReplayError::Differs { line, expected, came });
            }
            return Ok(Step::Action(action));
        }
        let fields: Fields<'_> =
            serde_json::from_str(text).map_err(|error| damaged(Damage::json(&error)))?;
        if let Some(name) = &fields.end {
            let ended = Ended::ALL.into_iter().find(|ended| ended.name() == &**name);
            self.ended = true;
            return ended.map(Step::Ended).ok_or(damaged(Damage::Value { field: "end" }));
        }
        let (at, input) = fields.input().map_err(damaged)?;
        let (state, stats) = (self.watch.state(), *self.watch.stats());
        self.watch.handle(at, input.as_input());
        let states = (state, self.watch.state());
        Ok(Step::Input { at, input, states, stats: (stats, *self.watch.stats()) })
    }
}

fn checked(line: &str) -> Result<&str, Damage> {
    // A file that went through the mail may have other line ends.
    let line = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
    if line.len() > LINE_MOST { Err(Damage::TooLong) } else { Ok(line) }
}

/// Every field that a line of an input may have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'l> {
    #[serde(borrow)]
    end: Option<Cow<'l, str>>,
    at: Option<u64>,
    #[serde(borrow, rename = "in")]
    kind: Option<Cow<'l, str>>,
    attempt: Option<u64>,
    beat: Option<u64>,
    status: Option<u16>,
    event_stream: Option<bool>,
    compressed: Option<bool>,
    retry_after_s: Option<u64>,
    #[serde(borrow)]
    text: Option<Cow<'l, str>>,
    #[serde(borrow)]
    hex: Option<Cow<'l, str>>,
    code: Option<u16>,
    #[serde(borrow)]
    cause: Option<Cow<'l, str>>,
    #[serde(borrow)]
    hand_over: Option<Cow<'l, str>>,
    #[serde(borrow)]
    hint: Option<Cow<'l, str>>,
    offline: Option<bool>,
    token_len: Option<usize>,
}

impl Fields<'_> {
    fn input(&self) -> Result<(Timestamp, InputBuf), Damage> {
        let at = Timestamp::from_millis(required(self.at, "at")?);
        let attempt = || required(self.attempt, "attempt").map(Attempt);
        let beat = || required(self.beat, "beat").map(Beat);
        let input = match required(self.kind.as_deref(), "in")? {
            "tick" => InputBuf::Tick,
            "head" => InputBuf::Head { attempt: attempt()?, head: self.head()? },
            "data" => InputBuf::Data { attempt: attempt()?, bytes: self.bytes()? },
            "end" => InputBuf::End { attempt: attempt()? },
            "failed" => InputBuf::Failed { attempt: attempt()?, fault: self.fault()? },
            "heartbeat_answer" => InputBuf::HeartbeatAnswer {
                beat: beat()?,
                status: required(self.status, "status")?,
            },
            "heartbeat_failed" => InputBuf::HeartbeatFailed { beat: beat()?, fault: self.fault()? },
            "heartbeats_cancelled" => InputBuf::HeartbeatsCancelled,
            "sleep_again" => InputBuf::SleepAgain(named(
                self.hand_over.as_deref(),
                "hand_over",
                HandOver::ALL,
                HandOver::name,
            )?),
            "hint" => InputBuf::Hint(named(self.hint.as_deref(), "hint", Hint::ALL, Hint::name)?),
            "offline" => InputBuf::Offline(required(self.offline, "offline")?),
            "new_token" => {
                let token = filler(required(self.token_len, "token_len")?);
                InputBuf::NewToken(token.ok_or(Damage::Value { field: "token_len" })?)
            }
            "stop" => InputBuf::Stop,
            _ => return Err(Damage::Value { field: "in" }),
        };
        Ok((at, input))
    }

    fn head(&self) -> Result<Head, Damage> {
        Ok(Head::recorded(
            required(self.status, "status")?,
            required(self.event_stream, "event_stream")?,
            required(self.compressed, "compressed")?,
            self.retry_after_s.map(Duration::from_secs),
        ))
    }

    fn fault(&self) -> Result<TransportFault, Damage> {
        let fault =
            named(self.cause.as_deref(), "cause", TransportFault::ALL, TransportFault::name)?;
        // The code is there for those who go by codes: it has to say the same.
        if required(self.code, "code")? == fault.code() {
            Ok(fault)
        } else {
            Err(Damage::Value { field: "code" })
        }
    }

    fn bytes(&self) -> Result<Box<[u8]>, Damage> {
        match (&self.text, &self.hex) {
            (Some(text), None) => Ok(text.as_bytes().into()),
            (None, Some(digits)) => unhex(digits).ok_or(Damage::Value { field: "hex" }),
            (None, None) => Err(Damage::Missing { field: "text" }),
            (Some(_), Some(_)) => Err(Damage::Value { field: "hex" }),
        }
    }
}

fn required<T>(value: Option<T>, field: &'static str) -> Result<T, Damage> {
    value.ok_or(Damage::Missing { field })
}

/// The one of these that is called so.
fn named<T: Copy>(
    value: Option<&str>,
    field: &'static str,
    all: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> &'static str,
) -> Result<T, Damage> {
    let value = required(value, field)?;
    all.into_iter().find(|one| name(*one) == value).ok_or(Damage::Value { field })
}

/// Two hexadecimal digits a byte.
fn unhex(digits: &str) -> Option<Box<[u8]>> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match *pair {
        [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
        _ => None,
    };
    pairs.map(byte).collect::<Option<Vec<u8>>>().map(Into::into)
}

/// Why a journal could not be replayed to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplayError {
    /// A line is none of a journal's.
    Damaged {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The machine does not say what the recording has: the first difference.
    Differs {
        /// The line's number, from 1.
        line: u64,
        /// The line itself.
        expected: Box<str>,
        /// What it would have to be.
        came: Box<str>,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { line, damage } => write!(f, "line {line}: {damage}"),
            Self::Differs { line, expected, came } => {
                let (expected, came) = (Tame(expected), Tame(came));
                write!(f, "line {line}: recorded was {expected}, and the replay says {came}")
            }
        }
    }
}

impl core::error::Error for ReplayError {}

/// A stranger's line, without what would command a terminal.
struct Tame<'l>(&'l str);

impl fmt::Display for Tame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for symbol in self.0.chars() {
            if symbol.is_control() {
                write!(f, "{}", symbol.escape_default())?;
            } else {
                write!(f, "{symbol}")?;
            }
        }
        Ok(())
    }
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The first line is not that of a journal.
    NoHeader,
    /// The journal has another format than this version reads.
    Format {
        /// Its number.
        found: u64,
    },
    /// The configuration is none.
    Config(ConfigError),
    /// It is no JSON object with the fields that it may have.
    Json {
        /// Where reading stopped, in bytes from 1.
        column: usize,
    },
    /// A field that this kind of line has to have is not there.
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field says what it cannot say.
    Value {
        /// Its name.
        field: &'static str,
    },
    /// It has more than [`LINE_MOST`] bytes.
    TooLong,
    /// It follows the line that says that the journal ends.
    AfterTheEnd,
}

impl Damage {
    pub(super) fn json(error: &serde_json::Error) -> Self {
        // Where there is nothing, reading stops before the first byte.
        Self::Json { column: error.column().max(1) }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader => f.write_str("this is not the first line of a journal"),
            Self::Format { found } => write!(
                f,
                "the journal has format {found}, and this version reads format {}",
                super::FORMAT
            ),
            Self::Config(error) => write!(f, "the configuration cannot be used: {error}"),
            Self::Json { column } => {
                write!(f, "this is no line of a journal: it cannot be read at byte {column}")
            }
            Self::Missing { field } => write!(f, "{field} is missing"),
            Self::Value { field } => write!(f, "{field} says what it cannot say"),
            Self::TooLong => write!(f, "the line has more than {LINE_MOST} bytes"),
            Self::AfterTheEnd => f.write_str("the journal has ended, and something follows"),
        }
    }
}

impl core::error::Error for Damage {}
