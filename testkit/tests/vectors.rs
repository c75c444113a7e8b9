//! The journals in `testkit/vectors`: that they are what the scripts make of the machine, that the machine plays
//! them, and that together they touch everything.
//!
//! They are written anew by `UPDATE_VECTORS=1 cargo test -p dormouse-testkit --test vectors the_files`: look at what
//! changed, for every binding has to follow.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use dormouse_core::journal::{Replay, Step};
use dormouse_testkit::vectors;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Every file, by its name without the extension.
fn files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder()).expect("the vectors") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            files.insert(name, fs::read_to_string(&path).expect("text"));
        }
    }
    files
}

#[test]
fn the_files_are_what_the_scripts_make_of_the_machine() {
    let made: BTreeMap<String, String> =
        vectors::all().iter().map(|vector| (vector.name.to_owned(), vector.journal())).collect();
    assert_eq!(made.len(), vectors::all().len(), "two vectors have one name");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        for name in files().keys().filter(|name| !made.contains_key(*name)) {
            fs::remove_file(folder().join(format!("{name}.jsonl"))).expect("to remove it");
        }
        for (name, journal) in &made {
            fs::write(folder().join(format!("{name}.jsonl")), journal).expect("to write it");
        }
    }
    let files = files();
    let names = |of: &BTreeMap<String, String>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&files), names(&made));
    for (name, journal) in &made {
        assert_eq!(&files[name], journal, "{name}: see the first lines of this file");
    }
}

#[test]
fn a_fresh_machine_plays_them_all() {
    let files = files();
    assert!(files.len() >= 40, "{} vectors", files.len());
    for (name, journal) in &files {
        assert!(!journal.contains("canary"), "{name}");
        let mut lines = journal.split_inclusive('\n');
        let mut replay = Replay::new(lines.next().expect("a header")).expect(name);
        assert_eq!(replay.header().version, None, "{name}");
        assert!(replay.header().shows.is_some(), "{name}");
        let mut actions = 0;
        for line in lines {
            match replay.line(line) {
                Ok(Step::Action(_)) => actions += 1,
                Ok(_) => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
        assert!(actions > 3, "{name}");
    }
}

#[test]
fn together_they_touch_everything() {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for journal in files().values() {
        let (mut delayed, mut before): (BTreeSet<&str>, _) = (BTreeSet::new(), None);
        for line in journal.lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
            let number = |field: &str| line[field].as_u64().unwrap_or_default();
            for field in ["in", "out", "report", "oddity", "reason", "hand_over", "hint", "method"]
            {
                if line[field].is_string() {
                    seen.insert(format!("{field} {}", text(field)));
                }
            }
            if text("out") == "status" {
                seen.insert(format!("status {}", text("status")));
            }
            if line["cause"].is_string() {
                let what = if text("report") == "ended" { text("phase") } else { text("report") };
                let what = if what.is_empty() { text("in") } else { what };
                seen.insert(format!("{what} {}", text("cause")));
            }
            if text("report") == "ended" {
                // The second table has two rows for a stream error.
                let row = if number("row_ms") == 0 { "at once" } else { "later" };
                seen.insert(format!("then {}", text("then")));
                if text("cause").starts_with("stream.") {
                    seen.insert(format!("stream error, {row}"));
                }
            }
            if line["delay_ms"].is_u64() {
                let parts = ["flap_ms", "retry_after_ms", "window_ms"];
                delayed.extend(parts.iter().filter(|part| number(part) > 0));
                let least = parts[..2].iter().map(|part| number(part)).max().unwrap_or(0);
                if number("delay_ms") - number("window_ms") != least.max(number("row_ms")) {
                    delayed.insert("jitter");
                }
            }
            for field in ["offline", "event_stream", "compressed", "accepted"] {
                if let Some(flag) = line[field].as_bool() {
                    seen.insert(format!("{field} {flag}"));
                }
            }
            if text("out") == "connect" {
                for parameter in ["previousWatchLeaseId", "remoteAccessSessionId"] {
                    if text("url").contains(parameter) {
                        seen.insert(format!("connect {parameter}"));
                    }
                }
            }
            for (name, field) in
                [("sleep", "until"), ("wake", "session"), ("head", "retry_after_s")]
            {
                if [text("out"), text("in")].contains(&name.to_owned()) {
                    let there = if line[field].is_null() { "without" } else { "with" };
                    seen.insert(format!("{name} {there} {field}"));
                }
            }
            if line["hex"].is_string() || line["text"].is_string() {
                seen.insert(if line["hex"].is_string() { "hex" } else { "text" }.to_owned());
            }
            before = Some(line);
        }
        assert!(before.is_some());
        seen.extend(delayed.into_iter().map(|part| format!("delay {part}")));
    }
    let missing: Vec<&str> = EVERYTHING
        .lines()
        .map(str::trim)
        .filter(|what| !what.is_empty() && !seen.contains(*what))
        .collect();
    assert!(missing.is_empty(), "not touched: {missing:#?}\n\ntouched: {seen:#?}");
}

/// Both tables of section 4, the guards, every kind of input, action and report, and every fault.
const EVERYTHING: &str = "
    in tick
    in head
    in data
    in end
    in failed
    in heartbeat_answer
    in heartbeat_failed
    in heartbeats_cancelled
    in sleep_again
    in hint
    in offline
    in new_token
    in stop
    out disconnect
    out abandon
    out connect
    out heartbeat
    out report
    out status
    out wake
    out stop
    out sleep
    report connected
    report oddity
    report heartbeat
    report ended
    report hand_over_failed
    report held
    oddity second_hello
    oddity other_session
    reason requested
    reason unauthorized
    reason cancelled
    hand_over done
    hand_over failed
    hint network_changed
    hint resumed
    method GET
    method POST
    status connecting
    status connected
    status unauthorized
    status stopped
    then connect
    then park
    then hand_over
    then stop
    delay flap_ms
    delay retry_after_ms
    delay window_ms
    delay jitter
    offline true
    offline false
    compressed true
    event_stream false
    accepted true
    accepted false
    connect previousWatchLeaseId
    connect remoteAccessSessionId
    sleep with until
    sleep without until
    wake with session
    wake without session
    head with retry_after_s
    head without retry_after_s
    text
    hex
    connect unauthorized
    connect conflict
    connect not_event_stream
    connect status
    connect compressed
    connect transport.resolve
    connect transport.connect
    connect transport.tls
    connect transport.broken
    connect transport.http
    connect transport.other
    connect ended
    connect hello_timeout.unanswered
    connect hello_timeout.opened
    connect hello.json
    connect hello.depth
    connect hello.missing.watch_lease_id
    connect hello.missing.device_wait_for_viewer_ms
    connect hello.missing.heartbeat_interval_ms
    connect hello.type.watch_lease_id
    connect hello.type.device_wait_for_viewer_ms
    connect hello.type.heartbeat_interval_ms
    connect hello.id.watch_lease_id
    connect limit.line
    connect limit.data
    watch wake
    watch read_timeout
    watch hint.network_changed
    watch hint.resumed
    watch ended
    watch stream.transport.resolve
    watch stream.transport.connect
    watch stream.transport.tls
    watch stream.transport.broken
    watch stream.transport.http
    watch stream.transport.other
    watch stream.wake.json
    watch stream.wake.depth
    watch stream.wake.missing.url
    watch stream.wake.missing.token
    watch stream.wake.type.url
    watch stream.wake.type.token
    watch stream.wake.type.remote_access_session_id
    watch stream.wake.too_long.url
    watch stream.wake.too_long.token
    watch stream.wake.id.remote_access_session_id
    watch stream.wake.url.syntax
    watch stream.wake.url.scheme
    watch stream.wake.url.host
    watch stream.wake.url.user_info
    watch stream.limit.line
    watch stream.limit.data
    watch heartbeat_lost.taken
    watch heartbeat_lost.gone
    watch heartbeat_lost.unauthorized
    watch heartbeat_lost.failed
    watch heartbeat_lost.cancelled
    stream error, at once
    stream error, later
    heartbeat status
    heartbeat timeout
    heartbeat transport.broken
    heartbeat transport.resolve
    heartbeat transport.connect
    heartbeat transport.tls
    heartbeat transport.http
    failed resolve
    failed broken
    heartbeat_failed resolve
";
