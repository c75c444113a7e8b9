//! The loop without a runtime: one thread, `std::net`, and the machine.
//!
//!     DORMOUSE_TOKEN=… cargo run -p dormouse-core --example blocking -- http://127.0.0.1:8080
//!
//! It speaks plain HTTP/1.0, whose bodies have no framing, so that all there is to see is the loop. A real
//! transport keeps what protocol.md section 8 asks for; this one cannot tell a stream that ended from one
//! that was cut.

use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use dormouse_core::{
    Action, Attempt, Beat, Config, HandOver, Head, Input, Request, Timestamp, Token,
    TransportFault, Watch,
};

/// While two sockets are waited for, each is looked at for so long.
const TURN: Duration = Duration::from_millis(20);
/// For a connection to come about. The machine gives a connect 30 s in all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// More head than this is no head.
const HEAD_MOST: usize = 16 * 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::args().nth(1).ok_or("usage: blocking http://HOST:PORT")?;
    let token = Token::new(std::env::var("DORMOUSE_TOKEN")?)?;
    let began = Instant::now();
    let now =
        || Timestamp::from_millis(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    let seed = RandomState::new().hash_one(0);

    let mut watch = Watch::new(Config::new(base).build()?, token, seed, now());
    let mut stream: Option<(Attempt, Connection)> = None;
    let mut heartbeat: Option<(Beat, Connection)> = None;
    loop {
        // 1. Do what the machine wants, until it sleeps.
        let until = loop {
            match watch.poll() {
                Action::Disconnect { .. } => (stream, heartbeat) = (None, None),
                Action::Abandon { .. } => heartbeat = None,
                Action::Connect { attempt, request } => match Connection::open(&request) {
                    Ok(connection) => stream = Some((attempt, connection)),
                    Err(fault) => watch.handle(now(), Input::Failed { attempt, fault }),
                },
                Action::Heartbeat { beat, request } => match Connection::open(&request) {
                    Ok(connection) => heartbeat = Some((beat, connection)),
                    Err(fault) => watch.handle(now(), Input::HeartbeatFailed { beat, fault }),
                },
                Action::Report(report) => println!("{report}"),
                Action::Status(status) => println!("{status}"),
                Action::Wake(wake) => {
                    println!("woken: go to {}", wake.url);
                    // This is where the work would be done.
                    watch.handle(now(), Input::SleepAgain(HandOver::Done));
                }
                Action::Stop(_) => return Ok(()),
                Action::Sleep { until } => break until,
            }
        };
        // 2. Wait for whatever comes first, and say what it was.
        let left = until.map_or(Duration::MAX, |until| until.since(now()));
        let turn = if heartbeat.is_some() { left.min(TURN) } else { left };
        if let Some((attempt, connection)) = &mut stream {
            let attempt = *attempt;
            match connection.read(turn) {
                Came::Nothing => {}
                Came::Head(head) => watch.handle(now(), Input::Head { attempt, head }),
                Came::Data(bytes) => watch.handle(now(), Input::Data { attempt, bytes }),
                Came::End => watch.handle(now(), Input::End { attempt }),
                Came::Fault(fault) => watch.handle(now(), Input::Failed { attempt, fault }),
            }
        } else {
            std::thread::sleep(turn);
        }
        if let Some((beat, connection)) = &mut heartbeat {
            let beat = *beat;
            match connection.read(TURN) {
                Came::Nothing => {}
                Came::Head(head) => {
                    let status = head.status();
                    watch.handle(now(), Input::HeartbeatAnswer { beat, status });
                    heartbeat = None;
                }
                Came::Data(_) | Came::End | Came::Fault(_) => {
                    let fault = TransportFault::Broken;
                    watch.handle(now(), Input::HeartbeatFailed { beat, fault });
                    heartbeat = None;
                }
            }
        }
        watch.handle(now(), Input::Tick);
    }
}

/// A request that was sent, and its answer as far as it came.
struct Connection {
    socket: TcpStream,
    buffer: [u8; 4096],
    /// The head, until it is whole.
    head: Option<Vec<u8>>,
    /// What of the buffer came behind the head.
    behind: std::ops::Range<usize>,
}

/// What came over a connection.
enum Came<'c> {
    Nothing,
    Head(Head),
    Data(&'c [u8]),
    End,
    Fault(TransportFault),
}

impl Connection {
    fn open(request: &Request) -> Result<Self, TransportFault> {
        let rest = request.url().strip_prefix("http://").ok_or(TransportFault::Tls)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host =
            if authority.contains(':') { authority.into() } else { format!("{authority}:80") };
        let mut last = TransportFault::Resolve;
        for address in host.to_socket_addrs().map_err(|_| TransportFault::Resolve)? {
            last = TransportFault::Connect;
            let Ok(socket) = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) else {
                continue;
            };
            let mut text =
                format!("{} /{path} HTTP/1.0\r\nhost: {authority}\r\n", request.method().as_str());
            for (name, value) in request.headers() {
                text += &format!("{name}: {value}\r\n");
            }
            text += &format!("content-length: {}\r\n\r\n{}", request.body().len(), request.body());
            (&socket).write_all(text.as_bytes()).map_err(|_| TransportFault::Broken)?;
            let head = Some(Vec::new());
            return Ok(Self { socket, buffer: [0; 4096], head, behind: 0..0 });
        }
        Err(last)
    }

    /// What comes within `wait`.
    fn read(&mut self, wait: Duration) -> Came<'_> {
        let behind = std::mem::take(&mut self.behind);
        if !behind.is_empty() {
            return Came::Data(&self.buffer[behind]);
        }
        // Zero would mean to wait for ever, and so does the most there is.
        let wait = (wait < Duration::MAX).then_some(wait.max(Duration::from_millis(1)));
        let read =
            self.socket.set_read_timeout(wait).and_then(|()| self.socket.read(&mut self.buffer));
        let length = match read {
            Ok(0) if self.head.is_some() => return Came::Fault(TransportFault::Broken),
            Ok(0) => return Came::End,
            Ok(length) => length,
            Err(error) if is_timeout(&error) => return Came::Nothing,
            Err(_) => return Came::Fault(TransportFault::Broken),
        };
        let Some(head) = &mut self.head else { return Came::Data(&self.buffer[..length]) };
        let before = head.len();
        head.extend_from_slice(&self.buffer[..length]);
        let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else {
            return if head.len() > HEAD_MOST {
                Came::Fault(TransportFault::Http)
            } else {
                Came::Nothing
            };
        };
        self.behind = end + 4 - before..length;
        let text = String::from_utf8_lossy(&head[..end]).into_owned();
        self.head = None;
        match parse_head(&text) {
            Some(head) => Came::Head(head),
            None => Came::Fault(TransportFault::Http),
        }
    }
}

fn parse_head(text: &str) -> Option<Head> {
    let mut lines = text.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    Some(Head::read(status, headers.map(|(name, value)| (name, value.as_bytes()))))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
