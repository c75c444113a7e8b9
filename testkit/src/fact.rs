//! What a client tells of itself, and what it can be told: plain data, so that a client in another process or
//! another language can do both, one line of JSON at a time.

use dormouse_core::driver::Note;
use dormouse_core::{Delay, End, HeartbeatFault, Report, Status, Then, Wake};
use serde::{Deserialize, Serialize};

/// A fact, and when it was so: milliseconds on the client's own clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub fact: Fact,
}

/// One thing that a client did or saw. Codes and words are those of `dormouse_core`; durations are
/// milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the fields are those of the core's reports")]
#[non_exhaustive]
pub enum Fact {
    /// A connect begins.
    Connecting { attempt: u64 },
    /// `hello` came.
    Connected { attempt: u64, heartbeat_interval: u64, wait_for_viewer: u64 },
    /// A heartbeat is sent.
    Beat { beat: u64 },
    /// A heartbeat was answered or given up: code 0 is that it was accepted.
    Answer { beat: u64, took: u64, code: u16, words: String },
    /// The server did something odd, which changes nothing.
    Oddity { attempt: u64, words: String },
    /// An attempt ended.
    Ended { attempt: u64, code: u16, words: String, ran: u64, then: Next },
    /// A connect has to wait for the connect bucket.
    Held { wait: u64 },
    /// A wake came to nothing.
    HandOverFailed { delay: Wait },
    /// What the transport said of a failure.
    Failed { words: String },
    /// What a person sees has changed.
    Status { code: u16, words: String },
    /// A wake is handed over. The token is told by its length and its sum, see [`sum`].
    Wake { url: String, length: u64, sum: u64, session: Option<String>, wait_for_viewer: u64 },
    /// Every file descriptor was taken that there was.
    Hoarded { descriptors: u64 },
    /// The watch is over.
    Stopped,
    /// The client panicked.
    Panicked { words: String },
}

/// What follows the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "next", rename_all = "snake_case")]
pub enum Next {
    /// Another connect.
    Connect(Wait),
    /// Another try with a token that was refused.
    Park(Wait),
    /// The wake is handed over.
    HandOver,
    /// The end.
    Stop {
        /// The code of the reason.
        code: u16,
    },
}

/// How long the client waits, and what made it so long, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of dormouse_core::Delay")]
pub struct Wait {
    pub row: u64,
    pub flap: u64,
    pub retry_after: u64,
    pub window: u64,
    pub total: u64,
}

impl From<Delay> for Wait {
    fn from(delay: Delay) -> Self {
        Self {
            row: millis(delay.row()),
            flap: millis(delay.flap()),
            retry_after: millis(delay.retry_after()),
            window: millis(delay.window()),
            total: millis(delay.total()),
        }
    }
}

impl Fact {
    /// What a note of the driver's says, if that is a fact.
    #[must_use]
    pub fn of_note(note: &Note<'_>) -> Option<Self> {
        match note {
            Note::Connecting { attempt } => Some(Self::Connecting { attempt: attempt.0 }),
            Note::Heartbeat { beat } => Some(Self::Beat { beat: beat.0 }),
            Note::Failed { error } => Some(Self::Failed { words: error.to_string() }),
            Note::Report(report) => Self::of_report(report),
            Note::Status(status) => Some(Self::of_status(*status)),
            _ => None,
        }
    }

    /// What a report says, if that is a fact.
    #[must_use]
    pub fn of_report(report: &Report) -> Option<Self> {
        Some(match report {
            Report::Connected { attempt, heartbeat_interval, wait_for_viewer, .. } => {
                Self::Connected {
                    attempt: attempt.0,
                    heartbeat_interval: millis(*heartbeat_interval),
                    wait_for_viewer: millis(*wait_for_viewer),
                }
            }
            Report::Oddity { attempt, oddity } => {
                Self::Oddity { attempt: attempt.0, words: oddity.to_string() }
            }
            Report::Heartbeat { beat, took, fault } => Self::Answer {
                beat: beat.0,
                took: millis(*took),
                code: fault.map_or(0, HeartbeatFault::code),
                words: fault.map(|fault| fault.to_string()).unwrap_or_default(),
            },
            Report::Ended { attempt, end, ran, then } => Self::Ended {
                attempt: attempt.0,
                code: end.code(),
                words: words(*end),
                ran: millis(*ran),
                then: match then {
                    Then::Connect(delay) => Next::Connect((*delay).into()),
                    Then::Park(delay) => Next::Park((*delay).into()),
                    Then::HandOver => Next::HandOver,
                    Then::Stop(reason) => Next::Stop { code: reason.code() },
                },
            },
            Report::HandOverFailed { delay } => Self::HandOverFailed { delay: (*delay).into() },
            Report::Held { wait } => Self::Held { wait: millis(*wait) },
            _ => return None,
        })
    }

    /// What a person sees.
    #[must_use]
    pub fn of_status(status: Status) -> Self {
        Self::Status { code: status.code(), words: status.to_string() }
    }

    /// A wake, without its token.
    #[must_use]
    pub fn of_wake(wake: &Wake) -> Self {
        Self::Wake {
            url: wake.url.to_string(),
            length: wake.token.expose().len() as u64,
            sum: sum(wake.token.expose()),
            session: wake.session.as_ref().map(ToString::to_string),
            wait_for_viewer: millis(wake.wait_for_viewer),
        }
    }
}

/// An end in the words that [`Fact::Ended`] has for it.
#[must_use]
pub fn words(end: End) -> String {
    end.to_string()
}

/// By what a token is known without being told: FNV-1a, 64 bits.
#[must_use]
pub fn sum(token: &str) -> u64 {
    token.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a client can be told while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Stop the watch, for good.
    Stop,
    /// The network changed.
    NetworkChanged,
    /// The device was suspended.
    Resumed,
    /// There is no network, or there is one again.
    Offline {
        /// Whether there is none.
        offline: bool,
    },
    /// A new token.
    SetToken {
        /// The token.
        token: String,
    },
    /// The wake that was handed over is done with, well or not.
    SleepAgain {
        /// Whether the hand-over went well.
        done: bool,
    },
    /// Drop the watch, as it is.
    Drop,
    /// Stand still, as a process does that gets no time.
    Freeze,
    /// Go on.
    Thaw,
    /// The clock was moved.
    Look,
    /// Take every file descriptor that the system still gives.
    Hoard,
    /// Give them back.
    Release,
}
