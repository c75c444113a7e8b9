//! A storm of real clients: thousands of devices in one process, their server killed and started again.
//!
//! The server is a process of its own and dies by SIGKILL, so that every stream breaks at the same instant. Until it is
//! started again somebody else listens on its port, who counts every connection and closes it at once: to a device that
//! is no answer, as a refusal would be, and here it can be seen. The server counts what it lets in and what it
//! turns away. So each connect that reaches this machine is counted, on one side or the other.

use std::fmt;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use dormouse_peers::client::{Failure, Loop, Settings};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::crowd::{Crowd, Kind};
use crate::{LOOK, chart};

/// What is tried.
pub(crate) struct Scale {
    pub(crate) devices: usize,
    /// How many connects a second the server lets in.
    pub(crate) rate: u32,
    /// For how long the server is away.
    pub(crate) outage: Duration,
    /// For how long after its return is looked.
    patience: Duration,
    /// The heartbeat interval, in milliseconds.
    interval: u64,
}

const FULL: Scale = Scale {
    devices: 5_000,
    rate: 500,
    outage: Duration::from_secs(10),
    patience: Duration::from_secs(120),
    interval: 5_000,
};
/// With `--quick`.
const QUICK: Scale = Scale {
    devices: 60,
    rate: 30,
    outage: Duration::from_secs(2),
    patience: Duration::from_secs(30),
    interval: 1_000,
};

/// Who is tried, with the server's window and without.
const TRIED: [(Loop, bool); 4] = [
    (Loop::Dormouse, true),
    (Loop::Dormouse, false),
    (Loop::ReqwestEventsource(Settings::Tuned), true),
    (Loop::ReqwestEventsource(Settings::Tuned), false),
];

/// One second of a storm.
#[derive(Clone, Copy, Default)]
pub(crate) struct Second {
    /// Connects that began in it.
    pub(crate) connects: u64,
    /// Watches that were open in it, at the most.
    pub(crate) asleep: u64,
}

/// What was seen of one kind of device.
pub(crate) struct Seen {
    client: &'static str,
    window: bool,
    /// From the server's death on.
    pub(crate) seconds: Vec<Second>,
    /// The most connects in a second while it was away, and after.
    peaks: (u64, u64),
    /// From its return until 99 % were back.
    back: Option<Duration>,
    /// How many were back at the end.
    asleep: u64,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} window", self.client, if self.window { "with" } else { "without" })
    }
}

pub(crate) fn run(quick: bool, svg: Option<&Path>) -> Result<(), Failure> {
    let scale = if quick { QUICK } else { FULL };
    let mut all = Vec::new();
    println!(
        "| | most connects a second while it is away | and after | 99 % are back after | connects a device |"
    );
    println!("| --- | --- | --- | --- | --- |");
    for (client, window) in TRIED {
        let seen = storm(client, window, &scale)?;
        let connects: u64 = seen.seconds.iter().map(|second| second.connects).sum();
        let back = match seen.back {
            Some(back) => format!("{:.1} s", back.as_secs_f64()),
            None => format!("not within {} s: {} are", scale.patience.as_secs(), seen.asleep),
        };
        let (away, after) = seen.peaks;
        let each = connects as f64 / scale.devices as f64;
        println!("| {seen} | {away} | {after} | {back} | {each:.1} |");
        all.push(seen);
    }
    if let Some(svg) = svg {
        chart::storm(svg, &scale, &all)?;
    }
    Ok(())
}

/// Kills the server of so many devices, starts it again, and looks.
fn storm(client: Loop, window: bool, scale: &Scale) -> Result<Seen, Failure> {
    crate::process::raise_descriptors(100)?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let server = Counted::start(scale, window, port)?;
    let url = format!("http://127.0.0.1:{port}");
    // Four fifths of what the server takes.
    let rate = scale.rate * 4 / 5;
    let mut crowd = Crowd::start(Kind::Tokio(client), &url, scale.devices, rate)?;
    crowd.fill()?;
    let devices = scale.devices as u64;
    let until = Instant::now() + Duration::from_secs(60) + scale.patience;
    while server.latest().open < devices {
        if Instant::now() > until {
            return Err(format!("{}: {} are asleep", client.name(), server.latest().open).into());
        }
        sleep(LOOK);
    }
    // Until everybody has been told the window of the whole fleet, with a comment.
    sleep(Duration::from_millis(2 * scale.interval));

    let killed = Instant::now();
    drop(server);
    let refused = refuse(port, killed + scale.outage)?;
    let returned = Instant::now();
    let server = Counted::start(scale, window, port)?;
    let mut back = None;
    let until = returned + scale.patience;
    while Instant::now() < until && back.is_none_or(|back| returned.elapsed() < back * 5 / 4) {
        if back.is_none() && server.latest().open * 100 >= devices * 99 {
            back = Some(returned.elapsed());
        }
        sleep(LOOK);
    }
    let samples = server.samples();
    Ok(Seen {
        client: client.name(),
        window,
        seconds: seconds(killed, &refused, &samples),
        peaks: (peak(&refused), peak(&connects(&samples))),
        back,
        asleep: server.latest().open,
    })
}

/// Takes the port, and closes every connection at once until that instant; says when each came.
fn refuse(port: u16, until: Instant) -> Result<Vec<Instant>, Failure> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, port))))?;
    socket.listen(4096)?;
    socket.set_nonblocking(true)?;
    let listener = TcpListener::from(socket);
    let mut came = Vec::new();
    while Instant::now() < until {
        match listener.accept() {
            Ok(_) => came.push(Instant::now()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                sleep(Duration::from_millis(1));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(came)
}

/// What the server had been asked for when it told.
#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    /// Watches that were let in and that were turned away, together.
    asked: u64,
    open: u64,
}

/// When each connect came that the samples tell of: to the sample.
fn connects(samples: &[Sample]) -> Vec<Instant> {
    let mut before = 0;
    let mut came = Vec::new();
    for sample in samples {
        came.extend((before..sample.asked).map(|_| sample.at));
        before = sample.asked;
    }
    came
}

/// The most in any second, wherever it begins.
fn peak(came: &[Instant]) -> u64 {
    let within = |(index, first): (usize, &Instant)| {
        let end = came.partition_point(|at| *at < *first + Duration::from_secs(1));
        (end - index) as u64
    };
    came.iter().enumerate().map(within).max().unwrap_or(0)
}

fn seconds(killed: Instant, refused: &[Instant], samples: &[Sample]) -> Vec<Second> {
    let mut seconds = Vec::new();
    let mut second = |at: Instant| {
        let index = at.duration_since(killed).as_secs() as usize;
        if seconds.len() <= index {
            seconds.resize(index + 1, Second::default());
        }
        index
    };
    let came: Vec<usize> =
        refused.iter().copied().chain(connects(samples)).map(&mut second).collect();
    let open: Vec<_> = samples.iter().map(|sample| (second(sample.at), sample.open)).collect();
    for index in came {
        seconds[index].connects += 1;
    }
    for (index, open) in open {
        seconds[index].asleep = seconds[index].asleep.max(open);
    }
    seconds
}

/// A server in a process of its own, and what it tells. Dropping it kills it.
struct Counted {
    process: Child,
    samples: Arc<Mutex<Vec<Sample>>>,
}

impl Counted {
    fn start(scale: &Scale, window: bool, port: u16) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--devices", &scale.devices.to_string()]);
        command.args(["--rate", &scale.rate.to_string(), "--port", &port.to_string()]);
        command.args(["--interval", &scale.interval.to_string()]);
        if !window {
            command.arg("--no-window");
        }
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let mut told = BufReader::new(process.stdout.take().ok_or("no way out")?);
        let mut url = String::new();
        if told.read_line(&mut url)? == 0 {
            process.wait()?;
            return Err("the server did not start".into());
        }
        let samples = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&samples);
        thread::spawn(move || {
            for line in told.lines().map_while(Result::ok) {
                let mut numbers = line.split(' ').map_while(|number| number.parse::<u64>().ok());
                let mut next = || numbers.next().unwrap_or(0);
                let (asked, open) = (next() + next(), next());
                let sample = Sample { at: Instant::now(), asked, open };
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
            }
        });
        Ok(Self { process, samples })
    }

    fn samples(&self) -> Vec<Sample> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn latest(&self) -> Sample {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.last().copied().unwrap_or(Sample { at: Instant::now(), asked: 0, open: 0 })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
