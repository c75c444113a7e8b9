//! What things cost, side by side in one run: `cargo run --release --manifest-path peers/Cargo.toml --bin bench`.
//!
//! Without an argument it prints the table of `docs/performance.md` with the figures of this run. It takes some ten
//! minutes, and its times are worth something only on a machine that does nothing else; memory and counts are exact
//! anywhere. `--quick` is the same with small counts, to see that it works; `--only memory,wake` is a part of it.
//! `bench storm` and `bench growth` draw the two charts.
//!
//! Everything is on the loopback interface, over plain HTTP. The server is always this program; clients whose memory
//! or processor time counts are processes of their own, which are this program too ([`crowd`]).

mod chart;
mod counts;
mod crowd;
mod decoder;
mod growth;
mod house;
#[path = "../../../core/benches/load.rs"]
#[allow(dead_code, unreachable_pub, clippy::expect_used, reason = "shared with dormouse-core")]
mod load;
mod process;
mod program;
mod storm;
mod table;
mod wake;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use dormouse_peers::client::Failure;

use table::Row;

/// What things cost, beside what they cost with others
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Small counts: to see that it works, not to measure
    #[arg(long, global = true)]
    quick: bool,
    /// Only some of it
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
}

/// A part of the table.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The decoder beside others, and the machine beside the decoder
    Decoder,
    /// Allocations, bytes and instructions: needs valgrind
    Counts,
    /// Memory and processor time of many sleeping watches
    Memory,
    /// From the server's write to the application
    Wake,
    /// The program `dormouse`
    Program,
}

/// Measures a part, quickly or well.
type Measure = fn(bool) -> Result<Vec<Row>, Failure>;

#[derive(Subcommand)]
enum Command {
    /// 5,000 devices whose server is killed and comes back
    Storm {
        /// Where the chart goes
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
    /// From 10 watches to 5,000, and from events of 100 B to 256 KiB
    Growth {
        /// Where the chart goes
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
    /// A process with many sleeping watches
    #[command(hide = true)]
    Crowd(crowd::Member),
    /// A server that can be killed
    #[command(hide = true)]
    Serve(house::Plan),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let quick = arguments.quick;
    let ended = match arguments.command {
        None => bench(&arguments.only, quick),
        Some(Command::Storm { svg }) => storm::run(quick, svg.as_deref()),
        Some(Command::Growth { svg }) => growth::run(quick, svg.as_deref()),
        Some(Command::Crowd(member)) => crowd::main(&member),
        Some(Command::Serve(plan)) => house::main(&plan),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(only: &[Part], quick: bool) -> Result<(), Failure> {
    let parts: [(Part, Measure); 5] = [
        (Part::Decoder, decoder::rows),
        (Part::Counts, |_| counts::rows()),
        (Part::Memory, crowd::rows),
        (Part::Wake, wake::rows),
        (Part::Program, program::rows),
    ];
    let mut rows = Vec::new();
    for (part, run) in parts {
        if only.is_empty() || only.contains(&part) {
            rows.extend(run(quick)?);
        }
    }
    print!("{}", table::markdown(&rows));
    if quick {
        println!("\nThis was --quick: the counts are too small for any time to mean something.");
    }
    Ok(())
}

/// How often things that come are looked at.
const LOOK: Duration = Duration::from_millis(20);
