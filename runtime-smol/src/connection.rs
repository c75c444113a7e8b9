//! A connection in use: a request out, the head of its answer in.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use dormouse_core::TransportFault;
use dormouse_core::driver::TransportError;
use dormouse_runtime::http1::{Answer, HeadReader};
use futures_lite::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

/// What one look at the network takes.
const READ: usize = 4 << 10;

/// One boxed stream, whatever it is made of. To drop it closes the socket, now.
pub(crate) type Connection = Box<dyn Stream>;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Sends a request and reads the head of its answer.
pub(crate) async fn exchange(
    connection: &mut Connection,
    request: &[u8],
    reader: &mut HeadReader,
) -> Result<Answer, TransportError> {
    connection.write_all(request).await.map_err(|error| broken(&error))?;
    connection.flush().await.map_err(|error| broken(&error))?;
    loop {
        let read = poll_fn(|cx| poll_read(connection, cx, |bytes| reader.push(bytes)));
        if let Some(answer) = read.await.map_err(|error| broken(&error))?? {
            return Ok(answer);
        }
    }
}

/// Reads what there is by way of the stack, so that who waits holds no buffer.
pub(crate) fn poll_read<T>(
    connection: &mut Connection,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]) -> T,
) -> Poll<io::Result<T>> {
    let mut buffer = [0; READ];
    let length = ready!(Pin::new(connection).poll_read(cx, &mut buffer))?;
    Poll::Ready(Ok(take(&buffer[..length])))
}

/// A connection that failed in use, and whether TLS was what failed.
pub(crate) fn broken(error: &io::Error) -> TransportError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some();
    let fault = if tls { TransportFault::Tls } else { TransportFault::Broken };
    TransportError::new(fault, error.to_string())
}
