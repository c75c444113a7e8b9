//! What the decoder promises, beyond the cases of `tests/event_stream.rs`.

mod limits;
mod properties;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use dormouse_testkit::standard::{self, Item as Seen};

use super::{Decoder, Event, Item, LimitExceeded, Limits};

const AMPLE: Limits = Limits { line: 1 << 20, data: 1 << 20 };
const ONLY: &[&str] = &["hello", "wake"];

/// Items that outlive their chunk are those of the transcription of the standard.
fn seen(item: Item<'_>) -> Seen {
    match item {
        Item::Event(Event { name, data, id }) => event(name, data, id),
        Item::Comment => Seen::Comment,
        Item::Retry(ms) => Seen::Retry(ms),
        Item::Skipped => Seen::Skipped,
    }
}

fn event(name: &str, data: &str, id: &str) -> Seen {
    Seen::Event { name: name.to_string(), data: data.to_string(), id: id.to_string() }
}

/// All that can be seen of a decoder from outside.
#[derive(Debug, PartialEq)]
struct Outcome {
    items: Vec<Seen>,
    limit: Option<LimitExceeded>,
    last_event_id: String,
    retry: Option<u64>,
    lines: u64,
    unfinished: bool,
}

impl From<standard::Outcome> for Outcome {
    fn from(outcome: standard::Outcome) -> Self {
        Self {
            items: outcome.items,
            limit: outcome.limit.map(limit),
            last_event_id: outcome.last_event_id,
            retry: outcome.retry,
            lines: outcome.lines,
            unfinished: outcome.unfinished,
        }
    }
}

fn limit(limit: standard::Limit) -> LimitExceeded {
    match limit {
        standard::Limit::Line => LimitExceeded::Line,
        standard::Limit::Data => LimitExceeded::Data,
    }
}

/// Feeds chunks until a limit is exceeded or there are no more.
fn run<'a>(decoder: &mut Decoder, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut items = Vec::new();
    let mut limit = None;
    'stream: for mut chunk in chunks {
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(item)) => items.push(seen(item)),
                Ok(None) => break,
                Err(exceeded) => {
                    limit = Some(exceeded);
                    break 'stream;
                }
            }
        }
        assert!(chunk.is_empty(), "more was asked for with {} bytes left", chunk.len());
    }
    Outcome {
        items,
        limit,
        last_event_id: decoder.last_event_id().to_string(),
        retry: decoder.retry(),
        lines: decoder.lines(),
        unfinished: decoder.is_unfinished(),
    }
}

/// The items of a stream, which must be the same whole and byte by byte.
fn items(stream: &str) -> Vec<Seen> {
    items_of(&Decoder::new(AMPLE), stream)
}

fn items_of(decoder: &Decoder, stream: &str) -> Vec<Seen> {
    let whole = run(&mut decoder.clone(), [stream.as_bytes()]);
    let bytes = run(&mut decoder.clone(), stream.as_bytes().chunks(1));
    assert_eq!(whole, bytes);
    assert_eq!(whole.limit, None);
    whole.items
}

#[test]
fn a_line_that_ends_in_cr_has_ended() {
    let mut decoder = Decoder::new(AMPLE);
    let outcome = run(&mut decoder, [&b"data: x\r\r"[..]]);
    assert_eq!(outcome.items, [event("message", "x", "")]);
    assert!(!outcome.unfinished);

    // The LF that was not waited for is no line of its own, now or after any number of empty chunks.
    let outcome = run(&mut decoder, [&b""[..], b"\n", b"data: y\r", b"\n", b"\r"]);
    assert_eq!(outcome.items, [event("message", "y", "")]);
    assert_eq!(outcome.lines, 4);
}

#[test]
fn only_one_lf_belongs_to_a_cr() {
    assert_eq!(items("data: x\r\n\n"), [event("message", "x", "")]);
    assert_eq!(items("data: x\r\r\n\n"), [event("message", "x", "")]);
}

#[test]
fn a_byte_order_mark_counts_once_and_only_whole() {
    assert_eq!(items("\u{FEFF}data: x\n\n"), [event("message", "x", "")]);
    assert_eq!(items("\u{FEFF}\u{FEFF}data: x\n\n"), []);
    let mut decoder = Decoder::new(AMPLE);
    let outcome = run(&mut decoder, [&b"\xEF\xBB"[..], b"data: x\n\n", b":\n"]);
    assert_eq!(outcome.items, [Seen::Comment]);
    assert_eq!(outcome.lines, 3);
}

#[test]
fn a_comment_is_reported_when_its_line_ends_and_leaves_the_event_alone() {
    let mut decoder = Decoder::new(AMPLE);
    let begun = run(&mut decoder, [&b"event: wake\ndata: x\n: still"[..]]);
    assert_eq!(begun.items, []);
    let ended = run(&mut decoder, [&b" here\n\n"[..]]);
    assert_eq!(ended.items, [Seen::Comment, event("wake", "x", "")]);
}

#[test]
fn retry_takes_effect_with_its_line() {
    assert_eq!(items("data: x\nretry: 9\n"), [Seen::Retry(9)]);
    assert_eq!(items("retry: 18446744073709551615\n"), [Seen::Retry(u64::MAX)]);
    assert_eq!(items("retry: 18446744073709551616\n"), [Seen::Retry(u64::MAX)]);
    assert_eq!(items("retry: 99999999999999999999999999\n"), [Seen::Retry(u64::MAX)]);
    assert_eq!(items("retry: 00000000000000000000000007\n"), [Seen::Retry(7)]);
    // A number too large does not excuse what follows it.
    assert_eq!(items("retry: 99999999999999999999999999x\n"), []);
    assert_eq!(items("retry:\nretry\nretry: +5\nretry: 5 \nretry:  5\n"), []);
}

#[test]
fn only_what_is_wanted_is_lent() {
    let decoder = Decoder::new(AMPLE).only(ONLY);
    assert_eq!(items_of(&decoder, "event: wake\ndata: x\n\n"), [event("wake", "x", "")]);
    assert_eq!(items_of(&decoder, "data: x\nevent: wake\n\n"), [event("wake", "x", "")]);
    assert_eq!(items_of(&decoder, "event: other\ndata: x\n\n"), [Seen::Skipped]);
    assert_eq!(items_of(&decoder, "data: x\n\n"), [Seen::Skipped]);
    assert_eq!(items_of(&decoder, "event: other\n\n"), [], "without data there is no event");
    assert_eq!(items_of(&decoder, "event: WAKE\ndata: x\n\n"), [Seen::Skipped]);
    // The filter does not reach beyond its block.
    assert_eq!(
        items_of(&decoder, "event: other\ndata: x\n\nevent: hello\ndata: y\n\n"),
        [Seen::Skipped, event("hello", "y", "")],
    );
    let messages = Decoder::new(AMPLE).only(&["message"]);
    assert_eq!(items_of(&messages, "data: x\n\n"), [event("message", "x", "")]);
    assert_eq!(items_of(&messages, "event:\ndata: x\n\n"), [event("message", "x", "")]);
    assert_eq!(items_of(&messages, "event: wake\ndata: x\n\n"), [Seen::Skipped]);
}

#[test]
fn a_renamed_event_is_lent_whole_or_not_at_all() {
    let decoder = Decoder::new(AMPLE).only(ONLY);
    for lost in [
        "event: other\ndata: x\nevent: wake\ndata: y\n\n",
        "data: x\nevent: other\nevent: wake\ndata: y\n\n",
        "data: x\n: cut here\nevent: other\nevent: wake\n\n",
    ] {
        let items = items_of(&decoder, lost);
        assert_eq!(items.last(), Some(&Seen::Skipped), "{lost:?}");
    }
    // Nothing had come yet that could have been lost.
    let kept = "event: other\nevent: wake\ndata: y\n\n";
    assert_eq!(items_of(&decoder, kept), [event("wake", "y", "")]);
}

#[test]
fn a_wanted_name_is_compared_as_text() {
    let mut decoder = Decoder::new(AMPLE).only(&["\u{FFFD}"]);
    let outcome = run(&mut decoder, [&b"event: \xFF\ndata: x\n\n"[..]]);
    assert_eq!(outcome.items, [event("\u{FFFD}", "x", "")]);
}

#[test]
fn what_came_whole_is_lent_in_place() {
    let chunk = b": first\nevent: wake\nid: 1\ndata: {}\n\n";
    let mut decoder = Decoder::new(AMPLE);
    let mut input = &chunk[..];
    assert_eq!(decoder.decode(&mut input), Ok(Some(Item::Comment)));
    let Ok(Some(Item::Event(event))) = decoder.decode(&mut input) else {
        panic!("an event was expected");
    };
    let within = chunk.as_ptr_range();
    assert!(within.contains(&event.data.as_ptr()) && within.contains(&event.name.as_ptr()));
    assert_eq!((event.name, event.data, event.id), ("wake", "{}", "1"));
}

#[test]
fn a_steady_stream_does_not_allocate() {
    let blocks = "id: 12\nevent: wake\ndata: {\"a\":\ndata: 1}\nretry: 5\n\n: alive\n\nfoo: bar\n\
                  data: one line, not short\n\ndata: \u{20AC}\nid: 13\nevent: hello\n\n";
    // Data that is not UTF-8 goes through a buffer of its own.
    let stream = [blocks.as_bytes(), b"data: \xFF\n\n"].concat();
    for size in [1, 7, 64, stream.len()] {
        let mut decoder = Decoder::new(AMPLE);
        let pass = |decoder: &mut Decoder| {
            run(decoder, stream.chunks(size));
            let mut buffers = decoder.buffers();
            // The two that hold ids change places.
            buffers.sort_unstable();
            buffers
        };
        // Twice, for both of them to have grown.
        pass(&mut decoder);
        let before = pass(&mut decoder);
        for _ in 0..10 {
            assert_eq!(pass(&mut decoder), before, "in chunks of {size}");
        }
    }
}

#[test]
fn what_means_nothing_is_not_stored() {
    let mut decoder = Decoder::new(Limits { line: 64, data: 64 }).only(ONLY);
    let block = [b'x'; 64];
    let starts: [(&[u8], &[Seen]); 4] = [
        (b":", &[Seen::Comment]),
        (b"datum", &[]),
        (b"event: no\ndata:", &[Seen::Skipped]),
        (b"unknown: ", &[]),
    ];
    for (start, expected) in starts {
        let before = decoder.capacity();
        let endless = core::iter::repeat_n(&block[..], (16 << 20) / block.len());
        let outcome =
            run(&mut decoder, [start].into_iter().chain(endless).chain([&b"\n"[..], b"\n"]));
        assert_eq!(outcome.items, expected);
        assert_eq!(outcome.limit, None);
        assert!(decoder.capacity() <= before + 64, "{}", decoder.capacity());
    }
}

#[test]
fn a_new_stream_begins_afresh_but_for_the_id() {
    let mut decoder = Decoder::new(AMPLE).only(ONLY);
    let long = "x".repeat(100_000);
    let first =
        format!("\u{FEFF}id: 7\n\nretry: 3\nevent: wake\nid: 8\ndata: {long}\ndata: {long}");
    assert!(run(&mut decoder, [first.as_bytes()]).unfinished);
    assert!(decoder.capacity() > 100_000);

    decoder.reset();
    assert!(decoder.capacity() < 32 * 1024, "{} bytes kept", decoder.capacity());
    assert_eq!((decoder.lines(), decoder.retry(), decoder.is_unfinished()), (0, None, false));
    assert_eq!(decoder.last_event_id(), "7", "8 was never committed");

    let second = "\u{FEFF}data: x\nevent: hello\n\nevent: other\ndata: x\n\n";
    let outcome = run(&mut decoder, [second.as_bytes()]);
    assert_eq!(outcome.items, [event("hello", "x", "7"), Seen::Skipped]);
}

#[test]
fn unfinished_is_what_the_end_of_the_stream_would_lose() {
    let after = |stream: &str| run(&mut Decoder::new(AMPLE), [stream.as_bytes()]).unfinished;
    for lost in [
        "\n:",
        "d",
        "data",
        "data:",
        "data: x",
        "data: x\n",
        "event: e\n",
        "id: 1\n",
        "retry: 5",
        "foo",
    ] {
        assert!(after(lost), "{lost:?}");
    }
    for done in [
        "",
        "\u{FEFF}",
        "\n",
        "data: x\n\n",
        "data: x\r\r",
        ":\n",
        "retry: 5\n",
        "foo\n",
        "event:\n",
    ] {
        assert!(!after(done), "{done:?}");
    }
    assert!(run(&mut Decoder::new(AMPLE), [&b"\xEF\xBB"[..]]).unfinished);
}

#[test]
fn lines_count_when_they_end() {
    let mut decoder = Decoder::new(AMPLE);
    let mut lines = |chunk: &str| run(&mut decoder, [chunk.as_bytes()]).lines;
    assert_eq!(lines(": a"), 0);
    assert_eq!(lines(" comment that trickles in"), 0);
    assert_eq!(lines("\n"), 1);
    assert_eq!(lines("\n\r"), 3);
    assert_eq!(lines("\ndata: x\nfoo\n"), 5);
}

#[test]
fn debug_tells_lengths_not_content() {
    let mut decoder = Decoder::new(AMPLE);
    run(
        &mut decoder,
        [&b"id: SECRET\n\nevent: SECRET\nid: SECRET\ndata: SECRET\ndata: SECRET"[..]],
    );
    let debug = format!("{decoder:?}");
    assert!(!debug.contains("SECRET") && !debug.contains("83, 69"), "{debug}");
    assert!(debug.contains("13"), "{debug}");

    run(&mut decoder, [&b"\nid: SECRET"[..]]);
    let debug = format!("{decoder:?}");
    assert!(!debug.contains("SECRET") && !debug.contains("83, 69"), "{debug}");

    let item = Item::Event(Event { name: "wake", data: "SECRET", id: "" });
    let debug = format!("{item:?}");
    assert!(!debug.contains("SECRET") && debug.contains("wake") && debug.contains('6'), "{debug}");
}

#[test]
fn can_be_shared_between_threads() {
    fn check<T: Send + Sync>(_: &T) {}
    check(&Decoder::new(Limits::default()));
}

#[test]
fn ill_formed_text_is_replaced_in_names_and_ids_too() {
    let mut decoder = Decoder::new(AMPLE);
    let outcome =
        run(&mut decoder, [&b"id: \xFF1\nevent: a\xC3\ndata: \xE2\x82\ndata: \xAC\n\n"[..]]);
    assert_eq!(outcome.items, [event("a\u{FFFD}", "\u{FFFD}\n\u{FFFD}", "\u{FFFD}1")]);
}

/// What is still to come of a block is in its outlook, and can be printed without being shown.
#[test]
fn an_outlook_has_the_name_that_was_stored_and_shows_none_of_it() {
    let outlook = |chunks: &[&str]| {
        let mut decoder = Decoder::new(Limits::default());
        for chunk in chunks {
            let mut input = chunk.as_bytes();
            while decoder.decode(&mut input).expect("no limit").is_some() {}
        }
        decoder.outlook()
    };
    let whole = outlook(&["event: one\ndata: canary\n"]);
    assert_eq!(whole, outlook(&["event", ": o", "ne\nda", "ta: can", "ary", "\n"]));
    assert_ne!(whole, outlook(&["event: two\ndata: canary\n"]));
    assert_ne!(whole, outlook(&["event: one\ndata: other!\n"]));
    let shown = format!("{whole:?}");
    assert!(shown.contains("[6 bytes]") && !shown.contains("canary"), "{shown}");
}

/// Nothing comes of a stream that broke a limit, however often it is asked.
#[test]
fn a_broken_limit_stays_broken() {
    let mut decoder = Decoder::new(Limits { line: 8, data: 8 });
    for piece in ["data: 123456789", "\n\n", "data: 1\n\n"] {
        let mut input = piece.as_bytes();
        assert_eq!(decoder.decode(&mut input), Err(LimitExceeded::Line));
    }
}
