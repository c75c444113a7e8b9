//! The rules of the lease table once more, for one device: what it must answer.
//!
//! Written from the seven rules in `dormouse_server::lease`, with times and names as plain numbers.

use dormouse_server::lease::{Heartbeat, Opened, Refusal, Turn};

/// How long a lease lives after its grant and each heartbeat, and a wake until it is taken, in milliseconds.
pub(crate) const LEASE_LIFETIME: u64 = 90_000;
pub(crate) const WAKE_LIFETIME: u64 = 120_000;

/// The right to be the device, or what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Right {
    pub(crate) lease: u32,
    /// Rule 4: what it was opened with, until a heartbeat shows that its hello arrived.
    pub(crate) before: Option<u32>,
    pub(crate) until: u64,
}

impl Right {
    fn answers_to(&self, named: Option<u32>) -> bool {
        named.is_some_and(|named| self.lease == named || self.before == Some(named))
    }
}

/// Who is the device, and what waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) holder: Option<Right>,
    pub(crate) wake_until: Option<u64>,
    /// Rules 5 and 6: the right that a wake ended, and until when that wake is good.
    pub(crate) woken: Option<(Right, u64)>,
}

impl Table {
    /// What has expired counts for nothing.
    pub(crate) fn settle(&mut self, now: u64) {
        self.holder = self.holder.filter(|right| now < right.until);
        self.wake_until = self.wake_until.filter(|until| now < *until);
        self.woken = self.woken.filter(|(right, wake)| now < right.until || now < *wake);
    }

    pub(crate) fn open(
        &mut self,
        now: u64,
        previous: Option<u32>,
        fresh: u32,
    ) -> Result<Opened, Refusal> {
        self.settle(now);
        // Rules 1 and 4.
        let mut opened = Opened::Granted;
        if let Some(holder) = self.holder {
            if !holder.answers_to(previous) {
                return Err(Refusal::Held);
            }
            opened = Opened::TakenOver;
        }
        // Rule 6: who names the lease that a wake ended has not seen that wake.
        if let Some((_, wake)) = self.woken.take().filter(|(right, _)| right.answers_to(previous)) {
            opened = Opened::Returned;
            self.wake_until = self.wake_until.or(Some(wake));
        }
        self.holder = Some(Right { lease: fresh, before: previous, until: now + LEASE_LIFETIME });
        Ok(opened)
    }

    /// Rules 2 and 6.
    pub(crate) fn heartbeat(&mut self, now: u64, lease: u32) -> Heartbeat {
        self.settle(now);
        match (&mut self.holder, self.woken) {
            (Some(holder), _) if holder.lease == lease => {
                (holder.until, holder.before) = (now + LEASE_LIFETIME, None);
                Heartbeat::Refreshed
            }
            (Some(_), _) => Heartbeat::Taken,
            // Rule 6: as long as the wake is remembered.
            (None, Some((right, _))) if right.lease == lease => Heartbeat::Woken,
            _ => Heartbeat::Gone,
        }
    }

    /// Rule 5.
    pub(crate) fn turn(&mut self, now: u64, lease: u32) -> Turn<u8> {
        self.settle(now);
        let Some(holder) = self.holder.filter(|holder| holder.lease == lease) else {
            return Turn::Over;
        };
        let Some(wake) = self.wake_until.take() else {
            return Turn::Idle { until: core::time::Duration::from_millis(holder.until) };
        };
        (self.holder, self.woken) = (None, Some((holder, wake)));
        Turn::Wake(0)
    }

    /// A grant whose hello was never sent.
    pub(crate) fn withdraw(&mut self, now: u64, lease: u32) -> bool {
        self.settle(now);
        let unheard =
            self.holder.is_some_and(|right| right.lease == lease && right.before.is_none());
        self.holder = self.holder.filter(|_| !unheard);
        unheard
    }

    /// A restart with a state file: a full lifetime and `grace`; without one: nobody.
    pub(crate) fn restart(&mut self, now: u64, grace: Option<u64>) {
        self.settle(now);
        let kept = grace.and_then(|grace| {
            self.holder.map(|right| Right { until: now + LEASE_LIFETIME + grace, ..right })
        });
        *self = Self { holder: kept, ..Self::default() };
    }
}
