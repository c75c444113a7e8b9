//! `dormouse-testkit`: plays the catalogue of scenarios, against our own clients or against yours.

use std::error::Error;
use std::io::{Write as _, stdin};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::{Parser, Subcommand};
use dormouse_testkit::bench::{Ground, Stage};
use dormouse_testkit::client::{self, Limits, Options, column, columns};
use dormouse_testkit::clock::Pace;
use dormouse_testkit::explore;
use dormouse_testkit::matrix::{self, Cell, Outcome};
use dormouse_testkit::{FaultServer, Seen, scenario};

/// Servers that misbehave on purpose, and what a client must do about each.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Shows every scenario.
    List {
        /// As the table of the README.
        #[arg(long)]
        markdown: bool,
    },
    /// Runs the server of a scenario, for a client in any language.
    ///
    /// Each line on standard input opens the next gate of the script; the end of it ends the server.
    Serve {
        /// The scenario's name.
        scenario: String,
        /// The port, or 0 for a free one.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// Plays scenarios with our own clients, and prints the matrix.
    Run {
        /// The scenarios; all of them, if none is named.
        names: Vec<String>,
        /// Only this client.
        #[arg(long)]
        column: Option<String>,
        /// How many cells at once.
        #[arg(long, default_value_t = 8)]
        jobs: usize,
    },
    /// Runs a client, which prints what it sees as lines of JSON and takes commands as such.
    Client {
        /// Which.
        #[arg(long, default_value = "tokio-reqwest")]
        column: String,
        /// How many times faster than the world's its clock runs.
        #[arg(long, default_value_t = 1)]
        speed: u32,
        /// The most file descriptors it may have.
        #[arg(long)]
        descriptors: Option<u64>,
        /// The most address space it may have, in bytes.
        #[arg(long)]
        memory: Option<u64>,
        /// The device's token.
        #[arg(long, env = "DORMOUSE_TOKEN", hide_env_values = true)]
        token: String,
        /// The service.
        url: String,
    },
    /// Goes through every state that can be reached.
    Explore {
        /// The explorations; all of them, if none is named.
        names: Vec<String>,
        /// So many moves deeper, where an exploration does not go to its end.
        #[arg(long, default_value_t = 0)]
        deeper: u32,
    },
    /// Plays one cell, in this process.
    #[command(hide = true)]
    Cell {
        /// The row.
        scenario: String,
        /// The column.
        column: String,
        /// A folder to write in.
        scratch: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode, Box<dyn Error>> {
    match task {
        Task::List { markdown: true } => print!("{}", scenario::markdown()),
        Task::List { markdown: false } => {
            for scenario in scenario::all() {
                println!("{:32} {}", scenario.name, scenario.story);
            }
        }
        Task::Serve { scenario, port } => serve(&scenario, port)?,
        Task::Run { names, column, jobs } => return play(&names, column.as_deref(), jobs),
        Task::Explore { names, deeper } => explore(&names, deeper)?,
        Task::Client { column, speed, descriptors, memory, token, url } => {
            let options = Options { token, pace: Pace::Times(speed), ..Options::new(url) };
            client::serve(&column, &options, &Limits { descriptors, memory, hosts: None })?;
        }
        Task::Cell { scenario, column: name, scratch } => {
            let scenario = scenario::named(&scenario).ok_or("there is no such scenario")?;
            let client = column(&name).ok_or("there is no such column")?;
            Cell { scenario, client }.play(scratch)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn play(names: &[String], only: Option<&str>, jobs: usize) -> Result<ExitCode, Box<dyn Error>> {
    for name in names {
        scenario::named(name).ok_or_else(|| format!("there is no scenario {name}"))?;
    }
    if let Some(name) = only {
        let known: Vec<_> = columns().iter().map(|client| client.name()).collect();
        column(name).ok_or_else(|| format!("there is no column {name}, only {known:?}"))?;
    }
    let cells: Vec<_> = matrix::cells()
        .filter(|cell| names.is_empty() || names.iter().any(|name| name == cell.scenario.name))
        .filter(|cell| only.is_none_or(|only| only == cell.client.name()))
        .collect();
    let program = std::env::current_exe()?;
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = cell.run(&program);
                    if let Outcome::Failed(why) = &outcome {
                        eprintln!("{}: {why}\n", cell.name());
                    }
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push((*cell, outcome));
                    }
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().map_err(|_| "a thread panicked")?;
    print!("{}", matrix::table(&outcomes));
    let failed = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn explore(names: &[String], deeper: u32) -> Result<(), Box<dyn Error>> {
    let all = explore::all();
    for name in names {
        let mut known = all.iter().map(|exploration| exploration.name);
        if !known.any(|known| known == name) {
            return Err(format!("there is no exploration {name}").into());
        }
    }
    for exploration in all {
        if names.is_empty() || names.iter().any(|name| name == exploration.name) {
            println!("{}: {}", exploration.name, exploration.covers);
            println!("  {}", exploration.deeper(deeper).run()?);
        }
    }
    Ok(())
}

/// Runs a scenario's servers until standard input ends, telling what they are asked.
fn serve(name: &str, port: u16) -> Result<(), Box<dyn Error>> {
    let scenario = scenario::named(name).ok_or("there is no such scenario; see `list`")?;
    let scratch = std::env::temp_dir().join(format!("dormouse-testkit-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let ground = Ground { port, scratch: scratch.clone() };
    let stage = (scenario.stage)(&ground)?;
    println!("{}", stage.url);
    eprintln!("{}\nThe client must: {}", scenario.story, scenario.must);
    if ground.roots().exists() {
        eprintln!("Trusted roots: {}", ground.roots().display());
    }
    if !stage.gates.is_empty() {
        eprintln!("{} gates; each line here opens the next.", stage.gates.len());
    }
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| tell(&stage, &over));
        let mut gates = stage.gates.iter();
        for _ in stdin().lines().map_while(Result::ok) {
            if let Some(gate) = gates.next() {
                gate.open();
            }
        }
        over.store(true, Ordering::SeqCst);
    });
    std::fs::remove_dir_all(scratch)?;
    Ok(())
}

/// Prints each request as it comes.
fn tell(stage: &Stage, over: &std::sync::atomic::AtomicBool) {
    let servers: Vec<(&str, &FaultServer)> =
        [("", &stage.server), ("elsewhere: ", &stage.elsewhere), ("formerly: ", &stage.former)]
            .into_iter()
            .filter_map(|(name, server)| Some((name, server.as_ref()?)))
            .collect();
    let mut told = vec![0; servers.len()];
    loop {
        let last = over.load(Ordering::SeqCst);
        for ((name, server), told) in servers.iter().zip(&mut told) {
            let seen = server.seen();
            for Seen { at, line, body, .. } in &seen[*told..] {
                println!("{name}{at:.3?} {line} {body}");
            }
            *told = seen.len();
        }
        let _ = std::io::stdout().flush();
        if last {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
