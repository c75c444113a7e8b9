//! A server that answers as it is told, byte by byte, whatever it is asked.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::run::SOON;

/// What it does on a connection, once the request's head has come.
#[derive(Clone, Debug)]
pub(crate) enum Script {
    /// Sends this and closes.
    Answer(Vec<u8>),
    /// Sends this and keeps the connection open.
    Hold(Vec<u8>),
}

pub(crate) struct Peer {
    pub(crate) url: String,
    requests: Receiver<String>,
}

impl Peer {
    /// Each connection gets the next script, and the last one for ever.
    pub(crate) fn new(scripts: &[Script]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let scripts = scripts.to_vec();
        let (heard, requests) = channel();
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for (index, stream) in listener.incoming().enumerate() {
                let Ok(mut stream) = stream else { return };
                let Some(head) = head(&mut stream) else { continue };
                if heard.send(head).is_err() {
                    return;
                }
                match &scripts[index.min(scripts.len() - 1)] {
                    Script::Answer(bytes) => {
                        let _ = stream.write_all(bytes);
                    }
                    Script::Hold(bytes) => {
                        let _ = stream.write_all(bytes);
                        held.push(stream);
                    }
                }
            }
        });
        Self { url, requests }
    }

    /// One that answers each request with this head and body.
    pub(crate) fn answering(head: &str, body: &str) -> Self {
        let answer = format!(
            "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        Self::new(&[Script::Answer(answer.into_bytes())])
    }

    /// The next request's head.
    pub(crate) fn request(&self) -> String {
        self.requests.recv_timeout(SOON).unwrap()
    }
}

fn head(stream: &mut TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let deadline = Instant::now() + SOON;
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if Instant::now() > deadline || stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    // A body left unread would have the close reset the connection, and take the answer with it.
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.to_ascii_lowercase().lines().find_map(|line| {
        line.strip_prefix("content-length:").and_then(|length| length.trim().parse().ok())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some(head)
}
