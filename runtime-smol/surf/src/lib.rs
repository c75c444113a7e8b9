//! surf as a [`Transport`], for those who have surf already.
//!
//! ```no_run
//! use dormouse_smol::Watch;
//! use dormouse_surf::SurfTransport;
//!
//! # fn main() -> Result<(), dormouse_smol::StartError> {
//! let watch = Watch::builder("http://127.0.0.1:8080")
//!     .token("…")
//!     .transport(SurfTransport::new()?)
//!     .start()?;
//! # Ok(())
//! # }
//! ```
//!
//! It keeps what a transport has to: a connection for each request, closed when its body is dropped; no
//! redirect followed; no time limit; a body that was cut short is an error. Where surf does otherwise, it is
//! put right here:
//!
//! * With keep-alive on, surf hands a connection on whose body was not read to its end, and the next answer
//!   is the rest of the last one. [`SurfTransport::new`] turns it off; a client that has it on is refused.
//! * A body shorter than its `Content-Length` ends properly for surf. Here it is an error.
//! * A body that lasts until the connection is closed is empty for surf. Here that is an error, which says so.
//! * A field of the head that is not ASCII makes surf panic. Here that is an error, and the watch lives on,
//!   where panics unwind. What they print is the program's own to silence.
//! * surf looks names up on the executor's thread, and tries one address. [`SurfTransport::new`] looks them up
//!   beside it, and tries the next address where one refuses.
//! * The `Redirect` middleware sends the request, credential included, wherever it is told to. A client whose
//!   middleware sends our requests itself, or twice, is refused: it is tried with one that nobody can send.
//!
//! What cannot be put right from outside, by the names of the tests in `tests/limits.rs`. The first two are
//! scenarios of the table that every transport is tried with, and come out otherwise here; of the catalogue
//! (`tests/matrix.rs`) it is interim answers and statuses without a name that do:
//!
//! * `what_is_not_http_is_said_to_be_none`: without an empty line there is no head for surf. It waits, and
//!   the machine's connect timeout ends it; if the connection is closed it is [`TransportFault::Broken`].
//! * `heartbeats_go_beside_the_open_stream`: so they do, but each over a connection of its own, since
//!   keep-alive is off.
//! * `a_body_that_lasts_until_the_connection_is_closed_is_refused`: as said above. The servers of the table and
//!   of the catalogue therefore send such bodies in chunks, as reverse proxies do.
//! * `a_last_chunk_without_its_empty_line_is_an_end`, and `an_empty_chunk_size_is_an_end`: a proper end,
//!   where the connection was cut, or no chunk came.
//! * `a_last_chunk_in_pieces_is_not_seen_by_itself`: surf forgets to be woken, and sees the end when the watch
//!   looks again, at its next timer.
//! * `chunk_extensions_are_refused`, `http_1_0_and_a_long_head_are_refused` (8 KiB), and
//!   `statuses_without_a_name_are_refused` (522, say): they are [`TransportFault::Http`].
//! * `what_comes_before_the_answer_is_the_answer`: 103 ends the attempt, whatever comes after it.
//! * `a_proxy_in_the_environment_is_not_heeded`: surf knows of none. `HTTP_PROXY` and the like change nothing.
//! * `tests/log.rs`: at the level `TRACE` of the `log` crate async-h1 prints every request, token included.
//!   Filter the target `async_h1` out wherever that level is on.
//!
//! `https` is not offered: it ends in [`TransportFault::Tls`], which says so. dormouse-smol's own transport
//! has it.

mod probe;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use dormouse_core::driver::{Body, Transport, TransportError};
use dormouse_core::{Head, Request, TransportFault};
use dormouse_runtime::StartError;
use futures_lite::{AsyncRead as _, FutureExt as _};
use surf::http::{Method, Url};
use surf::{Client, Config};

/// What one look at the network takes.
const READ: usize = 4 << 10;

/// `ENFILE` and `EMFILE`: none is left in the system, or in the process.
const NO_DESCRIPTOR: &[i32] = if cfg!(unix) { &[23, 24] } else { &[] };

/// [`Transport`] over a [`surf::Client`].
#[derive(Clone)]
pub struct SurfTransport {
    client: Arc<Client>,
    /// Whether names are looked up here.
    resolves: bool,
}

impl SurfTransport {
    /// Over a client of our own: keep-alive off, no timeout, no middleware.
    ///
    /// # Errors
    ///
    /// What surf says; it has nothing to say with the backend that is built in here.
    pub fn new() -> Result<Self, StartError> {
        let config = Config::new().set_http_keep_alive(false).set_timeout(None);
        let client = Client::try_from(config.set_tcp_no_delay(true))
            .map_err(|error| StartError::Client(error.to_string()))?;
        Ok(Self { client: Arc::new(client), resolves: true })
    }

    /// Over a client of yours, with its middleware. It is asked how it is configured, and then to send a
    /// request that cannot leave the machine. What its backend does by itself is not seen here: one that
    /// follows redirects or keeps connections whatever its configuration says must not be used.
    ///
    /// # Errors
    ///
    /// If the client has keep-alive or a timeout, which both are surf's default, or if its middleware sends
    /// our requests itself, as surf's `Redirect` does. None of it can be changed in a client that is made.
    pub async fn with_client(client: Client) -> Result<Self, StartError> {
        let refused = |why: &str| Err(StartError::Client(why.to_owned()));
        let config = &client.config().http_config;
        if config.http_keep_alive {
            return refused("it keeps connections alive: set_http_keep_alive(false) is needed");
        }
        if config.timeout.is_some() {
            return refused("it has a time limit of its own: set_timeout(None) is needed");
        }
        if !probe::sends_once(&client).await {
            return refused("its middleware follows redirects, or sends requests again");
        }
        Ok(Self { client: Arc::new(client), resolves: false })
    }
}

impl fmt::Debug for SurfTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SurfTransport").finish_non_exhaustive()
    }
}

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, TransportError>> + Send>>;

impl Transport for SurfTransport {
    type Open = Pending<(Head, SurfBody)>;
    type Body = SurfBody;
    type Post = Pending<u16>;

    fn open(&mut self, request: Request) -> Self::Open {
        let this = self.clone();
        Box::pin(async move {
            let response = this.send(&request).await?;
            Ok((read_head(&response), SurfBody::of(response)))
        })
    }

    fn post(&mut self, request: Request) -> Self::Post {
        let this = self.clone();
        // The answer is dropped with its connection, its body unread.
        Box::pin(async move { Ok(this.send(&request).await?.status().into()) })
    }
}

impl SurfTransport {
    async fn send(&self, request: &Request) -> Result<surf::Response, TransportError> {
        let url = Url::parse(request.url())
            .map_err(|_| TransportError::new(TransportFault::Other, "the URL cannot be used"))?;
        if !self.resolves || url.scheme() != "http" {
            return self.send_to(request, url.clone(), &url).await;
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = url.port_or_known_default().unwrap_or(80);
        let addresses: Vec<SocketAddr> = async_net::resolve((host, port))
            .await
            .map_err(|error| TransportError::new(TransportFault::Resolve, error.to_string()))?;
        let mut failed = TransportError::new(TransportFault::Resolve, "the name has no address");
        for address in addresses {
            let mut there = url.clone();
            let _ = there.set_ip_host(address.ip());
            match self.send_to(request, there, &url).await {
                // Nothing was sent yet.
                Err(error) if error.fault() == TransportFault::Connect => failed = error,
                done => return done,
            }
        }
        Err(failed)
    }

    /// Sends to `there` what is meant for `url`.
    async fn send_to(
        &self,
        request: &Request,
        there: Url,
        url: &Url,
    ) -> Result<surf::Response, TransportError> {
        let method = if request.body().is_empty() { Method::Get } else { Method::Post };
        let mut outgoing = surf::Request::new(method, there);
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        outgoing.insert_header("host", host);
        outgoing.insert_header("user-agent", concat!("dormouse/", env!("CARGO_PKG_VERSION")));
        for (name, value) in request.headers() {
            outgoing.insert_header(name, value);
        }
        if !request.body().is_empty() {
            outgoing.set_body(request.body());
        }
        let sent = AssertUnwindSafe(self.client.send(outgoing)).catch_unwind().await;
        sent.map_err(|_| panicked())?.map_err(|error| failed(url, &error))
    }
}

fn read_head(response: &surf::Response) -> Head {
    let fields = response.iter().flat_map(|(name, values)| {
        values.iter().map(move |value| (name.as_str(), value.as_str().as_bytes()))
    });
    Head::read(response.status().into(), fields)
}

/// The body of an open watch.
pub struct SurfBody {
    response: surf::Response,
    /// Where it ends, if the head says so.
    left: Option<u64>,
    /// surf thinks that there is none, and has closed the connection.
    lost: bool,
}

impl SurfBody {
    fn of(response: surf::Response) -> Self {
        let left = response.len().map(|length| length as u64);
        let framed = ["content-length", "transfer-encoding"]
            .iter()
            .any(|name| response.header(*name).is_some());
        let bodiless = matches!(u16::from(response.status()), 100..200 | 204 | 304);
        let lost = !framed && !bodiless;
        Self { response, left: left.filter(|_| framed), lost }
    }
}

impl Body for SurfBody {
    type Chunk = Vec<u8>;

    fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Vec<u8>, TransportError>>> {
        if self.lost {
            let why = "surf cannot read a body that lasts until the connection is closed";
            return Poll::Ready(Some(Err(TransportError::new(TransportFault::Http, why))));
        }
        let mut buffer = [0; READ];
        let read = AssertUnwindSafe(|| Pin::new(&mut self.response).poll_read(cx, &mut buffer));
        let Ok(read) = catch_unwind(read) else {
            return Poll::Ready(Some(Err(panicked())));
        };
        Poll::Ready(match ready!(read) {
            Ok(0) if self.left.is_some_and(|left| left > 0) => {
                let why = "the body was cut short";
                Some(Err(TransportError::new(TransportFault::Broken, why)))
            }
            Ok(0) => None,
            Ok(length) => {
                self.left = self.left.map(|left| left.saturating_sub(length as u64));
                Some(Ok(buffer[..length].to_vec()))
            }
            Err(error) => Some(Err(TransportError::new(fault_in_use(&error), error.to_string()))),
        })
    }
}

impl fmt::Debug for SurfBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SurfBody").field("left", &self.left).finish_non_exhaustive()
    }
}

/// What went wrong before there was a head. surf's words hold no URL and nothing of the request; what it
/// says of a head is httparse's.
fn failed(url: &Url, error: &surf::Error) -> TransportError {
    let words = error.to_string();
    let fault = match error.downcast_ref::<io::Error>() {
        // What surf's `getaddrinfo` failed with has no kind that could be named.
        _ if words.starts_with("failed to lookup address") => TransportFault::Resolve,
        // Before there is a connection, and only then, surf asks for a descriptor. That has no kind either.
        Some(error) if error.raw_os_error().is_some_and(|code| NO_DESCRIPTOR.contains(&code)) => {
            TransportFault::Connect
        }
        Some(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable => TransportFault::Connect,
            _ => fault_in_use(error),
        },
        None if words == "connection closed" || words == "empty response" => TransportFault::Broken,
        None if words.starts_with("invalid url scheme") => {
            let why = format!("surf was built without TLS: {} is not offered", url.scheme());
            return TransportError::new(TransportFault::Tls, why);
        }
        None => TransportFault::Http,
    };
    TransportError::new(fault, words)
}

fn fault_in_use(error: &io::Error) -> TransportFault {
    match error.kind() {
        io::ErrorKind::InvalidData => TransportFault::Http,
        _ => TransportFault::Broken,
    }
}

fn panicked() -> TransportError {
    TransportError::new(TransportFault::Http, "surf panicked at what the server sent")
}
