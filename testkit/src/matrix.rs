//! The matrix: every scenario with every client, each cell in a process of its own.
//!
//! A process for each cell, so that what one leaves behind is seen as its own, and what one breaks is broken for
//! nobody else.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::bench::{Bench, Ground};
use crate::client::{Client, Columns, Options, Run};
use crate::fact::Fact;
use crate::house::House;
use crate::leftovers::Held;
use crate::scenario::{self, Scenario};
use crate::{Cut, Direction, FaultServer, Flow, program};

/// How many cells at once: most of a cell's time is waiting for sockets, not computing.
pub(crate) const AT_ONCE: usize = 8;

/// For how long a cell may take before it is called hung.
const PATIENCE: Duration = Duration::from_secs(90);

/// A scenario and a client.
#[derive(Clone, Copy)]
pub struct Cell {
    /// The row.
    pub scenario: &'static Scenario,
    /// The column.
    pub client: &'static dyn Client,
}

/// What came of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client did what it must.
    Good,
    /// The client does not speak what the scenario needs, by its nature.
    NotSpoken(&'static str),
    /// It did not.
    Failed(String),
}

/// The main function of a test program without a harness: one test for each cell, and the matrix at the end. The cells
/// are processes of that very program, which is therefore [`program::main`] as well, if its first argument is
/// [`program::ROLE`].
#[must_use]
pub fn test(columns: Columns) -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == program::ROLE) {
        return program::main(columns);
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let trials = cells(columns).map(|cell| {
        let outcomes = Arc::clone(&outcomes);
        Trial::test(cell.name(), move || {
            let outcome = cell.run();
            let mut all = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            all.push((cell, outcome.clone()));
            match outcome {
                Outcome::Good | Outcome::NotSpoken(_) => Ok(()),
                Outcome::Failed(why) => Err(Failed::from(why)),
            }
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    let outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
    if !outcomes.is_empty() {
        println!("\n{}", table(columns, &outcomes));
    }
    conclusion.exit_code()
}

/// Every cell, row by row.
pub fn cells(columns: Columns) -> impl Iterator<Item = Cell> {
    scenario::all()
        .flat_map(|scenario| columns.iter().map(move |client| Cell { scenario, client: *client }))
}

impl Cell {
    /// Its name: scenario and column.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.scenario.name, self.client.name())
    }

    /// Plays it in a process of its own, which is [`program::itself`].
    #[must_use]
    pub fn run(&self) -> Outcome {
        let reason = self.scenario.needs.iter().find_map(|speech| self.client.not_spoken(*speech));
        if let Some(reason) = reason {
            return Outcome::NotSpoken(reason);
        }
        match self.run_apart() {
            Ok(()) => Outcome::Good,
            Err(why) => Outcome::Failed(why),
        }
    }

    fn run_apart(&self) -> Result<(), String> {
        let scratch = Scratch::new().map_err(|error| error.to_string())?;
        let ground = self.ground(scratch.0.clone());
        let mut command = program::itself().map_err(|error| error.to_string())?;
        command
            .args(["cell", self.scenario.name, self.client.name()])
            .arg(&scratch.0)
            .env("SSL_CERT_FILE", ground.roots())
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        for proxy in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_DIR"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        let child = command.spawn().map_err(|error| error.to_string())?;
        let hung = Watchdog::over(child.id());
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match (output.status.success(), hung.bit()) {
            (true, _) => Ok(()),
            (false, true) => Err(format!("it hung for {PATIENCE:?}\n{said}")),
            (false, false) => Err(said),
        }
    }

    fn ground(&self, scratch: PathBuf) -> Ground {
        Ground { port: 0, scratch, framed: self.client.needs_framing() }
    }

    /// Plays it in this process, and checks what is left of it.
    ///
    /// # Errors
    ///
    /// What the client did wrong.
    pub fn play(&self, scratch: PathBuf) -> Result<(), String> {
        let before = warm_up(self.client)?;
        let ground = self.ground(scratch);
        let stage = (self.scenario.stage)(&ground).map_err(|error| format!("no stage: {error}"))?;
        let bench = Bench::new(self.client, stage);
        let played = catch_unwind(AssertUnwindSafe(|| (self.scenario.play)(&bench)));
        // The panic has said what is wrong.
        played.map_err(|_| "the client did not do what it must".to_owned())?;
        // What it was told to swallow it has swallowed; what the client holds open is seen below.
        if let Some(proxy) = &bench.stage.proxy {
            for direction in [Direction::Up, Direction::Down] {
                proxy.flow(direction, Flow::Pass);
            }
            proxy.cut(Cut::Fin);
        }
        if let Some(server) = &bench.stage.server {
            server.wait_open(0);
        }
        bench.check()?;
        drop(bench);
        before.check()
    }
}

/// Lets the runtime set up what it keeps for the process, so that it is not taken for a watch's. Says what is
/// held then.
fn warm_up(client: &'static dyn Client) -> Result<Held, String> {
    House::warm_up().map_err(|error| error.to_string())?;
    let cold = Held::now();
    let nobody = FaultServer::builder().deaf().map_err(|error| error.to_string())?;
    let mut run = Run::start(client, Options::new(nobody.url()));
    run.find("an end", |fact| matches!(fact, Fact::Ended { .. }).then_some(()));
    drop(run);
    drop(nobody);
    Ok(cold.settled())
}

/// The outcomes as a table: a row for each scenario, a column for each client.
#[must_use]
pub fn table(columns: Columns, outcomes: &[(Cell, Outcome)]) -> String {
    let width = outcomes.iter().map(|(cell, _)| cell.scenario.name.len()).max().unwrap_or(0);
    let column = columns.iter().map(|client| client.name().len()).max().unwrap_or(0);
    let mut table = format!("{:width$}", "");
    for client in columns {
        let _ = write!(table, "  {:<column$}", client.name());
    }
    for scenario in scenario::all() {
        let mut row =
            outcomes.iter().filter(|(cell, _)| cell.scenario.name == scenario.name).peekable();
        if row.peek().is_none() {
            continue;
        }
        let _ = write!(table, "\n{:width$}", scenario.name);
        let row: Vec<_> = row.collect();
        for client in columns {
            let outcome = row.iter().find(|(cell, _)| cell.client.name() == client.name());
            let word = match outcome.map(|(_, outcome)| outcome) {
                Some(Outcome::Good) => "ok".to_owned(),
                Some(Outcome::NotSpoken(why)) => format!("({why})"),
                Some(Outcome::Failed(_)) => "FAILED".to_owned(),
                None => "-".to_owned(),
            };
            let _ = write!(table, "  {word:<column$}");
        }
    }
    let count = |which: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, o)| which(o)).count();
    let _ = write!(
        table,
        "\n\n{} cells: {} ok, {} not spoken by their nature, {} failed\n",
        outcomes.len(),
        count(|outcome| *outcome == Outcome::Good),
        count(|outcome| matches!(outcome, Outcome::NotSpoken(_))),
        count(|outcome| matches!(outcome, Outcome::Failed(_))),
    );
    table
}

/// A folder that goes when it is no longer needed.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("dormouse-testkit-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Kills a process that takes too long.
struct Watchdog {
    over: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<bool>,
}

impl Watchdog {
    fn over(process: u32) -> Self {
        use rustix::process::{Pid, Signal, kill_process};
        let (over, until) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let hung = until.recv_timeout(PATIENCE).is_err();
            if let (true, Some(pid)) = (hung, i32::try_from(process).ok().and_then(Pid::from_raw)) {
                let _ = kill_process(pid, Signal::KILL);
            }
            hung
        });
        Self { over, thread }
    }

    /// Calls it off. Says whether it had to do something.
    fn bit(self) -> bool {
        let _ = self.over.send(());
        self.thread.join().unwrap_or(true)
    }
}
