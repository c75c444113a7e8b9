//! No runtime: the loop of `core/examples/blocking.rs`, that very file, in a world that a scenario decides over.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dormouse_core::{
    Action, Config, ConnectFault, HandOver, Hint, Input, Timestamp, Token, TransportFault, Watch,
};

use self::blocking::World;
use super::{Client, Footprint, Hoard, Line, Options, PanicAt, Speech};
use crate::fact::{Command, Fact};

#[path = "../../../core/examples/blocking.rs"]
#[expect(dead_code, reason = "its own program is not run here")]
mod blocking;

/// The loop waits for its sockets no longer than this before it hears what it is told.
const TURN: Duration = Duration::from_millis(5);

pub(super) struct NoRuntime;

impl Client for NoRuntime {
    fn name(&self) -> &'static str {
        "none"
    }

    fn not_spoken(&self, speech: Speech) -> Option<&'static str> {
        Some(match speech {
            Speech::Http11 => "http/1.0",
            Speech::Tls => "no tls",
        })
    }

    fn unanswered(&self) -> ConnectFault {
        // `std::net` can do nothing else while it connects: five seconds of the world's, and it gives up.
        ConnectFault::Transport(TransportFault::Connect)
    }

    fn run(&self, options: &Options, line: &Arc<Line>) -> Result<(), String> {
        let config = options.configure(Config::new(&options.url));
        let config = config.build().map_err(|error| error.to_string())?;
        let token = Token::new(&options.token).map_err(|error| error.to_string())?;
        let mut app = App {
            line,
            began: Instant::now(),
            seen: Cell::new(Timestamp::ORIGIN),
            given: 0,
            hands: None,
            dropped: false,
            frozen: false,
            panic_at: options.panic_at,
            opened: 0,
            hoard: Hoard::default(),
        };
        let seed = u64::from(std::process::id());
        blocking::run(Watch::new(config, token, seed, app.now()), &mut app);
        if !app.dropped {
            line.tell_also(Fact::Stopped);
        }
        Ok(())
    }

    fn crowd(&self, _: &str, _: usize) -> Result<Option<Footprint>, String> {
        Ok(None)
    }
}

struct App<'l> {
    line: &'l Line,
    began: Instant,
    /// What the clock last showed: it is not looked at between a resume and its being heard of.
    seen: Cell<Timestamp>,
    /// How many commands were given when the clock was last read for a tick.
    given: u64,
    hands: Option<HandOver>,
    /// There is no dropping of a loop that runs: it is stopped, and says no more.
    dropped: bool,
    frozen: bool,
    panic_at: Option<PanicAt>,
    opened: u32,
    hoard: Hoard,
}

impl App<'_> {
    fn tell(&self, fact: Fact) {
        if !self.dropped {
            self.line.tell(self.now(), fact);
        }
    }

    fn here(&self, here: PanicAt) {
        assert!(self.panic_at != Some(here), "the transport panics, as it was told to");
    }
}

impl World for App<'_> {
    fn now(&self) -> Timestamp {
        let clock = self.line.clock();
        if !clock.has_resumed() {
            self.seen.set(clock.at(self.began.elapsed()));
        }
        self.seen.get()
    }

    fn turn(&mut self, watch: &Watch, left: Duration) -> Duration {
        // A deadline that has come is dealt with before this is called settled.
        if left.is_zero() {
            return left;
        }
        self.line.settled(self.given, *watch.stats());
        let wait = self.line.clock().wait(left).unwrap_or(TURN).min(TURN);
        if watch.state().is_attempting() {
            return wait;
        }
        self.line.wait(Some(wait));
        Duration::ZERO
    }

    fn told(&mut self, action: &Action) {
        match action {
            Action::Connect { attempt, .. } => {
                self.opened += 1;
                self.tell(Fact::Connecting { attempt: attempt.0 });
                if self.opened == 2 {
                    self.here(PanicAt::Open);
                }
            }
            Action::Heartbeat { beat, .. } => {
                self.tell(Fact::Beat { beat: beat.0 });
                self.here(PanicAt::Post);
            }
            Action::Report(report) => {
                let shown = super::leaks(&format!("{report} {report:?}"));
                if let Some(fact) = shown.or_else(|| Fact::of_report(report)) {
                    self.tell(fact);
                }
                self.here(PanicAt::Chunk);
            }
            Action::Status(status) => self.tell(Fact::of_status(*status)),
            Action::Wake(wake) => self.tell(Fact::of_wake(wake)),
            _ => {}
        }
    }

    fn input(&mut self) -> Option<Input<'static>> {
        loop {
            if let Some(hand_over) = self.hands.take() {
                return Some(Input::SleepAgain(hand_over));
            }
            let command = match self.line.command(None) {
                (Some(command), _) => command,
                (None, given) if self.frozen => {
                    self.line.settled(given, dormouse_core::Stats::default());
                    self.line.wait(None);
                    continue;
                }
                (None, given) => {
                    self.given = given;
                    return None;
                }
            };
            return Some(match command {
                Command::Stop => Input::Stop,
                Command::Drop => {
                    self.dropped = true;
                    Input::Stop
                }
                Command::NetworkChanged => Input::Hint(Hint::NetworkChanged),
                Command::Resumed => Input::Hint(Hint::Resumed),
                Command::Offline { offline } => Input::Offline(offline),
                Command::SetToken { token } => match Token::new(token) {
                    Ok(token) => Input::NewToken(token),
                    Err(_) => continue,
                },
                Command::SleepAgain { done } => {
                    self.hands = Some(if done { HandOver::Done } else { HandOver::Failed });
                    continue;
                }
                Command::Freeze => {
                    self.frozen = true;
                    continue;
                }
                Command::Thaw => {
                    self.frozen = false;
                    continue;
                }
                Command::Hoard => {
                    self.hoard = Hoard::take(self.line);
                    continue;
                }
                Command::Release => {
                    self.hoard = Hoard::default();
                    continue;
                }
                Command::Look => {
                    if self.line.clock().resumed() {
                        Input::Hint(Hint::Resumed)
                    } else {
                        continue;
                    }
                }
            });
        }
    }
}
