//! The two requests over reqwest, for those who have it already (feature `reqwest`).
//!
//! It knows the proxies that macOS and Windows have in their settings, and whatever else a
//! [`reqwest::ClientBuilder`] can be told. What it costs beside our own transport is in docs/performance.md.

use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use dormouse_core::driver::{Body, Transport, TransportError};
use dormouse_core::{Head, Method, Request, TransportFault};
use dormouse_runtime::{StartError, plain_tls_config, tls_config};
use http_body::Body as _;
use reqwest::header::HeaderValue;
use reqwest::{Client, ClientBuilder, Response, redirect};

/// For one address of a name. There may be several, and all of them have to be tried within the 30 s that
/// the machine gives a connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A [`reqwest::ClientBuilder`] set up as the watch needs it, and as our own clients are: no redirects, no
/// retries, HTTP/1.1, a time limit on connecting and none on anything else, TLS against the platform's
/// roots. Build a client of yours from this for [`ReqwestTransport::with_client`].
///
/// Where only `http` URLs will be asked for, `plain` spares it the reading of roots.
///
/// # Errors
///
/// If TLS cannot be set up: the crate was built without cryptography, and none is installed.
pub fn client_builder(plain: bool) -> Result<ClientBuilder, StartError> {
    Ok(with_tls(if plain { plain_tls_config()? } else { tls_config()? }))
}

fn with_tls(tls: rustls::ClientConfig) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("dormouse/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .http1_only()
        .tls_backend_preconfigured(tls)
}

/// [`Transport`] over [`reqwest`]: with the feature `reqwest`.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    /// The present client; none between two attempts, where it is our own.
    client: Option<Client>,
    /// What the next client is made with; `None` where the client is the user's.
    own: Option<rustls::ClientConfig>,
}

impl ReqwestTransport {
    /// Clients of our own: a new one for each watch, so that no connection outlives a fault and names are
    /// looked up anew. `plain` says that the base URL is `http`, and no TLS will be needed.
    ///
    /// # Errors
    ///
    /// If the client cannot be made.
    pub fn new(plain: bool) -> Result<Self, StartError> {
        let tls = if plain { plain_tls_config()? } else { tls_config()? };
        // Made once to see that it can be.
        with_tls(tls.clone()).build().map_err(|error| StartError::Client(words(&error)))?;
        Ok(Self { client: None, own: Some(tls) })
    }

    /// A client of the user's: to share one among many watches, or for a proxy, roots or a client certificate of
    /// yours.
    ///
    /// ```
    /// use dormouse_tokio::{ReqwestTransport, Watch, client_builder};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = client_builder(false)?.no_proxy().build()?;
    /// let builder = Watch::builder("https://api.example.com")
    ///     .token("…")
    ///     .transport(ReqwestTransport::with_client(client));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It has to be built so that the protocol can work; [`client_builder`] begins
    /// one that is. `redirect(Policy::none())` (a redirect that was followed is reported as a fault), no
    /// `timeout` and no `read_timeout` (they would cut the stream), no decompression, HTTP/1.1 only (over
    /// HTTP/2 watches beyond the server's limit of streams would hang without an error), and a
    /// `connect_timeout` of some seconds, so that each of a name's addresses gets its turn. Unlike our
    /// own, it may use a pooled connection for the next watch.
    ///
    /// This couples your `reqwest` to ours: version 0.13, with `rustls-no-provider` on. A client that is not begun with
    /// [`client_builder`] panics when it is built, unless a `CryptoProvider` was installed, or another feature of reqwest's
    /// brings one.
    #[must_use]
    pub fn with_client(client: Client) -> Self {
        Self { client: Some(client), own: None }
    }
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, TransportError>> + Send>>;

impl Transport for ReqwestTransport {
    type Open = Answer<(Head, ReqwestBody)>;
    type Body = ReqwestBody;
    type Post = Answer<u16>;

    fn open(&mut self, request: Request) -> Self::Open {
        if let Some(tls) = &self.own {
            match with_tls(tls.clone()).build() {
                Ok(client) => self.client = Some(client),
                Err(error) => return Box::pin(core::future::ready(Err(failed(error)))),
            }
        }
        let answer = self.client.as_ref().map(|client| send(client, &request));
        Box::pin(async move {
            let response = answer.ok_or_else(closed)?.await?;
            let status = response.status().as_u16();
            let headers = response.headers();
            let head = Head::read(
                status,
                headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())),
            );
            Ok((head, ReqwestBody(response.into())))
        })
    }

    fn post(&mut self, request: Request) -> Self::Post {
        let answer = self.client.as_ref().map(|client| send(client, &request));
        // The answer's body is not read: dropping it here closes a connection that still has one coming.
        Box::pin(async move { Ok(answer.ok_or_else(closed)?.await?.status().as_u16()) })
    }

    /// A client of our own goes, and with it the connection that it kept for heartbeats.
    fn close(&mut self) {
        if self.own.is_some() {
            self.client = None;
        }
    }
}

/// There is no client: a heartbeat was asked for without a watch, which the driver does not do.
fn closed() -> TransportError {
    TransportError::new(TransportFault::Other, "no watch is open")
}

fn send(
    client: &Client,
    request: &Request,
) -> impl Future<Output = Result<Response, TransportError>> + Send + use<> {
    let method = match request.method() {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
    };
    let mut builder = client.request(method, request.url());
    for (name, value) in request.headers() {
        builder = match HeaderValue::from_str(value) {
            Ok(mut checked) => {
                checked.set_sensitive(name == "authorization");
                builder.header(name, checked)
            }
            // Cannot be, since the token was checked; reqwest will say so when the request is sent.
            Err(_) => builder.header(name, value),
        };
    }
    if !request.body().is_empty() {
        builder = builder.body(request.body().to_owned());
    }
    let asked = reqwest::Url::parse(request.url()).ok();
    let sending = builder.send();
    async move {
        let response = sending.await.map_err(failed)?;
        // Only a client of the user's could have done that.
        if asked.is_some_and(|asked| asked != *response.url()) {
            return Err(TransportError::new(
                TransportFault::Other,
                "the HTTP client followed a redirect; build it with redirect::Policy::none()",
            ));
        }
        Ok(response)
    }
}

/// The body of an open watch.
#[derive(Debug)]
pub struct ReqwestBody(reqwest::Body);

impl Body for ReqwestBody {
    type Chunk = Bytes;

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, TransportError>>> {
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut self.0).poll_frame(cx)) {
                None => None,
                Some(Err(error)) => Some(Err(failed(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => Some(Ok(chunk)),
                    // Trailers say nothing here.
                    Err(_) => continue,
                },
            });
        }
    }
}

fn failed(error: reqwest::Error) -> TransportError {
    // The URL carries a lease id, which is of no help and of some use to a thief.
    let error = error.without_url();
    TransportError::new(fault(&error), words(&error))
}

/// Which kind of failure: for people; the machine decides the same for all of them.
fn fault(error: &reqwest::Error) -> TransportFault {
    let mut at: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(cause) = at {
        if is_tls(cause) {
            return TransportFault::Tls;
        }
        if let Some(http) = cause.downcast_ref::<hyper::Error>() {
            if http.is_parse() {
                return TransportFault::Http;
            }
        }
        // The connector's own type is private; its first words are all there is.
        if error.is_connect() && cause.to_string().starts_with("dns error") {
            return TransportFault::Resolve;
        }
        at = cause.source();
    }
    if error.is_connect() {
        TransportFault::Connect
    } else if error.is_builder() {
        TransportFault::Other
    } else {
        TransportFault::Broken
    }
}

/// Whether TLS is at the bottom of it: an I/O error may wrap another, and shows only what that was caused
/// by as its source.
fn is_tls(cause: &(dyn std::error::Error + 'static)) -> bool {
    let mut inner = cause.downcast_ref::<std::io::Error>();
    while let Some(wrapped) = inner.and_then(std::io::Error::get_ref) {
        if wrapped.is::<rustls::Error>() {
            return true;
        }
        inner = wrapped.downcast_ref();
    }
    cause.is::<rustls::Error>()
}

/// The error and what caused it, in one line.
fn words(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut at = error.source();
    while let Some(cause) = at {
        let said = cause.to_string();
        if !words.ends_with(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        at = cause.source();
    }
    words
}
