//! The one way to standard output: a line for people, or the same as a JSON object.
//!
//! What a command has to say is a type with serde's `tag = "event"`, so that the JSON's field names stand
//! in one place, and [`Event::line`] for people. Each line is flushed: whoever reads a pipe reads what is
//! true now. Every object also carries `at_ms`, milliseconds since the program began, and `unix_ms`, the
//! wall clock.
//!
//! Writing can fail, above all when whoever read the output has gone. That must be no panic and must not
//! be missed: [`Output::closed`] tells it to whoever runs the command.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use tokio::sync::Notify;

use crate::failure::Failure;
use crate::words::millis;

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const ALERT: Style = AnsiColor::Yellow.on_default();
pub(crate) const BRIGHT: Style = AnsiColor::Cyan.on_default().bold();

/// Something that a command has to say.
pub(crate) trait Event: Serialize {
    /// For people; `None` where another line says it already.
    fn line(&self) -> Option<Line>;
}

/// A line for people: who or what, and what about it.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) label: Cow<'static, str>,
    pub(crate) style: Style,
    pub(crate) text: String,
}

impl Line {
    pub(crate) fn new(
        label: impl Into<Cow<'static, str>>,
        style: Style,
        text: impl Into<String>,
    ) -> Self {
        Self { label: label.into(), style, text: text.into() }
    }
}

/// What stands at the beginning of a line for people.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stamp {
    /// The time of day, in UTC: for what runs for months and is compared with other logs.
    Clock,
    /// Seconds since the beginning: for a story.
    Elapsed,
}

/// Standard output: cheap to clone, and every clone is the same one.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    json: bool,
    stamp: Stamp,
    label_width: usize,
    began: Instant,
    fault: Arc<Fault>,
}

#[derive(Debug, Default)]
struct Fault {
    error: Mutex<Option<io::Error>>,
    happened: Notify,
}

impl Output {
    pub(crate) fn new(json: bool, stamp: Stamp, label_width: usize) -> Self {
        Self { json, stamp, label_width, began: Instant::now(), fault: Arc::default() }
    }

    /// Says it, as of now.
    pub(crate) fn say(&self, event: &impl Event) {
        self.say_at(Instant::now(), event);
    }

    /// Says it, as of an instant that has passed.
    pub(crate) fn say_at(&self, at: Instant, event: &impl Event) {
        let written =
            if self.json { self.write_json(at, event) } else { self.write_line(at, event) };
        self.note(written);
    }

    /// Says it, as of so long after a beginning that is not this program's, such as a recording's.
    pub(crate) fn tell(&self, at: Duration, event: &impl Event) {
        #[derive(Serialize)]
        struct Stamped<'a, E> {
            #[serde(flatten)]
            event: &'a E,
            at_ms: u64,
        }
        self.note(if self.json {
            let stamped = Stamped { event, at_ms: millis(at) };
            write_object(&mut io::stdout().lock(), &stamped)
        } else {
            self.write_stamped(&elapsed(at), event)
        });
    }

    /// Says something to people that is no event, as it is.
    pub(crate) fn prose(&self, text: &str) {
        if !self.json {
            let mut stdout = anstream::stdout().lock();
            self.note(writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
        }
    }

    /// Resolves when nothing can be written any more.
    pub(crate) async fn closed(&self) -> Failure {
        loop {
            let happened = self.fault.happened.notified();
            if let Some(error) = &*self.fault.error.lock().unwrap_or_else(PoisonError::into_inner) {
                return closed(error);
            }
            happened.await;
        }
    }

    /// Whether all that was said was written.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        match &*self.fault.error.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(closed(error)),
            None => Ok(()),
        }
    }

    fn write_json(&self, at: Instant, event: &impl Serialize) -> io::Result<()> {
        #[derive(Serialize)]
        struct Stamped<'a, E> {
            #[serde(flatten)]
            event: &'a E,
            at_ms: u64,
            unix_ms: u64,
        }
        let stamped = Stamped {
            event,
            at_ms: millis(at.saturating_duration_since(self.began)),
            unix_ms: millis(wall_clock(at)),
        };
        write_object(&mut io::stdout().lock(), &stamped)
    }

    fn write_line(&self, at: Instant, event: &impl Event) -> io::Result<()> {
        self.write_stamped(
            &match self.stamp {
                Stamp::Clock => time_of_day(wall_clock(at)),
                Stamp::Elapsed => elapsed(at.saturating_duration_since(self.began)),
            },
            event,
        )
    }

    fn write_stamped(&self, stamp: &str, event: &impl Event) -> io::Result<()> {
        let Some(Line { label, style, text }) = event.line() else { return Ok(()) };
        let width = self.label_width;
        let mut stdout = anstream::stdout().lock();
        writeln!(stdout, "{DIM}{stamp}{DIM:#}  {style}{label:<width$}{style:#}  {text}")?;
        stdout.flush()
    }

    fn note(&self, written: io::Result<()>) {
        if let Err(error) = written {
            let mut slot = self.fault.error.lock().unwrap_or_else(PoisonError::into_inner);
            slot.get_or_insert(error);
            drop(slot);
            self.fault.happened.notify_waiters();
        }
    }
}

/// Writes one object and the end of its line, and flushes.
pub(crate) fn write_object(out: &mut impl io::Write, object: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(object)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

fn closed(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::failed("standard output was closed by whoever read it")
    } else {
        Failure::failed(format!("standard output cannot be written: {error}"))
    }
}

/// The wall clock at an instant that has passed.
fn wall_clock(at: Instant) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(at.elapsed())
}

fn elapsed(at: Duration) -> String {
    format!("{:7.3}", at.as_secs_f64())
}

fn time_of_day(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_utc() {
        assert_eq!(time_of_day(Duration::from_secs(0)), "00:00:00Z");
        assert_eq!(time_of_day(Duration::from_secs(86_400 * 20_000 + 11_564)), "03:12:44Z");
    }
}
