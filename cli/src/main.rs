//! `dormouse`: put a device to sleep so that it can be woken, and look at how that works.
//!
//! | command | what it is |
//! | --- | --- |
//! | `demo` | the whole story in one process, in under 20 s |
//! | `serve` | the reference server |
//! | `watch` | a device: sleeps, and runs a program when it is woken |
//! | `wake` | an operator: wakes a device |
//! | `replay` | a recorded watch in, a timeline out |
//! | `decode` | an event stream in, JSON out |
//! | `simulate` | a fleet that comes back after an outage, or a small world in which everything goes wrong |
//!
//! What they share: `output` is the one way to standard output, `failure` the one way to a non-zero exit,
//! `secrets` the one way in for tokens, `words` how durations and causes are said. No command takes a
//! token as an argument, where every user of the machine could read it, and none prints one.

#![allow(clippy::doc_markdown, reason = "what documents an argument is its help, in plain text")]

mod decode;
mod demo;
mod failure;
mod operator;
mod output;
mod replay;
mod secrets;
mod seen;
mod serve;
mod signals;
mod simulate;
mod wake;
mod watch;
mod words;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use failure::Failure;

/// Where a log filter is taken from when `--log` is not given.
const LOG_VARIABLE: &str = "DORMOUSE_LOG";

/// Wake a sleeping device within milliseconds, from behind any NAT.
#[derive(Parser)]
#[command(
    name = "dormouse",
    version,
    max_term_width = 100,
    after_help = "\
Begin with:
  dormouse demo      a device sleeps, is woken, loses its server, is woken again
  dormouse serve     a server to try it with by hand

Exit codes:
  0  it went well, or was stopped as asked
  1  it failed; standard error says what, where and what to do
  2  the arguments, the configuration or a token cannot be used
  3  the server refuses the token
  4  a journal is damaged, or a fresh machine decides otherwise
Colours are for terminals only; NO_COLOR turns them off."
)]
struct Cli {
    /// Print JSON lines instead of text for people: one object a line, each with an "event"
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
    /// Log to standard error, by level or by module: info, trace, dormouse=debug [env: DORMOUSE_LOG]
    #[arg(long, global = true, value_name = "FILTER", help_heading = "Output")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Watch(watch::Args),
    Wake(wake::Args),
    Replay(replay::Args),
    Decode(decode::Args),
    Simulate(simulate::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = start_log(&cli).and_then(|()| run(cli));
    match done {
        Ok(code) => code,
        Err(failure) => failure.show(),
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let json = cli.json;
    // A device that sleeps has use for one thread; the server for all there are.
    let runtime = match &cli.command {
        Command::Decode(args) => return decode::run(args),
        Command::Replay(args) => return replay::run(args, json),
        Command::Simulate(args) => return simulate::run(args, json),
        Command::Watch(_) | Command::Wake(_) => tokio::runtime::Builder::new_current_thread(),
        Command::Demo(_) | Command::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
    }
    .enable_all()
    .build()
    .map_err(|error| Failure::failed(format!("the async runtime cannot be started: {error}")))?;
    let done = runtime.block_on(async {
        match cli.command {
            Command::Demo(args) => demo::run(&args, json).await,
            Command::Serve(args) => serve::run(args, json).await,
            Command::Watch(args) => watch::run(args, json).await,
            Command::Wake(args) => wake::run(args, json).await,
            Command::Replay(args) => replay::run(&args, json),
            Command::Decode(args) => decode::run(&args),
            Command::Simulate(args) => simulate::run(&args, json),
        }
    });
    // Not dropped: that would wait for a name look-up in progress, and Ctrl-C should not.
    runtime.shutdown_background();
    done
}

/// Starts logging, where it is asked for. A server that nobody looks at warns by default; the others tell
/// on standard output what their logs would say.
fn start_log(cli: &Cli) -> Result<(), Failure> {
    let variable = std::env::var(LOG_VARIABLE).ok().filter(|filter| !filter.is_empty());
    let (filter, source) = match (&cli.log, variable) {
        (Some(filter), _) => (filter.clone(), "--log"),
        (None, Some(filter)) => (filter, LOG_VARIABLE),
        (None, None) if matches!(cli.command, Command::Serve(_)) => ("warn".into(), ""),
        (None, None) => return Ok(()),
    };
    let filter = EnvFilter::builder().parse(&filter).map_err(|error| {
        Failure::usage(format!("{source}: {filter:?} is no log filter: {error}")).advise(
            "write a level such as debug, or modules with levels: dormouse=debug,hyper=warn",
        )
    })?;
    let colour = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
