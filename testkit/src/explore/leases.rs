//! Two clients with one token, the server's lease table, and a network between them.
//!
//! The clients are real machines with every guard off, the table is the server's own. The network delays, drops
//! and repeats: what is on its way lies in a heap from which anything may be taken next; only what one stream
//! carries stays in order, as TCP has it. The server restarts, with its state file and without.
//!
//! What is checked on every transition:
//!
//! * never two accepted leases for one device: while somebody's lease lives, nobody else is let in;
//! * never a heartbeat for a lost lease that extends a new one;
//! * a wake goes to the client that holds the lease, and a client that missed it is given it again;
//! * of those who believe that they hold the device at most one is right;
//! * and that the table answers as its rules, written once more, say.

mod mark;

use std::hash::Hasher;
use std::time::Duration;

use dormouse_core::{
    Action, Attempt, Beat, HandOver, Input, State, Timestamp, TransportFault, Watch,
};
use dormouse_server::lease::{Heartbeat, LeaseId, Leases, Opened, Refusal, Terms, Turn};

use super::alphabet::Answer;
use super::search::World;
use super::table::{LEASE_LIFETIME, Right, Table, WAKE_LIFETIME};
use super::told::Told;
use crate::laws::{self, Polls, Setup, take};

const DEVICE: &str = "device";
/// What a restart with a state file adds to the leases it brings back.
const GRACE: u64 = 10_000;
/// So much is on its way at most, streams aside.
const ON_ITS_WAY: usize = 4;
const INTERVAL: u64 = 30_000;

/// The world of two clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    /// How often the server restarts at most.
    pub(crate) restarts: u8,
    /// How many wakes there are at most.
    pub(crate) wakes: u8,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// The time of a client's deadline comes, and it is told.
    Tick(usize),
    /// The time at which the holder's lease expires comes, and nobody is told.
    Expire,
    /// One message arrives, or arrives and will arrive again. One that is lost is one that never does.
    Arrive(usize),
    Repeat(usize),
    /// A request for a watch arrives, and its connection turns out to be closed before hello is sent.
    Withdraw(usize),
    /// The next thing on a stream arrives.
    Read(usize),
    /// A stream breaks for its client; the server does not know.
    Break(usize),
    /// The server learns that a stream is closed.
    Closed(usize),
    /// Somebody wants the device.
    Wake,
    /// A client that was woken wants to sleep again.
    Again(usize, HandOver),
    /// The server restarts, with its state file (`true`) or without.
    Restart(bool),
}

/// A request, or the answer to one.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Message {
    Open { client: usize, attempt: u64, previous: Option<u32> },
    Refused { client: usize, attempt: u64 },
    Beat { client: usize, beat: u64, lease: u32 },
    Answer { client: usize, beat: u64, status: u16 },
}

/// A response that is a stream: both ends of it, and what is between them.
#[derive(Clone, Debug)]
struct Stream {
    client: usize,
    attempt: u64,
    lease: u32,
    items: Vec<Item>,
    /// The client reads it; the server has it open.
    read: bool,
    served: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Item {
    Hello,
    Wake,
    End,
    Broken,
}

#[derive(Clone)]
struct Client {
    watch: Watch,
    attempt: u64,
    /// The heartbeat whose answer it waits for.
    beat: Option<u64>,
    /// The lease that it believes to hold, and the one that it may name when it comes back.
    lease: Option<u32>,
    last: Option<u32>,
    /// It was handed a wake, and has not asked to sleep again.
    woken: bool,
}

/// Everybody, and what is between them.
#[derive(Clone)]
pub(crate) struct Place {
    now: u64,
    clients: [Client; 2],
    messages: Vec<(Message, bool)>,
    streams: Vec<Stream>,
    leases: Leases<u8>,
    table: Table,
    /// How many leases were granted, wakes handed in, and restarts survived.
    granted: u32,
    wakes: u8,
    restarts: u8,
    /// Who was granted each that still can be named: at most these.
    owners: Vec<(u32, usize)>,
}

impl World for Pair {
    type Place = Place;
    type Move = Event;

    fn start(&self) -> Place {
        let setup = Setup { guards: [false; 6], park: false, seed: 0, origin: 0 };
        let client = || Client {
            watch: setup.watch(),
            attempt: 0,
            beat: None,
            lease: None,
            last: None,
            woken: false,
        };
        let mut place = Place {
            now: 0,
            clients: [client(), client()],
            messages: Vec::new(),
            streams: Vec::new(),
            leases: empty(),
            table: Table::default(),
            granted: 0,
            wakes: 0,
            restarts: 0,
            owners: Vec::new(),
        };
        place.drain(0);
        place.drain(1);
        place
    }

    fn moves(&self, place: &Place, moves: &mut Vec<Event>) {
        for (number, (message, repeated)) in place.messages.iter().enumerate() {
            moves.push(Event::Arrive(number));
            if let Message::Open { client, attempt, .. } = *message {
                if !place.awaits(client, attempt) {
                    moves.push(Event::Withdraw(number));
                }
            }
            let request = matches!(message, Message::Open { .. } | Message::Beat { .. });
            if request && !repeated && place.messages.len() < ON_ITS_WAY {
                moves.push(Event::Repeat(number));
            }
        }
        for (number, stream) in place.streams.iter().enumerate() {
            if stream.read && !stream.items.is_empty() {
                moves.push(Event::Read(number));
            }
            if stream.read && stream.items.last() != Some(&Item::Broken) {
                moves.push(Event::Break(number));
            }
            if !stream.read && stream.served {
                moves.push(Event::Closed(number));
            }
        }
        for (number, client) in place.clients.iter().enumerate() {
            if client.watch.deadline().is_some() {
                moves.push(Event::Tick(number));
            }
            if client.woken {
                moves.extend(
                    [HandOver::Done, HandOver::Failed].map(|how| Event::Again(number, how)),
                );
            }
        }
        if place.table.holder.is_some_and(|right| place.now < right.until) {
            moves.push(Event::Expire);
        }
        if place.wakes < self.wakes {
            moves.push(Event::Wake);
        }
        if place.restarts < self.restarts {
            moves.extend([Event::Restart(true), Event::Restart(false)]);
        }
    }

    fn go(&self, place: &Place, event: Event) -> Option<Place> {
        let mut place = place.clone();
        match event {
            Event::Tick(client) => {
                let due = place.clients[client].watch.deadline().map_or(0, Timestamp::as_millis);
                place.now = place.now.max(due);
                place.hear(client, Input::Tick);
            }
            Event::Expire => {
                place.now = place.table.holder.map_or(place.now, |right| right.until);
            }
            Event::Arrive(number) => {
                let (message, _) = place.messages.remove(number);
                place.arrives(message);
            }
            Event::Repeat(number) => {
                place.messages[number].1 = true;
                let (message, _) = place.messages[number].clone();
                place.arrives(message);
            }
            Event::Withdraw(number) => {
                let before = place.granted;
                let (message, _) = place.messages.remove(number);
                place.arrives(message);
                // Refused, if nothing new was granted.
                if place.granted > before {
                    place.streams.pop();
                    let (now, lease) = (place.time(), place.granted);
                    let freed = place.leases.withdraw(now, DEVICE, &id(lease));
                    assert_eq!(freed, place.table.withdraw(place.now, lease));
                }
            }
            Event::Read(number) => place.read(number),
            Event::Break(number) => {
                let Stream { client, attempt, .. } = place.streams[number];
                place.hear(
                    client,
                    Input::Failed { attempt: Attempt(attempt), fault: TransportFault::Broken },
                );
            }
            Event::Closed(number) => {
                let lease = place.streams[number].lease;
                place.streams[number].served = false;
                place.leases.close(place.time(), DEVICE, &id(lease));
            }
            Event::Wake => {
                place.wakes += 1;
                let handed = place.leases.wake(place.time(), DEVICE, 0).expect("a device");
                place.table.settle(place.now);
                assert_eq!(handed.replaced, place.table.wake_until.is_some());
                place.table.wake_until = Some(place.now + WAKE_LIFETIME);
            }
            Event::Again(client, how) => {
                place.clients[client].woken = false;
                place.hear(client, Input::SleepAgain(how));
            }
            Event::Restart(file) => {
                place.restarts += 1;
                place.restart(file);
            }
        }
        place.turns();
        place.tidy();
        place.what_always_holds();
        Some(place)
    }

    fn look(&self, _: &Place) {}

    fn mark(&self, place: &Place, hasher: &mut impl Hasher) {
        place.mark(hasher);
    }

    fn tell(&self, run: &[Event]) -> String {
        let mut place = self.start();
        let mut words = String::new();
        for event in run {
            let what = match *event {
                Event::Arrive(number) | Event::Withdraw(number) | Event::Repeat(number) => {
                    format!("{:?}", place.messages[number].0)
                }
                Event::Read(number) | Event::Break(number) | Event::Closed(number) => {
                    format!("{:?}", place.streams[number])
                }
                _ => String::new(),
            };
            words += &format!("{:>9} ms  {event:?} {what}\n", place.now);
            let went =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.go(&place, *event)));
            let Ok(Some(next)) = went else { break };
            place = next;
        }
        words
    }
}

impl Place {
    fn time(&self) -> Duration {
        Duration::from_millis(self.now)
    }

    /// A client hears something, and does what it then wants.
    fn hear(&mut self, client: usize, given: Input<'_>) {
        self.clients[client].watch.handle(Timestamp::from_millis(self.now), given);
        self.drain(client);
    }

    fn drain(&mut self, number: usize) {
        let actions = take(&mut self.clients[number].watch, Polls::All);
        for told in
            actions.iter().filter(|action| !matches!(action, Action::Report(_))).map(Told::of)
        {
            let client = &mut self.clients[number];
            match told {
                Told::Abandon { .. } => client.beat = None,
                Told::Disconnect { attempt } => {
                    client.beat = None;
                    let own =
                        |stream: &&mut Stream| (stream.client, stream.attempt) == (number, attempt);
                    if let Some(stream) = self.streams.iter_mut().find(own) {
                        stream.read = false;
                    }
                    if !matches!(client.watch.state(), State::Awake) {
                        client.lease = None;
                    }
                }
                Told::Connect { attempt, previous, .. } => {
                    client.attempt = attempt;
                    let previous = previous.as_deref().map(number_of);
                    assert!(previous.is_none() || previous == client.last, "another lease");
                    self.messages
                        .push((Message::Open { client: number, attempt, previous }, false));
                }
                Told::Heartbeat { beat, lease, .. } => {
                    client.beat = Some(beat);
                    let lease = number_of(&lease);
                    assert_eq!(client.lease, Some(lease), "a heartbeat for a lease it lost");
                    self.messages.push((Message::Beat { client: number, beat, lease }, false));
                }
                Told::Wake { .. } => {
                    client.woken = true;
                    // The wake was sent on this client's own lease, which ended with it.
                    let lease = client.lease.take().expect("a wake without a lease");
                    assert!(self.owners.contains(&(lease, number)), "another client's wake");
                }
                _ => {}
            }
        }
        if self.clients[number].watch.state() != State::Watching {
            self.clients[number].lease = None;
        }
    }

    /// A request reaches the server, or an answer its client.
    fn arrives(&mut self, message: Message) {
        match message {
            Message::Open { client, attempt, previous } => self.open(client, attempt, previous),
            Message::Refused { client, attempt } => {
                self.clients[client].last = None;
                self.hear(
                    client,
                    Input::Head { attempt: Attempt(attempt), head: Answer::Conflict.head() },
                );
            }
            Message::Beat { client, beat, lease } => {
                let status = self.beat(lease);
                self.messages.push((Message::Answer { client, beat, status }, false));
            }
            Message::Answer { client, beat, status } => {
                if matches!(status, 409 | 410) {
                    self.clients[client].last = None;
                }
                self.clients[client].beat = None;
                self.hear(client, Input::HeartbeatAnswer { beat: Beat(beat), status });
            }
        }
    }

    fn open(&mut self, client: usize, attempt: u64, previous: Option<u32>) {
        let now = self.time();
        let lived = self.lives();
        let fresh = self.granted + 1;
        let named = previous.map(name);
        let opened = self.leases.open(now, DEVICE, named.as_deref(), id(fresh));
        assert_eq!(opened, self.table.open(self.now, previous, fresh), "open, and its rules");
        let lived = lived.map(|right| (right, self.owner(right.lease)));
        match opened {
            Ok(opened) => {
                // Never two accepted leases: who is let in beside one that lives is its own client.
                if let Some((right, owner)) = lived {
                    assert_eq!(owner, Some(client), "let in while {} lives", right.lease);
                    assert_ne!(opened, Opened::Granted);
                }
                self.granted = fresh;
                self.owners.push((fresh, client));
                let items = vec![Item::Hello];
                let read = self.awaits(client, attempt);
                let stream = Stream { client, attempt, lease: fresh, items, read, served: true };
                self.streams.push(stream);
            }
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Held);
                // A client is never locked out by a lease that it names itself.
                assert!(
                    lived.is_some_and(|(right, _)| Some(right.lease) != previous),
                    "locked out"
                );
                self.messages.push((Message::Refused { client, attempt }, false));
            }
        }
    }

    /// The client waits for an answer to this attempt, and there is none on its way yet.
    fn awaits(&self, client: usize, attempt: u64) -> bool {
        let Client { watch, attempt: latest, .. } = &self.clients[client];
        let answers = |stream: &Stream| (stream.client, stream.attempt) == (client, attempt);
        *latest == attempt
            && watch.state() == State::Connecting
            && !self.streams.iter().any(answers)
    }

    fn beat(&mut self, lease: u32) -> u16 {
        let now = self.time();
        let lived = self.lives();
        let left = |leases: &mut Leases<u8>| leases.status(now)[0].lease_left;
        let before = left(&mut self.leases);
        let answer = self.leases.heartbeat(now, DEVICE, &name(lease));
        assert_eq!(answer, self.table.heartbeat(self.now, lease), "heartbeat, and its rules");
        // Never a heartbeat for a lost lease that extends a new one.
        let own = lived.is_some_and(|right| right.lease == lease);
        assert_eq!(answer == Heartbeat::Refreshed, own, "of {lease}, where {lived:?} lives");
        if !own {
            assert_eq!(left(&mut self.leases), before, "it extended another");
        }
        match answer {
            Heartbeat::Refreshed | Heartbeat::Woken => 204,
            Heartbeat::Taken => 409,
            Heartbeat::Gone => 410,
        }
    }

    /// The next thing on a stream reaches its client.
    fn read(&mut self, number: usize) {
        let Stream { client, attempt, lease, .. } = self.streams[number];
        let item = self.streams[number].items.remove(0);
        match item {
            Item::Hello => {
                self.hear(
                    client,
                    Input::Head { attempt: Attempt(attempt), head: Answer::Sse.head() },
                );
                let before = self.clients[client].watch.state();
                if before == State::Opening {
                    (self.clients[client].lease, self.clients[client].last) =
                        (Some(lease), Some(lease));
                }
                self.hear(
                    client,
                    Input::Data {
                        attempt: Attempt(attempt),
                        bytes: &laws::hello(&name(lease), INTERVAL),
                    },
                );
            }
            Item::Wake => {
                assert_eq!(self.clients[client].lease, Some(lease), "a wake for another");
                self.hear(client, Input::Data { attempt: Attempt(attempt), bytes: &laws::wake(0) });
                assert!(self.clients[client].woken, "the wake was lost on its client");
            }
            Item::End => self.hear(client, Input::End { attempt: Attempt(attempt) }),
            Item::Broken => {
                self.hear(
                    client,
                    Input::Failed { attempt: Attempt(attempt), fault: TransportFault::Broken },
                );
            }
        }
    }

    /// Every stream that the server serves does what it has to do now.
    fn turns(&mut self) {
        let now = self.time();
        for number in 0..self.streams.len() {
            let Stream { lease, served: true, .. } = self.streams[number] else { continue };
            let lived = self.lives();
            let turn = self.leases.turn(now, DEVICE, &id(lease));
            assert_eq!(turn, self.table.turn(self.now, lease), "turn, and its rules");
            let stream = &mut self.streams[number];
            match turn {
                Turn::Idle { .. } => continue,
                Turn::Wake(_) => {
                    assert_eq!(lived.map(|right| right.lease), Some(lease), "no holder's stream");
                    stream.items.extend([Item::Wake, Item::End]);
                }
                Turn::Over => stream.items.push(Item::End),
            }
            stream.served = false;
        }
    }

    fn restart(&mut self, file: bool) {
        let now = self.time();
        let held = self.leases.snapshot(now);
        self.leases = empty();
        if file {
            self.leases.restore(now, Duration::from_millis(GRACE), held);
        }
        self.table.restart(self.now, file.then_some(GRACE));
        for stream in self.streams.iter_mut().filter(|stream| stream.served) {
            stream.served = false;
            stream.items.push(Item::Broken);
        }
    }

    /// Forgets what makes no difference any more.
    fn tidy(&mut self) {
        self.table.settle(self.now);
        let clients = &self.clients;
        // What an attempt or a heartbeat that is over would be told changes nothing: law 4.
        self.messages.retain(|(message, _)| match *message {
            Message::Refused { client, attempt } => {
                let client = &clients[client];
                client.attempt == attempt && client.watch.state() == State::Connecting
            }
            Message::Answer { client, beat, .. } => clients[client].beat == Some(beat),
            Message::Open { .. } | Message::Beat { .. } => true,
        });
        self.streams.retain(|stream| stream.served || (stream.read && !stream.items.is_empty()));
    }

    fn what_always_holds(&self) {
        // Of those who believe that they hold the device at most one is right.
        let now = self.time();
        let right = |client: &&Client| {
            client.lease.is_some_and(|lease| {
                self.leases.clone().heartbeat(now, DEVICE, &name(lease)) == Heartbeat::Refreshed
            })
        };
        assert!(self.clients.iter().filter(right).count() <= 1, "two are right");
        assert!(self.leases.held() <= 1);
        // What the table says of its holder is what the rules say.
        let living = self.leases.clone().snapshot(now);
        let holder = living.first().map(|held| number_of(held.lease.expose()));
        assert_eq!(holder, self.lives().map(|right| right.lease));
    }

    /// The right that lives, by the rules.
    fn lives(&self) -> Option<Right> {
        self.table.holder.filter(|right| self.now < right.until)
    }

    fn owner(&self, lease: u32) -> Option<usize> {
        self.owners.iter().find(|(granted, _)| *granted == lease).map(|(_, client)| *client)
    }
}

fn empty() -> Leases<u8> {
    let terms = Terms {
        lease_lifetime: Duration::from_millis(LEASE_LIFETIME),
        wake_lifetime: Duration::from_millis(WAKE_LIFETIME),
    };
    Leases::new(terms, [DEVICE])
}

fn name(lease: u32) -> String {
    format!("L{lease}")
}

fn id(lease: u32) -> LeaseId {
    LeaseId::new(&name(lease)).expect("a lease id")
}

fn number_of(name: &str) -> u32 {
    name.strip_prefix('L').and_then(|number| number.parse().ok()).expect("a lease of this run")
}
