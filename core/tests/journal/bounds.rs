//! What may grow: the journal to its limit, what is held to the decoder's, and neither further.

use dormouse_core::journal::{Ended, LINE_MOST, Recorder, Replay, Step};
use dormouse_core::{Attempt, Config, Head, Input, Timestamp, Token, Watch, sse};
use dormouse_testkit::laws::hello;

use crate::recorded::Recorded;

fn recorded() -> Recorded {
    let config = Config::new("https://api.example.com")
        .limits(sse::Limits { line: 1024, data: 1024 })
        .build()
        .expect("a config");
    let token = Token::new("canary-0").expect("a token");
    let mut recorded = Recorded::new(config, token, 1, 0);
    recorded.recorder = recorded.recorder.limit(4096);
    recorded
}

fn open(recorded: &mut Recorded) {
    let attempt = Attempt(1);
    recorded.drain();
    let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    recorded.feed(0, Input::Head { attempt, head });
    recorded.feed(0, Input::Data { attempt, bytes: &hello("L", 86_400_000) });
}

#[test]
fn a_journal_ends_at_its_limit_and_says_so() {
    let mut recorded = recorded();
    open(&mut recorded);
    let mut ended_at = 0;
    for now in 0..1000 {
        recorded.feed(now, Input::Data { attempt: Attempt(1), bytes: b": canary\n" });
        if recorded.recorder.ended().is_some() && ended_at == 0 {
            ended_at = recorded.lines.len();
        }
    }
    recorded.finish();
    assert_eq!(recorded.recorder.ended(), Some(Ended::Limit));
    let journal = recorded.lines.concat();
    assert!((3900..=4096).contains(&journal.len()), "{} bytes", journal.len());
    assert_eq!(recorded.lines.len(), ended_at, "nothing follows the last line");
    assert_eq!(recorded.lines.last().map(String::as_str), Some("{\"end\":\"limit\"}\n"));
    // And it replays from its start.
    let mut replay = Replay::new(&recorded.lines[0]).expect("a header");
    let last = recorded.lines[1..].iter().map(|line| replay.line(line).expect("the same")).last();
    assert_eq!(last, Some(Step::Ended(Ended::Limit)));
}

#[test]
fn the_first_line_and_the_last_are_always_there() {
    let config = Config::new("https://api.example.com").build().expect("a config");
    let token = Token::new("t").expect("a token");
    let mut recorder = Recorder::new(&config, &token, 1, Timestamp::ORIGIN).limit(0);
    let watch = Watch::new(config, token, 1, Timestamp::ORIGIN);
    recorder.input(&watch, Timestamp::ORIGIN, &Input::Tick);
    let lines: Vec<String> = std::iter::from_fn(|| recorder.next_line()).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[1], "{\"end\":\"limit\"}\n");
}

/// A server that never ends an event keeps the rest of the journal waiting: not for ever.
#[test]
fn what_is_held_has_a_limit_of_its_own() {
    let mut recorded = recorded();
    recorded.recorder = recorded.recorder.clone().limit(usize::MAX);
    open(&mut recorded);
    let written = recorded.lines.len();
    recorded.feed(0, Input::Data { attempt: Attempt(1), bytes: b"event: wake\ndata: canary\n" });
    let mut fed = 0;
    while recorded.recorder.ended().is_none() {
        assert_eq!(recorded.lines.len(), written, "it is held");
        recorded.feed(fed, Input::Data { attempt: Attempt(1), bytes: b":\n" });
        fed += 1;
        assert!(fed < 40_000, "it is held for ever");
    }
    assert!(fed > 500, "after {fed} inputs");
    assert_eq!(recorded.recorder.ended(), Some(Ended::Held));
    assert_eq!(recorded.lines.last().map(String::as_str), Some("{\"end\":\"held\"}\n"));
    assert!(!recorded.lines.concat().contains("canary"));
}

/// A balancer that passes on what it has byte by byte.
#[test]
fn a_wake_in_single_bytes_is_recorded_whole() {
    let config = Config::new("https://api.example.com").build().expect("a config");
    let token = Token::new("canary-0").expect("a token");
    let mut recorded = Recorded::new(config, token, 1, 0);
    open(&mut recorded);
    let token = "canary".repeat(8 * 1024 / 6);
    let wake = format!("event: wake\ndata: {{\"url\":\"wss://a\",\"token\":\"{token}\"}}\n\n");
    for (at, byte) in wake.as_bytes().chunks(1).enumerate() {
        recorded.feed(at as u64, Input::Data { attempt: Attempt(1), bytes: byte });
    }
    assert_eq!(recorded.recorder.ended(), None);
    let journal = recorded.lines.concat();
    assert!(journal.contains(&format!("\"token_len\":{}", token.len())));
    assert!(!journal.contains("canary"));
}

/// A wake without its blank line, by a server that goes on with comments: its line is enough to record it.
#[test]
fn a_whole_object_is_held_no_longer_than_its_line() {
    let mut recorded = recorded();
    open(&mut recorded);
    let attempt = Attempt(1);
    let wake = b"event: wake\ndata: {\"url\":\"wss://a.example/canary\",\"token\":\"canary\"}";
    recorded.feed(1, Input::Data { attempt, bytes: wake });
    assert!(!recorded.lines.concat().contains("wss"));
    recorded.feed(2, Input::Data { attempt, bytes: b"\n: alive\n" });
    let journal = recorded.lines.concat();
    assert!(
        journal.contains(r#"{\"url\":\"wss://xxxxxxxxxxxxxxxx\",\"token\":\"xxxxxx\"}"#),
        "{journal}"
    );
    assert!(journal.contains(r#"\n:xxxxxx\n"#), "{journal}");
}

#[test]
fn a_chunk_that_is_longer_than_any_line_ends_the_journal() {
    let mut recorded = recorded();
    recorded.recorder = recorded.recorder.clone().limit(usize::MAX);
    let bytes = vec![b'x'; LINE_MOST];
    // Nobody reads it: there is no such attempt. It would be recorded all the same, by its length.
    recorded.feed(0, Input::Data { attempt: Attempt(7), bytes: &bytes });
    assert_eq!(recorded.recorder.ended(), Some(Ended::Limit));
}

#[test]
fn what_is_held_at_the_end_is_let_go_and_shows_nothing() {
    let mut recorded = recorded();
    open(&mut recorded);
    recorded.feed(
        1,
        Input::Data { attempt: Attempt(1), bytes: b"event: wake\ndata: {\"token\":\"canary" },
    );
    recorded.finish();
    let journal = recorded.lines.concat();
    assert!(journal.contains(r#""event: wake\ndata: xxxxxxxxxxxxxxxx""#), "{journal}");
    // Nothing that is held is shown by Debug either.
    assert!(!format!("{:?}", recorded.recorder).contains("canary"));
}
