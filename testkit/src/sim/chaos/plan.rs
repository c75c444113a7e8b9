//! What goes wrong, and when: drawn from a seed, as data that shrinks.
//!
//! A [`Scenario`] is a seed and what is kept of the plan that it draws. The plan is always drawn whole, and then
//! cut: to so many devices, to a shorter time, to some of its lines. What is left happens just as it did before,
//! so that a smaller scenario is the same story with less in it.

use core::fmt;
use std::collections::BTreeSet;

use dormouse_core::{Guards, TransportFault};

use crate::sim::Away;
use crate::sim::draw::Draw;
use crate::sim::service::{Service, Window};

/// The most devices of a scenario.
pub const DEVICES_MOST: u32 = 50;

/// A scenario: everything that one run depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// All the chance there is.
    pub seed: u64,
    /// How many devices: as the seed says, if absent; at most [`DEVICES_MOST`].
    pub devices: Option<u32>,
    /// How long things go wrong, in milliseconds: as the seed says, if absent.
    pub duration: Option<u64>,
    /// Only these of the devices live, if any are named.
    pub only_devices: Option<BTreeSet<u32>>,
    /// Only these lines of the plan happen, if any are named.
    pub only_lines: Option<BTreeSet<u32>>,
}

impl Scenario {
    /// What a seed draws.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, devices: None, duration: None, only_devices: None, only_lines: None }
    }

    /// The plan, drawn and cut.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan::draw(self)
    }
}

/// As arguments of `dormouse simulate`.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |set: &BTreeSet<u32>| {
            if set.is_empty() {
                return "none".to_owned();
            }
            set.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
        };
        write!(f, "--chaos --seed {}", self.seed)?;
        if let Some(devices) = self.devices {
            write!(f, " --devices {devices}")?;
        }
        if let Some(duration) = self.duration {
            write!(f, " --duration {duration}ms")?;
        }
        if let Some(only) = &self.only_devices {
            write!(f, " --only-devices {}", list(only))?;
        }
        if let Some(only) = &self.only_lines {
            write!(f, " --only-lines {}", list(only))?;
        }
        Ok(())
    }
}

/// A plan: the world, and what happens in it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The service.
    pub(crate) service: Service,
    /// The devices that live, by number.
    pub(crate) devices: Vec<(u32, Device)>,
    /// How long things go wrong.
    pub(crate) duration: u64,
    /// What happens, in order of time, by number.
    pub(crate) lines: Vec<(u32, Line)>,
}

/// A device and its surroundings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Device {
    pub(crate) guards: Guards,
    pub(crate) parks: bool,
    pub(crate) seed: u64,
    pub(crate) origin: u64,
    /// In millionths.
    pub(crate) drift: i64,
    pub(crate) delay: u64,
    pub(crate) spread: u64,
    pub(crate) work: (u64, u64),
    pub(crate) fails: u64,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) at: u64,
    /// How long it lasts, where it lasts.
    pub(crate) lasts: u64,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    Wake(u32),
    Device(u32, Trouble),
    Service(Failing),
}

/// What goes wrong with one device.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    Cut { clean: bool },
    Hole,
    Stall,
    Refused(TransportFault),
    Drip { bytes: usize, gap: u64 },
    Gather { bytes: usize },
    Suspend { stands_still: bool, noticed: Option<bool> },
    Jump(i64),
    NetworkChanged,
    Offline,
    NewToken,
}

/// What goes wrong with the service.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failing {
    Crash { away: Away, silent: bool, remembers: bool },
    Drain { away: Away, remembers: bool },
    Covered(u16),
    RefusesTokens,
    Idle(u64),
}

impl Plan {
    fn draw(scenario: &Scenario) -> Self {
        let root = Draw::new(scenario.seed);
        let mut draw = root.of("world", 0);
        let heartbeat = draw.pick(&[1_000, 2_000, 5_000, 10_000, 30_000, 90_000]);
        let few = draw.between(1, 5);
        let many = draw.between(6, u64::from(DEVICES_MOST));
        let devices = if draw.percent(92) { few } else { many };
        let devices = scenario.devices.unwrap_or(devices as u32).clamp(1, DEVICES_MOST);
        let drawn = heartbeat * draw.between(20, 90);
        let duration = scenario.duration.unwrap_or(drawn);
        let rate = draw.pick(&[1, 5, 50, 500]);
        let service = Service {
            heartbeat,
            comment: draw.pick(&[heartbeat / 2, heartbeat / 4, heartbeat, heartbeat * 2]),
            lease_lifetime: heartbeat * draw.pick(&[2, 3, 3, 3, 5]),
            wake_lifetime: draw.pick(&[60_000, 120_000, 3_600_000, 3_600_000, 86_400_000]),
            rate,
            burst: draw.pick(&[1, rate, rate * 2]),
            window: draw.pick(&[Window::Auto, Window::Auto, Window::Off, Window::Fixed(60_000)]),
        };
        let lives =
            |number: &u32| scenario.only_devices.as_ref().is_none_or(|only| only.contains(number));
        let device =
            |number| (number, Device::draw(&mut root.of("device", u64::from(number)), heartbeat));
        // About two things a minute of heartbeats, whatever the length of the run.
        let mut lines = Vec::new();
        let mut draw = root.of("plan", 0);
        let count = draw.between(2, 40);
        for number in 0..count as u32 {
            let line = Line::draw(&mut draw, drawn, heartbeat, number);
            lines.push((number, line));
        }
        let kept =
            |number: &u32| scenario.only_lines.as_ref().is_none_or(|only| only.contains(number));
        lines.retain_mut(|(number, line)| {
            let lives = line.device().is_none_or(|device| device < devices && lives(&device));
            line.lasts = line.lasts.min(duration.saturating_sub(line.at));
            lives && line.at < duration && kept(number)
        });
        lines.sort_by_key(|(number, line)| (line.at, *number));
        Self { service, devices: (0..devices).filter(lives).map(device).collect(), duration, lines }
    }
}

impl Device {
    fn draw(draw: &mut Draw, heartbeat: u64) -> Self {
        let mut guards = if draw.percent(10) { Guards::none() } else { Guards::all() };
        if draw.percent(15) {
            guards.flap = draw.percent(50);
            guards.connect_bound = draw.percent(50);
            guards.retry_after = draw.percent(50);
            guards.jitter = draw.percent(50);
            guards.window = draw.percent(50);
            guards.hints = draw.percent(50);
        }
        // A heartbeat is given up after its interval: two round trips have to fit.
        let slowest = (heartbeat / 10).min(400);
        Self {
            guards,
            parks: draw.percent(80),
            seed: draw.next(),
            origin: draw.pick(&[0, 1 << 30, 1 << 45]),
            drift: draw.pick(&[0, 0, 30, -30, 2_000, -2_000, 30_000, -30_000]),
            delay: draw.between(0, slowest / 2),
            spread: draw.between(0, slowest / 2),
            work: (draw.between(0, 2_000), draw.between(2_000, 60_000)),
            fails: draw.pick(&[0, 0, 0, 20, 60]),
        }
    }
}

impl Line {
    fn draw(draw: &mut Draw, duration: u64, heartbeat: u64, number: u32) -> Self {
        let at = draw.below(duration);
        let device = draw.below(1 << 20) as u32;
        // Mostly somewhere around the deadlines, sometimes far beyond them.
        let lasts = match draw.below(4) {
            0 => draw.between(1, heartbeat),
            1 => draw.between(heartbeat, 4 * heartbeat),
            2 => draw.between(heartbeat, 12 * heartbeat),
            _ => draw.between(1, 300_000),
        };
        let away = match draw.below(6) {
            0..=2 => Away::Refuses,
            3 => Away::Silent,
            _ => Away::Page(draw.pick(&[200, 302, 404, 502, 503])),
        };
        let trouble = |trouble| What::Device(device, trouble);
        let what = match draw.below(100) {
            0..36 => What::Wake(device),
            36..42 => trouble(Trouble::Cut { clean: draw.percent(50) }),
            42..50 => trouble(Trouble::Hole),
            50..55 => trouble(Trouble::Stall),
            55..58 => trouble(Trouble::Refused(draw.pick(&[
                TransportFault::Resolve,
                TransportFault::Connect,
                TransportFault::Tls,
                TransportFault::Http,
                TransportFault::Other,
            ]))),
            58..62 => trouble(Trouble::Drip {
                bytes: draw.pick(&[1, 3, 20]),
                gap: draw.pick(&[0, 1, 10, 100]),
            }),
            62..66 => trouble(Trouble::Gather { bytes: draw.pick(&[200, 1024, 8192]) }),
            66..72 => trouble(Trouble::Suspend {
                stands_still: draw.percent(25),
                noticed: draw.pick(&[None, Some(true), Some(false), Some(false)]),
            }),
            72..75 => {
                let by = draw.pick(&[1, 500, 5_000, 60_000, 3_600_000]);
                let back = draw.percent(40);
                trouble(Trouble::Jump(if back { -(by.min(60_000)) } else { by }))
            }
            75..78 => trouble(Trouble::NetworkChanged),
            78..81 => trouble(Trouble::Offline),
            81..83 => trouble(Trouble::NewToken),
            83..90 => What::Service(Failing::Crash {
                away,
                silent: draw.percent(30),
                remembers: draw.percent(60),
            }),
            90..93 => What::Service(Failing::Drain { away, remembers: draw.percent(60) }),
            93..95 => What::Service(Failing::Covered(draw.pick(&[200, 429, 500, 503]))),
            95..97 => What::Service(Failing::RefusesTokens),
            _ => What::Service(Failing::Idle(draw.between(heartbeat / 3, 2 * heartbeat))),
        };
        Self { at, lasts, what }.among(number)
    }

    /// A device is drawn from more than there are, and is then one of those there may be; low numbers
    /// are drawn more often, so that a small world is not empty of events.
    fn among(mut self, number: u32) -> Self {
        let place = |device: u32| {
            let within = [1, 1, 2, 3, 5, DEVICES_MOST][(device as usize / 64) % 6];
            (device % 64 + number) % within
        };
        match &mut self.what {
            What::Wake(device) | What::Device(device, _) => *device = place(*device),
            What::Service(_) => {}
        }
        self
    }

    fn device(&self) -> Option<u32> {
        match self.what {
            What::Wake(device) | What::Device(device, _) => Some(device),
            What::Service(_) => None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lasts = self.lasts;
        write!(f, "{:10.3} s  ", self.at as f64 / 1e3)?;
        match self.what {
            What::Wake(device) => write!(f, "an operator wakes device {device}"),
            What::Device(device, trouble) => {
                write!(f, "device {device}: ")?;
                match trouble {
                    Trouble::Cut { clean: true } => f.write_str("its stream is ended on the way"),
                    Trouble::Cut { clean: false } => f.write_str("its connections are reset"),
                    Trouble::Hole => {
                        write!(f, "nothing passes for {lasts} ms, and what was open is dead")
                    }
                    Trouble::Stall => write!(f, "everything is held up for {lasts} ms"),
                    Trouble::Refused(fault) => write!(f, "for {lasts} ms: {fault}"),
                    Trouble::Drip { bytes, gap } => {
                        write!(f, "bytes come {bytes} at a time, every {gap} ms, for {lasts} ms")
                    }
                    Trouble::Gather { bytes } => {
                        write!(
                            f,
                            "a proxy gathers {bytes} bytes before it passes them on, for {lasts} ms"
                        )
                    }
                    Trouble::Suspend { stands_still, noticed } => {
                        let clock = if stands_still { ", and its clock stands still" } else { "" };
                        let told = match noticed {
                            None => "nobody notices",
                            Some(true) => "it is noticed at once",
                            Some(false) => "it is noticed",
                        };
                        write!(f, "suspended for {lasts} ms{clock}; {told}")
                    }
                    Trouble::Jump(by) => write!(f, "its clock jumps by {by} ms"),
                    Trouble::NetworkChanged => f.write_str("its network changes"),
                    Trouble::Offline => write!(f, "offline for {lasts} ms"),
                    Trouble::NewToken => f.write_str("it is given a new token"),
                }
            }
            What::Service(failing) => {
                f.write_str("the service ")?;
                let meanwhile = |away| match away {
                    Away::Refuses => "connects are refused".to_owned(),
                    Away::Silent => "nothing answers".to_owned(),
                    Away::Page(status) => format!("a balancer answers {status}"),
                };
                let files = |remembers| if remembers { "with" } else { "without" };
                match failing {
                    Failing::Crash { away, silent, remembers } => write!(
                        f,
                        "{} for {lasts} ms, {} meanwhile, and is back {} its leases",
                        if silent { "loses its host" } else { "is killed" },
                        meanwhile(away),
                        files(remembers),
                    ),
                    Failing::Drain { away, remembers } => write!(
                        f,
                        "drains and is away for {lasts} ms, {} meanwhile, and is back {} its leases",
                        meanwhile(away),
                        files(remembers),
                    ),
                    Failing::Covered(status) => {
                        write!(f, "is covered by a page with status {status} for {lasts} ms")
                    }
                    Failing::RefusesTokens => write!(f, "refuses every token for {lasts} ms"),
                    Failing::Idle(idle) => write!(
                        f,
                        "gets a balancer that cuts a stream after {idle} ms of silence, for {lasts} ms"
                    ),
                }
            }
        }
    }
}

/// A line for each thing that happens, and first what the world is like.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Service { heartbeat, comment, lease_lifetime, wake_lifetime, rate, .. } = self.service;
        writeln!(
            f,
            "a heartbeat every {heartbeat} ms, a comment every {comment} ms; a lease lives {lease_lifetime} ms, \
             a wake {wake_lifetime} ms; {rate} connects a second are let in"
        )?;
        for (number, device) in &self.devices {
            let Device { drift, delay, spread, parks, fails, .. } = device;
            writeln!(
                f,
                "device {number}: {delay} to {} ms away, clock off by {drift} ppm, {} when its token is refused, \
                 {fails} % of its hand-overs fail, {:?}",
                delay + spread,
                if *parks { "parks" } else { "stops" },
                device.guards,
            )?;
        }
        for (number, line) in &self.lines {
            writeln!(f, "{line}  (line {number})")?;
        }
        write!(f, "{:10.3} s  all is well again", self.duration as f64 / 1e3)
    }
}
