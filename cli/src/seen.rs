//! What a watch lets us see, as JSON and for people.
//!
//! [`Seen`] is the documented output of `dormouse watch --json`: its names and fields are stable. The
//! watch gives it notes, as types; [`Observer`] turns them into this, and puts the transport's own words
//! to the fault that they belong to.

use std::time::Duration;

use dormouse_core::{
    Attempt, ConnectFault, Delay, End, HeartbeatFault, Outcome, Report, Status, StreamFault, Then,
};
use dormouse_tokio::{Note, Wake};
use serde::Serialize;

use crate::output::{ALERT, BAD, BRIGHT, DIM, Event, GOOD, Line, PLAIN};
use crate::words::{self, millis, span};

/// What `dormouse watch` has to say. Codes are those of `dormouse-core`'s faults.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Seen {
    /// A connect begins.
    Connecting { attempt: u64 },
    /// `hello` came: the device is asleep and can be woken.
    Connected { attempt: u64, took_ms: u64, heartbeat_interval_ms: u64, wait_for_viewer_ms: u64 },
    /// A heartbeat was answered, or given up.
    Heartbeat {
        beat: u64,
        accepted: bool,
        took_ms: u64,
        #[serde(flatten)]
        fault: Option<Fault>,
    },
    /// An attempt ended.
    Ended {
        attempt: u64,
        phase: Phase,
        #[serde(flatten)]
        fault: Fault,
        ran_ms: u64,
        then: Next,
        #[serde(flatten)]
        delay: Option<Wait>,
    },
    /// The server did something odd that changes nothing.
    Oddity { attempt: u64, cause: String },
    /// A wake came to nothing: what comes next.
    HandOverFailed {
        #[serde(flatten)]
        delay: Wait,
    },
    /// The next connect has to wait: there were too many.
    Held { wait_ms: u64 },
    /// What a person sees has changed.
    Status { status: &'static str, code: u16 },
    /// Somebody wants the device. The token is not in it; a program run with `--exec` gets it.
    Wake { url: String, session: Option<String>, wait_for_viewer_ms: u64 },
    /// The program of `--exec` runs.
    ProgramStarted { pid: Option<u32> },
    /// It ended. `failed` says that the hand-over is reported to the machine as failed.
    ProgramEnded {
        failed: bool,
        exit_code: Option<i32>,
        signal: Option<i32>,
        error: Option<String>,
        took_ms: u64,
    },
    /// The end: `interrupted`, `terminated`, `once` or `unauthorized`.
    Stopped { reason: &'static str },
}

/// What was wrong: the stable code, the core's words, and the transport's own where it was the transport.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fault {
    pub(crate) code: u16,
    pub(crate) cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl Fault {
    /// For people: the cause, and the innermost of what the transport said.
    pub(crate) fn words(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{}: {}", self.cause, words::innermost(detail)),
            None => self.cause.clone(),
        }
    }
}

/// Whether an attempt ended before `hello` or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Connect,
    Watch,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Next {
    Connect,
    Park,
    HandOver,
    Stop,
}

/// The wait before the next attempt, and where it comes from.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wait {
    pub(crate) delay_ms: u64,
    row_ms: u64,
    flap_guard_ms: u64,
    retry_after_ms: u64,
    window_ms: u64,
    #[serde(skip)]
    words: String,
}

impl Wait {
    fn new(delay: &Delay) -> Self {
        Self {
            delay_ms: millis(delay.total()),
            row_ms: millis(delay.row()),
            flap_guard_ms: millis(delay.flap()),
            retry_after_ms: millis(delay.retry_after()),
            window_ms: millis(delay.window()),
            words: words::delay(delay),
        }
    }

    fn in_words(&self) -> String {
        match self.delay_ms {
            0 => "connecting again at once".into(),
            _ => format!("connecting again in {}", self.words),
        }
    }
}

impl Seen {
    pub(crate) fn status(status: Status) -> Self {
        let word = match status {
            Status::Connecting => "connecting",
            Status::Connected => "connected",
            Status::Unauthorized => "unauthorized",
            _ => "stopped",
        };
        Self::Status { status: word, code: status.code() }
    }

    /// A wake without its token, also where a server has put that into the URL.
    pub(crate) fn wake(wake: &Wake) -> Self {
        Self::Wake {
            url: words::veiled(&wake.url, &[wake.token.expose()]),
            session: wake
                .session
                .as_ref()
                .map(|session| words::veiled(session.as_str(), &[wake.token.expose()])),
            wait_for_viewer_ms: millis(wake.wait_for_viewer),
        }
    }

    /// What is said of an attempt's end, in words.
    pub(crate) fn end_in_words(fault: &Fault, then: Next, delay: Option<&Wait>) -> String {
        let cause = fault.words();
        match (then, delay) {
            (Next::Connect, wait) => {
                format!("{cause}; {}", wait.map_or_else(String::new, Wait::in_words))
            }
            (Next::Park, wait) => {
                let wait = wait.map_or("", |wait| &wait.words);
                format!("{cause}; trying again in {wait}")
            }
            (Next::HandOver | Next::Stop, _) => cause,
        }
    }
}

impl Event for Seen {
    fn line(&self) -> Option<Line> {
        let attempt_label = |attempt: u64| format!("attempt {attempt}");
        Some(match self {
            Self::Connecting { attempt } => Line::new(attempt_label(*attempt), DIM, "connecting"),
            Self::Connected { attempt, took_ms, heartbeat_interval_ms, .. } => {
                let interval = span(Duration::from_millis(*heartbeat_interval_ms));
                let took = span(Duration::from_millis((*took_ms).max(1)));
                let text = format!("asleep after {took}; a heartbeat every {interval}");
                Line::new(attempt_label(*attempt), GOOD, text)
            }
            Self::Heartbeat { beat, took_ms, fault, .. } => {
                let took = span(Duration::from_millis((*took_ms).max(1)));
                let label = format!("heartbeat {beat}");
                match fault {
                    None => Line::new(label, DIM, format!("accepted in {took}")),
                    Some(fault) => {
                        Line::new(label, ALERT, format!("failed after {took}: {}", fault.words()))
                    }
                }
            }
            // The line of the wake says it.
            Self::Ended { then: Next::HandOver, .. } => return None,
            Self::Ended { attempt, fault, then, delay, .. } => {
                let style = if *then == Next::Stop { BAD } else { ALERT };
                let text = Self::end_in_words(fault, *then, delay.as_ref());
                Line::new(attempt_label(*attempt), style, text)
            }
            Self::Oddity { attempt, cause } => Line::new(attempt_label(*attempt), ALERT, cause),
            Self::HandOverFailed { delay } => {
                let text = format!("came to nothing; {}", delay.in_words());
                Line::new("wake", ALERT, text)
            }
            Self::Held { wait_ms } => {
                let wait = span(Duration::from_millis(*wait_ms));
                let text = format!("too many connects in a short time; the next one waits {wait}");
                Line::new("held", ALERT, text)
            }
            Self::Status { status, .. } => Line::new("status", PLAIN, *status),
            Self::Wake { url, session, wait_for_viewer_ms } => {
                let wait = span(Duration::from_millis(*wait_for_viewer_ms));
                let session = session
                    .as_ref()
                    .map_or(String::new(), |session| format!(", session {session}"));
                let text = format!("go to {url}{session}, and wait up to {wait} for the viewer");
                Line::new("woken", BRIGHT, text)
            }
            Self::ProgramStarted { pid } => {
                let pid = pid.map_or(String::new(), |pid| format!(" as process {pid}"));
                Line::new("program", PLAIN, format!("runs{pid}"))
            }
            Self::ProgramEnded { failed, exit_code, signal, error, took_ms } => {
                let took = span(Duration::from_millis((*took_ms).max(1)));
                let text = match (exit_code, signal, error) {
                    (_, _, Some(error)) => format!("{error}: the hand-over failed"),
                    (Some(0), _, _) => format!("ended well after {took}"),
                    (Some(code), _, _) => {
                        format!("exited with {code} after {took}: the hand-over failed")
                    }
                    (None, Some(signal), _) => {
                        format!("was killed by signal {signal} after {took}: the hand-over failed")
                    }
                    (None, None, None) => format!("ended after {took}: the hand-over failed"),
                };
                Line::new("program", if *failed { BAD } else { GOOD }, text)
            }
            Self::Stopped { reason } => Line::new("stopped", PLAIN, *reason),
        })
    }
}

/// Turns notes into [`Seen`].
#[derive(Debug, Default)]
pub(crate) struct Observer {
    /// What the transport said last, until the report comes that it belongs to.
    detail: Option<String>,
}

impl Observer {
    /// What there is to say about a note; `None` where another one says it.
    pub(crate) fn see(&mut self, note: &Note<'_>) -> Option<Seen> {
        Some(match note {
            Note::Connecting { attempt } => Seen::Connecting { attempt: attempt.0 },
            Note::Failed { error } => {
                self.detail = Some(error.detail().to_owned()).filter(|detail| !detail.is_empty());
                return None;
            }
            Note::Status(status) => Seen::status(*status),
            Note::Report(report) => return self.report(report),
            // Its answer follows, or the report that there is none.
            _ => return None,
        })
    }

    fn report(&mut self, report: &Report) -> Option<Seen> {
        Some(match *report {
            Report::Connected {
                attempt: Attempt(attempt),
                took,
                heartbeat_interval,
                wait_for_viewer,
            } => Seen::Connected {
                attempt,
                took_ms: millis(took),
                heartbeat_interval_ms: millis(heartbeat_interval),
                wait_for_viewer_ms: millis(wait_for_viewer),
            },
            Report::Oddity { attempt: Attempt(attempt), oddity } => {
                Seen::Oddity { attempt, cause: oddity.to_string() }
            }
            Report::Heartbeat { beat, took, fault } => Seen::Heartbeat {
                beat: beat.0,
                accepted: fault.is_none(),
                took_ms: millis(took),
                fault: fault.map(|fault| {
                    let transport = matches!(fault, HeartbeatFault::Transport(_));
                    self.fault(fault.code(), fault.to_string(), transport)
                }),
            },
            Report::Ended { attempt: Attempt(attempt), end, ran, then } => {
                let transport = matches!(
                    end,
                    End::Connect(ConnectFault::Transport(_))
                        | End::Watch(Outcome::Stream(StreamFault::Transport(_)))
                );
                let (then, delay) = match then {
                    Then::Connect(delay) => (Next::Connect, Some(Wait::new(&delay))),
                    Then::Park(delay) => (Next::Park, Some(Wait::new(&delay))),
                    Then::HandOver => (Next::HandOver, None),
                    Then::Stop(_) => (Next::Stop, None),
                };
                let phase = match end {
                    End::Connect(_) => Phase::Connect,
                    End::Watch(_) => Phase::Watch,
                };
                let fault = self.fault(end.code(), end.to_string(), transport);
                Seen::Ended { attempt, phase, fault, ran_ms: millis(ran), then, delay }
            }
            Report::HandOverFailed { delay } => Seen::HandOverFailed { delay: Wait::new(&delay) },
            Report::Held { wait } => Seen::Held { wait_ms: millis(wait) },
            _ => return None,
        })
    }

    fn fault(&mut self, code: u16, cause: String, transport: bool) -> Fault {
        let detail = self.detail.take().filter(|_| transport);
        Fault { code, cause, detail }
    }
}
