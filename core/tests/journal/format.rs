//! The wire format by example, line by line, and what is wrong with lines that are not of it.

use dormouse_core::journal::{Damage, Ended, Recorder, Replay, ReplayError, Step};
use dormouse_core::{
    Attempt, Beat, Config, ConfigError, Guards, HandOver, Head, Hint, Input, InputBuf,
    OnUnauthorized, Timestamp, Token, TransportFault, UrlFault, sse,
};
use dormouse_testkit::laws::{hello, wake};

use crate::recorded::Recorded;

const HEADER: &str = concat!(
    r#"{"dormouse_journal":1,"base":"https://api.example.com/x","watch_path":"/w","heartbeat_path":"/h","#,
    r#""auth_scheme":"Device","protocol_version":"3 \"beta\"","line_limit":2048,"data_limit":4096,"flap":true,"#,
    r#""connect_bound":false,"retry_after":true,"jitter":false,"window":true,"hints":false,"#,
    r#""on_unauthorized":"park","token_len":8,"seed":"00000000000005ed","start":7}"#,
);

fn config() -> Config {
    let mut guards = Guards::all();
    (guards.connect_bound, guards.jitter, guards.hints) = (false, false, false);
    Config::new("https://api.example.com/x/")
        .watch_path("/w")
        .heartbeat_path("/h")
        .auth_scheme("Device")
        .protocol_version("3 \"beta\"")
        .limits(sse::Limits { line: 2048, data: 4096 })
        .guards(guards)
        .on_unauthorized(OnUnauthorized::Park)
        .build()
        .expect("a config")
}

fn recorded() -> Recorded {
    let token = Token::new("canary-0").expect("a token");
    Recorded::new(config(), token, 0x5ed, 7)
}

/// Header and lines, with no end of the line.
fn lines(mut recorded: Recorded) -> Vec<String> {
    recorded.finish();
    recorded.lines.iter().map(|line| line.strip_suffix('\n').expect("a line").to_owned()).collect()
}

#[test]
fn the_first_line_makes_the_same_watch_again() {
    let lines = lines(recorded());
    let version =
        concat!("{\"dormouse_journal\":1,\"version\":\"", env!("CARGO_PKG_VERSION"), "\",");
    assert_eq!(lines, [HEADER.replacen("{\"dormouse_journal\":1,", version, 1)]);
    let replay = Replay::new(HEADER).expect("a header");
    let header = replay.header();
    assert_eq!((header.config.clone(), header.seed, header.token_len), (config(), 0x5ed, 8));
    assert_eq!((header.start, header.version.as_deref()), (Timestamp::from_millis(7), None));
}

#[test]
fn each_input_is_a_line_and_is_read_from_it() {
    let (attempt, beat) = (Attempt(1), Beat(2));
    let token = Token::new("canary-2").expect("a token");
    let inputs = [
        (Input::Tick, r#""tick"}"#),
        (
            Input::Head { attempt, head: Head::read(503, [("retry-after", b"7".as_slice())]) },
            r#""head","attempt":1,"status":503,"event_stream":false,"compressed":false,"retry_after_s":7}"#,
        ),
        (
            Input::Head {
                attempt: Attempt(9),
                head: Head::read(
                    200,
                    [
                        ("content-type", b"text/event-stream".as_slice()),
                        ("content-encoding", b"br"),
                    ],
                ),
            },
            r#""head","attempt":9,"status":200,"event_stream":true,"compressed":true}"#,
        ),
        (Input::End { attempt }, r#""end","attempt":1}"#),
        (
            Input::Failed { attempt, fault: TransportFault::Tls },
            r#""failed","attempt":1,"code":103,"cause":"tls"}"#,
        ),
        (
            Input::HeartbeatAnswer { beat, status: 204 },
            r#""heartbeat_answer","beat":2,"status":204}"#,
        ),
        (
            Input::HeartbeatFailed { beat, fault: TransportFault::Other },
            r#""heartbeat_failed","beat":2,"code":199,"cause":"other"}"#,
        ),
        (Input::SleepAgain(HandOver::Done), r#""sleep_again","hand_over":"done"}"#),
        (Input::SleepAgain(HandOver::Failed), r#""sleep_again","hand_over":"failed"}"#),
        (Input::Hint(Hint::NetworkChanged), r#""hint","hint":"network_changed"}"#),
        (Input::Hint(Hint::Resumed), r#""hint","hint":"resumed"}"#),
        (Input::Offline(true), r#""offline","offline":true}"#),
        (Input::Offline(false), r#""offline","offline":false}"#),
        (Input::NewToken(token), r#""new_token","token_len":8}"#),
        (Input::HeartbeatsCancelled, r#""heartbeats_cancelled"}"#),
        (Input::Stop, r#""stop"}"#),
    ];
    let mut recorded = recorded();
    for (input, _) in &inputs {
        recorded.handle(9, input.clone());
    }
    let lines = lines(recorded);
    let mut replay = Replay::new(&lines[0]).expect("a header");
    for ((input, expected), line) in inputs.into_iter().zip(&lines[1..]) {
        assert_eq!(*line, format!(r#"{{"at":9,"in":{expected}"#));
        let Ok(Step::Input { at, input: read, .. }) = replay.line(line) else { panic!("{line}") };
        assert_eq!(at, Timestamp::from_millis(9));
        match (read, input) {
            (InputBuf::NewToken(read), Input::NewToken(_)) => assert_eq!(read.expose(), "xxxxxxxx"),
            (read, input) => assert_eq!(read.as_input(), input),
        }
    }
}

#[test]
fn a_life_is_recorded_with_nothing_secret_in_it() {
    let attempt = Attempt(1);
    let mut recorded = recorded();
    recorded.drain();
    let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    recorded.feed(10, Input::Head { attempt, head });
    recorded.feed(11, Input::Data { attempt, bytes: b": canary\r\nid: canary\nretry: 9999999\n" });
    recorded.feed(12, Input::Data { attempt, bytes: &hello("L1", 1000) });
    recorded.feed(1012, Input::Tick);
    recorded.feed(1020, Input::HeartbeatAnswer { beat: Beat(1), status: 500 });
    recorded.feed(1030, Input::Data { attempt, bytes: b"event: canary\ndata: canary\n\n:\xFF\n" });
    let wake = wake(1);
    let (before, after) = wake.split_at(60);
    recorded.feed(1040, Input::Data { attempt, bytes: before });
    // What is not known yet is held, and all that follows it.
    assert!(recorded.lines.last().expect("lines").contains("\"until\""));
    assert!(!recorded.lines.concat().contains("1040"));
    recorded.feed(1041, Input::Data { attempt, bytes: after });
    let lines = lines(recorded);
    let expected = r#"{"out":"connect","attempt":1,"method":"GET","url":"https://api.example.com/x/w?protocolVersion=3%20%22beta%22"}
{"out":"status","code":1,"status":"connecting"}
{"out":"sleep","until":30007}
{"at":10,"in":"head","attempt":1,"status":200,"event_stream":true,"compressed":false}
{"out":"sleep","until":30007}
{"at":11,"in":"data","attempt":1,"text":":xxxxxxx\r\nid: xxxxxx\nretry: 0300000\n"}
{"out":"sleep","until":30007}
{"at":12,"in":"data","attempt":1,"text":"event: hello\ndata: {\"watchLeaseId\":\"L1\",\"deviceWaitForViewerMs\":30000,\"heartbeatIntervalMs\":1000}\n\n"}
{"out":"report","report":"connected","attempt":1,"took_ms":5,"heartbeat_interval_ms":1000,"wait_for_viewer_ms":30000}
{"out":"status","code":2,"status":"connected"}
{"out":"sleep","until":1012}
{"at":1012,"in":"tick"}
{"out":"heartbeat","beat":1,"method":"POST","url":"https://api.example.com/x/h","body":"{\"watchLeaseId\":\"L1\"}"}
{"out":"sleep","until":2012}
{"at":1020,"in":"heartbeat_answer","beat":1,"status":500}
{"out":"report","report":"heartbeat","beat":1,"took_ms":8,"accepted":false,"code":401,"cause":"status","status":500}
{"out":"sleep","until":2012}
{"at":1030,"in":"data","attempt":1,"text":"event: xxxxxx\ndata:xxxxxxx\n\n:x\n"}
{"out":"sleep","until":2012}
{"at":1040,"in":"data","attempt":1,"text":"event: wake\ndata: {\"url\":\"wss://xxxxxxxxxxxx\",\"token\":\"xxxxx"}
{"out":"sleep","until":2012}
{"at":1041,"in":"data","attempt":1,"text":"xxxxxx\",\"remoteAccessSessionId\":\"s-1\"}\n\n"}
{"out":"disconnect","attempt":1}
{"out":"report","report":"ended","attempt":1,"phase":"watch","code":301,"cause":"wake","ran_ms":1029,"then":"hand_over"}
{"out":"wake","url":"wss://xxxxxxxxxxxx","token_len":11,"session":"s-1","wait_for_viewer_ms":30000}
{"out":"sleep"}"#;
    let came = lines[1..].join("\n");
    assert_eq!(came, expected, "\n{came}\n");
}

#[test]
fn each_damage_is_named_with_its_line() {
    let damage = |first: &str, line: Option<&str>| match Replay::new(first) {
        Err(ReplayError::Damaged { line: 1, damage }) => damage,
        Err(other) => panic!("{other}"),
        Ok(mut replay) => match replay.line(line.expect("a first line that is none")) {
            Err(ReplayError::Damaged { line: 2, damage }) => damage,
            other => panic!("{other:?}"),
        },
    };
    let first = |from: &str, to: &str| damage(&HEADER.replacen(from, to, 1), None);
    assert_eq!(damage("", None), Damage::NoHeader);
    assert_eq!(damage(r#"{"at":0,"in":"tick"}"#, None), Damage::NoHeader);
    assert_eq!(first("l\":1", "l\":2"), Damage::Format { found: 2 });
    assert_eq!(first("https", "ftp"), Damage::Config(ConfigError::Base(UrlFault::Scheme)));
    assert_eq!(first("\"park\"", "\"sulk\""), Damage::Value { field: "on_unauthorized" });
    let longest = HEADER.replacen("\"token_len\":8,", "\"token_len\":8192,", 1);
    assert!(Replay::new(&longest).is_ok());
    for len in ["0", "8193", "18446744073709551615"] {
        let token = format!("\"token_len\":{len},");
        assert_eq!(first("\"token_len\":8,", &token), Damage::Value { field: "token_len" });
    }
    for seed in ["5ed", "000000000000+5ed", "00000000000005eg"] {
        assert_eq!(first("00000000000005ed", seed), Damage::Value { field: "seed" });
    }
    assert!(matches!(first("\"flap\":true", "\"flap\":7"), Damage::Json { .. }));
    assert!(matches!(first("\"flap\":true", "\"flip\":true"), Damage::Json { .. }));

    let line = |line: &str| damage(HEADER, Some(line));
    assert_eq!(line(""), Damage::Json { column: 1 });
    assert_eq!(line("\n"), Damage::Json { column: 1 });
    assert_eq!(line("{}"), Damage::Missing { field: "at" });
    assert_eq!(line(r#"{"at":1}"#), Damage::Missing { field: "in" });
    assert_eq!(line(r#"{"at":1,"in":"dance"}"#), Damage::Value { field: "in" });
    assert_eq!(line(r#"{"at":1,"in":"end"}"#), Damage::Missing { field: "attempt" });
    assert_eq!(line(r#"{"at":1,"in":"hint","hint":"x"}"#), Damage::Value { field: "hint" });
    assert_eq!(line(r#"{"at":1,"in":"data","attempt":1}"#), Damage::Missing { field: "text" });
    for hex in ["f", "0g", "+1"] {
        let data = format!(r#"{{"at":1,"in":"data","attempt":1,"hex":"{hex}"}}"#);
        assert_eq!(line(&data), Damage::Value { field: "hex" });
    }
    let both = r#"{"at":1,"in":"data","attempt":1,"text":"a","hex":"61"}"#;
    assert_eq!(line(both), Damage::Value { field: "hex" });
    let sulks = r#"{"at":1,"in":"sleep_again","hand_over":"sulked"}"#;
    assert_eq!(line(sulks), Damage::Value { field: "hand_over" });
    let other_code = r#"{"at":1,"in":"failed","attempt":1,"code":104,"cause":"tls"}"#;
    assert_eq!(line(other_code), Damage::Value { field: "code" });
    assert_eq!(line(r#"{"end":"because"}"#), Damage::Value { field: "end" });
    for json in [
        "",
        "[]",
        "x",
        r#"{"at":1"#,
        r#"{"at":-1}"#,
        r#"{"at":1,"at":2,"in":"tick"}"#,
        r#"{"at":1,"in":"tick","more":1}"#,
    ] {
        assert!(matches!(line(json), Damage::Json { .. }), "{json}");
    }
    assert_eq!(line(&" ".repeat(dormouse_core::journal::LINE_MOST + 1)), Damage::TooLong);

    let mut ended = Replay::new(HEADER).expect("a header");
    assert_eq!(ended.line(r#"{"end":"limit"}"#), Ok(Step::Ended(Ended::Limit)));
    let after = ended.line(r#"{"at":1,"in":"tick"}"#).expect_err("nothing may follow");
    assert_eq!(after.to_string(), "line 3: the journal has ended, and something follows");
}

/// What stands in a line and what a person is told, each.
#[test]
fn of_every_damage_there_is_a_sentence() {
    for (damage, words) in [
        (Damage::NoHeader, "this is not the first line of a journal"),
        (Damage::Format { found: 7 }, "the journal has format 7, and this version reads format 1"),
        (
            Damage::Config(ConfigError::AuthScheme),
            "the configuration cannot be used: the authorization scheme is no HTTP token, such as Bearer",
        ),
        (Damage::Json { column: 9 }, "this is no line of a journal: it cannot be read at byte 9"),
        (Damage::Missing { field: "at" }, "at is missing"),
        (Damage::Value { field: "at" }, "at says what it cannot say"),
        (Damage::TooLong, "the line has more than 16777216 bytes"),
        (Damage::AfterTheEnd, "the journal has ended, and something follows"),
    ] {
        assert_eq!(damage.to_string(), words);
        let error = ReplayError::Damaged { line: 3, damage };
        assert_eq!(error.to_string(), format!("line 3: {words}"));
    }
    assert_eq!(Ended::Limit.to_string(), "the journal reached its limit");
    let held = "an event of the stream was too long in coming to be recorded";
    assert_eq!(Ended::Held.to_string(), held);
}

/// Text is written so that any JSON reads it, and this one reads it back.
#[test]
fn a_sentence_may_have_any_letters() {
    let shows = "a \"quote\", a \\, \t, \r\n, \u{8}, \u{c}, \0, \u{1f}, \u{7f} and an ä";
    let token = Token::new("canary").expect("a token");
    let mut recorder = Recorder::new(&config(), &token, 1, Timestamp::ORIGIN).shows(shows);
    recorder.finish();
    let line = recorder.next_line().expect("the first line");
    let escaped = r#""a \"quote\", a \\, \t, \r\n, \b, \f, \u0000, \u001f, "#;
    assert!(line.contains(escaped), "{line}");
    let replay = Replay::new(&line).expect("a header");
    assert_eq!(replay.header().shows.as_deref(), Some(shows));
    assert_eq!(replay.header().version, None);
}

/// Whoever polls twice hears the same sleep twice, and it is noted once.
#[test]
fn a_sleep_that_repeats_itself_is_one_line() {
    let mut recorded = recorded();
    recorded.drain();
    let lines = recorded.lines.len();
    recorded.drain();
    assert_eq!(recorded.lines.len(), lines);
}

/// What is not UTF-8 may be as long as the U+FFFD that stands for it.
#[test]
fn what_is_not_utf_8_may_be_as_long_as_what_stands_for_it() {
    let mut recorded = recorded();
    recorded.drain();
    let attempt = Attempt(1);
    let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    recorded.feed(0, Input::Head { attempt, head });
    recorded.feed(0, Input::Data { attempt, bytes: &hello("L", 20_000) });
    let wake =
        b"event: wake\ndata: {\"url\":\"wss://a\",\"token\":\"canary\xF0\x9F\x98canary\"}\n\n";
    recorded.feed(0, Input::Data { attempt, bytes: wake });
    let lines = lines(recorded);
    assert!(!lines.concat().contains("canary"));
    let mut replay = Replay::new(&lines[0]).expect("a header");
    for line in &lines[1..] {
        replay.line(line).expect("the same");
    }
    assert_eq!(replay.watch().stats().wakes, 1);
}

/// Nothing of what is held is shown, by whatever means.
#[test]
fn a_recorder_shows_no_bytes() {
    let mut recorded = recorded();
    recorded.drain();
    let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    recorded.feed(0, Input::Head { attempt: Attempt(1), head });
    recorded.feed(0, Input::Data { attempt: Attempt(1), bytes: b"data: canary" });
    let shown = format!("{:?}", recorded.recorder);
    assert!(shown.contains("Stream { bytes: 12, .. }"), "{shown}");
    assert!(!shown.contains("canary"));
}

#[test]
fn the_first_difference_is_shown_with_both_sides() {
    let mut recorded = recorded();
    recorded.drain();
    let lines = lines(recorded);
    let mut replay = Replay::new(&lines[0]).expect("a header");
    assert!(replay.line(&lines[1]).is_ok());
    let expected = lines[2].replace("connecting", "connected");
    let error = replay.clone().line("{\"out\":\"\u{9b}2J\"}").expect_err("no such action");
    assert!(
        error
            .to_string()
            .starts_with(r#"line 3: recorded was {"out":"\u{9b}2J"}, and the replay says {"#)
    );
    let error = replay.line(&expected).expect_err("another status");
    let came = lines[2].as_str().into();
    assert_eq!(error, ReplayError::Differs { line: 3, expected: expected.into(), came });
}

/// The page for people and the module's documentation say the same.
#[test]
fn the_format_is_written_down_once() {
    let page = include_str!("../../../docs/journal.md");
    let deeper: String = include_str!("../../src/journal/format.md")
        .lines()
        .map(|line| if line.starts_with('#') { format!("#{line}\n") } else { format!("{line}\n") })
        .collect();
    assert!(page.ends_with(&deeper), "docs/journal.md should end with core/src/journal/format.md");
}
