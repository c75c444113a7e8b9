//! What smol brings: its reactor's sockets and timers, and a thread to look names up.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use async_io::{Async, Timer};
use dormouse_runtime::{HttpTransport, Network};

/// The transport that is made where none is given: HTTP/1.1 of our own over smol's TCP.
///
/// `SmolTransport::new(plain)` takes TLS from the platform's roots and proxies from the environment; `plain` says that
/// the base URL is `http`, and no roots need be read. `SmolTransport::with_tls` is for roots or a client certificate of yours. A
/// clone shares all of it, and no connection: see [`HttpTransport`].
pub type SmolTransport = HttpTransport<SmolNetwork>;

/// [`Network`] over async-io and blocking.
#[derive(Clone, Copy, Debug)]
pub struct SmolNetwork;

impl Network for SmolNetwork {
    /// It reads before it asks the reactor, so that what lies in the socket is seen even by whoever was
    /// stopped for a while.
    type Stream = Async<TcpStream>;

    async fn resolve(name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let name = name.to_owned();
        blocking::unblock(move || (name, port).to_socket_addrs().map(Iterator::collect)).await
    }

    async fn connect(address: SocketAddr) -> io::Result<Self::Stream> {
        let stream = Async::<TcpStream>::connect(address).await?;
        let _ = stream.get_ref().set_nodelay(true);
        Ok(stream)
    }

    async fn sleep(time: Duration) {
        Timer::after(time).await;
    }
}
