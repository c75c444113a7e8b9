//! The same results for a terminal, for a program and for the documentation.

use std::fmt::Write as _;

use dormouse_peers::client::Loop;

use crate::cell::{Ended, Outcome};
use crate::faults::Fault;

type Row = (&'static Fault, Vec<Outcome>);

/// One JSON object a line.
pub(crate) fn json(rows: &[Row]) -> Result<String, String> {
    let lines = rows.iter().flat_map(|(_, outcomes)| outcomes).map(|outcome| {
        serde_json::to_string(outcome).map(|line| line + "\n").map_err(|error| error.to_string())
    });
    lines.collect()
}

/// For a terminal: a block for each fault.
pub(crate) fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for (fault, outcomes) in rows {
        let _ = writeln!(text, "{} ({})", fault.title, fault.id);
        for outcome in outcomes {
            let cell = cell(fault, outcome).replace("**", "");
            let _ = writeln!(text, "  {:<28} {cell}", outcome.client);
        }
    }
    text
}

/// For the documentation: a row for each fault, a column for each client.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from("| fault |");
    for client in Loop::ALL {
        let _ = write!(text, " {} |", heading(client.name()));
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(Loop::ALL.len()));
    text.push('\n');
    for (fault, outcomes) in rows {
        let _ = write!(text, "| {} |", fault.title);
        for outcome in outcomes {
            let _ = write!(text, " {} |", cell(fault, outcome));
        }
        text.push('\n');
    }
    text
}

/// `6 · woken at 22 s`, and what else there is to say.
fn cell(fault: &Fault, outcome: &Outcome) -> String {
    let mut cell = format!("{} · ", outcome.connects);
    let at = outcome.after_s;
    let _ = match outcome.ended {
        Ended::Woken => write!(cell, "woken at {at:.0} s"),
        Ended::Stopped => write!(cell, "stopped at {at:.0} s"),
        Ended::Waiting => write!(cell, "not woken in {at:.0} s"),
        Ended::Crashed => write!(cell, "crashed at {at:.0} s"),
    };
    if fault.memory
        && let Some(used) = outcome.used
    {
        let mib = used.peak_rss_kib.div_ceil(1024);
        let _ = write!(cell, " · {mib} MiB, {:.1} s of CPU", used.cpu_s);
    }
    if outcome.credential_left {
        cell.push_str(" · **token left**");
    }
    cell
}

/// The client's name with the version that was built in.
fn heading(name: &str) -> String {
    let (package, settings) = name.split_once(", ").unwrap_or((name, ""));
    format!("{package} {} {settings}", version(package)).trim_end().to_owned()
}

fn version(package: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = lock
        .split("[[package]]")
        .find(|entry| entry.lines().any(|line| line == format!("name = \"{package}\"")));
    entry
        .and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")))
        .map_or("", |version| version.trim_matches('"'))
}
