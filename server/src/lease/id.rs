//! The name of a lease, which is also the proof of holding it: it can be compared and stored, never
//! printed.

use core::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

/// The longest lease id, in bytes (protocol.md, section 7).
pub const MAX_LEASE_ID: usize = 256;

/// A lease id: 1 to [`MAX_LEASE_ID`] bytes of visible ASCII.
///
/// Whoever names it takes the lease over, so make it from at least 128 bits of entropy. `Debug`
/// does not show it; two are compared in constant time.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LeaseId(Box<str>);

/// The text is no lease id: 1 to 256 bytes of visible ASCII are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLeaseId;

impl LeaseId {
    /// Takes a text for a lease id.
    ///
    /// # Errors
    /// [`BadLeaseId`] where it is empty, too long, or not visible ASCII.
    pub fn new(text: &str) -> Result<LeaseId, BadLeaseId> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=MAX_LEASE_ID).contains(&text.len()) {
            Ok(LeaseId(text.into()))
        } else {
            Err(BadLeaseId)
        }
    }

    /// The lease id that these 128 random bits spell, in hexadecimal.
    pub fn from_bits(bits: u128) -> LeaseId {
        LeaseId(format!("{bits:032x}").into())
    }

    /// The id itself, for the one message that grants it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is this id, found out in a time that depends on lengths alone.
    pub fn matches(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl PartialEq for LeaseId {
    fn eq(&self, other: &LeaseId) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for LeaseId {}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseId(hidden)")
    }
}

impl TryFrom<String> for LeaseId {
    type Error = BadLeaseId;

    fn try_from(text: String) -> Result<LeaseId, BadLeaseId> {
        LeaseId::new(&text)
    }
}

impl From<LeaseId> for String {
    fn from(id: LeaseId) -> String {
        id.0.into()
    }
}

impl fmt::Display for BadLeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a lease id is 1 to 256 bytes of visible ASCII")
    }
}

impl core::error::Error for BadLeaseId {}
