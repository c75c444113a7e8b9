//! What a runtime brings: somewhere to send requests, and a way to sleep.
//!
//! An implementation decides nothing about the protocol. What it must keep is in protocol.md section 8;
//! the parts that the compiler cannot check stand at each method.

use alloc::boxed::Box;
use core::fmt;
use core::future::Future;
use core::task::{Context, Poll};

use crate::error::TransportFault;
use crate::time::Timestamp;
use crate::wire::{Head, Request};

/// Sends the two requests of the protocol.
///
/// Futures and bodies are held unboxed and have to be `Unpin`; `Box::pin` makes any future so.
pub trait Transport {
    /// A watch being opened.
    type Open: Future<Output = Result<(Head, Self::Body), TransportError>> + Unpin;
    /// The stream of a watch that is open. Dropping it closes the connection, now.
    type Body: Body + Unpin;
    /// A heartbeat on its way: the status of its answer. Its body is not needed, and at most 16 KiB of it
    /// may be read.
    type Post: Future<Output = Result<u16, TransportError>> + Unpin;

    /// Opens a watch: sends `request` over a connection of its own, never one that was used before a
    /// fault, with the name looked up anew. No redirect is followed. There is no time limit here and none
    /// on the stream: the machine has its own. Dropping the future gives the connection up.
    fn open(&mut self, request: Request) -> Self::Open;

    /// Sends a heartbeat, beside the open stream. No redirect is followed. Dropping the future gives it up.
    fn post(&mut self, request: Request) -> Self::Post;

    /// The attempt is given up, and its futures and its body have been dropped: what else is open for it, such
    /// as a heartbeat's connection that was kept, is to be closed now.
    fn close(&mut self) {}
}

/// The body of a response, chunk by chunk.
pub trait Body {
    /// Some bytes, cut wherever the network cut them.
    type Chunk: AsRef<[u8]>;

    /// The next chunk; `None` at the proper end. A body that was cut short ends in an error, never in
    /// `None`: the machine tells the two apart.
    fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Self::Chunk, TransportError>>>;
}

/// Tells the time and waits for it.
pub trait Timer {
    /// Milliseconds since an origin of this timer's own. The clock should keep counting while the device is
    /// suspended, and must not follow the wall clock's jumps.
    fn now(&mut self) -> Timestamp;

    /// Waits until `until`. Only the last instant asked for counts: there is one timer, set again and
    /// again. Ready early is harmless.
    fn poll_sleep(&mut self, until: Timestamp, cx: &mut Context<'_>) -> Poll<()>;

    /// Asked when the driver finds itself late by a second or more, as after a suspend: ready once the transport
    /// has had a moment, of real time, to hand over what arrived meanwhile. A transport that reads in the
    /// driver's own task has done so already, and needs none.
    fn poll_catch_up(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Whether the device was suspended since this was last asked. A timer that cannot tell says no.
    fn resumed(&mut self) -> bool {
        false
    }
}

/// A transport's failure: what kind, for the machine, and in its own words, for people.
///
/// The words must not hold a token; a URL with its query is better left out too.
#[derive(Clone, PartialEq, Eq)]
pub struct TransportError {
    fault: TransportFault,
    detail: Box<str>,
}

impl TransportError {
    /// A failure of this kind, in these words.
    #[must_use]
    pub fn new(fault: TransportFault, detail: impl Into<Box<str>>) -> Self {
        Self { fault, detail: detail.into() }
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn fault(&self) -> TransportFault {
        self.fault
    }

    /// The transport's own words.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() {
            self.fault.fmt(f)
        } else {
            write!(f, "{}: {}", self.fault, self.detail)
        }
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportError({self})")
    }
}

impl core::error::Error for TransportError {}
