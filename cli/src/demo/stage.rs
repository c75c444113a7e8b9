//! What is shown: a timeline with one line for each thing that happened, and who did it.
//!
//! The device speaks from a task of its own, so what it says is stamped there and told here, in the order
//! in which it happened.

use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::cast::{Heard, Said};
use crate::failure::Failure;
use crate::output::{Event, Line, Output};
use crate::seen::{Next, Phase, Seen};
use crate::words::span;

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Actor {
    Server,
    Device,
    Operator,
    /// A second device with the same token.
    Twin,
    Teller,
}

impl Actor {
    fn name(self) -> (&'static str, Style) {
        match self {
            Self::Server => ("server", AnsiColor::Blue.on_default()),
            Self::Device => ("device", AnsiColor::Green.on_default()),
            Self::Operator => ("operator", AnsiColor::Yellow.on_default()),
            Self::Twin => ("twin", AnsiColor::Magenta.on_default()),
            Self::Teller => ("", Style::new()),
        }
    }
}

/// One line of the timeline.
#[derive(Debug, Serialize)]
pub(super) struct Scene {
    event: &'static str,
    actor: Actor,
    text: String,
    #[serde(flatten)]
    numbers: Numbers,
}

#[derive(Debug, Default, Serialize)]
struct Numbers {
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wakes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fastest_ms: Option<f64>,
}

impl Scene {
    pub(super) fn new(event: &'static str, actor: Actor, text: impl Into<String>) -> Self {
        Self { event, actor, text: text.into(), numbers: Numbers::default() }
    }

    fn device(event: &'static str, text: impl Into<String>) -> Self {
        Self::new(event, Actor::Device, text)
    }
}

impl Event for Scene {
    fn line(&self) -> Option<Line> {
        // The last words are said in prose.
        if self.actor == Actor::Teller {
            return None;
        }
        let (name, style) = self.actor.name();
        let text = match self.event {
            "woken" => {
                let bright = style.bold();
                format!("{bright}{}{bright:#}", self.text)
            }
            _ => self.text.clone(),
        };
        Some(Line::new(name, style, text))
    }
}

pub(super) struct Stage {
    output: Output,
    ear: UnboundedSender<Said>,
    said: UnboundedReceiver<Said>,
    /// When the operator last asked.
    asked: Instant,
    pub(super) wakes: Vec<Duration>,
    pub(super) heartbeats: usize,
    pub(super) refused: usize,
    /// Whether the last watch was lost, and its lease with it if anybody else were let in.
    cut_off: bool,
}

impl Stage {
    pub(super) fn new(output: Output) -> Self {
        let (ear, said) = unbounded_channel();
        let asked = Instant::now();
        Self {
            output,
            ear,
            said,
            asked,
            wakes: Vec::new(),
            heartbeats: 0,
            refused: 0,
            cut_off: false,
        }
    }

    /// Where the device speaks to.
    pub(super) fn ear(&self) -> UnboundedSender<Said> {
        self.ear.clone()
    }

    /// From when on the next wake is timed.
    pub(super) fn asked(&mut self, at: Instant) {
        self.asked = at;
    }

    /// Tells a scene that happens now, and before it what was said until now.
    pub(super) fn tell(&mut self, scene: Scene) {
        while let Ok((at, heard)) = self.said.try_recv() {
            self.hear(at, &heard);
        }
        self.output.say(&scene);
    }

    /// Tells what the device says until it says what is wanted.
    pub(super) async fn until(
        &mut self,
        what: &str,
        wanted: impl Fn(&Heard) -> bool,
    ) -> Result<(), Failure> {
        /// The longest is a backoff with its window; everything else is a matter of a second.
        const PATIENCE: Duration = Duration::from_secs(8);
        let listen = async {
            while let Some((at, heard)) = self.said.recv().await {
                self.hear(at, &heard);
                if wanted(&heard) {
                    return true;
                }
            }
            false
        };
        match tokio::time::timeout(PATIENCE, listen).await {
            Ok(true) => Ok(()),
            _ => {
                let patience = span(PATIENCE);
                let said = format!("the story stopped before {what}: nothing came for {patience}");
                Err(Failure::failed(said).advise("dormouse demo --log debug shows what happened"))
            }
        }
    }

    /// Lets time pass, and tells what the device says meanwhile.
    pub(super) async fn pause(&mut self, time: Duration) {
        self.pause_until(Instant::now() + time).await;
    }

    pub(super) async fn pause_until(&mut self, until: Instant) {
        let listen = async {
            while let Some((at, heard)) = self.said.recv().await {
                self.hear(at, &heard);
            }
        };
        let _ = tokio::time::timeout_at(until.into(), listen).await;
    }

    pub(super) fn prose(&self, text: &str) {
        self.output.prose(text);
    }

    /// The last line of JSON.
    pub(super) fn end(&self, text: String, fastest_ms: f64) {
        let numbers = Numbers {
            wakes: Some(self.wakes.len()),
            fastest_ms: Some(tenths(fastest_ms)),
            ..Numbers::default()
        };
        self.output.say(&Scene { numbers, ..Scene::new("end", Actor::Teller, text) });
    }

    fn hear(&mut self, at: Instant, heard: &Heard) {
        if let Some(scene) = self.scene(at, heard) {
            self.output.say_at(at, &scene);
        }
    }

    /// What to show of what the device says; `None` where another line says it.
    fn scene(&mut self, at: Instant, heard: &Heard) -> Option<Scene> {
        Some(match heard {
            Heard::Seen(Seen::Connecting { attempt }) => {
                Scene::device("connecting", format!("opens its watch (attempt {attempt})"))
            }
            Heard::Seen(Seen::Connected { heartbeat_interval_ms, .. }) => {
                let interval = span(Duration::from_millis(*heartbeat_interval_ms));
                let again = std::mem::take(&mut self.cut_off);
                let again = if again { "takes its lease up again, and " } else { "" };
                Scene::device("asleep", format!("{again}is asleep; a heartbeat every {interval}"))
            }
            Heard::Seen(Seen::Heartbeat { beat, took_ms, fault: None, .. }) => {
                self.heartbeats += 1;
                let took = span(Duration::from_millis((*took_ms).max(1)));
                Scene::device("heartbeat", format!("heartbeat {beat}: accepted in {took}"))
            }
            Heard::Seen(Seen::Heartbeat { beat, fault: Some(fault), .. }) => {
                let said = format!("heartbeat {beat}: failed: {}", fault.words());
                Scene::device("heartbeat_failed", said)
            }
            // The wake says it.
            Heard::Seen(Seen::Ended { then: Next::HandOver, .. }) => return None,
            Heard::Seen(Seen::Ended { attempt, phase, fault, then, delay, .. }) => {
                let event = if *phase == Phase::Watch { "cut_off" } else { "refused" };
                self.refused += usize::from(*phase == Phase::Connect);
                let mut fault = fault.clone();
                if *phase == Phase::Watch {
                    // That it broke is the story; where in its framing is not.
                    fault.detail = None;
                    self.cut_off = true;
                }
                let said = Seen::end_in_words(&fault, *then, delay.as_ref());
                let mut scene = Scene::device(event, format!("attempt {attempt}: {said}"));
                scene.numbers.delay_ms = delay.as_ref().map(|delay| delay.delay_ms);
                scene
            }
            Heard::Woken { url } => {
                let took = at.saturating_duration_since(self.asked);
                self.wakes.push(took);
                let took_ms = took.as_secs_f64() * 1e3;
                let said = format!("is woken after {took_ms:.1} ms, and goes to {url}");
                let mut scene = Scene::device("woken", said);
                scene.numbers.took_ms = Some(tenths(took_ms));
                scene
            }
            Heard::Done => Scene::device("done", "has done its work, and goes back to sleep"),
            Heard::Seen(_) => return None,
        })
    }
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
