//! Who may come in: the tokens of devices and operators.
//!
//! A token is looked up by a hash under a key that is drawn at start, and what is found is then
//! compared in constant time. So the time that a look-up takes tells nothing about how much of a
//! guess is right, and a fleet of a hundred thousand devices does not compare a hundred thousand
//! tokens for each heartbeat.

use core::fmt;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use subtle::ConstantTimeEq as _;

/// The longest device name, in bytes.
pub const MAX_DEVICE_NAME: usize = 128;

/// The longest token of a device or operator, in bytes: a request's head must have room for it.
pub const MAX_TOKEN: usize = 8 * 1024;

/// The devices and their tokens, and the operators' tokens; each is checked as it comes in.
///
/// ```
/// use dormouse_server::Directory;
///
/// let directory = Directory::new()
///     .device("camera-7", "one token")
///     .unwrap_err();
/// let said = "device \"camera-7\": a token is visible ASCII; byte 3 is not";
/// assert_eq!(directory.to_string(), said);
///
/// let directory = Directory::new()
///     .device("camera-7", "a-token")?
///     .device("camera-7", "its-next-token")?
///     .operator("another-token")?;
/// assert_eq!(directory.devices().count(), 1);
/// # Ok::<(), dormouse_server::DirectoryError>(())
/// ```
#[derive(Clone, Default)]
pub struct Directory {
    key: RandomState,
    names: BTreeSet<Arc<str>>,
    operators: usize,
    /// By hash; a bucket holds more than one entry only where two hashes collide.
    entries: HashMap<u64, Vec<Entry>>,
}

#[derive(Clone)]
struct Entry {
    token: Box<str>,
    who: Who,
}

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Device(Arc<str>),
    Operator,
}

impl Directory {
    /// Nobody yet.
    pub fn new() -> Directory {
        Directory::default()
    }

    /// Adds a token of a device. Further tokens of the same device may follow: so a token is
    /// replaced without a gap.
    ///
    /// # Errors
    /// The name is not 1 to [`MAX_DEVICE_NAME`] bytes of visible ASCII without `/`; the token is
    /// not 1 to [`MAX_TOKEN`] bytes of visible ASCII, or belongs to somebody already. No error
    /// shows a token.
    pub fn device(mut self, name: &str, token: &str) -> Result<Directory, DirectoryError> {
        let readable = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
        if !readable || !(1..=MAX_DEVICE_NAME).contains(&name.len()) {
            return Err(DirectoryError { who: format!("device {name:?}"), what: Wrong::Name });
        }
        let name: Arc<str> = self.names.get(name).cloned().unwrap_or_else(|| name.into());
        self.admit(token, Who::Device(Arc::clone(&name)))?;
        self.names.insert(name);
        Ok(self)
    }

    /// Adds a token of an operator. There may be several.
    ///
    /// # Errors
    /// As for [`device`](Directory::device).
    pub fn operator(mut self, token: &str) -> Result<Directory, DirectoryError> {
        self.admit(token, Who::Operator)?;
        self.operators += 1;
        Ok(self)
    }

    /// The names of all devices, sorted.
    pub fn devices(&self) -> impl Iterator<Item = &Arc<str>> {
        self.names.iter()
    }

    /// How many operator tokens there are.
    pub fn operators(&self) -> usize {
        self.operators
    }

    pub(crate) fn who(&self, token: &str) -> Option<&Who> {
        let bucket = self.entries.get(&self.key.hash_one(token))?;
        let same = |entry: &Entry| bool::from(entry.token.as_bytes().ct_eq(token.as_bytes()));
        // Every entry of the bucket is compared: no early exit.
        bucket.iter().fold(None, |found, entry| if same(entry) { Some(&entry.who) } else { found })
    }

    fn admit(&mut self, token: &str, who: Who) -> Result<(), DirectoryError> {
        let wrong = if token.is_empty() {
            Some(Wrong::Empty)
        } else if token.len() > MAX_TOKEN {
            Some(Wrong::Long)
        } else if let Some(at) = token.bytes().position(|byte| !byte.is_ascii_graphic()) {
            Some(Wrong::Byte(at))
        } else {
            match self.who(token) {
                Some(Who::Device(other)) => Some(Wrong::Taken(format!("device {other:?}"))),
                Some(Who::Operator) => Some(Wrong::Taken("an operator".into())),
                None => None,
            }
        };
        if let Some(what) = wrong {
            let who = match who {
                Who::Device(name) => format!("device {name:?}"),
                Who::Operator => "operator".into(),
            };
            return Err(DirectoryError { who, what });
        }
        self.entries
            .entry(self.key.hash_one(token))
            .or_default()
            .push(Entry { token: token.into(), who });
        Ok(())
    }
}

/// Names only: tokens are not shown.
impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("devices", &self.names)
            .field("operators", &self.operators)
            .finish()
    }
}

/// A name or a token that cannot be used. It says whose it is and what is wrong, and shows no
/// token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryError {
    who: String,
    what: Wrong,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    Name,
    Empty,
    Long,
    Byte(usize),
    Taken(String),
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.who)?;
        match &self.what {
            Wrong::Name => write!(
                f,
                "a device's name is 1 to {MAX_DEVICE_NAME} bytes of visible ASCII without '/'"
            ),
            Wrong::Empty => f.write_str("the token is empty"),
            Wrong::Long => write!(f, "the token is longer than {MAX_TOKEN} bytes"),
            Wrong::Byte(at) => write!(f, "a token is visible ASCII; byte {at} is not"),
            Wrong::Taken(by) => write!(f, "the token belongs to {by} already; give each its own"),
        }
    }
}

impl core::error::Error for DirectoryError {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]
mod tests {
    use super::*;

    fn refused(result: Result<Directory, DirectoryError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_token_finds_its_owner_and_nothing_else_does() {
        let directory = Directory::new().device("a", "one").unwrap().device("a", "two").unwrap();
        let directory = directory.device("b", "three").unwrap().operator("four").unwrap();
        assert_eq!(directory.who("one"), Some(&Who::Device("a".into())));
        assert_eq!(directory.who("two"), Some(&Who::Device("a".into())));
        assert_eq!(directory.who("three"), Some(&Who::Device("b".into())));
        assert_eq!(directory.who("four"), Some(&Who::Operator));
        for wrong in ["", "on", "ones", "One", "five"] {
            assert_eq!(directory.who(wrong), None);
        }
    }

    #[test]
    fn two_tokens_with_one_hash_are_told_apart() {
        let mut directory = Directory::new().device("a", "one").unwrap();
        let entry = Entry { token: "other".into(), who: Who::Operator };
        directory.entries.values_mut().for_each(|bucket| bucket.push(entry.clone()));
        assert_eq!(directory.who("one"), Some(&Who::Device("a".into())));
    }

    #[test]
    fn mistakes_are_named_without_a_token() {
        let canary = "canary-4711";
        let one = || Directory::new().device("a", canary).unwrap();
        let said = [
            refused(one().device("b", canary)),
            refused(one().device("a", canary)),
            refused(one().operator(canary)),
            refused(one().device("b", "canary-4711\n")),
            refused(one().device("b", &canary.repeat(1000))),
            refused(one().device("b", "")),
            refused(one().operator("")),
            format!("{:?}", one()),
        ];
        for text in &said {
            assert!(!text.contains(canary), "{text}");
        }
        assert_eq!(
            said[0],
            "device \"b\": the token belongs to device \"a\" already; give each its own"
        );
        assert_eq!(said[6], "operator: the token is empty");
        for name in ["", "a/b", "a b", "ä", &"x".repeat(129)] {
            assert!(refused(Directory::new().device(name, "t")).contains("1 to 128 bytes"));
        }
    }
}
