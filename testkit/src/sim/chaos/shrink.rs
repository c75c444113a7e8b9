//! From a scenario that fails to a small one: shorter, with fewer devices, with fewer lines.

use std::collections::BTreeSet;

use super::Scenario;
use super::run::Outcome;

/// No more runs than this are spent on one failure.
const RUNS_MOST: u32 = 600;

/// Makes a failing scenario as small as it gets and still fails, in whatever way. `run` runs one.
///
/// Gives back the smallest that was found and what it came to: the scenario itself, if nothing could be left out.
pub fn shrink(
    scenario: &Scenario,
    outcome: Outcome,
    run: impl FnMut(&Scenario) -> Outcome,
) -> (Scenario, Outcome) {
    let mut search = Search { best: scenario.clone(), outcome, run, left: RUNS_MOST };
    let plan = scenario.plan();
    // By name from here on, so that nothing depends on how many there are.
    search.best.devices = Some(plan.devices.last().map_or(1, |(number, _)| number + 1));
    search.best.duration = Some(plan.duration);
    loop {
        let before = search.best.clone();
        search.shorten();
        search.drop_lines();
        search.drop_devices();
        if search.best == before || search.left == 0 {
            return (search.best, search.outcome);
        }
    }
}

struct Search<R> {
    best: Scenario,
    outcome: Outcome,
    run: R,
    left: u32,
}

impl<R: FnMut(&Scenario) -> Outcome> Search<R> {
    /// Takes a candidate, if it fails too.
    fn take(&mut self, candidate: Scenario) -> bool {
        if self.left == 0 || candidate == self.best {
            return false;
        }
        self.left -= 1;
        let outcome = (self.run)(&candidate);
        let fails = outcome.broken.is_some();
        if fails {
            (self.best, self.outcome) = (candidate, outcome);
        }
        fails
    }

    fn shorten(&mut self) {
        // What went wrong by then needs nothing that comes later, as a rule.
        let mut duration = self.best.duration.unwrap_or(0);
        if let Some((at, _)) = self.outcome.broken {
            if at < duration {
                self.take(Scenario { duration: Some(at + 1), ..self.best.clone() });
            }
        }
        let mut step = duration / 2;
        while step >= 1000 {
            duration = self.best.duration.unwrap_or(0);
            let shorter = duration.saturating_sub(step);
            if !self.take(Scenario { duration: Some(shorter), ..self.best.clone() }) {
                step /= 2;
            }
        }
    }

    fn drop_lines(&mut self) {
        let lines = self.best.plan().lines.into_iter().map(|(number, _)| number).collect();
        self.drop(lines, |best, kept| Scenario { only_lines: Some(kept), ..best });
    }

    fn drop_devices(&mut self) {
        let devices = self.best.plan().devices.into_iter().map(|(number, _)| number).collect();
        self.drop(devices, |best, kept| Scenario { only_devices: Some(kept), ..best });
    }

    /// Leaves out half of them, then a quarter at a time, and in the end one by one.
    fn drop(&mut self, all: Vec<u32>, with: impl Fn(Scenario, BTreeSet<u32>) -> Scenario) {
        let mut kept = all;
        let mut chunk = kept.len();
        while chunk >= 1 && self.left > 0 {
            let mut from = 0;
            while from < kept.len() {
                let mut fewer = kept.clone();
                fewer.drain(from..(from + chunk).min(kept.len()));
                if self.take(with(self.best.clone(), fewer.iter().copied().collect())) {
                    kept = fewer;
                } else {
                    from += chunk;
                }
            }
            chunk /= 2;
        }
    }
}
