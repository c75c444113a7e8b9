//! Two quick faults through the whole program, so that it does not rot.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

use std::process::Command;

use serde_json::Value;

fn lines(fault: &str) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_dormouse-peers"))
        .args(["--json", "--seconds", "3", "--only", fault])
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5, "a line for each client: {text}");
    for line in &lines {
        assert!(line["connects"].as_u64().unwrap() >= 1, "nobody came: {line}");
        assert_ne!(line["ended"], "crashed", "{line}");
    }
    lines
}

#[test]
fn everybody_survives_a_cut_wake() {
    for line in lines("cut-wake") {
        assert_eq!(line["ended"], "woken", "{line}");
        assert_eq!(line["connects"], 2, "{line}");
    }
}

#[test]
fn a_redirect_takes_a_token_along_where_nobody_forbids_it() {
    for line in lines("redirect-307") {
        // reqwest follows too, and leaves the token at home.
        let follows = line["client"].as_str().unwrap().ends_with("readme");
        let takes_it_along = line["client"] == "eventsource-client, readme";
        assert_eq!(line["elsewhere"].as_u64().unwrap() > 0, follows, "{line}");
        assert_eq!(line["credential_left"], takes_it_along, "{line}");
    }
}
