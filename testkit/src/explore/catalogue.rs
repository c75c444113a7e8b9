//! What is explored: each to its end, or as deep as it says.
//!
//! One exploration of everything at once has no end that anybody would wait for: two buckets, a backoff and six
//! timers multiply. But they are made of parts that do not look at each other. So each part is gone through whole,
//! with all that it looks at, and all parts together as deep as time allows. What a part leaves out, it says.

use dormouse_core::{HandOver, Hint};

use super::alphabet::{Answer, Chunk, Symbol, Whose};
use super::leases::Pair;
use super::machine::Plan;
use super::search::{self, Bounds, Broken, Extent};
use crate::laws::{Model, Monitor};

/// One exploration.
pub struct Exploration {
    /// Its name.
    pub name: &'static str,
    /// What it goes through, and what it leaves to others.
    pub covers: &'static str,
    world: World,
    /// How many moves from the start at most.
    most: u32,
}

enum World {
    Machine(Plan),
    Pair(Pair),
}

/// Nearly three times the states of the largest exploration that goes to its end: one that has more has none.
const STATES_MOST: usize = 250_000;
/// Of so many shortest runs to where nothing new followed, one is played again before those who watch whole runs.
const PLAYED_AGAIN: u32 = 128;

impl Exploration {
    /// Goes through it.
    ///
    /// # Errors
    ///
    /// What does not hold, with the shortest run that shows it.
    pub fn run(&self) -> Result<Extent, Broken> {
        let to_its_end = self.most == u32::MAX;
        let places = if to_its_end { STATES_MOST } else { usize::MAX };
        let bounds = Bounds { moves: self.most, places };
        match self.world {
            World::Machine(plan) => {
                let mut leaves = 0_u32;
                search::explore(&plan, bounds, |run| {
                    leaves += 1;
                    if leaves % PLAYED_AGAIN == 1 {
                        play_again(&plan, run);
                    }
                })
            }
            World::Pair(pair) => search::explore(&pair, bounds, |_| {}),
        }
    }

    /// The same, `more` moves deeper, where it was cut off.
    #[must_use]
    pub fn deeper(mut self, more: u32) -> Self {
        self.most = self.most.saturating_add(more);
        self
    }
}

/// Shows a run to those who watch whole runs: the laws, 30 connects in ten minutes among them, and section 4.
fn play_again(plan: &Plan, run: &[super::machine::Move]) {
    let steps = plan.steps(run);
    let mut monitor = Monitor::new(plan.setup());
    for step in &steps {
        monitor.step(step);
    }
    monitor.finish();
    if plan.guards == NONE && !plan.lazy {
        let setup = plan.setup();
        let (mut watch, mut model) = (setup.watch(), Model::new(setup.origin, setup.park));
        for step in &steps {
            model.step(&mut watch, step);
        }
    }
}

const NONE: [bool; 6] = [false; 6];
// In the order of `Guards`.
const FLAP: usize = 0;
const BOUND: usize = 1;
const RETRY_AFTER: usize = 2;
const JITTER: usize = 3;
const WINDOW: usize = 4;
const HINTS: usize = 5;

const fn only<const N: usize>(on: [usize; N]) -> [bool; 6] {
    let (mut guards, mut next) = (NONE, 0);
    while next < N {
        guards[on[next]] = true;
        next += 1;
    }
    guards
}

const END: Symbol = Symbol::End(Whose::Latest);
const FAILED: Symbol = Symbol::Failed(Whose::Latest);
const ACCEPTED: Symbol = Symbol::Answer(Whose::Latest, 204);
const GONE: Symbol = Symbol::Answer(Whose::Latest, 410);
const DONE: Symbol = Symbol::Again(HandOver::Done);
const IN_VAIN: Symbol = Symbol::Again(HandOver::Failed);
const RESUMED: Symbol = Symbol::Hint(Hint::Resumed);
const OFFLINE: Symbol = Symbol::Offline(true);
const ONLINE: Symbol = Symbol::Offline(false);

/// All of them, those that end soonest first.
#[must_use]
pub fn all() -> Vec<Exploration> {
    let rows = Plan {
        guards: NONE,
        park: false,
        interval: 20_000,
        grain: 10_000,
        heads: &Answer::ALL,
        chunks: &Chunk::WHOLE,
        others: &Symbol::OTHERS,
        draws: false,
        lazy: false,
        stale: true,
    };
    let part = Plan { stale: false, ..rows };
    let to_its_end = u32::MAX;
    let machine =
        |name, covers, plan, most| Exploration { name, covers, world: World::Machine(plan), most };
    vec![
        machine(
            "rows",
            "Section 4 with every guard off: each status, fault, answer and hint, whole frames, stale and unknown \
             numbers, offline, tokens. An interval longer than the heartbeat timeout.",
            rows,
            to_its_end,
        ),
        machine(
            "rows, parked",
            "The same where a refused token parks, with an interval as short as the heartbeat timeout.",
            Plan { park: true, interval: 4_000, grain: 2_000, ..rows },
            to_its_end,
        ),
        machine(
            "stream",
            "Every piece of a stream in every place of one: halves of hello and wake, marks, line ends, limits, three \
             sessions. No guard and no fault but a broken stream; heartbeats are never answered.",
            Plan {
                heads: &[Answer::Sse],
                chunks: &Chunk::ALL,
                others: &[END, FAILED, DONE],
                grain: 50_000,
                ..part
            },
            to_its_end,
        ),
        machine(
            "windows",
            "The reconnect window alone (5.4), for every value of `retry` and the lowest, a middle and the highest draw.",
            Plan {
                guards: only([WINDOW]),
                heads: &[Answer::Sse, Answer::Broken, Answer::BusySeven, Answer::Conflict],
                chunks: &[
                    Chunk::Hello,
                    Chunk::WakeBad,
                    Chunk::RetryZero,
                    Chunk::RetryMinute,
                    Chunk::RetryHuge,
                    Chunk::RetryJunk,
                ],
                others: &[END, GONE, RESUMED],
                draws: true,
                grain: 50_000,
                ..part
            },
            to_its_end,
        ),
        machine(
            "bound",
            "The connect bucket alone (5.1), in every phase of its refill. Intervals so long that heartbeats come when \
             it is full.",
            Plan {
                guards: only([BOUND]),
                interval: 3_600_000,
                grain: 1_000_000,
                heads: &[Answer::Sse, Answer::Conflict],
                chunks: &[Chunk::Hello, Chunk::Wake],
                others: &[END, FAILED, DONE, IN_VAIN],
                ..part
            },
            to_its_end,
        ),
        machine(
            "hints",
            "Hints and offline (5.5) with their bucket in every phase, and the wait that a Retry-After asked for (5.2).",
            Plan {
                guards: only([HINTS, RETRY_AFTER]),
                interval: 3_600_000,
                grain: 1_000_000,
                heads: &[Answer::Sse, Answer::Conflict, Answer::BusySeven],
                chunks: &[Chunk::Hello, Chunk::Wake],
                others: &[END, GONE, DONE, RESUMED, OFFLINE, ONLINE],
                ..part
            },
            to_its_end,
        ),
        machine(
            "flaps",
            "The flap guard alone (5.1), with an interval longer than the minute that proves a server.",
            Plan {
                guards: only([FLAP]),
                interval: 120_000,
                grain: 60_000,
                heads: &[Answer::Sse],
                chunks: &[Chunk::Hello, Chunk::Wake],
                others: &[END, ACCEPTED, GONE, DONE, IN_VAIN],
                ..part
            },
            to_its_end,
        ),
        machine(
            "delays",
            "How a delay is put together (5): flap guard, Retry-After, jitter and window, with the lowest, a middle and \
             the highest draw. Without the two buckets.",
            Plan {
                guards: only([FLAP, RETRY_AFTER, JITTER, WINDOW]),
                heads: &[Answer::Sse, Answer::BusySeven, Answer::BusyForEver, Answer::Broken],
                chunks: &[Chunk::Hello, Chunk::WakeBad, Chunk::RetryMinute],
                others: &[END, ACCEPTED],
                draws: true,
                grain: 60_000,
                ..part
            },
            to_its_end,
        ),
        machine(
            "not drained",
            "What is said is taken out at once, in part or not at all before the next input. Laws only, no reference; \
             not to its end.",
            Plan {
                guards: only([HINTS]),
                park: true,
                lazy: true,
                heads: &[Answer::Sse, Answer::Unauthorized],
                chunks: &[Chunk::Hello, Chunk::Wake],
                others: &[
                    END,
                    ACCEPTED,
                    GONE,
                    DONE,
                    RESUMED,
                    OFFLINE,
                    ONLINE,
                    Symbol::NewToken,
                    Symbol::Stop,
                ],
                grain: 50_000,
                ..part
            },
            7,
        ),
        machine(
            "all guards",
            "Every guard on, a refused token parks, every draw low, middle and high; not to its end.",
            Plan {
                guards: only([FLAP, BOUND, RETRY_AFTER, JITTER, WINDOW, HINTS]),
                park: true,
                heads: &[Answer::Sse, Answer::BusySeven, Answer::Broken, Answer::Unauthorized],
                chunks: &[Chunk::Hello, Chunk::Wake, Chunk::RetryMinute],
                others: &[END, FAILED, GONE, DONE, IN_VAIN, RESUMED, OFFLINE, ONLINE],
                draws: true,
                ..part
            },
            7,
        ),
        Exploration {
            name: "two clients",
            covers: "Two clients with one token, the server's lease table, a network that delays, loses and repeats, one \
                     restart with the state file or without, one wake; not to its end.",
            world: World::Pair(Pair { restarts: 1, wakes: 1 }),
            most: 10,
        },
    ]
}
