//! tokio, with our own transport and with reqwest's: a runtime of one thread for each watch.

use std::sync::Arc;

use dormouse_tokio::{ReqwestTransport, TokioTimer, TokioTransport};

use super::{Client, Footprint, Line, Options, crowd, drive};

pub(super) struct Tokio;

impl Client for Tokio {
    fn name(&self) -> &'static str {
        "tokio"
    }

    fn run(&self, options: &Options, line: &Arc<Line>) -> Result<(), String> {
        block_on(async { drive(options, line, TokioTimer::new(), TokioTransport::new).await })
    }

    fn crowd(&self, url: &str, count: usize) -> Result<Option<Footprint>, String> {
        block_on(crowd(url, count, TokioTimer::new, TokioTransport::new)).map(Some)
    }
}

pub(super) struct Reqwest;

impl Client for Reqwest {
    fn name(&self) -> &'static str {
        "tokio-reqwest"
    }

    fn run(&self, options: &Options, line: &Arc<Line>) -> Result<(), String> {
        block_on(async { drive(options, line, TokioTimer::new(), ReqwestTransport::new).await })
    }

    fn crowd(&self, url: &str, count: usize) -> Result<Option<Footprint>, String> {
        block_on(crowd(url, count, TokioTimer::new, ReqwestTransport::new)).map(Some)
    }
}

fn block_on<T>(future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(future)
}
