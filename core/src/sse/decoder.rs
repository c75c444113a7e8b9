//! From bytes to items: the loop of the decoder.
//!
//! The standard describes the decoding of a stream that has ended, and of text. The same is done here on
//! bytes as they come, which is equivalent because neither a line end nor a colon can be part of a longer
//! UTF-8 sequence, well-formed or not.
//!
//! A line is recognised by its first bytes, and its value is then taken up to the line end or to the end
//! of the chunk, whichever comes first. A line that is whole and one that was cut take the same way, so
//! that a limit means the same for both: it fails at the first byte that is too many.
//!
//! What the loop calls is inlined by force. The unread input and what is lent of it stay in registers as
//! long as no call takes them by reference; with one such call, a short line takes twice the time.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::block::{self, Block, Dispatch, Lent};
use super::buffer::{append, release};
use super::line::{self, At, End, Field, Line};
use super::whole::Whole;
use super::{Event, Item, LimitExceeded, Limits};
use crate::secret::Hidden;

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

/// The kind of an item that was found. What it will lend is still in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The chunk ended first.
    Nothing,
    Event,
    Comment,
    Retry,
    Skipped,
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

    #[inline(always)]
    fn find<'b>(
        &mut self,
        input: &mut &'b [u8],
        lent: &mut Lent<'b>,
    ) -> Result<Found, LimitExceeded> {
        let mut rest = *input;
        let mut found = Found::Nothing;
        while found == Found::Nothing && !rest.is_empty() {
            if self.line.at == At::Start {
                found = self.take_start(&mut rest, lent)?;
            }
            // In the same round, for what `take_start` made of `at` is still known here.
            match self.line.at {
                At::Start => {}
                At::Colon | At::Value => found = self.take_value(&mut rest, lent)?,
                At::Comment => found = self.take_comment(&mut rest),
                At::Ignored => self.take_ignored(&mut rest),
                At::Name => self.take_name(&mut rest, lent)?,
                At::AfterCr if !rest.is_empty() => {
                    self.line.at = At::Start;
                    rest = rest.strip_prefix(b"\n").unwrap_or(rest);
                }
                At::AfterCr => {}
                // A mark is taken before any line.
                At::Mark => break,
                At::Spent(limit) => return Err(limit),
            }
        }
        *input = rest;
        // A block goes on after a comment, after `retry`, and in the next chunk.
        if let Found::Nothing | Found::Comment | Found::Retry = found {
            self.block.keep(lent);
        }
        Ok(found)
    }

    /// The first bytes of a line, which say what it is.
    #[inline(always)]
    fn take_start<'b>(
        &mut self,
        rest: &mut &'b [u8],
        lent: &mut Lent<'b>,
    ) -> Result<Found, LimitExceeded> {
        let (field, value) = match *rest {
            [b'd', b'a', b't', b'a', b':', value @ ..] => (Field::Data, value),
            [b'\n', after @ ..] => {
                *rest = after;
                self.ends_line(End::Line);
                return Ok(self.dispatch(lent));
            }
            [b':', ..] => {
                self.line.at = At::Comment;
                return Ok(Found::Nothing);
            }
            [b'e', b'v', b'e', b'n', b't', b':', value @ ..] => (Field::Event, value),
            [b'i', b'd', b':', value @ ..] => (Field::Id, value),
            [b'r', b'e', b't', b'r', b'y', b':', value @ ..] => (Field::Retry, value),
            [b'\r', ..] => {
                self.take_ignored(rest);
                return Ok(self.dispatch(lent));
            }
            // A name that is cut, has no colon, or is not known.
            _ => {
                self.line.at = At::Name;
                self.line.length = 0;
                return Ok(Found::Nothing);
            }
        };
        let length = rest.len() - value.len();
        *rest = value;
        self.open(field, length, lent)?;
        Ok(Found::Nothing)
    }

    #[inline(always)]
    fn take_name<'b>(
        &mut self,
        rest: &mut &'b [u8],
        lent: &mut Lent<'b>,
    ) -> Result<(), LimitExceeded> {
        while let Some((&byte, after)) = rest.split_first() {
            let ends = matches!(byte, b':' | b'\n' | b'\r');
            if !ends {
                if let Some(slot) = self.line.name.get_mut(self.line.length) {
                    *slot = byte;
                    self.line.length += 1;
                    *rest = after;
                    continue;
                }
            }
            let name = self.line.name.get(..self.line.length).unwrap_or_default();
            let Some(field) = Field::named(name).filter(|_| ends) else {
                self.line.at = At::Ignored;
                return Ok(());
            };
            // Without a colon the value is empty: its end is what comes next.
            let colon = usize::from(byte == b':');
            *rest = rest.get(colon..).unwrap_or_default();
            return self.open(field, self.line.length + colon, lent);
        }
        Ok(())
    }

    /// Begins the value of a field, after `length` bytes of its line.
    #[inline(always)]
    fn open(
        &mut self,
        field: Field,
        length: usize,
        lent: &mut Lent<'_>,
    ) -> Result<(), LimitExceeded> {
        if field == Field::Data && !self.block.wants_data() {
            self.block.skip_data();
            self.line.at = At::Ignored;
            return Ok(());
        }
        if length > self.block.limits().line {
            return Err(LimitExceeded::Line);
        }
        if field == Field::Data {
            self.block.open_data(lent)?;
        } else {
            self.value.clear();
        }
        self.line.at = At::Colon;
        self.line.field = field;
        self.line.length = length;
        Ok(())
    }

    /// A value as far as it goes, of which there is something.
    #[inline(always)]
    fn take_value<'b>(
        &mut self,
        rest: &mut &'b [u8],
        lent: &mut Lent<'b>,
    ) -> Result<Found, LimitExceeded> {
        if self.line.at == At::Colon {
            if rest.is_empty() {
                return Ok(Found::Nothing);
            }
            self.line.at = At::Value;
            if let [b' ', after @ ..] = *rest {
                self.line.length += 1;
                *rest = after;
            }
        }
        let (piece, after, end) = line::take(rest);
        *rest = after;
        self.admit(piece.len())?;
        self.line.length += piece.len();
        let field = self.line.field;
        let whole = self.ends_line(end);
        if field == Field::Data {
            self.block.push_data(piece, whole, lent);
            return Ok(Found::Nothing);
        }
        if whole && self.value.is_empty() {
            return self.set(field, piece, lent);
        }
        append(&mut self.value, piece, self.block.limits().line);
        if whole { self.set_gathered(field, lent) } else { Ok(Found::Nothing) }
    }

    /// Whether a value may have so many bytes more.
    ///
    /// If neither limit allows it, the one that fails is that which fewer bytes would have exceeded.
    #[inline(always)]
    fn admit(&self, more: usize) -> Result<(), LimitExceeded> {
        let line =
            self.block.limits().line.checked_sub(self.line.length).ok_or(LimitExceeded::Line)?;
        let data = match self.line.field {
            Field::Data => self.block.data_room(),
            Field::Event | Field::Id | Field::Retry => usize::MAX,
        };
        if more <= line && more <= data {
            Ok(())
        } else if line <= data {
            Err(LimitExceeded::Line)
        } else {
            Err(LimitExceeded::Data)
        }
    }

    /// A value that lies wholly in the chunk.
    #[inline(always)]
    fn set<'b>(
        &mut self,
        field: Field,
        value: &'b [u8],
        lent: &mut Lent<'b>,
    ) -> Result<Found, LimitExceeded> {
        match field {
            Field::Event => {
                lent.name = self.block.set_name(value)?;
                self.let_go(lent);
            }
            Field::Id => self.block.set_id(value)?,
            Field::Retry => return Ok(self.set_retry(parse_retry(value))),
            Field::Data => {}
        }
        Ok(Found::Nothing)
    }

    /// A value that was gathered over several chunks.
    #[inline(always)]
    fn set_gathered(&mut self, field: Field, lent: &mut Lent<'_>) -> Result<Found, LimitExceeded> {
        match field {
            Field::Event => {
                lent.name = None;
                if let Some(name) = self.block.set_name(&self.value)? {
                    self.block.store_name(name);
                }
                self.let_go(lent);
            }
            Field::Id => self.block.set_id(&self.value)?,
            Field::Retry => return Ok(self.set_retry(parse_retry(&self.value))),
            Field::Data => {}
        }
        Ok(Found::Nothing)
    }

    /// Lets go of data that the event's new name makes unwanted.
    #[inline(always)]
    fn let_go(&mut self, lent: &mut Lent<'_>) {
        if lent.data.is_some() && !self.block.wants_data() {
            lent.data = None;
            self.block.skip_data();
        }
    }

    fn set_retry(&mut self, ms: Option<u64>) -> Found {
        if ms.is_none() {
            return Found::Nothing;
        }
        self.retry = ms;
        Found::Retry
    }

    #[inline(always)]
    fn take_comment(&mut self, rest: &mut &[u8]) -> Found {
        let (_, after, end) = line::take(rest);
        *rest = after;
        if !self.ends_line(end) {
            return Found::Nothing;
        }
        self.comments = self.comments.wrapping_add(1);
        if self.quiet { Found::Nothing } else { Found::Comment }
    }

    #[inline(always)]
    fn take_ignored(&mut self, rest: &mut &[u8]) {
        let (_, after, end) = line::take(rest);
        *rest = after;
        self.ends_line(end);
    }

    /// Takes note of where `end` leaves the stream, and returns whether that is behind the line.
    #[inline(always)]
    fn ends_line(&mut self, end: End) -> bool {
        match end {
            End::Line => self.line.at = At::Start,
            End::Cr => self.line.at = At::AfterCr,
            End::Chunk => return false,
        }
        self.lines = self.lines.wrapping_add(1);
        true
    }

    #[inline(always)]
    fn dispatch(&mut self, lent: &mut Lent<'_>) -> Found {
        match self.block.dispatch(lent) {
            Dispatch::Nothing => Found::Nothing,
            Dispatch::Unwanted => Found::Skipped,
            Dispatch::Event => Found::Event,
        }
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

/// Milliseconds, in ASCII digits and nothing else. What does not fit is as long as can be.
fn parse_retry(value: &[u8]) -> Option<u64> {
    let (first, more) = value.split_first()?;
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    more.iter().try_fold(digit(first)?, |ms, byte| {
        Some(ms.saturating_mul(10).saturating_add(digit(byte)?))
    })
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
