//! The guards: protocol.md section 5, each on its own switch, on top of the rows of section 4.
//!
//! A row gives a delay; [`Guard::delay`] says how long the client really waits:
//!
//! ```text
//!   row ──▶ at least the flap guard's ──▶ at least Retry-After's ──▶ jitter ──▶ + a draw from the window
//!           5.1                           5.2                        5.3        5.4
//! ```
//!
//! Two buckets stand beside it: one pays for connects, whatever any policy says (5.1), the other for
//! hints (5.5). A guard may lengthen a delay or mark an input as spent; it never shortens what a row
//! gave, except by jitter within its bounds. Switched off, a guard does nothing and draws nothing.

mod bucket;
mod draw;

use core::fmt;
use core::time::Duration;

use crate::error::{HeartbeatLoss, Outcome};
use crate::time::{Timestamp, millis};

use bucket::Bucket;
use draw::Draw;

/// The first delay of the flap guard, doubled with each further short watch.
const FLAP_FIRST: Duration = Duration::from_secs(1);
/// Its longest delay.
const FLAP_MOST: Duration = Duration::from_secs(30);
/// A watch that ran this long, with a heartbeat accepted, proves the server.
const FLAP_PROOF: Duration = Duration::from_secs(60);
/// So many short watches in a row, and more make no difference.
const FLAP_LAST: u32 = 7;
/// The longest `Retry-After` that is honoured.
const RETRY_AFTER_MOST: Duration = Duration::from_secs(60 * 60);
/// The widest reconnect window.
const WINDOW_MOST: Duration = Duration::from_secs(5 * 60);
/// The first wait with a refused token, doubled each time.
const PARK_FIRST: Duration = Duration::from_secs(5 * 60);
/// The longest of them.
const PARK_MOST: Duration = Duration::from_secs(60 * 60);

/// Which guards are on: all of them, unless switched off.
///
/// With [`Guards::none`] the client decides exactly as section 4 of protocol.md says. That is for
/// tests, simulations and the curious; a fleet wants them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Guards {
    /// Section 5.1: short watches in a row are answered with growing delays.
    pub flap: bool,
    /// Section 5.1: no more than 30 connects in any 10 minutes, whatever happens.
    pub connect_bound: bool,
    /// Section 5.2: `Retry-After` is honoured on 429 and 503.
    pub retry_after: bool,
    /// Section 5.3: delays and first heartbeats are spread.
    pub jitter: bool,
    /// Section 5.4: the server's `retry:` spreads the return of its fleet.
    pub window: bool,
    /// Section 5.5: changes of network and resumes are acted upon.
    pub hints: bool,
}

impl Guards {
    /// Every guard on.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            flap: true,
            connect_bound: true,
            retry_after: true,
            jitter: true,
            window: true,
            hints: true,
        }
    }

    /// Every guard off.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            flap: false,
            connect_bound: false,
            retry_after: false,
            jitter: false,
            window: false,
            hints: false,
        }
    }
}

impl Default for Guards {
    fn default() -> Self {
        Self::all()
    }
}

/// On whose side the cause of a connect lies. Only what the server caused happens to its whole fleet at
/// once, and only that is spread over the reconnect window (section 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Device,
}

impl Side {
    /// The causes that section 5.4 counts as the server's, after `hello`.
    pub(crate) fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ended | Outcome::Stream(_) | Outcome::HeartbeatLost(HeartbeatLoss::Gone) => {
                Self::Server
            }
            Outcome::Wake | Outcome::ReadTimeout | Outcome::Hint(_) | Outcome::HeartbeatLost(_) => {
                Self::Device
            }
        }
    }
}

/// How long the client waits, and what made it so long. Durations are zero where a guard had no say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    // Milliseconds: the longest there is, one and a half hours and a window, fits many times over.
    row: u32,
    flap: u32,
    retry_after: u32,
    window: u32,
    total: u32,
}

impl Delay {
    fn new(
        row: Duration,
        flap: Duration,
        retry_after: Duration,
        window: Duration,
        wait: Duration,
    ) -> Self {
        let short = |part| u32::try_from(millis(part)).unwrap_or(u32::MAX);
        Self {
            row: short(row),
            flap: short(flap),
            retry_after: short(retry_after),
            window: short(window),
            total: short(wait.saturating_add(window)),
        }
    }

    /// What the row of section 4 gave: zero to 30 s, or to an hour where the token was refused.
    #[must_use]
    pub const fn row(&self) -> Duration {
        Duration::from_millis(self.row as u64)
    }

    /// The least that the flap guard asked for: zero, or 1 s to 30 s.
    #[must_use]
    pub const fn flap(&self) -> Duration {
        Duration::from_millis(self.flap as u64)
    }

    /// The least that the server's `Retry-After` asked for: zero to one hour.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        Duration::from_millis(self.retry_after as u64)
    }

    /// What was drawn from the reconnect window: zero to 5 min.
    #[must_use]
    pub const fn window(&self) -> Duration {
        Duration::from_millis(self.window as u64)
    }

    /// The wait itself, jitter included.
    #[must_use]
    pub const fn total(&self) -> Duration {
        Duration::from_millis(self.total as u64)
    }
}

impl fmt::Display for Delay {
    /// The wait, and in brackets where it comes from: `4.2s (row 4s, window 1.1s)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.total())?;
        let mut before = " (";
        for (name, part) in [
            ("row", self.row()),
            ("flap guard", self.flap()),
            ("Retry-After", self.retry_after()),
            ("window", self.window()),
        ] {
            if !part.is_zero() {
                write!(f, "{before}{name} {part:?}")?;
                before = ", ";
            }
        }
        if before == ", " { f.write_str(")") } else { Ok(()) }
    }
}

/// The guards' own memory.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    on: Guards,
    draw: Draw,
    /// Short watches in a row.
    short: u32,
    /// What the next refusal of the token is answered with.
    park: Duration,
    window: Duration,
    /// Section 5.1: ten in quick succession, and one every 30 s.
    connects: Bucket<10, 30_000>,
    /// Section 5.5: three, and one a minute.
    hints: Bucket<3, 60_000>,
}

/// The guards' part of a watch's outlook: how a bucket stands is how many are left, and how far the next is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outlook {
    short: u32,
    park: Duration,
    window: Duration,
    connects: (u32, u64),
    hints: (u32, u64),
}

impl Guard {
    pub(crate) fn new(on: Guards, seed: u64, now: Timestamp) -> Self {
        Self {
            on,
            draw: Draw::new(seed),
            short: 0,
            park: PARK_FIRST,
            window: Duration::ZERO,
            connects: Bucket::new(now),
            hints: Bucket::new(now),
        }
    }

    /// Other chance, from here on.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.draw = Draw::new(seed);
    }

    /// What of its memory the future depends on, given whether a refused token parks the watch.
    pub(crate) fn outlook(&self, now: Timestamp, parks: bool) -> Outlook {
        let whole = |on: bool, bucket: (u32, u64)| if on { bucket } else { (0, 0) };
        Outlook {
            short: if self.on.flap { self.short.min(FLAP_LAST) } else { 0 },
            park: if parks { self.park } else { Duration::ZERO },
            window: if self.on.window { self.window } else { Duration::ZERO },
            connects: whole(self.on.connect_bound, self.connects.outlook(now)),
            hints: whole(self.on.hints, self.hints.outlook(now)),
        }
    }

    /// How long a watch has to have run for it to make no difference how much longer.
    pub(crate) fn horizon(&self, interval: Duration) -> Duration {
        if self.on.flap { interval.max(FLAP_PROOF) } else { interval }
    }

    /// A connect failed: what the row's delay becomes. Neither counts as a short watch nor ends their row.
    pub(crate) fn connect_failed(&mut self, row: Duration, retry_after: Option<Duration>) -> Delay {
        self.delay(row, Duration::ZERO, retry_after, Side::Server)
    }

    /// A watch ended without a wake, after `ran`, with or without a heartbeat accepted: what the row's
    /// delay becomes.
    pub(crate) fn watch_ended(
        &mut self,
        row: Duration,
        cause: Side,
        ran: Duration,
        interval: Duration,
        accepted: bool,
    ) -> Delay {
        let flap = self.flapped(ran, interval, accepted);
        self.delay(row, flap, None, cause)
    }

    /// Counts a watch that ended without a wake, and says how long the flap guard wants to wait.
    pub(crate) fn flapped(
        &mut self,
        ran: Duration,
        interval: Duration,
        accepted: bool,
    ) -> Duration {
        if ran >= FLAP_PROOF && accepted {
            self.short = 0;
        }
        if ran < interval { self.short() } else { Duration::ZERO }
    }

    /// One more short watch: the first in a row costs nothing, the second 1 s, then twice as much each.
    fn short(&mut self) -> Duration {
        self.short = self.short.saturating_add(1);
        if !self.on.flap || self.short < 2 {
            return Duration::ZERO;
        }
        let doublings = (self.short - 2).min(16);
        FLAP_FIRST.saturating_mul(1 << doublings).min(FLAP_MOST)
    }

    /// The application could act on a wake: that ends a row of short watches, and gives the price of its
    /// connect back. A busy device is not throttled for being busy.
    pub(crate) fn handed_over(&mut self, now: Timestamp) -> Delay {
        self.short = 0;
        self.refund_connect(now);
        Delay::default()
    }

    /// It could not: a short watch.
    pub(crate) fn hand_over_failed(&mut self) -> Delay {
        let flap = self.short();
        self.delay(Duration::ZERO, flap, None, Side::Device)
    }

    /// The token was refused and the watch is parked: 5 min, doubling to an hour.
    pub(crate) fn parked(&mut self) -> Delay {
        let row = self.park;
        self.park = row.saturating_mul(2).min(PARK_MOST);
        self.delay(row, Duration::ZERO, None, Side::Device)
    }

    /// The token was accepted, or there is a new one: the next refusal begins anew.
    pub(crate) fn unpark(&mut self) {
        self.park = PARK_FIRST;
    }

    /// The server's `retry:`, in milliseconds.
    pub(crate) fn set_window(&mut self, retry: u64) {
        self.window = Duration::from_millis(retry).min(WINDOW_MOST);
    }

    fn delay(
        &mut self,
        row: Duration,
        flap: Duration,
        retry_after: Option<Duration>,
        cause: Side,
    ) -> Delay {
        let retry_after = retry_after
            .filter(|_| self.on.retry_after)
            .map_or(Duration::ZERO, |asked| asked.min(RETRY_AFTER_MOST));
        // A Retry-After takes the window's place: both are the server's word on when to come back.
        let spread = self.on.window && cause == Side::Server && retry_after.is_zero();
        let window = if spread { self.draw.up_to(self.window) } else { Duration::ZERO };
        let least = row.max(flap);
        let wait = if !self.on.jitter {
            least.max(retry_after)
        } else if retry_after >= least {
            self.draw.between(retry_after, retry_after.saturating_add(retry_after / 2))
        } else {
            self.draw.between((least / 2).max(retry_after), least)
        };
        Delay::new(row, flap, retry_after, window, wait)
    }

    /// When the first heartbeat of a watch is sent: half an interval to a whole one after `hello`.
    pub(crate) fn first_heartbeat(&mut self, interval: Duration) -> Duration {
        if self.on.jitter { self.draw.between(interval / 2, interval) } else { interval }
    }

    /// Pays for a connect, or says when one can be paid for.
    pub(crate) fn pay_connect(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        if self.on.connect_bound { self.connects.pay(now) } else { Ok(()) }
    }

    /// Gives the price of a connect back.
    pub(crate) fn refund_connect(&mut self, now: Timestamp) {
        self.connects.refund(now);
    }

    /// From when on a connect could be paid for.
    pub(crate) fn connect_payable(&self, now: Timestamp) -> Timestamp {
        if self.on.connect_bound { self.connects.payable(now) } else { now }
    }

    /// Pays for a hint that leads to a connect, or says that it is spent.
    pub(crate) fn pay_hint(&mut self, now: Timestamp) -> bool {
        self.on.hints && self.hints.pay(now).is_ok()
    }
}

#[cfg(test)]
mod tests;
