//! The program that a wake is handed to.
//!
//! It gets the wake in its environment or on its standard input, never on a command line, and it does not
//! get the device's own token. It is made the leader of a process group of its own, so that it can be
//! ended together with what it started, and so that a terminal's Ctrl-C reaches it by us alone, once.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use dormouse_core::SessionId;
use dormouse_tokio::Wake;
use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use super::TOKEN_VARIABLE;
use crate::signals::{Signal, Signals};
use crate::words::{innermost, millis};

/// How long a program that was asked to end may take for it.
const GRACE: Duration = Duration::from_secs(3);

const URL: &str = "DORMOUSE_WAKE_URL";
const TOKEN: &str = "DORMOUSE_WAKE_TOKEN";
const SESSION: &str = "DORMOUSE_WAKE_SESSION";
const WAIT: &str = "DORMOUSE_WAKE_WAIT_MS";

/// How it ended.
pub(super) enum Ended {
    Exited(i32),
    /// Killed, by this signal where the platform has them.
    Killed(Option<i32>),
    /// It could not be started, or waited for.
    Failed(String),
    /// We were asked to stop, and have ended it.
    Asked(Signal),
}

pub(super) struct Program {
    command: String,
    stdin: bool,
    /// Its standard output goes to standard error: ours is for JSON.
    json: bool,
}

impl Program {
    pub(super) fn new(command: String, stdin: bool, json: bool) -> Self {
        Self { command, stdin, json }
    }

    /// Runs it to its end, or ends it when a signal comes.
    pub(super) async fn run(
        &self,
        wake: &Wake,
        signals: &mut Signals,
        started: impl FnOnce(Option<u32>),
    ) -> Ended {
        let mut child = match self.command(wake).spawn() {
            Ok(child) => child,
            Err(error) => {
                let error = innermost(&error.to_string());
                return Ended::Failed(format!("could not be started: {error}"));
            }
        };
        started(child.id());
        let feed = child.stdin.take();
        let feeding = async {
            if let Some(mut pipe) = feed {
                // A program that does not read it has no need of it.
                let _ = pipe.write_all(&self.input(wake)).await;
            }
        };
        let waiting = async {
            // It may end without having read its input, and have left the pipe to others.
            let ended = tokio::select! {
                status = child.wait() => Some(status),
                () = feeding => None,
            };
            match ended {
                Some(status) => status,
                None => child.wait().await,
            }
        };
        let signal = tokio::select! {
            biased;
            signal = signals.next() => signal,
            status = waiting => return ended(status),
        };
        end(&mut child, signals).await;
        Ended::Asked(signal)
    }

    fn command(&self, wake: &Wake) -> Command {
        let mut command = shell(&self.command);
        command
            .env_remove(TOKEN_VARIABLE)
            .env(URL, &*wake.url)
            .env(WAIT, millis(wake.wait_for_viewer).to_string())
            .kill_on_drop(true);
        match &wake.session {
            Some(session) => command.env(SESSION, session.as_str()),
            None => command.env_remove(SESSION),
        };
        if self.stdin {
            command.env_remove(TOKEN).stdin(Stdio::piped());
        } else {
            command.env(TOKEN, wake.token.expose()).stdin(Stdio::null());
        }
        if self.json {
            command.stdout(io::stderr());
        }
        command
    }

    /// The wake as one JSON object, with a line's end for programs that read lines.
    fn input(&self, wake: &Wake) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Input<'a> {
            url: &'a str,
            token: &'a str,
            remote_access_session_id: Option<&'a str>,
            wait_for_viewer_ms: u64,
        }
        let input = Input {
            url: &wake.url,
            token: wake.token.expose(),
            remote_access_session_id: wake.session.as_ref().map(SessionId::as_str),
            wait_for_viewer_ms: millis(wake.wait_for_viewer),
        };
        let mut json = serde_json::to_vec(&input).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

fn ended(status: io::Result<ExitStatus>) -> Ended {
    match status {
        Ok(status) => match status.code() {
            Some(code) => Ended::Exited(code),
            None => Ended::Killed(signal_of(status)),
        },
        Err(error) => Ended::Failed(format!("could not be waited for: {error}")),
    }
}

/// Asks the program to end; then, or at the next signal, makes it.
async fn end(child: &mut Child, signals: &mut Signals) {
    let group = child.id();
    send(group, false);
    tokio::select! {
        _ = child.wait() => {}
        () = tokio::time::sleep(GRACE) => {}
        _ = signals.next() => {}
    }
    // Also where it ended itself: what it had started may not have.
    send(group, true);
    let _ = child.kill().await;
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).process_group(0);
    shell
}

#[cfg(windows)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    // As it is: `cmd` has quoting rules of its own.
    shell.arg("/C").raw_arg(command);
    shell
}

#[cfg(unix)]
fn send(group: Option<u32>, kill: bool) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let pid = group.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It fails where nobody is left, and that is what is wanted.
        let _ = kill_process_group(pid, if kill { Signal::KILL } else { Signal::TERM });
    }
}

#[cfg(not(unix))]
fn send(_: Option<u32>, _: bool) {}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}
