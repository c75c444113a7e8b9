//! What is explored: each by itself closed, or as deep as it says.

use dormouse_core::{HandOver, Hint};

use super::alphabet::{Answer, Chunk, Symbol, Whose};
use super::machine::Plan;
use super::search::{self, Broken, Extent};

/// One exploration.
pub struct Exploration {
    /// Its name.
    pub name: &'static str,
    /// What it goes through, and what it leaves to others.
    pub covers: &'static str,
    plan: Plan,
    /// How many moves from the start at most.
    most: u32,
}

impl Exploration {
    /// Goes through it.
    ///
    /// # Errors
    ///
    /// What does not hold, with the shortest run that shows it.
    pub fn run(&self) -> Result<Extent, Broken> {
        search::explore(&self.plan, self.most, |_| {})
    }
}

const FLAP: usize = 0;
const BOUND: usize = 1;
const RETRY_AFTER: usize = 2;
const JITTER: usize = 3;
const WINDOW: usize = 4;
const HINTS: usize = 5;

const fn guards<const N: usize>(on: [usize; N]) -> [bool; 6] {
    let (mut guards, mut next) = ([false; 6], 0);
    while next < N {
        guards[on[next]] = true;
        next += 1;
    }
    guards
}

const END: Symbol = Symbol::End(Whose::Latest);
const FAILED: Symbol = Symbol::Failed(Whose::Latest);
const DONE: Symbol = Symbol::Again(HandOver::Done);

/// What ends an attempt, and begins the next.
const ENDS: [Symbol; 6] = [
    Symbol::End(Whose::Latest),
    Symbol::Failed(Whose::Latest),
    Symbol::Answer(Whose::Latest, 204),
    Symbol::Answer(Whose::Latest, 410),
    Symbol::Again(HandOver::Done),
    Symbol::Again(HandOver::Failed),
];

/// The same, and what the device's side says.
const ENDS_AND_HINTS: [Symbol; 8] = [
    Symbol::End(Whose::Latest),
    Symbol::Failed(Whose::Latest),
    Symbol::Answer(Whose::Latest, 410),
    Symbol::Again(HandOver::Done),
    Symbol::Again(HandOver::Failed),
    Symbol::Hint(Hint::Resumed),
    Symbol::Offline(true),
    Symbol::Offline(false),
];

/// All of them.
#[must_use]
pub fn all() -> Vec<Exploration> {
    let plan = Plan {
        guards: [false; 6],
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
    let unless = u32::MAX;
    vec![
        Exploration { name: "rows", covers: "", plan, most: unless },
        Exploration {
            name: "rows, parked, a short interval",
            covers: "",
            plan: Plan { park: true, interval: 4_000, grain: 2_000, ..plan },
            most: unless,
        },
        Exploration {
            name: "stream",
            covers: "",
            plan: Plan {
                chunks: &Chunk::ALL,
                heads: &[Answer::Sse],
                others: &[END, FAILED, DONE],
                grain: 50_000,
                stale: false,
                ..plan
            },
            most: unless,
        },
        Exploration {
            name: "not drained",
            covers: "",
            plan: Plan {
                lazy: true,
                park: true,
                heads: &[Answer::Sse, Answer::Unauthorized, Answer::Broken],
                chunks: &[Chunk::Hello, Chunk::Wake, Chunk::Comment],
                grain: 50_000,
                ..plan
            },
            most: unless,
        },
        Exploration {
            name: "delays",
            covers: "",
            plan: Plan {
                guards: guards([FLAP, RETRY_AFTER, JITTER, WINDOW]),
                chunks: &[
                    Chunk::Hello,
                    Chunk::Wake,
                    Chunk::WakeBad,
                    Chunk::Comment,
                    Chunk::RetryMinute,
                ],
                others: &ENDS,
                heads: &[
                    Answer::Sse,
                    Answer::Html,
                    Answer::Conflict,
                    Answer::BusySeven,
                    Answer::Broken,
                ],
                draws: true,
                stale: false,
                grain: 20_000,
                ..plan
            },
            most: unless,
        },
        Exploration {
            name: "flaps",
            covers: "",
            plan: Plan {
                guards: guards([FLAP]),
                interval: 120_000,
                grain: 60_000,
                chunks: &[Chunk::Hello, Chunk::Wake],
                others: &ENDS,
                heads: &[Answer::Sse],
                stale: false,
                ..plan
            },
            most: unless,
        },
        Exploration {
            name: "bound",
            covers: "",
            plan: Plan {
                guards: guards([BOUND]),
                interval: 3_600_000,
                grain: 1_000_000,
                chunks: &[Chunk::Hello, Chunk::Wake],
                others: &[END, DONE],
                heads: &[Answer::Sse],
                stale: false,
                ..plan
            },
            most: unless,
        },
        Exploration {
            name: "hints",
            covers: "",
            plan: Plan {
                guards: guards([HINTS, RETRY_AFTER]),
                interval: 3_600_000,
                grain: 1_000_000,
                chunks: &[Chunk::Hello, Chunk::Wake],
                others: &ENDS_AND_HINTS,
                heads: &[Answer::Sse, Answer::Conflict, Answer::BusySeven],
                stale: false,
                ..plan
            },
            most: unless,
        },
        Exploration {
            name: "all guards",
            covers: "",
            plan: Plan {
                guards: guards([FLAP, BOUND, RETRY_AFTER, JITTER, WINDOW, HINTS]),
                park: true,
                chunks: &[Chunk::Hello, Chunk::Wake, Chunk::RetryMinute],
                others: &ENDS_AND_HINTS,
                heads: &[Answer::Sse, Answer::BusySeven, Answer::Broken, Answer::Unauthorized],
                stale: false,
                draws: true,
                ..plan
            },
            most: 7,
        },
    ]
}
