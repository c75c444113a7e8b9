//! What goes into the machine: [`Input`], which borrows the stream's bytes, and [`InputBuf`], which owns them.

use alloc::boxed::Box;
use core::fmt;

use crate::action::{Attempt, Beat};
use crate::error::{Hint, TransportFault};
use crate::secret::Token;
use crate::wire::Head;

/// Everything that can happen to a watch.
///
/// Every input is accepted in every state. What comes from an attempt carries its number, as the action
/// did that began it; what belongs to an attempt that was given up changes nothing and is counted in
/// [`Stats::stale`](crate::Stats::stale).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Time has passed. Feed it when the instant of [`Action::Sleep`](crate::Action::Sleep) has come, after
    /// whatever has arrived by then; early is harmless, late makes the watch late.
    Tick,
    /// The response head of a watch arrived.
    Head {
        /// The attempt it answers.
        attempt: Attempt,
        /// What the machine needs to know of it.
        head: Head,
    },
    /// Bytes of the stream arrived, cut anywhere.
    Data {
        /// The attempt they belong to.
        attempt: Attempt,
        /// The bytes, borrowed for the call.
        bytes: &'a [u8],
    },
    /// The stream came to its proper end.
    End {
        /// The attempt it belonged to.
        attempt: Attempt,
    },
    /// The connect failed, or the stream broke.
    Failed {
        /// The attempt it belonged to.
        attempt: Attempt,
        /// What the transport saw.
        fault: TransportFault,
    },
    /// A heartbeat was answered.
    HeartbeatAnswer {
        /// The heartbeat.
        beat: Beat,
        /// The HTTP status. Redirects are not followed: a 3xx is handed in as it is.
        status: u16,
    },
    /// A heartbeat got no answer.
    HeartbeatFailed {
        /// The heartbeat.
        beat: Beat,
        /// What the transport saw.
        fault: TransportFault,
    },
    /// Whoever sends heartbeats was told from outside to send no more: the watch stops.
    HeartbeatsCancelled,
    /// The application has done with the wake and wants to sleep again.
    SleepAgain(HandOver),
    /// Something outside the protocol suggests that a new connection would do better.
    Hint(Hint),
    /// There is no network (`true`), or there is one again (`false`). While offline nothing is
    /// attempted and nothing is forgotten.
    Offline(bool),
    /// A new device token, for every request from now on.
    NewToken(Token),
    /// The application wants no more of it. Final.
    Stop,
}

/// Of the stream's bytes only the length is shown: they carry wakes, and wakes carry tokens.
impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tick => f.write_str("Tick"),
            Self::Head { attempt, head } => write!(f, "Head({attempt}, {head:?})"),
            Self::Data { attempt, bytes } => write!(f, "Data({attempt}, {} bytes)", bytes.len()),
            Self::End { attempt } => write!(f, "End({attempt})"),
            Self::Failed { attempt, fault } => write!(f, "Failed({attempt}, {fault:?})"),
            Self::HeartbeatAnswer { beat, status } => {
                write!(f, "HeartbeatAnswer({beat}, {status})")
            }
            Self::HeartbeatFailed { beat, fault } => {
                write!(f, "HeartbeatFailed({beat}, {fault:?})")
            }
            Self::HeartbeatsCancelled => f.write_str("HeartbeatsCancelled"),
            Self::SleepAgain(hand_over) => write!(f, "SleepAgain({hand_over:?})"),
            Self::Hint(hint) => write!(f, "Hint({hint:?})"),
            Self::Offline(offline) => write!(f, "Offline({offline})"),
            Self::NewToken(token) => write!(f, "NewToken({token:?})"),
            Self::Stop => f.write_str("Stop"),
        }
    }
}

/// An [`Input`] that owns its bytes, as `PathBuf` owns a path: for a channel, a recording, a plan of what is
/// to come.
///
/// ```
/// use dormouse_core::{Attempt, Input, InputBuf};
///
/// let kept = InputBuf::from(Input::Data { attempt: Attempt(1), bytes: b": alive\n" });
/// assert_eq!(kept.as_input(), Input::Data { attempt: Attempt(1), bytes: b": alive\n" });
/// assert_eq!(format!("{kept:?}"), "Data(attempt 1, 8 bytes)");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InputBuf {
    /// [`Input::Tick`].
    Tick,
    /// [`Input::Head`].
    Head {
        /// The attempt it answers.
        attempt: Attempt,
        /// What the machine needs to know of it.
        head: Head,
    },
    /// [`Input::Data`].
    Data {
        /// The attempt they belong to.
        attempt: Attempt,
        /// The bytes.
        bytes: Box<[u8]>,
    },
    /// [`Input::End`].
    End {
        /// The attempt it belonged to.
        attempt: Attempt,
    },
    /// [`Input::Failed`].
    Failed {
        /// The attempt it belonged to.
        attempt: Attempt,
        /// What the transport saw.
        fault: TransportFault,
    },
    /// [`Input::HeartbeatAnswer`].
    HeartbeatAnswer {
        /// The heartbeat.
        beat: Beat,
        /// The HTTP status.
        status: u16,
    },
    /// [`Input::HeartbeatFailed`].
    HeartbeatFailed {
        /// The heartbeat.
        beat: Beat,
        /// What the transport saw.
        fault: TransportFault,
    },
    /// [`Input::HeartbeatsCancelled`].
    HeartbeatsCancelled,
    /// [`Input::SleepAgain`].
    SleepAgain(HandOver),
    /// [`Input::Hint`].
    Hint(Hint),
    /// [`Input::Offline`].
    Offline(bool),
    /// [`Input::NewToken`].
    NewToken(Token),
    /// [`Input::Stop`].
    Stop,
}

impl InputBuf {
    /// The same, with its bytes lent: what [`Watch::handle`](crate::Watch::handle) takes.
    #[must_use]
    pub fn as_input(&self) -> Input<'_> {
        match self {
            Self::Tick => Input::Tick,
            Self::Head { attempt, head } => Input::Head { attempt: *attempt, head: *head },
            Self::Data { attempt, bytes } => Input::Data { attempt: *attempt, bytes },
            Self::End { attempt } => Input::End { attempt: *attempt },
            Self::Failed { attempt, fault } => Input::Failed { attempt: *attempt, fault: *fault },
            Self::HeartbeatAnswer { beat, status } => {
                Input::HeartbeatAnswer { beat: *beat, status: *status }
            }
            Self::HeartbeatFailed { beat, fault } => {
                Input::HeartbeatFailed { beat: *beat, fault: *fault }
            }
            Self::HeartbeatsCancelled => Input::HeartbeatsCancelled,
            Self::SleepAgain(hand_over) => Input::SleepAgain(*hand_over),
            Self::Hint(hint) => Input::Hint(*hint),
            Self::Offline(offline) => Input::Offline(*offline),
            Self::NewToken(token) => Input::NewToken(token.clone()),
            Self::Stop => Input::Stop,
        }
    }
}

impl From<Input<'_>> for InputBuf {
    fn from(input: Input<'_>) -> Self {
        match input {
            Input::Tick => Self::Tick,
            Input::Head { attempt, head } => Self::Head { attempt, head },
            Input::Data { attempt, bytes } => Self::Data { attempt, bytes: bytes.into() },
            Input::End { attempt } => Self::End { attempt },
            Input::Failed { attempt, fault } => Self::Failed { attempt, fault },
            Input::HeartbeatAnswer { beat, status } => Self::HeartbeatAnswer { beat, status },
            Input::HeartbeatFailed { beat, fault } => Self::HeartbeatFailed { beat, fault },
            Input::HeartbeatsCancelled => Self::HeartbeatsCancelled,
            Input::SleepAgain(hand_over) => Self::SleepAgain(hand_over),
            Input::Hint(hint) => Self::Hint(hint),
            Input::Offline(offline) => Self::Offline(offline),
            Input::NewToken(token) => Self::NewToken(token),
            Input::Stop => Self::Stop,
        }
    }
}

/// As of an [`Input`]: of bytes only the length, of a token nothing.
impl fmt::Debug for InputBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_input().fmt(f)
    }
}

/// How the hand-over of a wake went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandOver {
    /// The application could act on it: the wake pays for its connect, and the flap guard starts anew.
    Done,
    /// It could not: this counts as a short watch, so that "wake, fail, sleep, wake" cannot spin
    /// (protocol.md section 5.1).
    Failed,
}

impl HandOver {
    /// The stable code, 621 to 629.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Done => 621,
            Self::Failed => 622,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn the_owned_twin_is_the_same_input() {
        let (attempt, beat, fault) = (Attempt(3), Beat(4), TransportFault::Tls);
        let token = Token::new("canary").expect("a token");
        for input in [
            Input::Tick,
            Input::Head { attempt, head: Head::read(503, [("retry-after", b"7".as_slice())]) },
            Input::Data { attempt, bytes: b"data: canary\n\n" },
            Input::End { attempt },
            Input::Failed { attempt, fault },
            Input::HeartbeatAnswer { beat, status: 204 },
            Input::HeartbeatFailed { beat, fault },
            Input::HeartbeatsCancelled,
            Input::SleepAgain(HandOver::Failed),
            Input::Hint(Hint::Resumed),
            Input::Offline(true),
            Input::NewToken(token),
            Input::Stop,
        ] {
            let kept = InputBuf::from(input.clone());
            assert_eq!(kept.as_input(), input);
            assert_eq!(format!("{kept:?}"), format!("{input:?}"));
            assert!(!format!("{kept:#?}").contains("canary"));
        }
        let failed = Input::Failed { attempt, fault };
        assert_eq!(format!("{failed:?}"), "Failed(attempt 3, Tls)");
        let data = InputBuf::Data { attempt, bytes: (*b"data: canary\n\n").into() };
        assert_eq!(format!("{data:?}"), "Data(attempt 3, 14 bytes)");
    }
}
