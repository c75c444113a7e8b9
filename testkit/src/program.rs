//! The program `dormouse-testkit`: plays the catalogue of scenarios, against our own clients or against yours.
//!
//! It is a function of the columns that there are, so that a package with a transport of its own is such a program
//! as well, and its test program at the same time: see [`matrix::test`].

use std::env;
use std::error::Error;
use std::io::{self, BufRead as _, BufReader, Write as _, stdin};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::bench::{Ground, Stage};
use crate::client::{self, Client, Columns, Limits, Options, column};
use crate::clock::Pace;
use crate::explore;
use crate::matrix::{self, AT_ONCE, Cell, Outcome};
use crate::{FaultServer, Seen, scenario};

/// The first argument that makes a test program this program. To this program itself it says nothing.
pub const ROLE: &str = "testkit";

/// A scenario whose watches lie idle: they are granted, and nothing more is said; heartbeats are accepted.
const IDLE: &str = "stream-dead";

/// Servers that misbehave on purpose, and what a client must do about each.
#[derive(Parser)]
#[command(name = "dormouse-testkit", version)]
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
        /// Send a body in chunks that would last until its connection is closed, for clients that cannot read such a
        /// body.
        #[arg(long)]
        framed: bool,
    },
    /// Plays scenarios with our own clients, and prints the matrix.
    Run {
        /// The scenarios; all of them, if none is named.
        names: Vec<String>,
        /// Only this client.
        #[arg(long)]
        column: Option<String>,
        /// How many cells at once.
        #[arg(long, default_value_t = AT_ONCE)]
        jobs: usize,
    },
    /// Runs a client, which prints what it sees as lines of JSON and takes commands as such.
    Client {
        /// Which.
        #[arg(long, default_value = "tokio")]
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
    /// Holds many idle watches in one process, and says what memory each of them takes.
    Idle {
        /// Only this client.
        #[arg(long)]
        column: Option<String>,
        /// How many watches.
        #[arg(long, default_value_t = 2000)]
        watches: usize,
    },
    /// The same with one client, in this process.
    #[command(hide = true)]
    Crowd {
        /// Which.
        column: String,
        /// How many watches.
        watches: usize,
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

/// The program, over these columns.
#[must_use]
pub fn main(columns: Columns) -> ExitCode {
    let arguments = env::args_os().enumerate();
    let arguments = arguments.filter(|(n, word)| *n != 1 || word != ROLE).map(|(_, word)| word);
    match run(columns, Arguments::parse_from(arguments).command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// This very program once more, in another process.
///
/// # Errors
///
/// If the operating system does not say where it is.
pub fn itself() -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(ROLE);
    Ok(command)
}

fn run(columns: Columns, task: Task) -> Result<ExitCode, Box<dyn Error>> {
    match task {
        Task::List { markdown: true } => print!("{}", scenario::markdown()),
        Task::List { markdown: false } => {
            for scenario in scenario::all() {
                println!("{:32} {}", scenario.name, scenario.story);
            }
        }
        Task::Serve { scenario, port, framed } => serve(&scenario, port, framed)?,
        Task::Run { names, column: only, jobs } => {
            return play(columns, &names, only.as_deref(), jobs);
        }
        Task::Explore { names, deeper } => explore(&names, deeper)?,
        Task::Client { column: name, speed, descriptors, memory, token, url } => {
            let options = Options { token, pace: Pace::Times(speed), ..Options::new(url) };
            let limits = Limits { descriptors, memory, hosts: None };
            client::serve(column(columns, &name)?, &options, &limits)?;
        }
        Task::Idle { column: only, watches } => {
            for client in chosen(columns, only.as_deref())? {
                idle(client, watches)?;
            }
        }
        Task::Crowd { column: name, watches, url } => {
            match column(columns, &name)?.crowd(&url, watches)? {
                Some(footprint) => println!("{name}: {footprint}"),
                None => println!("{name}: not measured, it has a thread for each watch"),
            }
        }
        Task::Cell { scenario, column: name, scratch } => {
            let scenario = scenario::named(&scenario).ok_or("there is no such scenario")?;
            Cell { scenario, client: column(columns, &name)? }.play(scratch)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The column of that name alone, or all of them.
fn chosen(columns: Columns, only: Option<&str>) -> Result<Vec<&'static dyn Client>, String> {
    match only {
        Some(name) => Ok(vec![column(columns, name)?]),
        None => Ok(columns.to_vec()),
    }
}

fn play(
    columns: Columns,
    names: &[String],
    only: Option<&str>,
    jobs: usize,
) -> Result<ExitCode, Box<dyn Error>> {
    for name in names {
        scenario::named(name).ok_or_else(|| format!("there is no scenario {name}"))?;
    }
    let clients = chosen(columns, only)?;
    let cells: Vec<_> = matrix::cells(columns)
        .filter(|cell| names.is_empty() || names.iter().any(|name| name == cell.scenario.name))
        .filter(|cell| clients.iter().any(|client| client.name() == cell.client.name()))
        .collect();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = cell.run();
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
    print!("{}", matrix::table(columns, &outcomes));
    let failed = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Has one process hold the watches and another serve them.
fn idle(client: &dyn Client, watches: usize) -> Result<(), Box<dyn Error>> {
    // A stream and a heartbeat's connection for each, which is more than most shells allow.
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?;
    let mut server = itself()?;
    server.args(["serve", IDLE]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    if client.needs_framing() {
        server.arg("--framed");
    }
    let mut server = server.spawn()?;
    let mut url = String::new();
    let mut told = BufReader::new(server.stdout.take().ok_or("no way out")?);
    told.read_line(&mut url)?;
    // Until the server ends it tells what it is asked, and somebody has to read that.
    let reader = std::thread::spawn(move || io::copy(&mut told, &mut io::sink()));
    let watches = watches.to_string();
    let crowd = itself()?.args(["crowd", client.name(), &watches, url.trim_end()]).status();
    drop(server.stdin.take());
    server.wait()?;
    let _ = reader.join();
    if crowd?.success() { Ok(()) } else { Err("the watches did not come that far".into()) }
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
fn serve(name: &str, port: u16, framed: bool) -> Result<(), Box<dyn Error>> {
    let scenario = scenario::named(name).ok_or("there is no such scenario; see `list`")?;
    let scratch = std::env::temp_dir().join(format!("dormouse-testkit-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    let ground = Ground { port, scratch: scratch.clone(), framed };
    let stage = (scenario.stage)(&ground)?;
    println!("{}", stage.url);
    eprintln!("{}\nThe client must: {}", scenario.story, scenario.must);
    if ground.roots().exists() {
        eprintln!("Trusted roots: {}", ground.roots().display());
    }
    if !stage.gates.is_empty() {
        eprintln!("{} gates; each line here opens the next.", stage.gates.len());
    }
    let over = AtomicBool::new(false);
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
fn tell(stage: &Stage, over: &AtomicBool) {
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
