//! tokio and reqwest: a runtime of one thread for each watch.

use std::sync::Arc;

use dormouse_tokio::{ReqwestTransport, TokioTimer};

use super::{Client, Line, Options, drive::drive};

pub(super) struct Tokio;

impl Client for Tokio {
    fn name(&self) -> &'static str {
        "tokio-reqwest"
    }

    fn run(&self, options: &Options, line: &Arc<Line>) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        runtime.block_on(async {
            drive(options, line, TokioTimer::new(), ReqwestTransport::new).await
        })
    }
}
