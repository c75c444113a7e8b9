//! The two requests over HTTP/1.1.
//!
//! * A watch gets a connection of its own, made for it. Dropping its body closes it.
//! * Heartbeats share another one, which belongs to the watch that they are for: it is given up with that
//!   watch, so that no connection outlives a fault. It is used again only if its last answer ended, within
//!   16 KiB, and the server has said nothing since.
//! * A server may close an idle connection just when a heartbeat sets out. If one that was used before
//!   fails before a byte of an answer, the heartbeat is sent once more over a new one: to refresh a lease
//!   twice is to refresh it once.
//! * A heartbeat is answered by its head. The body is left where it is until the next heartbeat: a 2xx whose
//!   body stalls has refreshed the lease all the same.
//! * An idle stream holds no buffer: what comes is read into the stack, and handed over.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use dormouse_core::driver::{Body, Transport, TransportError};
use dormouse_core::{Head, Request, TransportFault};
use dormouse_runtime::http1::{self, Answer, Framing, HeadReader};
use dormouse_runtime::proxy::{Endpoint, Proxies, Proxy};
use dormouse_runtime::{StartError, plain_tls_config, tls_config};
use fluent_uri::Uri;
use futures_lite::AsyncReadExt as _;
use futures_lite::future::poll_once;
use rustls::ClientConfig;

use crate::connect::Route;
use crate::connection::{Connection, broken, exchange, poll_read};

/// Of a body that nobody needs.
const SPARE_BODY: usize = 16 << 10;
/// Reads without a byte of the body, after which others get their turn.
const EMPTY_READS: usize = 16;

/// [`Transport`] over smol's TCP, with HTTP/1.1 of our own and TLS through rustls.
#[derive(Clone)]
pub struct SmolTransport {
    route: Arc<Route>,
    /// What the watch that is open keeps for its heartbeats.
    idle: Weak<Idle>,
}

type Idle = Mutex<Option<SmolBody>>;

impl SmolTransport {
    /// A new connection for each watch, with the name looked up anew; TLS against the platform's roots;
    /// proxies as the environment has them now. `plain` says that the base URL is `http`, and no TLS will
    /// be needed.
    ///
    /// # Errors
    ///
    /// If TLS cannot be set up: the crate was built without cryptography, and none is installed.
    pub fn new(plain: bool) -> Result<Self, StartError> {
        Ok(Self::with_tls(if plain { plain_tls_config()? } else { tls_config()? }))
    }

    /// The same with TLS of the user's: other roots, a client certificate. This couples your `rustls` to
    /// ours: version 0.23. ALPN is set to HTTP/1.1, which is all that is spoken here.
    #[must_use]
    pub fn with_tls(tls: ClientConfig) -> Self {
        Self::over(tls, Proxies::from_env())
    }

    fn over(mut tls: ClientConfig, proxies: Proxies) -> Self {
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { route: Arc::new(Route { tls: Arc::new(tls).into(), proxies }), idle: Weak::new() }
    }
}

impl fmt::Debug for SmolTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmolTransport").finish_non_exhaustive()
    }
}

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, TransportError>> + Send>>;

impl Transport for SmolTransport {
    type Open = Pending<(Head, SmolBody)>;
    type Body = SmolBody;
    type Post = Pending<u16>;

    fn open(&mut self, request: Request) -> Self::Open {
        let idle = Arc::new(Idle::default());
        self.idle = Arc::downgrade(&idle);
        let route = Arc::clone(&self.route);
        Box::pin(async move {
            let (head, body) = send(&route, &request, None).await?;
            Ok((head, SmolBody { _idle: Some(idle), ..body }))
        })
    }

    fn post(&mut self, request: Request) -> Self::Post {
        let (route, idle) = (Arc::clone(&self.route), Weak::clone(&self.idle));
        Box::pin(async move {
            let (head, body) = send(&route, &request, idle.upgrade().as_deref()).await?;
            if let Some(idle) = idle.upgrade() {
                *idle.lock().unwrap_or_else(PoisonError::into_inner) = body.keeps.then_some(body);
            }
            Ok(head.status())
        })
    }
}

/// Sends a request over the connection that is idle, if there is one, or else over a new one.
async fn send(
    route: &Route,
    request: &Request,
    idle: Option<&Idle>,
) -> Result<(Head, SmolBody), TransportError> {
    let bad_url = || TransportError::new(TransportFault::Other, "the URL cannot be used");
    let uri = Uri::parse(request.url()).map_err(|_| bad_url())?;
    let (there, authority) = Endpoint::of(&uri).zip(uri.authority()).ok_or_else(bad_url)?;
    let proxy = route.proxies.before(&there)?;
    let asks_proxy = proxy.filter(|_| !there.secure);
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

    let used = idle.and_then(|idle| idle.lock().unwrap_or_else(PoisonError::into_inner).take());
    if let Some(mut connection) = reusable(used).await {
        let mut reader = HeadReader::default();
        let answer = exchange(&mut connection, &bytes, &mut reader).await;
        if answer.is_ok() || !reader.is_untouched() {
            return Ok(SmolBody::split(answer?, connection, reader));
        }
    }
    let mut connection = route.connect(&there, proxy).await?;
    let mut reader = HeadReader::default();
    let answer = exchange(&mut connection, &bytes, &mut reader).await?;
    Ok(SmolBody::split(answer, connection, reader))
}

/// The connection under an answer that is whole by now, if nothing is wrong with it.
async fn reusable(last: Option<SmolBody>) -> Option<Connection> {
    let mut last = last?;
    let mut spare = 0;
    while !last.framing.is_ended() {
        spare += poll_once(poll_fn(|cx| last.poll_chunk(cx))).await??.ok()?.len();
        if spare > SPARE_BODY {
            return None;
        }
    }
    // An end, or an answer to nothing that was asked: both mean that the server has done with it.
    let silent = poll_once(last.connection.read(&mut [0])).await.is_none();
    (silent && !last.surplus && last.early.is_empty()).then_some(last.connection)
}

/// The body of an open watch.
pub struct SmolBody {
    connection: Connection,
    framing: Framing,
    /// What came along with the head.
    early: Vec<u8>,
    keeps: bool,
    /// More came than the body has.
    surplus: bool,
    /// Given up with the watch.
    _idle: Option<Arc<Idle>>,
}

impl SmolBody {
    fn split(answer: Answer, connection: Connection, reader: HeadReader) -> (Head, Self) {
        let Answer { head, framing, keeps } = answer;
        let early = reader.bytes;
        (head, Self { connection, framing, early, keeps, surplus: false, _idle: None })
    }
}

impl Body for SmolBody {
    type Chunk = Vec<u8>;

    fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Vec<u8>, TransportError>>> {
        for _ in 0..EMPTY_READS {
            if let Some(fault) = self.framing.fault() {
                return Poll::Ready(Some(Err(fault)));
            }
            if self.framing.is_ended() {
                return Poll::Ready(None);
            }
            let mut chunk = std::mem::take(&mut self.early);
            if chunk.is_empty() {
                chunk = match ready!(poll_read(&mut self.connection, cx, <[u8]>::to_vec)) {
                    Ok(chunk) if !chunk.is_empty() => chunk,
                    Ok(_) => return Poll::Ready(self.framing.cut().map(Err)),
                    Err(error) => return Poll::Ready(Some(Err(broken(&error)))),
                };
            }
            self.surplus |= self.framing.strip(&mut chunk);
            if !chunk.is_empty() {
                return Poll::Ready(Some(Ok(chunk)));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl fmt::Debug for SmolBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmolBody").field("framing", &self.framing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
