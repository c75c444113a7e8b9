//! `dormouse replay FILE`: an incident as a timeline, and proof that it would go the same way again.
//!
//! The journal is played on a fresh machine, line by line. What went in is shown with the state that it met and
//! with what became of it, where that is nothing; what came out with the reason: which row of section 4, which
//! guards. The first line that the machine does not agree with is the last one that is looked at.

mod timeline;
mod why;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;

use dormouse_core::journal::{Damage, LINE_MOST, Replay, ReplayError};

use crate::failure::{self, Failure};
use crate::output::{Output, Stamp};
use crate::words;
use timeline::Timeline;

/// Show a recorded watch as a timeline, and check that a fresh machine decides the same
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  dormouse watch https://api.example.com --token-file device.token --journal night.jsonl
  dormouse replay night.jsonl

For people, each input with the state that it met, and what followed, with the reason: the row of the
protocol's section 4 and the guards of section 5. With --json, one object a line; all carry event, at_ms
(since the watch began) and line (the journal's):
  journal   version, shows, base, guards_off
  input     input (as the journal has it), met, left (states), ignored (why it led to nothing, in part)
  action    action (as the journal has it), row, guards
  ended     reason (limit, held: the journal ended before its watch)
  replayed  inputs, actions, torn (a last line that was torn off in the middle, and not looked at)

Exit codes: 0 it replays exactly; 4 the machine decides otherwise, or the journal is damaged: standard error
says where; 1 the output cannot be written; 2 wrong arguments, or a file that cannot be read.")]
pub(crate) struct Args {
    /// The journal, or - for standard input
    file: PathBuf,
}

pub(crate) fn run(args: &Args, json: bool) -> Result<ExitCode, Failure> {
    let output = Output::new(json, Stamp::Elapsed, 13);
    if args.file.as_os_str() == "-" {
        return show(io::stdin().lock(), "standard input", &output);
    }
    let name = args.file.display().to_string();
    let file = File::open(&args.file).map_err(|error| unreadable(&name, &error))?;
    show(BufReader::new(file), &name, &output)
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::usage(format!(
        "{name}: the journal cannot be read: {}",
        words::innermost(&error.to_string())
    ))
}

fn show(from: impl BufRead, name: &str, output: &Output) -> Result<ExitCode, Failure> {
    let mut lines = Lines { from, name, number: 0 };
    let first = match lines.next()? {
        Found::Line(line) => line,
        Found::Torn | Found::End => return Err(failed(name, "it has no whole line")),
    };
    let mut replay = Replay::new(&first).map_err(|error| differs(name, &error))?;
    let mut timeline = Timeline::new(replay.header(), output);
    let torn = loop {
        let line = match lines.next()? {
            Found::Line(line) => line,
            Found::Torn => break true,
            Found::End => break false,
        };
        match replay.line(&line) {
            Ok(step) => timeline.show(lines.number, line.trim_end(), &step),
            Err(error) => return Err(differs(name, &error)),
        }
        // Whoever read this has gone.
        output.finish()?;
    };
    if torn {
        let torn = lines.number;
        failure::warn(&format!("{name}, line {torn}: it was torn off, and is not looked at"));
    }
    timeline.end(torn);
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn differs(name: &str, error: &ReplayError) -> Failure {
    match error {
        ReplayError::Differs { line, expected, came } => {
            let (recorded, replayed) = apart(expected, came);
            failed(
                name,
                &format!(
                    "line {line}: the machine decides otherwise\n  recorded  {recorded}\n  replayed  {replayed}"
                ),
            )
        }
        ReplayError::Damaged { damage: Damage::NoHeader, .. } => failed(name, &error.to_string())
            .advise("a journal is what `dormouse watch --journal FILE` writes"),
        _ => failed(name, &error.to_string()),
    }
}

/// Two long lines from shortly before where they part, so that what is shown of them is what differs.
fn apart(recorded: &str, replayed: &str) -> (String, String) {
    const BEFORE: usize = 200;
    let same = recorded.chars().zip(replayed.chars()).take_while(|(one, other)| one == other);
    let passed = same.count().saturating_sub(BEFORE);
    let from = |line: &str| {
        let rest: String = line.chars().skip(passed).collect();
        words::foreign(&if passed == 0 { rest } else { format!("…{rest}") }, &[])
    };
    (from(recorded), from(replayed))
}

fn failed(name: &str, what: &str) -> Failure {
    Failure::replay(format!("{name}: {what}"))
}

/// A file, line by line, none of them longer than a journal's may be.
struct Lines<'n, R> {
    from: R,
    name: &'n str,
    /// The number of the last line, from 1.
    number: u64,
}

enum Found {
    /// With its line end, or too long to have found that.
    Line(String),
    /// What follows the last line end is not a line.
    Torn,
    End,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<Found, Failure> {
        let mut line = Vec::new();
        let most = LINE_MOST as u64 + 1;
        let len = self.from.by_ref().take(most).read_until(b'\n', &mut line);
        let len = len.map_err(|error| unreadable(self.name, &error))? as u64;
        if len == 0 {
            return Ok(Found::End);
        }
        self.number += 1;
        let whole = line.last() == Some(&b'\n');
        if !whole && len < most {
            return Ok(Found::Torn);
        }
        if !whole {
            // Too long, and perhaps cut inside of a letter: which letter makes no difference.
            return Ok(Found::Line(String::from_utf8_lossy(&line).into_owned()));
        }
        String::from_utf8(line)
            .map(Found::Line)
            .map_err(|_| failed(self.name, &format!("line {}: it is no text", self.number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lines_are_shown_where_they_part() {
        assert_eq!(apart("one", "two"), ("one".into(), "two".into()));
        let long = "ä".repeat(700);
        let (recorded, replayed) = apart(&format!("{long}1{long}"), &format!("{long}2"));
        assert_eq!(replayed, format!("…{}2", "ä".repeat(200)));
        assert!(recorded.starts_with(&format!("…{}1ä", "ä".repeat(200))));
    }

    #[test]
    fn a_line_that_is_too_long_is_that_wherever_it_is_cut() {
        for lead in ["", "x"] {
            let text = format!("{lead}{}", "ä".repeat(LINE_MOST / 2 + 8));
            let mut lines = Lines { from: text.as_bytes(), name: "it", number: 0 };
            let Ok(Found::Line(line)) = lines.next() else { panic!("it is a line") };
            assert!(line.len() > LINE_MOST);
        }
    }
}
