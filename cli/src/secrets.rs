//! The one way in for tokens: a file or the environment, never an argument, which every user of the
//! machine could read. What is wrong is said with its place and without a byte of the token.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use dormouse_core::{Secret, Token};

use crate::failure::Failure;

/// More than any token may have, so that a wrong file, however large, is not read whole.
const MOST: u64 = 128 * 1024;

/// A token, and where it came from, for messages.
pub(crate) struct Found {
    pub(crate) text: Secret,
    pub(crate) source: String,
}

/// Reads a token from `file` if one is named, else from the environment.
pub(crate) fn find(
    file: Option<&Path>,
    variable: &str,
    flag: &str,
    whose: &str,
) -> Result<Found, Failure> {
    let advice = || format!("put it into a file and name that with {flag}, or set {variable}");
    let (text, source) = match file {
        Some(path) => (read(path)?, path.display().to_string()),
        None => match std::env::var(variable) {
            Ok(text) => (text, variable.to_owned()),
            Err(std::env::VarError::NotPresent) => {
                return Err(Failure::usage(format!("no {whose} token was given")).advise(advice()));
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(Failure::usage(format!("{variable}: the token is no text")));
            }
        },
    };
    if text.is_empty() {
        return Err(
            Failure::usage(format!("{source}: the {whose} token is empty")).advise(advice())
        );
    }
    Ok(Found { text: Secret::new(text), source })
}

/// The same for a token that goes into a header.
pub(crate) fn find_token(
    file: Option<&Path>,
    variable: &str,
    flag: &str,
    whose: &str,
) -> Result<Token, Failure> {
    let found = find(file, variable, flag, whose)?;
    Token::new(found.text.expose()).map_err(|error| {
        Failure::usage(format!("{}: {error}", found.source)).advise(
            "a token is one line of visible ASCII; one line break at a file's end is no part of it",
        )
    })
}

/// The text of a token file, without the one line break that editors and `echo` leave at its end.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let mut text = read_text(path, MOST, "token file")?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// A file of text of at most `most` bytes.
pub(crate) fn read_text(path: &Path, most: u64, what: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    let shown = path.display();
    if let Err(error) = read {
        return Err(unreadable(path, what, &error));
    }
    if bytes.len() as u64 > most {
        let kib = most / 1024;
        return Err(Failure::usage(format!("{shown}: a {what} has at most {kib} KiB")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("{shown}: the {what} is no text at byte {at}"))
    })
}

/// A file or directory that cannot be read.
pub(crate) fn unreadable(path: &Path, what: &str, error: &io::Error) -> Failure {
    let said = crate::words::innermost(&error.to_string());
    Failure::usage(format!("{}: the {what} cannot be read: {said}", path.display()))
}

/// A token that nobody can guess: 128 bits, in hexadecimal.
pub(crate) fn random() -> Result<String, Failure> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| {
        Failure::failed(format!("the operating system gives no random numbers: {error}"))
    })?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bits)))
}
