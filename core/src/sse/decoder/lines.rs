//! The loop over lines, for whatever there is, cut wherever it may be.
//!
//! A line is recognised by its first bytes, and its value is then taken up to the line end or to the end
//! of the chunk, whichever comes first. A line that is whole and one that was cut take the same way, so
//! that a limit means the same for both: it fails at the first byte that is too many.
//!
//! What the loop calls is inlined by force. The unread input and what is lent of it stay in registers as
//! long as no call takes them by reference; with one such call, a short line takes twice the time.

use super::super::LimitExceeded;
use super::super::block::{Dispatch, Lent};
use super::super::buffer::append;
use super::super::line::{self, At, End, Field};
use super::Decoder;

/// The kind of an item that was found. What it will lend is still in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The chunk ended first.
    Nothing,
    Event,
    Comment,
    Retry,
    Skipped,
}

impl Decoder {
    #[inline(always)]
    pub(super) fn find<'b>(
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
    pub(super) fn admit(&self, more: usize) -> Result<(), LimitExceeded> {
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
    pub(super) fn take_comment(&mut self, rest: &mut &[u8]) -> Found {
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
    pub(super) fn ends_line(&mut self, end: End) -> bool {
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
}

/// Milliseconds, in ASCII digits and nothing else. What does not fit is as long as can be.
fn parse_retry(value: &[u8]) -> Option<u64> {
    let (first, more) = value.split_first()?;
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    more.iter().try_fold(digit(first)?, |ms, byte| {
        Some(ms.saturating_mul(10).saturating_add(digit(byte)?))
    })
}
