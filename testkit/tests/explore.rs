//! Every exploration, one test each, with how far it went: `cargo test -p dormouse-testkit --test explore`.

use std::process::ExitCode;

use dormouse_testkit::explore;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    // What is wrong is told with the run that shows it, and need not be told twice.
    std::panic::set_hook(Box::new(|_| {}));
    let trials = explore::all().into_iter().map(|exploration| {
        Trial::test(exploration.name, move || {
            let extent = exploration.run().map_err(|broken| Failed::from(broken.to_string()))?;
            println!("{}: {extent}", exploration.name);
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}
