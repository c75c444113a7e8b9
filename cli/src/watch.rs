//! `dormouse watch URL`: a device that sleeps until somebody wants it.
//!
//! The watch is an adapter's (`sleeper` says whose); here it is shown, and a wake is handed to a program. While that runs
//! nothing is open: the watch ended with the wake, and begins anew once the program has. Ctrl-C stops at
//! once, in every state: the watch is dropped, which closes its stream, or the program is ended.

mod journal;
mod program;
mod sleeper;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use dormouse_core::driver::Note;
use dormouse_core::journal::Recorder;
use dormouse_core::{ConfigBuilder, OnUnauthorized, Timestamp};
use dormouse_tokio::{Event, StartError, Status, StopReason, Wake};

use crate::failure::{self, Failure};
use crate::operator::misconfigured;
use crate::output::{Output, Stamp};
use crate::secrets;
use crate::seen::{Observer, Seen};
use crate::signals::{Signal, Signals};
use crate::words::millis;
use journal::Journal;
use program::{Ended, Program};
use sleeper::{Runtime, Sleeper};

/// Where the device's token is taken from when no file is named.
const TOKEN_VARIABLE: &str = "DORMOUSE_TOKEN";

/// Put this device to sleep, and show or hand on its wakes
#[derive(clap::Args)]
#[command(
    after_help = "\
Example:
  dormouse watch https://api.example.com --token-file device.token \\
      --exec 'exec viewer --url \"$DORMOUSE_WAKE_URL\"'

The token comes from --token-file or DORMOUSE_TOKEN, never from an argument.
See --help for what the program of --exec gets, the JSON and the exit codes.",
    after_long_help = "\
Example:
  dormouse watch https://api.example.com --token-file device.token \\
      --exec 'exec viewer --url \"$DORMOUSE_WAKE_URL\"'

The token comes from --token-file (one line break at its end is not part of it) or DORMOUSE_TOKEN,
never from an argument, which every user of the machine could read.

The program of --exec runs through the platform's shell, and is waited for. It gets
  DORMOUSE_WAKE_URL       where to go
  DORMOUSE_WAKE_TOKEN     the token to get in with; not with --stdin
  DORMOUSE_WAKE_SESSION   the remote access session, if there is one
  DORMOUSE_WAKE_WAIT_MS   how long to wait there for the viewer
and not DORMOUSE_TOKEN. With --stdin it also gets one JSON object on its standard input, with url,
token, remoteAccessSessionId (or null) and waitForViewerMs. If it exits other than with 0, or is
killed, the hand-over has failed: the watch then comes back ever more slowly while that goes on.
When this command is stopped, the program and what it started get SIGTERM, and SIGKILL 3 s later or
at the second Ctrl-C. With --json its standard output goes to standard error.

With --journal all that comes in and all that is decided is recorded, as lines of JSON. The file has to be
a new one, for its owner only. It may be given away: tokens, what a server sends that may hold one, and
the path of a wake's URL are in it as so many x. A disk that is full ends it, and not the watch.

With --json, one object a line; all carry event, at_ms (since the start) and unix_ms:
  connecting       attempt
  connected        attempt, took_ms, heartbeat_interval_ms, wait_for_viewer_ms
  heartbeat        beat, accepted, took_ms; if not accepted code, cause, detail?
  ended            attempt, phase (connect, watch), code, cause, detail?, ran_ms,
                   then (connect, park, hand_over, stop); before another attempt delay_ms and what
                   made it: row_ms, flap_guard_ms, retry_after_ms, window_ms
  oddity           attempt, cause
  hand_over_failed delay_ms, row_ms, flap_guard_ms, retry_after_ms, window_ms
  held             wait_ms
  status           status (connecting, connected, unauthorized, stopped), code
  wake             url, session, wait_for_viewer_ms; never the token: --exec gets it
  program_started  pid
  program_ended    failed, exit_code, signal, error, took_ms
  stopped          reason (interrupted, terminated, once, unauthorized, cancelled)

Exit codes:
  0    it was stopped as asked; with --once, the wake was handed over
  1    it failed, or whoever read its output has gone
  2    wrong arguments, or a token that cannot be one
  3    the server refuses the token (not with --park)
  130  with --once: Ctrl-C came before a wake was handed over; 143 for SIGTERM
With --once and --exec the exit code is the program's own, or 128 and its signal."
)]
pub(crate) struct Args {
    /// The base URL of the service: http or https, without query and user info
    url: String,
    /// The file with this device's token [env: DORMOUSE_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Run this through the shell on each wake, with the wake in its environment
    #[arg(long, value_name = "CMD")]
    exec: Option<String>,
    /// Give the program the wake as JSON on its standard input, and no token in its environment
    #[arg(long, requires = "exec")]
    stdin: bool,
    /// Stop after the first wake was handed over
    #[arg(long)]
    once: bool,
    /// The runtime to sleep on: both decide alike
    #[arg(long, value_enum, default_value = "tokio")]
    runtime: Runtime,
    /// When the token is refused, show it and try again after 5 minutes, doubling to an hour
    #[arg(long)]
    park: bool,
    /// Record the watch in a new file, for `dormouse replay`: no token is in it
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// The longest that the journal may get; then it ends, and the watch goes on
    #[arg(long, value_name = "BYTES", default_value_t = Recorder::DEFAULT_LIMIT, requires = "journal")]
    journal_limit: usize,
    /// The watch's path below the base URL
    #[arg(long, value_name = "PATH", default_value = "/v1/watch")]
    watch_path: String,
    /// The heartbeat's path below the base URL
    #[arg(long, value_name = "PATH", default_value = "/v1/watch/heartbeat")]
    heartbeat_path: String,
    /// The authorization scheme before the token
    #[arg(long, value_name = "SCHEME", default_value = "Bearer")]
    auth_scheme: String,
    /// The protocol version to announce
    #[arg(long, value_name = "VERSION", default_value = dormouse_core::PROTOCOL_VERSION)]
    protocol_version: String,
}

pub(crate) async fn run(args: Args, json: bool) -> Result<ExitCode, Failure> {
    let output = Output::new(json, Stamp::Clock, 13);
    let mut signals = Signals::listen()?;
    let watch = start(&args, &output)?;
    if exposes_token(&args.url) {
        failure::warn("the base URL is http: whoever is on the way can read the token");
    }
    let program = args.exec.map(|command| Program::new(command, args.stdin, json));
    let mut device = Device { watch, program, output: output.clone(), once: args.once };
    let done = tokio::select! {
        done = device.sleep(&mut signals) => done,
        failure = output.closed() => return Err(failure),
    };
    // The stream is closed before the last line says so.
    drop(device);
    let (reason, code) = match done {
        Done::Asked(signal) if args.once => (signal.word(), signal.exit_code()),
        Done::Asked(signal) => (signal.word(), ExitCode::SUCCESS),
        Done::Once(code) => ("once", ExitCode::from(code)),
        Done::Stopped(StopReason::Unauthorized) => {
            output.say(&Seen::Stopped { reason: "unauthorized" });
            return Err(Failure::unauthorized("the server refuses the token (401)").advise(
                "check that it is this device's token for this service; --park keeps trying",
            ));
        }
        Done::Stopped(_) => ("cancelled", ExitCode::FAILURE),
    };
    output.say(&Seen::Stopped { reason });
    output.finish()?;
    Ok(code)
}

fn start(args: &Args, output: &Output) -> Result<Sleeper, Failure> {
    let token = secrets::find_token(
        args.token_file.as_deref(),
        TOKEN_VARIABLE,
        "--token-file",
        "device's",
    )?;
    let on_unauthorized = if args.park { OnUnauthorized::Park } else { OnUnauthorized::Stop };
    let (mut observer, output) = (Observer::default(), output.clone());
    let configure = |config: ConfigBuilder| {
        config
            .watch_path(args.watch_path.as_str())
            .heartbeat_path(args.heartbeat_path.as_str())
            .auth_scheme(args.auth_scheme.as_str())
            .protocol_version(args.protocol_version.as_str())
            .on_unauthorized(on_unauthorized)
    };
    let observe = move |_: Timestamp, note: &Note<'_>| {
        if let Some(seen) = observer.see(note) {
            output.say(&seen);
        }
    };
    let (url, token) = (args.url.as_str(), token.expose());
    // The adapters have types of their own and the same words.
    macro_rules! start {
        ($watch:ty) => {{
            let mut builder =
                <$watch>::builder(url).token(token).configure(configure).observe(observe);
            if let Some(path) = &args.journal {
                let mut journal = Journal::create(path)?;
                builder = builder.journal(args.journal_limit, move |line| journal.write(line));
            }
            builder.start().map(Sleeper::from)
        }};
    }
    let started = match args.runtime {
        Runtime::Tokio => start!(dormouse_tokio::Watch),
        Runtime::Smol => start!(dormouse_smol::Watch),
    };
    if let (Err(_), Some(path)) = (&started, &args.journal) {
        // There is nothing in it yet, and the next try wants the name.
        let _ = std::fs::remove_file(path);
    }
    started.map_err(|error| match error {
        StartError::Config(error) => misconfigured(&error),
        StartError::Token(error) => Failure::usage(error.to_string()),
        error => Failure::failed(error.to_string()),
    })
}

/// Whether the token would travel unencrypted over more than this machine.
fn exposes_token(base: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(base) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    url.scheme() == "http" && !loopback
}

/// How a device's sleep is over for good.
enum Done {
    Asked(Signal),
    /// The one wake was handed over, with this exit code.
    Once(u8),
    Stopped(StopReason),
}

struct Device {
    watch: Sleeper,
    program: Option<Program>,
    output: Output,
    once: bool,
}

impl Device {
    async fn sleep(&mut self, signals: &mut Signals) -> Done {
        let mut reason = StopReason::Requested;
        loop {
            let event = tokio::select! {
                biased;
                signal = signals.next() => return Done::Asked(signal),
                event = self.watch.next() => event,
            };
            match event {
                None => return Done::Stopped(reason),
                // The observer has said it.
                Some(Event::Status(Status::Stopped(why))) => reason = why,
                Some(Event::Status(_)) => {}
                Some(Event::Wake(wake)) => {
                    self.output.say(&Seen::wake(&wake));
                    match self.hand_over(&wake, signals).await {
                        Ok(code) if self.once => return Done::Once(code),
                        Ok(0) => {}
                        Ok(_) => self.watch.hand_over_failed(),
                        Err(signal) => return Done::Asked(signal),
                    }
                }
            }
        }
    }

    /// Has the program deal with a wake, and gives its exit code; 0 where there is none: to show a wake
    /// is to hand it over.
    async fn hand_over(&self, wake: &Wake, signals: &mut Signals) -> Result<u8, Signal> {
        let Some(program) = &self.program else { return Ok(0) };
        let began = Instant::now();
        let started = |pid| self.output.say(&Seen::ProgramStarted { pid });
        let ended = program.run(wake, signals, started).await;
        let (exit_code, signal, error) = match &ended {
            Ended::Exited(code) => (Some(*code), None, None),
            Ended::Killed(signal) => (None, *signal, None),
            Ended::Failed(error) => (None, None, Some(error.clone())),
            Ended::Asked(_) => (None, None, Some("was ended, as this command was".to_owned())),
        };
        self.output.say(&Seen::ProgramEnded {
            failed: exit_code != Some(0),
            exit_code,
            signal,
            error,
            took_ms: millis(began.elapsed()),
        });
        match ended {
            // The system's own truncation, but nothing other than 0 may become 0.
            Ended::Exited(code) => {
                Ok((code & 0xff) as u8 | u8::from(code != 0 && code & 0xff == 0))
            }
            Ended::Killed(signal) => Ok(128 | (signal.unwrap_or(0) & 0x7f) as u8),
            Ended::Failed(_) => Ok(1),
            Ended::Asked(signal) => Err(signal),
        }
    }
}
