//! The loop around the machine, written once, for any runtime (feature `driver`).
//!
//! [`Driver`] drains the machine to its `Sleep`, waits for whichever comes first of a command, the stream,
//! a heartbeat's answer and the deadline, hands it over, and repeats. It knows no runtime and spawns
//! nothing: it is one hand-written [`poll_next`](Stream::poll_next), and so it is a [`Stream`] of
//! [`Event`]s, it can be dropped at any await without losing anything, and whoever polls it drives it.
//!
//! What a runtime has to bring is in `transport`: a [`Transport`] and a [`Timer`]. What a user holds
//! beside the stream is in `handle`: a [`Handle`].
//!
#![doc = include_str!("own_runtime.md")]

mod handle;
mod journal;
mod transport;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use futures_core::Stream;

use crate::action::{Action, Attempt, Beat, Report, Status, Wake};
use crate::error::Hint;
use crate::input::{HandOver, Input};
#[cfg(feature = "serde")]
use crate::journal::Recorder;
use crate::time::Timestamp;
use crate::watch::Watch;

pub use handle::Handle;
use handle::Shared;
use journal::Journal;
pub use transport::{Body, Timer, Transport, TransportError};

/// After so many inputs in one poll the driver looks at its timer, and lets others run: a server that never
/// stops talking keeps neither for itself.
const INPUTS_A_POLL: usize = 64;

/// There are five kinds of commands, and each waits in one slot.
const COMMANDS: usize = 5;

/// A deadline that is found passed by so much tells that nobody ran for a while: the process was stopped, or
/// the device suspended. What lies in the socket then has not been read yet, a wake perhaps; so the transport
/// may catch up before the deadline takes effect.
const LATE: Duration = Duration::from_secs(1);

/// What a watch yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody wants the device. Asking for the next event goes back to sleep.
    Wake(Wake),
    /// What a person sees has changed.
    Status(Status),
}

/// What a driver saw or did, for people, logs and metrics: see [`Driver::observe`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Note<'a> {
    /// A connect begins.
    Connecting {
        /// Its number.
        attempt: Attempt,
    },
    /// A heartbeat is sent.
    Heartbeat {
        /// Its number.
        beat: Beat,
    },
    /// The transport failed; what that means is in the report that follows.
    Failed {
        /// What it said.
        error: &'a TransportError,
    },
    /// What the machine reports.
    Report(&'a Report),
    /// What a person sees has changed.
    Status(Status),
}

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { attempt } => write!(f, "{attempt}: connecting"),
            Self::Heartbeat { beat } => write!(f, "{beat}: sent"),
            Self::Failed { error } => error.fmt(f),
            Self::Report(report) => report.fmt(f),
            Self::Status(status) => status.fmt(f),
        }
    }
}

type Observer = Box<dyn FnMut(Timestamp, &Note<'_>) + Send + Sync>;

/// A watch that runs as long as it is polled. Dropping it closes everything.
///
/// Poll it all the time: heartbeats are sent by whoever awaits the next event. Between a
/// [`Event::Wake`] and the next poll nothing is open and nothing needs to run.
pub struct Driver<T: Transport, C> {
    machine: Watch,
    transport: T,
    timer: C,
    link: Link<T>,
    heartbeat: Option<(Beat, T::Post)>,
    /// How the hand-over of the wake that the application holds went: well, until it says otherwise.
    hand_over: Option<HandOver>,
    shared: Arc<Shared>,
    observer: Option<Observer>,
    journal: Journal,
    /// What the machine has not been told yet, for it would end the watch: first the transport may catch up.
    hint: Option<Hint>,
    /// A late deadline was found, and the link has been looked at once more since.
    looked_again: bool,
    stopped: bool,
}

/// The one connection that carries the stream.
enum Link<T: Transport> {
    Closed,
    Opening(Attempt, T::Open),
    Open(Attempt, T::Body),
}

impl<T: Transport + Unpin, C: Timer + Unpin> Driver<T, C> {
    /// Drives `machine` over `transport` and `timer`. The machine should have been made with a time of
    /// this timer.
    pub fn new(machine: Watch, transport: T, timer: C) -> Self {
        Self {
            shared: Arc::new(Shared::new(machine.status())),
            machine,
            transport,
            timer,
            link: Link::Closed,
            heartbeat: None,
            hand_over: None,
            observer: None,
            journal: Journal::NONE,
            hint: None,
            looked_again: false,
            stopped: false,
        }
    }

    /// Shows every [`Note`] to `observer`, with its time. It is called from within the poll and should
    /// return soon.
    #[must_use]
    pub fn observe(
        mut self,
        observer: impl FnMut(Timestamp, &Note<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Records everything that goes into the machine and comes out of it (feature `serde`). `sink` gets the lines of
    /// the [journal](crate::journal), each with its line end, some of them later than they happened and the
    /// last of them when the driver is dropped. It is called from within the poll and should return soon.
    ///
    /// `recorder` is one that was made with the same as the machine, and neither has been used yet.
    #[cfg(feature = "serde")]
    #[must_use]
    pub fn record(
        mut self,
        recorder: Recorder,
        sink: impl FnMut(&str) + Send + Sync + 'static,
    ) -> Self {
        self.journal = Journal::new(recorder, sink);
        self
    }

    /// A handle to this watch: cheap to clone, usable from anywhere.
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.shared))
    }

    /// Says that the wake which came last could not be acted upon. The next event is then asked for as
    /// ever; the machine counts a short watch, so that "wake, fail, sleep, wake" cannot spin.
    pub fn hand_over_failed(&mut self) {
        if let Some(hand_over) = &mut self.hand_over {
            *hand_over = HandOver::Failed;
        }
    }

    /// The next event; `None` once the watch has stopped. Can be dropped at any time: nothing is lost.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.stopped {
            return Poll::Ready(None);
        }
        // Before anything is asked for: what was said while nobody polled.
        for _ in 0..COMMANDS {
            if self.poll_commands(cx).is_pending() {
                break;
            }
        }
        if let Some(hand_over) = self.hand_over.take() {
            self.input(Input::SleepAgain(hand_over));
        }
        for input in 0..2 * INPUTS_A_POLL {
            let drained = self.drain();
            self.shared.publish(self.machine.status(), self.machine.stats());
            let until = match drained {
                Drained::Event(event) => return Poll::Ready(Some(event)),
                Drained::Stopped => return Poll::Ready(None),
                Drained::Asleep(until) => until,
            };
            // All that has arrived comes before the deadlines that have passed meanwhile; but a server that
            // never stops talking does not hold them up for ever.
            let talk = input < INPUTS_A_POLL;
            if talk && (self.poll_commands(cx).is_ready() || self.poll_link(cx).is_ready()) {
                continue;
            }
            if self.poll_heartbeat(cx).is_ready() || self.poll_timer(cx, until).is_ready() {
                continue;
            }
            if talk {
                return Poll::Pending;
            }
            break;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Does what the machine wants done, until it sleeps or has something for the application.
    fn drain(&mut self) -> Drained {
        loop {
            let action = self.machine.poll();
            self.journal.action(&action);
            match action {
                Action::Disconnect { .. } => {
                    self.link = Link::Closed;
                    self.heartbeat = None;
                    self.transport.close();
                }
                Action::Abandon { .. } => self.heartbeat = None,
                Action::Connect { attempt, request } => {
                    self.note(&Note::Connecting { attempt });
                    self.link = Link::Opening(attempt, self.transport.open(request));
                }
                Action::Heartbeat { beat, request } => {
                    self.note(&Note::Heartbeat { beat });
                    self.heartbeat = Some((beat, self.transport.post(request)));
                }
                Action::Report(report) => self.note(&Note::Report(&report)),
                Action::Status(status) => {
                    self.note(&Note::Status(status));
                    break Drained::Event(Event::Status(status));
                }
                Action::Wake(wake) => {
                    self.hand_over = Some(HandOver::Done);
                    // What happened before the wake does not hasten the connect after it.
                    self.hint = None;
                    break Drained::Event(Event::Wake(wake));
                }
                Action::Stop(_) => {
                    self.stopped = true;
                    break Drained::Stopped;
                }
                Action::Sleep { until } => break Drained::Asleep(until),
            }
        }
    }

    fn poll_commands(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.shared.poll_command(cx) {
            Poll::Ready(Input::Hint(hint)) => {
                self.hint = Some(hint);
                Poll::Ready(())
            }
            Poll::Ready(command) => {
                self.input(command);
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_link(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.link {
            Link::Closed => return Poll::Pending,
            Link::Opening(attempt, opening) => {
                let attempt = *attempt;
                match core::task::ready!(Pin::new(opening).poll(cx)) {
                    Ok((head, body)) => {
                        self.link = Link::Open(attempt, body);
                        self.input(Input::Head { attempt, head });
                    }
                    Err(error) => self.link_failed(attempt, &error),
                }
            }
            Link::Open(attempt, body) => {
                let attempt = *attempt;
                match core::task::ready!(body.poll_chunk(cx)) {
                    Some(Ok(chunk)) => {
                        self.input(Input::Data { attempt, bytes: chunk.as_ref() });
                    }
                    Some(Err(error)) => self.link_failed(attempt, &error),
                    None => {
                        self.link = Link::Closed;
                        self.input(Input::End { attempt });
                    }
                }
            }
        }
        Poll::Ready(())
    }

    fn link_failed(&mut self, attempt: Attempt, error: &TransportError) {
        self.link = Link::Closed;
        self.note(&Note::Failed { error });
        self.input(Input::Failed { attempt, fault: error.fault() });
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((beat, post)) = &mut self.heartbeat else { return Poll::Pending };
        let beat = *beat;
        let answer = core::task::ready!(Pin::new(post).poll(cx));
        self.heartbeat = None;
        match answer {
            Ok(status) => self.input(Input::HeartbeatAnswer { beat, status }),
            Err(error) => {
                self.note(&Note::Failed { error: &error });
                self.input(Input::HeartbeatFailed { beat, fault: error.fault() });
            }
        }
        Poll::Ready(())
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, until: Option<Timestamp>) -> Poll<()> {
        if self.timer.resumed() {
            self.hint = Some(Hint::Resumed);
        }
        let now = self.timer.now();
        if self.hint.is_some() || until.is_some_and(|until| now.since(until) >= LATE) {
            core::task::ready!(self.timer.poll_catch_up(cx));
        }
        if let Some(hint) = self.hint.take() {
            self.input(Input::Hint(hint));
            return Poll::Ready(());
        }
        let Some(until) = until else { return Poll::Pending };
        core::task::ready!(self.timer.poll_sleep(until, cx));
        // The process may have been stopped since the clock was looked at above.
        let late = self.timer.now().since(until) >= LATE;
        if late && !core::mem::replace(&mut self.looked_again, true) {
            return Poll::Ready(());
        }
        self.looked_again = false;
        self.input(Input::Tick);
        Poll::Ready(())
    }

    fn input(&mut self, input: Input<'_>) {
        let now = self.timer.now();
        self.journal.input(&self.machine, now, &input);
        self.machine.handle(now, input);
        self.shared.publish(self.machine.status(), self.machine.stats());
    }

    fn note(&mut self, note: &Note<'_>) {
        #[cfg(feature = "tracing")]
        log(note);
        if let Some(observer) = &mut self.observer {
            observer(self.timer.now(), note);
        }
    }
}

/// What draining the machine came to.
enum Drained {
    Event(Event),
    Stopped,
    Asleep(Option<Timestamp>),
}

impl<T: Transport + Unpin, C: Timer + Unpin> Stream for Driver<T, C> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll_event(cx)
    }
}

impl<T: Transport, C> fmt::Debug for Driver<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("machine", &self.machine).finish_non_exhaustive()
    }
}

/// One line for each note, at the level of its weight.
#[cfg(feature = "tracing")]
fn log(note: &Note<'_>) {
    match note {
        Note::Failed { .. }
        | Note::Report(
            Report::Oddity { .. }
            | Report::Held { .. }
            | Report::HandOverFailed { .. }
            | Report::Heartbeat { fault: Some(_), .. },
        ) => tracing::warn!(target: "dormouse", "{note}"),
        Note::Report(Report::Connected { .. } | Report::Ended { .. }) | Note::Status(_) => {
            tracing::info!(target: "dormouse", "{note}");
        }
        _ => tracing::debug!(target: "dormouse", "{note}"),
    }
}
