//! Streams that nobody would think of.

use alloc::vec::Vec;

use dormouse_testkit::standard;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{AMPLE, Decoder, Limits, ONLY, Outcome, Seen, limit, run};

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
        let expected = Outcome::from(standard::decode(&stream, filtered.then_some(ONLY)));
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
    fn quiet_is_the_same_without_comments(
        stream in stream(), sizes in sizes(), limits in limits(), ample: bool, filtered: bool,
    ) {
        let mut loud = decoder(if ample { AMPLE } else { limits }, filtered);
        let mut quiet = loud.clone().quiet();
        let mut expected = run(&mut loud, cut(&stream, &sizes));
        let came = run(&mut quiet, cut(&stream, &sizes));
        let items = expected.items.len();
        expected.items.retain(|item| *item != Seen::Comment);
        prop_assert_eq!(&came, &expected);
        prop_assert_eq!(quiet.comments(), (items - expected.items.len()) as u64);
        prop_assert_eq!((quiet.comments(), quiet.lines()), (loud.comments(), loud.lines()));
        prop_assert_eq!(quiet.is_unfinished(), loud.is_unfinished());
    }

    #[test]
    fn limits_are_what_they_say(stream in stream(), limits in limits(), filtered: bool) {
        let only = filtered.then_some(ONLY);
        let outcome = run(&mut decoder(limits, filtered), [&stream[..]]);
        let exceeded = standard::first_exceeded(&stream, limits.line, limits.data, only);
        prop_assert_eq!(outcome.limit, exceeded.map(|(_, exceeded)| limit(exceeded)));
        match exceeded {
            None => prop_assert_eq!(outcome, standard::decode(&stream, only).into()),
            // All that came before the byte that was too much, and nothing after it.
            Some((at, _)) => {
                prop_assert_eq!(outcome.items, standard::decode(&stream[..at - 1], only).items);
            }
        }
    }

    /// What the halving in the transcription rests on, looked at byte by byte.
    #[test]
    fn what_was_too_much_stays_too_much(stream in stream(), limits in limits(), filtered: bool) {
        let only = filtered.then_some(ONLY);
        let exceeded = |end| standard::exceeded(&stream[..end], limits.line, limits.data, only);
        let first = (0..=stream.len()).find_map(|end| exceeded(end).map(|limit| (end, limit)));
        let found = standard::first_exceeded(&stream, limits.line, limits.data, only);
        prop_assert_eq!(found, first);
        let after = first.map_or(stream.len() + 1, |(end, _)| end);
        prop_assert!((after..=stream.len()).all(|end| exceeded(end).is_some()));
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
