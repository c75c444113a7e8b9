//! What goes over the wire: protocol.md section 2.
//!
//! | file | what it keeps |
//! | --- | --- |
//! | `head` | what a response head says: status, media type, coding, `Retry-After` |
//! | `message` | the data of `hello` and `wake`, read and checked |
//! | `request` | the two requests, built |
//! | `url` | which URLs are let in |
//!
//! Reading ends here: what leaves this module has been checked against section 7, and the machine
//! decides on types, not on text.

mod head;
mod message;
mod request;
pub(crate) mod url;

pub use head::Head;
pub(crate) use message::{Hello, WakeUp};
pub use message::{IdError, LeaseId, SessionId};
#[cfg(feature = "serde")]
pub(crate) use message::{URL_MOST, is_too_deep};
pub use request::{Method, Request};
pub(crate) use request::{authorization, encode};
