//! Where a line ends, which field it sets, and how much of it has been seen.
//!
//! A chunk may be cut anywhere: inside the byte order mark, a field's name, a value, or between a CR
//! and its LF. [`Line`] is all that has to be remembered across such a cut. However the stream is cut, the
//! work is linear in its bytes: what has been searched for a line end is taken off the input, and from
//! then on is either in a buffer or forgotten.

use memchr::memchr2;

use super::LimitExceeded;

/// Where in a line the stream stands between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum At {
    /// In what may be a byte order mark, with nothing else of the stream seen.
    Mark,
    /// The previous line has ended.
    Start,
    /// The previous line has ended with a CR: an LF that comes next belongs to that line end.
    AfterCr,
    /// In what may be the name of a known field.
    Name,
    /// Behind a known field's name and colon, where one space is removed.
    Colon,
    /// In a known field's value.
    Value,
    /// In a comment, whose end is reported.
    Comment,
    /// In a line that means nothing: an unknown field, or data that is skipped.
    Ignored,
    /// Behind all that is read of the stream: a limit was exceeded.
    Spent(LimitExceeded),
}

/// A line of which more may be to come.
///
/// Scalars, each read and written by itself: an enum with the same in its variants would be moved as a
/// whole for every chunk, which costs more than all the rest where chunks are a few bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) at: At,
    /// The field, once its name is known.
    pub(super) field: Field,
    /// Bytes of the line so far, up to the end of a value. Not counted in what is skipped.
    pub(super) length: usize,
    /// The first of these bytes, up to the end of the name.
    pub(super) name: [u8; LONGEST_NAME],
}

impl Line {
    /// The first of a stream.
    pub(super) const FIRST: Self =
        Self { at: At::Mark, field: Field::Data, length: 0, name: [0; LONGEST_NAME] };

    /// One byte order mark is dropped, at the very start of the stream; elsewhere it is content.
    #[cold]
    pub(super) fn take_mark<'b>(&mut self, rest: &'b [u8]) -> &'b [u8] {
        let expected = BYTE_ORDER_MARK.get(self.length..).unwrap_or_default();
        let same = expected.iter().zip(rest).take_while(|(a, b)| a == b).count();
        let rest = rest.get(same..).unwrap_or_default();
        self.length += same;
        if same == expected.len() || self.length == 0 {
            self.at = At::Start;
        } else if !rest.is_empty() {
            // What looked like a mark is the name of a field that nobody knows.
            self.at = At::Ignored;
        }
        rest
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();

/// A name that is longer is not known.
const LONGEST_NAME: usize = 5;

/// The fields that the standard knows. Any other is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Data,
    Event,
    Id,
    Retry,
}

impl Field {
    /// The field of exactly this name: case matters, and so does a space.
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"data" => Some(Self::Data),
            b"event" => Some(Self::Event),
            b"id" => Some(Self::Id),
            b"retry" => Some(Self::Retry),
            _ => None,
        }
    }
}

/// How much of a line there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All of it: the next line begins here.
    Line,
    /// All of it, by a CR at the end of the chunk.
    Cr,
    /// Not all: the chunk ended first.
    Chunk,
}

/// Parts `bytes` behind the current line, which is returned without its terminator, as far as it goes.
///
/// LF, CR and CRLF end a line. A CR has done so by itself, with no look at what follows: waiting for
/// the byte after it would hold an event back for as long as the server has nothing more to say.
#[inline(always)]
pub(super) fn take(bytes: &[u8]) -> (&[u8], &[u8], End) {
    let parts = find_end(bytes).and_then(|end| bytes.split_at_checked(end));
    match parts {
        Some((line, [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..])) => (line, rest, End::Line),
        Some((line, [_])) => (line, &[], End::Cr),
        Some((line, [_, rest @ ..])) => (line, rest, End::Line),
        Some((_, [])) | None => (bytes, &[], End::Chunk),
    }
}

/// Whether a line ends in these bytes. Asked of what goes on from an earlier chunk, and may be long.
#[inline(always)]
pub(super) fn has_end(bytes: &[u8]) -> bool {
    let long = bytes.len() >= 2 * BLOCK;
    if long { memchr2(b'\n', b'\r', bytes).is_some() } else { find_end(bytes).is_some() }
}

/// The offset of the first CR or LF.
///
/// Most lines of a quiet stream are comments, names and short data, for which setting up a vector search
/// costs more than the search: so the first bytes are looked at a word at a time, some more a block at a
/// time, and only a long rest is left to `memchr`.
#[inline(always)]
fn find_end(bytes: &[u8]) -> Option<usize> {
    const WORDS: usize = 2;
    const BLOCKS: usize = 2;

    let mut rest = bytes;
    for _ in 0..WORDS {
        let Some((word, after)) = rest.split_first_chunk() else { break };
        if let Some(at) = find_low_in_word(*word) {
            return end_from(bytes, bytes.len() - rest.len() + at);
        }
        rest = after;
    }
    for _ in 0..BLOCKS {
        let Some((block, after)) = rest.split_first_chunk() else { break };
        if has_end_in_block(block) {
            return find_end_by_words(bytes, bytes.len() - rest.len());
        }
        rest = after;
    }
    let from = bytes.len() - rest.len();
    if rest.len() < BLOCK { find_end_by_words(bytes, from) } else { find_far_end(bytes, from) }
}

/// The same, where before `from` there is none.
#[inline(always)]
fn find_end_by_words(bytes: &[u8], from: usize) -> Option<usize> {
    let mut rest = bytes.get(from..)?;
    while let Some((word, after)) = rest.split_first_chunk() {
        if let Some(at) = find_low_in_word(*word) {
            return end_from(bytes, bytes.len() - rest.len() + at);
        }
        rest = after;
    }
    match bytes.last_chunk() {
        _ if rest.is_empty() => None,
        // The last word again, of which only what is left can have an end.
        Some(word) => end_from(bytes, bytes.len() - word.len() + find_low_in_word(*word)?),
        None => bytes.iter().position(|&byte| is_end(byte)),
    }
}

/// The same, where the first byte that is low is at `low`: nearly always the end.
#[inline(always)]
fn end_from(bytes: &[u8], low: usize) -> Option<usize> {
    match bytes.get(low) {
        Some(&byte) if is_end(byte) => Some(low),
        _ => find_far_end(bytes, low + 1),
    }
}

fn find_far_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr2(b'\n', b'\r', bytes.get(from..)?).map(|at| from + at)
}

#[inline(always)]
pub(super) fn is_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

/// The first of eight bytes that is as low as a line end: in text there is hardly any other. All at once, without a
/// branch for each.
///
/// Subtracting from each byte borrows into the top bit where the byte was lower. Above such a byte
/// the borrow may reach one that was not, so only the lowest mark is to be trusted, and it is asked for.
#[inline(always)]
fn find_low_in_word(word: [u8; 8]) -> Option<usize> {
    const HIGHER: u64 = u64::from_ne_bytes([b'\r' + 1; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = u64::from_le_bytes(word);
    let marks = word.wrapping_sub(HIGHER) & !word & TOPS;
    (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
}

const BLOCK: usize = 32;

/// Two passes that do not stop early: this is the form that compilers turn into vector instructions.
#[inline(always)]
fn has_end_in_block(block: &[u8; BLOCK]) -> bool {
    let has = |end| block.iter().fold(false, |has, &byte| has | (byte == end));
    has(b'\n') | has(b'\r')
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn an_end_is_found_wherever_it_is() {
        // Bytes that differ from an end in one bit, or that a borrow would reach, are none.
        for filler in [b'x', 0x0B, 0x0C, 0x0E, 0x08, 0x8A, 0x8D, 0x00, 0xFF] {
            for length in 0..200 {
                let mut bytes = vec![filler; length];
                assert_eq!(find_end(&bytes), None, "{filler} {length}");
                for at in 0..length {
                    for end in [b'\n', b'\r'] {
                        bytes[at] = end;
                        assert_eq!(find_end(&bytes), Some(at), "{filler} {length}");
                        bytes[at] = filler;
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_end_counts() {
        for length in 2..100 {
            for at in 0..length - 1 {
                let mut bytes = vec![b'x'; length];
                bytes[at] = b'\r';
                bytes[at + 1..].fill(b'\n');
                assert_eq!(find_end(&bytes), Some(at), "{length}");
                bytes[at..].fill(b'\x0B');
                bytes[at] = b'\n';
                assert_eq!(find_end(&bytes), Some(at), "{length}");
            }
        }
    }
}
