//! From bytes to items: the decoder, and the ways into a chunk.
//!
//! The standard describes the decoding of a stream that has ended, and of text. The same is done here on
//! bytes as they come, which is equivalent because neither a line end nor a colon can be part of a longer
//! UTF-8 sequence, well-formed or not.
//!
//! Whatever comes, the loop in `lines` finds what it is. What comes most has a short way past it: comments, an event
//! that lies whole in the chunk, more of a value that is only to be stored, and a byte that comes alone. A short way
//! decides nothing of its own: it does what the loop would do, or leaves it to the loop.

mod lines;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::block::{self, Block, Lent};
use super::buffer::release;
use super::line::{self, At, End, Field, Line};
use super::whole::Whole;
use super::{Event, Item, LimitExceeded, Limits};
use crate::secret::Hidden;
use lines::Found;

/// Decodes one event stream, from chunks of any size; see the [module](super).
///
/// It holds at most one event's data and one line, each up to its [limit](Limits), and the texts of one
/// name and two ids, each up to the limit of a line; and the data once more where it was not UTF-8.
#[derive(Clone)]
pub struct Decoder {
    line: Line,
    block: Block,
    /// The value of the line at hand, as far as earlier chunks had it. Data does not pass through here.
    value: Vec<u8>,
    retry: Option<u64>,
    lines: u64,
    comments: u64,
    /// Comments are counted and not yielded.
    quiet: bool,
}

/// In a chunk that is smaller, in bytes, hardly any event is whole.
const WHOLE: usize = 20;

/// The decoder's part of a watch's outlook: the line at hand, and the block so far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Outlook {
    at: At,
    field: Option<Field>,
    length: usize,
    prefix: Hidden,
    value: Hidden,
    block: block::Outlook,
}

impl Decoder {
    /// A decoder at the start of a stream, without a last event id.
    pub fn new(limits: Limits) -> Self {
        Self {
            line: Line::FIRST,
            block: Block::new(limits),
            value: Vec::new(),
            retry: None,
            lines: 0,
            comments: 0,
            quiet: false,
        }
    }

    /// Lends only events of these names; of any other it yields [`Item::Skipped`].
    ///
    /// As soon as an `event` field names an event that is not wanted, its data is skipped as a comment
    /// is: not stored, and of any length. Data that stood before the name was stored under the limits,
    /// and is let go. An event without a name is a `message`, wanted if that is listed; as its name may
    /// still come, its data is stored until the blank line.
    ///
    /// A block that is renamed, by a second `event` field, after data of it was let go is never lent.
    #[must_use]
    pub fn only(mut self, names: &'static [&'static str]) -> Self {
        self.block.only(names);
        self
    }

    /// Yields no [`Item::Comment`]: comments are only [counted](Self::comments).
    ///
    /// A sleeping device hears nothing but comments. Whoever only wants to know that the server lives learns it from
    /// a count as well, and is called once for each chunk instead of once for each comment.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Takes bytes off the front of `input` up to the end of the next item, and lends that.
    ///
    /// `Ok(None)` means that all of `input` was taken and that more is needed. An item is yielded with
    /// the byte that completes it, also where that is a CR. How the stream is cut into inputs makes no
    /// difference to the items, only to what is copied: a line that came whole is lent from `input`.
    ///
    /// # Errors
    ///
    /// A line or an event's data is longer than its limit. Nothing more can be made of this stream: the
    /// input is taken, and every further call takes its input and returns the same error, until
    /// [`reset`](Self::reset).
    #[inline]
    pub fn decode<'a, 'b: 'a>(
        &'a mut self,
        input: &mut &'b [u8],
    ) -> Result<Option<Item<'a>>, LimitExceeded> {
        if let [byte] = *input {
            if self.take_byte(*byte) {
                *input = &[];
                return Ok(None);
            }
        }
        self.decode_chunk(input)
    }

    /// What is next in a chunk of any size. Each way has a frame of its own, so that one which does little costs little.
    #[inline(never)]
    fn decode_chunk<'a, 'b: 'a>(
        &'a mut self,
        input: &mut &'b [u8],
    ) -> Result<Option<Item<'a>>, LimitExceeded> {
        match (self.line.at, *input) {
            (At::Value, _) => self.decode_value(input),
            (At::Comment, _) | (At::Start, [b':', ..]) => self.decode_comments(input),
            (At::Start, [b'\n', ..]) if !self.block.is_begun() => self.decode_comments(input),
            (At::Start, [b'd' | b'e', ..]) if input.len() >= WHOLE && !self.block.is_begun() => {
                self.decode_whole(input)
            }
            (At::Mark, [_, ..]) => {
                *input = self.line.take_mark(input);
                self.decode_comments(input)
            }
            (At::Spent(limit), _) => {
                *input = &[];
                Err(limit)
            }
            _ => self.decode_lines(input),
        }
    }

    /// A byte in the midst of a comment or of data. Of a stream that trickles nearly every byte is one.
    #[inline(always)]
    fn take_byte(&mut self, byte: u8) -> bool {
        match self.line.at {
            At::Comment => !line::is_end(byte),
            At::Value if self.line.field == Field::Data => {
                let takes = !line::is_end(byte) && self.admit(1).is_ok();
                if takes {
                    self.line.length += 1;
                    self.block.append_data(&[byte]);
                }
                takes
            }
            _ => false,
        }
    }

    /// Comments, and the blank lines between them that end nothing. Servers put such a line behind each comment.
    #[inline(never)]
    fn decode_comments<'a, 'b: 'a>(
        &'a mut self,
        input: &mut &'b [u8],
    ) -> Result<Option<Item<'a>>, LimitExceeded> {
        if self.line.at == At::Comment && self.take_comment(input) == Found::Comment {
            return Ok(Some(Item::Comment));
        }
        if self.line.at == At::Start {
            if self.quiet {
                self.take_comments::<true>(input);
            } else if self.take_comments::<false>(input) {
                return Ok(Some(Item::Comment));
            }
        }
        if input.is_empty() {
            Ok(None)
        } else if self.line.at == At::Start && !self.block.is_begun() {
            self.decode_whole(input)
        } else {
            self.decode_lines(input)
        }
    }

    /// Such lines as far as they go, if `ALL`, or else up to the end of the first comment. Says whether there was one.
    ///
    /// Comments are all that a device hears while it sleeps.
    #[inline(always)]
    fn take_comments<const ALL: bool>(&mut self, input: &mut &[u8]) -> bool {
        let mut rest = *input;
        let (mut lines, mut comments) = (0, 0);
        let begun = self.block.is_begun();
        loop {
            rest = match rest {
                // The shortest there is, which the reference server sends.
                [b':', b'\n', after @ ..] => {
                    comments += 1;
                    after
                }
                [b':', comment @ ..] => match line::take(comment) {
                    (_, after, End::Line) => {
                        comments += 1;
                        after
                    }
                    (_, after, end) => {
                        rest = after;
                        self.line.at = At::Comment;
                        comments += u64::from(self.ends_line(end));
                        break;
                    }
                },
                [b'\n', after @ ..] if !begun => after,
                _ => break,
            };
            lines += 1;
            if !ALL && comments > 0 {
                break;
            }
        }
        self.lines = self.lines.wrapping_add(lines);
        self.comments = self.comments.wrapping_add(comments);
        *input = rest;
        comments > 0
    }

    /// An event that lies whole in the chunk, or what else there is.
    #[inline(never)]
    fn decode_whole<'a, 'b: 'a>(
        &'a mut self,
        input: &mut &'b [u8],
    ) -> Result<Option<Item<'a>>, LimitExceeded> {
        let whole = Whole::find(input, self.block.limits());
        let named = whole.and_then(|whole| Some((self.block.wanted(whole.name)?, whole)));
        let Some((name, Whole { data, lines, rest, .. })) = named else {
            return self.decode_lines(input);
        };
        self.lines = self.lines.wrapping_add(lines);
        *input = rest;
        Ok(Some(Item::Event(Event { name, data, id: self.block.last_id() })))
    }

    /// More of a value: often a piece that has more before and behind it, and is only to be stored.
    #[inline(never)]
    fn decode_value<'a, 'b: 'a>(
        &'a mut self,
        input: &mut &'b [u8],
    ) -> Result<Option<Item<'a>>, LimitExceeded> {
        // A value of which there is something is stored, if it is data.
        if self.line.field == Field::Data {
            let piece = *input;
            if !line::has_end(piece) && self.admit(piece.len()).is_ok() {
                *input = &[];
                self.line.length += piece.len();
                self.block.append_data(piece);
                return Ok(None);
            }
        }
        self.decode_lines(input)
    }

    #[inline(never)]
    fn decode_lines<'a, 'b: 'a>(
        &'a mut self,
        input: &mut &'b [u8],
    ) -> Result<Option<Item<'a>>, LimitExceeded> {
        let mut lent = Lent::default();
        let limit = match self.find(input, &mut lent) {
            Ok(Found::Nothing) => return Ok(None),
            Ok(Found::Comment) => return Ok(Some(Item::Comment)),
            Ok(Found::Retry) => return Ok(self.retry.map(Item::Retry)),
            Ok(Found::Skipped) => return Ok(Some(Item::Skipped)),
            Ok(Found::Event) => match self.block.lend(lent) {
                Ok(event) => return Ok(Some(Item::Event(event))),
                Err(limit) => limit,
            },
            Err(limit) => limit,
        };
        *input = &[];
        self.line.at = At::Spent(limit);
        Err(limit)
    }

    /// The last event id, as of the last blank line: what `Last-Event-ID` of the next connection is.
    ///
    /// Empty if there was none. It outlives [`reset`](Self::reset).
    pub fn last_event_id(&self) -> &str {
        self.block.last_id()
    }

    /// The reconnection time that this stream asked for last, in milliseconds.
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Number of complete lines of this stream so far, of every kind, blank ones included.
    ///
    /// A line that trickles in does not count before it ends, which makes a change of this number a sign
    /// of life (protocol.md section 3).
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Number of comments of this stream so far that have ended.
    pub fn comments(&self) -> u64 {
        self.comments
    }

    /// Whether an event, or a line, would be lost if the stream ended now.
    pub fn is_unfinished(&self) -> bool {
        match self.line.at {
            At::Start | At::AfterCr => self.block.is_begun(),
            At::Mark => self.line.length > 0,
            At::Name | At::Colon | At::Value | At::Comment | At::Ignored => true,
            // What was lost is lost already.
            At::Spent(_) => false,
        }
    }

    /// What the items to come depend on, ids and the reconnection time aside.
    pub(crate) fn outlook(&self) -> Outlook {
        let Line { at, field, length, name: prefix } = self.line;
        let counts = matches!(at, At::Mark | At::Name | At::Colon | At::Value);
        let value = at == At::Value && field != Field::Data;
        Outlook {
            at,
            field: matches!(at, At::Colon | At::Value).then_some(field),
            length: if counts { length } else { 0 },
            prefix: Hidden(
                prefix.get(..length).filter(|_| at == At::Name).unwrap_or_default().into(),
            ),
            value: Hidden(if value { self.value.as_slice().into() } else { Box::default() }),
            block: self.block.outlook(),
        }
    }

    /// Makes ready for a new stream.
    ///
    /// Only the limits, the names that are wanted and the last event id stay. Buffers that had grown
    /// large are given back.
    pub fn reset(&mut self) {
        self.line = Line::FIRST;
        self.block.reset();
        release(&mut self.value);
        self.retry = None;
        self.lines = 0;
        self.comments = 0;
    }

    /// Gives back the memory of lines and data that have come to their end: for a stream that will be quiet from here on.
    pub fn shrink(&mut self) {
        if self.line.at != At::Value {
            self.value = Vec::new();
        }
        self.block.shrink();
    }

    /// Where each buffer is, and its capacity in bytes.
    #[cfg(test)]
    pub(super) fn buffers(&self) -> [(*const u8, usize); 6] {
        let [name, data, text, id, last_id] = self.block.buffers();
        [(self.value.as_ptr(), self.value.capacity()), name, data, text, id, last_id]
    }

    /// Capacity of all buffers, in bytes.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.buffers().iter().map(|(_, capacity)| capacity).sum()
    }
}

/// Lengths only: a stream carries tokens.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("limits", self.block.limits())
            .field("lines", &self.lines)
            .field("retry", &self.retry)
            .field("data_bytes", &self.block.data_len())
            .field("value_bytes", &self.value.len())
            .field("last_event_id_bytes", &self.last_event_id().len())
            .field("unfinished", &self.is_unfinished())
            .finish_non_exhaustive()
    }
}
