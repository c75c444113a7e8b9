//! From a URL to a connection: the name, its addresses, the proxy on the way, TLS.
//!
//! * A name is looked up for every connection, and its addresses are tried one after the other. Each gets
//!   ten seconds, so that several fit into the 30 s that the machine gives a connect.
//! * Through a proxy `https` asks for a tunnel with `CONNECT`, and TLS is spoken with the server inside it;
//!   `http` hands the whole URL to the proxy.
//! * A connection is one boxed stream, whatever it is made of. To drop it closes the socket, now.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_io::Timer;
use async_net::TcpStream;
use dormouse_core::TransportFault;
use dormouse_core::driver::TransportError;
use fluent_uri::Uri;
use futures_lite::future::or;
use futures_lite::{AsyncRead, AsyncWrite};
use futures_rustls::TlsConnector;
use rustls::pki_types::ServerName;

use crate::http;
use crate::proxy::{Proxies, Proxy};
use crate::transport::{broken, exchange};

/// For one address of a name.
const EACH: Duration = Duration::from_secs(10);

pub(crate) type Connection = Box<dyn Stream>;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Somebody to connect to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) secure: bool,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Endpoint {
    pub(crate) fn of(uri: &Uri<&str>) -> Option<Self> {
        let secure = match uri.scheme().as_str() {
            scheme if scheme.eq_ignore_ascii_case("http") => false,
            scheme if scheme.eq_ignore_ascii_case("https") => true,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_to_u16().ok()?.unwrap_or(if secure { 443 } else { 80 });
        (!host.is_empty()).then_some(Self { secure, host, port })
    }

    async fn dial(&self) -> Result<Connection, TransportError> {
        let addresses = async_net::resolve((&*self.host, self.port)).await;
        let addresses = addresses
            .map_err(|error| TransportError::new(TransportFault::Resolve, error.to_string()))?;
        Ok(Box::new(reach(&addresses, EACH).await?))
    }

    async fn secured(
        &self,
        plain: Connection,
        tls: &TlsConnector,
    ) -> Result<Connection, TransportError> {
        let name = ServerName::try_from(self.host.clone())
            .map_err(|error| TransportError::new(TransportFault::Tls, error.to_string()))?;
        let secured = tls.connect(name, plain).await.map_err(|error| match broken(&error) {
            tls if tls.fault() == TransportFault::Tls => tls,
            _ => TransportError::new(
                TransportFault::Connect,
                format!("in the TLS handshake: {error}"),
            ),
        })?;
        Ok(Box::new(secured))
    }

    /// As `CONNECT` wants it.
    fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

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
            None => there.dial().await?,
            Some(proxy) => self.reach_proxy(there, proxy).await.map_err(|error| {
                TransportError::new(error.fault(), format!("at the proxy: {}", error.detail()))
            })?,
        };
        if there.secure {
            connection = there.secured(connection, &self.tls).await?;
        }
        Ok(connection)
    }

    async fn reach_proxy(
        &self,
        there: &Endpoint,
        proxy: &Proxy,
    ) -> Result<Connection, TransportError> {
        let mut connection = proxy.endpoint.dial().await?;
        if proxy.endpoint.secure {
            connection = proxy.endpoint.secured(connection, &self.tls).await?;
        }
        if there.secure {
            let authority = there.authority();
            let request = http::request("CONNECT", &authority, &authority, proxy.fields(), "");
            let mut reader = http::HeadReader::default();
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

    fn endpoint(url: &str) -> Option<(bool, String, u16)> {
        let endpoint = Endpoint::of(&Uri::parse(url).expect("a URL"))?;
        Some((endpoint.secure, endpoint.host, endpoint.port))
    }

    #[test]
    fn a_url_says_whom_to_connect_to() {
        for (url, secure, host, port) in [
            ("http://example.com", false, "example.com", 80),
            ("HTTPS://example.com/x?y", true, "example.com", 443),
            ("https://example.com:8443/", true, "example.com", 8443),
            ("http://example.com:/", false, "example.com", 80),
            ("http://192.0.2.1:81", false, "192.0.2.1", 81),
            ("https://[2001:db8::1]:8443/", true, "2001:db8::1", 8443),
        ] {
            assert_eq!(endpoint(url), Some((secure, host.to_owned(), port)), "{url}");
        }
        for url in ["ftp://example.com", "http:example.com", "http://", "http://h:65536"] {
            assert_eq!(endpoint(url), None, "{url}");
        }
        let six = Endpoint { secure: true, host: "::1".to_owned(), port: 1 };
        assert_eq!(six.authority(), "[::1]:1");
    }

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
