//! What can be done to a world: to links, clocks and devices, to the service, and by those who want something.

use core::mem;
use std::borrow::Cow;

use dormouse_core::{Hint, Input, Token, TransportFault};

use super::{Away, Client, Event, Observer, World};
use crate::sim::exchange::Down;
use crate::sim::link::Link;
use crate::sim::service;

impl<C: Client, O: Observer> World<C, O> {
    /// Something on the way closes what a device has open, at its proper end or not.
    pub(crate) fn cut(&mut self, device: usize, clean: bool) {
        for id in self.of(device) {
            self.cut_one(id, clean);
        }
    }

    /// Until then nothing passes, and what is open is dead.
    pub(crate) fn hole(&mut self, device: usize, until: u64) {
        self.devices[device].setup.link.hole(until);
        for id in self.of(device) {
            self.kill(id);
        }
    }

    /// The device's link, for milder faults.
    pub(crate) fn link(&mut self, device: usize) -> &mut Link {
        &mut self.devices[device].setup.link
    }

    /// What a proxy still holds back goes on its way.
    pub(crate) fn flush(&mut self, device: usize) {
        for id in self.of(device) {
            let held = self.exchanges.at(id).map(|exchange| mem::take(&mut exchange.held));
            if let Some(held) = held.filter(|held| !held.is_empty()) {
                self.send(id, Down::Bytes(Cow::Owned(held)));
            }
        }
    }

    /// The process of the service dies; clients are told, or the whole host is gone and they are not.
    pub(crate) fn crash(&mut self, away: Away, silent: bool) {
        if self.away.is_some() {
            return;
        }
        for id in self.exchanges.ids() {
            let Some(exchange) = self.exchanges.at(id) else { continue };
            let had_stream = exchange.stream.take().is_some();
            let device = exchange.device as usize;
            if silent {
                self.kill(id);
            } else if had_stream {
                self.send(id, Down::Failed(TransportFault::Broken));
            }
            if had_stream {
                self.observer.closed(self.now, device);
            }
            self.exchanges.release(id);
        }
        self.stop(away);
    }

    /// The service tells everybody to come back later, and ends.
    pub(crate) fn drain_service(&mut self, away: Away) {
        if self.away.is_some() {
            return;
        }
        self.desk.drain();
        for id in self.exchanges.ids() {
            self.turn(id, false);
        }
        self.stop(away);
    }

    pub(super) fn stop(&mut self, away: Away) {
        self.desk.stop(self.now);
        for device in &mut self.devices {
            device.holder = None;
        }
        self.away = Some(away);
        self.observer.ended(self.now);
    }

    /// It is back, and knows the leases of its former life or does not.
    pub(crate) fn restart(&mut self, remembers: bool) {
        if self.away.take().is_some() {
            self.desk.restart(self.now, remembers);
        }
    }

    /// Until the service is started again it lets in whoever comes.
    pub(crate) fn open_the_gates(&mut self) {
        self.desk.open_the_gates();
    }

    /// A page stands before the service until then, while open streams go on.
    pub(crate) fn cover(&mut self, until: u64, status: u16) {
        self.covered = Some((until, status));
    }

    /// No token is accepted until then.
    pub(crate) fn refuse_tokens(&mut self, until: u64) {
        self.refuses_tokens = self.refuses_tokens.max(until);
    }

    /// After so long without a byte a balancer cuts a stream.
    pub(crate) fn set_idle(&mut self, idle: Option<u64>) {
        self.idle = idle;
        if let Some(idle) = idle {
            for id in self.exchanges.ids() {
                self.queue.push(self.now + idle, Event::Idle(id));
            }
        }
    }

    /// An operator wakes a device.
    pub(crate) fn wake(&mut self, device: usize, number: u32) {
        if self.away.is_some() {
            return;
        }
        let Some(handed) = self.desk.wake(self.now, device, number) else { return };
        self.observer.handed_in(self.now, device, number, handed);
        if let Some(holder) = self.devices[device].holder.filter(|_| handed.open) {
            self.turn(holder, false);
        }
    }

    /// The device's clock jumps.
    pub(crate) fn jump(&mut self, number: usize, by: i64) {
        let device = &mut self.devices[number];
        device.setup.clock.jump(by);
        let deadline = device.client.as_ref().and_then(|client| client.watch().deadline());
        self.arm(number, deadline);
    }

    /// The device is suspended: what comes for it waits.
    pub(crate) fn suspend(&mut self, device: usize) {
        self.devices[device].suspended = true;
    }

    /// It runs again, after `slept`. Its clock may have stood still; somebody may notice that it slept, before what
    /// has come is looked at or after it.
    pub(crate) fn resume(
        &mut self,
        number: usize,
        stood_still: Option<u64>,
        noticed: Option<bool>,
    ) {
        let device = &mut self.devices[number];
        device.suspended = false;
        if let Some(slept) = stood_still.and_then(|slept| i64::try_from(slept).ok()) {
            device.setup.clock.jump(-slept);
        }
        if noticed == Some(true) {
            self.feed(number, Input::Hint(Hint::Resumed));
        }
        for event in mem::take(&mut self.devices[number].inbox) {
            self.happen(event);
        }
        if noticed == Some(false) {
            self.feed(number, Input::Hint(Hint::Resumed));
        }
        self.feed(number, Input::Tick);
    }

    /// The device is given another token, which is as good as the old one.
    pub(crate) fn renew_token(&mut self, number: usize) {
        let device = &mut self.devices[number];
        device.renewed += 1;
        let token = service::device_token(number, device.renewed);
        self.feed(number, Input::NewToken(Token::new(token).expect("a token")));
    }
}
