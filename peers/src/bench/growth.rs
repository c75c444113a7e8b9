//! How costs grow: from 10 watches to 5,000, and from events of 100 B to 256 KiB.

use std::path::Path;

use dormouse_peers::client::Failure;

use crate::crowd::{Cost, KINDS, measure};
use crate::decoder::{Times, compare};
use crate::{chart, load};

/// How many watches.
const COUNTS: [usize; 4] = [10, 100, 1_000, 5_000];
/// With `--quick`.
const QUICK: [usize; 2] = [4, 12];
/// The heartbeat interval, in milliseconds.
const INTERVAL: u64 = 5_000;
/// With `--quick`.
const QUICK_INTERVAL: u64 = 1_000;
/// The size of an event, in bytes.
const SIZES: [usize; 7] = [100, 1024, 4 * 1024, 16 * 1024, 64 * 1024, 128 * 1024, 256 * 1024];
/// A segment of Ethernet, which streams are cut into.
const SEGMENT: usize = 1_434;

/// What so many watches of one kind take.
pub(crate) struct Line<T> {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(usize, T)>,
}

pub(crate) fn run(quick: bool, svg: Option<&Path>) -> Result<(), Failure> {
    let (counts, interval) =
        if quick { (&QUICK[..], QUICK_INTERVAL) } else { (&COUNTS[..], INTERVAL) };
    println!("| KiB a watch after a heartbeat; µs a heartbeat | {} |", list(counts));
    println!("| --- |{}", " --- |".repeat(counts.len()));
    let mut costs: Vec<Line<Cost>> = Vec::new();
    for kind in KINDS {
        let mut points = Vec::new();
        for &count in counts {
            points.push((count, measure(kind, count, interval)?));
        }
        let cells: Vec<_> = points
            .iter()
            .map(|(_, cost)| format!("{:.1}; {:.1}", cost.beating / 1024.0, cost.beat / 1e3))
            .collect();
        println!("| {} | {} |", kind.name(), cells.join(" | "));
        costs.push(Line { name: kind.name(), points });
    }
    println!("\n| ns an event, in segments | {} |", list(&SIZES));
    println!("| --- |{}", " --- |".repeat(SIZES.len()));
    let times = decoders(if quick { 3 } else { 30 })?;
    for line in &times {
        let cells: Vec<_> = line.points.iter().map(|(_, time)| format!("{time:.0}")).collect();
        println!("| {} | {} |", line.name, cells.join(" | "));
    }
    if let Some(svg) = svg {
        chart::growth(svg, &costs, &times)?;
    }
    Ok(())
}

/// Whose time it is.
type Reader = fn(Times) -> u64;

fn list(numbers: &[usize]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
}

/// The time for an event of each size, in nanoseconds.
fn decoders(rounds: usize) -> Result<Vec<Line<f64>>, Failure> {
    let readers: [(&str, Reader); 3] = [
        ("dormouse-core, lent", |times| times.ours),
        ("sse-core", |times| times.sse_core),
        ("sse-stream", |times| times.sse_stream),
    ];
    let mut lines = readers.map(|(name, _)| Line { name, points: Vec::new() });
    for size in SIZES {
        let event = format!("data: {}\n\n", "x".repeat(size - "data: \n\n".len()));
        let events = load::STREAM / size;
        let times = compare(event.repeat(events).as_bytes(), SEGMENT, Some(events), rounds)?;
        for (line, (_, time)) in lines.iter_mut().zip(readers) {
            line.points.push((size, time(times) as f64 / events as f64));
        }
    }
    Ok(lines.into())
}
