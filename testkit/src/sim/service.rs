//! The service: the real lease table, the real frames, the real arithmetic of crowds, without sockets.
//!
//! What stands here is the glue that `server/src/http` is in real life: requests are read from what the machine
//! hands out, and what is said comes out as text to be cut up by the links. No policy is made here; where the
//! reference server decides something, this calls what it calls.

use core::time::Duration;
use std::borrow::Cow;
use std::sync::Arc;

use dormouse_core::Request;
use dormouse_server::frame;
use dormouse_server::lease::{
    Handed, Heartbeat, Held, LeaseId, Leases, Opened, Refusal, Terms, Turn as TableTurn,
};
use dormouse_server::load::{self, Intake};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// The reconnect window that streams are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// None: `retry: 0`, which spreads nothing.
    Off,
    /// The reference server's, which follows the fleet and the rate.
    Auto,
    /// The same for everybody, in milliseconds.
    Fixed(u64),
}

/// What the service is configured with. Times are in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// The heartbeat interval that `hello` names.
    pub(crate) heartbeat: u64,
    /// How often an idle stream gets a comment.
    pub(crate) comment: u64,
    /// How long a lease lives without a heartbeat.
    pub(crate) lease_lifetime: u64,
    /// How long a wake waits for its device.
    pub(crate) wake_lifetime: u64,
    /// How many watches are let in each second.
    pub(crate) rate: u32,
    /// How many are let in at once after a calm.
    pub(crate) burst: u32,
    /// The reconnect window.
    pub(crate) window: Window,
}

/// What a request to watch came to.
pub(crate) enum Watched {
    /// The stream is open, and says this first.
    Open { stream: Stream, hello: String, opened: Opened },
    /// It is refused with this status, and perhaps with a `Retry-After` in seconds.
    Refused { status: u16, retry_after: Option<u64> },
}

/// An open stream, from the service's side.
#[derive(Debug)]
pub(crate) struct Stream {
    lease: LeaseId,
    /// The window that its client was told last.
    told: Duration,
    comment_at: u64,
}

/// What a stream does next.
pub(crate) enum Turn {
    /// Say this, and look again then.
    Say(Cow<'static, str>, u64),
    /// Look again then.
    Idle(u64),
    /// Give this wake, and end.
    Wake(u32, String),
    /// Say this, if anything, and end.
    End(Option<String>),
}

/// The service.
#[derive(Debug)]
pub(crate) struct Desk {
    config: Service,
    names: Arc<[Arc<str>]>,
    leases: Leases<u32>,
    intake: Intake,
    on_file: Vec<Held>,
    granted: u64,
    open: usize,
    /// Set by a drain: the window that was right when it began.
    draining: Option<Duration>,
}

impl Desk {
    /// With nobody there.
    pub(crate) fn new(config: Service, devices: usize) -> Self {
        let names: Arc<[Arc<str>]> = (0..devices).map(|device| device.to_string().into()).collect();
        let leases = table(&config, &names);
        let intake = Intake::new(config.rate, config.burst);
        Self {
            config,
            names,
            leases,
            intake,
            on_file: Vec::new(),
            granted: 0,
            open: 0,
            draining: None,
        }
    }

    /// The process ends. What its state file holds is what lived now.
    pub(crate) fn stop(&mut self, now: u64) {
        self.on_file = self.leases.snapshot(millis(now));
    }

    /// Another process is there, with the state file of the old one, or without.
    pub(crate) fn restart(&mut self, now: u64, remembers: bool) {
        let now = millis(now);
        let held = core::mem::take(&mut self.on_file);
        let held = if remembers { held } else { Vec::new() };
        self.leases = table(&self.config, &self.names);
        self.open = 0;
        self.draining = None;
        self.leases.restore(now, self.window_for(held.len()), held);
        self.intake = Intake::new(self.config.rate, self.config.burst);
    }

    /// Lets in whoever comes, until it is started again.
    pub(crate) fn open_the_gates(&mut self) {
        self.intake = Intake::new(1_000_000, 1_000_000);
    }

    /// From now on no watch is let in, and streams end at their next turn.
    pub(crate) fn drain(&mut self) {
        let window = self.window();
        self.draining.get_or_insert(window);
    }

    /// `GET /v1/watch`. Which device asks, its credential says.
    pub(crate) fn watch(&mut self, now: u64, device: usize, request: &Request) -> Watched {
        let at = millis(now);
        let later =
            |seconds: u64| Watched::Refused { status: 503, retry_after: Some(seconds.max(1)) };
        if let Some(window) = self.draining {
            return later(load::whole_seconds(window));
        }
        if !self.intake.accept(at) {
            return later(self.intake.turn_away(at));
        }
        self.granted += 1;
        // Never the same twice, and not in order.
        let number = u128::from(self.granted);
        let lease =
            LeaseId::from_bits(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let previous = previous_lease(request);
        let Some(name) = self.names.get(device) else {
            return Watched::Refused { status: 404, retry_after: None };
        };
        match self.leases.open(at, name, previous.as_deref(), lease.clone()) {
            Ok(opened) => {
                self.open += 1;
                let told = self.window();
                let hello = frame::hello(
                    told,
                    &lease,
                    Duration::from_secs(60),
                    millis(self.config.heartbeat),
                );
                let stream = Stream { lease, told, comment_at: now + self.config.comment };
                Watched::Open { stream, hello, opened }
            }
            Err(Refusal::Held) => Watched::Refused { status: 409, retry_after: None },
            Err(_) => Watched::Refused { status: 404, retry_after: None },
        }
    }

    /// `POST /v1/watch/heartbeat`: the status.
    pub(crate) fn heartbeat(&mut self, now: u64, device: usize, request: &Request) -> u16 {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Beat<'r> {
            #[serde(borrow)]
            watch_lease_id: Cow<'r, str>,
        }
        let Ok(beat) = serde_json::from_str::<Beat<'_>>(request.body()) else { return 400 };
        let Some(name) = self.names.get(device) else { return 410 };
        match self.leases.heartbeat(millis(now), name, &beat.watch_lease_id) {
            Heartbeat::Refreshed | Heartbeat::Woken => 204,
            Heartbeat::Taken => 409,
            Heartbeat::Gone => 410,
        }
    }

    /// What the stream does next.
    pub(crate) fn turn(&mut self, now: u64, device: usize, stream: &mut Stream) -> Turn {
        let Some(name) = self.names.get(device) else { return Turn::End(None) };
        match self.leases.turn(millis(now), name, &stream.lease) {
            TableTurn::Wake(number) => Turn::Wake(number, wake_frame(device, number)),
            TableTurn::Idle { .. } if self.draining.is_some() => {
                Turn::End(self.draining.map(frame::retry))
            }
            TableTurn::Idle { until } => {
                let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
                if now < stream.comment_at {
                    return Turn::Idle(until.min(stream.comment_at));
                }
                stream.comment_at = now + self.config.comment;
                let window = self.window();
                let sign_of_life = if load::misleads(stream.told, window) {
                    stream.told = window;
                    frame::retry(window).into()
                } else {
                    frame::COMMENT.into()
                };
                Turn::Say(sign_of_life, until.min(stream.comment_at))
            }
            TableTurn::Over => Turn::End(None),
        }
    }

    /// A stream is gone. Says nothing to anybody.
    pub(crate) fn close(&mut self, now: u64, device: usize, stream: &Stream, hello_sent: bool) {
        let Some(name) = self.names.get(device) else { return };
        self.open -= 1;
        if hello_sent {
            self.leases.close(millis(now), name, &stream.lease);
        } else {
            self.leases.withdraw(millis(now), name, &stream.lease);
        }
    }

    /// An operator hands in a wake; `None` where the service takes none: it drains.
    pub(crate) fn wake(&mut self, now: u64, device: usize, number: u32) -> Option<Handed> {
        let name = self.names.get(device).filter(|_| self.draining.is_none())?;
        self.leases.wake(millis(now), name, number).ok()
    }

    /// Sized to all that are here or on their way back.
    fn window(&self) -> Duration {
        self.window_for(self.open.max(self.leases.held()))
    }

    fn window_for(&self, fleet: usize) -> Duration {
        match self.config.window {
            Window::Off => Duration::ZERO,
            Window::Auto => load::window(fleet, self.config.rate, Duration::from_secs(1)),
            Window::Fixed(window) => millis(window),
        }
    }
}

fn table(config: &Service, names: &[Arc<str>]) -> Leases<u32> {
    let terms = Terms {
        lease_lifetime: millis(config.lease_lifetime),
        wake_lifetime: millis(config.wake_lifetime),
    };
    Leases::new(terms, names.iter().cloned())
}

fn millis(time: u64) -> Duration {
    Duration::from_millis(time)
}

/// The token of a device's own, by its number; `renewed` counts how often it was replaced.
pub(crate) fn device_token(device: usize, renewed: u32) -> String {
    format!("canary-{device}-{renewed}")
}

/// Whose token a request carries.
pub(crate) fn whose(request: &Request) -> Option<usize> {
    let (_, value) = request.headers().find(|(name, _)| *name == "authorization")?;
    let (device, _) = value.strip_prefix("Bearer canary-")?.split_once('-')?;
    device.parse().ok()
}

/// Whether a request to watch names a lease, and which.
pub(crate) fn previous_lease(request: &Request) -> Option<Cow<'_, str>> {
    let (_, query) = request.url().split_once('?')?;
    let value = query.split('&').find_map(|pair| pair.strip_prefix("previousWatchLeaseId="))?;
    percent_decode_str(value).decode_utf8().ok()
}

fn wake_frame(device: usize, number: u32) -> String {
    let url = format!("wss://relay.example/{device}/{number}");
    frame::wake(&url, &wake_token(device, number), Some(&format!("s-{number}")))
}

/// What a wake carries says which one it is, and whose.
pub(crate) fn wake_token(device: usize, number: u32) -> String {
    format!("canary-wake-{device}-{number}")
}

/// The device and the number in the token of a wake.
pub(crate) fn which_wake(token: &str) -> Option<(usize, u32)> {
    let (device, number) = token.strip_prefix("canary-wake-")?.split_once('-')?;
    Some((device.parse().ok()?, number.parse().ok()?))
}
