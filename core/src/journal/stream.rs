//! A stream, veiled on its way into a journal: every byte that a server may have put a secret into is
//! overwritten, and what decides is not.
//!
//! What stays, for the decoder: where lines end, which field a line sets, whether an event is a `hello`, a `wake`
//! or neither, and how long everything is. For the protocol: what `retry` says, and of data what `message` leaves.
//!
//! A stream is cut anywhere, and what a line comes to may depend on its end, or on a name that follows it. So what
//! cannot be decided yet is held: the value of a line until the line ends, data until the event does. Where data
//! is one line with a whole object in it, as it nearly always is, the line is enough. What the attempt's end leaves
//! unfinished is overwritten, since nobody has read it.
//!
//! This follows the decoder, line by line, and depends on what it does with them; that both agree, however hostile
//! the stream, is a property test of the recorder.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use super::filler;
use super::message::{self, Name};
use crate::sse::Limits;

const BYTE_ORDER_MARK: &[u8] = "\u{FEFF}".as_bytes();
/// The widest reconnect window that is heeded, in milliseconds: more digits could be anything.
const RETRY_MOST: u64 = 300_000;

/// Where in a line the stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In what may be a byte order mark, of which so many bytes have come.
    Mark(usize),
    Start,
    AfterCr,
    /// In what may be the name of a known field, of which so many bytes have come.
    Name(usize),
    /// Behind the colon of one, where one space is no part of the value.
    Colon(Field),
    Value(Field),
    /// In a comment, an unknown field, or data that nobody wants.
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Data,
    Event,
    Id,
    Retry,
}

impl Field {
    const ALL: [(&'static [u8], Self); 4] = [
        (b"data", Self::Data),
        (b"event", Self::Event),
        (b"id", Self::Id),
        (b"retry", Self::Retry),
    ];
}

/// The stream of one attempt, as far as it has come.
#[derive(Clone)]
pub(super) struct Stream {
    limits: Limits,
    plain: bool,
    at: At,
    name: [u8; 5],
    /// Veiled bytes; from the first that is held on they may still be as they came.
    bytes: Vec<u8>,
    /// How many of them have been taken.
    taken: usize,
    /// Where the value of the line at hand begins.
    value: usize,
    event: Event,
}

/// The event so far.
#[derive(Clone)]
struct Event {
    name: Name,
    /// Data came while nobody wanted the event under the name it had: nothing of it is ever read.
    let_go: bool,
    /// Its data begins with a line that was veiled already.
    begun: bool,
    /// The lines of its data that are held.
    lines: Vec<Range<usize>>,
}

impl Event {
    const NEW: Self = Self { name: Name::Absent, let_go: false, begun: false, lines: Vec::new() };
}

impl Stream {
    pub(super) fn new(limits: Limits, plain: bool) -> Self {
        Self {
            limits,
            plain,
            at: At::Mark(0),
            name: [0; 5],
            bytes: Vec::new(),
            taken: 0,
            value: 0,
            event: Event::NEW,
        }
    }

    /// More of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match self.at {
                At::Mark(come) if BYTE_ORDER_MARK.get(come) == Some(&byte) => {
                    self.bytes.push(byte);
                    rest = after;
                    let come = come.saturating_add(1);
                    self.at =
                        if come == BYTE_ORDER_MARK.len() { At::Start } else { At::Mark(come) };
                }
                At::Mark(0) => self.at = At::Start,
                // What looked like a mark is the name of a field that nobody knows.
                At::Mark(_) => self.at = At::Ignored,
                At::AfterCr => {
                    self.at = At::Start;
                    if byte == b'\n' {
                        self.bytes.push(byte);
                        rest = after;
                    }
                }
                At::Start if is_end(byte) => {
                    self.end_event();
                    self.end_line(byte);
                    rest = after;
                }
                At::Start => self.at = At::Name(0),
                At::Name(come) => {
                    if self.push_name(come, byte) {
                        rest = after;
                    }
                }
                At::Colon(field) => {
                    if byte == b' ' {
                        self.bytes.push(byte);
                        rest = after;
                    }
                    self.value = self.bytes.len();
                    self.at = At::Value(field);
                }
                At::Value(field) => {
                    let (value, more) = rest.split_at(line_end(rest));
                    self.bytes.extend_from_slice(value);
                    rest = more;
                    if let Some((&end, after)) = more.split_first() {
                        self.end_value(field);
                        self.end_line(end);
                        rest = after;
                    }
                }
                At::Ignored => {
                    let end = line_end(rest);
                    self.bytes.resize(self.bytes.len().saturating_add(end), b'x');
                    rest = rest.get(end..).unwrap_or_default();
                    if let Some((&end, after)) = rest.split_first() {
                        self.end_line(end);
                        rest = after;
                    }
                }
            }
        }
    }

    /// The attempt is over: nothing that is unfinished was read by anybody.
    pub(super) fn give_up(&mut self) {
        for line in mem::take(&mut self.event.lines) {
            self.fill(line);
        }
        if let At::Value(_) = self.at {
            self.fill(self.value..self.bytes.len());
        }
        self.at = At::Ignored;
        self.event = Event::NEW;
    }

    /// Takes out the first `len` veiled bytes, if they are all there.
    pub(super) fn take(&mut self, len: usize) -> Option<Vec<u8>> {
        let value = if let At::Value(_) = self.at { self.value } else { self.bytes.len() };
        let first_held = self.event.lines.first().map_or(value, |line| line.start);
        let end = self.taken.saturating_add(len);
        if end > first_held {
            return None;
        }
        let taken = self.bytes.get(self.taken..end)?.to_vec();
        self.taken = end;
        // In large pieces: what is held behind many small ones is not moved for each of them.
        if self.taken.saturating_mul(2) >= self.bytes.len() {
            self.bytes.drain(..self.taken);
            self.value = self.value.saturating_sub(self.taken);
            for line in &mut self.event.lines {
                let moved = |at: usize| at.saturating_sub(self.taken);
                *line = moved(line.start)..moved(line.end);
            }
            self.taken = 0;
        }
        Some(taken)
    }

    /// One byte of a name, and whether it was taken. The names that are known hold no secret, nor do their
    /// beginnings.
    fn push_name(&mut self, come: usize, byte: u8) -> bool {
        let name = self.name.get(..come).unwrap_or_default();
        if byte != b':' && !is_end(byte) {
            let longer = [name, &[byte]].concat();
            if Field::ALL.iter().any(|(known, _)| known.starts_with(&longer)) {
                if let Some(place) = self.name.get_mut(come) {
                    *place = byte;
                }
                self.bytes.push(byte);
                self.at = At::Name(longer.len());
                return true;
            }
            self.at = At::Ignored;
            return false;
        }
        let field = Field::ALL.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
        let colon = byte == b':';
        if colon {
            self.bytes.push(byte);
        }
        self.value = self.bytes.len();
        self.at = match field {
            Some(Field::Data) if self.event.let_go || self.event.name == Name::Unwanted => {
                self.event.let_go = true;
                At::Ignored
            }
            Some(field) if colon => At::Colon(field),
            Some(field) => At::Value(field),
            None => At::Ignored,
        };
        colon
    }

    /// A line that sets a field is complete, but for its end.
    fn end_value(&mut self, field: Field) {
        let line = self.value..self.bytes.len();
        let value = self.bytes.get(line.clone()).unwrap_or_default();
        match field {
            Field::Event => {
                self.event.name = match value {
                    b"" => Name::Absent,
                    b"hello" => Name::Hello,
                    b"wake" => Name::Wake,
                    _ => Name::Unwanted,
                };
                if self.event.name == Name::Unwanted {
                    self.fill(line);
                    let held = mem::take(&mut self.event.lines);
                    self.event.let_go |= self.event.begun || !held.is_empty();
                    for line in held {
                        self.fill(line);
                    }
                }
            }
            Field::Id => self.fill(line),
            Field::Retry => match retry(value) {
                Some(heeded) => self.put(line, &heeded),
                None => self.fill(line),
            },
            Field::Data => {
                let first = self.event.lines.is_empty() && !self.event.begun;
                let early = first
                    .then(|| message::veil_early(value, self.event.name, self.plain))
                    .flatten();
                match early {
                    Some(veiled) => {
                        self.event.begun = true;
                        self.put(line, &veiled);
                    }
                    None => self.event.lines.push(line),
                }
            }
        }
    }

    /// A blank line: what the event's data comes to is known.
    fn end_event(&mut self) {
        let event = mem::replace(&mut self.event, Event::NEW);
        if event.lines.is_empty() {
            return;
        }
        let lines: Vec<&[u8]> = event
            .lines
            .iter()
            .map(|line| self.bytes.get(line.clone()).unwrap_or_default())
            .collect();
        let data = lines.join(&b'\n');
        let veiled = if event.begun {
            message::veil_rest(&data)
        } else {
            message::veil(&data, event.name, self.plain, self.limits.data)
        };
        for (line, veiled) in event.lines.into_iter().zip(veiled.split(|byte| *byte == b'\n')) {
            self.put(line, veiled);
        }
    }

    fn end_line(&mut self, end: u8) {
        self.bytes.push(end);
        self.at = if end == b'\r' { At::AfterCr } else { At::Start };
    }

    fn fill(&mut self, line: Range<usize>) {
        filler::fill(self.bytes.get_mut(line).unwrap_or_default(), b'x');
    }

    /// Overwrites with what is as long; should it not be, with nothing that tells anything.
    fn put(&mut self, line: Range<usize>, veiled: &[u8]) {
        let places = self.bytes.get_mut(line).unwrap_or_default();
        places.fill(b'x');
        places.iter_mut().zip(veiled).for_each(|(place, byte)| *place = *byte);
    }
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// How many bytes there are before the end of the line, or of the chunk.
fn line_end(bytes: &[u8]) -> usize {
    memchr::memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len())
}

/// A window, as it is heeded, with as many digits; `None` where it is none.
fn retry(value: &[u8]) -> Option<Vec<u8>> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let millis: u64 = core::str::from_utf8(value).ok()?.parse().unwrap_or(u64::MAX);
    let (heeded, width) = (millis.min(RETRY_MOST), value.len());
    Some(alloc::format!("{heeded:0>width$}").into())
}

/// What is held may hold a token: nothing of it is shown.
impl core::fmt::Debug for Stream {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stream").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}
