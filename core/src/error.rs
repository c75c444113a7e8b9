//! What can go wrong, as types: small, `Copy`, with a stable code each, and free of secrets.
//!
//! Nothing here is ever returned to a caller as an `Err` by the machine: what a peer does wrong is data
//! that drives decisions (protocol.md section 4), and these types say which wrong it was. A code never
//! changes its meaning and is never used again, so that bindings, metrics and logs can rely on it.
//! Codes 1xx belong to transports, 2xx to connects, 3xx to watches, 4xx to heartbeats, 5xx to messages and what
//! is in them, 6xx to what is said in reports only, 7xx to settings. [`Cause`](crate::Cause) has them flat.

use core::fmt;

use crate::sse::LimitExceeded;

/// What a transport saw, as far as it can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportFault {
    /// The name could not be looked up.
    Resolve,
    /// No connection came about: refused, unreachable, or no answer.
    Connect,
    /// TLS failed: an unknown authority, a wrong name, an expired certificate, a broken handshake.
    Tls,
    /// The connection broke while it was in use.
    Broken,
    /// What came back is not HTTP, or its framing is broken.
    Http,
    /// None of these, or the transport cannot tell.
    Other,
}

impl TransportFault {
    /// The stable code, 101 to 199.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Resolve => 101,
            Self::Connect => 102,
            Self::Tls => 103,
            Self::Broken => 104,
            Self::Http => 105,
            Self::Other => 199,
        }
    }
}

impl fmt::Display for TransportFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "the name could not be looked up",
            Self::Connect => "no connection to the server",
            Self::Tls => {
                "TLS failed; check the certificate, its names and the device's trusted roots"
            }
            Self::Broken => "the connection broke",
            Self::Http => "the answer is not proper HTTP",
            Self::Other => "the transport failed",
        })
    }
}

impl core::error::Error for TransportFault {}

/// Why a connect did not end in `hello` (protocol.md section 4, first table).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectFault {
    /// 401: the token is refused.
    Unauthorized,
    /// 409: another client holds the lease.
    Conflict,
    /// A 2xx that is no event stream: a maintenance page, a captive portal, a misrouted balancer.
    NotEventStream,
    /// Any other status.
    Status(u16),
    /// An event stream that is compressed, though `identity` was asked for.
    Compressed,
    /// The transport failed.
    Transport(TransportFault),
    /// The stream ended before `hello`.
    Ended,
    /// `hello` did not come within 30 s of the connect.
    HelloTimeout {
        /// Whether a response head had come: then something on the way may hold the stream back.
        opened: bool,
    },
    /// `hello` came and does not say what it must.
    Hello(WireFault),
    /// The stream broke a limit before `hello`.
    Limit(LimitExceeded),
}

impl ConnectFault {
    /// The stable code, 201 to 299. What is inside has a code of its own.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Unauthorized => 201,
            Self::Conflict => 202,
            Self::NotEventStream => 203,
            Self::Status(_) => 204,
            Self::Compressed => 205,
            Self::Transport(_) => 206,
            Self::Ended => 207,
            Self::HelloTimeout { .. } => 208,
            Self::Hello(_) => 209,
            Self::Limit(_) => 210,
        }
    }
}

impl fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorized => f.write_str("the server refuses the token (401)"),
            Self::Conflict => f.write_str(
                "another client holds the lease (409); an earlier run of this device does so until its lease is over",
            ),
            Self::NotEventStream => f.write_str(
                "the answer is no event stream: a maintenance page, a captive portal or a wrong address",
            ),
            Self::Status(status @ 300..=399) => {
                write!(f, "the server answered {status}; redirects are not followed, check the base URL")
            }
            Self::Status(status) => write!(f, "the server answered {status}"),
            Self::Compressed => f.write_str(
                "the stream is compressed though identity was asked for; exempt it from compression on the way",
            ),
            Self::Transport(fault) => fault.fmt(f),
            Self::Ended => f.write_str("the stream ended before hello"),
            Self::HelloTimeout { opened: false } => f.write_str("no answer within 30 s"),
            Self::HelloTimeout { opened: true } => f.write_str(
                "the stream opened but no hello came within 30 s; \
                 if a proxy stands between, switch its response buffering off",
            ),
            Self::Hello(fault) => write!(f, "malformed hello: {fault}"),
            Self::Limit(limit) => limit.fmt(f),
        }
    }
}

impl core::error::Error for ConnectFault {}

/// How a watch ended (protocol.md section 4, second table).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A wake came.
    Wake,
    /// No complete line came for two and a half heartbeat intervals.
    ReadTimeout,
    /// A change of network or a resume from suspend: decided as a read timeout (section 5.5).
    Hint(Hint),
    /// The server ended the stream cleanly.
    Ended,
    /// The stream broke.
    Stream(StreamFault),
    /// The lease was not kept.
    HeartbeatLost(HeartbeatLoss),
}

impl Outcome {
    /// The stable code, 301 to 399. What is inside has a code of its own.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Wake => 301,
            Self::ReadTimeout => 302,
            Self::Hint(_) => 303,
            Self::Ended => 304,
            Self::Stream(_) => 305,
            Self::HeartbeatLost(_) => 306,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wake => f.write_str("woken"),
            Self::ReadTimeout => {
                f.write_str("nothing was heard from the server for 2.5 heartbeat intervals")
            }
            Self::Hint(hint) => hint.fmt(f),
            Self::Ended => f.write_str("the server ended the stream"),
            Self::Stream(fault) => fault.fmt(f),
            Self::HeartbeatLost(loss) => loss.fmt(f),
        }
    }
}

/// A hint that leads to a connect, if one is due to be tried (protocol.md section 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hint {
    /// The device's network changed: another interface, address or route.
    NetworkChanged,
    /// The device was suspended and runs again.
    Resumed,
}

impl Hint {
    /// The stable code, 331 to 339.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NetworkChanged => 331,
            Self::Resumed => 332,
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetworkChanged => "the network changed",
            Self::Resumed => "the device was suspended",
        })
    }
}

/// How a stream broke after `hello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamFault {
    /// The transport failed.
    Transport(TransportFault),
    /// A wake came that does not say what it must.
    Wake(WireFault),
    /// The stream broke a limit.
    Limit(LimitExceeded),
}

impl StreamFault {
    /// The stable code, 311 to 319.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Transport(_) => 311,
            Self::Wake(_) => 312,
            Self::Limit(_) => 313,
        }
    }
}

impl fmt::Display for StreamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(fault) => fault.fmt(f),
            Self::Wake(fault) => write!(f, "malformed wake: {fault}"),
            Self::Limit(limit) => limit.fmt(f),
        }
    }
}

impl core::error::Error for StreamFault {}

/// How a lease was lost, or the wish to keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeartbeatLoss {
    /// 409: another client took the lease.
    Taken,
    /// 410: the server does not know the lease, or it has expired.
    Gone,
    /// 401: the token is refused.
    Unauthorized,
    /// None succeeded for three heartbeat intervals.
    Failed,
    /// Whoever sends heartbeats will send no more ([`Input::HeartbeatsCancelled`](crate::Input)).
    Cancelled,
}

impl HeartbeatLoss {
    /// The stable code, 321 to 329.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Taken => 321,
            Self::Gone => 322,
            Self::Unauthorized => 323,
            Self::Failed => 324,
            Self::Cancelled => 325,
        }
    }
}

impl fmt::Display for HeartbeatLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => "another client took the lease (heartbeat answered 409)",
            Self::Gone => "the server no longer knows the lease (heartbeat answered 410)",
            Self::Unauthorized => "the server refuses the token (heartbeat answered 401)",
            Self::Failed => "no heartbeat succeeded for three intervals",
            Self::Cancelled => "heartbeats were cancelled",
        })
    }
}

/// Why one heartbeat did not refresh the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeartbeatFault {
    /// A status that is no 2xx. 401, 409 and 410 also end the watch.
    Status(u16),
    /// The transport failed.
    Transport(TransportFault),
    /// No answer within the interval, and at most 10 s.
    Timeout,
}

impl HeartbeatFault {
    /// The stable code, 401 to 499.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Status(_) => 401,
            Self::Transport(_) => 402,
            Self::Timeout => 403,
        }
    }
}

impl fmt::Display for HeartbeatFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the server answered {status}"),
            Self::Transport(fault) => fault.fmt(f),
            Self::Timeout => f.write_str("no answer in time"),
        }
    }
}

impl core::error::Error for HeartbeatFault {}

/// What is wrong with the data of a `hello` or a `wake`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WireFault {
    /// It is not a JSON object, or a key stands in it twice.
    Json,
    /// It is nested deeper than 16 levels.
    Depth,
    /// A required key is absent or null.
    Missing(Field),
    /// A value is of the wrong type, or a number that is not an unsigned one of 64 bits.
    Type(Field),
    /// A value is longer than its limit (protocol.md section 7).
    TooLong(Field),
    /// An id is empty or holds something other than visible ASCII.
    Id(Field),
    /// The wake's URL is not one to go to.
    Url(UrlFault),
}

impl WireFault {
    /// The stable code, 501 to 599.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Json => 501,
            Self::Depth => 502,
            Self::Missing(_) => 503,
            Self::Type(_) => 504,
            Self::TooLong(_) => 505,
            Self::Id(_) => 506,
            Self::Url(_) => 507,
        }
    }
}

impl fmt::Display for WireFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json => f.write_str("its data is not one JSON object with distinct keys"),
            Self::Depth => f.write_str("its JSON is nested deeper than 16 levels"),
            Self::Missing(field) => write!(f, "{field} is missing"),
            Self::Type(field) => write!(f, "{field} is not {}", field.expected()),
            Self::TooLong(field) => write!(f, "{field} is too long"),
            Self::Id(field) => write!(f, "{field} is not 1 to 256 bytes of visible ASCII"),
            Self::Url(fault) => write!(f, "its url {fault}"),
        }
    }
}

impl core::error::Error for WireFault {}

/// A key in the data of a `hello` or a `wake` (protocol.md section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// `watchLeaseId` in `hello`.
    WatchLeaseId,
    /// `deviceWaitForViewerMs` in `hello`.
    DeviceWaitForViewerMs,
    /// `heartbeatIntervalMs` in `hello`.
    HeartbeatIntervalMs,
    /// `url` in `wake`.
    Url,
    /// `token` in `wake`.
    Token,
    /// `remoteAccessSessionId` in `wake`.
    RemoteAccessSessionId,
}

impl Field {
    /// The stable code, 511 to 519.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::WatchLeaseId => 511,
            Self::DeviceWaitForViewerMs => 512,
            Self::HeartbeatIntervalMs => 513,
            Self::Url => 514,
            Self::Token => 515,
            Self::RemoteAccessSessionId => 516,
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::DeviceWaitForViewerMs | Self::HeartbeatIntervalMs => "an unsigned 64-bit number",
            _ => "a string",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WatchLeaseId => "watchLeaseId",
            Self::DeviceWaitForViewerMs => "deviceWaitForViewerMs",
            Self::HeartbeatIntervalMs => "heartbeatIntervalMs",
            Self::Url => "url",
            Self::Token => "token",
            Self::RemoteAccessSessionId => "remoteAccessSessionId",
        })
    }
}

/// What is wrong with a URL: the base's, or a wake's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UrlFault {
    /// It does not follow RFC 3986, or has no scheme.
    Syntax,
    /// Its scheme is not one of those allowed here.
    Scheme,
    /// It names no host, or a port that there is not.
    Host,
    /// It carries a user name or a password.
    UserInfo,
    /// It carries a query or a fragment where none may be.
    Query,
}

impl UrlFault {
    /// The stable code, 521 to 529.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Syntax => 521,
            Self::Scheme => 522,
            Self::Host => 523,
            Self::UserInfo => 524,
            Self::Query => 525,
        }
    }
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "is not an absolute URL as RFC 3986 has it",
            Self::Scheme => "has a scheme that is not allowed here",
            Self::Host => "names no host, or no port that there is",
            Self::UserInfo => "carries a user name or password",
            Self::Query => "carries a query or a fragment",
        })
    }
}

impl core::error::Error for UrlFault {}
