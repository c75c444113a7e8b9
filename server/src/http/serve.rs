//! From a listener to connections: an accept loop that can end them all, gently or at once.
//!
//! `axum::serve` would do for the requests. It leaves its connections running when it is dropped,
//! though, and has no bound on how long a client takes over a request's head.

use core::convert::Infallible;
use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::Server;

/// How long accepting pauses when the process is out of file descriptors: nothing else helps until
/// some close.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long connections have to end once their streams have: an answer may still be on its way.
const LINGER: Duration = Duration::from_secs(3);

/// The longest that a connection may take to send a request's head, idle time before it included.
/// Clients give up an idle connection sooner.
const LONGEST_HEAD: Duration = Duration::from_secs(120);

/// How a server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Drain,
    Abort,
}

/// A server on a listener, in a task of its own. Dropping it aborts it.
#[derive(Debug)]
pub struct Running {
    server: Server,
    address: SocketAddr,
    stop: Option<oneshot::Sender<Stop>>,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) fn spawn(server: Server, listener: TcpListener, app: Router) -> io::Result<Running> {
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        // A sender that was dropped is an abort.
        let stopped = async { stopped.await.unwrap_or(Stop::Abort) };
        let task = tokio::spawn(run(server.clone(), listener, app, stopped));
        Ok(Running { server, address, stop: Some(stop), task })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The server, to ask it things.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Ends gracefully: new watches are told to come later, each open one is told its reconnect
    /// window and ended, and what is left after
    /// [`drain_timeout`](crate::ConfigBuilder::drain_timeout) is cut. Then the port is free.
    pub async fn drain(self) {
        self.end(Stop::Drain).await;
    }

    /// Ends as `kill -9` would, as far as a client can tell: every connection is cut in the middle,
    /// and the port is free when this returns.
    pub async fn abort(self) {
        self.end(Stop::Abort).await;
    }

    async fn end(mut self, how: Stop) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(how);
        }
        // An error is a panic in the accept loop, which has been printed; everything is closed
        // either way.
        let _ = (&mut self.task).await;
    }
}

pub(super) async fn serve(
    server: Server,
    listener: TcpListener,
    app: Router,
    shutdown: impl Future<Output = ()>,
) {
    run(server, listener, app, async {
        shutdown.await;
        Stop::Drain
    })
    .await;
}

async fn run(server: Server, listener: TcpListener, app: Router, stop: impl Future<Output = Stop>) {
    let config = server.config();
    // Between two heartbeats a pooled connection is idle; it is not to be closed just as the next
    // one is sent.
    let head_timeout = (2 * config.heartbeat_interval() + Duration::from_secs(5)).min(LONGEST_HEAD);
    let drain_timeout = config.drain_timeout;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(head_timeout);

    let (finish, finishing) = watch::channel(false);
    // Dropping the set cuts every connection in it.
    let mut connections = JoinSet::new();
    let accept = async |connections: &mut JoinSet<()>| -> Infallible {
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let (http, app, finishing) = (http.clone(), app.clone(), finishing.clone());
                        connections.spawn(connection(http, stream, app, finishing));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    };

    let how = tokio::select! {
        how = stop => how,
        never = accept(&mut connections) => match never {},
    };
    if how == Stop::Drain {
        // Requests are answered while streams end: a heartbeat as ever, a watch with 503 and a time
        // to come back.
        tokio::select! {
            _ = tokio::time::timeout(drain_timeout, server.drain()) => {}
            never = accept(&mut connections) => match never {},
        }
        let _ = finish.send(true);
        let all = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LINGER, all).await;
        tracing::info!(cut = connections.len(), "drained");
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(
    http: http1::Builder,
    stream: TcpStream,
    app: Router,
    mut finishing: watch::Receiver<bool>,
) {
    // A wake is one small write that must not wait for company.
    let _ = stream.set_nodelay(true);
    let mut connection =
        pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)));
    let finished = async {
        let _ = finishing.wait_for(|finish| *finish).await;
    };
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = finished => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        // Clients vanish all the time; that is what leases are for.
        tracing::trace!(%error, "connection ended");
    }
}
