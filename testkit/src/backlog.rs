//! A port that is there and takes nobody in: the black hole that a firewall makes of a server.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// A connect to the loopback interface that takes longer than this is not answered at all.
const UNANSWERED: Duration = Duration::from_millis(300);
/// More connections than any backlog of length 0 has room for.
const MOST: usize = 64;

/// A listener that never accepts, its backlog filled: whoever connects next gets no answer, neither yes nor no.
#[derive(Debug)]
pub struct FullBacklog {
    address: SocketAddr,
    _listener: Socket,
    _fill: Vec<TcpStream>,
}

impl FullBacklog {
    /// Listens on a free port and fills its backlog.
    ///
    /// # Errors
    ///
    /// If there is no free port, or the backlog is never full.
    pub fn new() -> io::Result<Self> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
        listener.listen(0)?;
        let address = listener.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let mut fill = Vec::new();
        while fill.len() < MOST {
            match TcpStream::connect_timeout(&address, UNANSWERED) {
                Ok(stream) => fill.push(stream),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(Self { address, _listener: listener, _fill: fill });
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("this system's backlog has no end"))
    }

    /// The base URL to configure a client with.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
