//! What is told for people, logs and metrics; nothing depends on it.

use core::time::Duration;

use dormouse_core::{self as core_, End, Then};
use pyo3::prelude::*;

use crate::codes::Member;
use crate::record::record;

/// Whole milliseconds, as all of core's durations are.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

record! {
    /// A fault or an outcome.
    ///
    /// `str(cause)` is a sentence for people. Its `name` and its `codes` are stable: never used again for something else.
    Cause {
        /// The names of its parts, from the outside in, with dots between: `stream.wake.type.token`.
        name: String,
        /// The codes of those parts that have one, in the same order: 1 to 4 numbers, see `dormouse.codes`.
        codes: Vec<u16>,
        /// The HTTP status, where that is what was wrong.
        status: Option<u16>,
        /// The same for people.
        text: String,
    }
    {
        fn __str__(&self) -> &str {
            &self.text
        }
    }
}

impl Cause {
    fn new(cause: core_::Cause, text: String) -> Self {
        let codes = cause.codes().into_iter().filter(|code| *code != 0).collect();
        Self { name: cause.to_string(), codes, status: cause.status(), text }
    }
}

record! {
    /// The wait before a connect, in milliseconds, and what made it (protocol.md section 5).
    Delay {
        /// The whole wait: 0 to one and a half hours.
        total_ms: u64,
        /// What the row of section 4 gave.
        row_ms: u64,
        /// The least that the flap guard asked for.
        flap_ms: u64,
        /// The least that the server's `Retry-After` asked for.
        retry_after_ms: u64,
        /// What was drawn from the reconnect window.
        window_ms: u64,
    }
    {
    }
}

impl From<core_::Delay> for Delay {
    fn from(delay: core_::Delay) -> Self {
        Self {
            total_ms: millis(delay.total()),
            row_ms: millis(delay.row()),
            flap_ms: millis(delay.flap()),
            retry_after_ms: millis(delay.retry_after()),
            window_ms: millis(delay.window()),
        }
    }
}

/// What somebody who looks for a fault wants to know. `str(report)` is a line for people.
#[pyclass(frozen, subclass, module = "dormouse")]
pub(crate) struct Report {
    text: String,
}

#[pymethods]
impl Report {
    fn __str__(&self) -> &str {
        &self.text
    }
}

record! {
    /// `hello` came: the lease is held.
    ReportConnected extends Report {
        /// The attempt that succeeded.
        attempt: u64,
        /// From the connect to `hello`, in milliseconds.
        took_ms: u64,
        /// How often the lease is refreshed, in milliseconds: 1 s to 24 h.
        heartbeat_interval_ms: u64,
        /// How long a woken device is to wait for its viewer, in milliseconds: 5 s to 24 h.
        wait_for_viewer_ms: u64,
    }
    {
    }
}

record! {
    /// The server sent something that the protocol does not allow there; it was ignored.
    ReportOddity extends Report {
        /// The attempt on which it came.
        attempt: u64,
        /// What it was: a member of `dormouse.codes.Oddity`.
        oddity: Member,
    }
    {
    }
}

record! {
    /// A heartbeat was answered, or given up.
    ReportHeartbeat extends Report {
        /// Its number.
        beat: u64,
        /// From its sending to its end, in milliseconds.
        took_ms: u64,
        /// What is wrong, if the lease was not refreshed.
        cause: Option<Cause>,
    }
    {
        /// Whether the lease was refreshed.
        #[getter]
        fn accepted(&self) -> bool {
            self.cause.is_none()
        }
    }
}

record! {
    /// An attempt ended.
    ReportEnded extends Report {
        /// Its number.
        attempt: u64,
        /// When it ended: `connect`, before `hello`, or `watch`.
        phase: &'static str,
        /// How it ended.
        cause: Cause,
        /// How long it ran, in milliseconds: since the connect, or for a watch since `hello`.
        ran_ms: u64,
        /// What comes next: a member of `dormouse.codes.Then`.
        then: Member,
        /// How long the next connect waits, if one follows.
        delay: Option<Delay>,
        /// Why it is over, if it is: a member of `dormouse.codes.StopReason`.
        reason: Option<Member>,
    }
    {
    }
}

record! {
    /// The application could not act on a wake.
    ReportHandOverFailed extends Report {
        /// The wait before the next connect.
        delay: Delay,
    }
    {
    }
}

record! {
    /// The connect is due and has to wait: too many were made in quick succession (protocol.md section 5.1).
    ReportHeld extends Report {
        /// For how long, in milliseconds.
        wait_ms: u64,
    }
    {
    }
}

pub(crate) fn into_python(py: Python<'_>, report: core_::Report) -> PyResult<Py<PyAny>> {
    let base = PyClassInitializer::from(Report { text: report.to_string() });
    Ok(match report {
        core_::Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer } => {
            let record = ReportConnected {
                attempt: attempt.0,
                took_ms: millis(took),
                heartbeat_interval_ms: millis(heartbeat_interval),
                wait_for_viewer_ms: millis(wait_for_viewer),
            };
            Py::new(py, base.add_subclass(record))?.into_any()
        }
        core_::Report::Oddity { attempt, oddity } => {
            let record = ReportOddity { attempt: attempt.0, oddity: Member::oddity(oddity) };
            Py::new(py, base.add_subclass(record))?.into_any()
        }
        core_::Report::Heartbeat { beat, took, fault } => {
            let record = ReportHeartbeat {
                beat: beat.0,
                took_ms: millis(took),
                cause: fault.map(|fault| Cause::new(fault.into(), fault.to_string())),
            };
            Py::new(py, base.add_subclass(record))?.into_any()
        }
        core_::Report::Ended { attempt, end, ran, then } => {
            let record = ReportEnded {
                attempt: attempt.0,
                phase: match end {
                    End::Connect(_) => "connect",
                    End::Watch(_) => "watch",
                },
                cause: Cause::new(end.into(), end.to_string()),
                ran_ms: millis(ran),
                then: Member::then(then),
                delay: then.delay().map(Delay::from),
                reason: match then {
                    Then::Stop(reason) => Some(Member::stop_reason(reason)),
                    _ => None,
                },
            };
            Py::new(py, base.add_subclass(record))?.into_any()
        }
        core_::Report::HandOverFailed { delay } => {
            let record = ReportHandOverFailed { delay: delay.into() };
            Py::new(py, base.add_subclass(record))?.into_any()
        }
        core_::Report::Held { wait } => {
            Py::new(py, base.add_subclass(ReportHeld { wait_ms: millis(wait) }))?.into_any()
        }
        // A kind of report that this binding does not know yet: its text is all there is.
        _ => Py::new(py, base)?.into_any(),
    })
}
