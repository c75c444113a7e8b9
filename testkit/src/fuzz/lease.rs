//! The lease table, against a model that has its rules one by one.
//!
//! Time is in milliseconds, leases are numbers. The model keeps for each device who holds it, what waits for it and
//! what a wake ended, and looks at a clock whenever it is asked; it never forgets anything by itself.

use core::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use dormouse_server::lease::{
    Handed, Heartbeat, Held, LeaseId, Leases, Opened, Refusal, State, Terms, Turn,
};

const DEVICES: [&str; 3] = ["a", "b", "c"];
const LIFETIME: u64 = 90_000;
const WAKE_LIFETIME: u64 = 120_000;

/// What a caller may do. A device may be one that there is not; a lease is counted back from the newest.
#[derive(Debug)]
enum Op {
    Pass(u64),
    Back(u64),
    Open { device: u8, previous: Option<u8> },
    Heartbeat { device: u8, lease: u8 },
    Close { device: u8, lease: u8 },
    Withdraw { device: u8, lease: u8 },
    Wake { device: u8 },
    Turn { device: u8, lease: u8 },
    Sweep,
    Status,
    Restart { grace: u64, forged: bool },
}

/// Three bytes a step, whatever it is: a piece of the bytes is a piece of the history.
impl Arbitrary<'_> for Op {
    fn arbitrary(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let [code, device, byte] = bytes.arbitrary::<[u8; 3]>()?;
        let (lease, near) = (byte, byte % 3);
        // Up to an instant that matters, to that instant, and beyond it.
        let beside = |instant: u64| instant - 1 + u64::from(near);
        Ok(match code % 20 {
            0 => Self::Pass(u64::from(byte) * 100),
            1 => Self::Pass(beside(LIFETIME)),
            2 => Self::Pass(beside(WAKE_LIFETIME)),
            3 => Self::Pass(beside(WAKE_LIFETIME - LIFETIME)),
            4 => Self::Back(u64::from(byte) * 1_000),
            5..=7 => Self::Open { device, previous: (byte % 2 == 0).then_some(byte / 2) },
            8..=9 => Self::Heartbeat { device, lease },
            10 => Self::Close { device, lease },
            11 => Self::Withdraw { device, lease },
            12..=13 => Self::Wake { device },
            14..=16 => Self::Turn { device, lease },
            17 => Self::Sweep,
            18 => Self::Status,
            _ => Self::Restart { grace: u64::from(byte) * 100, forged: byte % 2 == 1 },
        })
    }
}

#[derive(Default)]
struct Model {
    now: u64,
    devices: [Device; 3],
    /// How many leases and wakes there have been.
    leases: u32,
    wakes: u32,
}

#[derive(Clone, Default)]
struct Device {
    holder: Option<Lease>,
    waiting: Option<Wake>,
    woken: Option<(Lease, Wake)>,
    changed: u64,
    awake: bool,
    lapsed: bool,
}

#[derive(Clone, Copy)]
struct Lease {
    id: u32,
    /// The lease that it was opened with, until a heartbeat came.
    before: Option<u32>,
    granted: u64,
    until: u64,
    open: bool,
}

#[derive(Clone, Copy)]
struct Wake {
    number: u32,
    until: u64,
}

impl Lease {
    /// Rule 4.
    fn answers_to(&self, id: Option<u32>) -> bool {
        id.is_some() && (id == Some(self.id) || id == self.before)
    }
}

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn id(number: u32) -> LeaseId {
    LeaseId::new(&format!("lease-{number}")).expect("a lease id")
}

fn name(device: u8) -> &'static str {
    DEVICES.get(usize::from(device % 4)).copied().unwrap_or("nobody")
}

impl Model {
    /// The device, with what has expired put away. An expiry happens at its own instant, noticed or not.
    fn device(&mut self, device: u8) -> Option<&mut Device> {
        let now = self.now;
        let device = self.devices.get_mut(usize::from(device % 4))?;
        device.expire(now);
        Some(device)
    }

    /// A lease, counted back from the newest; beyond the first there are those that never were.
    fn lease(&self, back: u8) -> u32 {
        (self.leases).checked_sub(u32::from(back % 16) + 1).unwrap_or(1_000 + u32::from(back))
    }

    fn open(&mut self, device: u8, previous: Option<u32>) -> Result<Opened, Refusal> {
        let (now, fresh) = (self.now, self.leases);
        let device = self.device(device).ok_or(Refusal::UnknownDevice)?;
        // Rule 1, and who may take over by rule 4.
        let mut opened = match &device.holder {
            Some(holder) if holder.answers_to(previous) => Opened::TakenOver,
            Some(_) => return Err(Refusal::Held),
            None => Opened::Granted,
        };
        // Rule 6; without the id the wake was seen.
        if let Some((lease, wake)) = device.woken.take() {
            if lease.answers_to(previous) {
                opened = Opened::Returned;
                device.waiting = device.waiting.or(Some(wake)).filter(|wake| now < wake.until);
            }
        }
        let until = now + LIFETIME;
        device.holder =
            Some(Lease { id: fresh, before: previous, granted: now, until, open: true });
        (device.awake, device.changed) = (false, now);
        Ok(opened)
    }

    fn heartbeat(&mut self, device: u8, lease: u32) -> Heartbeat {
        let now = self.now;
        let Some(device) = self.device(device) else { return Heartbeat::Gone };
        match (&mut device.holder, &device.woken) {
            (Some(holder), _) if holder.id == lease => {
                (holder.until, holder.before) = (now + LIFETIME, None);
                Heartbeat::Refreshed
            }
            (Some(_), _) => Heartbeat::Taken,
            // As long as it is remembered.
            (None, Some((woken, _))) if woken.id == lease => Heartbeat::Woken,
            (None, _) => Heartbeat::Gone,
        }
    }

    fn close(&mut self, device: u8, lease: u32) {
        let now = self.now;
        let Some(device) = self.device(device) else { return };
        let holder = device.holder.as_mut().filter(|holder| holder.id == lease && holder.open);
        if let Some(holder) = holder {
            holder.open = false;
            device.changed = now;
        }
    }

    fn withdraw(&mut self, device: u8, lease: u32) -> bool {
        let now = self.now;
        let Some(slot) = self.device(device) else { return false };
        let unheard =
            slot.holder.is_some_and(|holder| holder.id == lease && holder.before.is_none());
        if unheard {
            (slot.holder, slot.changed) = (None, now);
        }
        self.close(device, lease);
        unheard
    }

    fn wake(&mut self, device: u8) -> Result<Handed, Refusal> {
        let wake = Wake { number: self.wakes, until: self.now + WAKE_LIFETIME };
        let device = self.device(device).ok_or(Refusal::UnknownDevice)?;
        let replaced = device.waiting.replace(wake).is_some();
        Ok(Handed { replaced, open: device.holder.is_some_and(|holder| holder.open) })
    }

    fn turn(&mut self, device: u8, lease: u32) -> Turn<u32> {
        let now = self.now;
        let Some(device) = self.device(device) else { return Turn::Over };
        let Some(holder) = device.holder.filter(|holder| holder.id == lease) else {
            return Turn::Over;
        };
        let Some(wake) = device.waiting.take() else {
            return Turn::Idle { until: at(holder.until) };
        };
        // Rule 5.
        (device.woken, device.holder) = (Some((holder, wake)), None);
        (device.awake, device.changed) = (true, now);
        Turn::Wake(wake.number)
    }

    /// Whom an expiry has left without a holder since the last time.
    fn sweep(&mut self) -> Vec<&'static str> {
        let now = self.now;
        let mut freed = Vec::new();
        for (device, name) in self.devices.iter_mut().zip(DEVICES) {
            device.expire(now);
            if core::mem::take(&mut device.lapsed) && device.holder.is_none() {
                freed.push(name);
            }
        }
        freed
    }
}

impl Device {
    fn expire(&mut self, now: u64) {
        if let Some(lease) = self.holder.filter(|lease| lease.until <= now) {
            self.holder = None;
            self.lapsed = true;
            // Without an open stream the device has been away since that closed.
            if lease.open {
                self.changed = lease.until;
            }
        }
        self.waiting = self.waiting.filter(|wake| now < wake.until);
        // What can neither be proven nor given again is forgotten.
        self.woken = self.woken.filter(|(lease, wake)| now < lease.until || now < wake.until);
    }

    fn state(&self) -> State {
        match &self.holder {
            Some(Lease { open: true, .. }) if self.waiting.is_some() => State::Waking,
            Some(Lease { open: true, .. }) => State::Asleep,
            _ if self.awake => State::Awake,
            _ => State::Away,
        }
    }
}

fn table() -> Leases<u32> {
    Leases::new(Terms { lease_lifetime: at(LIFETIME), wake_lifetime: at(WAKE_LIFETIME) }, DEVICES)
}

/// Every answer of the table is the model's.
pub(super) fn lease(bytes: &[u8]) {
    let mut bytes = Unstructured::new(bytes);
    let (mut table, mut model) = (table(), Model::default());
    while let (false, Ok(op)) = (bytes.is_empty(), bytes.arbitrary::<Op>()) {
        let now = at(model.now);
        match op {
            Op::Pass(millis) => model.now += millis,
            // Time that runs backwards, once it has been seen, stands still.
            Op::Back(back) => {
                table.status(now);
                let back = at(model.now.saturating_sub(back));
                let idle = model.device(0).and_then(|device| device.holder).map(|holder| holder.id);
                let turn = idle.map(|lease| table.turn(back, "a", &id(lease)));
                assert_eq!(turn, idle.map(|lease| model.turn(0, lease)));
            }
            Op::Open { device, previous } => {
                let previous = previous.map(|back| model.lease(back));
                let text = previous.map(|lease| id(lease).expose().to_owned());
                let opened = table.open(now, name(device), text.as_deref(), id(model.leases));
                assert_eq!(opened, model.open(device, previous));
                model.leases += 1;
            }
            Op::Heartbeat { device, lease } => {
                let lease = model.lease(lease);
                let answer = table.heartbeat(now, name(device), id(lease).expose());
                assert_eq!(answer, model.heartbeat(device, lease));
            }
            Op::Close { device, lease } => {
                let lease = model.lease(lease);
                table.close(now, name(device), &id(lease));
                model.close(device, lease);
            }
            Op::Withdraw { device, lease } => {
                let lease = model.lease(lease);
                let freed = table.withdraw(now, name(device), &id(lease));
                assert_eq!(freed, model.withdraw(device, lease));
            }
            Op::Wake { device } => {
                assert_eq!(table.wake(now, name(device), model.wakes), model.wake(device));
                model.wakes += 1;
            }
            Op::Turn { device, lease } => {
                let lease = model.lease(lease);
                assert_eq!(table.turn(now, name(device), &id(lease)), model.turn(device, lease));
            }
            Op::Sweep => {
                let freed = table.sweep(now);
                assert_eq!(freed.iter().map(|name| &**name).collect::<Vec<_>>(), model.sweep());
                let holders = model.devices.iter().filter(|device| device.holder.is_some());
                assert_eq!(table.held(), holders.count());
            }
            Op::Status => status(&mut table, &model),
            Op::Restart { grace, forged } => {
                table = restart(&mut table, &mut model, grace, forged);
            }
        }
    }
    status(&mut table, &model);
}

/// What an operator sees. To look changes nothing: what has expired is left to be noticed.
fn status(table: &mut Leases<u32>, model: &Model) {
    let now = model.now;
    let lines = table.status(at(now));
    assert_eq!(lines.len(), DEVICES.len());
    for (line, mut device) in lines.iter().zip(model.devices.clone()) {
        device.expire(now);
        assert_eq!(line.state, device.state());
        assert_eq!(line.since, at(now - device.changed), "{:?}", line.state);
        assert_eq!(line.lease_age, device.holder.map(|lease| at(now - lease.granted)));
        assert_eq!(line.lease_left, device.holder.map(|lease| at(lease.until - now)));
        assert_eq!(line.wake_waiting, device.waiting.is_some());
    }
}

/// A crash: the living leases are all that is left, and perhaps what somebody else has written beside them.
fn restart(table: &mut Leases<u32>, model: &mut Model, grace: u64, forged: bool) -> Leases<u32> {
    let now = model.now;
    let mut held = table.snapshot(at(now));
    if forged {
        held.push(Held { device: "nobody".into(), lease: id(7), before: None });
        // Of two for one device the first is kept.
        let again = held.first().map(|first| Held { lease: id(1_999), ..first.clone() });
        held.extend(again);
    }
    let mut fresh = self::table();
    fresh.restore(at(now), at(grace), held);
    for device in &mut model.devices {
        device.expire(now);
        *device = Device {
            holder: device.holder.map(|lease| Lease {
                granted: now,
                until: now + LIFETIME + grace,
                open: false,
                ..lease
            }),
            ..Device::default()
        };
    }
    fresh
}
