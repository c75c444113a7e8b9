//! What a replay shows: [`Told`] is the documented output of `dormouse replay --json`, and the timeline for people.

use dormouse_core::journal::{Header, Step};
use dormouse_core::{Action, HandOver, InputBuf, State, Timestamp};
use dormouse_tokio::Note;
use serde::Serialize;
use serde_json::value::RawValue;

use super::why::{ignored, why};
use crate::output::{ALERT, BAD, BRIGHT, DIM, Event, GOOD, Line, Output, PLAIN};
use crate::seen::{Observer, Seen};
use crate::words;

/// What a replay has to say.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Told<'l> {
    Journal {
        line: u64,
        version: Option<&'l str>,
        shows: Option<&'l str>,
        base: String,
        guards_off: Vec<&'static str>,
    },
    Input {
        line: u64,
        input: &'l RawValue,
        met: String,
        left: String,
        ignored: Vec<&'static str>,
        #[serde(skip)]
        text: String,
    },
    Action {
        line: u64,
        action: &'l RawValue,
        row: Option<&'static str>,
        guards: Vec<&'static str>,
        #[serde(skip)]
        shown: Line,
    },
    Ended {
        line: u64,
        reason: &'static str,
        #[serde(skip)]
        text: String,
    },
    Replayed {
        inputs: u64,
        actions: u64,
        torn: bool,
    },
}

/// Where the reason of a line begins: below its text.
const BELOW: usize = 24;

impl Event for Told<'_> {
    fn line(&self) -> Option<Line> {
        Some(match self {
            Self::Journal { version, shows, base, guards_off, .. } => {
                let by = version.map_or(String::new(), |version| {
                    format!(", recorded by {}", words::foreign(version, &[]))
                });
                let guards = match guards_off.as_slice() {
                    [] => "every guard on".to_owned(),
                    off => format!("guards off: {}", off.join(", ")),
                };
                let shows = shows.map_or(String::new(), |shows| {
                    format!("\n{:BELOW$}{}", "", words::foreign(shows, &[]))
                });
                Line::new("journal", PLAIN, format!("{base}{by}; {guards}{shows}"))
            }
            Self::Input { met, left, ignored, text, .. } => {
                let states =
                    if met == left { met.clone() } else { format!("{met}, and then {left}") };
                let mut text = format!("{text} {DIM}[{states}]{DIM:#}");
                for why in ignored {
                    text += &format!("\n{:BELOW$}{ALERT}ignored:{ALERT:#} {why}", "");
                }
                Line::new("in", BRIGHT, text)
            }
            Self::Action { row, guards, shown, .. } => {
                let mut shown = shown.clone();
                let why: Vec<String> = row
                    .iter()
                    .map(|row| format!("section 4, {row}"))
                    .chain(guards.iter().map(|guard| (*guard).to_owned()))
                    .collect();
                if !why.is_empty() {
                    shown.text += &format!("\n{:BELOW$}{DIM}why: {}{DIM:#}", "", why.join("; "));
                }
                shown
            }
            Self::Ended { text, .. } => Line::new("end", ALERT, text.as_str()),
            Self::Replayed { inputs, actions, .. } => {
                let text = format!("{inputs} inputs gave the same {actions} actions again");
                Line::new("replayed", GOOD, text)
            }
        })
    }
}

/// A replay, being told.
pub(super) struct Timeline<'o> {
    output: &'o Output,
    observer: Observer,
    start: Timestamp,
    now: Timestamp,
    inputs: u64,
    actions: u64,
}

impl<'o> Timeline<'o> {
    pub(super) fn new(header: &Header, output: &'o Output) -> Self {
        let guards = header.config.guards();
        let guards_off = [
            ("flap", guards.flap),
            ("connect bound", guards.connect_bound),
            ("Retry-After", guards.retry_after),
            ("jitter", guards.jitter),
            ("window", guards.window),
            ("hints", guards.hints),
        ];
        let guards_off = guards_off.into_iter().filter(|(_, on)| !on).map(|(name, _)| name);
        let (start, now) = (header.start, header.start);
        let timeline =
            Self { output, observer: Observer::default(), start, now, inputs: 0, actions: 0 };
        timeline.tell(&Told::Journal {
            line: 1,
            version: header.version.as_deref(),
            shows: header.shows.as_deref(),
            base: words::foreign(header.config.base(), &[]),
            guards_off: guards_off.collect(),
        });
        timeline
    }

    fn tell(&self, told: &Told<'_>) {
        self.output.tell(self.now.since(self.start), told);
    }

    pub(super) fn show(&mut self, line: u64, text: &str, step: &Step) {
        // It was read as an object just now.
        let Ok(raw) = serde_json::from_str::<&RawValue>(text) else { return };
        match step {
            Step::Input { at, input, states: (met, left), stats } => {
                self.now = self.now.max(*at);
                self.inputs += 1;
                self.tell(&Told::Input {
                    line,
                    input: raw,
                    met: state(*met),
                    left: state(*left),
                    ignored: ignored(&stats.0, &stats.1),
                    text: words(input),
                });
            }
            Step::Action(action) => {
                self.actions += 1;
                let (row, guards) = why(action);
                let shown = self.line(action);
                self.tell(&Told::Action { line, action: raw, row, guards, shown });
            }
            Step::Ended(ended) => {
                self.tell(&Told::Ended { line, reason: ended.name(), text: ended.to_string() });
            }
            _ => {}
        }
    }

    pub(super) fn end(&self, torn: bool) {
        self.tell(&Told::Replayed { inputs: self.inputs, actions: self.actions, torn });
    }

    /// An action, in the words of `dormouse watch` where it has some.
    fn line(&mut self, action: &Action) -> Line {
        let plain = |label: &'static str, text: String| Line::new(label, PLAIN, text);
        match action {
            Action::Connect { attempt, .. } => {
                plain("connect", format!("{attempt} opens its watch"))
            }
            Action::Disconnect { attempt } => plain("disconnect", format!("{attempt} is given up")),
            Action::Heartbeat { beat, .. } => plain("heartbeat", format!("{beat} is sent")),
            Action::Abandon { beat } => plain("abandon", format!("{beat} is given up")),
            Action::Report(report) => {
                let seen = self.observer.see(&Note::Report(report));
                seen.and_then(|seen| seen.line())
                    .unwrap_or_else(|| plain("report", report.to_string()))
            }
            Action::Status(status) => Line::new("status", PLAIN, status.to_string()),
            Action::Wake(wake) => {
                let line = Seen::wake(wake).line();
                line.unwrap_or_else(|| plain("woken", String::new()))
            }
            Action::Stop(reason) => Line::new("stop", BAD, reason.to_string()),
            Action::Sleep { until: None } => Line::new("sleep", DIM, "until something comes"),
            Action::Sleep { until: Some(until) } => {
                let until = until.since(self.start).as_secs_f64();
                Line::new("sleep", DIM, format!("until {until:.3}"))
            }
        }
    }
}

fn state(state: State) -> String {
    format!("{state:?}").to_lowercase()
}

/// An input, for people. What it carries is a stranger's.
fn words(input: &InputBuf) -> String {
    match input {
        InputBuf::Tick => "time has passed".into(),
        InputBuf::Head { attempt, head } => {
            let what = match (head.is_event_stream(), head.is_compressed()) {
                (true, false) => ", an event stream",
                (true, true) => ", an event stream that is compressed",
                (false, _) => "",
            };
            format!("{attempt} is answered {}{what}", head.status())
        }
        InputBuf::Data { attempt, bytes } => {
            const SHOWN: usize = 60;
            let text = words::foreign(&String::from_utf8_lossy(bytes), &[]);
            let mut shown: String = text.chars().take(SHOWN).collect();
            if text.chars().count() > SHOWN {
                shown.push('…');
            }
            format!("{attempt} receives {} bytes: {}", bytes.len(), shown.trim_end())
        }
        InputBuf::End { attempt } => format!("{attempt}: the stream ends"),
        InputBuf::Failed { attempt, fault } => format!("{attempt}: {fault}"),
        InputBuf::HeartbeatAnswer { beat, status } => format!("{beat} is answered {status}"),
        InputBuf::HeartbeatFailed { beat, fault } => format!("{beat}: {fault}"),
        InputBuf::HeartbeatsCancelled => "heartbeats are cancelled".into(),
        InputBuf::SleepAgain(HandOver::Done) => "the wake was handed over".into(),
        InputBuf::SleepAgain(HandOver::Failed) => "the wake could not be handed over".into(),
        InputBuf::Hint(hint) => hint.to_string(),
        InputBuf::Offline(true) => "there is no network".into(),
        InputBuf::Offline(false) => "there is a network again".into(),
        InputBuf::NewToken(_) => "there is a new token".into(),
        InputBuf::Stop => "the application stops the watch".into(),
        _ => format!("{input:?}"),
    }
}
