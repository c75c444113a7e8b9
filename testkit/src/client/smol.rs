//! smol: the thread that waits for the watch is all there is of an executor.

use std::sync::Arc;

use dormouse_smol::{SmolTimer, SmolTransport};

use super::{Client, Footprint, Line, Options, crowd, drive};

pub(super) struct Smol;

impl Client for Smol {
    fn name(&self) -> &'static str {
        "smol"
    }

    fn run(&self, options: &Options, line: &Arc<Line>) -> Result<(), String> {
        smol::block_on(drive(options, line, SmolTimer::new(), SmolTransport::new))
    }

    fn crowd(&self, url: &str, count: usize) -> Result<Option<Footprint>, String> {
        smol::block_on(crowd(url, count, SmolTimer::new, SmolTransport::new)).map(Some)
    }
}
