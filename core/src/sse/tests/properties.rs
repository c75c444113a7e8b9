//! Streams that nobody would think of.

use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{AMPLE, Decoder, LimitExceeded, Limits, ONLY, Outcome, reference, run};

/// Bytes that are likely to mean something.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    const WORDS: &[&str] = &[
        "data",
        "data:",
        "data: ",
        "data: x\n",
        "event",
        "event:",
        "event: ",
        "event: wake\n",
        "event: no\n",
        "id",
        "id:",
        "id: ",
        "id: 1\n",
        "retry:",
        "retry: ",
        "wake",
        "hello",
        "message",
        ":",
        ": ",
        " ",
        "5",
        "18446744073709551616",
        "\n",
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "\0",
        "\u{FEFF}",
        "é€😀",
        "a longer piece of text, which is more than a block: 0123456789abcdef",
    ];
    let word = prop_oneof![
        8 => prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| [byte].to_vec()),
        1 => prop::sample::select(&[0xEF_u8, 0xBB, 0xBF, 0xC3, 0xE2, 0xF0, 0x9F][..])
            .prop_map(|byte| [byte].to_vec()),
    ];
    vec(word, 0..40).prop_map(|words| words.concat())
}

fn limits() -> impl Strategy<Value = Limits> {
    (0..32_usize, 0..32_usize).prop_map(|(line, data)| Limits { line, data })
}

fn decoder(limits: Limits, filtered: bool) -> Decoder {
    let decoder = Decoder::new(limits);
    if filtered { decoder.only(ONLY) } else { decoder }
}

/// Cuts a stream into pieces of these sizes, over and over.
fn cut<'a>(stream: &'a [u8], sizes: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = stream;
    let mut sizes = sizes.iter().cycle();
    core::iter::from_fn(move || {
        let size = *sizes.next()?;
        (!rest.is_empty()).then(|| {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            rest = after;
            piece
        })
    })
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    // Empty chunks as well, but not only those.
    vec(0..12_usize, 0..6).prop_map(|mut sizes| {
        sizes.push(3);
        sizes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_standard_says_the_same(stream in stream(), sizes in sizes(), filtered: bool) {
        let expected = reference::decode(&stream, filtered.then_some(ONLY));
        let decoder = decoder(AMPLE, filtered);
        prop_assert_eq!(&run(&mut decoder.clone(), [&stream[..]]), &expected, "whole");
        prop_assert_eq!(&run(&mut decoder.clone(), stream.chunks(1)), &expected, "byte by byte");
        prop_assert_eq!(&run(&mut decoder.clone(), cut(&stream, &sizes)), &expected, "cut");
    }

    #[test]
    fn a_cut_makes_no_difference_to_limits(
        stream in stream(), sizes in sizes(), limits in limits(), filtered: bool,
    ) {
        let decoder = decoder(limits, filtered);
        let whole = run(&mut decoder.clone(), [&stream[..]]);
        prop_assert_eq!(&run(&mut decoder.clone(), stream.chunks(1)), &whole, "byte by byte");
        prop_assert_eq!(&run(&mut decoder.clone(), cut(&stream, &sizes)), &whole, "cut");
    }

    #[test]
    fn limits_are_what_they_say(stream in stream(), limits in limits()) {
        let outcome = run(&mut Decoder::new(limits), [&stream[..]]);
        let unlimited = reference::decode(&stream, None);
        let exceeded = first_exceeded(&stream, limits);
        prop_assert_eq!(outcome.limit, exceeded);
        if exceeded.is_none() {
            prop_assert_eq!(outcome, unlimited);
        } else {
            let Outcome { items, .. } = outcome;
            prop_assert!(unlimited.items.starts_with(&items), "{:?}", items);
        }
    }

    #[test]
    fn buffers_stay_within_limits(
        stream in stream(), sizes in sizes(), limits in limits(), filtered: bool,
    ) {
        let mut decoder = decoder(limits, filtered);
        // The value of a line, a name and two ids; the data, and the data mended.
        let most = 4 * limits.line + 2 * limits.data;
        for chunk in cut(&stream, &sizes) {
            run(&mut decoder, [chunk]);
            prop_assert!(decoder.capacity() <= most, "{} of {}", decoder.capacity(), most);
        }
    }
}

/// The limit that the stream exceeds first, found by asking after each byte whether it does.
///
/// It goes by the stream so far, seen as a whole: no state, hence nothing to get wrong at a cut.
fn first_exceeded(stream: &[u8], limits: Limits) -> Option<LimitExceeded> {
    (1..=stream.len()).find_map(|end| exceeded(&stream[..end], limits))
}

fn exceeded(stream: &[u8], limits: Limits) -> Option<LimitExceeded> {
    let bom = "\u{FEFF}".as_bytes();
    let text = stream.strip_prefix(bom).unwrap_or(stream);
    let mut data: Option<Vec<u8>> = None;
    let mut rest = text;
    loop {
        let end = rest.iter().position(|byte| b"\r\n".contains(byte));
        let line = &rest[..end.unwrap_or(rest.len())];
        let colon = line.iter().position(|&byte| byte == b':');
        if colon.is_some() || end.is_some() {
            let (name, value) = line.split_at(colon.unwrap_or(line.len()));
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let known = [&b"data"[..], b"event", b"id", b"retry"].contains(&name);
            if known && line.len() > limits.line {
                return Some(LimitExceeded::Line);
            }
            let text = [&b"event"[..], b"id"].contains(&name);
            let ignored = name == b"id" && value.contains(&0);
            if text && !ignored && end.is_some() && lossy(value) > limits.line {
                return Some(LimitExceeded::Line);
            }
            if name == b"data" {
                if let Some(data) = &mut data {
                    data.push(b'\n');
                }
                data.get_or_insert_default().extend(value);
            }
        }
        if data.as_ref().is_some_and(|data| data.len() > limits.data) {
            return Some(LimitExceeded::Data);
        }
        let end = end?;
        if line.is_empty() && data.take().is_some_and(|data| lossy(&data) > limits.data) {
            return Some(LimitExceeded::Data);
        }
        rest = &rest[end..];
        rest = rest.strip_prefix(b"\r\n").unwrap_or(&rest[1..]);
    }
}

fn lossy(bytes: &[u8]) -> usize {
    alloc::string::String::from_utf8_lossy(bytes).len()
}
