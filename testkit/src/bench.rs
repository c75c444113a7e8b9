//! Where a scenario is played: the servers that it needs, the client that is tried, and what is checked of both
//! however the scenario goes.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::client::{Client, Limits, Options, Run, TOKEN};
use crate::clock::Pace;
use crate::fact::{Fact, Told};
use crate::house::House;
use crate::tls::Authority;
use crate::{FaultServer, FullBacklog, Gate, Proxy, Script, Seen, ServerBuilder};

/// What a stage is made of, or why it cannot be.
pub type Staged = Result<Stage, Box<dyn Error>>;

/// Where a stage is set up.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The port for the server, or 0 for a free one.
    pub port: u16,
    /// A folder to write in.
    pub scratch: PathBuf,
    /// Whether the servers send a body that lasts until its connection is closed in chunks: see
    /// [`Client::needs_framing`].
    pub framed: bool,
}

impl Ground {
    /// A server on this ground.
    pub fn builder(&self) -> ServerBuilder {
        self.beside().address(SocketAddr::from(([127, 0, 0, 1], self.port)))
    }

    /// Another server beside that one, on a free port.
    pub fn beside(&self) -> ServerBuilder {
        FaultServer::builder().framed(self.framed)
    }

    /// A stage with one server, which accepts each heartbeat.
    ///
    /// # Errors
    ///
    /// If the port is taken.
    pub fn server(&self, watches: impl Fn(usize) -> Script + Send + Sync + 'static) -> Staged {
        Ok(Stage::of(self.builder().watches(watches).start()?))
    }

    /// A stage with one server.
    ///
    /// # Errors
    ///
    /// If the port is taken.
    pub fn servers(
        &self,
        watches: impl Fn(usize) -> Script + Send + Sync + 'static,
        heartbeats: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> Staged {
        Ok(Stage::of(self.builder().watches(watches).heartbeats(heartbeats).start()?))
    }

    /// An authority that a client trusts which takes its roots from `SSL_CERT_FILE`, as the platform's own
    /// verifier does on Linux.
    ///
    /// # Errors
    ///
    /// If its certificate cannot be made or written.
    pub fn authority(&self) -> Result<Authority, Box<dyn Error>> {
        let authority = Authority::new()?;
        std::fs::write(self.roots(), authority.pem())?;
        Ok(authority)
    }

    /// The file of trusted roots.
    #[must_use]
    pub fn roots(&self) -> PathBuf {
        self.scratch.join("roots.pem")
    }
}

/// The servers of a scenario. What it does not need is not there.
#[derive(Default)]
pub struct Stage {
    /// The base URL for the client.
    pub url: String,
    /// The server that misbehaves.
    pub server: Option<FaultServer>,
    /// Another origin, which must never hear of the client.
    pub elsewhere: Option<FaultServer>,
    /// Where the service was before it moved.
    pub former: Option<FaultServer>,
    /// A proxy before one of the others.
    pub proxy: Option<Proxy>,
    /// A server that is never reached.
    pub backlog: Option<FullBacklog>,
    /// A server that behaves.
    pub house: Option<House>,
    /// The gates in the scripts, in the order in which they are to be opened.
    pub gates: Vec<Gate>,
    /// The hosts file of a client that has one of its own.
    pub hosts: Option<PathBuf>,
}

impl Stage {
    /// A stage with this server.
    #[must_use]
    pub fn of(server: FaultServer) -> Self {
        Self { url: server.url(), server: Some(server), ..Self::default() }
    }

    /// The same, with gates.
    #[must_use]
    pub fn gates(mut self, gates: impl IntoIterator<Item = Gate>) -> Self {
        self.gates.extend(gates);
        self
    }

    /// The same, with a proxy before the server.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn behind_a_proxy(mut self) -> Staged {
        let upstream = self.server.as_ref().map(FaultServer::address);
        let upstream = upstream.or(self.house.as_ref().map(House::address));
        let proxy = Proxy::start(upstream.ok_or("nothing to stand before")?)?;
        self.url = proxy.url();
        self.proxy = Some(proxy);
        Ok(self)
    }
}

/// One client before one stage.
pub struct Bench {
    /// The stage.
    pub stage: Stage,
    client: &'static dyn Client,
    histories: Mutex<Vec<crate::client::History>>,
}

impl Bench {
    /// Tries `client` on `stage`.
    #[must_use]
    pub fn new(client: &'static dyn Client, stage: Stage) -> Self {
        Self { stage, client, histories: Mutex::default() }
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &'static dyn Client {
        self.client
    }

    /// How a watch is set up, unless a scenario wants it otherwise.
    #[must_use]
    pub fn options(&self) -> Options {
        Options::new(&self.stage.url)
    }

    /// Starts a watch by a clock that stands still.
    #[must_use]
    pub fn watch(&self) -> Run {
        self.watch_with(self.options())
    }

    /// Starts a watch.
    #[must_use]
    pub fn watch_with(&self, options: Options) -> Run {
        self.keep(Run::start(self.client, options))
    }

    /// Starts a watch in a process of its own, whose clock runs so many times faster than the world's.
    #[must_use]
    pub fn watch_apart(&self, times: u32, limits: &Limits) -> Run {
        let options = Options { pace: Pace::Times(times), ..self.options() };
        self.keep(Run::apart(self.client, &options, limits))
    }

    fn keep(&self, run: Run) -> Run {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner).push(run.history());
        run
    }

    /// The server that misbehaves.
    ///
    /// # Panics
    ///
    /// If the stage has none.
    #[must_use]
    pub fn server(&self) -> &FaultServer {
        self.stage.server.as_ref().expect("a server on the stage")
    }

    /// The proxy.
    ///
    /// # Panics
    ///
    /// If the stage has none.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        self.stage.proxy.as_ref().expect("a proxy on the stage")
    }

    /// Opens the gate of that number.
    pub fn open(&self, gate: usize) {
        self.stage.gates[gate].open();
    }

    /// The watches that the server was asked for so far.
    #[must_use]
    pub fn watches(&self) -> Vec<Seen> {
        self.server().seen().into_iter().filter(|seen| !seen.is_heartbeat()).collect()
    }

    /// The heartbeats that the server was sent so far.
    #[must_use]
    pub fn beats(&self) -> Vec<Seen> {
        self.server().seen().into_iter().filter(Seen::is_heartbeat).collect()
    }

    /// Waits until the server was asked for so many watches, and checks that it was not for more.
    ///
    /// # Panics
    ///
    /// If it was for more, or is not in time.
    pub fn saw_watches(&self, count: usize) {
        let watches = |seen: &[Seen]| seen.iter().filter(|seen| !seen.is_heartbeat()).count();
        self.server().wait_seen(|seen| watches(seen) >= count);
        assert_eq!(self.watches().len(), count, "watches that were asked for");
    }

    /// The lease that a watch, counted from 0, named as its previous one.
    #[must_use]
    pub fn previous(&self, watch: usize) -> Option<String> {
        let watches = self.watches();
        let query = watches.get(watch)?.line.split(['?', ' ']).nth(2)?.to_owned();
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("previousWatchLeaseId="))
            .map(str::to_owned)
    }

    /// What has to hold however a scenario went.
    ///
    /// # Errors
    ///
    /// What does not.
    pub fn check(&self) -> Result<(), String> {
        if let Some(elsewhere) = &self.stage.elsewhere {
            let seen = elsewhere.seen();
            if !seen.is_empty() || elsewhere.connections() > 0 {
                return Err(format!("another origin has heard of it: {seen:#?}"));
            }
        }
        for seen in self.stage.server.iter().flat_map(FaultServer::seen) {
            request(&seen)?;
        }
        for history in self.histories.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            told(&history.lock().unwrap_or_else(PoisonError::into_inner))?;
        }
        Ok(())
    }
}

/// What every request carries (protocol.md sections 2.1, 2.3 and 8).
fn request(seen: &Seen) -> Result<(), String> {
    let wrong = |what: &str| Err(format!("{what}: {seen:#?}"));
    let authorization = seen.header("authorization").unwrap_or_default();
    if !authorization.starts_with("Bearer canary-") {
        return wrong("no token");
    }
    if seen.line.contains("canary") || seen.body.contains("canary") || TOKEN.is_empty() {
        return wrong("a token out of its place");
    }
    if seen.header("accept-encoding") != Some("identity") {
        return wrong("not identity");
    }
    if seen.is_heartbeat() {
        let json = seen.header("content-type") == Some("application/json");
        if !json || !seen.body.starts_with(r#"{"watchLeaseId":""#) {
            return wrong("not a heartbeat");
        }
    } else if seen.header("accept") != Some("text/event-stream")
        || seen.header("cache-control") != Some("no-store")
        || !seen.line.contains("?protocolVersion=2.2.0")
        || seen.line.contains("=&")
        || seen.line.contains("= ")
    {
        return wrong("not a watch");
    }
    Ok(())
}

/// What every life keeps (protocol.md section 6, laws 1, 2, 6 and 8).
fn told(history: &[Told]) -> Result<(), String> {
    let mut open = None;
    let mut connects: Vec<u64> = Vec::new();
    let mut over = false;
    for Told { at, fact } in history {
        let wrong = |what: &str| Err(format!("{what}: {fact:?} in {history:#?}"));
        if over {
            return wrong("something after the end");
        }
        match fact {
            Fact::Connecting { attempt } => {
                if open.replace(*attempt).is_some() {
                    return wrong("two watches at once");
                }
                connects.push(*at);
                let within =
                    connects.iter().filter(|before| at.saturating_sub(**before) < 600_000).count();
                if within > 30 {
                    return wrong("more than 30 connects in ten minutes");
                }
            }
            Fact::Ended { attempt, .. } if open.take() != Some(*attempt) => {
                return wrong("the end of what never began");
            }
            // A wake that was handed over gives the price of its connect back.
            Fact::Wake { .. } => drop(connects.pop()),
            Fact::Stopped => over = true,
            _ => {}
        }
    }
    Ok(())
}
