//! What goes into the machine.

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

/// How the hand-over of a wake went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HandOver {
    /// The application could act on it: the wake pays for its connect, and the flap guard starts anew.
    Done,
    /// It could not: this counts as a short watch, so that "wake, fail, sleep, wake" cannot spin
    /// (protocol.md section 5.1).
    Failed,
}
