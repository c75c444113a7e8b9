//! The same faults for dormouse and for loops over two general event-stream clients.
//!
//! `cargo run --release --manifest-path peers/Cargo.toml` runs every fault in [`faults`] against every
//! loop in [`client`], all at once and in real time, and prints what the servers saw. It takes a little
//! over two minutes. `--json` prints a line for each cell, `--markdown` the table of
//! `docs/comparison.md`, `--only ID,ID` runs some of the faults, `--seconds N` cuts every cell shorter.

mod cell;
mod door;
mod faults;
mod table;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use cell::Outcome;
use dormouse_peers::client::{self, Loop};
use faults::{FAULTS, Fault};

/// How long a cell runs: the 60 s in which connects are counted, and as long again for a client that
/// was backing off when its server became well.
const RUN: Duration = Duration::from_secs(120);

const USAGE: &str = "usage: dormouse-peers [--json | --markdown] [--only ID,ID…] [--seconds N]";

enum Format {
    Text,
    Json,
    Markdown,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // How a cell calls this program for its client: see `cell`.
    if let [verb, name, base] = arguments.as_slice()
        && verb == cell::CLIENT
    {
        return client::main(name, base);
    }
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> Result<(), String> {
    let mut format = Format::Text;
    let mut faults: Vec<&'static Fault> = FAULTS.iter().collect();
    let mut length = RUN;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => format = Format::Json,
            "--markdown" => format = Format::Markdown,
            "--only" => faults = pick(&arguments.next().ok_or(USAGE)?)?,
            "--seconds" => {
                let seconds = arguments.next().and_then(|n| n.parse().ok()).ok_or(USAGE)?;
                length = Duration::from_secs(seconds);
            }
            _ => return Err(USAGE.to_owned()),
        }
    }

    eprintln!(
        "{} faults, {} clients, all at once, for at most {} s",
        faults.len(),
        Loop::ALL.len(),
        length.as_secs()
    );
    let rows = play(&faults, length)?;
    match format {
        Format::Text => print!("{}", table::text(&rows)),
        Format::Markdown => print!("{}", table::markdown(&rows)),
        Format::Json => print!("{}", table::json(&rows)?),
    }
    Ok(())
}

fn pick(ids: &str) -> Result<Vec<&'static Fault>, String> {
    let known = || FAULTS.iter().map(|fault| fault.id).collect::<Vec<_>>().join(", ");
    ids.split(',')
        .map(|id| {
            let found = FAULTS.iter().find(|fault| fault.id == id);
            found.ok_or_else(|| format!("no fault is called {id}: there are {}", known()))
        })
        .collect()
}

/// Every cell in a thread of its own: they are idle most of the time.
fn play(
    faults: &[&'static Fault],
    length: Duration,
) -> Result<Vec<(&'static Fault, Vec<Outcome>)>, String> {
    let running: Vec<_> = faults
        .iter()
        .copied()
        .map(|fault| {
            let cells =
                Loop::ALL.map(|client| thread::spawn(move || cell::run(fault, client, length)));
            (fault, cells)
        })
        .collect();
    running
        .into_iter()
        .map(|(fault, cells)| {
            let outcomes = cells.into_iter().map(|cell| {
                let ended = cell.join().map_err(|_| "a cell panicked".to_owned())?;
                ended.map_err(|error| format!("{}: {error}", fault.id))
            });
            Ok((fault, outcomes.collect::<Result<_, String>>()?))
        })
        .collect()
}
