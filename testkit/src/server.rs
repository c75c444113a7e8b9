//! A server of scripts: one thread for each connection, raw sockets, no HTTP library in between.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::chunks::Chunks;
use crate::link::{Link, Security};
use crate::{Gate, Script};

/// For how long anything is waited for before a test is told that it did not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// While a script waits, it looks this often whether the client has gone.
const LOOK: Duration = Duration::from_millis(5);

/// One thing that a server does with a connection.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one by one, so long apart.
    Drip(Vec<u8>, Duration),
    /// Sends these bytes so many times.
    Repeat(Vec<u8>, u64),
    /// Does nothing for so long.
    Pause(Duration),
    /// Does nothing until the gate is open.
    Wait(Gate),
    /// Keeps the connection open and silent until the client closes it.
    Hold,
    /// Closes the connection without the end that TLS would have: without TLS, a proper close.
    Cut,
    /// Resets the connection.
    Reset,
}

impl Step {
    /// Sends these bytes.
    #[must_use]
    pub fn send(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Send(bytes.into())
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            Self::Drip(bytes, every) => write!(f, "Drip({} bytes, {every:?})", bytes.len()),
            Self::Repeat(bytes, times) => write!(f, "Repeat({} bytes, {times})", bytes.len()),
            Self::Pause(wait) => write!(f, "Pause({wait:?})"),
            Self::Wait(gate) => write!(f, "Wait({gate:?})"),
            Self::Hold => f.write_str("Hold"),
            Self::Cut => f.write_str("Cut"),
            Self::Reset => f.write_str("Reset"),
        }
    }
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When, since the server began.
    pub at: Duration,
    /// The request line.
    pub line: String,
    /// The header lines, as they were sent.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

impl Seen {
    /// Whether this is a heartbeat: a POST.
    #[must_use]
    pub fn is_heartbeat(&self) -> bool {
        self.line.starts_with("POST ")
    }

    /// The value of a header, its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A server that does to each watch and each heartbeat what its scripts say. Dropping it closes everything.
pub struct FaultServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Bound, and not listening yet.
    deaf: Mutex<Option<socket2::Socket>>,
}

type Scripts = Box<dyn Fn(usize) -> Script + Send + Sync>;

struct Shared {
    began: Instant,
    security: Security,
    framed: bool,
    connections: Scripts,
    watches: Scripts,
    heartbeats: Scripts,
    state: Mutex<State>,
    changed: Condvar,
    sent: AtomicU64,
    over: AtomicBool,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    /// One handle of each open connection, to cut it at the end.
    open: Vec<(usize, TcpStream)>,
    connections: usize,
}

/// A server being set up: see [`FaultServer::builder`].
#[must_use = "nothing listens until start"]
pub struct ServerBuilder {
    address: SocketAddr,
    security: Security,
    framed: bool,
    connections: Scripts,
    watches: Scripts,
    heartbeats: Scripts,
}

impl ServerBuilder {
    /// Listens here rather than on a free port of 127.0.0.1.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Speaks TLS.
    pub fn tls(mut self, config: Arc<rustls::ServerConfig>) -> Self {
        self.security = Security::Tls(config);
        self
    }

    /// Whether a body that lasts until its connection is closed is sent in chunks, for clients that cannot read
    /// such a body. Everything else that a script says is sent as it is.
    pub fn framed(mut self, framed: bool) -> Self {
        self.framed = framed;
        self
    }

    /// What is done to the first, the second … connection before a request is read from it, and below any
    /// TLS: nothing, unless told otherwise.
    pub fn connections(
        mut self,
        connections: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        self.connections = Box::new(connections);
        self
    }

    /// The script for the first, the second … watch, counted from 0. Silence, unless told otherwise.
    pub fn watches(mut self, watches: impl Fn(usize) -> Script + Send + Sync + 'static) -> Self {
        self.watches = Box::new(watches);
        self
    }

    /// The script for the first, the second … heartbeat, counted from 0. Each is accepted, unless told
    /// otherwise.
    pub fn heartbeats(
        mut self,
        heartbeats: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        self.heartbeats = Box::new(heartbeats);
        self
    }

    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// If the port is taken.
    pub fn start(self) -> io::Result<FaultServer> {
        let server = self.deaf()?;
        server.listen()?;
        Ok(server)
    }

    /// Takes the port and does not listen on it: whoever connects is refused until
    /// [`FaultServer::listen`].
    ///
    /// # Errors
    ///
    /// If the port is taken.
    pub fn deaf(self) -> io::Result<FaultServer> {
        let domain = socket2::Domain::for_address(self.address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&self.address.into())?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let shared = Arc::new(Shared {
            began: Instant::now(),
            security: self.security,
            framed: self.framed,
            connections: self.connections,
            watches: self.watches,
            heartbeats: self.heartbeats,
            state: Mutex::default(),
            changed: Condvar::new(),
            sent: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        Ok(FaultServer { address, shared, deaf: Mutex::new(Some(socket)) })
    }
}

impl FaultServer {
    /// Begins to listen on a free port. `watches` and `heartbeats` give the script for the first, the
    /// second … request of their kind, counted from 0.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn start(
        watches: impl Fn(usize) -> Script + Send + Sync + 'static,
        heartbeats: impl Fn(usize) -> Script + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::builder().watches(watches).heartbeats(heartbeats).start()
    }

    /// A server with more to it.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            security: Security::None,
            framed: false,
            connections: Box::new(|_| Vec::new()),
            watches: Box::new(|_| vec![Step::Hold]),
            heartbeats: Box::new(|_| crate::wire::status("204 No Content")),
        }
    }

    /// Begins to listen, if it does not yet.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn listen(&self) -> io::Result<()> {
        let deaf = self.deaf.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(socket) = deaf {
            socket.listen(128)?;
            let listener = TcpListener::from(socket);
            let own = Arc::clone(&self.shared);
            thread::spawn(move || accept(&listener, &own));
        }
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL to configure a client with.
    #[must_use]
    pub fn url(&self) -> String {
        match self.shared.security {
            Security::None => format!("http://{}", self.address),
            // Certificates are for names.
            Security::Tls(_) => format!("https://localhost:{}", self.address.port()),
        }
    }

    /// How many bytes of answers were sent so far, as far as the operating system took them.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// How many connections there were so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// Every request so far, in the order of arrival.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.state().open.len()
    }

    /// Waits until `enough` says yes to what was seen.
    ///
    /// # Panics
    ///
    /// After 20 s, with what was seen.
    pub fn wait_seen(&self, enough: impl Fn(&[Seen]) -> bool) {
        let state = self.shared.wait(|state| enough(&state.seen));
        assert!(enough(&state.seen), "in {PATIENCE:?} the server saw only {:#?}", state.seen);
    }

    /// Waits until so many bytes of answers were sent.
    ///
    /// # Panics
    ///
    /// After 20 s, with how many there were.
    pub fn wait_sent(&self, bytes: u64) {
        drop(self.shared.wait(|_| self.sent() >= bytes));
        assert!(self.sent() >= bytes, "in {PATIENCE:?} only {} bytes were taken", self.sent());
    }

    /// Waits until so many connections are open.
    ///
    /// # Panics
    ///
    /// After 20 s, with how many there are.
    pub fn wait_open(&self, count: usize) {
        let state = self.shared.wait(|state| state.open.len() == count);
        assert_eq!(state.open.len(), count, "connections open after {PATIENCE:?}");
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        for (_, stream) in self.shared.state().open.drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        // Lets the listener's thread see that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// A test that panicked elsewhere leaves this whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, enough: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let guard = self.state();
        self.changed
            .wait_timeout_while(guard, PATIENCE, |state| !enough(state))
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(own) = stream.try_clone() else { continue };
        let number = {
            let mut state = shared.state();
            state.connections += 1;
            let number = state.connections;
            state.open.push((number, own));
            number
        };
        shared.changed.notify_all();
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // An error is the client's closing, or our own end: nothing to tell anybody.
            let _ = stream.set_nodelay(true);
            let _ = serve(stream, number, &shared);
            shared.state().open.retain(|(open, _)| *open != number);
            shared.changed.notify_all();
        });
    }
}

/// Reads request after request from a connection and plays a script for each.
fn serve(stream: TcpStream, number: usize, shared: &Shared) -> io::Result<()> {
    let mut link = Link::plain(stream);
    let below = (shared.connections)(number - 1);
    if let Some(()) = play_all(&mut link, &below, &mut Chunks::AsItIs, number, shared)? {
        return Ok(());
    }
    let link = link.secure(&shared.security)?;
    let mut reader = BufReader::new(link);
    loop {
        let Some(seen) = read_request(&mut reader, shared.began)? else { return Ok(()) };
        let heartbeat = seen.is_heartbeat();
        let script = {
            let mut state = shared.state();
            let before = state.seen.iter().filter(|s| s.is_heartbeat() == heartbeat).count();
            state.seen.push(seen);
            if heartbeat { (shared.heartbeats)(before) } else { (shared.watches)(before) }
        };
        shared.changed.notify_all();
        let mut chunks = if shared.framed { Chunks::new() } else { Chunks::AsItIs };
        if let Some(()) = play_all(reader.get_mut(), &script, &mut chunks, number, shared)? {
            return Ok(());
        }
        // An answer with a length or in chunks leaves the connection for the next request.
        let keeps = script.iter().any(|step| match step {
            Step::Send(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                text.contains("content-length: ") || text.contains("\r\n0\r\n\r\n")
            }
            _ => false,
        });
        if !keeps {
            reader.get_mut().write_all(chunks.end())?;
            return reader.get_mut().close();
        }
    }
}

/// Plays a script. Says so where that was the end of the connection.
fn play_all(
    link: &mut Link,
    script: &Script,
    chunks: &mut Chunks,
    number: usize,
    shared: &Shared,
) -> io::Result<Option<()>> {
    for step in script {
        play(link, step, chunks, shared)?;
        match step {
            Step::Hold => {
                // What ends the read is the client's closing.
                while link.read(&mut [0; 1024])? > 0 {}
                return Ok(Some(()));
            }
            Step::Reset | Step::Cut => {
                // The other handle would keep the connection open.
                shared.state().open.retain(|(open, _)| *open != number);
                return Ok(Some(()));
            }
            _ => {}
        }
    }
    Ok(None)
}

fn play(link: &mut Link, step: &Step, chunks: &mut Chunks, shared: &Shared) -> io::Result<()> {
    let mut send = |bytes: &[u8]| {
        link.write_all(&chunks.frame(bytes))?;
        shared.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        shared.changed.notify_all();
        io::Result::Ok(())
    };
    match step {
        Step::Send(bytes) => send(bytes),
        Step::Drip(bytes, every) => bytes.iter().try_for_each(|byte| {
            send(&[*byte])?;
            thread::sleep(*every);
            Ok(())
        }),
        Step::Repeat(bytes, times) => (0..*times).try_for_each(|_| send(bytes)),
        Step::Pause(wait) => {
            thread::sleep(*wait);
            Ok(())
        }
        Step::Wait(gate) => {
            while !gate.is_open_within(LOOK) {
                if shared.over.load(Ordering::SeqCst) || link.is_closed()? {
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
            }
            Ok(())
        }
        Step::Hold => Ok(()),
        // Where it is a proper close, it is a proper end.
        Step::Cut => link.write_all(chunks.end()),
        Step::Reset => socket2::SockRef::from(link.socket()).set_linger(Some(Duration::ZERO)),
    }
}

fn read_request(reader: &mut BufReader<Link>, began: Instant) -> io::Result<Option<Seen>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim_end() {
            "" => break,
            header => headers.push(header.to_owned()),
        }
    }
    let mut seen = Seen {
        at: began.elapsed(),
        line: line.trim_end().to_owned(),
        headers,
        body: String::new(),
    };
    let length: u64 = seen.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    reader.take(length).read_to_string(&mut seen.body)?;
    Ok(Some(seen))
}
