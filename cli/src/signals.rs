//! Ctrl-C and `kill`: how a person or a supervisor asks a command to stop.
//!
//! SIGHUP is left alone on purpose: a handler of ours would undo `nohup`.

use std::process::ExitCode;

use crate::failure::Failure;

/// On every architecture that Linux has, but for MIPS and PA-RISC.
#[cfg(target_os = "linux")]
const SIGXFSZ: i32 = 25;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
}

impl Signal {
    /// What shells report for a program that ends so: 128 and the signal's number.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        })
    }

    /// The word in JSON and for people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupted",
            Self::Terminate => "terminated",
        }
    }
}

/// The signals from now on.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// Never read. Where a limit is set on the size of files, a journal that reaches it would kill the watch; with
    /// somebody listening the write fails instead, and only the journal ends.
    #[cfg(target_os = "linux")]
    _file_too_large: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::failed(format!("signals cannot be listened for: {error}"))
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            #[cfg(target_os = "linux")]
            _file_too_large: signal(SignalKind::from_raw(SIGXFSZ)).ok(),
        })
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {})
    }

    /// The next one. The future can be dropped without losing it.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> Signal {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}
