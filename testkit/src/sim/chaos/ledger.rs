//! The account of every wake, and the laws of every device: what is checked while a world runs.

use core::fmt::{self, Write as _};
use std::collections::BTreeSet;

use dormouse_core::{
    Action, ConnectFault, End, Guards, HeartbeatLoss, Input, Outcome, Report, StreamFault, Watch,
};
use dormouse_server::lease::{Handed, Opened};

use crate::laws::{Before, Laws};
use crate::sim::service::which_wake;
use crate::sim::world::Observer;

/// How a wake may come to nothing without anybody having broken a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excuse {
    /// A newer one took its place.
    Replaced,
    /// Its lifetime passed before its device was back.
    Expired,
    /// The process of the service ended, and the wake with it.
    ServiceEnded,
    /// It was lost together with a hello that answered a request without a previous lease: its client had
    /// nothing to name.
    FirstHelloLost,
    /// It was lost on its way, and before its client noticed, a heartbeat was answered 401: after that a client
    /// which parks comes back without the lease (protocol.md section 4: "as it was").
    TokenRefused,
    /// Its device has stopped for good.
    Stopped,
}

/// One wake, from the operator to the device.
#[derive(Clone, Copy, Debug)]
struct Account {
    device: usize,
    expires: u64,
    /// How often the table gave it to a stream.
    given: u32,
    /// The latest attempt on whose stream it was given.
    given_on: u64,
    /// How often the device handed it over.
    taken: u32,
    /// How often it may be handed over.
    due: u32,
    excuse: Option<Excuse>,
}

/// What one device and the table have of each other.
struct Desk {
    laws: Option<Laws>,
    before: Option<Before>,
    guards: Guards,
    stopped: bool,
    /// The wake that waits in the table.
    waiting: Option<u32>,
    /// The wake that was given last, and the attempt on whose stream.
    given: Option<(u32, u64)>,
    /// The latest attempt that a heartbeat's 401 ended.
    refused_on: Option<u64>,
    /// The attempts that were granted without a previous lease and whose hello nobody has read yet.
    unheard: Vec<u64>,
}

/// Keeps the books. Every check panics where a promise is broken.
pub(crate) struct Ledger {
    wake_lifetime: u64,
    desks: Vec<Desk>,
    wakes: Vec<Option<Account>>,
    pub(crate) actions: u64,
    pub(crate) connects: u64,
    pub(crate) ends: BTreeSet<u16>,
    digest: Fnv,
}

impl Ledger {
    pub(crate) fn new(wake_lifetime: u64, guards: impl Iterator<Item = Guards>) -> Self {
        let desk = |guards| Desk {
            laws: None,
            before: None,
            guards,
            stopped: false,
            waiting: None,
            given: None,
            refused_on: None,
            unheard: Vec::new(),
        };
        Self {
            wake_lifetime,
            desks: guards.map(desk).collect(),
            wakes: Vec::new(),
            actions: 0,
            connects: 0,
            ends: BTreeSet::new(),
            digest: Fnv(0xcbf2_9ce4_8422_2325),
        }
    }

    /// A number that tells one run from another.
    pub(crate) fn digest(&self) -> u64 {
        self.digest.0
    }

    /// How many wakes were handed over, and how many came to nothing for which reason.
    pub(crate) fn wakes(&self) -> (u32, Vec<Excuse>) {
        let accounts = || self.wakes.iter().flatten();
        let excuses = accounts().filter(|account| account.taken == 0);
        (accounts().map(|it| it.taken).sum(), excuses.filter_map(|it| it.excuse).collect())
    }

    /// Wakes that are still owed to their devices.
    pub(crate) fn owed(&mut self, now: u64) -> Vec<u32> {
        let mut owed = Vec::new();
        for (number, account) in (0..).zip(&mut self.wakes) {
            let Some(account) = account.as_mut().filter(|it| it.taken == 0 && it.excuse.is_none())
            else {
                continue;
            };
            if account.expires <= now {
                account.excuse = Some(Excuse::Expired);
            } else if self.desks[account.device].stopped {
                account.excuse = Some(Excuse::Stopped);
            } else {
                owed.push(number);
            }
        }
        owed
    }

    pub(crate) fn stopped(&self, device: usize) -> bool {
        self.desks[device].stopped
    }

    pub(crate) fn finish(&self, device: usize, watch: &Watch) {
        if let Some(laws) = &self.desks[device].laws {
            laws.finish(watch);
        }
    }

    fn excuse(&mut self, wake: u32, excuse: Excuse) {
        if let Some(Some(account)) = self.wakes.get_mut(wake as usize) {
            if account.taken == 0 {
                account.excuse.get_or_insert(excuse);
            }
        }
    }

    fn account(&mut self, wake: u32) -> &mut Account {
        let account = self.wakes.get_mut(wake as usize).and_then(Option::as_mut);
        account.expect("a wake that was never handed in")
    }
}

impl Observer for Ledger {
    fn started(&mut self, device: usize, at: u64, watch: &Watch) {
        let desk = &mut self.desks[device];
        desk.laws = Some(Laws::new(watch, desk.guards, at).sparingly(37));
    }

    fn before(&mut self, device: usize, at: u64, watch: &Watch, input: &Input<'_>) {
        let desk = &mut self.desks[device];
        desk.before = desk.laws.as_mut().map(|laws| laws.before(watch, at, input));
    }

    fn handled(&mut self, device: usize, watch: &Watch) {
        let desk = &mut self.desks[device];
        if let (Some(laws), Some(before)) = (&mut desk.laws, desk.before) {
            laws.handled(watch, before);
        }
    }

    fn action(&mut self, now: u64, device: usize, watch: &Watch, action: &Action) {
        self.actions += 1;
        // What is written here is no secret: nothing that is one is ever printed.
        let _ = write!(self.digest, "{now} {device} ");
        let _ = match action {
            Action::Sleep { until } => write!(self.digest, "{until:?}"),
            other => write!(self.digest, "{other:?}"),
        };
        let desk = &mut self.desks[device];
        if let Some(laws) = &mut desk.laws {
            laws.action(watch, action);
        }
        match action {
            Action::Connect { .. } => self.connects += 1,
            Action::Stop(_) => desk.stopped = true,
            Action::Report(Report::Connected { attempt, .. }) => {
                desk.unheard.retain(|unheard| *unheard != attempt.0);
            }
            Action::Report(Report::Ended { attempt, end, .. }) => {
                if matches!(end, End::Watch(Outcome::HeartbeatLost(HeartbeatLoss::Unauthorized))) {
                    desk.refused_on = Some(attempt.0);
                }
                // Nothing here makes the service write what is no good; links cut, and change no byte.
                let misread = matches!(
                    end,
                    End::Connect(
                        ConnectFault::Hello(_) | ConnectFault::Limit(_) | ConnectFault::Compressed
                    ) | End::Watch(Outcome::Stream(StreamFault::Wake(_) | StreamFault::Limit(_)))
                );
                assert!(!misread, "device {device} does not understand the service: {end}");
                self.ends.insert(match end {
                    End::Watch(Outcome::HeartbeatLost(loss)) => loss.code(),
                    end => end.code(),
                });
            }
            Action::Wake(wake) => {
                let Some((whose, number)) = which_wake(wake.token.expose()) else {
                    panic!("device {device} was handed a wake that nobody sent");
                };
                assert_eq!(
                    whose, device,
                    "wake {number} of device {whose} came to device {device}"
                );
                let account = self.account(number);
                account.taken += 1;
                assert!(account.given > 0, "wake {number} came, and was never given");
                let times = account.taken;
                assert!(
                    times <= account.due,
                    "wake {number} came to device {device} {times} times"
                );
            }
            _ => {}
        }
    }

    fn drained(&mut self, device: usize, watch: &Watch) {
        if let Some(laws) = &mut self.desks[device].laws {
            laws.taken(watch, true);
        }
    }

    fn opened(&mut self, now: u64, device: usize, attempt: u64, named: bool, opened: Opened) {
        let desk = &mut self.desks[device];
        if !named {
            desk.unheard.push(attempt);
        }
        let overdue = |wake: u32| self.wakes[wake as usize].is_some_and(|it| it.expires <= now);
        let expired = desk.waiting.take_if(|waiting| overdue(*waiting));
        if let Some(expired) = expired {
            self.excuse(expired, Excuse::Expired);
        }
        let desk = &mut self.desks[device];
        let Some((wake, given_on)) = desk.given.take() else { return };
        let unheard = desk.unheard.contains(&given_on);
        let refused = desk.refused_on == Some(given_on);
        let waiting = desk.waiting;
        if opened == Opened::Returned && waiting.is_none() {
            desk.waiting = Some(wake);
        }
        let account = self.account(wake);
        // A request that is older than the stream that the wake was given to was given up by its client long
        // ago. The table cannot know, and the wake may come once more.
        let late = attempt < account.given_on;
        account.due += u32::from(late && opened == Opened::Returned);
        if account.taken > 0 {
            assert!(
                late || opened != Opened::Returned,
                "device {device} has wake {wake}, and names the lease that it ended"
            );
            return;
        }
        match opened {
            Opened::Returned if waiting.is_some() => self.excuse(wake, Excuse::Replaced),
            Opened::Returned => {}
            _ if account.expires <= now => self.excuse(wake, Excuse::Expired),
            _ if unheard => self.excuse(wake, Excuse::FirstHelloLost),
            _ if refused => self.excuse(wake, Excuse::TokenRefused),
            _ => assert!(
                account.excuse.is_some(),
                "wake {wake} is lost: device {device} never saw it, is back without naming the lease that \
                 it ended, and the table has forgotten it ({} ms before it would expire)",
                account.expires - now
            ),
        }
    }

    fn handed_in(&mut self, now: u64, device: usize, wake: u32, handed: Handed) {
        let place = wake as usize;
        self.wakes.resize(self.wakes.len().max(place + 1), None);
        let expires = now + self.wake_lifetime;
        self.wakes[place] = Some(Account {
            device,
            expires,
            given: 0,
            given_on: 0,
            taken: 0,
            due: 1,
            excuse: None,
        });
        if let Some(older) = self.desks[device].waiting.replace(wake) {
            // The table forgets what has expired by itself; then nothing is replaced.
            let excuse = if handed.replaced { Excuse::Replaced } else { Excuse::Expired };
            let overdue = self.account(older).expires <= now;
            assert!(handed.replaced || overdue, "wake {older} is lost: the table has forgotten it");
            self.excuse(older, excuse);
        }
    }

    fn given(&mut self, now: u64, device: usize, attempt: u64, wake: u32) {
        let desk = &mut self.desks[device];
        assert_eq!(desk.waiting.take(), Some(wake), "the table gives a wake that does not wait");
        desk.given = Some((wake, attempt));
        let account = self.account(wake);
        assert_eq!(account.device, device, "wake {wake} was given to another device");
        assert!(now < account.expires, "wake {wake} was given after its time");
        account.given += 1;
        account.given_on = account.given_on.max(attempt);
    }

    fn ended(&mut self, _: u64) {
        for device in 0..self.desks.len() {
            let desk = &mut self.desks[device];
            desk.unheard.clear();
            let gone = [desk.waiting.take(), desk.given.take().map(|(wake, _)| wake)];
            for wake in gone.into_iter().flatten() {
                self.excuse(wake, Excuse::ServiceEnded);
            }
        }
    }
}

/// FNV-1a, for text.
struct Fnv(u64);

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
