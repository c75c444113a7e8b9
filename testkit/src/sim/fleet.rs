//! A fleet comes back: many devices, one outage, and a server that takes so many connects a second.
//!
//! The devices fall asleep one by one while the server takes whoever comes, and are told the reconnect window as
//! the reference server tells it. Then its process dies: every stream breaks, and connects are refused. When it
//! is back it has its leases on file and takes [`Fleet::accept_rate`] connects a second; who comes above that gets
//! 503 and a `Retry-After` from the real arithmetic. What is counted, second by second, is how many devices
//! tried to connect and how many are asleep again.
//!
//! One device in a thousand is watched by the [`Laws`] while this goes on.

use std::collections::BTreeMap;

use dormouse_core::{Action, Config, Guards, Input, Watch};
use dormouse_server::lease::Opened;

use super::clock::Clock;
use super::draw::Draw;
use super::link::Link;
use super::service::{Service, Window};
use super::world::{Away, Moment, Observer, Setup, World};
use crate::laws::{Before, Laws};

/// Every so many devices one is watched.
const SAMPLE: usize = 997;

/// A fleet and what happens to it. Times are in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Fleet {
    /// How many devices: at least 1.
    pub devices: u32,
    /// How long the server is away; 0: it stays.
    pub outage: u64,
    /// How many watches the server takes each second when it is back: at least 1.
    pub accept_rate: u32,
    /// What it tells its streams of when to come back.
    pub window: Window,
    /// Which guards the devices have on.
    pub guards: Guards,
    /// The heartbeat interval: 1 s to 24 h.
    pub interval: u64,
    /// How long is looked on, from the beginning of the outage.
    pub duration: u64,
    /// All the chance there is.
    pub seed: u64,
}

/// One second of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Connects that devices began in it.
    pub connects: u32,
    /// Watches that the server let in.
    pub accepted: u32,
    /// Watches that it told to come later.
    pub turned_away: u32,
    /// Devices that are asleep at its end.
    pub asleep: u32,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Each second from the beginning of the outage.
    pub seconds: Vec<Second>,
    /// The most connects in one second while the server was away.
    pub peak_away: u32,
    /// The most connects in one second from its return on.
    pub peak: u32,
    /// From the server's return until 99 % of the devices were asleep again, in milliseconds.
    pub back: Option<u64>,
    /// All connects from the beginning of the outage on.
    pub connects: u64,
    /// How long the devices lived all together, in milliseconds of simulated time.
    pub lived: u128,
    /// How many things happened.
    pub events: u64,
}

impl Run {
    /// How long the devices lived all together, in years of 365 days.
    #[must_use]
    pub fn device_years(&self) -> f64 {
        self.lived as f64 / (365.0 * 86_400_000.0)
    }
}

impl Fleet {
    /// How long the devices are given to fall asleep before the outage: the time in which they come, and
    /// long enough after it that everybody was told the window of the whole fleet.
    #[must_use]
    pub fn prelude(&self) -> u64 {
        3 * self.interval
    }

    /// Runs it. `progress` is told now and then how many milliseconds have passed, of prelude and duration
    /// together.
    ///
    /// # Panics
    ///
    /// If a law is broken, if there is no device, or if nothing is ever accepted.
    #[must_use]
    pub fn run(&self, progress: impl FnMut(u64)) -> Run {
        let mut world = self.world();
        self.pass(&mut world, progress);
        let events = world.events();
        let watches = |device: &usize| world.watch(*device).map(|watch| (*device, watch));
        for (device, watch) in world.observer.laws.keys().filter_map(watches) {
            world.observer.laws[&device].0.finish(watch);
        }
        let Counter { seconds, back, .. } = world.observer;
        let (away, home) = seconds.split_at(seconds.len().min(whole_seconds(self.outage)));
        let peak = |seconds: &[Second]| seconds.iter().map(|it| it.connects).max().unwrap_or(0);
        Run {
            peak_away: peak(away),
            peak: peak(home),
            back,
            connects: seconds.iter().map(|second| u64::from(second.connects)).sum(),
            lived: u128::from(self.devices) * u128::from(self.prelude() + self.duration),
            events,
            seconds,
        }
    }

    fn world(&self) -> World<Watch, Counter> {
        assert!(self.devices > 0 && self.accept_rate > 0, "a fleet has devices, a server a rate");
        let seed = Draw::new(self.seed);
        let service = Service {
            heartbeat: self.interval,
            comment: self.interval / 2,
            lease_lifetime: 3 * self.interval,
            wake_lifetime: 120_000,
            rate: self.accept_rate,
            burst: self.accept_rate,
            window: self.window,
        };
        let config =
            Config::new("https://api.example.com").guards(self.guards).build().expect("a config");
        let setup = |device| {
            let mut draw = seed.of("device", device);
            // Half of the round trips that devices of one country and their mobile networks have.
            let delay = draw.between(10, 60);
            Setup {
                config: config.clone(),
                seed: draw.next(),
                clock: Clock::new(draw.below(1 << 40), 0),
                link: Link::new(delay, 5, false, seed.of("link", device)),
                work: (0, 0),
                fails: 0,
            }
        };
        let setups = (0..u64::from(self.devices)).map(setup).collect();
        let counter = Counter::new(self);
        let mut world = World::new(service, setups, &seed, |watch| watch, counter);
        let mut draw = seed.of("start", 0);
        for device in 0..self.devices {
            world.start(draw.below(self.interval), device);
        }
        world
    }

    fn pass<C: super::Client>(&self, world: &mut World<C, Counter>, mut progress: impl FnMut(u64)) {
        const OUTAGE: u32 = 0;
        const RETURN: u32 = 1;
        const SECOND: u32 = 2;
        let begins = self.prelude();
        let end = begins + self.duration;
        // Whoever comes is let in, and told the window that goes with the rate to come.
        world.open_the_gates();
        if self.outage > 0 {
            world.cue(begins, OUTAGE);
            world.cue(begins + self.outage, RETURN);
        }
        world.cue(1000, SECOND);
        while let Some(moment) = world.step() {
            let now = world.now();
            match moment {
                Moment::Passed => {}
                Moment::Cue(OUTAGE) => world.crash(Away::Refuses, false),
                Moment::Cue(RETURN) => world.restart(true),
                Moment::Cue(_) => {
                    world.observer.second(now);
                    progress(now.min(end));
                    if now >= end {
                        return;
                    }
                    world.cue(now + 1000, SECOND);
                }
            }
        }
    }
}

fn whole_seconds(millis: u64) -> usize {
    usize::try_from(millis.div_ceil(1000)).unwrap_or(usize::MAX)
}

/// Counts.
struct Counter {
    begins: u64,
    returns: u64,
    most: u32,
    guards: Guards,
    asleep: u32,
    now: Second,
    seconds: Vec<Second>,
    back: Option<u64>,
    laws: BTreeMap<usize, (Laws, Option<Before>)>,
}

impl Counter {
    fn new(fleet: &Fleet) -> Self {
        Self {
            begins: fleet.prelude(),
            returns: fleet.prelude() + fleet.outage,
            most: fleet.devices,
            guards: fleet.guards,
            asleep: 0,
            now: Second::default(),
            seconds: Vec::new(),
            back: None,
            laws: BTreeMap::new(),
        }
    }

    fn second(&mut self, now: u64) {
        let second = Second { asleep: self.asleep, ..core::mem::take(&mut self.now) };
        if now > self.begins {
            self.seconds.push(second);
        }
    }
}

impl Observer for Counter {
    fn started(&mut self, device: usize, at: u64, watch: &Watch) {
        if device % SAMPLE == 0 {
            let laws = Laws::new(watch, self.guards, at).sparingly(100);
            self.laws.insert(device, (laws, None));
        }
    }

    fn before(&mut self, device: usize, at: u64, watch: &Watch, input: &Input<'_>) {
        if device % SAMPLE == 0 {
            if let Some((laws, before)) = self.laws.get_mut(&device) {
                *before = Some(laws.before(watch, at, input));
            }
        }
    }

    fn handled(&mut self, device: usize, watch: &Watch) {
        if device % SAMPLE == 0 {
            if let Some((laws, Some(before))) = self.laws.get_mut(&device) {
                laws.handled(watch, *before);
            }
        }
    }

    fn action(&mut self, _: u64, device: usize, watch: &Watch, action: &Action) {
        if matches!(action, Action::Connect { .. }) {
            self.now.connects += 1;
        }
        if device % SAMPLE == 0 {
            if let Some((laws, _)) = self.laws.get_mut(&device) {
                laws.action(watch, action);
            }
        }
    }

    fn drained(&mut self, device: usize, watch: &Watch) {
        if device % SAMPLE == 0 {
            if let Some((laws, _)) = self.laws.get_mut(&device) {
                laws.taken(watch, true);
            }
        }
    }

    fn opened(&mut self, now: u64, _: usize, _: u64, _: bool, _: Opened) {
        self.now.accepted += 1;
        self.asleep += 1;
        // Streams are what is counted: one that was let in is a device that can be woken.
        if now >= self.returns && self.back.is_none() {
            let enough = u64::from(self.asleep) * 100 >= u64::from(self.most) * 99;
            self.back = enough.then(|| now - self.returns);
        }
    }

    fn refused(&mut self, _: u64, _: usize, _: u16) {
        self.now.turned_away += 1;
    }

    fn closed(&mut self, _: u64, _: usize) {
        self.asleep -= 1;
    }
}
