//! Bytes and text that outlive the chunk they came in, within a limit.
//!
//! A buffer that grows as the standard library's do may end up at twice its longest content. These
//! double as well, so that appending stays linear, but never past the limit, and a text that is written
//! in one go takes just what it needs.

use alloc::string::String;
use alloc::vec::Vec;

/// Capacity that a buffer may keep from one stream to the next, in bytes.
const KEPT: usize = 4 * 1024;

/// The least capacity that is worth asking the allocator for, in bytes.
const LEAST: usize = 256;

/// Appends `piece`, for which there is room within `limit`.
#[inline(always)]
pub(super) fn append(buffer: &mut Vec<u8>, piece: &[u8], limit: usize) {
    if buffer.capacity() - buffer.len() < piece.len() {
        grow(buffer, piece.len(), limit);
    }
    match piece {
        // Where the stream comes in single bytes, calling `memcpy` for each would cost more than the rest.
        [byte] => buffer.push(*byte),
        _ => buffer.extend_from_slice(piece),
    }
}

#[cold]
fn grow(buffer: &mut Vec<u8>, more: usize, limit: usize) {
    let needed = buffer.len().saturating_add(more);
    let doubled = buffer.capacity().saturating_mul(2).max(LEAST);
    let capacity = doubled.min(limit).max(needed);
    buffer.reserve_exact(capacity - buffer.len());
}

/// Replaces the content of `buffer`.
pub(super) fn assign(buffer: &mut String, text: &str) {
    buffer.clear();
    buffer.reserve_exact(text.len());
    buffer.push_str(text);
}

/// Replaces the content of `buffer` by `bytes`, each ill-formed sequence as U+FFFD: what the standard's
/// "UTF-8 decode" makes of them.
///
/// `None` if that is longer than `limit`, as it may be: U+FFFD takes three bytes, what it stands for
/// one to three.
pub(super) fn assign_lossy(buffer: &mut String, bytes: &[u8], limit: usize) -> Option<()> {
    let pieces = || {
        bytes.utf8_chunks().flat_map(|chunk| {
            let replacement = if chunk.invalid().is_empty() { "" } else { "\u{FFFD}" };
            [chunk.valid(), replacement]
        })
    };
    let length = pieces().map(str::len).sum();
    buffer.clear();
    if length > limit {
        return None;
    }
    buffer.reserve_exact(length);
    buffer.extend(pieces());
    Some(())
}

/// Empties a buffer, and gives it back if it is a large one.
pub(super) fn release(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT);
}

/// The same for text.
pub(super) fn release_text(buffer: &mut String) {
    buffer.clear();
    buffer.shrink_to(KEPT);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_doubles_up_to_its_limit_and_no_further() {
        let mut buffer = Vec::new();
        let mut capacities = Vec::new();
        for length in 1..=1000 {
            append(&mut buffer, b"x", 1000);
            assert_eq!(buffer.len(), length);
            if capacities.last() != Some(&buffer.capacity()) {
                capacities.push(buffer.capacity());
            }
        }
        assert_eq!(capacities, [256, 512, 1000]);
    }

    #[test]
    fn a_piece_that_is_longer_gets_what_it_needs() {
        let mut buffer = Vec::new();
        append(&mut buffer, &[b'x'; 300], 1000);
        assert_eq!(buffer.capacity(), 300);
        append(&mut buffer, &[b'x'; 350], 1000);
        assert_eq!(buffer.capacity(), 650);
        append(&mut buffer, b"", 1000);
        assert_eq!(buffer.capacity(), 650);
    }

    #[test]
    fn what_had_grown_is_given_back_but_for_4_kib() {
        for (had, kept) in [(100, 100), (4096, 4096), (4097, 4096), (100_000, 4096)] {
            let mut buffer = Vec::with_capacity(had);
            buffer.push(b'x');
            release(&mut buffer);
            assert_eq!((buffer.len(), buffer.capacity()), (0, kept));
            let mut text = String::with_capacity(had);
            text.push('x');
            release_text(&mut text);
            assert_eq!((text.len(), text.capacity()), (0, kept));
        }
    }
}
