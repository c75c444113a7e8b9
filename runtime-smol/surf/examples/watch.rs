//! `dormouse watch URL --json`, with other parts inside: surf for HTTP, and async-std to run it.
//!
//!     DORMOUSE_TOKEN=… cargo run --example watch -- http://127.0.0.1:8080 --json
//!
//! The arguments are the program's, the lines are the program's, so are the exit codes, and everything that decides is
//! the same core. What the program has beside: text for people without `--json`, `--exec` with `--stdin`, which start
//! programs, and `--runtime`, which this example is one more of. `tests/watch.rs` compares both with what the program
//! documents.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_signal::{Signal, Signals};
use clap::Parser;
use dormouse_core::{
    ConnectFault, Delay, End, HeartbeatFault, OnUnauthorized, Outcome, Report, StreamFault, Then,
};
use dormouse_smol::core::journal::Recorder;
use dormouse_smol::{Event, Note, StartError, Status, StopReason, Wake, Watch};
use dormouse_surf::SurfTransport;
use futures_lite::{FutureExt as _, Stream, StreamExt as _};
use serde_json::{Value, json};

/// Put this device to sleep, over surf and under async-std, and show its wakes
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// The base URL of the service: http, without query and user info
    url: String,
    /// The file with this device's token (or in `DORMOUSE_TOKEN`)
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Stop after the first wake
    #[arg(long)]
    once: bool,
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
    /// One JSON object a line, which is all that this example can print
    #[arg(long, required = true)]
    json: bool,
}

/// Where the lines go.
pub(crate) type Say = Arc<dyn Fn(Value) + Send + Sync>;

/// Why it failed, and the exit code for that.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) String, pub(crate) u8);

fn main() -> ExitCode {
    let began = Instant::now();
    let say: Say = Arc::new(move |mut line| {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        line["at_ms"] = millis(began.elapsed()).into();
        line["unix_ms"] = millis(unix).into();
        println!("{line}");
    });
    let args = Args::parse();
    let done = async_std::task::block_on(async {
        let signals = Signals::new([Signal::Int, Signal::Term])
            .map_err(|error| Failure(error.to_string(), 1))?;
        run(args, say, signals.filter_map(Result::ok)).await
    });
    match done {
        Ok(code) => ExitCode::from(code),
        Err(Failure(words, code)) => {
            eprintln!("error: {words}");
            ExitCode::from(code)
        }
    }
}

/// How a device's sleep is over for good.
enum Done {
    Asked(Signal),
    Once,
    Stopped(StopReason),
}

pub(crate) async fn run(
    args: Args,
    say: Say,
    mut signals: impl Stream<Item = Signal> + Unpin,
) -> Result<u8, Failure> {
    let mut watch = start(&args, &say)?;
    let done = asked(&mut signals).or(sleep(&mut watch, &say, args.once)).await;
    // The stream is closed before the last line says so.
    drop(watch);
    let (reason, code) = match done {
        Done::Asked(Signal::Term) => ("terminated", if args.once { 143 } else { 0 }),
        Done::Asked(_) => ("interrupted", if args.once { 130 } else { 0 }),
        Done::Once => ("once", 0),
        Done::Stopped(StopReason::Unauthorized) => ("unauthorized", 3),
        Done::Stopped(_) => ("cancelled", 1),
    };
    say(json!({ "event": "stopped", "reason": reason }));
    if code == 3 { Err(Failure("the server refuses the token (401)".into(), 3)) } else { Ok(code) }
}

async fn asked(signals: &mut (impl Stream<Item = Signal> + Unpin)) -> Done {
    match signals.next().await {
        Some(signal) => Done::Asked(signal),
        None => std::future::pending().await,
    }
}

async fn sleep(watch: &mut Watch<SurfTransport>, say: &Say, once: bool) -> Done {
    let mut reason = StopReason::Requested;
    while let Some(event) = watch.next().await {
        match event {
            // The observer has said it.
            Event::Status(Status::Stopped(why)) => reason = why,
            Event::Status(_) => {}
            // To show a wake is to hand it over.
            Event::Wake(wake) => {
                say(woken(&wake));
                if once {
                    return Done::Once;
                }
            }
        }
    }
    Done::Stopped(reason)
}

fn start(args: &Args, say: &Say) -> Result<Watch<SurfTransport>, Failure> {
    let on_unauthorized = if args.park { OnUnauthorized::Park } else { OnUnauthorized::Stop };
    let (shown, mut detail) = (Arc::clone(say), None);
    let failed = |error: StartError| {
        let usage = matches!(error, StartError::Config(_) | StartError::Token(_));
        Failure(error.to_string(), if usage { 2 } else { 1 })
    };
    let mut builder = Watch::builder(args.url.as_str())
        .token(token(args.token_file.as_deref())?)
        .configure(|config| {
            config
                .watch_path(args.watch_path.as_str())
                .heartbeat_path(args.heartbeat_path.as_str())
                .auth_scheme(args.auth_scheme.as_str())
                .protocol_version(args.protocol_version.as_str())
                .on_unauthorized(on_unauthorized)
        })
        .transport(SurfTransport::new().map_err(failed)?)
        .observe(move |_, note| {
            if let Some(line) = noted(note, &mut detail) {
                shown(line);
            }
        });
    if let Some(path) = &args.journal {
        builder = builder.journal(args.journal_limit, journal(path)?);
    }
    let started = builder.start();
    if let (Err(_), Some(path)) = (&started, &args.journal) {
        // There is nothing in it yet, and the next try wants the name.
        let _ = std::fs::remove_file(path);
    }
    started.map_err(failed)
}

/// Writes a journal to a new file, for its owner only, as long as that goes well.
fn journal(path: &Path) -> Result<impl FnMut(&str) + Send + Sync + 'static, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let name = path.display().to_string();
    let file = options.open(path).map_err(|error| Failure(format!("{name}: {error}"), 2))?;
    let mut file = Some(file);
    Ok(move |line: &str| {
        let Some(open) = &mut file else { return };
        if let Err(error) = open.write_all(line.as_bytes()) {
            eprintln!("warning: {name}: the journal ends here: {error}");
            file = None;
        }
    })
}

/// From the file, without the one line break at its end, or from the environment.
fn token(file: Option<&Path>) -> Result<String, Failure> {
    let Some(file) = file else {
        return std::env::var("DORMOUSE_TOKEN").map_err(|_| {
            Failure("there is no token: use --token-file or DORMOUSE_TOKEN".into(), 2)
        });
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure(format!("{}: {error}", file.display()), 2))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').filter(|_| text.ends_with('\n')).unwrap_or(line).to_owned())
}

/// The line for a note. `detail` is what the transport said last, until the report comes that it is of.
fn noted(note: &Note<'_>, detail: &mut Option<String>) -> Option<Value> {
    match note {
        Note::Connecting { attempt } => {
            Some(json!({ "event": "connecting", "attempt": attempt.0 }))
        }
        Note::Failed { error } => {
            *detail = Some(error.detail().to_owned()).filter(|detail| !detail.is_empty());
            None
        }
        Note::Status(status) => {
            let word = match status {
                Status::Connecting => "connecting",
                Status::Connected => "connected",
                Status::Unauthorized => "unauthorized",
                _ => "stopped",
            };
            Some(json!({ "event": "status", "status": word, "code": status.code() }))
        }
        Note::Report(report) => reported(report, detail),
        _ => None,
    }
}

fn reported(report: &Report, detail: &mut Option<String>) -> Option<Value> {
    Some(match *report {
        Report::Connected { attempt, took, heartbeat_interval, wait_for_viewer } => json!({
            "event": "connected",
            "attempt": attempt.0,
            "took_ms": millis(took),
            "heartbeat_interval_ms": millis(heartbeat_interval),
            "wait_for_viewer_ms": millis(wait_for_viewer),
        }),
        Report::Oddity { attempt, oddity } => {
            json!({ "event": "oddity", "attempt": attempt.0, "cause": oddity.to_string() })
        }
        Report::Heartbeat { beat, took, fault } => {
            let mut line = json!({
                "event": "heartbeat",
                "beat": beat.0,
                "accepted": fault.is_none(),
                "took_ms": millis(took),
            });
            if let Some(fault) = fault {
                let transport = matches!(fault, HeartbeatFault::Transport(_));
                let detail = detail.take().filter(|_| transport);
                add_fault(&mut line, fault.code(), fault.to_string(), detail);
            }
            line
        }
        Report::Ended { attempt, end, ran, then } => {
            let transport = matches!(
                end,
                End::Connect(ConnectFault::Transport(_))
                    | End::Watch(Outcome::Stream(StreamFault::Transport(_)))
            );
            let phase = if matches!(end, End::Connect(_)) { "connect" } else { "watch" };
            let mut line = json!({ "event": "ended", "attempt": attempt.0, "phase": phase });
            let detail = detail.take().filter(|_| transport);
            add_fault(&mut line, end.code(), end.to_string(), detail);
            line["ran_ms"] = millis(ran).into();
            let (next, delay) = match then {
                Then::Connect(delay) => ("connect", Some(delay)),
                Then::Park(delay) => ("park", Some(delay)),
                Then::HandOver => ("hand_over", None),
                Then::Stop(_) => ("stop", None),
            };
            line["then"] = next.into();
            if let Some(delay) = delay {
                add_delay(&mut line, &delay);
            }
            line
        }
        Report::HandOverFailed { delay } => {
            let mut line = json!({ "event": "hand_over_failed" });
            add_delay(&mut line, &delay);
            line
        }
        Report::Held { wait } => json!({ "event": "held", "wait_ms": millis(wait) }),
        _ => return None,
    })
}

fn add_fault(line: &mut Value, code: u16, cause: String, detail: Option<String>) {
    line["code"] = code.into();
    line["cause"] = cause.into();
    if let Some(detail) = detail {
        line["detail"] = detail.into();
    }
}

fn add_delay(line: &mut Value, delay: &Delay) {
    for (name, part) in [
        ("delay_ms", delay.total()),
        ("row_ms", delay.row()),
        ("flap_guard_ms", delay.flap()),
        ("retry_after_ms", delay.retry_after()),
        ("window_ms", delay.window()),
    ] {
        line[name] = millis(part).into();
    }
}

/// A wake without its token, also where a server has put that into the URL.
fn woken(wake: &Wake) -> Value {
    let veiled = |text: &str| text.replace(wake.token.expose(), "[secret]");
    json!({
        "event": "wake",
        "url": veiled(&wake.url),
        "session": wake.session.as_ref().map(|session| veiled(session.as_str())),
        "wait_for_viewer_ms": millis(wake.wait_for_viewer),
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
