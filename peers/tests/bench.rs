//! Every part of the bench with small counts, so that it does not rot. What it measures is not looked at: only that it
//! measures, and that everybody does what is measured (a decoder that misses events fails the bench, and so does a watch
//! that is not connected or does not beat).

#![allow(clippy::expect_used, reason = "a test may")]

use std::process::Command;

fn bench(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .arg("--quick")
        .args(arguments)
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The rows of what is printed that begin so.
fn rows<'a>(printed: &'a str, begin: &str) -> Vec<&'a str> {
    let begin = format!("| {begin}");
    printed.lines().filter(|line| line.starts_with(&begin)).collect()
}

#[test]
fn decoders_are_compared() {
    let printed = bench(&["--only", "decoder"]);
    assert_eq!(rows(&printed, "decoder, lent events, chunks of 1.4 KiB: ").len(), 6, "{printed}");
    assert_eq!(rows(&printed, "`Watch`: a chunk with one comment").len(), 1, "{printed}");
}

#[test]
fn sleeping_watches_are_weighed() {
    let printed = bench(&["--only", "memory"]);
    assert_eq!(rows(&printed, "resident memory for each sleeping watch").len(), 1, "{printed}");
    assert_eq!(rows(&printed, "CPU per sleeping watch and heartbeat").len(), 1, "{printed}");
}

#[test]
fn wakes_are_timed() {
    let printed = bench(&["--only", "wake"]);
    assert_eq!(rows(&printed, "server write to wake in the application").len(), 2, "{printed}");
}

#[test]
fn a_storm_comes_and_goes() {
    let chart = std::env::temp_dir().join(format!("dormouse-storm-{}.svg", std::process::id()));
    let printed = bench(&["storm", "--svg", &chart.to_string_lossy()]);
    let drawn = std::fs::read_to_string(&chart).expect("a chart");
    std::fs::remove_file(&chart).expect("it can be removed");
    assert!(drawn.contains("devices asleep"), "{drawn}");
    for client in ["dormouse-tokio", "reqwest-eventsource, tuned"] {
        let rows = rows(&printed, client);
        assert_eq!(rows.len(), 2, "{printed}");
        // A fleet of 60 comes back to a server that takes 30 a second, whoever it is.
        assert!(rows.iter().all(|row| !row.contains("not within")), "{printed}");
    }
}

#[test]
fn growth_is_shown() {
    let chart = std::env::temp_dir().join(format!("dormouse-growth-{}.svg", std::process::id()));
    let printed = bench(&["growth", "--svg", &chart.to_string_lossy()]);
    let drawn = std::fs::read_to_string(&chart).expect("a chart");
    std::fs::remove_file(&chart).expect("it can be removed");
    assert!(drawn.contains("ns to decode it"), "{drawn}");
    assert_eq!(rows(&printed, "dormouse-").len(), 3, "{printed}");
}
