//! What of a reference its future depends on.

use std::hash::{Hash, Hasher};

use dormouse_core::State;

use super::Reference;

impl Reference {
    /// All that what it will say depends on.
    pub(crate) fn mark(&self, hasher: &mut impl Hasher) {
        let left = |at: &u64| i128::from(*at) - i128::from(self.now);
        let age = |since: u64, most: u64| (self.now - since).min(most);
        let horizon = if self.rules.flap { self.interval.max(60_000) } else { self.interval };
        (self.state, self.offline, self.status).hash(hasher);
        self.timers.each_ref().map(|timer| timer.as_ref().map(left)).hash(hasher);
        (self.previous.is_some(), self.backoff, &self.session).hash(hasher);
        if let Some(held) = &self.held {
            let silence = 3 * self.interval;
            (age(held.since, horizon), age(held.refreshed, silence)).hash(hasher);
            held.in_flight.map(|(_, sent)| age(sent, silence)).hash(hasher);
            (self.rules.flap && held.accepted).hash(hasher);
            (held.in_flight.is_some() && self.beat_token != self.known.token).hash(hasher);
        }
        self.stream.hash(hasher);
        let connecting = self.state == State::Connecting;
        (connecting && self.connect_token != self.known.token).hash(hasher);
        if self.state == State::Waiting {
            left(&self.floor).max(0).hash(hasher);
        }
        let short = if self.rules.flap { self.short.min(7) } else { 0 };
        let park = if self.rules.parks { self.park } else { 0 };
        let window = if self.rules.window { self.window } else { 0 };
        (short, park, window).hash(hasher);
        for allowance in [&self.connects, &self.hints] {
            left(&allowance.full_at).max(0).hash(hasher);
        }
    }
}
