//! A column of the matrix: one way to run a watch.
//!
//! A [`Client`] runs a watch on a thread of its own and tells [`Fact`]s of it; a [`Run`] is what a scenario holds
//! of that. Every command is waited for until the client has done what follows from it and sleeps: only then
//! does "nothing came" mean something.

mod child;
mod drive;
mod line;
mod none;
mod passing;
mod run;
mod seen;
mod smol;
mod tokio;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use dormouse_core::{ConfigBuilder, ConnectFault, OnUnauthorized};

pub use child::{Child, Limits, serve};
pub use line::Line;
pub use run::{History, Run};
pub use seen::{Connected, Ending, Woken};

use crate::clock::Pace;
use crate::fact::Fact;

/// A device token that must be seen nowhere but in the header that carries it.
pub const TOKEN: &str = "canary-device-token";

/// What a client may not speak, by its nature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// HTTP/1.1: chunks, lengths of bodies, interim answers.
    Http11,
    /// TLS.
    Tls,
}

/// How a watch is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// The base URL.
    pub url: String,
    /// The device's token.
    pub token: String,
    /// How fast its clock runs.
    pub pace: Pace,
    /// Whether a refused token parks the watch rather than stop it.
    pub park: bool,
    /// Where the transport panics, if it does.
    pub panic_at: Option<PanicAt>,
}

/// Where in the transport a panic is to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanicAt {
    /// When it is asked to open the second watch.
    Open,
    /// When something of a stream comes.
    Chunk,
    /// When a heartbeat is to be sent.
    Post,
}

impl Options {
    /// A watch on this URL, by a clock that stands still.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            token: TOKEN.to_owned(),
            pace: Pace::Still,
            park: false,
            panic_at: None,
        }
    }

    pub(crate) fn configure(&self, config: ConfigBuilder) -> ConfigBuilder {
        if self.park { config.on_unauthorized(OnUnauthorized::Park) } else { config }
    }
}

/// A column of the matrix.
pub trait Client: Send + Sync {
    /// Its name, as the matrix shows it.
    fn name(&self) -> &'static str;

    /// Why it does not speak that, if it does not.
    fn not_spoken(&self, speech: Speech) -> Option<&'static str> {
        let _ = speech;
        None
    }

    /// What a connect comes to that nobody answers, neither yes nor no. By the protocol, to the deadline that
    /// covers everything up to `hello`.
    fn unanswered(&self) -> ConnectFault {
        ConnectFault::HelloTimeout { opened: false }
    }

    /// Runs a watch on this thread until it is over, telling `line` what happens and doing what `line` says.
    ///
    /// # Errors
    ///
    /// If the watch cannot be set up.
    fn run(&self, options: &Options, line: &Arc<Line>) -> Result<(), String>;
}

/// Every column there is.
#[must_use]
pub fn columns() -> &'static [&'static dyn Client] {
    &[&tokio::Tokio, &smol::Smol, &none::NoRuntime]
}

/// The column of that name.
#[must_use]
pub fn column(name: &str) -> Option<&'static dyn Client> {
    columns().iter().copied().find(|column| column.name() == name)
}

/// Checks that no secret is in what is shown.
pub(crate) fn leaks(shown: &str) -> Option<Fact> {
    shown.contains("canary").then(|| Fact::Panicked { words: format!("a token is shown: {shown}") })
}

/// Every file descriptor that the system gives, also those that come free later, until it is dropped.
#[derive(Default)]
pub(crate) struct Hoard {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hoard {
    /// Takes what there is, says how much that was, and takes what comes free.
    pub(crate) fn take(line: &Line) -> Self {
        let mut held: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        line.tell_also(Fact::Hoarded { descriptors: held.len() as u64 });
        let over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&over);
        let thread = thread::spawn(move || {
            while !until.load(Ordering::SeqCst) {
                held.extend(File::open("/dev/null"));
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Hoard {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
