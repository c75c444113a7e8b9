//! From a URL to a connection: the proxy on the way, and TLS.
//!
//! * Through a proxy `https` asks for a tunnel with `CONNECT`, and TLS is spoken with the server inside it;
//!   `http` hands the whole URL to the proxy.
//! * Who needs no TLS has none. Who brings none shares that of the process.

use std::sync::{Arc, OnceLock};

use dormouse_core::TransportFault;
use dormouse_core::driver::TransportError;
use futures_rustls::TlsConnector;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::connection::{Connection, broken};
use crate::http1::{self, HeadReader};
use crate::network::{Network, dial};
use crate::proxy::{Endpoint, Proxies, Proxy};
use crate::{StartError, tls_config};

/// How every connection is made.
pub(crate) struct Route {
    /// The user's; by default that of the process.
    pub(crate) tls: Option<TlsConnector>,
    pub(crate) proxies: Proxies,
}

impl Route {
    /// A connection over which requests for `there` can be sent; to the proxy, if there is one and
    /// `there` is not secure.
    pub(crate) async fn connect<N: Network>(
        &self,
        there: &Endpoint,
    ) -> Result<Connection<N::Stream>, TransportError> {
        let connection = match self.proxies.before(there)? {
            None => Connection::Plain(dial::<N>(there).await?),
            Some(proxy) => self.reach_proxy::<N>(there, proxy).await.map_err(|error| {
                TransportError::new(error.fault(), format!("at the proxy: {}", error.detail()))
            })?,
        };
        if there.secure { self.secured::<N>(there, connection).await } else { Ok(connection) }
    }

    async fn reach_proxy<N: Network>(
        &self,
        there: &Endpoint,
        proxy: &Proxy,
    ) -> Result<Connection<N::Stream>, TransportError> {
        let mut connection = Connection::Plain(dial::<N>(&proxy.endpoint).await?);
        if proxy.endpoint.secure {
            connection = self.secured::<N>(&proxy.endpoint, connection).await?;
        }
        if there.secure {
            let authority = there.authority();
            let request = http1::request("CONNECT", &authority, &authority, proxy.fields(), "");
            let mut reader = HeadReader::default();
            let answer = connection.exchange(&request, &mut reader).await?;
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
    async fn secured<N: Network>(
        &self,
        there: &Endpoint,
        plain: Connection<N::Stream>,
    ) -> Result<Connection<N::Stream>, TransportError> {
        let tls = |why: String| TransportError::new(TransportFault::Tls, why);
        let connector = match &self.tls {
            Some(own) => own,
            None => shared_tls().map_err(|error| tls(error.to_string()))?,
        };
        let name =
            ServerName::try_from(there.host.clone()).map_err(|error| tls(error.to_string()))?;
        // A handshake is large, and is not to be room in the future of those who have none.
        let secured = Box::pin(connector.connect(name, plain)).await;
        let secured = secured.map_err(|error| match broken(&error) {
            tls if tls.fault() == TransportFault::Tls => tls,
            _ => TransportError::new(
                TransportFault::Connect,
                format!("in the TLS handshake: {error}"),
            ),
        })?;
        Ok(Connection::Secured(Box::new(secured)))
    }
}

/// TLS against the platform's roots, one for all transports of a process.
pub(crate) fn shared_tls() -> Result<&'static TlsConnector, StartError> {
    static SHARED: OnceLock<Result<TlsConnector, StartError>> = OnceLock::new();
    SHARED.get_or_init(|| tls_config().map(connector)).as_ref().map_err(Clone::clone)
}

/// ALPN says what is spoken here.
pub(crate) fn connector(mut tls: ClientConfig) -> TlsConnector {
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(tls).into()
}
