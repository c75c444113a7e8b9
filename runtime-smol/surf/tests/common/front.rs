//! A reverse proxy's one service: a body without framing gets chunks.
//!
//! surf reads no body that lasts until the connection is closed (`tests/limits.rs` has it), and most streams
//! of the shared table are such. So the table is played through this, which passes on everything else as it
//! is: resets as resets, cuts as cuts, and a closed connection at once, either way.

#![allow(clippy::expect_used, reason = "a test may")]

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The URL of a front before `url`, or `url` itself where nobody listens.
pub(crate) fn framed(url: &str) -> String {
    let Some(there) = url.strip_prefix("http://").and_then(|rest| rest.parse::<SocketAddr>().ok())
    else {
        return url.to_owned();
    };
    if TcpStream::connect(there).is_err() {
        return url.to_owned();
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let here = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || pass(stream, there));
        }
    });
    format!("http://{here}")
}

fn pass(client: TcpStream, there: SocketAddr) {
    let Ok(server) = TcpStream::connect(there) else { return };
    let (client, server) = (Arc::new(client), Arc::new(server));
    let (from, to) = (Arc::clone(&client), Arc::clone(&server));
    let requests = thread::spawn(move || {
        let _ = io::copy(&mut &*from, &mut &*to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let reset =
        answer(&server, &client).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset);
    if reset {
        let _ = socket2::SockRef::from(&*client).set_linger(Some(Duration::ZERO));
        // Ends the other thread's read, and tells the client nothing.
        let _ = client.shutdown(Shutdown::Read);
    } else {
        let _ = client.shutdown(Shutdown::Both);
    }
    let _ = requests.join();
}

fn answer(mut server: &TcpStream, mut client: &TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    let mut buffer = [0; 16 << 10];
    let end = loop {
        let length = server.read(&mut buffer)?;
        head.extend_from_slice(&buffer[..length]);
        if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if length == 0 {
            return client.write_all(&head);
        }
    };
    let body = head.split_off(end + 4);
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    if text.contains("\r\ncontent-length:") || text.contains("\r\ntransfer-encoding:") {
        client.write_all(&head)?;
        client.write_all(&body)?;
        return io::copy(&mut server, &mut client).map(drop);
    }
    head.truncate(end + 2);
    client.write_all(&head)?;
    client.write_all(b"transfer-encoding: chunked\r\n\r\n")?;
    let mut chunk = |bytes: &[u8]| {
        let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        client.write_all(&framed)
    };
    if !body.is_empty() {
        chunk(&body)?;
    }
    loop {
        match server.read(&mut buffer)? {
            0 => return chunk(b""),
            length => chunk(&buffer[..length])?,
        }
    }
}
