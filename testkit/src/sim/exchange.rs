//! One request and its answer, which may go on for days: both ends of it, and what is on its way between.

use std::borrow::Cow;
use std::collections::VecDeque;

use dormouse_core::{Request, TransportFault};

use super::service::Stream;

/// Which exchange: a place, and how often that place was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id {
    place: u32,
    turn: u32,
}

/// What an exchange is for, with the machine's own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Watch(u64),
    Heartbeat(u64),
}

/// What is on its way to the client.
#[derive(Debug)]
pub(crate) enum Down {
    /// A head, with what it says of its type, and the seconds of a `Retry-After`.
    Head {
        status: u16,
        media_type: &'static str,
        retry_after: Option<u64>,
    },
    Bytes(Cow<'static, [u8]>),
    End,
    Failed(TransportFault),
    /// The status of a heartbeat's answer.
    Answer(u16),
}

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) device: u32,
    pub(crate) what: For,
    /// Until it has arrived.
    pub(crate) request: Option<Request>,
    /// The client still listens.
    pub(crate) client: bool,
    /// Nothing comes through any more, in either direction, and nobody is told.
    pub(crate) dead: bool,
    /// The service's side, while the stream is open.
    pub(crate) stream: Option<Stream>,
    pub(crate) down: VecDeque<Down>,
    /// When the last thing on its way down, and up, will be there.
    pub(crate) down_at: u64,
    pub(crate) up_at: u64,
    /// What a proxy that buffers holds back.
    pub(crate) held: Vec<u8>,
    /// When anything was last sent.
    pub(crate) active: u64,
}

impl Exchange {
    pub(crate) fn new(device: u32, what: For, request: Request, now: u64) -> Self {
        Self {
            device,
            what,
            request: Some(request),
            client: true,
            dead: false,
            stream: None,
            down: VecDeque::new(),
            down_at: now,
            up_at: now,
            held: Vec::new(),
            active: now,
        }
    }

    /// Nobody will ever look at it again.
    fn is_over(&self) -> bool {
        !self.client && self.stream.is_none() && (self.request.is_none() || self.dead)
    }
}

/// All exchanges there are.
#[derive(Debug, Default)]
pub(crate) struct Exchanges {
    places: Vec<(u32, Option<Exchange>)>,
    free: Vec<u32>,
}

impl Exchanges {
    pub(crate) fn begin(&mut self, exchange: Exchange) -> Id {
        if let Some(place) = self.free.pop() {
            let slot = &mut self.places[place as usize];
            slot.1 = Some(exchange);
            return Id { place, turn: slot.0 };
        }
        let place = u32::try_from(self.places.len()).expect("fewer than four billion at once");
        self.places.push((0, Some(exchange)));
        Id { place, turn: 0 }
    }

    pub(crate) fn at(&mut self, id: Id) -> Option<&mut Exchange> {
        let (turn, exchange) = self.places.get_mut(id.place as usize)?;
        exchange.as_mut().filter(|_| *turn == id.turn)
    }

    /// Those that are going on, oldest place first.
    pub(crate) fn ids(&self) -> Vec<Id> {
        let going_on = |(place, (turn, exchange)): (usize, &(u32, Option<Exchange>))| {
            exchange.as_ref()?;
            Some(Id { place: u32::try_from(place).ok()?, turn: *turn })
        };
        self.places.iter().enumerate().filter_map(going_on).collect()
    }

    /// Gives the place of an exchange back, if that is over.
    pub(crate) fn release(&mut self, id: Id) {
        let (turn, slot) = &mut self.places[id.place as usize];
        if *turn == id.turn && slot.as_ref().is_some_and(Exchange::is_over) {
            *slot = None;
            *turn = turn.wrapping_add(1);
            self.free.push(id.place);
        }
    }
}
