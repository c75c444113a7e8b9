//! What is counted rather than timed: the tests and the benchmark of `dormouse-core` that do it, run from here so that
//! their figures stand in the same table.

use std::process::{Command, Stdio};

use dormouse_peers::client::Failure;

use crate::table::Row;

/// What a sleeping watch may take, in bytes.
const SIZE: u64 = 1024;
/// What a heartbeat's round may take, in instructions.
const BEAT: f64 = 1000.0;

pub(crate) fn rows() -> Result<Vec<Row>, Failure> {
    // The tests fail where anything allocates that must not.
    let tests = cargo(&["test", "-p", "dormouse-core", "--test", "counts", "--", "--nocapture"])?;
    let size = tests
        .lines()
        .find_map(|line| line.split_once("hello came whole: ")?.1.strip_suffix(" bytes"))
        .ok_or("the tests did not say how large a sleeping watch is")?;
    let bytes: u64 = size.rsplit(' ').next().ok_or("no size")?.parse()?;
    let request = tests
        .lines()
        .find_map(|line| line.split_once("a heartbeat's request: ")?.1.strip_suffix(" allocations"))
        .ok_or("the tests did not say what a request allocates")?;

    let counted = cargo(&["bench", "-p", "dormouse-core", "--bench", "instructions"])?;
    let beat: f64 = counted
        .lines()
        .find_map(|line| line.strip_prefix("a heartbeat's round alone")?.split_whitespace().next())
        .ok_or("the benchmark did not count a heartbeat")?
        .parse()?;
    Ok(vec![
        Row::new(
            "decoder, allocations per event and per comment in the steady state",
            "",
            "0".to_owned(),
            "0".to_owned(),
            true,
        ),
        Row::new(
            "`Watch`: one heartbeat's whole round (tick, action, answer)",
            "",
            "under 1,000 instructions, allocations: those of the request".to_owned(),
            format!("{beat:.0} instructions; {request} allocations, all of the request"),
            beat < BEAT,
        ),
        Row::new(
            "size of a sleeping `Watch`, everything it owns included",
            "",
            format!("at most {SIZE} B"),
            format!("{size} B"),
            bytes <= SIZE,
        ),
    ])
}

/// What a command of the main workspace says.
pub(crate) fn cargo(arguments: &[&str]) -> Result<String, Failure> {
    eprintln!("cargo {}", arguments.join(" "));
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root).stderr(Stdio::inherit());
    let output = command.output()?;
    let text = String::from_utf8(output.stdout)?;
    if !output.status.success() {
        return Err(format!("{text}\ncargo {} failed", arguments.join(" ")).into());
    }
    Ok(text)
}
