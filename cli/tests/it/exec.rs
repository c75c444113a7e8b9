//! `watch --exec`: what the program gets, and what becomes of how it ends.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::run::{Room, SOON, Served, dormouse};

/// The wake that every test here hands over, with a token of its own.
fn wake(served: &Served, token: &str) {
    let file = served.room.file("wake-token", token);
    let args =
        ["--to", "wss://relay.example/x?a=b'c", "--session", "s-1", "--wake-token-file", &file];
    let woken = served.wake(&args);
    assert_eq!(woken.code, Some(0), "{woken:?}");
}

#[test]
fn the_wake_is_in_its_environment_and_the_device_token_is_not() {
    let served = Served::start(&["--device-wait-for-viewer", "7s"]);
    let seen = served.room.path("seen");
    let command = format!("env > '{seen}'; echo \"$DORMOUSE_WAKE_TOKEN\"");
    let mut device = crate::run::Process::start(
        dormouse(&["watch", &served.url, "--json", "--once", "--exec", &command])
            .env("DORMOUSE_TOKEN", "device-token")
            .env("DORMOUSE_WAKE_SESSION", "stale"),
    );
    device.event("connected");
    wake(&served, "canary-wake");
    let ended = device.event("program_ended");
    assert_eq!((&ended["failed"], &ended["exit_code"]), (&Value::Bool(false), &Value::from(0)));
    assert_eq!(device.end(SOON).code(), Some(0));

    let environment = std::fs::read_to_string(seen).unwrap();
    let has = |line: &str| environment.lines().any(|set| set == line);
    assert!(has("DORMOUSE_WAKE_URL=wss://relay.example/x?a=b'c"), "{environment}");
    assert!(has("DORMOUSE_WAKE_TOKEN=canary-wake"), "{environment}");
    assert!(has("DORMOUSE_WAKE_SESSION=s-1"), "{environment}");
    assert!(has("DORMOUSE_WAKE_WAIT_MS=7000"), "{environment}");
    assert!(!environment.contains("device-token"), "{environment}");
}

#[test]
fn with_stdin_the_wake_is_one_object_and_the_token_is_nowhere_else() {
    let served = Served::start(&[]);
    let (input, environment) = (served.room.path("input"), served.room.path("environment"));
    let command = format!("cat > '{input}'; env > '{environment}'");
    let mut device = served.watch(&["--once", "--stdin", "--exec", &command]);
    device.event("connected");
    wake(&served, "canary-wake");
    assert_eq!(device.end(SOON).code(), Some(0));

    let input = std::fs::read_to_string(input).unwrap();
    let wake: Value = serde_json::from_str(&input).unwrap();
    assert_eq!(wake["url"], "wss://relay.example/x?a=b'c");
    assert_eq!(wake["token"], "canary-wake");
    assert_eq!(wake["remoteAccessSessionId"], "s-1");
    assert_eq!(wake["waitForViewerMs"], 60_000);
    let environment = std::fs::read_to_string(environment).unwrap();
    assert!(!environment.contains("canary-wake"), "{environment}");
    assert!(environment.contains("DORMOUSE_WAKE_URL=wss://relay.example/x"), "{environment}");
}

#[test]
fn with_once_the_exit_code_is_the_programs() {
    for (command, code, shown) in [
        ("exit 0", 0, "\"exit_code\":0"),
        ("exit 7", 7, "\"exit_code\":7"),
        ("kill -9 $$", 137, "\"signal\":9"),
        ("/no/such/program", 127, "\"exit_code\":127"),
        // It need not read what it is given.
        ("exec <&-; exit 0", 0, "\"exit_code\":0"),
    ] {
        let served = Served::start(&[]);
        let mut device = served.watch(&["--once", "--stdin", "--exec", command]);
        device.event("connected");
        wake(&served, "t");
        assert_eq!(device.end(SOON).code(), Some(code), "{command}");
        let ended = device.line("the program's end", |line| line.contains("program_ended"));
        assert!(ended.contains(shown), "{ended}");
        assert_eq!(ended.contains("\"failed\":true"), code != 0, "{ended}");
    }
}

#[test]
fn a_token_that_no_environment_can_hold_is_a_failed_hand_over() {
    let served = Served::start(&[]);
    let mut device = served.watch(&["--once", "--exec", "exit 0"]);
    device.event("connected");
    wake(&served, "nul\0canary");
    let ended = device.event("program_ended");
    assert!(ended["error"].as_str().unwrap().contains("could not be started"), "{ended}");
    assert_eq!(device.end(SOON).code(), Some(1));
    assert!(!device.said().contains("canary"), "{}", device.said());
}

#[test]
fn a_program_that_fails_again_and_again_slows_the_next_connects_down() {
    let served = Served::start(&[]);
    let mut device = served.watch(&["--exec", "exit 1"]);
    let mut waits = Vec::new();
    let mut ended_at = None;
    for _ in 0..4 {
        let connecting = device.event("connecting")["at_ms"].as_u64().unwrap();
        if let Some(ended) = ended_at {
            waits.push(connecting - ended);
        }
        device.event("connected");
        wake(&served, "t");
        ended_at = device.event("program_ended")["at_ms"].as_u64();
    }
    // The first costs nothing; then at least 1 s and 2 s, drawn from their upper halves.
    assert!(waits[0] < 400, "{waits:?}");
    assert!(waits[1] >= 495, "{waits:?}");
    assert!(waits[2] >= 995, "{waits:?}");
}

#[test]
fn a_program_that_goes_well_slows_nothing_down() {
    let served = Served::start(&[]);
    let mut device = served.watch(&["--exec", "exit 0"]);
    for _ in 0..5 {
        device.event("connected");
        wake(&served, "t");
        let ended = device.event("program_ended")["at_ms"].as_u64().unwrap();
        let next = device.event("connecting")["at_ms"].as_u64().unwrap();
        assert!(next - ended < 400, "{}", device.said());
    }
}

#[test]
fn ctrl_c_ends_the_program_and_what_it_started() {
    for (signal, once, code) in [("-INT", false, 0), ("-TERM", true, 143)] {
        let served = Served::start(&[]);
        let room = Room::new();
        let pids = room.path("pids");
        let command = format!("sleep 600 & echo $! $$ > '{pids}'; wait");
        let mut args = vec!["--exec", &command];
        if once {
            args.push("--once");
        }
        let mut device = served.watch(&args);
        device.event("connected");
        wake(&served, "t");
        device.event("program_started");
        let deadline = Instant::now() + SOON;
        let mut text = String::new();
        while !text.ends_with('\n') {
            assert!(Instant::now() < deadline, "the program has not begun");
            text = std::fs::read_to_string(&pids).unwrap_or_default();
            std::thread::yield_now();
        }

        let asked = Instant::now();
        device.signal(signal);
        assert_eq!(device.end(SOON).code(), Some(code));
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        for pid in text.split_whitespace() {
            while is_running(pid) {
                assert!(Instant::now() < deadline, "process {pid} is left behind");
                std::thread::yield_now();
            }
        }
    }
}

/// Whether a process runs: one that has ended, and that nobody has waited for yet, does not.
fn is_running(pid: &str) -> bool {
    let output =
        std::process::Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8_lossy(&output.stdout);
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

#[test]
fn a_program_that_fails_is_reported_to_the_machine_on_either_runtime() {
    for runtime in ["--runtime=tokio", "--runtime=smol"] {
        let served = Served::start(&[]);
        let mut device = served.watch(&[runtime, "--exec", "exit 1"]);
        device.event("connected");
        wake(&served, "t");
        device.event("program_ended");
        // The first short watch in a row costs nothing, the second does.
        assert_eq!(device.event("hand_over_failed")["flap_guard_ms"], 0);
        device.event("connected");
        wake(&served, "t");
        assert_eq!(device.event("hand_over_failed")["flap_guard_ms"], 1000, "{runtime}");
    }
}
