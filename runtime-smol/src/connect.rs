//! From a URL to a connection: the name, its addresses, the proxy on the way, TLS.
//!
//! * A name is looked up for every connection, and its addresses are tried one after the other. Each gets
//!   ten seconds, so that several fit into the 30 s that the machine gives a connect.
//! * Through a proxy `https` asks for a tunnel with `CONNECT`, and TLS is spoken with the server inside it;
//!   `http` hands the whole URL to the proxy.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_io::Timer;
use async_net::TcpStream;
use dormouse_core::TransportFault;
use dormouse_core::driver::TransportError;
use dormouse_runtime::http1;
use dormouse_runtime::proxy::{Endpoint, Proxies, Proxy};
use futures_lite::future::or;
use futures_rustls::TlsConnector;
use rustls::pki_types::ServerName;

use crate::connection::{Connection, broken, exchange};

/// For one address of a name.
const EACH: Duration = Duration::from_secs(10);

/// How every connection is made.
pub(crate) struct Route {
    pub(crate) tls: TlsConnector,
    pub(crate) proxies: Proxies,
}

impl Route {
    /// A connection over which requests for `there` can be sent, as they are sent to `through`.
    pub(crate) async fn connect(
        &self,
        there: &Endpoint,
        through: Option<&Proxy>,
    ) -> Result<Connection, TransportError> {
        let mut connection = match through {
            None => dial(there).await?,
            Some(proxy) => self.reach_proxy(there, proxy).await.map_err(|error| {
                TransportError::new(error.fault(), format!("at the proxy: {}", error.detail()))
            })?,
        };
        if there.secure {
            connection = self.secured(there, connection).await?;
        }
        Ok(connection)
    }

    async fn reach_proxy(
        &self,
        there: &Endpoint,
        proxy: &Proxy,
    ) -> Result<Connection, TransportError> {
        let mut connection = dial(&proxy.endpoint).await?;
        if proxy.endpoint.secure {
            connection = self.secured(&proxy.endpoint, connection).await?;
        }
        if there.secure {
            let authority = there.authority();
            let request = http1::request("CONNECT", &authority, &authority, proxy.fields(), "");
            let mut reader = http1::HeadReader::default();
            let answer = exchange(&mut connection, &request, &mut reader).await?;
            let refused = |why| Err(TransportError::new(TransportFault::Connect, why));
            match answer.head.status() {
                200..300 if reader.bytes.is_empty() => {}
                200..300 => return refused("it spoke before the server did".to_owned()),
                status => return refused(format!("it answered {status}")),
            }
        }
        Ok(connection)
    }

    /// TLS with `there`, over a connection that leads to it.
    async fn secured(
        &self,
        there: &Endpoint,
        plain: Connection,
    ) -> Result<Connection, TransportError> {
        let name = ServerName::try_from(there.host.clone())
            .map_err(|error| TransportError::new(TransportFault::Tls, error.to_string()))?;
        let secured =
            self.tls.connect(name, plain).await.map_err(|error| match broken(&error) {
                tls if tls.fault() == TransportFault::Tls => tls,
                _ => TransportError::new(
                    TransportFault::Connect,
                    format!("in the TLS handshake: {error}"),
                ),
            })?;
        Ok(Box::new(secured))
    }
}

/// A connection to one of its addresses.
async fn dial(there: &Endpoint) -> Result<Connection, TransportError> {
    let addresses = async_net::resolve((&*there.host, there.port)).await;
    let addresses = addresses
        .map_err(|error| TransportError::new(TransportFault::Resolve, error.to_string()))?;
    Ok(Box::new(reach(&addresses, EACH).await?))
}

/// Tries one address after the other.
async fn reach(addresses: &[SocketAddr], each: Duration) -> Result<TcpStream, TransportError> {
    let mut failed = TransportError::new(TransportFault::Resolve, "the name has no address");
    for address in addresses {
        let late = async {
            Timer::after(each).await;
            Err(io::ErrorKind::TimedOut.into())
        };
        match or(TcpStream::connect(*address), late).await {
            Ok(stream) => {
                // A request is sent whole: there is nothing to wait for.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => {
                failed = TransportError::new(TransportFault::Connect, error.to_string());
            }
        }
    }
    Err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Instant;

    use futures_lite::future::block_on;

    #[test]
    fn addresses_are_tried_one_after_the_other() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let good = listener.local_addr().expect("an address");
        let refuses: SocketAddr = ([127, 0, 0, 2], good.port()).into();
        let reached = block_on(reach(&[refuses, good], EACH)).expect("the second address answers");
        assert_eq!(reached.peer_addr().expect("a peer"), good);
        let refused = block_on(reach(&[refuses, refuses], EACH)).expect_err("nobody listens there");
        assert_eq!(refused.fault(), TransportFault::Connect);
        let nowhere = block_on(reach(&[], EACH)).expect_err("no address");
        assert_eq!(nowhere.fault(), TransportFault::Resolve);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_that_does_not_answer_costs_its_time_and_no_more() {
        // A backlog that is full: whoever comes now gets no answer at all.
        let full = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let silent = full.local_addr().expect("an address");
        let each = Duration::from_millis(200);
        let mut waiting = Vec::new();
        while let Ok(stream) = std::net::TcpStream::connect_timeout(&silent, each) {
            waiting.push(stream);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let good = listener.local_addr().expect("an address");
        let began = Instant::now();
        let reached = block_on(reach(&[silent, good], each)).expect("the second address answers");
        assert_eq!(reached.peer_addr().expect("a peer"), good);
        assert!(began.elapsed() >= each && began.elapsed() < EACH, "{:?}", began.elapsed());
    }
}
