//! The catalogue of scenarios, for surf under two executors, and for the smol adapter's own transport under
//! async-std. What surf's ways are where they differ is said here, and the scenarios check that it is so.

use std::process::ExitCode;
use std::sync::Arc;

use dormouse_core::{ConnectFault, TransportFault};
use dormouse_smol::{SmolTimer, SmolTransport};
use dormouse_surf::SurfTransport;
use dormouse_testkit::client::{Client, Footprint, Line, Options, Speech, crowd, drive};
use dormouse_testkit::matrix;

fn main() -> ExitCode {
    matrix::test(&[
        &SmolUnderAsyncStd,
        &Surf { name: "surf", executor: Executor::Smol },
        &Surf { name: "surf-async-std", executor: Executor::AsyncStd },
    ])
}

struct SmolUnderAsyncStd;

impl Client for SmolUnderAsyncStd {
    fn name(&self) -> &'static str {
        "smol-async-std"
    }

    fn run(&self, options: &Options, line: &Arc<Line>) -> Result<(), String> {
        let driven = drive(options, line, SmolTimer::new(), SmolTransport::new);
        Executor::AsyncStd.block_on(driven)
    }

    fn crowd(&self, url: &str, count: usize) -> Result<Option<Footprint>, String> {
        Executor::AsyncStd.block_on(crowd(url, count, SmolTimer::new, SmolTransport::new)).map(Some)
    }
}

struct Surf {
    name: &'static str,
    executor: Executor,
}

impl Client for Surf {
    fn name(&self) -> &'static str {
        self.name
    }

    fn not_spoken(&self, speech: Speech) -> Option<&'static str> {
        (speech == Speech::Tls).then_some("no tls")
    }

    fn needs_framing(&self) -> bool {
        true
    }

    fn interim(&self) -> Option<ConnectFault> {
        Some(ConnectFault::Status(103))
    }

    fn unlisted(&self) -> Option<TransportFault> {
        Some(TransportFault::Http)
    }

    fn run(&self, options: &Options, line: &Arc<Line>) -> Result<(), String> {
        let driven = drive(options, line, SmolTimer::new(), |_| SurfTransport::new());
        self.executor.block_on(driven)
    }

    fn crowd(&self, url: &str, count: usize) -> Result<Option<Footprint>, String> {
        self.executor
            .block_on(crowd(url, count, SmolTimer::new, |_| SurfTransport::new()))
            .map(Some)
    }
}

/// What runs the watch.
#[derive(Clone, Copy)]
enum Executor {
    Smol,
    AsyncStd,
}

impl Executor {
    fn block_on<T>(self, future: impl Future<Output = T>) -> T {
        match self {
            Self::Smol => smol::block_on(future),
            Self::AsyncStd => async_std::task::block_on(future),
        }
    }
}
