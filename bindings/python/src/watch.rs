//! The machine: what happened goes in by `handle_…`, what to do comes out of `poll`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dormouse_core::{self as core_, Attempt, Beat, Head, Input, Timestamp};
use pyo3::prelude::*;

use crate::argument::{Data, Headers, Number, Status};
use crate::codes::{HandOverArgument, HintArgument, Member, TransportFaultArgument};
use crate::config::Config;
use crate::record::{not_pickled, record};
use crate::secret::DeviceToken;

/// One watch: the whole protocol, without any I/O.
///
/// Tell it what happens with `handle_…`, ask it what to do with `poll` until it says `Sleep`, and sleep until then or
/// until something happens. Every input is accepted in every state; what a peer does wrong is data, never an exception.
///
/// `now` is always the time, in whole milliseconds of any clock that does not run backwards and, best, keeps counting
/// while the device is suspended. `seed` is all the chance the machine will ever have, 0 to 2**64 - 1: give each device
/// another one, from the operating system's entropy. The same configuration, seed and inputs give the same actions.
///
/// It can be used from any thread. `copy.copy` gives the same watch at the same point; it cannot be pickled.
///
/// Raises `TokenError` if the token is empty, longer than 8 KiB, or holds anything but visible ASCII, and `LocalError` if
/// a number is out of its range.
#[pyclass(frozen, module = "dormouse")]
pub(crate) struct Watch(Mutex<core_::Watch>);

impl Watch {
    /// Nothing that panics runs under this lock; should it be poisoned all the same, what it keeps is still whole.
    fn lock(&self) -> MutexGuard<'_, core_::Watch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, now: Number, input: Input<'_>) {
        self.lock().handle(Timestamp::from_millis(now.0), input);
    }
}

#[pymethods]
impl Watch {
    #[new]
    #[pyo3(signature = (config, token, *, seed, now))]
    fn new(config: PyRef<'_, Config>, token: DeviceToken, seed: Number, now: Number) -> Self {
        let now = Timestamp::from_millis(now.0);
        Self(Mutex::new(core_::Watch::new(config.checked.clone(), token.0, seed.0, now)))
    }

    /// The next thing to do. Poll until it is a `Sleep`, which repeats itself until the next input.
    fn poll(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let action = self.lock().poll();
        crate::action::into_python(py, action)
    }

    /// Time has passed: the instant of a `Sleep` has come. Hand in first what has arrived by then.
    #[pyo3(signature = (*, now))]
    fn handle_tick(&self, now: Number) {
        self.handle(now, Input::Tick);
    }

    /// The response head of a watch arrived. `headers` are pairs of name and value, each text or bytes, in any order, or
    /// something with `items()`; which of them matter need not be known.
    #[pyo3(signature = (attempt, status, headers, *, now))]
    fn handle_head(&self, attempt: Number, status: Status, headers: Headers, now: Number) {
        let head = Head::read(status.0, headers.pairs());
        self.handle(now, Input::Head { attempt: Attempt(attempt.0), head });
    }

    /// Bytes of the stream arrived, cut anywhere. They are not kept, but for an unfinished line.
    #[pyo3(signature = (attempt, data, *, now))]
    fn handle_data(&self, attempt: Number, data: Data<'_>, now: Number) {
        let bytes = data.as_slice();
        self.handle(now, Input::Data { attempt: Attempt(attempt.0), bytes });
    }

    /// The stream came to its proper end.
    #[pyo3(signature = (attempt, *, now))]
    fn handle_end(&self, attempt: Number, now: Number) {
        self.handle(now, Input::End { attempt: Attempt(attempt.0) });
    }

    /// The connect failed, or the stream broke.
    #[pyo3(signature = (attempt, fault, *, now))]
    fn handle_failed(&self, attempt: Number, fault: TransportFaultArgument, now: Number) {
        self.handle(now, Input::Failed { attempt: Attempt(attempt.0), fault: fault.0 });
    }

    /// A heartbeat was answered. Redirects are not followed: a 3xx is handed in as it is.
    #[pyo3(signature = (beat, status, *, now))]
    fn handle_heartbeat_answer(&self, beat: Number, status: Status, now: Number) {
        self.handle(now, Input::HeartbeatAnswer { beat: Beat(beat.0), status: status.0 });
    }

    /// A heartbeat got no answer.
    #[pyo3(signature = (beat, fault, *, now))]
    fn handle_heartbeat_failed(&self, beat: Number, fault: TransportFaultArgument, now: Number) {
        self.handle(now, Input::HeartbeatFailed { beat: Beat(beat.0), fault: fault.0 });
    }

    /// Whoever sends heartbeats was told from outside to send no more: the watch stops.
    #[pyo3(signature = (*, now))]
    fn handle_heartbeats_cancelled(&self, now: Number) {
        self.handle(now, Input::HeartbeatsCancelled);
    }

    /// The application has done with the wake and wants to sleep again.
    #[pyo3(signature = (hand_over, *, now))]
    fn handle_sleep_again(&self, hand_over: HandOverArgument, now: Number) {
        self.handle(now, Input::SleepAgain(hand_over.0));
    }

    /// Something outside the protocol suggests that a new connection would do better.
    #[pyo3(signature = (hint, *, now))]
    fn handle_hint(&self, hint: HintArgument, now: Number) {
        self.handle(now, Input::Hint(hint.0));
    }

    /// There is no network, or there is one again. While offline nothing is attempted and nothing is forgotten.
    #[pyo3(signature = (offline, *, now))]
    fn handle_offline(&self, offline: bool, now: Number) {
        self.handle(now, Input::Offline(offline));
    }

    /// A new device token, for every request from now on. Raises `TokenError` if it cannot be one.
    #[pyo3(signature = (token, *, now))]
    fn handle_new_token(&self, token: DeviceToken, now: Number) {
        self.handle(now, Input::NewToken(token.0));
    }

    /// The application wants no more of it. Final.
    #[pyo3(signature = (*, now))]
    fn handle_stop(&self, now: Number) {
        self.handle(now, Input::Stop);
    }

    /// When the next timer is due, if one runs: what `Sleep` says.
    #[getter]
    fn deadline(&self) -> Option<u64> {
        self.lock().deadline().map(Timestamp::as_millis)
    }

    /// What a person sees: a member of `dormouse.codes.Status`.
    #[getter]
    fn status(&self) -> Member {
        let status = self.lock().status();
        Member::status(status)
    }

    /// Whether the device is offline, as `handle_offline` said last.
    #[getter]
    fn is_offline(&self) -> bool {
        self.lock().is_offline()
    }

    /// The remote access session that the first wake named, if one did.
    #[getter]
    fn session(&self) -> Option<String> {
        self.lock().session().map(|session| session.as_str().to_owned())
    }

    /// Counts since the beginning.
    #[getter]
    fn stats(&self) -> Stats {
        Stats::from(self.lock().stats())
    }

    fn __copy__(&self) -> Self {
        Self(Mutex::new(self.lock().clone()))
    }

    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> Self {
        self.__copy__()
    }

    fn __repr__(&self) -> String {
        let watch = self.lock();
        let deadline = watch
            .deadline()
            .map_or_else(|| "None".to_owned(), |deadline| deadline.as_millis().to_string());
        format!("<Watch {}, deadline={deadline}>", watch.status().name())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(not_pickled("Watch"))
    }
}

record! {
    /// Counts since the beginning of a `Watch`. They never run backwards.
    Stats {
        /// Connects that were handed out.
        connects: u64,
        /// Connects that ended in `hello`.
        hellos: u64,
        /// Wakes received.
        wakes: u64,
        /// Wakes whose hand-over the application reported as failed.
        hand_overs_failed: u64,
        /// Heartbeats that were handed out.
        heartbeats: u64,
        /// Heartbeats that refreshed the lease.
        heartbeats_accepted: u64,
        /// Heartbeats that were due while one was still in flight.
        heartbeats_skipped: u64,
        /// Comments received: the server's signs of life.
        comments: u64,
        /// Events received that the protocol gives no meaning where they came.
        events_ignored: u64,
        /// Connects that had to wait for the connect bucket.
        connects_held: u64,
        /// Hints that led to nothing.
        hints_ignored: u64,
        /// Inputs from attempts or heartbeats that were given up, or never were.
        stale: u64,
        /// Inputs that make no sense in the state they met.
        out_of_place: u64,
    }
    {
    }
}

impl From<&core_::Stats> for Stats {
    fn from(stats: &core_::Stats) -> Self {
        Self {
            connects: stats.connects,
            hellos: stats.hellos,
            wakes: stats.wakes,
            hand_overs_failed: stats.hand_overs_failed,
            heartbeats: stats.heartbeats,
            heartbeats_accepted: stats.heartbeats_accepted,
            heartbeats_skipped: stats.heartbeats_skipped,
            comments: stats.comments,
            events_ignored: stats.events_ignored,
            connects_held: stats.connects_held,
            hints_ignored: stats.hints_ignored,
            stale: stats.stale,
            out_of_place: stats.out_of_place,
        }
    }
}
