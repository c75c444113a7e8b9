//! Who holds which device: the lease table, without I/O, clock or entropy.
//!
//! A *lease* is the right of one client to be a device (protocol.md, section 1). The rules kept
//! here, in the order in which they matter:
//!
//! 1. A device has at most one holder. A second client is refused while the holder's lease lives.
//! 2. Only heartbeats prolong a lease, and only the one that they name. An open stream proves
//!    nothing about it.
//! 3. A stream that closes does not free its device: the lease lives on until it expires, so that
//!    its holder can come back with the lease's id and nobody else slips in meanwhile.
//! 4. Whoever names the living lease takes over from it. So does whoever names the lease that it
//!    was opened *with*, as long as no heartbeat has shown that its `hello` arrived: a `hello` lost
//!    on its way must not lock its own client out.
//! 5. One wake waits for each device; a newer one replaces it. The stream of the holder takes it,
//!    and that ends the lease: a client that was woken comes back without a previous lease
//!    (protocol.md, section 4).
//! 6. A client that comes back *with* the lease that a wake ended has not seen that wake, for a
//!    client that had seen it would have forgotten the lease. It is given the wake again, and until
//!    then its heartbeats are not answered 410, which would have it forget the lease unread.
//! 7. Memory is bounded by the devices that the table was made with.
//!
//! Time is a [`Duration`] since any origin that the caller likes; time that runs backwards stands
//! still. Something lives at `now` when `now < until`. Lease ids come from the caller, who sees to
//! it that none is ever used twice.
//!
//! ```
//! use core::time::Duration;
//! use dormouse_server::lease::{Heartbeat, LeaseId, Leases, Opened, Refusal, Terms, Turn};
//!
//! let at = Duration::from_secs;
//! let terms = Terms { lease_lifetime: at(90), wake_lifetime: at(120) };
//! let mut leases: Leases<&str> = Leases::new(terms, ["camera-7"]);
//!
//! let first = LeaseId::new("a1")?;
//! assert_eq!(leases.open(at(0), "camera-7", None, first.clone()), Ok(Opened::Granted));
//! assert_eq!(leases.open(at(1), "camera-7", None, LeaseId::new("b2")?), Err(Refusal::Held));
//! assert_eq!(leases.heartbeat(at(30), "camera-7", "a1"), Heartbeat::Refreshed);
//!
//! assert!(leases.wake(at(31), "camera-7", "come")?.open);
//! assert_eq!(leases.turn(at(31), "camera-7", &first), Turn::Wake("come"));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod id;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::id::{BadLeaseId, LeaseId, MAX_LEASE_ID};

/// How long things live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long a lease lives after its grant, and after each heartbeat.
    pub lease_lifetime: Duration,
    /// How long a wake waits for its device.
    pub wake_lifetime: Duration,
}

/// What opening a watch came to (protocol.md, section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Nobody held the device.
    Granted,
    /// Nobody held it, and the client named the lease that a wake ended: it is given that wake
    /// again.
    Returned,
    /// The holder came back: the older lease is over, and a stream that still hangs on it with it.
    TakenOver,
}

/// Why a device was not opened or woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Another client's lease lives: 409.
    Held,
    /// The table was made without this device.
    UnknownDevice,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Refusal::Held => "another client holds the device",
            Refusal::UnknownDevice => "no such device",
        })
    }
}

impl core::error::Error for Refusal {}

/// What a heartbeat came to (protocol.md, section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// The lease lives for another lifetime: 2xx.
    Refreshed,
    /// The lease has ended with a wake that its client may not have read yet: 2xx, and nothing is
    /// prolonged. A 410 could overtake the wake on its other connection, and the client would drop
    /// it unread.
    Woken,
    /// Another lease lives on this device: 409.
    Taken,
    /// The lease is unknown or has expired, and nobody holds the device: 410.
    Gone,
}

/// What became of a wake that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The holder's stream is open: tell it to take its [`turn`](Leases::turn). Otherwise the wake
    /// waits.
    pub open: bool,
    /// An older wake was still waiting, and is forgotten.
    pub replaced: bool,
}

/// What a stream has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<W> {
    /// Send this wake, then end. The lease is over.
    Wake(W),
    /// Nothing; look again when told, and at this time at the latest, for then the lease expires.
    Idle {
        /// When the lease expires unless a heartbeat comes.
        until: Duration,
    },
    /// End: the lease has expired or was taken over.
    Over,
}

/// A device as an operator sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// A watch is open.
    Asleep,
    /// A watch is open, and its stream is about to take a wake.
    Waking,
    /// It took a wake and has not come back.
    Awake,
    /// No watch is open: it never came, was cut off, or its lease expired.
    Away,
}

/// One line of the operator's list. It names no lease.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The device's name.
    pub device: Arc<str>,
    /// What it is doing.
    pub state: State,
    /// How long it has been doing that, or how long the table has existed.
    pub since: Duration,
    /// How old the living lease is, whether its stream is open or not.
    pub lease_age: Option<Duration>,
    /// How long that lease lives on without a heartbeat.
    pub lease_left: Option<Duration>,
    /// A wake waits for it.
    pub wake_waiting: bool,
}

/// A lease as it outlives the process: enough to recognise its holder. It holds the id, so keep it
/// as a secret.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Held {
    /// The device's name.
    pub device: Arc<str>,
    /// The living lease.
    pub lease: LeaseId,
    /// The previous lease that it was opened with, which its client still names if the `hello` was
    /// lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<LeaseId>,
}

/// The table. `W` is a wake: the table carries it and never looks inside.
#[derive(Clone, Debug)]
pub struct Leases<W> {
    terms: Terms,
    now: Duration,
    held: usize,
    devices: BTreeMap<Arc<str>, Slot<W>>,
}

#[derive(Clone, Debug)]
struct Slot<W> {
    holder: Option<Lease>,
    waiting: Option<Waiting<W>>,
    woken: Option<Woken<W>>,
    /// When the device last opened, closed, was woken or expired.
    changed: Duration,
    /// The last lease ended with a wake.
    awake: bool,
    /// A lease expired since the last sweep.
    lapsed: bool,
}

#[derive(Clone, Debug)]
struct Lease {
    id: LeaseId,
    /// Rule 4: the id that this one was opened with, until a heartbeat shows that its `hello`
    /// arrived.
    before: Option<LeaseId>,
    granted: Duration,
    until: Duration,
    open: bool,
}

#[derive(Clone, Debug)]
struct Waiting<W> {
    wake: W,
    until: Duration,
}

/// Rules 5 and 6: a lease that ended with a wake, remembered in case that wake was lost on its way.
#[derive(Clone, Debug)]
struct Woken<W> {
    lease: Lease,
    wake: Waiting<W>,
}

impl<W: Clone> Leases<W> {
    /// A table for these devices and no others, with nobody there.
    pub fn new<N: Into<Arc<str>>>(terms: Terms, devices: impl IntoIterator<Item = N>) -> Self {
        let devices = devices.into_iter().map(|name| (name.into(), Slot::default())).collect();
        Leases { terms, now: Duration::ZERO, held: 0, devices }
    }

    /// Opens a watch: grants `fresh` on the device, or takes over with the id of the previous
    /// lease.
    ///
    /// A previous lease that is unknown proves nothing: while another lease lives it is refused,
    /// and otherwise it is as good as none, save that its client may name it again (rule 4).
    ///
    /// # Errors
    /// [`Refusal::Held`] while another client's lease lives, [`Refusal::UnknownDevice`].
    pub fn open(
        &mut self,
        now: Duration,
        device: &str,
        previous: Option<&str>,
        fresh: LeaseId,
    ) -> Result<Opened, Refusal> {
        let until = self.until(now, self.terms.lease_lifetime);
        self.at(now, device, |slot, now| {
            let known = |lease: &Lease| previous.is_some_and(|id| lease.answers_to(id));
            let mut opened = match &slot.holder {
                Some(lease) if known(lease) => Opened::TakenOver,
                Some(_) => return Err(Refusal::Held),
                None => Opened::Granted,
            };
            // Rule 6. Without its id the client is back from its work, and the wake is done with.
            if let Some(woken) = slot.woken.take().filter(|woken| known(&woken.lease)) {
                opened = Opened::Returned;
                if slot.waiting.is_none() {
                    slot.waiting = Some(woken.wake);
                }
            }
            let before = previous.and_then(|id| LeaseId::new(id).ok());
            slot.holder = Some(Lease { id: fresh, before, granted: now, until, open: true });
            slot.awake = false;
            slot.changed = now;
            Ok(opened)
        })
        .unwrap_or(Err(Refusal::UnknownDevice))
    }

    /// A heartbeat on a lease. An unknown device has no lease: [`Heartbeat::Gone`].
    pub fn heartbeat(&mut self, now: Duration, device: &str, lease: &str) -> Heartbeat {
        let until = self.until(now, self.terms.lease_lifetime);
        self.at(now, device, |slot, _| match (&mut slot.holder, &slot.woken) {
            (Some(holder), _) if holder.id.matches(lease) => {
                holder.until = until;
                holder.before = None;
                Heartbeat::Refreshed
            }
            (Some(_), _) => Heartbeat::Taken,
            // For as long as the wake is remembered, whatever the lease's own time: its client may be
            // reading it byte by byte, and a 410 would have it forget what it has to name.
            (None, Some(woken)) if woken.lease.id.matches(lease) => Heartbeat::Woken,
            (None, _) => Heartbeat::Gone,
        })
        .unwrap_or(Heartbeat::Gone)
    }

    /// The stream of this lease has closed. The lease lives on until it expires (rule 3).
    pub fn close(&mut self, now: Duration, device: &str, lease: &LeaseId) {
        self.at(now, device, |slot, now| {
            if let Some(holder) =
                slot.holder.as_mut().filter(|holder| holder.id == *lease && holder.open)
            {
                holder.open = false;
                slot.changed = now;
            }
        });
    }

    /// The stream of this lease has closed before its `hello` was sent. Nobody can know the lease,
    /// so nobody can come back with it: the device is free again, unless its former holder may
    /// return with the lease before.
    ///
    /// Says whether the device was freed.
    pub fn withdraw(&mut self, now: Duration, device: &str, lease: &LeaseId) -> bool {
        let freed = self.at(now, device, |slot, now| {
            let unheard = slot
                .holder
                .take_if(|holder| holder.id == *lease && holder.before.is_none())
                .is_some();
            if unheard {
                slot.changed = now;
            }
            unheard
        });
        self.close(now, device, lease);
        freed.unwrap_or(false)
    }

    /// Hands in a wake for a device. It waits until the holder's stream takes it, a newer one
    /// replaces it, or [`Terms::wake_lifetime`] has passed.
    ///
    /// # Errors
    /// [`Refusal::UnknownDevice`].
    pub fn wake(&mut self, now: Duration, device: &str, wake: W) -> Result<Handed, Refusal> {
        let until = self.until(now, self.terms.wake_lifetime);
        self.at(now, device, |slot, _| Handed {
            replaced: slot.waiting.replace(Waiting { wake, until }).is_some(),
            open: slot.holder.as_ref().is_some_and(|holder| holder.open),
        })
        .ok_or(Refusal::UnknownDevice)
    }

    /// What the stream of this lease has to do now. It asks after its `hello`, and whenever it is
    /// told to.
    pub fn turn(&mut self, now: Duration, device: &str, lease: &LeaseId) -> Turn<W> {
        self.at(now, device, |slot, now| {
            let Some(holder) = slot.holder.take_if(|holder| holder.id == *lease) else {
                return Turn::Over;
            };
            let Some(waiting) = slot.waiting.take() else {
                let until = holder.until;
                slot.holder = Some(holder);
                return Turn::Idle { until };
            };
            let wake = waiting.wake.clone();
            slot.woken = Some(Woken { lease: holder, wake: waiting });
            slot.awake = true;
            slot.changed = now;
            Turn::Wake(wake)
        })
        .unwrap_or(Turn::Over)
    }

    /// Forgets everything that has expired, and names the devices that an expiry has left without a
    /// holder since the last sweep. Expired leases count for nothing without it; it gives their
    /// memory back.
    pub fn sweep(&mut self, now: Duration) -> Vec<Arc<str>> {
        let now = self.clamp(now);
        let mut freed = Vec::new();
        self.held = 0;
        for (name, slot) in &mut self.devices {
            slot.settle(now);
            self.held += usize::from(slot.holder.is_some());
            if core::mem::take(&mut slot.lapsed) && slot.holder.is_none() {
                freed.push(Arc::clone(name));
            }
        }
        freed
    }

    /// How many devices have a holder, away or not. Those who have expired unnoticed are counted
    /// until the next [`sweep`](Leases::sweep).
    pub fn held(&self) -> usize {
        self.held
    }

    /// How many devices the table was made with.
    pub fn devices(&self) -> usize {
        self.devices.len()
    }

    /// Every device as it stands, by name.
    pub fn status(&mut self, now: Duration) -> Vec<Status> {
        let now = self.clamp(now);
        let line = |(name, slot): (&Arc<str>, &Slot<W>)| {
            let holder = slot.holder.as_ref().filter(|holder| now < holder.until);
            let wake_waiting = slot.waiting.as_ref().is_some_and(|waiting| now < waiting.until);
            // An expiry that nobody has noticed yet is still the moment of the change.
            let open = slot.holder.as_ref().is_some_and(|holder| holder.open);
            let changed = slot.expired(now).filter(|_| open).unwrap_or(slot.changed);
            Status {
                device: Arc::clone(name),
                state: match holder {
                    Some(Lease { open: true, .. }) if wake_waiting => State::Waking,
                    Some(Lease { open: true, .. }) => State::Asleep,
                    _ if slot.awake => State::Awake,
                    _ => State::Away,
                },
                since: now.saturating_sub(changed),
                lease_age: holder.map(|holder| now.saturating_sub(holder.granted)),
                lease_left: holder.map(|holder| holder.until.saturating_sub(now)),
                wake_waiting,
            }
        };
        self.devices.iter().map(line).collect()
    }

    /// The living leases, to be [restored](Leases::restore) after a restart. Wakes are not among
    /// them: they carry tokens, which do not belong on a disk.
    pub fn snapshot(&mut self, now: Duration) -> Vec<Held> {
        let now = self.clamp(now);
        let living = |(name, slot): (&Arc<str>, &Slot<W>)| {
            let holder = slot.holder.as_ref().filter(|holder| now < holder.until)?;
            Some(Held {
                device: Arc::clone(name),
                lease: holder.id.clone(),
                before: holder.before.clone(),
            })
        };
        self.devices.iter().filter_map(living).collect()
    }

    /// Brings back leases of a former life, each with a full lifetime and `grace` on top, from now
    /// on: their holders have lost their streams and are on their way back, and nobody else is let
    /// in before them.
    ///
    /// Devices that the table does not know are left out, and so are those that already have a
    /// holder.
    pub fn restore(
        &mut self,
        now: Duration,
        grace: Duration,
        held: impl IntoIterator<Item = Held>,
    ) {
        let until = self.until(now, self.terms.lease_lifetime.saturating_add(grace));
        for Held { device, lease, before } in held {
            self.at(now, &device, |slot, now| {
                slot.holder.get_or_insert(Lease {
                    id: lease,
                    before,
                    granted: now,
                    until,
                    open: false,
                });
            });
        }
    }

    /// The one way to a slot: time is clamped, what has expired is gone, and `held` is right
    /// afterwards.
    fn at<T>(
        &mut self,
        now: Duration,
        device: &str,
        change: impl FnOnce(&mut Slot<W>, Duration) -> T,
    ) -> Option<T> {
        let now = self.clamp(now);
        let slot = self.devices.get_mut(device)?;
        self.held -= usize::from(slot.holder.is_some());
        slot.settle(now);
        let outcome = change(slot, now);
        self.held += usize::from(slot.holder.is_some());
        Some(outcome)
    }

    fn clamp(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        self.now
    }

    fn until(&mut self, now: Duration, lifetime: Duration) -> Duration {
        self.clamp(now).saturating_add(lifetime)
    }
}

impl<W> Default for Slot<W> {
    fn default() -> Self {
        Slot {
            holder: None,
            waiting: None,
            woken: None,
            changed: Duration::ZERO,
            awake: false,
            lapsed: false,
        }
    }
}

impl<W> Slot<W> {
    /// When the holder's lease expired, if it did.
    fn expired(&self, now: Duration) -> Option<Duration> {
        self.holder.as_ref().map(|holder| holder.until).filter(|until| *until <= now)
    }

    fn settle(&mut self, now: Duration) {
        if let Some(expired) = self.expired(now) {
            // A device whose stream had closed before has been away since then already.
            if self.holder.take().is_some_and(|holder| holder.open) {
                self.changed = expired;
            }
            self.lapsed = true;
        }
        self.waiting.take_if(|waiting| waiting.until <= now);
        self.woken.take_if(|woken| woken.wake.until <= now && woken.lease.until <= now);
    }
}

impl Lease {
    fn answers_to(&self, id: &str) -> bool {
        // Both are compared, whatever the first comes to.
        self.id.matches(id) | self.before.as_ref().is_some_and(|before| before.matches(id))
    }
}
