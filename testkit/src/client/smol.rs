//! smol: the thread that waits for the watch is all there is of an executor.

use std::sync::Arc;

use dormouse_smol::{SmolTimer, SmolTransport};

use super::{Client, Line, Options, drive::drive};

pub(super) struct Smol;

impl Client for Smol {
    fn name(&self) -> &'static str {
        "smol"
    }

    fn run(&self, options: &Options, line: &Arc<Line>) -> Result<(), String> {
        smol::block_on(drive(options, line, SmolTimer::new(), SmolTransport::new))
    }
}
