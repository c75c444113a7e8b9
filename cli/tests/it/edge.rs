//! Bad input at the program's edge: tokens, URLs, and servers that answer anything but a stream.

use serde_json::Value;

use crate::peer::{Peer, Script};
use crate::run::{Process, Room, SOON, dormouse, run};

const HELLO: &str = "event: hello\ndata: {\"watchLeaseId\":\"l-1\",\"deviceWaitForViewerMs\":5000,\
                     \"heartbeatIntervalMs\":30000}\n\n";

#[test]
fn tokens_that_are_none() {
    let room = Room::new();
    let url = "http://127.0.0.1:1";
    let directory = room.path("");
    for (content, said) in [
        ("", "the device's token is empty"),
        ("\n", "the device's token is empty"),
        ("canary\ncanary\n", "line break at byte 6"),
        ("canary canary", "byte 6"),
        ("canary\r\n\r\n", "line break at byte 6"),
    ] {
        let file = room.file("token", content);
        let ended = run(&mut dormouse(&["watch", url, "--token-file", &file]));
        assert_eq!(ended.code, Some(2), "{content:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{content:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(&file), "{content:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("canary"), "{content:?}: {}", ended.stderr);
    }
    let absent = room.path("absent");
    for (file, said) in [(&absent, "no such file"), (&directory, "is a directory")] {
        let ended = run(&mut dormouse(&["watch", url, "--token-file", file]));
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    for (variable, said) in [
        (None, "no device's token was given"),
        (Some(""), "DORMOUSE_TOKEN: the device's token is empty"),
        (Some("canary\n"), "DORMOUSE_TOKEN: the token has a line break at byte 6"),
    ] {
        let mut command = dormouse(&["watch", url]);
        if let Some(token) = variable {
            command.env("DORMOUSE_TOKEN", token);
        }
        let ended = run(&mut command);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
        assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    }
    // The same for operators, and there is no way to give one as an argument.
    assert_eq!(run(&mut dormouse(&["wake", url, "laptop"])).code, Some(2));
    assert_eq!(run(&mut dormouse(&["watch", url, "--token", "x"])).code, Some(2));
}

#[test]
fn urls_that_are_none() {
    for (url, said) in [
        ("", "is not an absolute URL"),
        ("api.example.com", "is not an absolute URL"),
        ("localhost:8080", "scheme is neither http nor https"),
        ("ftp://example.com", "scheme is neither http nor https"),
        ("https://example.com/?canary=1", "carries a query"),
        ("https://user:canary@example.com", "carries a user name or password"),
        ("https://", "names no host"),
    ] {
        for args in [&["watch", url][..], &["wake", url, "laptop"]] {
            let ended =
                run(dormouse(args).env("DORMOUSE_TOKEN", "t").env("DORMOUSE_OPERATOR_TOKEN", "t"));
            assert_eq!(ended.code, Some(2), "{url}: {ended:?}");
            assert!(ended.stderr.contains(said), "{url}: {}", ended.stderr);
            assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
        }
    }
    for (args, said) in [
        (["--watch-path", "v1"], "the watch path has to begin with a slash"),
        (["--heartbeat-path", "/a?b"], "the heartbeat path has to begin with a slash"),
        (["--auth-scheme", "a b"], "the authorization scheme is no HTTP token"),
        (["--protocol-version", ""], "the protocol version is empty"),
        (["--log", "a=b=c"], "is no log filter"),
    ] {
        let mut command = dormouse(&["watch", "http://127.0.0.1:1"]);
        let ended = run(command.args(args).env("DORMOUSE_TOKEN", "t"));
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{args:?}: {}", ended.stderr);
    }
}

/// A device on this server, and how its first attempt ended.
fn first_end(peer: &Peer, args: &[&str]) -> (Process, Value) {
    let mut all = vec!["watch", &peer.url, "--json"];
    all.extend(args);
    let mut device = Process::start(dormouse(&all).env("DORMOUSE_TOKEN", "device-token"));
    let ended = device.event("ended");
    (device, ended)
}

#[test]
fn answers_that_are_no_stream_are_shown_with_their_cause_and_delay() {
    let conflict = "another client holds the lease (409)";
    let page = "no event stream: a maintenance page";
    for (head, body, said, row_ms, retry_after_ms) in [
        ("200 OK\r\nContent-Type: text/html", "<html>", page, 30_000, 0),
        ("200 OK", "", page, 30_000, 0),
        ("204 No Content", "", page, 30_000, 0),
        (
            "200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip",
            "\x1f",
            "compressed",
            1000,
            0,
        ),
        ("302 Found\r\nLocation: /x", "", "302; redirects are not followed", 1000, 0),
        ("403 Forbidden", "", "answered 403", 1000, 0),
        ("409 Conflict", "", conflict, 30_000, 0),
        ("410 Gone", "", "answered 410", 1000, 0),
        ("429 Too Many Requests", "", "answered 429", 1000, 0),
        ("429 Too Many Requests\r\nRetry-After: 7", "", "answered 429", 1000, 7000),
        ("500 Internal Server Error", "", "answered 500", 1000, 0),
        ("503 Service Unavailable\r\nRetry-After: 9", "", "answered 503", 1000, 9000),
    ] {
        let peer = Peer::answering(head, body);
        let (mut device, ended) = first_end(&peer, &[]);
        assert!(ended["cause"].as_str().unwrap().contains(said), "{head}: {ended}");
        assert_eq!(ended["phase"], "connect", "{head}");
        assert_eq!(ended["then"], "connect", "{head}");
        assert_eq!(ended["row_ms"], row_ms, "{head}: {ended}");
        assert_eq!(ended["retry_after_ms"], retry_after_ms, "{head}: {ended}");
        let delay = ended["delay_ms"].as_u64().unwrap();
        let least = (row_ms / 2).max(retry_after_ms);
        assert!((least..=row_ms.max(retry_after_ms * 3 / 2)).contains(&delay), "{head}: {ended}");
        // It is no end: the device comes again, where that is not half a minute away.
        if delay < 2000 {
            device.event("connecting");
        }
    }
}

#[test]
fn a_refused_token_is_final_and_has_an_exit_code_of_its_own() {
    let peer = Peer::answering("401 Unauthorized", "");
    let (mut device, ended) = first_end(&peer, &[]);
    assert_eq!(ended["then"], "stop");
    assert_eq!(device.event("stopped")["reason"], "unauthorized");
    assert_eq!(device.end(SOON).code(), Some(3));
    assert!(device.said().contains("error: the server refuses the token (401)"));
}

#[test]
fn a_parked_device_shows_it_and_stays() {
    let peer = Peer::answering("401 Unauthorized", "");
    let (mut device, ended) = first_end(&peer, &["--park"]);
    assert_eq!((ended["then"].as_str(), ended["row_ms"].as_u64()), (Some("park"), Some(300_000)));
    assert_eq!(device.event("status")["status"], "unauthorized");
}

#[test]
fn a_stream_that_breaks_its_rules_says_which() {
    let open = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    let long = format!("data: {}", "x".repeat(100_000));
    for (body, phase, said) in [
        ("", "connect", "the stream ended before hello"),
        ("event: hello\ndata: {}\n\n", "connect", "malformed hello: watchLeaseId is missing"),
        (&long, "connect", "line limit exceeded"),
        (&format!("{HELLO}event: wake\ndata: {{\"url\":1}}\n\n"), "watch", "malformed wake: url"),
        (HELLO, "watch", "the server ended the stream"),
    ] {
        let peer = Peer::new(&[Script::Answer(format!("{open}{body}").into_bytes())]);
        let (_device, ended) = first_end(&peer, &[]);
        assert!(ended["cause"].as_str().unwrap().contains(said), "{ended}");
        assert_eq!(ended["phase"], phase, "{ended}");
    }
    let twice = format!("{open}{HELLO}{HELLO}");
    let peer = Peer::new(&[Script::Hold(twice.into_bytes())]);
    let args = ["watch", &peer.url, "--json"];
    let mut device = Process::start(dormouse(&args).env("DORMOUSE_TOKEN", "t"));
    assert!(device.event("oddity")["cause"].as_str().unwrap().contains("second hello"));
}

#[test]
fn what_is_asked_is_what_was_configured() {
    let peer = Peer::answering("500 Internal Server Error", "");
    let args =
        ["--watch-path", "/device/watch", "--auth-scheme", "Device", "--protocol-version", "2.9.9"];
    let (_device, _) = first_end(&peer, &args);
    let request = peer.request().to_ascii_lowercase();
    assert!(
        request.starts_with("get /device/watch?protocolversion=2.9.9 http/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\nauthorization: device device-token\r\n"), "{request}");
    assert!(request.contains("\r\naccept-encoding: identity\r\n"), "{request}");
}

#[test]
fn people_read_attempts_with_their_cause_and_delay() {
    let peer = Peer::answering("429 Too Many Requests\r\nRetry-After: 7", "");
    let args = ["watch", &peer.url];
    let mut device = Process::start(dormouse(&args).env("DORMOUSE_TOKEN", "t"));
    let line = device.line("the cause", |line| line.contains("429"));
    assert!(line.contains("attempt 1"), "{line}");
    assert!(line.contains("; connecting again in "), "{line}");
    assert!(line.ends_with("s (row 1s, Retry-After 7s)"), "{line}");

    let refused = ["watch", "http://127.0.0.1:1"];
    let mut device = Process::start(dormouse(&refused).env("DORMOUSE_TOKEN", "t"));
    device.line("the refusal", |line| {
        line.contains("no connection to the server: connection refused; connecting again in ")
    });
}

#[test]
fn a_watch_whose_reader_has_gone_ends() {
    let peer = Peer::answering("500 Internal Server Error", "");
    let mut child = dormouse(&["watch", &peer.url]).env("DORMOUSE_TOKEN", "t").spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("standard output was closed"), "{said}");
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["demo", "serve", "watch", "wake", "decode"] {
        for flag in ["-h", "--help"] {
            let ended = run(&mut dormouse(&[command, flag]));
            assert_eq!(ended.code, Some(0));
            assert!(ended.stdout.contains("Example"), "{command} {flag}");
            assert!(ended.stdout.contains(&format!("dormouse {command}")), "{command} {flag}");
        }
        let long = run(&mut dormouse(&[command, "--help"])).stdout;
        assert!(long.contains("Exit codes"), "{command}");
    }
}
