//! One fault, one client: a server here, the client in a process of its own, and what could be seen.
//!
//! The process is there for the memory: what the server holds, and what the other cells do, is not the
//! client's. Everything else is told by the server, which trusts nobody's own count.

use std::io;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use dormouse_peers::client::{Ending, Loop, TOKEN};
use dormouse_testkit::{FaultServer, Seen, Step, wire};
use serde::Serialize;

use crate::door::Door;
use crate::faults::{Fault, Stage};

/// The argument that makes this program a client.
pub(crate) const CLIENT: &str = "client";

/// In which time connects are counted.
const COUNTED: Duration = Duration::from_secs(60);
/// After so many connects the server answers no more: the point is made.
const ENOUGH: usize = 100_000;
/// How often the client is looked at, and so how exact the times are.
const LOOK: Duration = Duration::from_millis(100);

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ended {
    /// The client got the wake.
    Woken,
    /// The client gave up for good, as the protocol asks after a 401.
    Stopped,
    /// The time was over.
    Waiting,
    /// The client's process died.
    Crashed,
}

/// What was seen of one client under one fault.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) fault: &'static str,
    pub(crate) client: &'static str,
    /// Watches asked for at the configured origin in the first 60 s, or until the end if that was earlier.
    pub(crate) connects: usize,
    /// Heartbeats in the same time.
    pub(crate) heartbeats: usize,
    pub(crate) ended: Ended,
    /// Seconds from the start, to a tenth.
    pub(crate) after_s: f64,
    /// Requests that reached another origin, to which only a redirect leads.
    pub(crate) elsewhere: usize,
    /// Whether one of them carried the token.
    pub(crate) credential_left: bool,
    /// What the client's process used, where `/proc` tells.
    #[serde(flatten)]
    pub(crate) used: Option<Used>,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Used {
    pub(crate) peak_rss_kib: u64,
    /// Seconds, to a hundredth.
    pub(crate) cpu_s: f64,
}

/// Plays `fault` to `client` for at most so long.
pub(crate) fn run(fault: &'static Fault, client: Loop, length: Duration) -> io::Result<Outcome> {
    // A captive portal, where the redirects lead.
    let elsewhere = FaultServer::start(|_| crate::faults::page(), |_| crate::faults::page())?;
    let portal = elsewhere.url();
    let began = Instant::now();
    let (watch, beat) = (fault.watch, fault.beat);
    let server = FaultServer::start(
        move |connect| {
            if connect >= ENOUGH {
                return vec![Step::Hold];
            }
            watch(&Stage { connect, elapsed: began.elapsed(), elsewhere: &portal })
        },
        move |_| wire::status(beat),
    )?;
    let base = match fault.closed_for {
        Some(wait) => Door::open_after(wait, &server.url())?.url(),
        None => server.url(),
    };

    let mut process = spawn(client, &base)?;
    let watched = watch_over(&mut process, began, length);
    let _ = process.kill();
    let _ = process.wait();
    let (ended, after, used) = watched?;

    let (seen, strayed) = (server.seen(), elsewhere.seen());
    let counted = |heartbeat| {
        let in_time = |s: &&Seen| s.is_heartbeat() == heartbeat && s.at <= COUNTED;
        seen.iter().filter(in_time).count()
    };
    Ok(Outcome {
        fault: fault.id,
        client: client.name(),
        connects: counted(false),
        heartbeats: counted(true),
        ended,
        after_s: (after.as_secs_f64() * 10.0).round() / 10.0,
        elsewhere: strayed.len(),
        credential_left: strayed.iter().any(carries_token),
        used,
    })
}

fn spawn(client: Loop, base: &str) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([CLIENT, client.name(), base]).stdin(Stdio::null()).stdout(Stdio::null());
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.spawn()
}

fn watch_over(
    process: &mut Child,
    began: Instant,
    length: Duration,
) -> io::Result<(Ended, Duration, Option<Used>)> {
    let mut used = None;
    loop {
        if let Some(status) = process.try_wait()? {
            let ended = match status.code().and_then(Ending::from_code) {
                Some(Ending::Woken) => Ended::Woken,
                Some(Ending::Refused) => Ended::Stopped,
                None => Ended::Crashed,
            };
            return Ok((ended, began.elapsed(), used));
        }
        // The last look at a process that has ended shows nothing: the one before counts.
        used = Used::by(process.id()).or(used);
        if began.elapsed() >= length {
            return Ok((Ended::Waiting, began.elapsed(), used));
        }
        thread::sleep(LOOK);
    }
}

impl Used {
    fn by(process: u32) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let peak_rss_kib = peak.trim().strip_suffix(" kB")?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in parentheses, may hold anything; the times are the 12th and 13th field after it, in
        // hundredths of a second.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut times = fields.split_whitespace().skip(11);
        let mut time = || times.next()?.parse::<u32>().ok();
        Some(Self { peak_rss_kib, cpu_s: f64::from(time()? + time()?) / 100.0 })
    }
}

fn carries_token(seen: &Seen) -> bool {
    seen.line.contains(TOKEN)
        || seen.body.contains(TOKEN)
        || seen.headers.iter().any(|header| header.contains(TOKEN))
}
