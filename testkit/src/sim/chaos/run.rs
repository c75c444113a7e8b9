//! One run of a scenario: the plan happens, then all is well again, and what was promised is looked for.

use core::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dormouse_core::{Config, Hint, Input, OnUnauthorized, State, Watch};

use super::ledger::{Excuse, Ledger};
use super::plan::{Failing, Line, Plan, Scenario, Trouble, What};
use crate::sim::clock::Clock;
use crate::sim::draw::Draw;
use crate::sim::link::Link;
use crate::sim::world::{Client, Moment, Setup, World};

/// The longest wait that section 6, law 8 allows, and then some: whoever is not back by then, once all is well
/// again, never will be. Twice, for one that failed just before; and what a lease and a window may add.
const PATIENCE: u64 = 3 * 5_400_000;

/// A device that is asleep gets a wake within this time over a good link.
const PROMPT: u64 = 5_000;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What every action of every device comes to: the same for the same run, and for no other.
    pub digest: u64,
    /// How many things happened.
    pub events: u64,
    /// Actions of all devices.
    pub actions: u64,
    /// Connects among them.
    pub connects: u64,
    /// The codes of how attempts ended; for a lease that was lost, of how it was.
    pub ends: BTreeSet<u16>,
    /// Wakes that were handed over.
    pub woken: u32,
    /// Wakes that came to nothing, each with its reason.
    pub excused: Vec<Excuse>,
    /// How long the devices lived all together, in milliseconds.
    pub lived: u64,
    /// What was broken, and when, in milliseconds since the beginning.
    pub broken: Option<(u64, String)>,
}

/// Runs a scenario with real machines.
#[must_use]
pub fn run(scenario: &Scenario) -> Outcome {
    run_with(scenario, |watch| watch)
}

/// Runs it with whatever is made of each machine: to see that a broken one is found.
#[must_use]
pub fn run_with<C: Client>(scenario: &Scenario, make: fn(Watch) -> C) -> Outcome {
    let plan = scenario.plan();
    let mut run = Run::new(scenario, &plan, make);
    // A check that fails panics, and so would a machine that breaks law 11.
    let broken = catch_unwind(AssertUnwindSafe(|| run.play())).err().map(|panic| said(&*panic));
    let world = run.world;
    let (woken, excused) = world.observer.wakes();
    Outcome {
        digest: world.observer.digest(),
        events: world.events(),
        actions: world.observer.actions,
        connects: world.observer.connects,
        ends: world.observer.ends.clone(),
        woken,
        excused,
        lived: world.now() * plan.devices.len() as u64,
        broken: broken.map(|what| (world.now(), what)),
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").into()
}

/// Cues below this are lines that begin, and from it on lines that end.
const ENDS: u32 = 1 << 16;
/// All is well again.
const CALM: u32 = 1 << 30;
/// Look whether everybody is back.
const LOOK: u32 = CALM + 1;
/// Wakes have had their time.
const JUDGE: u32 = CALM + 2;

struct Run<'p, C> {
    plan: &'p Plan,
    world: World<C, Ledger>,
    /// The device with this number, if it lives.
    places: Vec<Option<usize>>,
    /// The line that the service is away by.
    away_by: Option<u32>,
    suspended_by: Vec<Option<u32>>,
    offline: Vec<u32>,
    wakes: u32,
}

impl<'p, C: Client> Run<'p, C> {
    fn new(scenario: &Scenario, plan: &'p Plan, make: fn(Watch) -> C) -> Self {
        let root = Draw::new(scenario.seed);
        let most = plan.devices.last().map_or(0, |(number, _)| *number as usize + 1);
        let mut places = vec![None; most];
        let mut setups = Vec::new();
        for (number, device) in &plan.devices {
            places[*number as usize] = Some(setups.len());
            let refused = if device.parks { OnUnauthorized::Park } else { OnUnauthorized::Stop };
            let config = Config::new("https://api.example.com")
                .guards(device.guards)
                .on_unauthorized(refused)
                .build()
                .expect("a config");
            setups.push(Setup {
                config,
                seed: device.seed,
                clock: Clock::new(device.origin, device.drift),
                link: Link::new(
                    device.delay,
                    device.spread,
                    true,
                    root.of("link", u64::from(*number)),
                ),
                work: device.work,
                fails: device.fails,
            });
        }
        let guards = plan.devices.iter().map(|(_, device)| device.guards);
        let ledger = Ledger::new(plan.service.wake_lifetime, guards);
        let count = setups.len();
        let mut world = World::new(plan.service, setups, &root, make, ledger);
        for (place, (number, _)) in plan.devices.iter().enumerate() {
            let mut draw = root.of("start", u64::from(*number));
            world.start(draw.below(plan.service.heartbeat), place as u32);
        }
        for (index, (_, line)) in (0..).zip(&plan.lines) {
            world.cue(line.at, index);
        }
        world.cue(plan.duration, CALM);
        Self {
            plan,
            world,
            places,
            away_by: None,
            suspended_by: vec![None; count],
            offline: vec![0; count],
            wakes: 0,
        }
    }

    /// Panics where anything is broken.
    fn play(&mut self) {
        while let Some(moment) = self.world.step() {
            match moment {
                Moment::Passed => {}
                Moment::Cue(CALM) => {
                    self.world.set_idle(None);
                    self.world.cue(self.world.now() + self.look_every(), LOOK);
                }
                Moment::Cue(LOOK) => self.look(),
                Moment::Cue(JUDGE) => return self.judge(),
                Moment::Cue(index) if index < ENDS => self.begins(index),
                Moment::Cue(index) => self.ends(index - ENDS),
            }
        }
    }

    fn line(&self, index: u32) -> Line {
        self.plan.lines[index as usize].1
    }

    fn begins(&mut self, index: u32) {
        let line = self.line(index);
        let until = self.world.now() + line.lasts;
        match line.what {
            What::Wake(number) => self.wake(number),
            What::Device(number, trouble) => {
                if let Some(place) = self.places.get(number as usize).copied().flatten() {
                    self.trouble(index, place, trouble, until);
                }
            }
            What::Service(failing) => self.fail(index, failing, until),
        }
    }

    fn trouble(&mut self, index: u32, device: usize, trouble: Trouble, until: u64) {
        // What a person or a system says to a device that is suspended, nobody says.
        let suspended = self.suspended_by[device].is_some();
        let world = &mut self.world;
        match trouble {
            Trouble::Cut { clean } => world.cut(device, clean),
            Trouble::Hole => world.hole(device, until),
            Trouble::Stall => world.link(device).stall(until),
            Trouble::Refused(fault) => world.link(device).refuse(until, fault),
            Trouble::Drip { bytes, gap } => world.link(device).drip(until, bytes, gap),
            Trouble::Gather { bytes } => {
                world.link(device).gather(until, bytes);
                world.cue(until, ENDS + index);
            }
            Trouble::Jump(by) => world.jump(device, by),
            _ if suspended => {}
            Trouble::Suspend { .. } => {
                world.suspend(device);
                self.suspended_by[device] = Some(index);
                world.cue(until, ENDS + index);
            }
            Trouble::NetworkChanged => {
                world.cut(device, false);
                world.feed(device, Input::Hint(Hint::NetworkChanged));
            }
            Trouble::Offline => {
                world.hole(device, until);
                self.offline[device] += 1;
                world.feed(device, Input::Offline(true));
                world.cue(until, ENDS + index);
            }
            Trouble::NewToken => world.renew_token(device),
        }
    }

    fn fail(&mut self, index: u32, failing: Failing, until: u64) {
        let world = &mut self.world;
        match failing {
            Failing::Crash { away, silent, .. } if self.away_by.is_none() => {
                world.crash(away, silent);
                self.away_by = Some(index);
                world.cue(until, ENDS + index);
            }
            Failing::Drain { away, .. } if self.away_by.is_none() => {
                world.drain_service(away);
                self.away_by = Some(index);
                world.cue(until, ENDS + index);
            }
            Failing::Crash { .. } | Failing::Drain { .. } => {}
            Failing::Covered(status) => world.cover(until, status),
            Failing::RefusesTokens => world.refuse_tokens(until),
            Failing::Idle(idle) => {
                world.set_idle(Some(idle));
                world.cue(until, ENDS + index);
            }
        }
    }

    fn ends(&mut self, index: u32) {
        let line = self.line(index);
        match line.what {
            What::Device(number, trouble) => {
                let Some(device) = self.places.get(number as usize).copied().flatten() else {
                    return;
                };
                match trouble {
                    Trouble::Gather { .. } => self.world.flush(device),
                    Trouble::Suspend { stands_still, noticed } => {
                        self.suspended_by[device] = None;
                        let slept = stands_still.then_some(line.lasts);
                        self.world.resume(device, slept, noticed);
                        // It may have gone offline, or come back, while nobody could tell it.
                        let offline = self.offline[device] > 0;
                        self.world.feed(device, Input::Offline(offline));
                    }
                    Trouble::Offline => {
                        self.offline[device] -= 1;
                        if self.offline[device] == 0 && self.suspended_by[device].is_none() {
                            self.world.feed(device, Input::Offline(false));
                        }
                    }
                    _ => {}
                }
            }
            What::Service(Failing::Crash { remembers, .. } | Failing::Drain { remembers, .. }) => {
                if self.away_by == Some(index) {
                    self.away_by = None;
                    self.world.restart(remembers);
                }
            }
            What::Service(Failing::Idle(_)) => self.world.set_idle(None),
            What::Service(_) | What::Wake(_) => {}
        }
    }

    fn wake(&mut self, number: u32) {
        if let Some(place) = self.places.get(number as usize).copied().flatten() {
            self.world.wake(place, self.wakes);
            self.wakes += 1;
        }
    }

    fn look_every(&self) -> u64 {
        self.plan.service.heartbeat.max(1000)
    }

    /// Whether everybody is back and has what was owed to it; then each is woken once more.
    fn look(&mut self) {
        let now = self.world.now();
        let devices = 0..self.plan.devices.len();
        let late: Vec<usize> = devices.clone().filter(|device| !self.is_back(*device)).collect();
        let owed = self.world.observer.owed(now);
        if late.is_empty() && owed.is_empty() {
            for device in devices {
                if !self.world.observer.stopped(device) {
                    self.world.wake(device, self.wakes);
                    self.wakes += 1;
                }
            }
            return self.world.cue(now + PROMPT, JUDGE);
        }
        if now >= self.plan.duration + PATIENCE {
            let state = |device: &usize| {
                let watch = self.world.watch(*device);
                format!("device {} is {:?}", self.plan.devices[*device].0, watch.map(Watch::state))
            };
            let late: Vec<String> = late.iter().map(state).collect();
            panic!("{PATIENCE} ms after all was well again: {late:?}, wakes owed: {owed:?}");
        }
        self.world.cue(now + self.look_every(), LOOK);
    }

    fn is_back(&mut self, device: usize) -> bool {
        if self.world.observer.stopped(device) {
            return true;
        }
        let watching = self.world.watch(device).is_some_and(|it| it.state() == State::Watching);
        watching && self.world.is_together(device)
    }

    fn judge(&mut self) {
        let owed = self.world.observer.owed(self.world.now());
        assert!(
            owed.is_empty(),
            "wakes {owed:?} have not come within {PROMPT} ms, though all is well"
        );
        for device in 0..self.plan.devices.len() {
            if let Some(watch) = self.world.watch(device) {
                self.world.observer.finish(device, watch);
            }
        }
    }
}
