//! The WHATWG HTML standard's event stream, transcribed: literal, slow, and with nothing clever in it.
//!
//! [`decode`] takes a stream that has ended, decodes it to text as a whole, splits that into lines and
//! interprets them, step by step as sections 9.2.5 and 9.2.6 are written; the text comes from the Encoding
//! standard's "UTF-8 decode", transcribed as well. What is added is what `dormouse_core::sse` adds: comments are
//! reported, lines are counted, and events can be filtered by name.
//!
//! The limits of protocol.md section 7 are a question of their own, answered by [`first_exceeded`]: at which
//! byte, looking at the stream so far as a whole, is there for the first time too much?
//!
//! Nothing here shares a type with core, so that core's own unit tests can use it.

use std::mem;

/// What a stream is made of, for those who listen to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An event was dispatched.
    Event {
        /// Its type.
        name: String,
        /// Its data.
        data: String,
        /// The last event ID string at that time.
        id: String,
    },
    /// A comment line ended.
    Comment,
    /// The reconnection time was set, in milliseconds.
    Retry(u64),
    /// An event was dispatched that the filter does not want.
    Skipped,
}

/// Which limit was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// That of one line.
    Line,
    /// That of one event's data.
    Data,
}

/// All that can be seen of a decoder from outside, once a stream has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What came, in order.
    pub items: Vec<Item>,
    /// What the stream exceeded.
    pub limit: Option<Limit>,
    /// The last event ID string.
    pub last_event_id: String,
    /// The reconnection time, in milliseconds.
    pub retry: Option<u64>,
    /// Complete lines.
    pub lines: u64,
    /// Whether the end of the stream discards something.
    pub unfinished: bool,
}

/// What the standard makes of a stream that has ended. `only` names the events that are wanted.
#[must_use]
pub fn decode(stream: &[u8], only: Option<&[&str]>) -> Outcome {
    let text = utf8_decode(stream);
    let (lines, rest) = lines(&text);
    let mut state = State { only, ..State::default() };
    for line in &lines {
        state.line(line);
    }
    Outcome {
        items: state.items,
        limit: None,
        last_event_id: state.last_event_id,
        retry: state.reconnection_time,
        lines: lines.len() as u64,
        unfinished: !rest.is_empty() || state.begun,
    }
}

/// "UTF-8 decode" of the Encoding standard: one byte order mark is dropped, and what is ill-formed replaced.
#[must_use]
pub fn utf8_decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let mut text = String::new();
    let (mut code_point, mut needed, mut seen) = (0_u32, 0, 0);
    let (mut lower, mut upper) = (0x80, 0xBF);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if needed == 0 {
            match byte {
                0x00..=0x7F => text.push(char::from(byte)),
                0xC2..=0xDF => (needed, code_point) = (1, u32::from(byte & 0x1F)),
                0xE0..=0xEF => {
                    if byte == 0xE0 {
                        lower = 0xA0;
                    }
                    if byte == 0xED {
                        upper = 0x9F;
                    }
                    (needed, code_point) = (2, u32::from(byte & 0xF));
                }
                0xF0..=0xF4 => {
                    if byte == 0xF0 {
                        lower = 0x90;
                    }
                    if byte == 0xF4 {
                        upper = 0x8F;
                    }
                    (needed, code_point) = (3, u32::from(byte & 0x7));
                }
                _ => text.push('\u{FFFD}'),
            }
            continue;
        }
        if !(lower..=upper).contains(&byte) {
            (code_point, needed, seen, lower, upper) = (0, 0, 0, 0x80, 0xBF);
            // "Restore byte to ioQueue", and return error.
            at -= 1;
            text.push('\u{FFFD}');
            continue;
        }
        (lower, upper) = (0x80, 0xBF);
        code_point = (code_point << 6) | u32::from(byte & 0x3F);
        seen += 1;
        if seen == needed {
            text.push(char::from_u32(code_point).unwrap_or('\u{FFFD}'));
            (code_point, needed, seen) = (0, 0, 0);
        }
    }
    if needed != 0 {
        text.push('\u{FFFD}');
    }
    text
}

/// The complete lines of a text, and what follows them.
#[must_use]
pub fn lines(mut text: &str) -> (Vec<&str>, &str) {
    let mut lines = Vec::new();
    while let Some(end) = text.find(['\r', '\n']) {
        lines.push(&text[..end]);
        let rest = &text[end..];
        text = rest.strip_prefix("\r\n").unwrap_or(&rest[1..]);
    }
    (lines, text)
}

#[derive(Default)]
struct State<'a> {
    only: Option<&'a [&'a str]>,
    data_buffer: String,
    event_type_buffer: String,
    last_event_id_buffer: String,
    last_event_id: String,
    reconnection_time: Option<u64>,
    items: Vec<Item>,
    /// Data came, or had come, under a name that is not wanted.
    let_go: bool,
    /// A field was set that only a blank line gives effect to.
    begun: bool,
    id_set: bool,
}

impl State<'_> {
    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.dispatch();
        } else if line.starts_with(':') {
            self.items.push(Item::Comment);
        } else if let Some((field, value)) = line.split_once(':') {
            self.field(field, value.strip_prefix(' ').unwrap_or(value));
        } else {
            self.field(line, "");
        }
        self.begun =
            self.id_set || !self.data_buffer.is_empty() || !self.event_type_buffer.is_empty();
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => self.event_type_buffer = value.to_owned(),
            "data" => {
                self.data_buffer.push_str(value);
                self.data_buffer.push('\n');
            }
            "id" if !value.contains('\0') => {
                self.last_event_id_buffer = value.to_owned();
                self.id_set = true;
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                // The standard has no largest integer.
                let time = value.parse().unwrap_or(u64::MAX);
                self.reconnection_time = Some(time);
                self.items.push(Item::Retry(time));
            }
            _ => {}
        }
        let named = !self.event_type_buffer.is_empty();
        self.let_go |=
            named && !self.wants(&self.event_type_buffer) && !self.data_buffer.is_empty();
    }

    fn dispatch(&mut self) {
        self.last_event_id = self.last_event_id_buffer.clone();
        self.id_set = false;
        let mut data = mem::take(&mut self.data_buffer);
        let mut name = mem::take(&mut self.event_type_buffer);
        let let_go = mem::take(&mut self.let_go);
        if data.is_empty() {
            return;
        }
        if data.ends_with('\n') {
            data.pop();
        }
        if name.is_empty() {
            name = "message".to_owned();
        }
        let item = if let_go || !self.wants(&name) {
            Item::Skipped
        } else {
            Item::Event { name, data, id: self.last_event_id.clone() }
        };
        self.items.push(item);
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_none_or(|only| only.contains(&name))
    }
}

/// Which limit a stream exceeds first, and how many of its bytes it takes to.
///
/// Limits are in bytes. Each answer goes by the stream so far, seen as a whole: no state, hence nothing to get
/// wrong at a cut. What was too much stays too much, so that the byte can be searched for by halving.
#[must_use]
pub fn first_exceeded(
    stream: &[u8],
    line: usize,
    data: usize,
    only: Option<&[&str]>,
) -> Option<(usize, Limit)> {
    let too_much = |end: usize| exceeded(&stream[..end], line, data, only);
    too_much(stream.len())?;
    let (mut fits, mut exceeds) = (0, stream.len());
    while exceeds - fits > 1 {
        let middle = fits + (exceeds - fits) / 2;
        if too_much(middle).is_some() { exceeds = middle } else { fits = middle }
    }
    Some((exceeds, too_much(exceeds)?))
}

/// Which limit the beginning of a stream exceeds, if any.
#[must_use]
pub fn exceeded(
    stream: &[u8],
    line_most: usize,
    data_most: usize,
    only: Option<&[&str]>,
) -> Option<Limit> {
    let wanted = |name: &str| only.is_none_or(|only| only.contains(&name));
    let mut rest = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let mut data: Option<Vec<u8>> = None;
    let mut name = String::new();
    let mut let_go = false;
    loop {
        let end = rest.iter().position(|byte| b"\r\n".contains(byte));
        let line = &rest[..end.unwrap_or(rest.len())];
        let colon = line.iter().position(|&byte| byte == b':');
        // A line is known for what it is by its colon, or by its end.
        if colon.is_some() || end.is_some() {
            let (field, value) = line.split_at(colon.unwrap_or(line.len()));
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let skipped = field == b"data" && (let_go || !(name.is_empty() || wanted(&name)));
            let known = [&b"data"[..], b"event", b"id", b"retry"].contains(&field) && !skipped;
            if known && line.len() > line_most {
                return Some(Limit::Line);
            }
            let text = field == b"event" || (field == b"id" && !value.contains(&0));
            if text && end.is_some() && mended(value) > line_most {
                return Some(Limit::Line);
            }
            if field == b"event" && end.is_some() {
                name = utf8_decode_without_mark(value);
                let_go |= data.is_some() && !(name.is_empty() || wanted(&name));
            }
            if skipped {
                let_go = true;
            } else if field == b"data" {
                if let Some(data) = &mut data {
                    data.push(b'\n');
                }
                data.get_or_insert_default().extend(value);
            }
        }
        if !let_go && data.as_ref().is_some_and(|data| data.len() > data_most) {
            return Some(Limit::Data);
        }
        let end = end?;
        if line.is_empty() {
            let lent = !let_go && wanted(if name.is_empty() { "message" } else { &name });
            if data.take().is_some_and(|data| lent && mended(&data) > data_most) {
                return Some(Limit::Data);
            }
            name.clear();
            let_go = false;
        }
        rest = &rest[end..];
        rest = rest.strip_prefix(b"\r\n").unwrap_or(&rest[1..]);
    }
}

/// Bytes of UTF-8 once what is ill-formed has been replaced.
fn mended(bytes: &[u8]) -> usize {
    utf8_decode_without_mark(bytes).len()
}

/// A mark that is not at the start of the stream is content.
fn utf8_decode_without_mark(bytes: &[u8]) -> String {
    utf8_decode(&[b"\xEF\xBB\xBF", bytes].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Encoding standard and the standard library replace the same.
    #[test]
    fn utf8_is_decoded_as_the_standard_library_does() {
        let bytes = [
            0x41, 0x80, 0xBF, 0xC2, 0xE0, 0xA0, 0xED, 0x9F, 0xEF, 0xBB, 0xF0, 0x90, 0xF4, 0x8F,
            0xFF,
        ];
        for a in bytes {
            for b in bytes {
                for c in bytes {
                    for d in bytes {
                        let four = [a, b, c, d];
                        // A mark at the start is for a stream; within one it is text.
                        let text = utf8_decode_without_mark(&four);
                        assert_eq!(text, String::from_utf8_lossy(&four), "{four:x?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_limit_is_exceeded_by_the_first_byte_too_many() {
        assert_eq!(first_exceeded(b"data: 12345\n\n", 11, 5, None), None);
        assert_eq!(first_exceeded(b"data: 12345\n\n", 10, 5, None), Some((11, Limit::Line)));
        assert_eq!(first_exceeded(b"data: 12345\n\n", 11, 4, None), Some((11, Limit::Data)));
        assert_eq!(first_exceeded(b"data: \xFF\n\n", 11, 2, None), Some((9, Limit::Data)));
        let other = b"event: other\ndata: 12345\n\n";
        assert_eq!(first_exceeded(other, 12, 1, Some(&["wake"])), None);
        assert_eq!(first_exceeded(other, 12, 1, None), Some((21, Limit::Data)));
    }
}
