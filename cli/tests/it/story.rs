//! `watch` against `serve`, and `wake` between them: the issue's own story, over loopback.

use std::time::{Duration, Instant};

use crate::run::{Process, SOON, Served, dormouse};

#[test]
fn a_device_is_woken_and_after_a_kill_woken_again_and_nobody_else_is_let_in_meanwhile() {
    woken_killed_and_woken_again("tokio");
}

#[test]
fn the_same_on_smol() {
    woken_killed_and_woken_again("smol");
}

fn woken_killed_and_woken_again(runtime: &str) {
    let mut served = Served::with_state();
    let mut device = served.watch(&["--runtime", runtime]);
    device.event("connected");

    let woken = served.wake(&["--to", "wss://relay.example/1", "--session", "s-1"]);
    assert_eq!(woken.code, Some(0), "{woken:?}");
    assert!(woken.stdout.contains("\"delivered\":true"), "{woken:?}");
    let wake = device.event("wake");
    assert_eq!(wake["url"], "wss://relay.example/1");
    assert_eq!(wake["session"], "s-1");
    device.event("connected");
    device.event("heartbeat");

    served.kill();
    let cut = device.event("ended");
    assert_eq!(cut["phase"], "watch");
    let refused = device.event("ended");
    assert_eq!((refused["phase"].as_str(), refused["code"].as_u64()), (Some("connect"), Some(206)));
    assert!(refused["delay_ms"].as_u64().unwrap() >= 500, "{refused}");

    served.restart();
    // First to come, and yet the second: the lease is another's.
    let mut twin = served.watch(&[]);
    let rejected = twin.event("ended");
    assert_eq!(rejected["code"], 202, "{rejected}");
    assert!(rejected["delay_ms"].as_u64().unwrap() >= 15_000, "{rejected}");

    device.event("connected");
    let woken = served.wake(&["--to", "wss://relay.example/2"]);
    assert!(woken.stdout.contains("\"delivered\":true"), "{woken:?}");
    assert_eq!(device.event("wake")["url"], "wss://relay.example/2");
    device.event("connected");
    assert!(!twin.said().contains("\"event\":\"connected\""), "{}", twin.said());
}

#[test]
fn a_wake_waits_for_a_device_that_is_away() {
    let served = Served::start(&[]);
    let woken = served.wake(&["--to", "wss://relay.example/7"]);
    assert_eq!(woken.code, Some(0), "{woken:?}");
    assert!(woken.stdout.contains("\"delivered\":false,\"waiting\":true"), "{woken:?}");
    let mut device = served.watch(&["--once"]);
    assert_eq!(device.event("wake")["url"], "wss://relay.example/7");
    assert_eq!(device.event("stopped")["reason"], "once");
    assert_eq!(device.end(SOON).code(), Some(0));
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_at_once_and_the_server_sees_it() {
    for (signal, args, code) in [
        ("-INT", &["--runtime=tokio"][..], 0),
        ("-TERM", &["--runtime=smol"], 0),
        ("-INT", &["--runtime=smol", "--once"], 130),
        ("-INT", &["--once"], 130),
    ] {
        let mut served = Served::start(&[]);
        let mut device = served.watch(args);
        device.event("connected");
        assert_eq!(served.process.event("watches")["open"], 1);
        let asked = Instant::now();
        device.signal(signal);
        assert_eq!(device.end(SOON).code(), Some(code));
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        assert_eq!(served.process.event("watches")["open"], 0);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_at_once_before_an_answer_and_in_a_backoff_too() {
    use crate::peer::{Peer, Script};
    let silent = Peer::new(&[Script::Hold(Vec::new())]);
    let busy = Peer::answering("409 Conflict", "");
    let states = [(silent, "connecting"), (busy, "ended")];
    let runtimes = ["--runtime=tokio", "--runtime=smol"];
    for ((peer, event), runtime) in states.iter().flat_map(|state| runtimes.map(|on| (state, on))) {
        let args = ["watch", &peer.url, "--json", runtime];
        let mut device = Process::start(dormouse(&args).env("DORMOUSE_TOKEN", "t"));
        device.event(event);
        peer.request();
        let asked = Instant::now();
        device.signal("-INT");
        assert_eq!(device.end(SOON).code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    }
}

#[cfg(unix)]
#[test]
fn a_drain_tells_devices_when_to_come_back() {
    let mut served = Served::with_state();
    let mut device = served.watch(&[]);
    device.event("connected");
    served.process.signal("-TERM");
    assert_eq!(served.process.event("draining")["reason"], "terminated");
    assert_eq!(served.process.event("stopped")["reason"], "drained");
    assert_eq!(served.process.end(SOON).code(), Some(0));
    let ended = device.event("ended");
    // A clean end, not a broken connection.
    assert_eq!((ended["phase"].as_str(), ended["code"].as_u64()), (Some("watch"), Some(304)));
    served.restart();
    device.event("connected");
}

#[test]
fn people_get_the_same_in_words() {
    let served = Served::start(&[]);
    let token = served.room.path("device");
    let args = ["watch", &served.url, "--token-file", &token, "--once"];
    let mut device = Process::start(&mut dormouse(&args));
    device.line("the device asleep", |line| line.ends_with("a heartbeat every 30s"));
    served.wake(&["--to", "wss://relay.example/1"]);
    let woken = device.line("the wake", |line| line.contains("woken"));
    assert!(woken.ends_with("go to wss://relay.example/1, and wait up to 60s for the viewer"));
    // No terminal, no colours.
    assert!(!device.said().contains('\x1b'), "{:?}", device.said());
}
