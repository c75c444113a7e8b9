//! A connection in use: a request out, the head of its answer in.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use dormouse_core::TransportFault;
use dormouse_core::driver::TransportError;
use futures_lite::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use futures_rustls::client::TlsStream;

use crate::chunk::HttpChunk;
use crate::http1::{Answer, HeadReader};

/// A runtime's stream, or TLS over it; through a proxy that speaks TLS itself, TLS over TLS. To drop it closes the
/// socket, now.
pub(crate) enum Connection<S> {
    Plain(S),
    Secured(Box<TlsStream<Self>>),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Sends a request and reads the head of its answer.
    pub(crate) async fn exchange(
        &mut self,
        request: &[u8],
        reader: &mut HeadReader,
    ) -> Result<Answer, TransportError> {
        self.write_all(request).await.map_err(|error| broken(&error))?;
        self.flush().await.map_err(|error| broken(&error))?;
        loop {
            let read = poll_fn(|cx| self.poll_chunk(cx)).await;
            let chunk = read.map_err(|error| broken(&error))?;
            if let Some(answer) = reader.push(chunk.as_ref())? {
                return Ok(answer);
            }
        }
    }

    /// Reads what there is; nothing at the end.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<HttpChunk>> {
        let mut chunk = HttpChunk::borrow();
        chunk.length = ready!(Pin::new(self).poll_read(cx, &mut chunk.buffer))?;
        Poll::Ready(Ok(chunk))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Secured(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secured(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secured(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_close(cx),
            Self::Secured(stream) => Pin::new(stream).poll_close(cx),
        }
    }
}

/// A connection that failed in use, and whether TLS was what failed.
pub(crate) fn broken(error: &io::Error) -> TransportError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some();
    let fault = if tls { TransportFault::Tls } else { TransportFault::Broken };
    TransportError::new(fault, error.to_string())
}
