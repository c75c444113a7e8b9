//! The loop without a runtime: one thread, `std::net`, and the machine.
//!
//! `DORMOUSE_TOKEN=… cargo run -p dormouse-core --example blocking -- http://127.0.0.1:8080`
//!
//! It speaks plain HTTP/1.0, whose bodies have no framing, so that all there is to see is the loop. A real
//! transport keeps what protocol.md section 8 asks for; this cannot tell a stream's end from a cut.

use std::hash::{BuildHasher as _, RandomState};
use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use dormouse_core::{
    Action, Attempt, Beat, Config, HandOver, Head, Input, Request, Timestamp, Token,
    TransportFault, Watch,
};

const TURN: Duration = Duration::from_millis(20); // for each of two sockets that are waited for
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5); // the machine gives a connect 30 s in all
const HEAD_MOST: usize = 16 * 1024; // more head than this is no head

/// What the loop is part of: a clock, and an application.
pub(crate) trait World {
    fn now(&self) -> Timestamp;
    /// For how long to wait at the most, with nothing due for `left`.
    fn turn(&mut self, _: &Watch, left: Duration) -> Duration {
        left
    }
    fn told(&mut self, action: &Action);
    fn input(&mut self) -> Option<Input<'static>>;
}

/// A program that prints what it is told, which is all its work on a wake.
struct Program(Instant, Option<HandOver>);

impl World for Program {
    fn now(&self) -> Timestamp {
        Timestamp::ORIGIN.after(self.0.elapsed())
    }
    fn told(&mut self, action: &Action) {
        match action {
            Action::Report(report) => println!("{report}"),
            Action::Status(status) => println!("{status}"),
            Action::Wake(wake) => {
                println!("woken: go to {}", wake.url);
                self.1 = Some(HandOver::Done);
            }
            _ => {}
        }
    }
    fn input(&mut self) -> Option<Input<'static>> {
        self.1.take().map(Input::SleepAgain)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = std::env::args().nth(1).ok_or("usage: blocking http://HOST:PORT")?;
    let token = Token::new(std::env::var("DORMOUSE_TOKEN")?)?;
    let mut program = Program(Instant::now(), None);
    let seed = RandomState::new().hash_one(0);
    run(Watch::new(Config::new(base).build()?, token, seed, program.now()), &mut program);
    Ok(())
}

pub(crate) fn run(mut watch: Watch, world: &mut impl World) {
    let mut stream: Option<(Attempt, Connection)> = None;
    let mut heartbeat: Option<(Beat, Connection)> = None;
    loop {
        // 1. Do what the machine wants, until it sleeps.
        let until = loop {
            let action = watch.poll();
            world.told(&action);
            match action {
                Action::Disconnect { .. } => (stream, heartbeat) = (None, None),
                Action::Abandon { .. } => heartbeat = None,
                Action::Connect { attempt, request } => match Connection::open(&request) {
                    Ok(connection) => stream = Some((attempt, connection)),
                    Err(fault) => watch.handle(world.now(), Input::Failed { attempt, fault }),
                },
                Action::Heartbeat { beat, request } => match Connection::open(&request) {
                    Ok(connection) => heartbeat = Some((beat, connection)),
                    Err(fault) => watch.handle(world.now(), Input::HeartbeatFailed { beat, fault }),
                },
                Action::Stop(_) => return,
                Action::Sleep { until } => break until,
                Action::Report(_) | Action::Status(_) | Action::Wake(_) => {}
            }
        };
        // 2. Wait for whatever comes first, and say what it was.
        let left = until.map_or(Duration::MAX, |until| until.since(world.now()));
        let turn = world.turn(&watch, left).min(heartbeat.as_ref().map_or(left, |_| TURN));
        if let Some((attempt, connection)) = &mut stream {
            let attempt = *attempt;
            let input = match connection.read(turn) {
                Came::Nothing => Input::Tick,
                Came::Head(head) => Input::Head { attempt, head },
                Came::Data(bytes) => Input::Data { attempt, bytes },
                Came::End => Input::End { attempt },
                Came::Fault(fault) => Input::Failed { attempt, fault },
            };
            watch.handle(world.now(), input);
        } else {
            std::thread::sleep(turn);
        }
        if let Some((beat, connection)) = &mut heartbeat {
            let beat = *beat;
            let input = match connection.read(TURN) {
                Came::Nothing => None,
                Came::Head(head) => Some(Input::HeartbeatAnswer { beat, status: head.status() }),
                _ => Some(Input::HeartbeatFailed { beat, fault: TransportFault::Broken }),
            };
            if let Some(input) = input {
                watch.handle(world.now(), input);
                heartbeat = None;
            }
        }
        // 3. Hear the application, and let time pass.
        while let Some(input) = world.input() {
            watch.handle(world.now(), input);
        }
        watch.handle(world.now(), Input::Tick);
    }
}

/// A request that was sent; its answer's head, until it is whole; what of the buffer came behind that.
struct Connection {
    socket: TcpStream,
    buffer: [u8; 4096],
    head: Option<Vec<u8>>,
    behind: std::ops::Range<usize>,
}

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
        let port = if authority.contains(':') { "" } else { ":80" };
        let addresses = format!("{authority}{port}").to_socket_addrs();
        let socket = addresses
            .map_err(|_| TransportFault::Resolve)?
            .find_map(|address| TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).ok())
            .ok_or(TransportFault::Connect)?;
        let mut text =
            format!("{} /{path} HTTP/1.0\r\nhost: {authority}\r\n", request.method().as_str());
        for (name, value) in request.headers() {
            text += &format!("{name}: {value}\r\n");
        }
        text += &format!("content-length: {}\r\n\r\n{}", request.body().len(), request.body());
        (&socket).write_all(text.as_bytes()).map_err(|_| TransportFault::Broken)?;
        Ok(Self { socket, buffer: [0; 4096], head: Some(Vec::new()), behind: 0..0 })
    }

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
            // What may have come meanwhile counts before a deadline does.
            Err(error) if error.kind() == Interrupted => return self.read(Duration::ZERO),
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => return Came::Nothing,
            Err(_) => return Came::Fault(TransportFault::Broken),
        };
        let Some(head) = &mut self.head else { return Came::Data(&self.buffer[..length]) };
        let before = head.len();
        head.extend_from_slice(&self.buffer[..length]);
        let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else {
            let too_long = head.len() > HEAD_MOST;
            return if too_long { Came::Fault(TransportFault::Http) } else { Came::Nothing };
        };
        self.behind = end + 4 - before..length;
        let text = String::from_utf8_lossy(&head[..end]).into_owned();
        self.head = None;
        parse_head(&text).map_or(Came::Fault(TransportFault::Http), Came::Head)
    }
}

fn parse_head(text: &str) -> Option<Head> {
    let mut lines = text.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    Some(Head::read(status, headers.map(|(name, value)| (name, value.as_bytes()))))
}
