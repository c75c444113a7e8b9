//! How a command fails: what happened and where, what to do about it, and the exit code.
//!
//! The codes are part of what scripts rely on: 0 it went well, 1 it failed, 2 the arguments, the
//! configuration or a token cannot be used, 3 the server refuses the token, 4 a
//! journal does not replay. A message never holds a token.

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

/// A command's failure.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    what: String,
    advice: Option<String>,
}

impl Failure {
    /// It was begun, and did not work out.
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self { code: 1, what: what.into(), advice: None }
    }

    /// It could not be begun like this.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { code: 2, what: what.into(), advice: None }
    }

    /// The server refuses the token.
    pub(crate) fn unauthorized(what: impl Into<String>) -> Self {
        Self { code: 3, what: what.into(), advice: None }
    }

    /// A journal is damaged, or replays otherwise.
    pub(crate) fn replay(what: impl Into<String>) -> Self {
        Self { code: 4, what: what.into(), advice: None }
    }

    /// What to do about it.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Says it on standard error. Where nobody listens there either, the code has to do.
    pub(crate) fn show(&self) -> ExitCode {
        const ERROR: Style = AnsiColor::Red.on_default().bold();
        let mut stderr = anstream::stderr().lock();
        let _ = writeln!(stderr, "{ERROR}error:{ERROR:#} {}", self.what);
        if let Some(advice) = &self.advice {
            let _ = writeln!(stderr, "  {advice}");
        }
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

/// Says something on standard error that is worth knowing and stops nothing.
pub(crate) fn warn(what: &str) {
    const WARNING: Style = AnsiColor::Yellow.on_default().bold();
    let _ = writeln!(anstream::stderr().lock(), "{WARNING}warning:{WARNING:#} {what}");
}
