//! The world: devices, their links, one service, and the time that passes.
//!
//! Everything that happens is an entry in one queue, and taking the next one out is all that makes time pass.
//! What a device does comes from a real machine; what the service says, from the real lease table through the
//! real frames. The world only carries things from one to the other, as well or as badly as its links do.
//!
//! This file has the time and the devices; `carry` has what goes between them and the service, and `trouble` what
//! can be done to all of it.

mod carry;
mod trouble;

use std::collections::VecDeque;

use dormouse_core::{
    Action, Attempt, Beat, Config, HandOver, Head, Input, Request, Timestamp, Token,
    TransportFault, Watch,
};
use dormouse_server::lease::{Handed, Opened};

use super::clock::Clock;
use super::draw::Draw;
use super::exchange::{Down, Exchange, Exchanges, For, Id};
use super::link::{Link, Way};
use super::queue::Queue;
use super::service::{self, Desk, Service};

/// A machine, or something that stands before one.
pub trait Client {
    /// Takes in what happened.
    fn handle(&mut self, now: Timestamp, input: Input<'_>);
    /// The next thing to do.
    fn poll(&mut self) -> Action;
    /// The machine itself.
    fn watch(&self) -> &Watch;
}

impl Client for Watch {
    fn handle(&mut self, now: Timestamp, input: Input<'_>) {
        Watch::handle(self, now, input);
    }

    fn poll(&mut self) -> Action {
        Watch::poll(self)
    }

    fn watch(&self) -> &Watch {
        self
    }
}

/// Sees what happens. `now` is the world's time, `at` the device's own.
pub(crate) trait Observer {
    /// A device is about to be told something.
    fn before(&mut self, _device: usize, _at: u64, _watch: &Watch, _input: &Input<'_>) {}
    /// It was told.
    fn handled(&mut self, _device: usize, _watch: &Watch) {}
    /// It wants something.
    fn action(&mut self, _now: u64, _device: usize, _watch: &Watch, _action: &Action) {}
    /// It wants nothing more, for now.
    fn drained(&mut self, _device: usize, _watch: &Watch) {}
    /// A machine was made.
    fn started(&mut self, _device: usize, _at: u64, _watch: &Watch) {}
    /// The service let a watch in, which named a previous lease or not.
    fn opened(&mut self, _now: u64, _device: usize, _attempt: u64, _named: bool, _opened: Opened) {}
    /// The service refused one.
    fn refused(&mut self, _now: u64, _device: usize, _status: u16) {}
    /// A stream is closed, from the service's point of view.
    fn closed(&mut self, _now: u64, _device: usize) {}
    /// The table took an operator's wake.
    fn handed_in(&mut self, _now: u64, _device: usize, _wake: u32, _handed: Handed) {}
    /// The stream of an attempt took a wake out of the table.
    fn given(&mut self, _now: u64, _device: usize, _attempt: u64, _wake: u32) {}
    /// The process of the service has ended, and what it had in memory with it.
    fn ended(&mut self, _now: u64) {}
}

/// How a device begins.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) config: Config,
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) link: Link,
    /// How long the work of a wake takes, at least and at most.
    pub(crate) work: (u64, u64),
    /// In how many of a hundred cases the hand-over fails.
    pub(crate) fails: u64,
}

/// What stands where the service should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// Nobody: connects are refused.
    Refuses,
    /// Nobody, and packets fall into nothing.
    Silent,
    /// A balancer that answers with this status, and a page for people.
    Page(u16),
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Start(u32),
    Tick(u32),
    Down(Id),
    Request(Id),
    Gone(Id),
    Turn(Id),
    Idle(Id),
    Again(u32),
    Cue(u32),
}

/// What one step through time came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Something happened.
    Passed,
    /// A cue that was asked for.
    Cue(u32),
}

struct Device<C> {
    setup: Setup,
    client: Option<C>,
    draw: Draw,
    /// When the next tick is in the queue; an entry at any other time is void.
    armed: u64,
    watch: Option<Id>,
    beat: Option<Id>,
    /// The stream that the service has for it.
    holder: Option<Id>,
    suspended: bool,
    /// What came while it was suspended.
    inbox: VecDeque<Event>,
    renewed: u32,
}

pub(crate) struct World<C, O> {
    now: u64,
    queue: Queue<Event>,
    devices: Vec<Device<C>>,
    exchanges: Exchanges,
    desk: Desk,
    /// What stands there instead while the service is down.
    away: Option<Away>,
    /// A page that covers the service, until then.
    covered: Option<(u64, u16)>,
    /// Nobody's token is accepted until then.
    refuses_tokens: u64,
    /// After so long without a byte a balancer cuts a stream.
    idle: Option<u64>,
    make: fn(Watch) -> C,
    pub(crate) observer: O,
    events: u64,
}

impl<C: Client, O: Observer> World<C, O> {
    pub(crate) fn new(
        service: Service,
        setups: Vec<Setup>,
        seed: &Draw,
        make: fn(Watch) -> C,
        observer: O,
    ) -> Self {
        let desk = Desk::new(service, setups.len());
        let devices = setups.into_iter().zip(0..).map(|(setup, number)| Device {
            client: None,
            draw: seed.of("work", number),
            armed: u64::MAX,
            watch: None,
            beat: None,
            holder: None,
            suspended: false,
            inbox: VecDeque::new(),
            renewed: 0,
            setup,
        });
        Self {
            now: 0,
            queue: Queue::new(),
            devices: devices.collect(),
            exchanges: Exchanges::default(),
            desk,
            away: None,
            covered: None,
            refuses_tokens: 0,
            idle: None,
            make,
            observer,
            events: 0,
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// How many things have happened.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// The machine of a device, once it has begun.
    pub(crate) fn watch(&self, device: usize) -> Option<&Watch> {
        self.devices.get(device)?.client.as_ref().map(Client::watch)
    }

    /// Whether what a device takes for its stream is what the service takes for it, and is alive.
    pub(crate) fn is_together(&mut self, device: usize) -> bool {
        let Some(device) = self.devices.get(device) else { return false };
        let id = device.watch.filter(|_| device.watch == device.holder && !device.suspended);
        id.and_then(|id| self.exchanges.at(id))
            .is_some_and(|exchange| exchange.stream.is_some() && !exchange.dead)
    }

    /// A device begins its life then.
    pub(crate) fn start(&mut self, at: u64, device: u32) {
        self.queue.push(at, Event::Start(device));
    }

    /// Comes out as [`Moment::Cue`] then.
    pub(crate) fn cue(&mut self, at: u64, number: u32) {
        self.queue.push(at, Event::Cue(number));
    }

    /// Takes the next thing from the queue; `None` when nothing will ever happen again.
    pub(crate) fn step(&mut self) -> Option<Moment> {
        let (at, event) = self.queue.pop()?;
        self.now = at;
        self.events += 1;
        if let Event::Cue(number) = event {
            return Some(Moment::Cue(number));
        }
        self.happen(event);
        Some(Moment::Passed)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start(device) => self.begin(device as usize),
            Event::Tick(device) => self.tick(device as usize),
            Event::Down(id) => self.deliver(event, id),
            Event::Request(id) => self.request_arrives(id),
            Event::Gone(id) => {
                if self.exchanges.at(id).is_some_and(|exchange| !exchange.dead) {
                    self.close_stream(id, true);
                    self.exchanges.release(id);
                }
            }
            Event::Turn(id) => self.turn(id, true),
            Event::Idle(id) => self.idle_since(id),
            Event::Again(number) => {
                let device = &mut self.devices[number as usize];
                if device.suspended {
                    return device.inbox.push_back(event);
                }
                let failed = device.draw.percent(device.setup.fails);
                let hand_over = if failed { HandOver::Failed } else { HandOver::Done };
                self.feed(number as usize, Input::SleepAgain(hand_over));
            }
            Event::Cue(_) => {}
        }
    }
}

// The devices' side.
impl<C: Client, O: Observer> World<C, O> {
    fn begin(&mut self, number: usize) {
        let device = &mut self.devices[number];
        let at = device.setup.clock.show(self.now);
        let token = Token::new(service::device_token(number, 0)).expect("a token");
        let config = device.setup.config.clone();
        let watch = Watch::new(config, token, device.setup.seed, Timestamp::from_millis(at));
        self.observer.started(number, at, &watch);
        device.client = Some((self.make)(watch));
        self.feed(number, Input::Tick);
    }

    /// Tells a device something, and does what it says.
    pub(crate) fn feed(&mut self, number: usize, input: Input<'_>) {
        let device = &mut self.devices[number];
        let Some(client) = &mut device.client else { return };
        let at = device.setup.clock.show(self.now);
        self.observer.before(number, at, client.watch(), &input);
        client.handle(Timestamp::from_millis(at), input);
        self.observer.handled(number, client.watch());
        self.drain(number);
    }

    fn drain(&mut self, number: usize) {
        loop {
            let device = &mut self.devices[number];
            let Some(client) = &mut device.client else { return };
            let action = client.poll();
            self.observer.action(self.now, number, client.watch(), &action);
            match action {
                Action::Disconnect { .. } => {
                    let given_up = [device.watch.take(), device.beat.take()];
                    for id in given_up.into_iter().flatten() {
                        self.give_up(id);
                    }
                }
                Action::Abandon { .. } => {
                    if let Some(id) = device.beat.take() {
                        self.give_up(id);
                    }
                }
                Action::Connect { attempt, request } => {
                    self.ask(number, For::Watch(attempt.0), request);
                }
                Action::Heartbeat { beat, request } => {
                    self.ask(number, For::Heartbeat(beat.0), request);
                }
                Action::Wake(_) => {
                    let (least, most) = device.setup.work;
                    let done = self.now + device.draw.between(least, most);
                    self.queue.push(done, Event::Again(number as u32));
                }
                Action::Report(_) | Action::Status(_) | Action::Stop(_) => {}
                Action::Sleep { until } => {
                    self.observer.drained(number, client.watch());
                    return self.arm(number, until);
                }
            }
        }
    }

    /// Sees to it that a tick comes at that time. One that comes earlier looks again, so that a deadline that is
    /// only ever put off, as each comment does, costs nothing.
    fn arm(&mut self, number: usize, until: Option<Timestamp>) {
        let Some(until) = until else { return };
        let device = &mut self.devices[number];
        let at = device.setup.clock.when(self.now, until.as_millis());
        if at < device.armed {
            device.armed = at;
            self.queue.push(at, Event::Tick(number as u32));
        }
    }

    fn tick(&mut self, number: usize) {
        let device = &mut self.devices[number];
        if device.armed != self.now {
            return;
        }
        device.armed = u64::MAX;
        if device.suspended {
            return;
        }
        let deadline = device.client.as_ref().and_then(|client| client.watch().deadline());
        let at = device.setup.clock.show(self.now);
        if deadline.is_some_and(|deadline| deadline.as_millis() <= at) {
            self.feed(number, Input::Tick);
        } else {
            self.arm(number, deadline);
        }
    }

    fn ask(&mut self, number: usize, what: For, request: Request) {
        let device = &mut self.devices[number];
        let id = self.exchanges.begin(Exchange::new(number as u32, what, request, self.now));
        match what {
            For::Watch(_) => device.watch = Some(id),
            For::Heartbeat(_) => device.beat = Some(id),
        }
        match device.setup.link.way(self.now) {
            Way::Hole => self.kill(id),
            Way::Refused(fault) => self.send(id, Down::Failed(fault)),
            Way::Open => {
                // A handshake there and back, and then the request.
                let shaken = device.setup.link.arrival(self.now);
                let shaken = device.setup.link.arrival(shaken);
                let at = device.setup.link.arrival(shaken);
                if let Some(exchange) = self.exchanges.at(id) {
                    exchange.up_at = at;
                }
                self.queue.push(at, Event::Request(id));
            }
        }
    }

    /// The client no longer listens. The service hears of it when the link lets it.
    fn give_up(&mut self, id: Id) {
        let Some(exchange) = self.exchanges.at(id) else { return };
        exchange.client = false;
        exchange.down.clear();
        exchange.held.clear();
        if !exchange.dead && (exchange.stream.is_some() || exchange.request.is_some()) {
            let link = &mut self.devices[exchange.device as usize].setup.link;
            let at = link.arrival(self.now).max(exchange.up_at);
            exchange.up_at = at;
            self.queue.push(at, Event::Gone(id));
        }
        self.exchanges.release(id);
    }

    fn deliver(&mut self, event: Event, id: Id) {
        let Some(exchange) = self.exchanges.at(id) else { return };
        let number = exchange.device as usize;
        if self.devices[number].suspended {
            return self.devices[number].inbox.push_back(event);
        }
        if exchange.dead {
            exchange.down.clear();
        }
        let Some(down) = exchange.down.pop_front() else { return };
        let what = exchange.what;
        match (what, down) {
            (For::Watch(attempt), down) => {
                let attempt = Attempt(attempt);
                match down {
                    Down::Head { status, media_type, retry_after } => {
                        let seconds = retry_after.map(|seconds| seconds.to_string());
                        let headers = [
                            Some(("content-type", media_type.as_bytes())),
                            seconds.as_ref().map(|seconds| ("retry-after", seconds.as_bytes())),
                        ];
                        let head = Head::read(status, headers.into_iter().flatten());
                        self.feed(number, Input::Head { attempt, head });
                    }
                    Down::Bytes(bytes) => self.feed(number, Input::Data { attempt, bytes: &bytes }),
                    Down::End => self.feed(number, Input::End { attempt }),
                    Down::Failed(fault) => self.feed(number, Input::Failed { attempt, fault }),
                    Down::Answer(_) => {}
                }
            }
            (For::Heartbeat(beat), down) => {
                let beat = Beat(beat);
                exchange.client = false;
                let device = &mut self.devices[number];
                device.beat.take_if(|current| *current == id);
                self.exchanges.release(id);
                let input = match down {
                    Down::Answer(status) | Down::Head { status, .. } => {
                        Input::HeartbeatAnswer { beat, status }
                    }
                    Down::Failed(fault) => Input::HeartbeatFailed { beat, fault },
                    Down::End | Down::Bytes(_) => {
                        Input::HeartbeatFailed { beat, fault: TransportFault::Broken }
                    }
                };
                self.feed(number, input);
            }
        }
    }
}
