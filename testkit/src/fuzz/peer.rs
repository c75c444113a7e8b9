//! A second opinion on event streams: sse-codec, and where it is known to differ from the standard.
//!
//! A stream is not left out because a difference may show: it is rewritten, line by line, into one that means the
//! same by the standard and on which both have to agree. That it means the same is checked each time. [`KNOWN`] has a
//! case for each difference, which fails once a newer sse-codec no longer differs: then its line in [`rewrite`] can
//! go.

use futures_lite::{StreamExt, future};
use sse_codec::Event;

use crate::standard::{self, Item};

/// A stream that sse-codec 0.3.3 reads otherwise than the standard does.
#[derive(Debug)]
pub struct Difference {
    /// What it does otherwise.
    pub name: &'static str,
    /// Where it shows.
    pub stream: &'static [u8],
}

/// Each known difference that shows in what comes.
///
/// Two do not: an id in a block without data is not seen before the next event, which is to say that sse-codec
/// has no last event id to ask for; and it searches a long line again from its start with every chunk.
pub const KNOWN: &[Difference] = &[
    Difference { name: "retry with a space is ignored", stream: b"retry: 3000\n" },
    Difference { name: "retry that is no u64 is ignored", stream: b"retry:18446744073709551616\n" },
    Difference { name: "id without a colon is ignored", stream: b"id: 1\ndata\n\nid\ndata\n\n" },
    Difference { name: "event without a colon is ignored", stream: b"event: x\nevent\ndata\n\n" },
    Difference { name: "an empty event is a type of its own", stream: b"event:\ndata\n\n" },
    Difference { name: "ill-formed UTF-8 is an error", stream: b"data: \xFF\n\n" },
    Difference { name: "a late byte order mark is dropped", stream: b"\n\xEF\xBB\xBFdata\n\n" },
];

/// What sse-codec makes of a stream; `None` where it fails.
#[must_use]
pub fn decode(stream: &[u8]) -> Option<Vec<Item>> {
    let events: Result<Vec<Event>, _> =
        future::block_on(sse_codec::decode_stream(stream).try_collect());
    let item = |event| match event {
        Event::Message { id, event, data } => {
            Item::Event { name: event, data, id: id.unwrap_or_default() }
        }
        Event::Retry { retry } => Item::Retry(retry),
    };
    Some(events.ok()?.into_iter().map(item).collect())
}

/// Holds what came of a stream against what sse-codec makes of it.
///
/// # Panics
///
/// If they differ otherwise than is known.
pub fn agrees(stream: &[u8], items: &[Item]) {
    let text = standard::utf8_decode(stream);
    let rewritten = rewrite(&text);
    let means = |stream: &[u8]| standard::decode(stream, None).items;
    assert_eq!(means(stream), means(rewritten.as_bytes()), "a rewritten stream means the same");
    // It does not report comments.
    let items: Vec<Item> = items.iter().filter(|item| **item != Item::Comment).cloned().collect();
    assert_eq!(decode(rewritten.as_bytes()), Some(items));
}

/// The same stream without what sse-codec is known to read otherwise: a text that has no mark of its own, with
/// one, so that none comes late.
fn rewrite(text: &str) -> String {
    let mut rewritten = String::from("\u{FEFF}");
    let mut rest = text;
    while let Some(end) = rest.find(['\r', '\n']) {
        let (line, after) = rest.split_at(end);
        match line.split_once(':') {
            None if ["id", "event"].contains(&line) => {
                rewritten.push_str(line);
                rewritten.push(':');
                if line == "event" {
                    rewritten.push_str("message");
                }
            }
            Some(("event", "" | " ")) => rewritten.push_str("event:message"),
            Some(("retry", value)) => {
                let value = value.strip_prefix(' ').unwrap_or(value);
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let time = value.parse().unwrap_or(u64::MAX);
                rewritten.push_str(&if digits { format!("retry:{time}") } else { line.to_owned() });
            }
            _ => rewritten.push_str(line),
        }
        let ending = if after.starts_with("\r\n") { 2 } else { 1 };
        rewritten.push_str(&after[..ending]);
        rest = &after[ending..];
    }
    rewritten.push_str(rest);
    rewritten
}
