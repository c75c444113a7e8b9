//! The two requests over HTTP/1.1.
//!
//! * A watch gets a connection of its own, made for it. Dropping its body closes it.
//! * Heartbeats share another one, which belongs to the watch that they are for: it is given up with that
//!   watch, so that no connection outlives a fault. It is used again only if its last answer ended, within
//!   16 KiB, the server has said nothing since, and that was not so long ago that some box on the way may have
//!   forgotten it: what is sent then is lost without an error.
//! * A server may close an idle connection just when a heartbeat sets out. If one that was used before
//!   fails before a byte of an answer, or is answered that the server got tired of waiting, the heartbeat is sent once
//!   more over a new one: to refresh a lease twice is to refresh it once.
//! * A heartbeat is answered by its head. The body is left where it is until the next heartbeat: a 2xx whose
//!   body stalls has refreshed the lease all the same.
//! * Who sleeps holds two sockets and no buffer of ours, and no future of what is done. (Under TLS rustls keeps 4 KiB
//!   for each that has read something.)

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use dormouse_core::driver::{Body, Transport, TransportError};
use dormouse_core::{Head, Request, TransportFault};
use fluent_uri::Uri;
use futures_lite::AsyncReadExt as _;
use futures_lite::future::poll_once;
use rustls::ClientConfig;

use crate::StartError;
use crate::chunk::HttpChunk;
use crate::connect::{Route, connector, shared_tls};
use crate::connection::{Connection, broken};
use crate::http1::{self, Answer, Framing, HeadReader};
use crate::network::Network;
use crate::proxy::{Endpoint, Proxies, Proxy};

/// Of an answer that nobody needs, its framing included.
const SPARE_BODY: usize = 16 << 10;
/// For how long a connection is kept for the next heartbeat. Mobile networks forget one that is silent within minutes.
const IDLE: Duration = Duration::from_secs(90);
/// 408: an answer to nothing that was asked, before the server closes (RFC 9110 section 15.5.9).
const TIRED: u16 = 408;
/// Reads without a byte of the body, after which others get their turn.
const EMPTY_READS: usize = 16;

/// [`Transport`] with HTTP/1.1 of our own and TLS through rustls, over the TCP of a runtime: a new connection for
/// each watch, with the name looked up anew, and another one for its heartbeats.
///
/// A clone is cheap, and shares everything but connections: the proxies, and TLS with its sessions. Whoever has many
/// watches in one process makes one transport, and gives each of them a clone.
///
/// Proxies are taken from the environment when it is made, as curl does: `http_proxy`, `https_proxy`, `all_proxy` and
/// `no_proxy`, each in capitals too but for the first. What macOS and Windows have in their settings is not looked at.
pub struct HttpTransport<N: Network> {
    route: Arc<Route>,
    /// What the watch that is open keeps for its heartbeats, from the first of them on.
    idle: Option<Arc<Idle<N>>>,
}

impl<N: Network> HttpTransport<N> {
    /// TLS against the platform's roots, which all transports of the process share. `plain` says that the base URL
    /// is `http`: no roots are read then.
    ///
    /// # Errors
    ///
    /// If TLS is needed and cannot be set up: there is no cryptography, neither built in (features `ring` and
    /// `aws-lc-rs`) nor installed by the application.
    pub fn new(plain: bool) -> Result<Self, StartError> {
        if !plain {
            shared_tls()?;
        }
        Ok(Self::over(None, Proxies::from_env()))
    }

    /// TLS of the user's: other roots, a client certificate. This couples your `rustls` to ours: version 0.23. ALPN
    /// is set to HTTP/1.1, which is all that is spoken here.
    #[must_use]
    pub fn with_tls(tls: ClientConfig) -> Self {
        Self::over(Some(tls), Proxies::from_env())
    }

    fn over(tls: Option<ClientConfig>, proxies: Proxies) -> Self {
        Self { route: Arc::new(Route { tls: tls.map(connector), proxies }), idle: None }
    }
}

impl<N: Network> Clone for HttpTransport<N> {
    fn clone(&self) -> Self {
        Self { route: Arc::clone(&self.route), idle: None }
    }
}

impl<N: Network> fmt::Debug for HttpTransport<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").finish_non_exhaustive()
    }
}

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, TransportError>> + Send>>;

impl<N: Network> Transport for HttpTransport<N> {
    type Open = Pending<(Head, HttpBody<N>)>;
    type Body = HttpBody<N>;
    type Post = Pending<u16>;

    fn open(&mut self, request: Request) -> Self::Open {
        self.idle = None;
        let route = Arc::clone(&self.route);
        let outgoing = Outgoing::new(&route, &request);
        Box::pin(async move { outgoing?.send_anew(&route).await })
    }

    fn post(&mut self, request: Request) -> Self::Post {
        let idle = Arc::clone(self.idle.get_or_insert_default());
        let route = Arc::clone(&self.route);
        let outgoing = Outgoing::new(&route, &request);
        Box::pin(async move {
            let (head, body) = outgoing?.send(&route, &idle).await?;
            // Where the watch has gone meanwhile, this goes with it.
            *idle.lock() = body.kept();
            Ok(head.status())
        })
    }

    fn close(&mut self) {
        self.idle = None;
    }
}

/// Where the connection for heartbeats is between two of them.
struct Idle<N: Network>(Mutex<Option<Kept<N>>>);

/// A connection whose last answer may not be whole yet.
struct Kept<N: Network> {
    connection: Connection<N::Stream>,
    framing: Framing,
    /// How much more of the answer is read, if it comes.
    spare: usize,
    since: Instant,
}

impl<N: Network> Idle<N> {
    /// Nothing that panics runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Option<Kept<N>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N: Network> Default for Idle<N> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

/// A request as it is sent, and to whom.
struct Outgoing<N> {
    bytes: Vec<u8>,
    there: Endpoint,
    network: PhantomData<fn() -> N>,
}

impl<N: Network> Outgoing<N> {
    fn new(route: &Route, request: &Request) -> Result<Self, TransportError> {
        let bad_url = || TransportError::new(TransportFault::Other, "the URL cannot be used");
        let uri = Uri::parse(request.url()).map_err(|_| bad_url())?;
        let (there, authority) = Endpoint::of(&uri).zip(uri.authority()).ok_or_else(bad_url)?;
        let asks_proxy = route.proxies.before(&there)?.filter(|_| !there.secure);
        let target = match uri.query() {
            _ if asks_proxy.is_some() => request.url().to_owned(),
            Some(query) => format!("{}?{query}", uri.path()),
            None => uri.path().to_string(),
        };
        let target = if target.is_empty() { "/" } else { &target };
        let agent = ("user-agent", concat!("dormouse/", env!("CARGO_PKG_VERSION")));
        let fields = request.headers().chain([agent]);
        let fields = fields.chain(asks_proxy.into_iter().flat_map(Proxy::fields));
        let method = request.method().as_str();
        let bytes = http1::request(method, target, authority.as_str(), fields, request.body());
        Ok(Self { bytes, there, network: PhantomData })
    }

    /// Over the connection that is idle, if there is one, or else over a new one.
    async fn send(
        self,
        route: &Route,
        idle: &Idle<N>,
    ) -> Result<(Head, HttpBody<N>), TransportError> {
        let kept = idle.lock().take();
        if let Some(mut connection) = reusable(kept).await {
            let mut reader = HeadReader::default();
            let answer = connection.exchange(&self.bytes, &mut reader).await;
            let stale = match &answer {
                Ok(answer) => answer.head.status() == TIRED,
                Err(_) => reader.is_untouched(),
            };
            if !stale {
                return Ok(HttpBody::split(answer?, connection, reader));
            }
        }
        self.send_anew(route).await
    }

    /// Over a new connection.
    async fn send_anew(self, route: &Route) -> Result<(Head, HttpBody<N>), TransportError> {
        let mut connection = route.connect::<N>(&self.there).await?;
        let mut reader = HeadReader::default();
        let answer = connection.exchange(&self.bytes, &mut reader).await?;
        Ok(HttpBody::split(answer, connection, reader))
    }
}

/// The connection under an answer that is whole by now, if nothing is wrong with it.
async fn reusable<N: Network>(kept: Option<Kept<N>>) -> Option<Connection<N::Stream>> {
    let mut kept = kept.filter(|kept| kept.since.elapsed() < IDLE)?;
    while !kept.framing.is_ended() {
        let mut chunk = poll_once(poll_fn(|cx| kept.connection.poll_chunk(cx))).await?.ok()?;
        let read = chunk.as_ref().len();
        kept.spare = kept.spare.checked_sub(read).filter(|_| read > 0)?;
        if chunk.strip(&mut kept.framing) || kept.framing.fault().is_some() {
            return None;
        }
    }
    // An end, or an answer to nothing that was asked: both mean that the server has done with it.
    let silent = poll_once(kept.connection.read(&mut [0])).await.is_none();
    silent.then_some(kept.connection)
}

/// The body of an open watch.
pub struct HttpBody<N: Network> {
    connection: Connection<N::Stream>,
    framing: Framing,
    /// What came along with the head.
    early: Vec<u8>,
    keeps: bool,
}

impl<N: Network> HttpBody<N> {
    fn split(
        answer: Answer,
        connection: Connection<N::Stream>,
        reader: HeadReader,
    ) -> (Head, Self) {
        let Answer { head, framing, keeps } = answer;
        // What held the head is not kept for nothing.
        let early = if reader.bytes.is_empty() { Vec::new() } else { reader.bytes };
        (head, Self { connection, framing, early, keeps })
    }

    /// The connection, for another request, unless there is something wrong with it already.
    fn kept(self) -> Option<Kept<N>> {
        let Self { connection, mut framing, mut early, keeps } = self;
        let spare = SPARE_BODY.checked_sub(early.len())?;
        let (_, surplus) = framing.strip(&mut early);
        let sound = keeps && !surplus && framing.fault().is_none();
        sound.then(|| Kept { connection, framing, spare, since: Instant::now() })
    }
}

impl<N: Network> Body for HttpBody<N> {
    type Chunk = HttpChunk;

    fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<HttpChunk, TransportError>>> {
        for _ in 0..EMPTY_READS {
            if let Some(fault) = self.framing.fault() {
                return Poll::Ready(Some(Err(fault)));
            }
            if self.framing.is_ended() {
                return Poll::Ready(None);
            }
            let mut chunk = HttpChunk::from(std::mem::take(&mut self.early));
            if chunk.as_ref().is_empty() {
                chunk = match ready!(self.connection.poll_chunk(cx)) {
                    Ok(chunk) if !chunk.as_ref().is_empty() => chunk,
                    Ok(_) => return Poll::Ready(self.framing.cut().map(Err)),
                    Err(error) => return Poll::Ready(Some(Err(broken(&error)))),
                };
            }
            // What comes behind the body's end is nobody's.
            chunk.strip(&mut self.framing);
            if !chunk.as_ref().is_empty() {
                return Poll::Ready(Some(Ok(chunk)));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<N: Network> fmt::Debug for HttpBody<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBody").field("framing", &self.framing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
