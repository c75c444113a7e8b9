//! What comes out of a watch: what to do, what to show, and how long to sleep.

use dormouse_core as core_;
use pyo3::prelude::*;

use crate::argument::Number;
use crate::codes::Member;
use crate::record::{not_pickled, record, show};
use crate::report::{self, millis};
use crate::secret::{Secret, Text};

record! {
    /// Give up the attempt's stream and its heartbeat: close the connection, now.
    Disconnect {
        /// The attempt to give up.
        attempt: u64,
    }
    {
    }
}

record! {
    /// Give up this one heartbeat: its answer is no longer waited for.
    Abandon {
        /// The heartbeat to give up.
        beat: u64,
    }
    {
    }
}

record! {
    /// Open a watch. Redirects are not followed.
    Connect {
        /// What to mark the answers with.
        attempt: u64,
        /// What to send.
        request: Request,
    }
    {
    }
}

record! {
    /// Send a heartbeat, beside the open stream.
    Heartbeat {
        /// What to mark the answer with.
        beat: u64,
        /// What to send.
        request: Request,
    }
    {
    }
}

/// A request to send as it stands. No redirect is to be followed: the token is for this origin only.
#[pyclass(frozen, eq, module = "dormouse")]
#[derive(Clone, PartialEq)]
pub(crate) struct Request(core_::Request);

#[pymethods]
impl Request {
    /// GET for a watch, POST for a heartbeat.
    #[getter]
    fn method(&self) -> &'static str {
        self.0.method().as_str()
    }

    /// The absolute URL, percent-encoded.
    #[getter]
    fn url(&self) -> &str {
        self.0.url()
    }

    /// The body: empty for a watch.
    #[getter]
    fn body(&self) -> &str {
        self.0.body()
    }

    /// The headers to send, as pairs of names in lower case and values. One of them is the token.
    fn expose_headers(&self) -> Vec<(&'static str, &str)> {
        self.0.headers().collect()
    }

    fn __repr__(&self) -> String {
        format!("Request(method='{}', url='{}')", self.method(), self.url())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("Request"))
    }
}

/// What a person sees has changed. `str()` of it is for them.
#[pyclass(frozen, eq, module = "dormouse")]
#[derive(Clone, PartialEq)]
pub(crate) struct StatusChanged(core_::Status);

#[pymethods]
impl StatusChanged {
    /// The fields in their order, for `match`.
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("status", "reason", "code")
    }

    /// What it is now: a member of `dormouse.codes.Status`.
    #[getter]
    fn status(&self) -> Member {
        Member::status(self.0)
    }

    /// Why it is over, if it is: a member of `dormouse.codes.StopReason`.
    #[getter]
    fn reason(&self) -> Option<Member> {
        match self.0 {
            core_::Status::Stopped(reason) => Some(Member::stop_reason(reason)),
            _ => None,
        }
    }

    /// The stable code: 1 connecting, 2 connected, 3 unauthorized, and 10 and up for the reasons to stop.
    #[getter]
    fn code(&self) -> u16 {
        self.0.code()
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        show(slf.as_any(), &["status", "reason", "code"])
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("StatusChanged"))
    }
}

record! {
    /// Somebody wants the device: where to go, and what to get in with.
    Wake {
        /// An absolute wss or https URL without user info, at most 8 KiB (ws and http only where the base URL itself is
        /// http).
        url: String,
        /// The token that opens it, at most 64 KiB.
        token: Secret,
        /// Which remote access session this wake belongs to, for correlation.
        session: Option<String>,
        /// How long to wait for the viewer there, in milliseconds: 5 s to 24 h.
        wait_for_viewer_ms: u64,
    }
    {
        /// For tests of what an application does with a wake. Nothing is checked; the viewer is waited for 60 s, unless
        /// said otherwise.
        #[new]
        #[pyo3(signature = (url, token, session = None, wait_for_viewer_ms = None))]
        fn new(
            url: Text,
            token: PyRef<'_, Secret>,
            session: Option<Text>,
            wait_for_viewer_ms: Option<Number>,
        ) -> Self {
            let session = session.map(|session| session.0);
            let wait_for_viewer_ms = wait_for_viewer_ms.map_or(60_000, |wait| wait.0);
            Self { url: url.0, token: token.clone(), session, wait_for_viewer_ms }
        }
    }
}

record! {
    /// It is over. Said once; every later poll sleeps without end.
    Stopped {
        /// Why: a member of `dormouse.codes.StopReason`.
        reason: Member,
    }
    {
    }
}

record! {
    /// Nothing to do until then, or until an input comes. Repeats itself when polled again.
    Sleep {
        /// When to call `handle_tick`, in milliseconds of the caller's clock; never, if `None`.
        until: Option<u64>,
    }
    {
    }
}

pub(crate) fn into_python(py: Python<'_>, action: core_::Action) -> PyResult<Py<PyAny>> {
    use core_::Action;

    Ok(match action {
        Action::Disconnect { attempt } => {
            Py::new(py, Disconnect { attempt: attempt.0 })?.into_any()
        }
        Action::Abandon { beat } => Py::new(py, Abandon { beat: beat.0 })?.into_any(),
        Action::Connect { attempt, request } => {
            Py::new(py, Connect { attempt: attempt.0, request: Request(request) })?.into_any()
        }
        Action::Heartbeat { beat, request } => {
            Py::new(py, Heartbeat { beat: beat.0, request: Request(request) })?.into_any()
        }
        Action::Report(report) => report::into_python(py, report)?,
        Action::Status(status) => Py::new(py, StatusChanged(status))?.into_any(),
        Action::Wake(wake) => {
            let wake = Wake {
                url: wake.url.into(),
                token: wake.token.into(),
                session: wake.session.map(|session| session.as_str().to_owned()),
                wait_for_viewer_ms: millis(wake.wait_for_viewer),
            };
            Py::new(py, wake)?.into_any()
        }
        Action::Stop(reason) => {
            Py::new(py, Stopped { reason: Member::stop_reason(reason) })?.into_any()
        }
        Action::Sleep { until } => {
            let until = until.map(core_::Timestamp::as_millis);
            Py::new(py, Sleep { until })?.into_any()
        }
    })
}
