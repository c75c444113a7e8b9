//! A column of the matrix: one way to run a watch.
//!
//! A [`Client`] runs a watch on a thread of its own and tells [`Fact`]s of it; a [`Run`] is what a scenario holds
//! of that. Every command is waited for until the client has done what follows from it and sleeps: only then
//! does "nothing came" mean something.

mod child;
mod crowd;
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

use dormouse_core::{ConfigBuilder, ConnectFault, OnUnauthorized, TransportFault};

pub use child::{Child, Limits, serve};
pub use crowd::{Footprint, crowd};
pub use drive::drive;
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
///
/// What differs from client to client by its nature is said here, one method for each thing, and scenarios check that
/// it is exactly so. By default a client does as HTTP and the protocol say.
pub trait Client: Send + Sync {
    /// Its name, as the matrix shows it.
    fn name(&self) -> &'static str;

    /// Why it does not speak that, if it does not.
    fn not_spoken(&self, speech: Speech) -> Option<&'static str> {
        let _ = speech;
        None
    }

    /// Whether a body has to say in its head how it ends. The servers then send in chunks what would otherwise last
    /// until the connection is closed, as a reverse proxy does.
    fn needs_framing(&self) -> bool {
        false
    }

    /// What a connect comes to that nobody answers, neither yes nor no. By the protocol, to the deadline that
    /// covers everything up to `hello`.
    fn unanswered(&self) -> ConnectFault {
        ConnectFault::HelloTimeout { opened: false }
    }

    /// What an interim answer, 103 say, comes to. By HTTP to nothing: the answer that counts comes behind it.
    fn interim(&self) -> Option<ConnectFault> {
        None
    }

    /// What an answer comes to whose status no list has, 599 say. By HTTP that is a status like any other.
    fn unlisted(&self) -> Option<TransportFault> {
        None
    }

    /// Runs a watch on this thread until it is over, telling `line` what happens and doing what `line` says.
    ///
    /// # Errors
    ///
    /// If the watch cannot be set up.
    fn run(&self, options: &Options, line: &Arc<Line>) -> Result<(), String>;

    /// Holds so many idle watches of `url` on this thread, all at once, and says what they cost. `None` where each
    /// needs a thread of its own: there is no holding many then.
    ///
    /// # Errors
    ///
    /// If they cannot be set up, or are not connected in time.
    fn crowd(&self, url: &str, count: usize) -> Result<Option<Footprint>, String>;
}

/// The columns of a matrix.
pub type Columns = &'static [&'static dyn Client];

/// The columns that live here: every adapter with its own transport, tokio's over reqwest too, and the loop without a
/// runtime. A package with a transport of its own has columns of its own.
pub const COLUMNS: Columns = &[&tokio::Tokio, &tokio::Reqwest, &smol::Smol, &none::NoRuntime];

/// The column of that name.
///
/// # Errors
///
/// The names that there are, if it is none of them.
pub fn column(columns: Columns, name: &str) -> Result<&'static dyn Client, String> {
    columns.iter().copied().find(|column| column.name() == name).ok_or_else(|| {
        let known: Vec<_> = columns.iter().map(|column| column.name()).collect();
        format!("there is no column {name}, only {}", known.join(", "))
    })
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
