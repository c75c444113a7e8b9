//! Law 13, for recordings: whatever a server says, and however it is cut, no piece of a token is in the journal;
//! and the journal replays.

use std::collections::BTreeSet;

use dormouse_core::journal::{Replay, Step};
use dormouse_core::{
    Attempt, Beat, Config, Guards, HandOver, Head, Input, InputBuf, Timestamp, Token,
    TransportFault, sse,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::recorded::Recorded;

/// The random part of each token here. No four bytes of it come up in anything that is not secret.
const CANARY: &str = "QZ7JX9KVB4WHM8T2";

/// Takes out the rest of a recording, and checks it all. Gives the journal.
fn check(mut recorded: Recorded) -> Result<Vec<String>, TestCaseError> {
    recorded.finish();
    prop_assert_eq!(recorded.recorder.ended(), None);
    let lines = recorded.lines;
    let mut rest = lines.iter();
    let mut replay = Replay::new(rest.next().expect("a header")).expect("a header");
    let mut read = Vec::new();
    for line in rest {
        prop_assert!(!shows(line.as_bytes()), "{line}");
        match replay.line(line) {
            Ok(Step::Input { input: InputBuf::Data { bytes, .. }, .. }) => read.extend(bytes),
            Ok(_) => {}
            Err(error) => {
                return Err(TestCaseError::fail(format!("{error}\n{}", lines.concat())));
            }
        }
    }
    prop_assert!(!shows(&read), "{}", String::from_utf8_lossy(&read));
    // All that was recorded is all that there was: the machines stand at the same place.
    prop_assert_eq!(replay.watch().stats(), recorded.watch.stats());
    prop_assert_eq!(replay.watch().state(), recorded.watch.state());
    prop_assert_eq!(replay.watch().deadline(), recorded.watch.deadline());
    Ok(lines)
}

/// Whether four bytes in a row are of the canary.
fn shows(text: &[u8]) -> bool {
    CANARY.as_bytes().windows(4).any(|piece| text.windows(4).any(|window| window == piece))
}

/// A secret as it may stand in a JSON string.
fn secret() -> impl Strategy<Value = String> {
    let escaped = |upper: bool| {
        let digits = |byte| if upper { format!("\\u{byte:04X}") } else { format!("\\u{byte:04x}") };
        CANARY.bytes().map(digits).collect::<String>()
    };
    prop_oneof![
        6 => Just(CANARY.to_owned()),
        1 => Just(escaped(false)),
        1 => Just(escaped(true)),
        1 => Just(format!("{CANARY}\\n\\\"{CANARY}")),
        1 => Just(format!("ä\u{1F9A1}{CANARY}\\ud83e\\udda1")),
        1 => Just(format!("{CANARY}\\ud83e")),
        1 => Just(format!("\\q{CANARY}")),
        1 => Just(format!("{CANARY}{CANARY}").repeat(60)),
    ]
}

fn url() -> impl Strategy<Value = String> {
    (
        select(vec!["wss", "https", "WSS", "ws", "http", "ftp", "", "wss:"]),
        select(vec!["://", ":", ":///", "://[::1]:", "://u@", "://@", "://a:99999/"]),
        prop_oneof![secret(), Just("go.example/1".to_owned())],
        select(vec!["", "/?a=%41#x", " ", ":443", ":99999", "%zz"]),
    )
        .prop_map(|(scheme, mark, secret, rest)| format!("{scheme}{mark}{secret}{rest}"))
}

/// The value of a member: often what it has to be, and else anything.
///
/// In its own event an id that reads as one stays; a secret there is none, with its space.
fn value(key: &'static str) -> BoxedStrategy<String> {
    let id = matches!(key, "watchLeaseId" | "remoteAccessSessionId");
    let text = move |text: String| format!("\"{}{text}\"", if id { " " } else { "" });
    let wrong = prop_oneof![
        Just("null".to_owned()),
        Just("7".to_owned()),
        Just("-1.5e3".to_owned()),
        Just("\"\"".to_owned()),
        secret().prop_map(text),
        secret().prop_map(|secret| format!("[\"{secret}\", {{\"{secret}\": [\"{secret}\"]}}]")),
        secret().prop_map(move |secret| format!(
            "{}\"{secret}\"{}",
            "[".repeat(17),
            "]".repeat(17)
        )),
    ];
    let right = match key {
        "watchLeaseId" => select(vec!["L-1", "l\\\"\\\\2", "\\u004c3", "a/b"])
            .prop_map(|id| format!("\"{id}\""))
            .boxed(),
        "remoteAccessSessionId" => {
            select(vec!["s-1", "s-2", "s\\/3"]).prop_map(|id| format!("\"{id}\"")).boxed()
        }
        "url" => prop_oneof![
            2 => Just(format!("\"wss://go.example/{CANARY}?t={CANARY}\"")),
            1 => url().prop_map(text),
            1 => Just(format!("\"wss://{}\"", CANARY.repeat(600))),
        ]
        .boxed(),
        "token" => secret().prop_map(text).boxed(),
        _ => select(vec!["0", "999", "30000", "86400001", "18446744073709551616"])
            .prop_map(str::to_owned)
            .boxed(),
    };
    prop_oneof![5 => right, 1 => wrong].boxed()
}

/// A member of an object.
fn member(own: &'static [&'static str]) -> impl Strategy<Value = String> {
    let key = |key: &'static str| prop_oneof![9 => Just(key.to_owned()), 1 => Just(key.replacen('e', "\\u0065", 1))];
    let known = select(own).prop_flat_map(move |name| {
        (key(name), value(name)).prop_map(|(key, value)| format!("\"{key}\":{value}"))
    });
    let unknown = (secret(), secret()).prop_map(|(key, value)| format!("\"{key}\":\"{value}\""));
    prop_oneof![8 => known, 1 => unknown]
}

const HELLO: &[&str] = &["watchLeaseId", "deviceWaitForViewerMs", "heartbeatIntervalMs"];
const WAKE: &[&str] = &["url", "token", "remoteAccessSessionId"];

/// An object, one line or several, whole or not.
fn object(own: &'static [&'static str]) -> impl Strategy<Value = String> {
    let whole = own.iter().map(|key| member(std::slice::from_ref(key)).boxed()).collect::<Vec<_>>();
    let whole = whole.prop_shuffle();
    let some = vec(member(own), 0..5);
    let more = prop_oneof![4 => Just(Vec::new()), 1 => vec(member(own), 0..3)];
    let space = || select(vec!["", "", " ", "\n", " \n ", "\t"]);
    let tail = prop_oneof![
        8 => Just(String::new()),
        1 => Just("\n".to_owned()),
        1 => Just(format!("\n{CANARY}")),
        1 => Just(format!("\n{}", "[".repeat(20))),
        1 => Just(format!(" {CANARY}")),
    ];
    (prop_oneof![3 => whole, 1 => some], more, space(), space(), tail, any::<Option<Index>>())
        .prop_map(|(mut members, more, space, pad, tail, torn)| {
            members.extend(more);
            let comma = format!("{pad},{space}");
            let mut object = format!("{{{space}{}{space}}}{tail}", members.join(&comma));
            if let (Some(torn), true) = (torn, object.len() % 8 == 0) {
                let mut at = torn.index(object.len() + 1);
                while !object.is_char_boundary(at) {
                    at -= 1;
                }
                object.truncate(at);
            }
            object
        })
}

/// An event with its data, the name before it or after it, or twice.
fn event() -> impl Strategy<Value = String> {
    let named = prop_oneof![
        object(HELLO).prop_map(|data| ("hello", data)),
        object(WAKE).prop_map(|data| ("wake", data)),
        object(WAKE).prop_map(|data| ("wake", data)),
        object(WAKE).prop_map(|data| (CANARY, data)),
        object(WAKE).prop_map(|data| ("", data)),
        Just(("wake", CANARY.to_owned())),
        Just(("other", format!("{CANARY}\n{CANARY}"))),
    ];
    let second = prop_oneof![
        8 => Just(None),
        1 => select(vec!["hello", "wake", "", CANARY]).prop_map(Some),
    ];
    let between = prop_oneof![
        8 => Just(String::new()),
        1 => Just(format!(": {CANARY}\n")),
        1 => Just(format!("id: {CANARY}\nretry: 5000\n")),
    ];
    let ends = prop_oneof![8 => Just("\n"), 1 => Just("")];
    (named, any::<bool>(), second, between, ends).prop_map(
        |((name, data), after, second, between, end)| {
            let lines: String = data.split('\n').map(|line| format!("data: {line}\n")).collect();
            let name = format!("event: {name}\n");
            let second = second.map_or(String::new(), |name| format!("event:{name}\n"));
            if after {
                format!("{lines}{between}{name}{second}{end}")
            } else {
                format!("{name}{between}{lines}{second}{end}")
            }
        },
    )
}

/// An event with the other one's id, where it means nothing and may be anything. What came before it has ended, so
/// that it has this name and no other.
fn stray_id() -> impl Strategy<Value = String> {
    prop_oneof![
        object(HELLO).prop_map(|data| ("hello", "remoteAccessSessionId", data)),
        object(WAKE).prop_map(|data| ("wake", "watchLeaseId", data)),
    ]
    .prop_map(|(name, id, data)| {
        let data = data.replacen('{', &format!("{{\"{id}\":\"{CANARY}\","), 1).replace('\n', " ");
        format!("\n\nevent: {name}\ndata: {data}\n\n")
    })
}

/// What else may be on a stream.
fn other() -> impl Strategy<Value = String> {
    let lines = [
        ": ",
        ":",
        "id: ",
        "id:\0",
        "retry: ",
        "retry: 60000",
        "event: hello",
        "event: wake",
        "event: ",
        "data: ",
        "data",
        "dat",
        "daqa: ",
        "event",
        "events: ",
        "token: ",
        "\u{feff}",
        "",
    ];
    (select(lines.to_vec()), select(vec!["", CANARY]), select(vec!["\n", "\n\n", ""]))
        .prop_map(|(line, secret, end)| format!("{line}{secret}{end}"))
}

fn good_hello(interval: u64) -> String {
    format!(
        "event: hello\ndata: {{\"watchLeaseId\":\"L\",\"deviceWaitForViewerMs\":30000,\"heartbeatIntervalMs\":{interval}}}\n\n"
    )
}

/// A stream, with line ends of any kind, and some bytes of it wrong.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let hello = prop_oneof![1 => (1000..40_000_u64).prop_map(good_hello), 1 => Just(String::new())];
    let parts = vec(prop_oneof![6 => event(), 1 => stray_id(), 4 => other()], 0..5);
    let wrong = prop_oneof![
        2 => Just(Vec::new()),
        1 => vec((any::<Index>(), select(b"\xFF\xC3\xE2\x82\xF0\x9F\0\"{}[]\\ \n\r:".to_vec()), any::<bool>()), 0..4),
    ];
    (hello, parts, select(vec!["\n", "\n", "\r", "\r\n"]), wrong).prop_map(
        |(hello, parts, end, wrong)| {
            let text = format!("{hello}{}", parts.concat()).replace('\n', end);
            let mut bytes = text.into_bytes();
            for (at, byte, insert) in wrong {
                // The first hello stays, or little would be reached.
                let at = hello.len() + at.index(bytes.len().saturating_sub(hello.len()) + 1);
                if insert || at >= bytes.len() {
                    bytes.insert(at.min(bytes.len()), byte);
                } else {
                    bytes[at] = byte;
                }
            }
            bytes
        },
    )
}

/// What happens to an attempt: its stream, cut, with other things in between.
#[derive(Clone, Debug)]
struct Life {
    stream: Vec<u8>,
    cuts: Vec<Index>,
    between: Vec<u8>,
    end: u8,
}

fn life() -> impl Strategy<Value = Life> {
    let cuts = prop_oneof![2 => vec(any::<Index>(), 0..6), 1 => vec(any::<Index>(), 30)];
    (stream(), cuts, vec(any::<u8>(), 1..8), any::<u8>())
        .prop_map(|(stream, cuts, between, end)| Life { stream, cuts, between, end })
}

fn config(plain: bool, limits: sse::Limits) -> Config {
    let base = if plain { "http://api.example.com" } else { "https://api.example.com" };
    Config::new(base).limits(limits).guards(Guards::all()).build().expect("a config")
}

fn live(recorded: &mut Recorded, now: &mut u64, life: &Life) {
    let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    // Wait for the connect.
    for _ in 0..4 {
        if recorded.watch.state().is_attempting() {
            break;
        }
        recorded.feed(*now, Input::SleepAgain(HandOver::Done));
        *now = recorded.watch.deadline().map_or(*now, Timestamp::as_millis).max(*now);
        recorded.feed(*now, Input::Tick);
    }
    let attempt = Attempt(recorded.watch.stats().connects);
    recorded.feed(*now, Input::Head { attempt, head });
    let mut cuts: Vec<usize> =
        life.cuts.iter().map(|cut| cut.index(life.stream.len() + 1)).collect();
    cuts.extend([0, life.stream.len()]);
    cuts.sort_unstable();
    for (ends, between) in cuts.windows(2).zip(life.between.iter().cycle()) {
        recorded.feed(*now, Input::Data { attempt, bytes: &life.stream[ends[0]..ends[1]] });
        match between % 16 {
            0 => {
                recorded.feed(*now, Input::Data { attempt: Attempt(77), bytes: CANARY.as_bytes() });
            }
            1 => {
                *now = recorded.watch.deadline().map_or(*now, Timestamp::as_millis).max(*now);
                recorded.feed(*now, Input::Tick);
            }
            2 => {
                let beat = Beat(recorded.watch.stats().heartbeats);
                recorded.feed(*now, Input::HeartbeatAnswer { beat, status: 204 });
            }
            3 => recorded.feed(*now, Input::Offline(false)),
            _ => {}
        }
    }
    match life.end % 8 {
        0..=2 => recorded.feed(*now, Input::End { attempt }),
        3..=4 => recorded.feed(*now, Input::Failed { attempt, fault: TransportFault::Broken }),
        5 => {
            let token = Token::new(CANARY).expect("a token");
            recorded.feed(*now, Input::NewToken(token));
            recorded.feed(*now, Input::End { attempt });
        }
        6 => recorded.feed(*now, Input::Stop),
        // Torn off, as by a process that is killed.
        _ => {}
    }
}

fn record(lives: &[Life], plain: bool, seed: u64, small: bool) -> Recorded {
    let limits =
        if small { sse::Limits { line: 1024, data: 1024 } } else { sse::Limits::default() };
    let token = Token::new(format!("canary-{CANARY}")).expect("a token");
    let mut recorded = Recorded::new(config(plain, limits), token, seed, 0);
    recorded.drain();
    let mut now = 0;
    for life in lives {
        live(&mut recorded, &mut now, life);
    }
    recorded
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn no_piece_of_a_token_is_recorded_and_the_journal_replays(
        lives in vec(life(), 1..4),
        plain: bool,
        seed: u64,
        small: bool,
    ) {
        check(record(&lives, plain, seed, small))?;
    }
}

/// U+FFFD may make data longer than its limit, of bytes that were within it: the same has to be exceeded again.
#[test]
fn data_that_is_too_long_once_it_is_mended_is_too_long_in_the_journal() {
    for bad in [300, 350] {
        let data =
            [br#"{"url":"wss://a","token":""#.as_slice(), &vec![0xFF; bad], br#""}"#].concat();
        let mut stream = good_hello(30_000).into_bytes();
        stream.extend(b"event: wake\ndata: ");
        stream.extend(data);
        stream.extend(b"\n\n");
        let life = Life { stream, cuts: Vec::new(), between: vec![9], end: 0 };
        let journal = check(record(&[life], false, 1, true)).expect("a good journal").concat();
        let limit = journal.contains("stream.limit.data");
        assert_eq!((limit, journal.contains(r#""out":"wake""#)), (bad == 350, bad == 300));
    }
}

/// What was found by hand: each replays, and shows no canary.
#[test]
fn what_was_hard_to_veil() {
    let cases: [(bool, &str); 7] = [
        // A value of the wrong kind that a line's end cuts where it is shortest.
        (
            false,
            "event: hello\ndata: {\"watchLeaseId\":\"L\",\"deviceWaitForViewerMs\":9000,\"heartbeatIntervalMs\":[\ndata: ]}\n\n",
        ),
        (
            false,
            "event: hello\ndata: {\"watchLeaseId\":\"L\",\"deviceWaitForViewerMs\":{\ndata: },\"heartbeatIntervalMs\":9}\n\n",
        ),
        (true, "event: wake\ndata: {\"deviceWaitForViewerMs\":[\ndata: ]}\n\n"),
        // An id under one name, and then another name, or a rest that makes it none.
        (true, "event: hello\ndata: {\"watchLeaseId\":\"CANARY\"}\nevent: wake\n\n"),
        (
            true,
            "event: wake\ndata: {\"remoteAccessSessionId\":\"CANARY\",\"token\":\"t\"}\nevent: hello\n\n",
        ),
        (
            true,
            "event: wake\ndata: {\"remoteAccessSessionId\":\"CANARY\",\"token\":\"t\"}\nevent:\n\n",
        ),
        (true, "event: wake\ndata: {\"remoteAccessSessionId\":\"CANARY\"}\ndata: garbage\n\n"),
    ];
    for (open, event) in cases {
        let hello = if open { good_hello(30_000) } else { String::new() };
        let stream = (hello + event).replace("CANARY", CANARY).into_bytes();
        let life = Life { stream, cuts: Vec::new(), between: vec![9], end: 0 };
        if let Err(error) = check(record(&[life], false, 1, false)) {
            panic!("{event}: {error}");
        }
    }
}

/// Streams that never get anywhere prove nothing.
#[test]
fn the_streams_reach_every_cause() {
    let mut runner = TestRunner::deterministic();
    let mut missing = BTreeSet::from(CAUSES);
    for round in 0..10_000 {
        let lives = vec(life(), 1..3).new_tree(&mut runner).expect("lives").current();
        let recorded = record(&lives, round % 3 == 0, round, round % 4 == 0);
        for line in check(recorded).expect("a good journal") {
            if let Some((_, cause)) = line.split_once(r#""cause":""#) {
                missing.remove(cause.split('"').next().unwrap_or_default());
            }
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("not reached: {missing:?}");
}

const CAUSES: [&str; 28] = [
    "wake",
    "ended",
    "stream.transport.broken",
    "stream.limit.line",
    "stream.limit.data",
    "stream.wake.json",
    "stream.wake.depth",
    "stream.wake.missing.url",
    "stream.wake.missing.token",
    "stream.wake.type.url",
    "stream.wake.type.token",
    "stream.wake.type.remote_access_session_id",
    "stream.wake.too_long.url",
    "stream.wake.id.remote_access_session_id",
    "stream.wake.url.syntax",
    "stream.wake.url.scheme",
    "stream.wake.url.host",
    "stream.wake.url.user_info",
    "limit.line",
    "hello.json",
    "hello.depth",
    "hello.missing.watch_lease_id",
    "hello.missing.device_wait_for_viewer_ms",
    "hello.missing.heartbeat_interval_ms",
    "hello.type.watch_lease_id",
    "hello.type.device_wait_for_viewer_ms",
    "hello.type.heartbeat_interval_ms",
    "hello.id.watch_lease_id",
];
