//! A device's clock: it drifts, it jumps, and it may stand still while the device is suspended.

/// What a device takes for the time, in milliseconds, as a function of the world's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// What it showed when the world began.
    origin: u64,
    /// How much faster than the world it runs, in millionths; slower if negative.
    drift: i64,
    /// The sum of its jumps.
    jumped: i64,
}

impl Clock {
    pub(crate) fn new(origin: u64, drift: i64) -> Self {
        Self { origin, drift, jumped: 0 }
    }

    /// What it shows.
    pub(crate) fn show(&self, now: u64) -> u64 {
        let drifted = if self.drift == 0 {
            0
        } else {
            i64::try_from(i128::from(now) * i128::from(self.drift) / 1_000_000).unwrap_or(i64::MAX)
        };
        self.origin.saturating_add(now).saturating_add_signed(drifted.saturating_add(self.jumped))
    }

    /// When it will show `reading` or more, not before `now`; never, where that is beyond all time.
    pub(crate) fn when(&self, now: u64, reading: u64) -> u64 {
        let left = reading.saturating_sub(self.show(now));
        if self.drift == 0 {
            return now.saturating_add(left);
        }
        let rate = i128::from(1_000_000 + self.drift.max(-999_999));
        let wait = i128::from(left) * 1_000_000 / rate;
        let mut at = now.saturating_add(u64::try_from(wait).unwrap_or(u64::MAX).saturating_sub(1));
        // Division rounds; what is early by that is mended here, in a step or two.
        while self.show(at) < reading && at < u64::MAX {
            at += 1;
        }
        at.max(now)
    }

    pub(crate) fn jump(&mut self, by: i64) {
        self.jumped = self.jumped.saturating_add(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_reached_when_it_is_due_and_not_a_millisecond_later() {
        for drift in [0, 1, -1, 200, -200, 50_000, -50_000] {
            let mut clock = Clock::new(1_000_000, drift);
            for now in [0, 1, 999, 86_400_000] {
                for wait in [0, 1, 7, 30_000, 5_400_000] {
                    let reading = clock.show(now) + wait;
                    let at = clock.when(now, reading);
                    assert!(clock.show(at) >= reading, "{drift} {now} {wait}");
                    assert!(at == now || clock.show(at - 1) < reading, "{drift} {now} {wait}");
                }
            }
            clock.jump(-5_000);
            assert_eq!(clock.show(0), 995_000);
        }
    }
}
