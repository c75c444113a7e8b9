//! What stands in a journal for what must not: as long as it was, of nothing that it was.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Overwrites text with `symbol`, an ASCII one.
///
/// Three things about a text may matter to the decoder, and they stay: its length, where it is not UTF-8 (which
/// makes it longer once U+FFFD has taken the place of that), and where a NUL is (which voids an id).
pub(super) fn fill(text: &mut [u8], symbol: u8) {
    let mut filled = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        filled.extend(chunk.valid().bytes().map(|byte| if byte == 0 { 0 } else { symbol }));
        // The same number of bytes that U+FFFD stands for as one. None begins with a continuation byte, so
        // that each stays by itself.
        filled.extend_from_slice(match chunk.invalid().len() {
            0 => b"",
            1 => b"\xFF",
            2 => b"\xE2\x82",
            _ => b"\xF0\x9F\x98",
        });
    }
    // It never is another length; if it were, this would still show nothing.
    text.fill(symbol);
    text.iter_mut().zip(filled).for_each(|(place, byte)| *place = byte);
}

/// Text that takes `room` bytes of a stream, or fewer, and is `len` bytes long once it has been read.
///
/// It may have to be longer than it looks: U+FFFD, three bytes, may stand for one or two that are not UTF-8.
pub(super) fn text(len: usize, room: usize) -> Vec<u8> {
    let mut more = len.saturating_sub(room);
    let mut text = Vec::with_capacity(len.min(room));
    if more % 2 == 1 {
        text.extend_from_slice(b"\xE2\x82");
        more -= 1;
    }
    text.resize(text.len().saturating_add(more / 2), 0xFF);
    text.resize(len.min(room), b'x');
    text
}

/// A wake's URL with all that its scheme does not say veiled: a server may put a secret anywhere into it.
pub(super) fn url(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", "x".repeat(rest.len())),
        // No wake has such a URL.
        None => "x".repeat(url.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_matters_about_a_text_stays(
            text in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(0xE2), Just(0x82), Just(0xF0), Just(b'a')], 0..40,
            ),
        ) {
            let mut filled = text.clone();
            fill(&mut filled, b'x');
            prop_assert_eq!(filled.len(), text.len());
            let lens = |text: &[u8]| {
                text.utf8_chunks().map(|chunk| (chunk.valid().len(), chunk.invalid().len())).collect::<Vec<_>>()
            };
            prop_assert_eq!(lens(&filled), lens(&text));
            prop_assert_eq!(filled.contains(&0), text.contains(&0));
            prop_assert!(filled.iter().all(|byte| b"\0x\xFF\xE2\x82\xF0\x9F\x98".contains(byte)));
        }

        #[test]
        fn a_filler_is_as_long_as_it_has_to_be(
            raw in proptest::collection::vec(prop_oneof![Just("\u{FF}"), Just("a")], 0..40), pairs in 0..4_usize,
        ) {
            // Bytes that are not UTF-8 by themselves, some in pairs, and ones that are.
            let mut bytes: Vec<u8> = raw.iter().map(|one| if *one == "a" { b'a' } else { 0xFF }).collect();
            bytes.extend(b"\xE2\x82".repeat(pairs));
            let len = String::from_utf8_lossy(&bytes).len();
            let filler = text(len, bytes.len());
            prop_assert!(filler.len() <= bytes.len());
            prop_assert_eq!(String::from_utf8_lossy(&filler).len(), len);
        }
    }

    #[test]
    fn of_a_url_the_scheme_stays() {
        assert_eq!(url("wss://go.example/canary?x=canary#1"), "wss://xxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        assert_eq!(url("canary"), "xxxxxx");
    }
}
