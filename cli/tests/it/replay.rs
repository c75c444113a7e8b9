//! `watch --journal` and `replay`: a night on record, what it says, and files that are none.

#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::run::{Ended, Room, Served, dormouse, run, run_with};
#[cfg(target_os = "linux")]
use crate::run::{Process, SOON};

/// The journal of a device that was woken, and then killed.
fn recorded(runtime: &str) -> (Served, String) {
    let mut served = Served::start(&["--heartbeat-interval", "1s"]);
    let journal = served.room.path("night.jsonl");
    let mut device = served.watch(&["--journal", &journal, "--runtime", runtime]);
    device.event("heartbeat");
    let woken = served.wake(&["--to", "wss://relay.example/canary-path"]);
    assert_eq!(woken.code, Some(0), "{woken:?}");
    device.event("wake");
    device.event("connected");
    served.kill();
    device.event("ended");
    device.event("status");
    // As kill -9 does: nothing is written after it.
    device.kill();
    (served, journal)
}

fn replay(args: &[&str]) -> Ended {
    let mut all = vec!["replay"];
    all.extend(args);
    run(&mut dormouse(&all))
}

#[test]
fn a_night_is_recorded_and_replays_on_either_runtime() {
    for runtime in ["tokio", "smol"] {
        let (served, journal) = recorded(runtime);
        let text = std::fs::read_to_string(&journal).unwrap();
        for secret in ["device-token", "canary", "relay"] {
            assert!(!text.contains(secret), "{secret} in:\n{text}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&journal).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }

        let people = replay(&[&journal]);
        assert_eq!((people.code, &*people.stderr), (Some(0), ""), "{}", people.stdout);
        for part in [
            "is answered 200, an event stream [connecting, and then opening]",
            "why: section 4, a connect: hello received",
            "section 4, a watch: wake",
            "the wake was handed over [awake, and then connecting]",
            "actions again",
        ] {
            assert!(people.stdout.contains(part), "{part} is not in:\n{}", people.stdout);
        }

        let json = replay(&["--json", &journal]);
        assert_eq!(json.code, Some(0), "{json:?}");
        let objects: Vec<Value> =
            json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(objects.iter().all(|object| object["at_ms"].is_u64()));
        assert_eq!(objects[0]["event"], "journal");
        let wake = objects.iter().find(|object| object["action"]["out"] == "wake").unwrap();
        assert_eq!(wake["action"]["url"], format!("wss://{}", "x".repeat(25)));
        let last = objects.last().unwrap();
        assert_eq!((&last["event"], &last["torn"]), (&"replayed".into(), &false.into()));
        assert_eq!(
            objects.len() as u64,
            2 + last["inputs"].as_u64().unwrap() + last["actions"].as_u64().unwrap()
        );

        // From standard input, torn in the middle of its last line.
        let torn = run_with(&mut dormouse(&["replay", "-"]), &text.as_bytes()[..text.len() - 5]);
        assert_eq!(torn.code, Some(0), "{torn:?}");
        assert!(torn.stderr.contains("it was torn off, and is not looked at"), "{torn:?}");

        // The same name again would overwrite it.
        let again = run(dormouse(&["watch", &served.url, "--journal", &journal])
            .env("DORMOUSE_TOKEN", "device-token"));
        assert_eq!(again.code, Some(2), "{again:?}");
        assert!(again.stderr.contains("there is such a file already"), "{again:?}");
        assert_eq!(std::fs::read_to_string(&journal).unwrap(), text);
    }
}

#[test]
fn the_first_difference_and_every_damage_is_said_with_its_line() {
    let (_served, journal) = recorded("tokio");
    let text = std::fs::read_to_string(&journal).unwrap();
    let room = Room::new();
    let said = |name: &str, text: &str, line: usize, what: &str| {
        let ended = replay(&[&room.file(name, text)]);
        assert_eq!(ended.code, Some(4), "{name}: {ended:?}");
        let place = format!("{name}: line {line}: {what}");
        assert!(ended.stderr.contains(&place), "{place} is not in:\n{}", ended.stderr);
        ended
    };
    let line = |part: &str| 1 + text.lines().position(|line| line.contains(part)).unwrap();

    let connected = line(r#""status":"connected""#);
    let changed = text.replacen(r#""status":"connected""#, r#""status":"stopped""#, 1);
    let ended = said("differs", &changed, connected, "the machine decides otherwise");
    assert!(ended.stderr.contains(r#"recorded  {"out":"status","code":2,"status":"stopped"}"#));
    assert!(ended.stderr.contains(r#"replayed  {"out":"status","code":2,"status":"connected"}"#));
    assert!(ended.stdout.contains("asleep after"), "what went before is shown");

    // Another seed gives other jitter.
    let (before, seed) = text.split_once(r#""seed":""#).unwrap();
    let other = format!("{before}\"seed\":\"{:016x}{}", 1, &seed[16..]);
    assert_eq!(replay(&[&room.file("seed", &other)]).code, Some(4));

    said("version", &text.replacen(":1,", ":9,", 1), 1, "the journal has format 9");
    said("nothing", "event: hello\n", 1, "this is not the first line of a journal");
    let without = text.lines().filter(|line| !line.contains(r#""in":"head""#));
    let without: String = without.flat_map(|line| [line, "\n"]).collect();
    assert_eq!(replay(&[&room.file("without", &without)]).code, Some(4));
    let garbled = text.replacen(r#""in":"head""#, r#""in":"tail""#, 1);
    said("garbled", &garbled, line(r#""in":"head""#), "in says what it cannot say");
    let empty = replay(&[&room.file("empty", "")]);
    assert_eq!(empty.code, Some(4));
    assert!(empty.stderr.contains("it has no whole line"), "{empty:?}");
    let binary = run_with(&mut dormouse(&["replay", "-"]), b"\xFF\xFF\n");
    assert_eq!(binary.code, Some(4), "{binary:?}");
    let missing = replay(&[&room.path("missing")]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
}

#[test]
fn a_journal_is_kept_to_its_limit_and_the_watch_goes_on() {
    let served = Served::start(&["--heartbeat-interval", "1s"]);
    let journal = served.room.path("short.jsonl");
    let mut device = served.watch(&["--journal", &journal, "--journal-limit", "1500"]);
    device.event("heartbeat");
    device.event("heartbeat");
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(text.len() <= 1500 && text.ends_with("{\"end\":\"limit\"}\n"), "{text}");
    let ended = replay(&[&journal]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("the journal reached its limit"), "{ended:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_ends_the_journal_and_not_the_watch() {
    let served = Served::start(&["--heartbeat-interval", "1s"]);
    let token = served.room.path("device");
    // A new file is asked for, so that what cannot be written is a limit on the size of files.
    let journal = served.room.path("full.jsonl");
    let program = env!("CARGO_BIN_EXE_dormouse");
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 2; exec \"$@\"", "sh", program]);
    limited.args(["watch", &served.url, "--json", "--token-file", &token, "--journal", &journal]);
    limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut device = Process::start(&mut limited);
    device.event("connected");
    device.event("heartbeat");
    device.event("heartbeat");
    assert_eq!(served.wake(&[]).code, Some(0));
    device.event("wake");
    device.event("connected");
    let said = device.said();
    assert_eq!(said.matches("the journal ends here").count(), 1, "{said}");
    device.signal("-TERM");
    device.end(SOON);
    // What was written is whole but for its last line.
    assert_eq!(replay(&[&journal]).code, Some(0));
}

#[test]
fn a_watch_that_cannot_start_leaves_no_journal() {
    let room = Room::new();
    let journal = room.path("none.jsonl");
    let ended =
        run(dormouse(&["watch", "localhost:1", "--journal", &journal]).env("DORMOUSE_TOKEN", "t"));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(!std::path::Path::new(&journal).exists());
    let nowhere = room.path("no/such/folder");
    let ended = run(dormouse(&["watch", "http://localhost:1", "--journal", &nowhere])
        .env("DORMOUSE_TOKEN", "t"));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("the journal cannot be written"), "{ended:?}");
}
