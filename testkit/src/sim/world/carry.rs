//! What is carried between the two: requests up to the service, and what it says down to the devices.

use core::mem;
use std::borrow::Cow;
use std::collections::VecDeque;

use dormouse_core::{Request, TransportFault};

use super::{Away, Client, Event, Observer, World};
use crate::sim::exchange::{Down, For, Id};
use crate::sim::link::Way;
use crate::sim::service::{self, Turn, Watched};

impl<C: Client, O: Observer> World<C, O> {
    pub(super) fn request_arrives(&mut self, id: Id) {
        let Some(exchange) = self.exchanges.at(id) else { return };
        let Some(request) = exchange.request.take_if(|_| !exchange.dead) else {
            return self.exchanges.release(id);
        };
        let what = exchange.what;
        let page = |status| Down::Head { status, media_type: "text/html", retry_after: None };
        let status = |status, retry_after| Down::Head {
            status,
            media_type: "application/json",
            retry_after,
        };
        match self.away {
            Some(Away::Refuses) => self.send(id, Down::Failed(TransportFault::Connect)),
            Some(Away::Silent) => self.kill(id),
            Some(Away::Page(status)) => self.send(id, page(status)),
            None => match (self.covered, service::whose(&request), what) {
                (Some((until, status)), ..) if self.now < until => self.send(id, page(status)),
                (_, Some(_), _) if self.now < self.refuses_tokens => {
                    self.send(id, status(401, None));
                }
                (_, None, _) => self.send(id, status(401, None)),
                (_, Some(device), For::Heartbeat(_)) => {
                    let answer = self.desk.heartbeat(self.now, device, &request);
                    self.send(id, Down::Answer(answer));
                }
                (_, Some(device), For::Watch(attempt)) => {
                    self.watch_arrives(id, device, attempt, &request);
                }
            },
        }
        self.exchanges.release(id);
    }

    pub(super) fn watch_arrives(&mut self, id: Id, device: usize, attempt: u64, request: &Request) {
        let (stream, hello, opened) = match self.desk.watch(self.now, device, request) {
            Watched::Open { stream, hello, opened } => (stream, hello, opened),
            Watched::Refused { status, retry_after } => {
                self.observer.refused(self.now, device, status);
                let media_type = "application/json";
                return self.send(id, Down::Head { status, media_type, retry_after });
            }
        };
        let named = service::previous_lease(request).is_some();
        self.observer.opened(self.now, device, attempt, named, opened);
        let Some(exchange) = self.exchanges.at(id) else { return };
        exchange.stream = Some(stream);
        let hung_up = !exchange.client;
        let older = self.devices[device].holder.replace(id);
        // A client that has hung up already may be found out before anything is said, or after.
        if hung_up && self.devices[device].setup.link.coin() {
            self.close_stream(id, false);
        } else {
            self.send(
                id,
                Down::Head { status: 200, media_type: "text/event-stream", retry_after: None },
            );
            self.send(id, Down::Bytes(Cow::Owned(hello.into_bytes())));
            self.turn(id, true);
        }
        // The stream that was taken over from ends.
        if let Some(older) = older {
            self.turn(older, false);
        }
        if let Some(idle) = self.idle {
            self.queue.push(self.now + idle, Event::Idle(id));
        }
    }

    /// Lets a stream say what it has to say; `on` keeps its own rhythm going.
    pub(super) fn turn(&mut self, id: Id, on: bool) {
        let Some(exchange) = self.exchanges.at(id) else { return };
        let Some(stream) = &mut exchange.stream else { return };
        let (device, what) = (exchange.device as usize, exchange.what);
        let next = match self.desk.turn(self.now, device, stream) {
            Turn::Say(text, next) => {
                let bytes = match text {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                };
                self.send(id, Down::Bytes(bytes));
                next
            }
            Turn::Idle(next) => next,
            Turn::Wake(wake, frame) => {
                if let For::Watch(attempt) = what {
                    self.observer.given(self.now, device, attempt, wake);
                }
                self.send(id, Down::Bytes(Cow::Owned(frame.into_bytes())));
                return self.end_stream(id);
            }
            Turn::End(last) => {
                if let Some(last) = last {
                    self.send(id, Down::Bytes(Cow::Owned(last.into_bytes())));
                }
                return self.end_stream(id);
            }
        };
        if on {
            self.queue.push(next, Event::Turn(id));
        }
    }

    pub(super) fn end_stream(&mut self, id: Id) {
        self.send(id, Down::End);
        self.close_stream(id, true);
        self.exchanges.release(id);
    }

    pub(super) fn close_stream(&mut self, id: Id, hello_sent: bool) {
        let Some(exchange) = self.exchanges.at(id) else { return };
        let Some(stream) = exchange.stream.take() else { return };
        let device = exchange.device as usize;
        self.devices[device].holder.take_if(|holder| *holder == id);
        self.desk.close(self.now, device, &stream, hello_sent);
        self.observer.closed(self.now, device);
    }

    pub(super) fn idle_since(&mut self, id: Id) {
        let Some(exchange) = self.exchanges.at(id) else { return };
        let Some(idle) = self.idle.filter(|_| exchange.stream.is_some()) else { return };
        if exchange.active + idle <= self.now {
            self.cut_one(id, false);
        } else {
            self.queue.push(exchange.active + idle, Event::Idle(id));
        }
    }

    /// Sends something down, as the link lets it.
    pub(super) fn send(&mut self, id: Id, down: Down) {
        let Some(exchange) = self.exchanges.at(id) else { return };
        exchange.active = self.now;
        if exchange.dead || !exchange.client {
            return;
        }
        let link = &mut self.devices[exchange.device as usize].setup.link;
        if link.way(self.now) == Way::Hole {
            return self.kill(id);
        }
        let mut bytes: Option<Cow<'static, [u8]>> = None;
        let mut after = None;
        match down {
            Down::Bytes(some) => match link.gathers(self.now) {
                Some(least) => {
                    exchange.held.extend_from_slice(&some);
                    if exchange.held.len() < least {
                        return;
                    }
                    bytes = Some(Cow::Owned(mem::take(&mut exchange.held)));
                }
                None if exchange.held.is_empty() => bytes = Some(some),
                None => {
                    exchange.held.extend_from_slice(&some);
                    bytes = Some(Cow::Owned(mem::take(&mut exchange.held)));
                }
            },
            other => {
                // What ends a stream also empties what was gathered, unless it breaks.
                if !exchange.held.is_empty() && matches!(other, Down::End) {
                    bytes = Some(Cow::Owned(mem::take(&mut exchange.held)));
                }
                after = Some(other);
            }
        }
        let arrival = link.arrival(self.now);
        let (queue, down_at) = (&mut self.queue, &mut exchange.down_at);
        let mut put = |on_its_way: &mut VecDeque<Down>, gap: u64, down| {
            *down_at = arrival.max(*down_at + gap);
            on_its_way.push_back(down);
            queue.push(*down_at, Event::Down(id));
        };
        if let Some(bytes) = bytes {
            let mut from = 0;
            link.pieces(self.now, bytes.len(), |len, gap| {
                let piece = if len == bytes.len() {
                    bytes.clone()
                } else {
                    Cow::Owned(bytes[from..from + len].to_vec())
                };
                from += len;
                put(&mut exchange.down, gap, Down::Bytes(piece));
            });
        }
        if let Some(after) = after {
            put(&mut exchange.down, 0, after);
        }
    }

    /// Nothing comes through any more, and nobody is told.
    pub(super) fn kill(&mut self, id: Id) {
        if let Some(exchange) = self.exchanges.at(id) {
            exchange.dead = true;
            exchange.down.clear();
            exchange.held.clear();
        }
        self.exchanges.release(id);
    }

    pub(super) fn cut_one(&mut self, id: Id, clean: bool) {
        self.send(id, if clean { Down::End } else { Down::Failed(TransportFault::Broken) });
        self.close_stream(id, true);
        self.exchanges.release(id);
    }

    pub(super) fn of(&mut self, device: usize) -> Vec<Id> {
        let mut ids = self.exchanges.ids();
        ids.retain(|id| self.exchanges.at(*id).is_some_and(|it| it.device as usize == device));
        ids
    }
}
