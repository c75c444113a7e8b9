//! `dormouse-testkit`: plays the catalogue of scenarios, against our own clients or against yours.

use std::process::ExitCode;

use dormouse_testkit::{client, program};

fn main() -> ExitCode {
    program::main(client::COLUMNS)
}
