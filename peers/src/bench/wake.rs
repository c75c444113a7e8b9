//! From the server's write to the application: how long a wake takes through this machine.
//!
//! One server, and three who sleep on it in this very process: dormouse on tokio, dormouse on smol, and a bare loop that
//! reads a tokio `TcpStream`, which is as little as one can do. Each has a thread of its own, and is woken in turn, out of its
//! sleep. After each wake all of them connect again.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use dormouse_peers::client::{Failure, TOKEN, WAKE_TOKEN, WAKE_URL};
use dormouse_testkit::wire::{self, CHUNKED, chunk};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::table::Row;

/// How often each is woken.
const WAKES: usize = 2_000;
/// With `--quick`.
const QUICK: usize = 20;
/// For how long each is left alone before, so that it sleeps.
const CALM: Duration = Duration::from_millis(3);
/// For how long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// When the application had the wake, or what went wrong instead.
type Told = Result<Instant, String>;

/// Sleeps on the server at that address, and says when it was woken, each time.
type Sleeper = fn(SocketAddr, &Sender<Told>) -> Result<(), Failure>;

const SLEEPERS: [(&str, Sleeper); 3] =
    [("dormouse-tokio", on_tokio), ("dormouse-smol", on_smol), ("a bare `TcpStream`", bare)];

pub(crate) fn rows(quick: bool) -> Result<Vec<Row>, Failure> {
    let mut beds = Vec::new();
    for (name, sleeper) in SLEEPERS {
        beds.push(Bed::of(name, sleeper)?);
    }
    for _ in 0..if quick { QUICK } else { WAKES } {
        for bed in &mut beds {
            bed.wake()?;
        }
    }
    println!("| from write to wake, µs | p50 | p99 |\n| --- | --- | --- |");
    for bed in &mut beds {
        bed.took.sort_unstable();
        println!("| {} | {:.0} | {:.0} |", bed.name, bed.at(50), bed.at(99));
    }
    println!();
    let [tokio, _, bare] = &beds[..] else { return Err("a sleeper is new".into()) };
    let what = |p| format!("server write to wake in the application, {p}, loopback, idle");
    let beside = "a bare `TcpStream` read loop in the same process";
    let row = |p, aim| {
        let (ours, least) = (tokio.at(p), bare.at(p));
        Row::at_most(&what(format!("p{p}")), beside, ours / least, aim)
            .with(format!("{ours:.0} µs and {least:.0} µs"))
    };
    Ok(vec![row(50, 1.5), row(99, 2.0)])
}

/// Where one of them sleeps, and how long it took to wake it.
struct Bed {
    name: &'static str,
    listener: TcpListener,
    woken: Receiver<Told>,
    took: Vec<Duration>,
}

impl Bed {
    fn of(name: &'static str, sleeper: Sleeper) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (told, woken) = channel();
        // It ends with the process, or when there is nobody to connect to any more.
        thread::spawn(move || {
            if let Err(error) = sleeper(address, &told) {
                let _ = told.send(Err(error.to_string()));
            }
        });
        Ok(Self { name, listener, woken, took: Vec::new() })
    }

    /// Lets it fall asleep, and wakes it.
    fn wake(&mut self) -> Result<(), Failure> {
        let (mut stream, _) = self.listener.accept()?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        read_head(&mut stream)?;
        stream.write_all([CHUNKED, &chunk(&wire::hello("lease-1", 30_000))].concat().as_bytes())?;
        let wake = chunk(&wire::wake(WAKE_URL, WAKE_TOKEN));
        thread::sleep(CALM);
        let wrote = Instant::now();
        stream.write_all(wake.as_bytes())?;
        let woken = self.woken.recv_timeout(PATIENCE)?;
        self.took.push(woken?.duration_since(wrote));
        Ok(())
    }

    /// That percentile, in microseconds.
    fn at(&self, percentile: usize) -> f64 {
        let last = self.took.len().saturating_sub(1);
        self.took.get(last * percentile / 100).map_or(0.0, |took| took.as_secs_f64() * 1e6)
    }
}

fn read_head(stream: &mut TcpStream) -> Result<(), Failure> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(())
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn on_tokio(address: SocketAddr, told: &Sender<Told>) -> Result<(), Failure> {
    use dormouse_tokio::{Event, Watch};

    runtime()?.block_on(async {
        let mut watch = Watch::builder(format!("http://{address}")).token(TOKEN).start()?;
        while let Some(event) = watch.next().await {
            if let Event::Wake(_) = event {
                told.send(Ok(Instant::now()))?;
            }
        }
        Ok(())
    })
}

fn on_smol(address: SocketAddr, told: &Sender<Told>) -> Result<(), Failure> {
    use dormouse_smol::{Event, Watch};

    smol::block_on(async {
        let mut watch = Watch::builder(format!("http://{address}")).token(TOKEN).start()?;
        while let Some(event) = watch.next().await {
            if let Event::Wake(_) = event {
                told.send(Ok(Instant::now()))?;
            }
        }
        Ok(())
    })
}

fn bare(address: SocketAddr, told: &Sender<Told>) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let mut stream = tokio::net::TcpStream::connect(address).await?;
            stream.write_all(b"GET /v1/watch HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
            loop {
                let read = stream.read(&mut buffer).await?;
                // The head and hello come before.
                if read == 0 {
                    return Err("the server has gone".into());
                }
                let wake = buffer[..read].windows(5).any(|window| window == b" wake");
                if wake {
                    told.send(Ok(Instant::now()))?;
                    break;
                }
            }
        }
    })
}
