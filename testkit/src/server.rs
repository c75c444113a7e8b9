//! A server of scripts: one thread for each connection, raw sockets, no HTTP library in between.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Script;

/// For how long anything is waited for before a test is told that it did not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// One thing that a server does with a connection.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one by one, so long apart.
    Drip(Vec<u8>, Duration),
    /// Does nothing for so long.
    Pause(Duration),
    /// Keeps the connection open and silent until the client closes it.
    Hold,
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
            Self::Pause(wait) => write!(f, "Pause({wait:?})"),
            Self::Hold => f.write_str("Hold"),
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
}

type Scripts = Box<dyn Fn(usize) -> Script + Send + Sync>;

struct Shared {
    began: Instant,
    watches: Scripts,
    heartbeats: Scripts,
    state: Mutex<State>,
    changed: Condvar,
    over: AtomicBool,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    /// One handle of each open connection, to cut it at the end.
    open: Vec<(usize, TcpStream)>,
    connections: usize,
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
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            began: Instant::now(),
            watches: Box::new(watches),
            heartbeats: Box::new(heartbeats),
            state: Mutex::default(),
            changed: Condvar::new(),
            over: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &own));
        Ok(Self { address, shared })
    }

    /// The base URL to configure a client with.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
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
            let _ = serve(stream, number, &shared);
            shared.state().open.retain(|(open, _)| *open != number);
            shared.changed.notify_all();
        });
    }
}

/// Reads request after request from a connection and plays a script for each.
fn serve(stream: TcpStream, number: usize, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
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
        for step in &script {
            play(&stream, step)?;
            match step {
                Step::Hold => {
                    // The client says no more on this connection: what ends the read is its closing.
                    let _ = reader.read(&mut [0])?;
                    return Ok(());
                }
                Step::Reset => {
                    // The other handle would keep the connection open.
                    shared.state().open.retain(|(open, _)| *open != number);
                    return Ok(());
                }
                _ => {}
            }
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
            return Ok(());
        }
    }
}

fn play(stream: &TcpStream, step: &Step) -> io::Result<()> {
    let mut writer = stream;
    match step {
        Step::Send(bytes) => writer.write_all(bytes),
        Step::Drip(bytes, every) => {
            stream.set_nodelay(true)?;
            for byte in bytes {
                writer.write_all(&[*byte])?;
                thread::sleep(*every);
            }
            Ok(())
        }
        Step::Pause(wait) => {
            thread::sleep(*wait);
            Ok(())
        }
        Step::Hold => Ok(()),
        Step::Reset => socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)),
    }
}

fn read_request(reader: &mut BufReader<TcpStream>, began: Instant) -> io::Result<Option<Seen>> {
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
