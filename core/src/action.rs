//! What comes out of the machine: what to do, what to show, and how long to sleep.

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use crate::error::{ConnectFault, HeartbeatFault, Outcome};
use crate::guard::Delay;
use crate::secret::Secret;
use crate::time::Timestamp;
use crate::wire::{Request, SessionId};

/// The number of an attempt to watch: 1, 2, 3 … in the life of one [`Watch`](crate::Watch).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(pub u64);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}", self.0)
    }
}

/// The number of a heartbeat: 1, 2, 3 … in the life of one [`Watch`](crate::Watch), across attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Beat(pub u64);

impl fmt::Display for Beat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "heartbeat {}", self.0)
    }
}

/// What the machine wants done, in the order in which it is to be done.
///
/// Exhaustive on purpose: a driver that skips an effect stalls, and a new kind of effect should not
/// compile until it is dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Give up the attempt's stream and its heartbeat: close the connection, now.
    Disconnect {
        /// The attempt to give up.
        attempt: Attempt,
    },
    /// Give up this one heartbeat: its answer is no longer waited for.
    Abandon {
        /// The heartbeat to give up.
        beat: Beat,
    },
    /// Open a watch. Redirects are not followed.
    Connect {
        /// What to mark the answers with.
        attempt: Attempt,
        /// What to send.
        request: Request,
    },
    /// Send a heartbeat, beside the open stream.
    Heartbeat {
        /// What to mark the answer with.
        beat: Beat,
        /// What to send.
        request: Request,
    },
    /// For people, logs and metrics; nothing depends on it.
    Report(Report),
    /// What a person sees has changed.
    Status(Status),
    /// Somebody wants the device. Nothing more happens until [`Input::SleepAgain`](crate::Input::SleepAgain).
    Wake(Wake),
    /// It is over. Said once; every later poll sleeps without end.
    Stop(StopReason),
    /// Nothing to do until then, or until an input comes. Repeats itself when polled again.
    Sleep {
        /// When to feed [`Input::Tick`](crate::Input::Tick); never, if `None`.
        until: Option<Timestamp>,
    },
}

/// A sentence for a log. No token is in it, nor a wake's URL, which may hold one.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnect { attempt } => write!(f, "{attempt}: closing its connection"),
            Self::Abandon { beat } => write!(f, "{beat}: given up"),
            Self::Connect { attempt, .. } => write!(f, "{attempt}: connecting"),
            Self::Heartbeat { beat, .. } => write!(f, "{beat}: sending"),
            Self::Report(report) => report.fmt(f),
            Self::Status(status) => status.fmt(f),
            Self::Wake(_) => f.write_str("woken"),
            Self::Stop(reason) => write!(f, "stopping: {reason}"),
            Self::Sleep { until: Some(until) } => write!(f, "sleeping until {until:?}"),
            Self::Sleep { until: None } => f.write_str("sleeping"),
        }
    }
}

/// Where to go, and what to get in with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wake {
    /// An absolute `wss` or `https` URL without user info, at most 8 KiB (`ws` and `http` only where
    /// the base URL itself is `http`).
    pub url: Box<str>,
    /// The token that opens it, at most 64 KiB.
    pub token: Secret,
    /// Which remote access session this wake belongs to, for correlation.
    pub session: Option<SessionId>,
    /// How long to wait for the viewer there, as the server's `hello` said: 5 s to 24 h.
    pub wait_for_viewer: Duration,
}

/// What a person sees (protocol.md section 4, last paragraph).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// There is no watch, and one is being tried for. Also while another client holds the lease, be it an earlier run of this
    /// device: [`Report::Ended`] says why.
    Connecting,
    /// The device can be woken, or is back so fast that nobody need know.
    Connected,
    /// The token was refused; the watch is parked (section 5.6).
    Unauthorized,
    /// The end: nothing is asked for any more. A wake that came before it and was not taken out yet follows.
    Stopped(StopReason),
}

impl Status {
    /// The stable code: 1 connecting, 2 connected, 3 unauthorized, and 10 and up for the reasons to stop.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Connecting => 1,
            Self::Connected => 2,
            Self::Unauthorized => 3,
            Self::Stopped(reason) => reason.code(),
        }
    }

    /// The stable name: what a journal says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Unauthorized => "unauthorized",
            Self::Stopped(_) => "stopped",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Connected => f.write_str("connected"),
            Self::Unauthorized => f.write_str("unauthorized"),
            Self::Stopped(reason) => write!(f, "stopped: {reason}"),
        }
    }
}

/// Why a watch is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The application asked for it.
    Requested,
    /// The token was refused.
    Unauthorized,
    /// Heartbeats were cancelled from outside.
    Cancelled,
}

impl StopReason {
    /// The stable code, 10 to 19.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Requested => 10,
            Self::Unauthorized => 11,
            Self::Cancelled => 12,
        }
    }

    /// The stable name: what a journal says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Unauthorized => "unauthorized",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "as asked",
            Self::Unauthorized => "the server refuses the token",
            Self::Cancelled => "heartbeats were cancelled",
        })
    }
}

/// What somebody who looks for a fault wants to know. A machine that is not polled keeps the last of
/// each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// `hello` came: the lease is held.
    Connected {
        /// The attempt that succeeded.
        attempt: Attempt,
        /// From the connect to `hello`.
        took: Duration,
        /// How often the lease is refreshed, 1 s to 24 h.
        heartbeat_interval: Duration,
        /// How long a woken device is to wait for its viewer, 5 s to 24 h.
        wait_for_viewer: Duration,
    },
    /// The server sent something that the protocol does not allow there; it was ignored.
    Oddity {
        /// The attempt on which it came.
        attempt: Attempt,
        /// What it was.
        oddity: Oddity,
    },
    /// A heartbeat was answered, or given up.
    Heartbeat {
        /// The heartbeat.
        beat: Beat,
        /// From its sending to its end.
        took: Duration,
        /// What is wrong, if the lease was not refreshed.
        fault: Option<HeartbeatFault>,
    },
    /// An attempt ended.
    Ended {
        /// The attempt.
        attempt: Attempt,
        /// How.
        end: End,
        /// How long it ran: since the connect, or for a watch since `hello`.
        ran: Duration,
        /// What comes next.
        then: Then,
    },
    /// The application could not act on a wake: what comes next.
    HandOverFailed {
        /// The wait before the next connect.
        delay: Delay,
    },
    /// The connect is due, and has to wait: ten were made in quick succession, and one more is allowed
    /// every 30 s (section 5.1).
    Held {
        /// For how long.
        wait: Duration,
    },
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Before `hello`.
    Connect(ConnectFault),
    /// After `hello`.
    Watch(Outcome),
}

impl End {
    /// The stable code of the fault or the outcome.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Connect(fault) => fault.code(),
            Self::Watch(outcome) => outcome.code(),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(fault) => fault.fmt(f),
            Self::Watch(outcome) => outcome.fmt(f),
        }
    }
}

/// What follows the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next connect, after the delay.
    Connect(Delay),
    /// Another try with a token that was refused, after the delay (section 5.6).
    Park(Delay),
    /// The wake is handed over.
    HandOver,
    /// The end.
    Stop(StopReason),
}

impl Then {
    /// The stable code, 611 to 619.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Connect(_) => 611,
            Self::Park(_) => 612,
            Self::HandOver => 613,
            Self::Stop(_) => 614,
        }
    }

    /// The stable name: what a journal says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Park(_) => "park",
            Self::HandOver => "hand_over",
            Self::Stop(_) => "stop",
        }
    }

    /// How long the next connect waits, and why, if one follows.
    #[must_use]
    pub const fn delay(self) -> Option<Delay> {
        match self {
            Self::Connect(delay) | Self::Park(delay) => Some(delay),
            Self::HandOver | Self::Stop(_) => None,
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(delay) if delay.total().is_zero() => {
                f.write_str("connecting again at once")
            }
            Self::Connect(delay) => write!(f, "connecting again in {delay}"),
            Self::Park(delay) => write!(f, "trying again in {delay}, or with a new token"),
            Self::HandOver => f.write_str("handing the wake over"),
            Self::Stop(reason) => write!(f, "stopping: {reason}"),
        }
    }
}

/// Something odd that the server did, which changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Oddity {
    /// A second `hello` on the same stream.
    SecondHello,
    /// A wake with another session id than the first one; the first is kept.
    OtherSession,
}

impl Oddity {
    /// The stable code, 601 to 609.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::SecondHello => 601,
            Self::OtherSession => 602,
        }
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecondHello => "a second hello on the same stream was ignored",
            Self::OtherSession => {
                "the wake names another remote access session; the first one is kept"
            }
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected { attempt, took, heartbeat_interval, .. } => {
                write!(
                    f,
                    "{attempt}: connected in {took:?}, heartbeat every {heartbeat_interval:?}"
                )
            }
            Self::Oddity { attempt, oddity } => write!(f, "{attempt}: {oddity}"),
            Self::Heartbeat { beat, took, fault: None } => {
                write!(f, "{beat}: accepted in {took:?}")
            }
            Self::Heartbeat { beat, took, fault: Some(fault) } => {
                write!(f, "{beat}: failed after {took:?}: {fault}")
            }
            Self::Ended { attempt, end, ran, then } => {
                write!(f, "{attempt}: {end} (after {ran:?}); {then}")
            }
            Self::HandOverFailed { delay } => {
                write!(f, "the wake came to nothing; {}", Then::Connect(*delay))
            }
            Self::Held { wait } => {
                write!(f, "too many connects in a short time; the next one waits {wait:?}")
            }
        }
    }
}

/// Counts since the beginning of a [`Watch`](crate::Watch). They never run backwards and never overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connects that were handed out.
    pub connects: u64,
    /// Connects that ended in `hello`.
    pub hellos: u64,
    /// Wakes received.
    pub wakes: u64,
    /// Wakes whose hand-over the application reported as failed.
    pub hand_overs_failed: u64,
    /// Heartbeats that were handed out.
    pub heartbeats: u64,
    /// Heartbeats that refreshed the lease.
    pub heartbeats_accepted: u64,
    /// Heartbeats that were due while one was still in flight.
    pub heartbeats_skipped: u64,
    /// Comments received: the server's signs of life.
    pub comments: u64,
    /// Events received that the protocol gives no meaning where they came.
    pub events_ignored: u64,
    /// Connects that had to wait for the connect bucket.
    pub connects_held: u64,
    /// Hints that led to nothing: there was nothing to hasten, or their bucket was empty.
    pub hints_ignored: u64,
    /// Inputs from attempts or heartbeats that were given up, or never were.
    pub stale: u64,
    /// Inputs that make no sense in the state they met: data before a head, a sleep without a wake.
    pub out_of_place: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Head, Input, Token, Watch};
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;

    #[test]
    fn a_whole_life_in_sentences_has_no_secret_in_it() {
        let config = Config::new("https://api.example.com").build().expect("a config");
        let token = Token::new("canary").expect("a token");
        let mut watch = Watch::new(config, token, 0, Timestamp::ORIGIN);
        let attempt = Attempt(1);
        let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
        let hello = b"event: hello\ndata: {\"watchLeaseId\":\"l\",\
            \"deviceWaitForViewerMs\":5000,\"heartbeatIntervalMs\":1000}\n\n";
        let wake = b"event: wake\ndata: {\"url\":\"wss://a/?t=canary\",\"token\":\"canary\"}\n\n";
        let mut said: Vec<String> = Vec::new();
        for (now, input) in [
            (0, Input::Tick),
            (1, Input::Head { attempt, head }),
            (2, Input::Data { attempt, bytes: hello }),
            (1_100, Input::Tick),
            (2_200, Input::Tick),
            (2_300, Input::Data { attempt, bytes: wake }),
            (2_400, Input::Stop),
        ] {
            watch.handle(Timestamp::from_millis(now), input);
            loop {
                let action = watch.poll();
                said.push(action.to_string());
                if let Action::Sleep { .. } = action {
                    break;
                }
            }
        }
        let all = said.join("\n");
        assert!(!all.contains("canary"), "{all}");
        for sentence in [
            "attempt 1: connecting",
            "connecting",
            "sleeping until 30000ms",
            "attempt 1: connected in 2ms, heartbeat every 1s",
            "connected",
            "heartbeat 1: sending",
            "heartbeat 1: given up",
            "attempt 1: closing its connection",
            "attempt 1: woken (after 2.298s); handing the wake over",
            "woken",
            "stopped: as asked",
            "stopping: as asked",
            "sleeping",
        ] {
            assert!(said.iter().any(|said| said == sentence), "{sentence}:\n{all}");
        }
    }
}
