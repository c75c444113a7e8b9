//! The short way for an event that lies whole in the chunk, written as servers write it: at most a name, one line of
//! data, a blank line.
//!
//! Nearly every event of a quiet stream is such a one. The decoder's loop has to be ready for a cut behind each byte of it, and for
//! another field in each line; here it is found at a glance, or not at all. What is not as simple is left to the loop: a
//! cut, a second line of data, what a limit might not allow, what is not UTF-8. So no rule is kept here alone.

use core::str;

use super::Limits;
use super::line::{self, End};

/// Such an event.
pub(super) struct Whole<'b> {
    /// What its `event` field says, if there is one.
    pub(super) name: Option<&'b str>,
    pub(super) data: &'b str,
    /// How many lines it is, with the blank one.
    pub(super) lines: u64,
    /// What follows it.
    pub(super) rest: &'b [u8],
}

impl<'b> Whole<'b> {
    /// The event that these bytes begin with. They are at the beginning of a line, and of a block.
    #[inline(always)]
    pub(super) fn find(bytes: &'b [u8], limits: &Limits) -> Option<Self> {
        let (name, lines, rest) = match bytes {
            [b'e', b'v', b'e', b'n', b't', b':', ..] => {
                let (name, rest) = value(bytes, b"event:".len(), limits)?;
                (Some(str::from_utf8(name).ok()?), 3, rest)
            }
            _ => (None, 2, bytes),
        };
        let [b'd', b'a', b't', b'a', b':', ..] = rest else { return None };
        let (data, rest) = value(rest, b"data:".len(), limits)?;
        let ([b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..]) = rest else { return None };
        if data.len() > limits.data {
            return None;
        }
        Some(Self { name, data: simdutf8::basic::from_utf8(data).ok()?, lines, rest })
    }
}

/// The value of a line that begins here, with a field and a colon of so many bytes; and what follows the line.
#[inline(always)]
fn value<'b>(bytes: &'b [u8], field: usize, limits: &Limits) -> Option<(&'b [u8], &'b [u8])> {
    let (line, rest, End::Line) = line::take(bytes.get(field..)?) else { return None };
    if field + line.len() > limits.line {
        return None;
    }
    Some((line.strip_prefix(b" ").unwrap_or(line), rest))
}
