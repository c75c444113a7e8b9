//! The event-stream decoder, useful on its own: `text/event-stream` bytes in, events out.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dormouse_core::sse;
use pyo3::prelude::*;

use crate::argument::{Data, Number};
use crate::codes::Member;
use crate::record::{not_pickled, record};

/// Decodes one event stream, from chunks of any size, as the WHATWG HTML standard says (section 9.2).
///
/// `line_limit` and `data_limit` bound what it stores, in bytes: the longest line that sets a field, 64 KiB unless said
/// otherwise, and the most data of one event, 256 KiB. How the stream is cut makes no difference, to limits neither.
///
/// Raises `LocalError` if a number is out of its range.
#[pyclass(frozen, module = "dormouse")]
pub(crate) struct Decoder(Mutex<sse::Decoder>);

impl Decoder {
    /// As of a watch: nothing that panics runs under it.
    fn lock(&self) -> MutexGuard<'_, sse::Decoder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Decoder {
    #[new]
    #[pyo3(signature = (*, line_limit = None, data_limit = None))]
    fn new(line_limit: Option<Number>, data_limit: Option<Number>) -> Self {
        let mut limits = sse::Limits::default();
        for (limit, slot) in [(line_limit, &mut limits.line), (data_limit, &mut limits.data)] {
            if let Some(limit) = limit {
                *slot = usize::try_from(limit.0).unwrap_or(usize::MAX);
            }
        }
        Self(Mutex::new(sse::Decoder::new(limits)))
    }

    /// The items that these bytes complete, in their order.
    ///
    /// Where the stream exceeds a limit the last one says which. Nothing more can be made of it then: every further call
    /// says the same, until `reset`.
    #[pyo3(signature = (data, /))]
    fn feed(&self, py: Python<'_>, data: Data<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let mut found = Vec::new();
        {
            let mut decoder = self.lock();
            let mut input = data.as_slice();
            loop {
                match decoder.decode(&mut input) {
                    Ok(None) => break,
                    Ok(Some(item)) => found.extend(Owned::of(item)),
                    Err(limit) => {
                        found.push(Owned::Exceeded(limit));
                        break;
                    }
                }
            }
        }
        found.into_iter().map(|item| item.into_python(py)).collect()
    }

    /// The last event id, as of the last blank line: what `Last-Event-ID` of the next connection is. Empty if there was
    /// none. It outlives `reset`.
    #[getter]
    fn last_event_id(&self) -> String {
        self.lock().last_event_id().to_owned()
    }

    /// The reconnection time that this stream asked for last, in milliseconds: 0 to 2**64 - 1.
    #[getter]
    fn retry(&self) -> Option<u64> {
        self.lock().retry()
    }

    /// How many complete lines this stream had so far, blank ones and comments included.
    #[getter]
    fn lines(&self) -> u64 {
        self.lock().lines()
    }

    /// Whether an event, or a line, would be lost if the stream ended now.
    #[getter]
    fn is_unfinished(&self) -> bool {
        self.lock().is_unfinished()
    }

    /// Discards what is unfinished, and makes ready for the next connection's stream.
    fn reset(&self) {
        self.lock().reset();
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("Decoder"))
    }
}

/// An item that no longer needs the decoder.
enum Owned {
    Event(ServerSentEvent),
    Comment,
    Retry(u64),
    Exceeded(sse::LimitExceeded),
}

impl Owned {
    /// None of what this decoder was not asked to tell.
    fn of(item: sse::Item<'_>) -> Option<Self> {
        Some(match item {
            sse::Item::Event(event) => Self::Event(ServerSentEvent {
                name: event.name.to_owned(),
                data: event.data.to_owned(),
                id: event.id.to_owned(),
            }),
            sse::Item::Comment => Self::Comment,
            sse::Item::Retry(milliseconds) => Self::Retry(milliseconds),
            _ => return None,
        })
    }

    fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(match self {
            Self::Event(event) => Py::new(py, event)?.into_any(),
            Self::Comment => Py::new(py, Comment {})?.into_any(),
            Self::Retry(milliseconds) => Py::new(py, Retry { milliseconds })?.into_any(),
            Self::Exceeded(limit) => {
                Py::new(py, LimitExceeded { limit: Member::limit(limit) })?.into_any()
            }
        })
    }
}

/// An event. What was not UTF-8 in it has been replaced by U+FFFD.
#[pyclass(frozen, eq, get_all, module = "dormouse")]
#[derive(Clone, PartialEq)]
pub(crate) struct ServerSentEvent {
    /// The value of the last `event` field; `message` if there was none or it was empty.
    name: String,
    /// The values of all `data` fields, joined with LF.
    data: String,
    /// The last event id at the time of this event, which may have been set by an earlier one.
    id: String,
}

#[pymethods]
impl ServerSentEvent {
    /// The fields in their order, for `match`.
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("name", "data", "id")
    }

    /// Data may hold a token, hence only its length is shown.
    fn __repr__(&self) -> String {
        format!("<ServerSentEvent {:?}, {} bytes>", self.name, self.data.len())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("ServerSentEvent"))
    }
}

record! {
    /// A comment line ended. Servers send them to show that they live; what they say is not kept.
    Comment {
    }
    {
    }
}

record! {
    /// A `retry` line ended: the reconnection time is to be this.
    Retry {
        /// In milliseconds, 0 to 2**64 - 1, which also stands for anything longer.
        milliseconds: u64,
    }
    {
    }
}

record! {
    /// The stream exceeded a limit; nothing more can be made of it.
    LimitExceeded {
        /// Which: a member of `dormouse.codes.Limit`.
        limit: Member,
    }
    {
    }
}
