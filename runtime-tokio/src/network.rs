//! What tokio brings: sockets, timers, and a thread to look names up.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use dormouse_runtime::{HttpTransport, Network};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

/// The transport that is made where none is given: HTTP/1.1 of our own over tokio's TCP.
///
/// `TokioTransport::new(plain)` takes TLS from the platform's roots and proxies from the environment; `plain` says that
/// the base URL is `http`, and no roots need be read. `TokioTransport::with_tls` is for roots or a client certificate of yours. A
/// clone shares all of it, and no connection: see [`HttpTransport`].
pub type TokioTransport = HttpTransport<TokioNetwork>;

/// [`Network`] over tokio.
#[derive(Clone, Copy, Debug)]
pub struct TokioNetwork;

impl Network for TokioNetwork {
    type Stream = Compat<TcpStream>;

    async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        tokio::net::lookup_host((name, port)).await.map(Iterator::collect)
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
        let stream = TcpStream::connect(address).await?;
        let _ = stream.set_nodelay(true);
        Ok(stream.compat())
    }

    async fn sleep(time: Duration) {
        tokio::time::sleep(time).await;
    }
}
