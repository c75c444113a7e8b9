//! A watch that runs, as a scenario holds it: what it tells, in order, and what it is told.
//!
//! To look for one fact is to say that nothing that matters comes before it: an attempt that ended, a wake or
//! an end that nobody expected fails the scenario, wherever it was looked elsewhere.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use dormouse_core::{End, HeartbeatFault, Stats, StopReason};

use super::child::Child;
use super::{Client, Connected, Ending, Limits, Line, Options, Woken};
use crate::clock::{Clock, Pace};
use crate::fact::{Command, Fact, Told, words};

/// For how long anything is waited for, in the world's time, before a scenario is told that it did not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// A command is obeyed within this, or it is not prompt. A loop without a runtime may sit in a connect.
const PROMPT: Duration = Duration::from_secs(8);

/// A deadline that passes within it is found less than a second late, which no driver takes for having been
/// stopped.
const STEP: Duration = Duration::from_secs(1);

/// Everything a watch has told, shared with whoever checks it at the end.
pub type History = Arc<Mutex<Vec<Told>>>;

/// A watch that runs. Dropping it drops the watch.
pub struct Run {
    facts: Receiver<Told>,
    ahead: VecDeque<Told>,
    /// What follows from an end that is not told yet.
    behind: Vec<Told>,
    /// The last attempt that began, and the last that ended.
    began: u64,
    ended: u64,
    /// The end that was found last.
    found: Option<(Ending, u16, String)>,
    /// The fact that was found last.
    last: Option<Told>,
    history: History,
    clock: Clock,
    back: Back,
}

enum Back {
    Thread(Arc<Line>, Option<JoinHandle<()>>),
    Process(Child),
}

impl Run {
    /// Starts a watch on a thread of its own.
    #[must_use]
    pub fn start(client: &'static dyn Client, options: Options) -> Self {
        let (told, facts) = channel();
        let clock = Clock::new(options.pace);
        let line = Arc::new(Line::new(clock.clone(), told));
        let own = Arc::clone(&line);
        let thread = thread::spawn(move || {
            match catch_unwind(AssertUnwindSafe(|| client.run(&options, &own))) {
                Ok(Ok(())) => {}
                Ok(Err(words)) => own.tell_also(Fact::Panicked { words }),
                Err(panic) => {
                    let words = panic.downcast_ref::<String>().cloned();
                    let words =
                        words.or_else(|| panic.downcast_ref().map(|s: &&str| s.to_string()));
                    own.tell_also(Fact::Panicked { words: words.unwrap_or_default() });
                }
            }
            own.over();
        });
        Self::new(facts, clock, Back::Thread(line, Some(thread)))
    }

    /// Starts a watch in a process of its own.
    ///
    /// # Panics
    ///
    /// If there can be none.
    #[must_use]
    pub fn apart(client: &dyn Client, options: &Options, limits: &Limits) -> Self {
        let (told, facts) = channel();
        let child = Child::start(client.name(), options, limits, told).expect("a process");
        Self::new(facts, Clock::new(options.pace), Back::Process(child))
    }

    fn new(facts: Receiver<Told>, clock: Clock, back: Back) -> Self {
        Self {
            facts,
            ahead: VecDeque::new(),
            behind: Vec::new(),
            began: 0,
            ended: 0,
            found: None,
            last: None,
            history: History::default(),
            clock,
            back,
        }
    }

    /// What it told so far, and tells from now on.
    #[must_use]
    pub fn history(&self) -> History {
        Arc::clone(&self.history)
    }

    /// The next fact that `pick` takes, and when it was so.
    ///
    /// # Panics
    ///
    /// If it does not come, or something that matters comes before it.
    pub fn find<T>(&mut self, what: &str, mut pick: impl FnMut(&Fact) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let Some(told) = self.next(until) else {
                panic!("{what} did not come; so far: {:#?}", self.tail());
            };
            if let Some(found) = pick(&told.fact) {
                self.last = Some(told.clone());
                if let Fact::Ended { attempt, code, words, ran, then } = told.fact {
                    self.found = Some((Ending { attempt, ran, then }, code, words));
                }
                return found;
            }
            assert!(!matters(&told.fact), "instead of {what} came {:?}", told.fact);
        }
    }

    /// Has the fact that was found last be found again.
    pub(super) fn put_back(&mut self) {
        self.ahead.extend(self.last.take());
        self.ahead.rotate_right(1);
    }

    fn next(&mut self, until: Instant) -> Option<Told> {
        while self.ahead.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            let told = self.facts.recv_timeout(left).ok()?;
            self.take(told);
        }
        self.ahead.pop_front()
    }

    /// Takes a fact in. The machine says what is to be done before it says why: a connect that is due at once,
    /// or held back, is told before the end that it follows. Here it is put behind that.
    fn take(&mut self, told: Told) {
        let running = self.began > self.ended;
        match told.fact {
            Fact::Connecting { attempt } if running && attempt > 1 => self.behind.push(told),
            Fact::Held { .. } if running => self.behind.push(told),
            Fact::Ended { attempt, .. } => {
                self.ended = attempt;
                self.put(told);
                for told in std::mem::take(&mut self.behind) {
                    self.put(told);
                }
            }
            _ => self.put(told),
        }
    }

    fn put(&mut self, told: Told) {
        if let Fact::Connecting { attempt } = told.fact {
            self.began = attempt;
        }
        self.history.lock().unwrap_or_else(PoisonError::into_inner).push(told.clone());
        self.ahead.push_back(told);
    }

    fn tail(&self) -> Vec<Told> {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history[history.len().saturating_sub(12)..].to_vec()
    }

    /// Waits for the next connect to begin: its number.
    pub fn connecting(&mut self) -> u64 {
        self.find("a connect", |fact| match fact {
            Fact::Connecting { attempt } => Some(*attempt),
            _ => None,
        })
    }

    /// Waits for `hello`.
    pub fn connected(&mut self) -> Connected {
        self.find("hello", |fact| match fact {
            Fact::Connected { attempt, heartbeat_interval, wait_for_viewer } => Some(Connected {
                attempt: *attempt,
                interval: *heartbeat_interval,
                wait_for_viewer: *wait_for_viewer,
            }),
            _ => None,
        })
    }

    /// Waits for the end of the attempt, which has to be this one.
    ///
    /// # Panics
    ///
    /// If it is another.
    pub fn ended(&mut self, end: End) -> Ending {
        self.find(&format!("{end:?}"), |fact| matches!(fact, Fact::Ended { .. }).then_some(()));
        self.last_ended(end)
    }

    /// The end that was found last, which has to be this one.
    ///
    /// # Panics
    ///
    /// If it is another, or there was none.
    #[must_use]
    pub fn last_ended(&self, end: End) -> Ending {
        let (ending, code, said) = self.found.clone().expect("an end");
        assert_eq!((code, said), (end.code(), words(end)), "{end:?} was expected: {ending:?}");
        ending
    }

    /// Waits for the answer to a heartbeat: whether it was accepted, and how long that took.
    pub fn answer(&mut self) -> (Option<String>, u64) {
        self.find("a heartbeat's answer", |fact| match fact {
            Fact::Answer { took, code, words, .. } => {
                Some(((*code != 0).then(|| words.clone()), *took))
            }
            _ => None,
        })
    }

    /// Waits for the answer to a heartbeat, which has to accept it.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn accepted(&mut self) {
        assert_eq!(self.answer().0, None, "a heartbeat failed");
    }

    /// Waits for the end of a heartbeat, which has to be this fault.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn beat_fails(&mut self, fault: HeartbeatFault) {
        assert_eq!(self.answer().0, Some(fault.to_string()), "{fault:?} was expected");
    }

    /// Waits for a heartbeat to be sent.
    pub fn beat(&mut self) {
        self.find("a heartbeat", |fact| matches!(fact, Fact::Beat { .. }).then_some(()));
    }

    /// Waits for a wake. The attempt has ended by then, which is checked too.
    pub fn wake(&mut self) -> Woken {
        self.ended(End::Watch(dormouse_core::Outcome::Wake));
        self.find("a wake", |fact| match fact {
            Fact::Wake { url, length, sum, session, .. } => Some(Woken {
                url: url.clone(),
                length: *length,
                sum: *sum,
                session: session.clone(),
            }),
            _ => None,
        })
    }

    /// Waits for the end of the attempt, which has to be one of these: where nobody can tell them apart.
    ///
    /// # Panics
    ///
    /// If it is another.
    pub fn ended_in(&mut self, ends: &[End]) -> Ending {
        let (ending, said) = self.find(&format!("one of {ends:?}"), |fact| match fact {
            Fact::Ended { attempt, words, ran, then, .. } => {
                Some((Ending { attempt: *attempt, ran: *ran, then: *then }, words.clone()))
            }
            _ => None,
        });
        assert!(ends.iter().any(|end| words(*end) == said), "{said}, not one of {ends:?}");
        ending
    }

    /// Waits until the client has heard a comment more: what was sent before it has arrived.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn hears(&mut self) {
        let before = self.stats().comments;
        self.has_heard(before + 1);
    }

    /// Waits until the machine's own counts are like that: an adapter may take a moment to pass a hint on.
    ///
    /// # Panics
    ///
    /// If they never are.
    pub fn counts(&mut self, like: impl Fn(&Stats) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !like(&self.stats()) {
            assert!(Instant::now() < until, "the counts are {:?}", self.stats());
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the client has heard so many comments in all, or something has ended.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn has_heard(&mut self, comments: u64) {
        let until = Instant::now() + PATIENCE;
        while self.stats().comments < comments && !self.is_over() {
            assert!(Instant::now() < until, "nothing is heard; so far: {:#?}", self.tail());
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether something has ended that was not looked for yet.
    pub fn is_over(&mut self) -> bool {
        self.came(matters)
    }

    /// Checks that nothing has ended.
    ///
    /// # Panics
    ///
    /// If something has.
    pub fn goes_on(&mut self) {
        assert!(!self.is_over(), "it was to go on: {:#?}", self.ahead);
    }

    pub(super) fn came(&mut self, which: impl Fn(&Fact) -> bool) -> bool {
        while let Ok(told) = self.facts.try_recv() {
            self.take(told);
        }
        self.ahead.iter().any(|told| which(&told.fact))
    }

    /// Waits for something odd: what was said about it.
    pub fn oddity(&mut self) -> String {
        self.find("an oddity", |fact| match fact {
            Fact::Oddity { words, .. } => Some(words.clone()),
            _ => None,
        })
    }

    /// Waits for a status with this code.
    pub fn status(&mut self, code: u16) {
        self.find(&format!("status {code}"), |fact| match fact {
            Fact::Status { code: shown, .. } => (*shown == code).then_some(()),
            _ => None,
        });
    }

    /// Waits for the end of it all, for this reason.
    pub fn stopped(&mut self, reason: StopReason) {
        self.status(reason.code());
        self.find("the end", |fact| matches!(fact, Fact::Stopped).then_some(()));
    }

    /// Waits for the panic that the transport was told to make.
    pub fn panicked(&mut self) -> String {
        self.find("a panic", |fact| match fact {
            Fact::Panicked { words } => Some(words.clone()),
            _ => None,
        })
    }

    /// Checks that nothing has begun or ended that was not looked for: the client sleeps.
    ///
    /// # Panics
    ///
    /// If something has.
    pub fn is_quiet(&mut self) {
        self.tell(Command::Look);
        self.came(|_| false);
        let loud = |fact: &Fact| {
            matters(fact) || matches!(fact, Fact::Connecting { .. } | Fact::Beat { .. })
        };
        let found = self.ahead.iter().find(|told| loud(&told.fact));
        assert!(found.is_none(), "nothing was to happen, but {found:?}");
        self.ahead.clear();
    }

    /// The clock's pace.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.clock.pace()
    }

    /// Lets time pass, and waits until everything is done that follows from it. It passes in steps, as it does
    /// in life: nobody is late, and every deadline is met in its turn.
    pub fn forward(&mut self, by: Duration) {
        let mut left = by;
        while !left.is_zero() {
            let step = left.min(STEP);
            left -= step;
            self.jump(step);
        }
    }

    /// Puts the clock forward in one go, as if nobody had run meanwhile.
    pub fn jump(&mut self, by: Duration) {
        self.clock.forward(by);
        self.tell(Command::Look);
    }

    /// Puts the clock back.
    pub fn back(&mut self, by: Duration) {
        self.clock.back(by);
        self.tell(Command::Look);
    }

    /// Suspends the device for so long.
    pub fn suspend(&mut self, by: Duration) {
        self.clock.suspend(by);
        self.tell(Command::Look);
    }

    /// Tells the client something, and waits until everything is done that follows from it.
    ///
    /// # Panics
    ///
    /// If that is not prompt.
    pub fn tell(&mut self, command: Command) {
        match &mut self.back {
            Back::Thread(line, _) => {
                let given = line.give(command.clone());
                assert!(
                    line.wait_settled(given, PROMPT),
                    "{command:?} was not obeyed in {PROMPT:?}"
                );
            }
            Back::Process(child) => child.tell(&command),
        }
    }

    /// The process, to be stopped for a while. A watch on a thread has none.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn process(&self) -> &Child {
        match &self.back {
            Back::Process(child) => child,
            Back::Thread(..) => panic!("this watch runs on a thread"),
        }
    }

    /// The machine's own counts. A process does not tell them.
    #[must_use]
    pub fn stats(&mut self) -> Stats {
        self.tell(Command::Look);
        match &self.back {
            Back::Thread(line, _) => line.stats(),
            Back::Process(_) => Stats::default(),
        }
    }
}

/// What no scenario passes over.
fn matters(fact: &Fact) -> bool {
    matches!(fact, Fact::Ended { .. } | Fact::Wake { .. } | Fact::Stopped | Fact::Panicked { .. })
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Back::Thread(line, thread) = &mut self.back {
            line.give(Command::Drop);
            if let Some(thread) = thread.take() {
                let _ = thread.join();
            }
        }
        while let Ok(told) = self.facts.try_recv() {
            self.take(told);
        }
        // An end that is never told leaves what would have followed it.
        for told in std::mem::take(&mut self.behind) {
            self.put(told);
        }
    }
}
