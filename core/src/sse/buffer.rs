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
