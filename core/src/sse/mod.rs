//! The event-stream decoder: `text/event-stream` bytes in, events out.
//!
//! It follows the [WHATWG HTML standard][standard], section 9.2, to the letter, with one addition that
//! protocol.md section 2.2 asks for: the end of a comment line is reported, since it proves that the
//! server lives. It can be used on its own; nothing here knows about the watch protocol.
//!
//! ```
//! use dormouse_core::sse::{Decoder, Item, Limits};
//!
//! let mut decoder = Decoder::new(Limits::default());
//! let mut seen = String::new();
//!
//! // Chunks come as they come: here the cut is inside a line.
//! for chunk in ["id: 7\nevent: greet\ndata: hel", "lo\n\n: still here\n"] {
//!     let mut input = chunk.as_bytes();
//!     while let Some(item) = decoder.decode(&mut input)? {
//!         match item {
//!             Item::Event(event) => seen += &format!("{}={} ", event.name, event.data),
//!             Item::Comment => seen += "alive",
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(seen, "greet=hello alive");
//! assert_eq!(decoder.last_event_id(), "7");
//! # Ok::<(), dormouse_core::sse::LimitExceeded>(())
//! ```
//!
//! When the stream ends there is nothing to call: what is unfinished is to be discarded, the standard
//! says, so that an event cut short never acts. [`Decoder::reset`] does that and makes ready for the
//! next connection.
//!
//! # What is copied
//!
//! An [`Event`] borrows. Its name, and its data if that is one line, are lent from the chunk if they lie
//! in it whole; what does not is gathered in buffers that are reused. So a stream in its steady state
//! allocates nothing, whatever it is cut into, and the work is linear in the bytes. What is not an
//! event's, a comment or a field that the standard does not know, is never stored and may be endless.
//!
//! # Files
//!
//! `decoder.rs` is the decoder and its short ways, `decoder/lines.rs` its loop; `line.rs` has the ends of lines and the place in one where a chunk was cut;
//! `block.rs` the event so far; `whole.rs` the short way for an event that nothing cuts; `buffer.rs` growth within limits.
//!
//! [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

mod block;
mod buffer;
mod decoder;
mod line;
#[cfg(test)]
mod tests;
mod whole;

use core::error::Error;
use core::fmt;

pub use decoder::Decoder;
pub(crate) use decoder::Outlook;

/// What a decoder stores at most, in bytes (protocol.md section 7).
///
/// A limit is part of the result: it holds for the bytes of the stream however they are cut, and also for
/// what is lent and not stored at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest line that sets a field: `data`, `event`, `id` or `retry`.
    ///
    /// Counted are all its bytes, the name and the colon as well, without the line end and a byte order
    /// mark. Nor is a name or an id longer than this after U+FFFD took the place of what was not UTF-8.
    /// Comments, unknown fields, and the data of events that are [not wanted](Decoder::only) have no limit.
    ///
    /// 64 KiB by default: a wake with a token of several KiB is one line.
    pub line: usize,
    /// The longest data of an event: its lines, joined with LF, in bytes of UTF-8 as it is lent.
    ///
    /// 256 KiB by default, which is four of the longest lines.
    pub data: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { line: 64 * 1024, data: 256 * 1024 }
    }
}

/// The limit that a stream exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LimitExceeded {
    /// [`Limits::line`].
    Line,
    /// [`Limits::data`].
    Data,
}

impl LimitExceeded {
    /// The stable code, 531 to 539.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Line => 531,
            Self::Data => 532,
        }
    }
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line limit exceeded: a line of the event stream is too long",
            Self::Data => "data limit exceeded: the data of an event is too long",
        })
    }
}

impl Error for LimitExceeded {}

/// What a stream is made of, for those who listen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// A blank line ended a block with data.
    Event(Event<'a>),
    /// A comment line ended. Servers send them to show that they live; what they say is not kept.
    Comment,
    /// A `retry` line ended: the reconnection time is to be this many milliseconds.
    ///
    /// At most `u64::MAX`, which also stands for anything longer.
    Retry(u64),
    /// A blank line ended a block with data whose name was [not wanted](Decoder::only).
    Skipped,
}

/// An event, as long as neither the decoder nor the chunk is needed again.
///
/// Whatever was not UTF-8 in it has been replaced by U+FFFD.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The value of the last `event` field; `message` if there was none or it was empty.
    pub name: &'a str,
    /// The values of all `data` fields, joined with LF.
    pub data: &'a str,
    /// The last event id at the time of this event, which may have been set by an earlier one.
    pub id: &'a str,
}

/// Data may hold a token, hence only its length is shown.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("name", &self.name)
            .field("data_bytes", &self.data.len())
            .field("id", &self.id)
            .finish()
    }
}
