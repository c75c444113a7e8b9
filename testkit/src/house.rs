//! A server that behaves: `dormouse-server`, on a runtime of its own, behind whatever the scenario puts before it.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dormouse_server::{Config, Directory, Running, Server};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::client::TOKEN;

/// The server, with one device whose token is [`TOKEN`].
pub struct House {
    runtime: Runtime,
    server: Server,
    running: Mutex<Option<Running>>,
    address: SocketAddr,
}

impl House {
    /// Has tokio set up what it keeps for the process: where it was built with signals, that is a pair of
    /// sockets, made with the first runtime.
    pub(crate) fn warm_up() -> Result<(), Box<dyn Error>> {
        drop(tokio::runtime::Builder::new_current_thread().enable_all().build()?);
        Ok(())
    }

    /// Opens it on a free port, with leases that live for two heartbeats of a second.
    pub(crate) fn open() -> Result<Self, Box<dyn Error>> {
        let directory = Directory::new().device("device", TOKEN)?.operator("canary-operator")?;
        let config = Config::builder(directory)
            .heartbeat_interval(Duration::from_secs(1))
            .lease_lifetime(Duration::from_secs(2))
            .retry_at_least(Duration::ZERO)
            .build()?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let server = Server::new(config)?;
        let running = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            server.spawn(listener)
        })?;
        let address = running.local_addr();
        Ok(Self { runtime, server, running: Mutex::new(Some(running)), address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many watches are open.
    #[must_use]
    pub fn open_watches(&self) -> usize {
        self.server.open_watches()
    }

    /// Ends it as a crash would.
    pub fn crash(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            self.runtime.block_on(running.abort());
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.crash();
    }
}
