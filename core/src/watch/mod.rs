//! The machine: what arrives, in which state, and what follows.
//!
//! Nothing is parsed here and no policy is decided: [`sse`](crate::sse) finds the events and `wire` reads
//! them, [`retry`](crate::retry) decides what the end of an attempt means, `guard` for how long, `timer`
//! knows what is due, and `state` which state may follow which. This file brings them together.
//!
//! This file holds the watch itself, the way in and the way out. What an input means is told in four others:
//! `stream` (what the server says), `heartbeat`, `outside` (what the application says) and `attempt` (the end
//! of one, and the way to the next). What has to be done waits in `pending`, and `outlook` says what of all this the
//! future depends on.
//!
//! Three rules keep it simple:
//!
//! * **One door in, one door out.** Every connect is the end of a wait, if only of one of length zero, and
//!   goes through [`Watch::retry_due`]. Every attempt ends in [`Watch::give_up`].
//! * **Input first, then timers.** While an attempt runs only a tick lets deadlines pass, however long they
//!   are due: a wake that a suspended device finds in its socket is not lost to one, nor the second half of
//!   a wake to a deadline between the halves. A wait between attempts has nothing to lose, and is over with
//!   whatever comes.
//! * **Slots, not a queue.** Of what has to be done there is one place for each kind.

mod attempt;
mod heartbeat;
mod outlook;
mod outside;
mod pending;
mod stream;

pub use outlook::Outlook;

use core::time::Duration;

use crate::action::{Action, Attempt, Beat, End, Report, Stats, Status, StopReason, Then};
use crate::config::Config;
use crate::error::{ConnectFault, HeartbeatFault, Outcome};
use crate::guard::Guard;
use crate::input::Input;
use crate::retry::Memory;
use crate::secret::{Secret, Token};
use crate::sse;
use crate::state::{State, Step};
use crate::time::Timestamp;
use crate::timer::{Timer, Timers};
use crate::wire::{self, LeaseId, Request, SessionId};

use pending::{Kind, Pending};

/// The last instant that is distinguished, some 34 years before the end of time: every deadline that
/// follows it is later than it, so that no clock, however broken, makes a timer fire for ever.
const LAST: Timestamp = Timestamp::from_millis(u64::MAX - (1 << 40));
/// The events that mean anything; others are passed over without being stored.
const EVENTS: &[&str] = &["hello", "wake"];

/// One watch: the whole protocol, without any I/O.
///
/// Feed it what happens with [`handle`](Self::handle), ask it what to do with [`poll`](Self::poll) until
/// it says [`Action::Sleep`], and sleep. The [crate's documentation](crate) shows the loop.
///
/// It is a value: cloned, it is the same watch at the same point, and both will do the same from there.
#[derive(Clone, Debug)]
pub struct Watch {
    config: Config,
    /// What every request carries: the token, with its scheme before it.
    authorization: Secret,
    /// Which token that is, counted from 0, and which ones the latest requests carried: a refusal of an
    /// older one says nothing about this.
    tokens: u32,
    connect_token: u32,
    heartbeat_token: u32,
    now: Timestamp,
    state: State,
    offline: bool,
    timers: Timers,
    pending: Pending,
    guard: Guard,
    memory: Memory,
    /// The first session id that a wake ever carried.
    session: Option<SessionId>,
    /// The latest attempt, running or not.
    attempt: Attempt,
    /// When it was begun.
    connected_at: Timestamp,
    /// Held while watching, and only then.
    lease: Option<Lease>,
    /// The latest heartbeat.
    beat: Beat,
    /// No hint ends the present wait before this: the server asked for it with `Retry-After`.
    floor: Timestamp,
    status: Status,
    stats: Stats,
    decoder: sse::Decoder,
}

/// What `hello` granted, and what became of it.
#[derive(Clone, Debug)]
struct Lease {
    id: LeaseId,
    interval: Duration,
    wait_for_viewer: Duration,
    /// When `hello` came.
    since: Timestamp,
    /// When the last heartbeat that succeeded was sent; at first, when `hello` came.
    refreshed: Timestamp,
    /// Whether any heartbeat was accepted.
    accepted: bool,
    /// The heartbeat that has no answer yet, and when it was sent.
    in_flight: Option<(Beat, Timestamp)>,
}

impl Watch {
    /// A watch that wants to connect at once.
    ///
    /// `seed` is all the chance it will ever have: give each device another one, from the operating
    /// system's entropy. The same configuration, seed and inputs give the same actions, for ever.
    #[must_use]
    pub fn new(config: Config, token: Token, seed: u64, now: Timestamp) -> Self {
        let now = now.min(LAST);
        let mut timers = Timers::default();
        timers.set(Timer::Retry, now);
        let mut watch = Self {
            guard: Guard::new(*config.guards(), seed, now),
            decoder: sse::Decoder::new(config.limits()).only(EVENTS).quiet(),
            authorization: wire::authorization(&config, &token),
            config,
            tokens: 0,
            connect_token: 0,
            heartbeat_token: 0,
            now,
            state: State::Waiting,
            offline: false,
            timers,
            pending: Pending::default(),
            memory: Memory::default(),
            session: None,
            attempt: Attempt(0),
            connected_at: now,
            lease: None,
            beat: Beat(0),
            floor: now,
            status: Status::Connecting,
            stats: Stats::default(),
        };
        watch.pending.status(Status::Connecting);
        watch.fire();
        watch
    }

    /// Takes in what happened at `now`.
    ///
    /// Total: every input is accepted in every state. Time that runs backwards is taken for the last
    /// time seen.
    ///
    /// Deadlines of an attempt pass with [`Input::Tick`] and with nothing else. So hand in first what has
    /// arrived, then the tick: what came in time counts, even if the caller was late.
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>) {
        self.now = now.clamp(self.now, LAST);
        let tick = matches!(input, Input::Tick);
        match input {
            Input::Tick => {}
            Input::Head { attempt, head } => self.head(attempt, head),
            Input::Data { attempt, bytes } => self.data(attempt, bytes),
            Input::End { attempt } => self.stream_over(attempt, None),
            Input::Failed { attempt, fault } => self.stream_over(attempt, Some(fault)),
            Input::HeartbeatAnswer { beat, status } => self.heartbeat_answered(beat, status),
            Input::HeartbeatFailed { beat, fault } => {
                if self.is_in_flight(beat) {
                    self.heartbeat_failed(HeartbeatFault::Transport(fault));
                }
            }
            Input::HeartbeatsCancelled => self.heartbeats_cancelled(),
            Input::SleepAgain(hand_over) => self.sleep_again(hand_over),
            Input::Hint(hint) => self.hint(hint),
            Input::Offline(offline) => self.set_offline(offline),
            Input::NewToken(token) => self.new_token(token),
            Input::Stop => self.stop(StopReason::Requested),
        }
        if tick || !self.state.is_attempting() {
            self.fire();
        }
    }

    /// The next thing to do.
    ///
    /// Total, and O(1). Poll until it says [`Action::Sleep`], which repeats itself until the next input.
    /// Of actions that were not taken out in time the last of each kind is kept; none is given that has
    /// lost its sense meanwhile.
    pub fn poll(&mut self) -> Action {
        if let Some(kind) = self.pending.next() {
            let pending = &mut self.pending;
            match kind {
                Kind::Disconnect => {
                    if let Some(attempt) = pending.disconnect {
                        return Action::Disconnect { attempt };
                    }
                }
                Kind::Abandon => {
                    if let Some(beat) = pending.abandon {
                        return Action::Abandon { beat };
                    }
                }
                Kind::Connect => {
                    let (session, memory) = (self.session.as_ref(), &self.memory);
                    let (own, previous) = (&self.authorization, memory.previous_lease.as_ref());
                    let request = Request::watch(&self.config, own, session, previous);
                    self.connect_token = self.tokens;
                    self.stats.connects = self.stats.connects.saturating_add(1);
                    return Action::Connect { attempt: self.attempt, request };
                }
                Kind::Heartbeat => {
                    if let Some(lease) = &self.lease {
                        let own = &self.authorization;
                        let request = Request::heartbeat(&self.config, own, &lease.id);
                        self.heartbeat_token = self.tokens;
                        self.stats.heartbeats = self.stats.heartbeats.saturating_add(1);
                        return Action::Heartbeat { beat: self.beat, request };
                    }
                }
                Kind::Status => {
                    if let Some(status) = pending.status {
                        return Action::Status(status);
                    }
                }
                Kind::Wake => {
                    if let Some(wake) = pending.wake.take() {
                        return Action::Wake(*wake);
                    }
                }
                Kind::Stop => {
                    if let Some(reason) = pending.stop {
                        return Action::Stop(reason);
                    }
                }
                report => {
                    if let Some(report) = pending.take_report(report) {
                        return Action::Report(report);
                    }
                }
            }
            return self.poll_on();
        }
        Action::Sleep { until: self.deadline() }
    }

    /// On, where there was a mark and nothing behind it. It is a call so that [`poll`](Self::poll) is no loop, before which
    /// the compiler would read every slot.
    #[inline(never)]
    fn poll_on(&mut self) -> Action {
        self.poll()
    }

    /// When the next timer is due, if one runs: what [`Action::Sleep`] says.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        // At the end of time nothing will ever be due.
        if self.offline || self.now >= LAST { None } else { self.timers.next() }
    }

    /// What a person sees.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Where the machine stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether the device is offline, as the last [`Input::Offline`] said.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// Counts since the beginning.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether bytes that belong to this attempt would be read, and not only counted.
    #[cfg(feature = "serde")]
    pub(crate) fn reads(&self, attempt: Attempt) -> bool {
        let open = matches!(self.state, State::Opening | State::Watching);
        open && attempt == self.attempt
    }

    /// The remote access session that the first wake named, if one did.
    #[must_use]
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }
}

// The machinery.
impl Watch {
    /// Fires what is due, longest due first. It ends: whatever fires is set again later than now, if at
    /// all, but for the one connect that a wait of length zero leads to.
    fn fire(&mut self) {
        while !self.offline {
            let Some((timer, due)) = self.timers.expired(self.now) else { return };
            match timer {
                Timer::Hello => {
                    let opened = self.state == State::Opening;
                    self.connect_failed(ConnectFault::HelloTimeout { opened }, None);
                }
                Timer::Read => self.watch_ended(Outcome::ReadTimeout),
                Timer::HeartbeatTimeout => self.heartbeat_failed(HeartbeatFault::Timeout),
                Timer::Heartbeat => self.heartbeat_due(due),
                Timer::Retry => self.retry_due(),
            }
        }
    }

    /// Goes to the state that the table gives. A step that the table does not have is a mistake in this
    /// file: it shows in every test, and in the field the watch stays where it was.
    fn step(&mut self, step: Step) {
        let next = self.state.after(step);
        debug_assert!(next.is_some(), "no transition from {:?} on {step:?}", self.state);
        self.state = next.unwrap_or(self.state);
    }

    fn show(&mut self, status: Status) {
        if self.status != status {
            self.status = status;
            self.pending.status(status);
        }
    }

    fn ended(&mut self, end: End, ran: Duration, then: Then) {
        self.pending.report(Report::Ended { attempt: self.attempt, end, ran, then });
    }
}
