//! What may not be printed.
//!
//! Law 13 of protocol.md: no token is ever printed, not by Debug, a log, an error or a recording. The
//! types here keep it by having nothing to print: no `Display`, a `Debug` that says nothing, and one
//! method, [`Secret::expose`], whose every use can be found by its name.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

/// Text that is never shown: a wake's token, an `Authorization` value. Clones share it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes the text into custody.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that has to send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Bytes of a stream that may be part of a token: compared, never shown.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Hidden(pub(crate) Box<[u8]>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

/// The device's token: what the `Authorization` header carries, checked once so that no request can be
/// broken by it.
///
/// ```
/// use dormouse_core::Token;
/// let token = Token::new("s3cr3t")?;
/// assert_eq!(format!("{token:?}"), "Token([secret])");
/// assert!(Token::new("two\nlines").is_err());
/// # Ok::<(), dormouse_core::TokenError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(Secret);

impl Token {
    /// The longest token there may be, in bytes: most servers refuse a longer header line.
    pub const MAX_LEN: usize = 8 * 1024;

    /// Checks and keeps a token.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than [`Token::MAX_LEN`], or holds anything but visible ASCII (RFC 9110
    /// section 5.5 would let some more through; no token in use needs it, and a line break would forge
    /// a header). The error says where, never what.
    pub fn new(token: impl Into<String>) -> Result<Self, TokenError> {
        let token = token.into();
        if token.is_empty() {
            return Err(TokenError::Empty);
        }
        if token.len() > Self::MAX_LEN {
            return Err(TokenError::TooLong { len: token.len() });
        }
        match token.bytes().position(|b| !b.is_ascii_graphic()) {
            Some(at) => Err(match token.as_bytes().get(at) {
                Some(b'\n' | b'\r') => TokenError::LineBreak { at },
                _ => TokenError::Forbidden { at },
            }),
            None => Ok(Self(Secret::new(token))),
        }
    }

    /// The token itself, for the header that carries it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Why a token was not taken. It never holds any part of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// There is nothing in it.
    Empty,
    /// It is longer than [`Token::MAX_LEN`].
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// It holds a CR or LF.
    LineBreak {
        /// The byte's place, from 0.
        at: usize,
    },
    /// It holds a space, a control character or something that is not ASCII.
    Forbidden {
        /// The byte's place, from 0.
        at: usize,
    },
}

impl TokenError {
    /// The stable code, 711 to 719.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Empty => 711,
            Self::TooLong { .. } => 712,
            Self::LineBreak { .. } => 713,
            Self::Forbidden { .. } => 714,
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the token is empty"),
            Self::TooLong { len } => {
                write!(f, "the token has {len} bytes; at most {} fit a header line", Token::MAX_LEN)
            }
            Self::LineBreak { at } => write!(
                f,
                "the token has a line break at byte {at}; was it read from a file without trimming?"
            ),
            Self::Forbidden { at } => write!(
                f,
                "the token's byte {at} is not visible ASCII; a token has no spaces and no control characters"
            ),
        }
    }
}

impl core::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn nothing_is_printed() {
        assert_eq!(format!("{:?}", Secret::new("canary")), "[secret]");
        assert_eq!(
            format!("{:#?}", Token::new("canary")),
            "Ok(\n    Token(\n        [secret],\n    ),\n)"
        );
    }

    #[test]
    fn a_bad_token_is_refused_with_its_place() {
        assert_eq!(Token::new(""), Err(TokenError::Empty));
        assert_eq!(Token::new("ab\n"), Err(TokenError::LineBreak { at: 2 }));
        assert_eq!(Token::new("a\rb"), Err(TokenError::LineBreak { at: 1 }));
        assert_eq!(Token::new("a b"), Err(TokenError::Forbidden { at: 1 }));
        assert_eq!(Token::new("\0"), Err(TokenError::Forbidden { at: 0 }));
        assert_eq!(Token::new("aé"), Err(TokenError::Forbidden { at: 1 }));
        let long = "x".repeat(Token::MAX_LEN);
        assert!(Token::new(long.clone()).is_ok());
        assert_eq!(Token::new(long + "x"), Err(TokenError::TooLong { len: Token::MAX_LEN + 1 }));
    }
}
