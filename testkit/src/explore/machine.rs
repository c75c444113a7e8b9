//! One machine, and everything that can happen to it.

use std::hash::{Hash, Hasher};

use dormouse_core::{Action, Input, InputBuf, Outlook, Timestamp, Watch};

use super::alphabet::{Answer, Chance, Chunk, Symbol, Whose, expression, given};
use super::observer::Observer;
use super::reference::{LIMITS, Reference, Rules};
use super::search::World;
use super::told::Told;
use crate::laws::{Polls, Setup, Step, take};

/// Long after everything: a day. Then every bucket is full, and no interval is longer.
const LONG: u64 = 86_400_000;

/// What is explored of the machine: its guards, what comes, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) guards: [bool; 6],
    pub(crate) park: bool,
    /// What every hello says, in milliseconds.
    pub(crate) interval: u64,
    /// The grain of time: how long before and after a deadline things happen.
    pub(crate) grain: u64,
    pub(crate) heads: &'static [Answer],
    pub(crate) chunks: &'static [Chunk],
    /// Each transition with the lowest, a middle and the highest draw.
    pub(crate) draws: bool,
    /// What is said need not all be taken out before the next input.
    pub(crate) lazy: bool,
    /// What else comes than heads and pieces of streams.
    pub(crate) others: &'static [Symbol],
    /// Whether stale and unknown attempts and beats speak up.
    pub(crate) stale: bool,
}

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    /// One grain before the next deadline.
    Early,
    /// One millisecond before it, and after: only to see what happens.
    JustBefore,
    JustAfter,
    Due,
    /// One grain after it.
    After,
    LongAfter,
}

/// One transition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Move {
    pub(crate) when: When,
    pub(crate) symbol: Symbol,
    pub(crate) chance: Chance,
    pub(crate) polls: Polls,
}

/// A machine somewhere in its life, and those who watch it.
pub(crate) struct Place {
    watch: Watch,
    outlook: Outlook,
    now: u64,
    observer: Observer,
    /// What it must do: not told for a machine that is not drained.
    reference: Option<Reference>,
}

impl Plan {
    fn rules(&self) -> Rules {
        let [flap, bound, retry_after, jitter, window, hints] = self.guards;
        Rules { flap, bound, retry_after, jitter, window, hints, parks: self.park }
    }

    pub(crate) fn setup(&self) -> Setup {
        Setup { guards: self.guards, park: self.park, seed: Chance::Lowest.seed(), origin: ORIGIN }
    }

    /// The time of a move.
    fn at(&self, place: &Place, when: When) -> u64 {
        let due = place.due().unwrap_or(place.now);
        match when {
            When::Now => place.now,
            When::Early => due.saturating_sub(self.grain),
            When::JustBefore => due - 1,
            When::JustAfter => due + 1,
            When::Due => due,
            When::After => due + self.grain,
            When::LongAfter => due + LONG,
        }
    }

    /// What can be said at once, whatever the time.
    fn symbols(&self, place: &Place) -> Vec<Symbol> {
        let mut symbols = Vec::with_capacity(64);
        let own = Whose::Latest;
        let begun = place.reference.as_ref().is_some_and(|reference| !reference.nothing_begun());
        symbols.extend(self.heads.iter().map(|head| Symbol::Head(own, *head)));
        let chunks = self.chunks.iter().filter(|chunk| !(begun && chunk.begins()));
        symbols.extend(chunks.map(|chunk| Symbol::Data(own, *chunk)));
        symbols.extend(self.others);
        if self.stale {
            for whose in [Whose::Before, Whose::Unknown] {
                symbols.extend(
                    [Answer::Sse, Answer::Unauthorized].map(|head| Symbol::Head(whose, head)),
                );
                symbols.extend([Chunk::Hello, Chunk::Wake].map(|chunk| Symbol::Data(whose, chunk)));
                symbols.extend([Symbol::End(whose), Symbol::Failed(whose), Symbol::Lost(whose)]);
                symbols.extend([204, 401, 410].map(|status| Symbol::Answer(whose, status)));
            }
        }
        symbols
    }
}

/// Away from zero, so that times before it can be told.
const ORIGIN: u64 = 1_000_000;

impl Place {
    fn due(&self) -> Option<u64> {
        match &self.reference {
            Some(reference) => reference.due(),
            None => self.watch.deadline().map(Timestamp::as_millis),
        }
    }
}

impl World for Plan {
    type Place = Place;
    type Move = Move;

    fn start(&self) -> Place {
        let mut watch = self.setup().watch();
        let mut observer = Observer::new(self.rules().jitter);
        let reference = if self.lazy {
            None
        } else {
            let (reference, must) = Reference::new(self.rules(), self.interval, ORIGIN);
            let came: Vec<Told> = take(&mut watch, Polls::All).iter().map(Told::of).collect();
            assert_eq!(came, must, "at first");
            for told in &came {
                observer.told(told, &watch);
            }
            Some(reference)
        };
        Place { outlook: watch.outlook(), watch, now: ORIGIN, observer, reference }
    }

    fn moves(&self, place: &Place, moves: &mut Vec<Move>) {
        let polls: &[Polls] =
            if self.lazy { &[Polls::Few(0), Polls::Few(2), Polls::All] } else { &[Polls::All] };
        let mut may = |when, symbol| {
            let draws = self.draws
                && !matches!(symbol, Symbol::Nothing | Symbol::NewToken | Symbol::Offline(_))
                && !matches!(when, When::JustBefore | When::JustAfter);
            let chances: &[Chance] = if draws {
                &[Chance::Lowest, Chance::Middle, Chance::Highest]
            } else {
                &[Chance::Lowest]
            };
            for &chance in chances {
                moves.extend(polls.iter().map(|&polls| Move { when, symbol, chance, polls }));
            }
        };
        // Time passes, ticked or not, while something is to come. What is overdue is so by no more than a
        // grain, or by very long.
        match place.due() {
            Some(due) if due > place.now => {
                if due > place.now + self.grain {
                    may(When::Early, Symbol::Tick);
                }
                may(When::JustBefore, Symbol::Tick);
                may(When::JustAfter, Symbol::Tick);
                for when in [When::Due, When::After, When::LongAfter] {
                    may(when, Symbol::Tick);
                    may(when, Symbol::Nothing);
                }
            }
            Some(_) => {}
            None => {
                may(When::After, Symbol::Tick);
                may(When::LongAfter, Symbol::Tick);
            }
        }
        may(When::Now, Symbol::Tick);
        for symbol in self.symbols(place) {
            may(When::Now, symbol);
        }
    }

    fn go(&self, place: &Place, what: Move) -> Option<Place> {
        let at = self.at(place, what.when);
        let known = place.observer.known();
        let given = given(what.symbol, known, self.interval);
        let seed = what.chance.seed();
        let play = |given: &InputBuf| {
            let mut watch = place.watch.clone();
            watch.reseed(seed);
            watch.handle(Timestamp::from_millis(at), given.as_input());
            watch
        };
        let mut watch = play(&given);
        if what.when == When::Now && place.observer.is_stale(&given) {
            // Law 4: it is counted and changes nothing.
            assert_eq!(watch.outlook(), place.outlook, "what is stale changes nothing");
            assert_eq!(watch.stats().stale, place.watch.stats().stale + 1, "it is not counted");
            return None;
        }
        let mut observer = place.observer.clone();
        observer.given(&given, &place.watch, &watch, at);

        // Law 12: a twin does the same.
        let mut twin = play(&given);
        let came = take(&mut watch, what.polls);
        assert_eq!(came, take(&mut twin, what.polls), "the same inputs, other actions");
        let outlook = watch.outlook();
        assert_eq!(outlook, twin.outlook(), "the same inputs, another outlook");
        if let InputBuf::Data { attempt, bytes } = &given {
            // Law 10: so does one that hears it byte by byte.
            if place.watch.state().is_attempting() && bytes.len() > 1 {
                let mut cut = place.watch.clone();
                cut.reseed(seed);
                let piece = if bytes.len() > 400 { 97 } else { 1 };
                for bytes in bytes.chunks(piece) {
                    let attempt = *attempt;
                    cut.handle(Timestamp::from_millis(at), Input::Data { attempt, bytes });
                }
                assert_eq!(came, take(&mut cut, what.polls), "cut otherwise, other actions");
                assert_eq!(outlook, cut.outlook(), "cut otherwise, another outlook");
            }
        }

        let told: Vec<Told> = came.iter().map(Told::of).collect();
        for (action, told) in came.iter().zip(&told) {
            observer.told(told, &watch);
            nothing_secret(action);
        }
        observer.drained(what.polls, came.last(), &watch);
        let reference = place.reference.clone().map(|mut reference| {
            let must = reference.step(at, what.symbol, seed);
            assert_eq!(told, must, "what it says (left), and what it must say (right)");
            assert_eq!((reference.now(), reference.known()), (at, observer.known()));
            reference
        });
        let tries = matches!(what.when, When::JustBefore | When::JustAfter);
        (!tries).then_some(Place { watch, outlook, now: at, observer, reference })
    }

    fn look(&self, place: &Place) {
        // Laws 13 and 9, for what may stand in a log.
        let shown = format!("{:?}", place.watch);
        assert!(!shown.contains("canary"), "a token is shown");
        for (name, most) in [
            ("data_bytes: ", LIMITS.data),
            ("value_bytes: ", LIMITS.line),
            ("last_event_id_bytes: ", LIMITS.line),
        ] {
            let stored = shown.split_once(name).and_then(|(_, rest)| {
                rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok()
            });
            assert!(stored.is_some_and(|stored| stored <= most), "{name}{stored:?}");
        }
        no_caller_is_made_to_spin(&place.watch);
    }

    fn mark(&self, place: &Place, hasher: &mut impl Hasher) {
        place.outlook.hash(hasher);
        place.observer.mark(&place.watch, hasher);
        if let Some(reference) = &place.reference {
            reference.mark(hasher);
        }
    }

    fn tell(&self, run: &[Move]) -> String {
        let mut place = self.start();
        let (mut words, mut steps) = (String::new(), String::new());
        for what in run {
            let at = self.at(&place, what.when);
            let known = place.observer.known();
            let step = self.step(&place, *what);
            words += &format!(
                "{:>9} ms  {:?}: {} ({:?}, {:?})\n",
                at - ORIGIN,
                what.when,
                what.symbol,
                what.chance,
                what.polls
            );
            steps += &format!(
                "    Step {{ at: {at}, given: {}, polls: Polls::{:?} }},\n",
                expression(what.symbol, known, self.interval),
                step.polls
            );
            let Ok(Some(next)) =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.go(&place, *what)))
            else {
                break;
            };
            place = next;
        }
        format!("{words}\nlet setup = {:?};\nlet run = [\n{steps}];", self.setup())
    }
}

impl Plan {
    fn step(&self, place: &Place, what: Move) -> Step {
        Step {
            at: self.at(place, what.when),
            given: given(what.symbol, place.observer.known(), self.interval),
            polls: what.polls,
        }
    }

    /// A run as the laws' own steps: what a `Monitor` and a `Model` can be shown.
    pub(crate) fn steps(&self, run: &[Move]) -> Vec<Step> {
        let mut place = self.start();
        let mut steps = Vec::with_capacity(run.len());
        for what in run {
            steps.push(self.step(&place, *what));
            match self.go(&place, *what) {
                Some(next) => place = next,
                None => break,
            }
        }
        steps
    }
}

/// Law 13, for those actions that have a secret to keep.
fn nothing_secret(action: &Action) {
    if let Action::Connect { .. } | Action::Heartbeat { .. } | Action::Wake(_) = action {
        assert!(!format!("{action:?}").contains("canary"), "a token is shown");
    }
}

/// The run loop's promise: after a tick at the deadline and a drain, the next one is later or absent.
fn no_caller_is_made_to_spin(watch: &Watch) {
    let mut watch = watch.clone();
    for _ in 0..3 {
        let Some(deadline) = watch.deadline() else { return };
        watch.handle(deadline, Input::Tick);
        take(&mut watch, Polls::All);
        assert!(watch.deadline().is_none_or(|next| next > deadline), "it spins at {deadline:?}");
    }
}
