//! A fault or an outcome, flat: for journals, metrics, and languages that have no nested enums.
//!
//! The types of `error.rs` hold one another, as deep as four. Here each of them becomes a row of codes and a name
//! with dots, both from the outside in, so that whoever wants to count faults needs no `match`. A name is never
//! used again for something else, just as a code.

use core::fmt;

use crate::action::{End, Oddity};
use crate::error::{
    ConnectFault, Field, HeartbeatFault, HeartbeatLoss, Hint, Outcome, StreamFault, TransportFault,
    UrlFault, WireFault,
};
use crate::input::HandOver;
use crate::sse::LimitExceeded;

/// What was wrong, part by part, from the outside in.
///
/// ```
/// use dormouse_core::{Cause, Field, Outcome, StreamFault, WireFault};
///
/// let cause = Cause::from(Outcome::Stream(StreamFault::Wake(WireFault::Type(Field::Token))));
/// assert_eq!(cause.codes(), [305, 312, 504, 515]);
/// assert_eq!(cause.to_string(), "stream.wake.type.token");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cause {
    names: [&'static str; 4],
    codes: [u16; 4],
    status: Option<u16>,
}

impl Cause {
    const fn new(name: &'static str, code: u16) -> Self {
        Self { names: [name, "", "", ""], codes: [code, 0, 0, 0], status: None }
    }

    /// The HTTP status that it was. Its number is no name.
    const fn status_is(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// This around that. Nothing is nested deeper than there are places.
    const fn around(self, inner: Self) -> Self {
        let (name, code) = (self.names[0], self.codes[0]);
        let [first, second, third, _] = inner.names;
        let [one, two, three, _] = inner.codes;
        Self {
            names: [name, first, second, third],
            codes: [code, one, two, three],
            status: inner.status,
        }
    }

    /// The stable code of each part, from the outside in, and zero where there is none. The first is never zero.
    #[must_use]
    pub const fn codes(&self) -> [u16; 4] {
        self.codes
    }

    /// The HTTP status, where that is what was wrong.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        self.status
    }
}

/// The names of the parts, with dots between: `a` to `z`, `_` and `.`, less than 64 bytes.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.names[0])?;
        for name in self.names[1..].iter().filter(|name| !name.is_empty()) {
            write!(f, ".{name}")?;
        }
        Ok(())
    }
}

impl From<End> for Cause {
    fn from(end: End) -> Self {
        match end {
            End::Connect(fault) => fault.into(),
            End::Watch(outcome) => outcome.into(),
        }
    }
}

impl From<ConnectFault> for Cause {
    fn from(fault: ConnectFault) -> Self {
        let own = |name| Self::new(name, fault.code());
        match fault {
            ConnectFault::Unauthorized => own("unauthorized"),
            ConnectFault::Conflict => own("conflict"),
            ConnectFault::NotEventStream => own("not_event_stream"),
            ConnectFault::Status(status) => own("status").status_is(status),
            ConnectFault::Compressed => own("compressed"),
            ConnectFault::Transport(inner) => own("transport").around(inner.into()),
            ConnectFault::Ended => own("ended"),
            ConnectFault::HelloTimeout { opened } => {
                let how_far = if opened { "opened" } else { "unanswered" };
                own("hello_timeout").around(Self::new(how_far, 0))
            }
            ConnectFault::Hello(inner) => own("hello").around(inner.into()),
            ConnectFault::Limit(inner) => own("limit").around(inner.into()),
        }
    }
}

impl From<Outcome> for Cause {
    fn from(outcome: Outcome) -> Self {
        let own = |name| Self::new(name, outcome.code());
        match outcome {
            Outcome::Wake => own("wake"),
            Outcome::ReadTimeout => own("read_timeout"),
            Outcome::Hint(hint) => own("hint").around(Self::new(hint.name(), hint.code())),
            Outcome::Ended => own("ended"),
            Outcome::Stream(inner) => own("stream").around(inner.into()),
            Outcome::HeartbeatLost(inner) => own("heartbeat_lost").around(inner.into()),
        }
    }
}

impl From<HeartbeatFault> for Cause {
    fn from(fault: HeartbeatFault) -> Self {
        let own = |name| Self::new(name, fault.code());
        match fault {
            HeartbeatFault::Status(status) => own("status").status_is(status),
            HeartbeatFault::Transport(inner) => own("transport").around(inner.into()),
            HeartbeatFault::Timeout => own("timeout"),
        }
    }
}

impl From<StreamFault> for Cause {
    fn from(fault: StreamFault) -> Self {
        let own = |name| Self::new(name, fault.code());
        match fault {
            StreamFault::Transport(inner) => own("transport").around(inner.into()),
            StreamFault::Wake(inner) => own("wake").around(inner.into()),
            StreamFault::Limit(inner) => own("limit").around(inner.into()),
        }
    }
}

impl From<HeartbeatLoss> for Cause {
    fn from(loss: HeartbeatLoss) -> Self {
        let name = match loss {
            HeartbeatLoss::Taken => "taken",
            HeartbeatLoss::Gone => "gone",
            HeartbeatLoss::Unauthorized => "unauthorized",
            HeartbeatLoss::Failed => "failed",
            HeartbeatLoss::Cancelled => "cancelled",
        };
        Self::new(name, loss.code())
    }
}

impl From<TransportFault> for Cause {
    fn from(fault: TransportFault) -> Self {
        Self::new(fault.name(), fault.code())
    }
}

impl From<LimitExceeded> for Cause {
    fn from(limit: LimitExceeded) -> Self {
        let name = match limit {
            LimitExceeded::Line => "line",
            LimitExceeded::Data => "data",
        };
        Self::new(name, limit.code())
    }
}

impl From<WireFault> for Cause {
    fn from(fault: WireFault) -> Self {
        let own = |name| Self::new(name, fault.code());
        match fault {
            WireFault::Json => own("json"),
            WireFault::Depth => own("depth"),
            WireFault::Missing(field) => own("missing").around(field.into()),
            WireFault::Type(field) => own("type").around(field.into()),
            WireFault::TooLong(field) => own("too_long").around(field.into()),
            WireFault::Id(field) => own("id").around(field.into()),
            WireFault::Url(inner) => own("url").around(inner.into()),
        }
    }
}

impl From<Field> for Cause {
    fn from(field: Field) -> Self {
        let name = match field {
            Field::WatchLeaseId => "watch_lease_id",
            Field::DeviceWaitForViewerMs => "device_wait_for_viewer_ms",
            Field::HeartbeatIntervalMs => "heartbeat_interval_ms",
            Field::Url => "url",
            Field::Token => "token",
            Field::RemoteAccessSessionId => "remote_access_session_id",
        };
        Self::new(name, field.code())
    }
}

impl From<UrlFault> for Cause {
    fn from(fault: UrlFault) -> Self {
        let name = match fault {
            UrlFault::Syntax => "syntax",
            UrlFault::Scheme => "scheme",
            UrlFault::Host => "host",
            UrlFault::UserInfo => "user_info",
            UrlFault::Query => "query",
        };
        Self::new(name, fault.code())
    }
}

// What goes in or comes out by name too.
impl TransportFault {
    /// Every one there is, by code.
    pub const ALL: [Self; 6] =
        [Self::Resolve, Self::Connect, Self::Tls, Self::Broken, Self::Http, Self::Other];

    /// The stable name: what a journal says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Broken => "broken",
            Self::Http => "http",
            Self::Other => "other",
        }
    }
}

impl Hint {
    /// Every one there is, by code.
    pub const ALL: [Self; 2] = [Self::NetworkChanged, Self::Resumed];

    /// The stable name: what a journal says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetworkChanged => "network_changed",
            Self::Resumed => "resumed",
        }
    }
}

impl HandOver {
    /// Every one there is, by code.
    pub const ALL: [Self; 2] = [Self::Done, Self::Failed];

    /// The stable name: what a journal says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl Oddity {
    /// The stable name: what a journal says.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecondHello => "second_hello",
            Self::OtherSession => "other_session",
        }
    }
}
