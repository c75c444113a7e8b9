//! The lease table behind HTTP: a router that can be mounted in any axum application.
//!
//! | request | by | answers |
//! | --- | --- | --- |
//! | `GET /v1/watch` | device | the event stream; 400, 401, 409 held, 503 with `Retry-After` |
//! | `POST /v1/watch/heartbeat` | device | 204; 400, 401, 409 taken, 410 gone, 413 |
//! | `POST /v1/devices/{device}/wake` | operator | 200 delivered, 202 waiting; 400, 401, 404, 413 |
//! | `GET /v1/devices` | operator | how each device stands |
//! | `GET /healthz` | anybody | 200, or 503 while draining |
//!
//! The rooms: `device` and `operator` answer requests, `hub` holds what they share, `body` is an
//! open stream, `state` the file of leases, `serve` the accept loop.

mod answer;
mod body;
mod config;
mod device;
mod directory;
mod hub;
mod operator;
mod request;
mod serve;
mod state;
mod wake;

use core::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tokio::net::TcpListener;

pub use self::config::{Config, ConfigBuilder, ConfigError};
pub use self::directory::{Directory, DirectoryError, MAX_DEVICE_NAME, MAX_TOKEN};
pub use self::serve::Running;
pub use self::state::StateError;

use self::hub::Hub;

/// The server: cheap to clone, and every clone is the same one.
#[derive(Clone, Debug)]
pub struct Server {
    hub: Arc<Hub>,
}

impl Server {
    /// A server with nobody there, or with the leases that its state file remembers.
    ///
    /// # Errors
    /// The state file, where one is configured, cannot be read or written, or is something else.
    pub fn new(config: Config) -> Result<Server, StateError> {
        Ok(Server { hub: Arc::new(Hub::new(config)?) })
    }

    /// What it was configured with.
    pub fn config(&self) -> &Config {
        &self.hub.config
    }

    /// The routes, to be served as they are, merged into an application, or nested in one. They
    /// need a tokio runtime with time. A layer that buffers or compresses bodies must not lie
    /// around them.
    ///
    /// When you serve them yourself, [`drain`](Server::drain) before you stop.
    pub fn router(&self) -> Router {
        let at = |path: &str| format!("{}{path}", self.config().prefix());
        Router::new()
            .route(&at("/v1/watch"), get(device::watch).head(device::no_head))
            .route(&at("/v1/watch/heartbeat"), post(device::heartbeat))
            .route(&at("/v1/devices"), get(operator::devices))
            .route(&at("/v1/devices/{device}/wake"), post(operator::wake))
            .route(&at("/healthz"), get(operator::healthz))
            .with_state(Arc::clone(&self.hub))
    }

    /// How many watches are open: streams, that is, not leases.
    pub fn open_watches(&self) -> usize {
        self.hub.open_watches()
    }

    /// Ends every watch gracefully, for good: new ones get 503 with `Retry-After`, open ones a
    /// `retry:` with the reconnect window of the whole fleet (protocol.md, section 5.4) and a clean
    /// end. Resolves when the last stream is gone. A client that does not read can hold that up, so
    /// put a timeout around it. Dropping the future changes nothing: the server stays in its drain.
    ///
    /// Leases live on. With a state file the next process knows them, and lets nobody else in
    /// before their holders.
    pub async fn drain(&self) {
        self.hub.drain().await;
    }

    /// Serves an application, which [`router`](Server::router) is part of, until `shutdown`
    /// resolves; then drains, and cuts what is left after
    /// [`drain_timeout`](ConfigBuilder::drain_timeout). Dropping the future cuts everything.
    pub async fn serve(
        &self,
        listener: TcpListener,
        app: Router,
        shutdown: impl Future<Output = ()>,
    ) {
        serve::serve(self.clone(), listener, app, shutdown).await;
    }

    /// Serves the routes alone, in a task of its own.
    ///
    /// # Errors
    /// The listener does not know its own address.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn spawn(&self, listener: TcpListener) -> io::Result<Running> {
        Running::spawn(self.clone(), listener, self.router())
    }
}
