//! HTTP/1.1 without I/O: a request as bytes, and an answer out of bytes, however they are cut.
//!
//! The rules, from RFC 9112:
//!
//! * An answer of status 1xx comes before the real one and is skipped, but for 101 (section 15.2 of RFC 9110).
//! * 204 and 304 have no body. Else `Transfer-Encoding: chunked` rules, then `Content-Length`, and without
//!   both the body lasts until the connection is closed (section 6.3).
//! * A body that has a length, or chunks, and is cut short is incomplete: an error, never an end (section 8).
//! * A coding that was not asked for, two lengths that differ, and a chunk that is none are errors. So is
//!   a head of more than 16 KiB or 100 fields.
//! * A connection serves another request if the answer ended by itself and nobody said `close`. After
//!   chunks *and* a length it does not: two parties may have understood it differently (section 6.1).
//! * Chunk extensions and trailers are skipped, byte by byte, whatever their length: nothing of them is kept.
//!
//! Whoever brings the bytes gives them to a [`HeadReader`], which ends in an [`Answer`], and what came after
//! the head, and everything after that, to the answer's [`Framing`].
//!
//! Why not a whole HTTP engine: the one that was tried first, ureq-proto, hands every byte that it writes
//! and reads to the `log` crate, the device's token and those of wakes among them, and no caller can turn
//! that off. hyper would bring the tokio crate along, and its buffers. Under both lies httparse, and so
//! it does here. The tests ask ureq-proto for its opinion.

use dormouse_core::driver::TransportError;
use dormouse_core::{Head, TransportFault};

/// For a head, those of status 1xx before it included.
const HEAD_LIMIT: usize = 16 << 10;
const FIELD_LIMIT: usize = 100;
/// Enough to see that what comes back is not HTTP, line or no line.
const FIRST_LOOK: usize = 16;

/// A request: its head, and its body after that. `target` is what stands in its first line, `fields` are its
/// header fields but for `host` and `content-length`.
#[must_use]
pub fn request<'h>(
    method: &str,
    target: &str,
    host: &str,
    fields: impl IntoIterator<Item = (&'static str, &'h str)>,
    body: &str,
) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n");
    for (name, value) in fields {
        text.extend([name, ": ", value, "\r\n"]);
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.extend(["\r\n", body]);
    text.into_bytes()
}

/// An answer's head.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the machine wants to know of it.
    pub head: Head,
    /// Where its body ends.
    pub framing: Framing,
    /// Whether the connection can serve another request after the body.
    pub keeps: bool,
}

/// Gathers an answer's head. What it holds may be secret: it is not printed.
#[derive(Default)]
pub struct HeadReader {
    /// What came and is not read yet.
    pub bytes: Vec<u8>,
    taken: usize,
}

impl HeadReader {
    /// Whether nothing of an answer has come.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.bytes.is_empty() && self.taken == 0
    }

    /// Takes what came, nothing if the connection was closed. Once the head is whole, what is left in
    /// `bytes` belongs to the body.
    ///
    /// # Errors
    ///
    /// If it is not HTTP or too long, or was cut short.
    pub fn push(&mut self, new: &[u8]) -> Result<Option<Answer>, TransportError> {
        self.bytes.extend_from_slice(new);
        // A head ends with a line: to look at it again for each byte of one would be quadratic.
        if new.contains(&b'\n') || new.is_empty() || self.bytes.len() <= FIRST_LOOK {
            while let Some((length, answer)) = parse(&self.bytes)? {
                self.bytes.drain(..length);
                self.taken += length;
                if self.taken > HEAD_LIMIT {
                    break;
                }
                if answer.head.status() == 101 || answer.head.status() >= 200 {
                    return Ok(Some(answer));
                }
            }
        }
        if self.taken + self.bytes.len() > HEAD_LIMIT {
            return Err(not_http("the head is longer than 16 KiB"));
        }
        if new.is_empty() {
            let why = "the connection was closed before the head of the answer was whole";
            return Err(TransportError::new(TransportFault::Broken, why));
        }
        Ok(None)
    }
}

fn parse(bytes: &[u8]) -> Result<Option<(usize, Answer)>, TransportError> {
    let mut fields = [httparse::EMPTY_HEADER; FIELD_LIMIT];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(bytes).map_err(|error| not_http(error.to_string()))?;
    let httparse::Status::Complete(length) = parsed else { return Ok(None) };
    let status = response.code.unwrap_or(0);
    if status < 100 {
        return Err(not_http("the status has less than three digits"));
    }
    let head = Head::read(status, response.headers.iter().map(|field| (field.name, field.value)));
    let mut keeps = response.version == Some(1) && status != 101;
    let (mut size, mut chunked) = (None, false);
    for field in response.headers.iter() {
        let elements = field.value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        if field.name.eq_ignore_ascii_case("connection") {
            keeps &= !elements.into_iter().any(|option| option.eq_ignore_ascii_case(b"close"));
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            for coding in elements {
                if chunked || !coding.eq_ignore_ascii_case(b"chunked") {
                    return Err(not_http("a transfer coding that was not asked for"));
                }
                chunked = true;
            }
        } else if field.name.eq_ignore_ascii_case("content-length") {
            for element in elements {
                let one = decimal(element).ok_or_else(|| not_http("a bad content-length"))?;
                if size.replace(one).is_some_and(|other| other != one) {
                    return Err(not_http("two content-lengths that differ"));
                }
            }
        }
    }
    let kind = match size {
        _ if matches!(status, 100..200 | 204 | 304) => Kind::Length(0),
        _ if chunked => Kind::Chunked(Chunked::Size { size: 0, digits: 0 }),
        Some(size) => Kind::Length(size),
        None => Kind::UntilClosed,
    };
    keeps &= !(kind == Kind::UntilClosed || chunked && size.is_some());
    Ok(Some((length, Answer { head, framing: Framing(kind), keeps })))
}

fn decimal(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// Where a body is, and what tells its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Framing(Kind);

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    /// So many bytes are to come.
    Length(u64),
    Chunked(Chunked),
    UntilClosed,
}

/// Which byte of a chunked body comes next.
#[derive(Debug, PartialEq, Eq)]
enum Chunked {
    Size { size: u64, digits: u8 },
    Padding(u64),
    Extension(u64),
    SizeEnd(u64),
    Data(u64),
    DataEnd,
    LineFeed,
    Trailer { empty: bool },
    End,
    Broken,
}

impl Framing {
    /// Moves to the front of `bytes` what is the body's own. Says how much that is, and whether more came than the
    /// body has.
    pub fn strip(&mut self, bytes: &mut [u8]) -> (usize, bool) {
        let came = bytes.len();
        match &mut self.0 {
            Kind::UntilClosed => (came, false),
            Kind::Length(left) => {
                let kept = usize::try_from(*left).map_or(came, |left| left.min(came));
                *left -= kept as u64;
                (kept, kept < came)
            }
            Kind::Chunked(chunked) => {
                let (mut at, mut kept) = (0, 0);
                while at < came && !matches!(chunked, Chunked::End | Chunked::Broken) {
                    if let Chunked::Data(left) = chunked {
                        let length = usize::try_from(*left).map_or(came - at, |l| l.min(came - at));
                        bytes.copy_within(at..at + length, kept);
                        (at, kept) = (at + length, kept + length);
                        *left -= length as u64;
                        if *left == 0 {
                            *chunked = Chunked::DataEnd;
                        }
                    } else {
                        chunked.step(bytes[at]);
                        at += 1;
                    }
                }
                (kept, at < came)
            }
        }
    }

    /// Whether the body is whole, without a word from the connection.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.0, Kind::Length(0) | Kind::Chunked(Chunked::End))
    }

    /// What is wrong with the framing.
    #[must_use]
    pub fn fault(&self) -> Option<TransportError> {
        let broken = self.0 == Kind::Chunked(Chunked::Broken);
        broken.then(|| not_http("a chunk that is none"))
    }

    /// What it means that the connection was closed here: nothing, if that is how this body ends.
    #[must_use]
    pub fn cut(&self) -> Option<TransportError> {
        let cut = !(self.0 == Kind::UntilClosed || self.is_ended());
        cut.then(|| TransportError::new(TransportFault::Broken, "the body was cut short"))
    }
}

impl Chunked {
    /// One byte that is not data.
    fn step(&mut self, byte: u8) {
        *self = match (&*self, byte) {
            (&Self::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F')
                if digits < 16 =>
            {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                Self::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (&Self::Size { size, digits: 1.. } | &Self::Padding(size), b' ' | b'\t') => {
                Self::Padding(size)
            }
            (&Self::Size { size, digits: 1.. } | &Self::Padding(size), b';') => {
                Self::Extension(size)
            }
            (
                &Self::Size { size, digits: 1.. } | &Self::Padding(size) | &Self::Extension(size),
                b'\r',
            ) => Self::SizeEnd(size),
            (&Self::Extension(size), _) if byte != b'\n' => Self::Extension(size),
            (Self::SizeEnd(0), b'\n') => Self::Trailer { empty: true },
            (&Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataEnd, b'\r') => Self::LineFeed,
            (Self::LineFeed, b'\n') => Self::Size { size: 0, digits: 0 },
            (Self::Trailer { empty: true }, b'\n') => Self::End,
            (Self::Trailer { empty }, _) => {
                Self::Trailer { empty: byte == b'\n' || *empty && byte == b'\r' }
            }
            _ => Self::Broken,
        };
    }
}

fn not_http(why: impl Into<Box<str>>) -> TransportError {
    TransportError::new(TransportFault::Http, why)
}

#[cfg(test)]
mod tests;
