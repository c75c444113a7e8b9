//! Every scenario with every client that lives here, and the matrix at the end.

use std::process::ExitCode;

use dormouse_testkit::{client, matrix};

fn main() -> ExitCode {
    matrix::test(client::COLUMNS)
}
