//! The story comes true.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{Process, dormouse, run};

#[test]
fn it_tells_the_whole_story_in_order_and_ends_by_itself() {
    let began = Instant::now();
    let ended = run(&mut dormouse(&["demo", "--json"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(ended.stderr, "");

    let told: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut milestones = [
        ("serving", "server"),
        ("connecting", "device"),
        ("asleep", "device"),
        ("heartbeat", "device"),
        ("waking", "operator"),
        ("woken", "device"),
        ("delivered", "operator"),
        ("done", "device"),
        ("asleep", "device"),
        ("heartbeat", "device"),
        ("killed", "server"),
        ("cut_off", "device"),
        ("refused", "device"),
        ("refused", "device"),
        ("back", "server"),
        ("rejected", "twin"),
        ("asleep", "device"),
        ("waking", "operator"),
        ("woken", "device"),
        ("delivered", "operator"),
        ("asleep", "device"),
        ("end", "teller"),
    ]
    .into_iter()
    .peekable();
    for scene in &told {
        milestones.next_if(|&(event, actor)| scene["event"] == event && scene["actor"] == actor);
    }
    assert_eq!(milestones.next(), None, "this did not happen:\n{}", ended.stdout);

    let end = told.last().unwrap();
    assert_eq!(end["wakes"], 2);
    assert!(end["fastest_ms"].as_f64().unwrap() < 1000.0, "{end}");
    let rejected = told.iter().find(|scene| scene["event"] == "rejected").unwrap();
    assert!(rejected["text"].as_str().unwrap().contains("409"), "{rejected}");
    // The timeline runs forward.
    let times: Vec<u64> = told.iter().map(|scene| scene["at_ms"].as_u64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn people_are_told_what_was_seen_and_what_to_do_next() {
    let ended = run(&mut dormouse(&["demo"]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let told = ended.stdout;
    assert_eq!(told.matches("device    is woken after ").count(), 2, "{told}");
    assert!(told.contains("connection refused; connecting again in "), "{told}");
    assert!(told.contains("\nSeen: 2 wakes, the fastest in "), "{told}");
    assert!(told.lines().last().unwrap().starts_with("Next: "), "{told}");
    assert!(!told.contains('\x1b'), "{told:?}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it() {
    let mut demo = Process::start(&mut dormouse(&["demo"]));
    demo.line("the beginning", |line| line.contains("is asleep"));
    demo.signal("-INT");
    assert_eq!(demo.end(Duration::from_secs(2)).code(), Some(130));
}
