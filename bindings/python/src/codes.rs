//! Core's enums, as those of `python/dormouse/codes.py`.
//!
//! They are written there in plain Python, with a line for each member, so that editors, type checkers and people can
//! read them; and [`code_table`] says what they have to be, so that a test can hold the two equal.

use dormouse_core::sse::LimitExceeded;
use dormouse_core::{
    Cause, ConnectFault, Field, HandOver, HeartbeatFault, HeartbeatLoss, Hint, Oddity, Outcome,
    Status, StopReason, StreamFault, Then, TransportFault, UrlFault, WireFault,
};
use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::error;

/// A member of one of Python's enums: which enum, and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Member {
    class: &'static str,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Code(u16),
    Name(&'static str),
}

impl Member {
    const fn code(class: &'static str, code: u16) -> Self {
        Self { class, value: Value::Code(code) }
    }

    /// By name, since a status that is the end has the code of its reason.
    pub(crate) const fn status(status: Status) -> Self {
        Self { class: "Status", value: Value::Name(status.name()) }
    }

    pub(crate) const fn stop_reason(reason: StopReason) -> Self {
        Self::code("StopReason", reason.code())
    }

    pub(crate) const fn then(then: Then) -> Self {
        Self::code("Then", then.code())
    }

    pub(crate) const fn oddity(oddity: Oddity) -> Self {
        Self::code("Oddity", oddity.code())
    }

    pub(crate) const fn limit(limit: LimitExceeded) -> Self {
        Self::code("Limit", limit.code())
    }
}

impl<'py> IntoPyObject<'py> for Member {
    type Target = PyAny;
    type Output = Bound<'py, PyAny>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let class = module(py)?.getattr(self.class)?;
        match self.value {
            Value::Code(code) => class.call1((code,)),
            Value::Name(name) => class.call1((name,)),
        }
    }
}

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("dormouse.codes").map(Bound::unbind))?;
    Ok(module.bind(py))
}

/// The one of these that has the code which Python hands in.
fn coded<T: Copy>(
    object: Borrowed<'_, '_, PyAny>,
    what: &str,
    all: impl IntoIterator<Item = T>,
    code: impl Fn(T) -> u16,
) -> PyResult<T> {
    let wanted: i64 = object.extract().map_err(|error: PyErr| {
        if error.is_instance_of::<PyOverflowError>(object.py()) {
            error::local(format!("so large a number is not the code of a {what}"))
        } else {
            error
        }
    })?;
    let found = all.into_iter().find(|one| i64::from(code(*one)) == wanted);
    found.ok_or_else(|| error::local(format!("{wanted} is not the code of a {what}")))
}

/// How an input names what it is about: by a member of the enum, or its code.
macro_rules! extract_by_code {
    ($argument:ident($enumeration:ty), $what:literal) => {
        pub(crate) struct $argument(pub(crate) $enumeration);

        impl FromPyObject<'_, '_> for $argument {
            type Error = PyErr;

            fn extract(object: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
                coded(object, $what, <$enumeration>::ALL, <$enumeration>::code).map(Self)
            }
        }
    };
}
extract_by_code!(TransportFaultArgument(TransportFault), "TransportFault");
extract_by_code!(HintArgument(Hint), "Hint");
extract_by_code!(HandOverArgument(HandOver), "HandOver");

/// What `dormouse.codes` has to say: the name of each enum, and the name and the code of each member, from core.
///
/// A status has no code of its own where it is the end; it stands here with zero.
#[pyfunction]
#[pyo3(name = "_code_table")]
pub(crate) fn code_table() -> Vec<(&'static str, Vec<(String, u16)>)> {
    use {Field as F, LimitExceeded as L, WireFault as W};

    let transport = TransportFault::Other;
    let stop = StopReason::Requested;
    let connects = [
        ConnectFault::Unauthorized,
        ConnectFault::Conflict,
        ConnectFault::NotEventStream,
        ConnectFault::Status(500),
        ConnectFault::Compressed,
        ConnectFault::Transport(transport),
        ConnectFault::Ended,
        ConnectFault::HelloTimeout { opened: true },
        ConnectFault::Hello(W::Json),
        ConnectFault::Limit(L::Line),
    ];
    let outcomes = [
        Outcome::Wake,
        Outcome::ReadTimeout,
        Outcome::Hint(Hint::Resumed),
        Outcome::Ended,
        Outcome::Stream(StreamFault::Limit(L::Line)),
        Outcome::HeartbeatLost(HeartbeatLoss::Gone),
    ];
    let streams = [
        StreamFault::Transport(transport),
        StreamFault::Wake(W::Json),
        StreamFault::Limit(L::Line),
    ];
    let losses = [
        HeartbeatLoss::Taken,
        HeartbeatLoss::Gone,
        HeartbeatLoss::Unauthorized,
        HeartbeatLoss::Failed,
        HeartbeatLoss::Cancelled,
    ];
    let heartbeats = [
        HeartbeatFault::Status(500),
        HeartbeatFault::Transport(transport),
        HeartbeatFault::Timeout,
    ];
    let wires = [
        W::Json,
        W::Depth,
        W::Missing(F::Url),
        W::Type(F::Url),
        W::TooLong(F::Url),
        W::Id(F::Url),
        W::Url(UrlFault::Host),
    ];
    let fields = [
        F::WatchLeaseId,
        F::DeviceWaitForViewerMs,
        F::HeartbeatIntervalMs,
        F::Url,
        F::Token,
        F::RemoteAccessSessionId,
    ];
    let urls =
        [UrlFault::Syntax, UrlFault::Scheme, UrlFault::Host, UrlFault::UserInfo, UrlFault::Query];
    let delay = dormouse_core::Delay::default();
    let thens = [Then::Connect(delay), Then::Park(delay), Then::HandOver, Then::Stop(stop)];
    let reasons = [stop, StopReason::Unauthorized, StopReason::Cancelled];
    let statuses =
        [Status::Connecting, Status::Connected, Status::Unauthorized, Status::Stopped(stop)];
    let status_code = |status: Status| match status {
        Status::Stopped(_) => 0,
        other => other.code(),
    };
    let oddities = [Oddity::SecondHello, Oddity::OtherSession];

    vec![
        ("TransportFault", causes(TransportFault::ALL)),
        ("ConnectFault", causes(connects)),
        ("Outcome", causes(outcomes)),
        ("StreamFault", causes(streams)),
        ("HeartbeatLoss", causes(losses)),
        ("Hint", Hint::ALL.map(|hint| (hint.name().to_owned(), hint.code())).into()),
        ("HeartbeatFault", causes(heartbeats)),
        ("WireFault", causes(wires)),
        ("Field", causes(fields)),
        ("UrlFault", causes(urls)),
        ("Limit", causes([L::Line, L::Data])),
        ("Oddity", oddities.map(|oddity| (oddity.name().to_owned(), oddity.code())).into()),
        ("Then", thens.map(|then| (then.name().to_owned(), then.code())).into()),
        ("HandOver", HandOver::ALL.map(|one| (one.name().to_owned(), one.code())).into()),
        ("StopReason", reasons.map(|reason| (reason.name().to_owned(), reason.code())).into()),
        ("Status", statuses.map(|status| (status.name().to_owned(), status_code(status))).into()),
    ]
}

/// The outermost part of each: its name and its code.
fn causes<T: Into<Cause>, const N: usize>(faults: [T; N]) -> Vec<(String, u16)> {
    faults
        .map(|fault| {
            let cause: Cause = fault.into();
            let names = cause.to_string();
            let [code, ..] = cause.codes();
            (names.split('.').next().unwrap_or_default().to_owned(), code)
        })
        .into()
}
