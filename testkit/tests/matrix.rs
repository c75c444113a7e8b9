//! Every scenario with every client, one test for each cell, and the matrix at the end.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use dormouse_testkit::matrix::{self, Outcome};
use libtest_mimic::{Arguments, Failed, Trial};

/// Most of a cell's time is waiting for sockets, not computing.
const AT_ONCE: usize = 8;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let trials = matrix::cells().map(|cell| {
        let outcomes = Arc::clone(&outcomes);
        Trial::test(cell.name(), move || {
            let outcome = cell.run(env!("CARGO_BIN_EXE_dormouse-testkit").as_ref());
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
        println!("\n{}", matrix::table(&outcomes));
    }
    conclusion.exit_code()
}
