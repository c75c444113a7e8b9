//! A proxy that passes bytes on until it is told to do worse: at any time, to either direction.
//!
//! It stands before any upstream, a [`FaultServer`](crate::FaultServer) or a real one, and understands nothing of
//! what it carries. Where the fault server decides what is said, the proxy decides what arrives.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// For how long anything is waited for before a test is told that it did not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// A silent connection is looked at this often for what it was told meanwhile.
const LOOK: Duration = Duration::from_millis(5);

/// A way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the upstream.
    Up,
    /// From the upstream to the client.
    Down,
}

/// What the proxy does with what comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Passes it on.
    #[default]
    Pass,
    /// Takes nothing: whoever sends is held up, and what was sent arrives later, if ever.
    Stall,
    /// Takes everything and passes nothing on, not even the end.
    BlackHole,
    /// Passes it on in pieces of so many bytes, so long apart.
    Drip(usize, Duration),
    /// Passes each piece on twice.
    Duplicate,
}

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Closed, as by a peer that has ended.
    Fin,
    /// Reset, as by a peer that has forgotten.
    Reset,
}

/// The proxy. Dropping it closes everything.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    upstream: SocketAddr,
    /// Of connections made from now on, and of all there are.
    flows: [Flow; 2],
    /// Bytes that came, in each direction.
    bytes: [u64; 2],
    connections: usize,
    open: Vec<Pair>,
    over: bool,
}

/// Both ends of a connection, to cut it with.
struct Pair {
    number: usize,
    flows: [Flow; 2],
    client: TcpStream,
    upstream: TcpStream,
}

impl Proxy {
    /// Listens on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// If there is no free port.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                upstream,
                flows: [Flow::Pass; 2],
                bytes: [0; 2],
                connections: 0,
                open: Vec::new(),
                over: false,
            }),
            changed: Condvar::new(),
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

    /// Sends connections elsewhere from now on.
    pub fn lead_to(&self, upstream: SocketAddr) {
        self.shared.state().upstream = upstream;
    }

    /// What to do in a direction: with the connections there are, and with those to come.
    pub fn flow(&self, direction: Direction, flow: Flow) {
        let mut state = self.shared.state();
        state.flows[direction as usize] = flow;
        for pair in &mut state.open {
            pair.flows[direction as usize] = flow;
        }
        self.shared.changed.notify_all();
    }

    /// What to do with one connection, counted from 1, in one direction.
    pub fn flow_of(&self, number: usize, direction: Direction, flow: Flow) {
        let mut state = self.shared.state();
        for pair in state.open.iter_mut().filter(|pair| pair.number == number) {
            pair.flows[direction as usize] = flow;
        }
        self.shared.changed.notify_all();
    }

    /// Cuts every connection there is, towards the client and towards the upstream.
    pub fn cut(&self, how: Cut) {
        for pair in self.shared.state().open.drain(..) {
            for stream in [&pair.client, &pair.upstream] {
                if how == Cut::Reset {
                    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
                } else {
                    let _ = stream.shutdown(Shutdown::Both);
                }
            }
        }
        self.shared.changed.notify_all();
    }

    /// How many connections there were so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// How many bytes have come in a direction so far.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.shared.state().bytes[direction as usize]
    }

    /// Waits until so many connections are open.
    ///
    /// # Panics
    ///
    /// After 20 s, with how many there are.
    pub fn wait_open(&self, count: usize) {
        let guard = self.shared.state();
        let (state, _) = self
            .shared
            .changed
            .wait_timeout_while(guard, PATIENCE, |state| state.open.len() != count)
            .unwrap_or_else(PoisonError::into_inner);
        assert_eq!(state.open.len(), count, "connections through the proxy after {PATIENCE:?}");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().over = true;
        self.cut(Cut::Fin);
        // Lets the listener's thread see that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// What this connection is to do, once it is not to stall; `None` if it was cut.
    fn flow(&self, number: usize, direction: Direction) -> Option<Flow> {
        let stalled = |state: &mut State| state.flow(number, direction) == Some(Flow::Stall);
        let state = self.changed.wait_while(self.state(), stalled);
        state.unwrap_or_else(PoisonError::into_inner).flow(number, direction)
    }
}

impl State {
    /// What this connection is to do, or `None` if it was cut.
    fn flow(&self, number: usize, direction: Direction) -> Option<Flow> {
        let pair = self.open.iter().find(|pair| pair.number == number)?;
        Some(pair.flows[direction as usize])
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        let upstream = {
            let state = shared.state();
            if state.over {
                return;
            }
            state.upstream
        };
        let Ok(client) = client else { continue };
        // An upstream that is not there: the client sees a connection that is closed at once.
        let Ok(upstream) = TcpStream::connect(upstream) else { continue };
        let _ = carry(client, upstream, shared);
    }
}

/// Starts the two threads of a connection.
fn carry(client: TcpStream, upstream: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    for stream in [&client, &upstream] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
    }
    let pair = (client.try_clone()?, upstream.try_clone()?);
    let number = {
        let mut state = shared.state();
        state.connections += 1;
        let number = state.connections;
        let flows = state.flows;
        state.open.push(Pair { number, flows, client: pair.0, upstream: pair.1 });
        number
    };
    shared.changed.notify_all();
    let back = (upstream.try_clone()?, client.try_clone()?);
    for (direction, (from, to)) in [(Direction::Up, (client, upstream)), (Direction::Down, back)] {
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            // An error is an end that is gone.
            if pump(from, to, number, direction, &shared).is_err() {
                let mut state = shared.state();
                if let Some(at) = state.open.iter().position(|pair| pair.number == number) {
                    let pair = state.open.swap_remove(at);
                    let _ = pair.client.shutdown(Shutdown::Both);
                    let _ = pair.upstream.shutdown(Shutdown::Both);
                }
            }
            shared.changed.notify_all();
        });
    }
    Ok(())
}

/// Carries bytes one way until the end, which is passed on like everything else.
fn pump(
    mut from: TcpStream,
    mut to: TcpStream,
    number: usize,
    direction: Direction,
    shared: &Shared,
) -> io::Result<()> {
    let gone = || io::Error::from(ErrorKind::ConnectionAborted);
    let mut buffer = [0; 16 * 1024];
    loop {
        shared.flow(number, direction).ok_or_else(gone)?;
        let length = match from.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                continue;
            }
            Err(error) => return Err(error),
        };
        shared.state().bytes[direction as usize] += length as u64;
        shared.changed.notify_all();
        let flow = shared.flow(number, direction).ok_or_else(gone)?;
        match flow {
            Flow::BlackHole => {
                if length == 0 {
                    // The end is swallowed too; what keeps the connection is the other direction.
                    return Ok(());
                }
            }
            _ if length == 0 => {
                // A client that closes closes for good; an upstream may still be asked something.
                return if direction == Direction::Up {
                    Err(gone())
                } else {
                    to.shutdown(Shutdown::Write)
                };
            }
            Flow::Drip(bytes, every) => {
                for piece in buffer[..length].chunks(bytes.max(1)) {
                    to.write_all(piece)?;
                    thread::sleep(every);
                }
            }
            Flow::Duplicate => {
                to.write_all(&buffer[..length])?;
                to.write_all(&buffer[..length])?;
            }
            Flow::Pass | Flow::Stall => to.write_all(&buffer[..length])?,
        }
    }
}
