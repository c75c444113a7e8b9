//! What was read, in a buffer that is the thread's.
//!
//! A stream that waits holds no buffer, and one that reads allocates none: it borrows that of its thread, and gives
//! it back with what was read.

use std::cell::Cell;
use std::fmt;

use crate::http1::Framing;

/// What one look at the network takes, at the most.
const LENGTH: usize = 16 << 10;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Some bytes of a body. They may be secret: they are not printed.
pub struct HttpChunk {
    pub(crate) buffer: Vec<u8>,
    pub(crate) length: usize,
}

impl HttpChunk {
    /// An empty one, with room in its buffer.
    pub(crate) fn borrow() -> Self {
        // A thread that ends has no buffer any more.
        let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
        if buffer.is_empty() {
            buffer = vec![0; LENGTH];
        }
        Self { buffer, length: 0 }
    }

    /// Leaves what is the body's own. Says whether more came than the body has.
    pub(crate) fn strip(&mut self, framing: &mut Framing) -> bool {
        let (length, surplus) = framing.strip(&mut self.buffer[..self.length]);
        self.length = length;
        surplus
    }
}

impl From<Vec<u8>> for HttpChunk {
    fn from(buffer: Vec<u8>) -> Self {
        Self { length: buffer.len(), buffer }
    }
}

impl AsRef<[u8]> for HttpChunk {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for HttpChunk {
    fn drop(&mut self) {
        if self.buffer.len() == LENGTH {
            let _ = BUFFER.try_with(|buffer| buffer.set(std::mem::take(&mut self.buffer)));
        }
    }
}

impl fmt::Debug for HttpChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpChunk({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_one_buffer_which_whoever_reads_borrows() {
        let first = HttpChunk::borrow();
        let lent = first.buffer.as_ptr();
        let second = HttpChunk::borrow();
        assert_ne!(second.buffer.as_ptr(), lent, "two at a time have two");
        drop(second);
        drop(first);
        assert_eq!(HttpChunk::borrow().buffer.as_ptr(), lent);
        drop(HttpChunk::from(vec![1, 2, 3]));
        assert_eq!(HttpChunk::borrow().buffer.as_ptr(), lent, "what is too small is not lent");
    }
}
