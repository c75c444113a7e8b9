//! A port on which connections are refused, until one day they are not.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

/// A port of the loopback interface that leads to another one, once it is open.
pub(crate) struct Door(SocketAddr);

impl Door {
    /// A door to `url` that is closed for so long. Bound but not listening, the port is ours and refuses
    /// everybody.
    pub(crate) fn open_after(wait: Duration, url: &str) -> io::Result<Self> {
        let behind = url.trim_start_matches("http://").to_owned();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0))))?;
        let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        thread::spawn(move || {
            thread::sleep(wait);
            if socket.listen(128).is_ok() {
                serve(&TcpListener::from(socket), &behind);
            }
        });
        Ok(Self(address))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0)
    }
}

fn serve(listener: &TcpListener, behind: &str) {
    for client in listener.incoming().flatten() {
        // A server that has gone leaves its clients with a closed connection.
        let Ok(server) = TcpStream::connect(behind) else { continue };
        let Ok((from, to)) = client.try_clone().and_then(|c| Ok((c, server.try_clone()?))) else {
            continue;
        };
        thread::spawn(move || pass(from, to));
        thread::spawn(move || pass(server, client));
    }
}

/// Passes on what comes, and then that no more comes.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
