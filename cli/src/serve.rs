//! `dormouse serve`: the reference server, for the first two minutes and for small fleets.
//!
//! Without any configuration it makes up one device and one operator, keeps their tokens in files that
//! only their owner can read, and prints the two commands that use them. The port is bound before the
//! state file is touched, so that a second server by mistake does no harm. SIGTERM and Ctrl-C drain; the
//! second one stops at once.

mod roster;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use dormouse_server::{Config, Directory, Running, Server};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::failure::{self, Failure};
use crate::output::{BRIGHT, Event, GOOD, Line, Output, PLAIN, Stamp};
use crate::signals::{Signal, Signals};
use crate::words::{self, count, duration, innermost, millis, quoted, span};
use roster::Roster;

/// How often the number of open watches is looked at: a line each time would be too much for a fleet.
const GLANCE: Duration = Duration::from_millis(500);

/// Run the reference server
#[derive(clap::Args)]
#[command(
    after_help = "\
Examples:
  dormouse serve
      makes up a device and an operator in ./dormouse-tokens, and prints how to watch and to wake
  dormouse serve --listen 127.0.0.1:9000 --devices devices.conf --state-file leases.log

See --help for the ways to name devices, the JSON and the exit codes.",
    after_long_help = "\
Examples:
  dormouse serve
      makes up a device and an operator in ./dormouse-tokens, and prints how to watch and to wake
  dormouse serve --listen 127.0.0.1:9000 --devices devices.conf --state-file leases.log

Devices and their tokens come from the first of these that is there:
  --devices FILE     one line for each token; a # begins a comment:
                         device camera-7 TOKEN
                         operator TOKEN
  --tokens DIR       one file for each device, with its token, named as the device; and the file
                     operator. A DIR that is not there is made, with a device named laptop
  DORMOUSE_DEVICES and DORMOUSE_OPERATOR_TOKEN
                     name=token,name=token and the operator's token
  ./dormouse-tokens  as with --tokens
A device may have several lines of --devices, so that a token can be replaced without a gap.

A wake may lead to plain ws and http URLs if the server listens on a loopback address, or with
--allow-plain-urls. Devices accept that only if their base URL is http as well.

With --json, one object a line; all carry event, at_ms (since the start) and unix_ms:
  serving    url, devices, operators, heartbeat_interval_ms, lease_lifetime_ms, state_file, tokens
  watches    open: how many watches are open; at most two lines a second
  draining   reason (interrupted, terminated)
  stopped    reason (drained, at_once)

Exit codes: 0 it drained and stopped; 1 it failed, for example because the port is in use; 2 wrong
arguments or configuration; 130 or 143 a second Ctrl-C or SIGTERM cut the drain short."
)]
pub(crate) struct Args {
    /// The address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
    /// The file that names devices, operators and their tokens
    #[arg(long, value_name = "FILE", conflicts_with = "tokens")]
    devices: Option<PathBuf>,
    /// The directory with a file for each token
    #[arg(long, value_name = "DIR")]
    tokens: Option<PathBuf>,
    /// Keep leases in this file, so that after a crash nobody is let in before a device's holder
    #[arg(long, value_name = "FILE")]
    state_file: Option<PathBuf>,
    /// How often a device sends a heartbeat
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    heartbeat_interval: Duration,
    /// How long a lease lives without a heartbeat [default: 3 heartbeat intervals]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    lease_lifetime: Option<Duration>,
    /// How often an idle stream gets a comment [default: half a heartbeat interval]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    comment_interval: Option<Duration>,
    /// How long a woken device is to wait for its viewer
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "60s")]
    device_wait_for_viewer: Duration,
    /// How long a wake waits for a device that is away
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2m")]
    wake_lifetime: Duration,
    /// How many watches are accepted in a second; the fleet's reconnect window is sized by it
    #[arg(long, value_name = "N", default_value_t = 500)]
    connects_per_second: u32,
    /// How many watches are accepted at once after a calm [default: one second's worth]
    #[arg(long, value_name = "N")]
    connect_burst: Option<u32>,
    /// How many watches may be open
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    max_watches: usize,
    /// The shortest reconnect window
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "1s")]
    retry_at_least: Duration,
    /// How long a drain waits for streams to end
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    drain_timeout: Duration,
    /// The authorization scheme before the token
    #[arg(long, value_name = "SCHEME", default_value = "Bearer")]
    auth_scheme: String,
    /// What stands before /v1/…, such as /api
    #[arg(long, value_name = "PATH", default_value = "")]
    prefix: String,
    /// Let wakes lead to plain ws and http URLs [default: only on a loopback address]
    #[arg(long)]
    allow_plain_urls: bool,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Told<'a> {
    Serving {
        url: &'a str,
        devices: usize,
        operators: usize,
        heartbeat_interval_ms: u64,
        lease_lifetime_ms: u64,
        state_file: Option<&'a Path>,
        tokens: Option<&'a Path>,
    },
    Watches {
        open: usize,
    },
    Draining {
        reason: &'static str,
    },
    Stopped {
        reason: &'static str,
    },
}

impl Event for Told<'_> {
    fn line(&self) -> Option<Line> {
        Some(match self {
            Self::Serving { url, .. } => Line::new("serving", BRIGHT, *url),
            Self::Watches { open: 0 } => Line::new("watches", PLAIN, "none is open"),
            Self::Watches { open } => {
                let text = format!("{} open", count(*open, "watch is", "watches are"));
                Line::new("watches", GOOD, text)
            }
            Self::Draining { .. } => {
                Line::new("draining", PLAIN, "each device is told when to come back")
            }
            Self::Stopped { .. } => Line::new("stopped", PLAIN, "the port is free"),
        })
    }
}

pub(crate) async fn run(args: Args, json: bool) -> Result<ExitCode, Failure> {
    let output = Output::new(json, Stamp::Clock, 8);
    let mut signals = Signals::listen()?;
    let mut roster = Roster::read(args.devices.as_deref(), args.tokens.as_deref())?;
    let directory = std::mem::take(&mut roster.directory);
    let (devices, operators) = (directory.devices().count(), directory.operators());
    let listener = listen(&args.listen).await?;
    let address = listener.local_addr().map_err(|error| {
        Failure::failed(format!("{}: the address is not known: {error}", args.listen))
    })?;
    let config = configure(&args, directory, address.ip().is_loopback())?;
    let server = Server::new(config).map_err(|error| Failure::failed(error.to_string()))?;
    let config = server.config().clone();
    let running = server
        .spawn(listener)
        .map_err(|error| Failure::failed(format!("{address}: cannot be served: {error}")))?;

    let url = format!("http://{}{}", reachable(address), config.prefix());
    output.say(&Told::Serving {
        url: &url,
        devices,
        operators,
        heartbeat_interval_ms: millis(config.heartbeat_interval()),
        lease_lifetime_ms: millis(config.lease_lifetime()),
        state_file: config.state_file(),
        tokens: roster.tokens.as_deref(),
    });
    output.prose(&introduction(&url, &config, &roster, devices));
    if operators == 0 {
        failure::warn("there is no operator's token, so nobody can wake a device");
    }
    if !address.ip().is_loopback() {
        failure::warn("tokens travel unencrypted here; put TLS in front of this server");
    }

    // Devices are not to suffer from a log that nobody reads any more.
    let mute = async {
        let closed = output.closed().await;
        failure::warn(&format!("{closed}; serving goes on"));
        std::future::pending().await
    };
    let signal = tokio::select! {
        signal = stop_asked(&running, &mut signals, &output) => signal,
        signal = mute => signal,
    };
    Ok(drain(running, signal, &mut signals, &output).await)
}

async fn listen(address: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::failed(format!(
            "{address} is in use by another program"
        ))
        .advise("stop that one, or listen elsewhere: --listen 127.0.0.1:0 takes a free port"),
        io::ErrorKind::PermissionDenied => {
            Failure::failed(format!("{address}: this user may not listen there"))
                .advise("take a port from 1024 up")
        }
        io::ErrorKind::InvalidInput => {
            Failure::usage(format!("--listen {address}: {}", innermost(&error.to_string())))
                .advise("write an address and a port: 127.0.0.1:8080 or [::1]:8080")
        }
        _ => Failure::failed(format!(
            "{address} cannot be listened on: {}",
            innermost(&error.to_string())
        ))
        .advise("write an address of this machine and a port: 127.0.0.1:8080 or [::1]:8080"),
    })
}

fn configure(args: &Args, directory: Directory, loopback: bool) -> Result<Config, Failure> {
    let mut config = Config::builder(directory)
        .heartbeat_interval(args.heartbeat_interval)
        .device_wait_for_viewer(args.device_wait_for_viewer)
        .wake_lifetime(args.wake_lifetime)
        .connects_per_second(args.connects_per_second)
        .max_watches(args.max_watches)
        .retry_at_least(args.retry_at_least)
        .drain_timeout(args.drain_timeout)
        .auth_scheme(args.auth_scheme.as_str())
        .prefix(args.prefix.as_str())
        .allow_plain_urls(args.allow_plain_urls || loopback);
    if let Some(lifetime) = args.lease_lifetime {
        config = config.lease_lifetime(lifetime);
    }
    if let Some(interval) = args.comment_interval {
        config = config.comment_interval(interval);
    }
    if let Some(burst) = args.connect_burst {
        config = config.connect_burst(burst);
    }
    if let Some(path) = &args.state_file {
        config = config.state_file(path);
    }
    // The fields are called as the arguments are.
    config.build().map_err(|error| {
        let said = error.to_string();
        let what = said.strip_prefix(error.field()).unwrap_or(&said);
        Failure::usage(format!("--{}{what}", error.field().replace('_', "-")))
    })
}

/// An address to connect to from this machine, for one that means all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

/// What a stranger does next, ready to be copied into another terminal.
fn introduction(url: &str, config: &Config, roster: &Roster, devices: usize) -> String {
    let program = words::program();
    let beat = span(config.heartbeat_interval());
    let life = span(config.lease_lifetime());
    let state = match config.state_file() {
        Some(path) => format!("leases outlive this process in {}", path.display()),
        None => "leases end with this process; --state-file keeps them".into(),
    };
    let device = roster.first.as_deref().unwrap_or("DEVICE");
    let file = |name: &str| {
        let path = roster.tokens.as_ref().map(|tokens| tokens.join(name));
        path.map_or("FILE".into(), |path| quoted(&path.to_string_lossy()))
    };
    let made = if roster.made { ", made up just now" } else { "" };
    let source = &roster.source;
    let mut text = format!(
        "
  {devices}, from {source}{made}
  a heartbeat every {beat}; a lease lives {life} without one
  {state}

Put {device} to sleep, in another terminal:
  {program} watch {url} --token-file {}
Wake it, in a third one:
  {program} wake {url} {device} --operator-token-file {}
",
        file(device),
        file("operator"),
        devices = count(devices, "device", "devices"),
    );
    if roster.tokens.is_none() {
        text += "FILE holds the token: the device's own, or an operator's.\n";
    }
    text + "Ctrl-C drains and stops.\n"
}

/// Shows how many watches are open, until a signal comes.
async fn stop_asked(running: &Running, signals: &mut Signals, output: &Output) -> Signal {
    let mut shown = 0;
    loop {
        tokio::select! {
            signal = signals.next() => return signal,
            () = tokio::time::sleep(GLANCE) => {}
        }
        let open = running.server().open_watches();
        if open != shown {
            shown = open;
            output.say(&Told::Watches { open });
        }
    }
}

async fn drain(
    running: Running,
    signal: Signal,
    signals: &mut Signals,
    output: &Output,
) -> ExitCode {
    output.say(&Told::Draining { reason: signal.word() });
    // Dropped by the second signal, which cuts every connection.
    let code = tokio::select! {
        () = running.drain() => ExitCode::SUCCESS,
        signal = signals.next() => signal.exit_code(),
    };
    let reason = if code == ExitCode::SUCCESS { "drained" } else { "at_once" };
    output.say(&Told::Stopped { reason });
    code
}
