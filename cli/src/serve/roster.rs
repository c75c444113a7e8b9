//! Who may come in, from a file of lines, a directory of tokens, or the environment.
//!
//! What is wrong is said with the file and the line, and never with a token: also where a line is not
//! understood, it is not quoted, since the token may be any of its words.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use dormouse_server::{Directory, DirectoryError};

use crate::failure::Failure;
use crate::secrets;

/// Where tokens are kept when nothing is said.
const TOKENS: &str = "dormouse-tokens";
const DEVICES_VARIABLE: &str = "DORMOUSE_DEVICES";
const OPERATOR_VARIABLE: &str = "DORMOUSE_OPERATOR_TOKEN";
/// The file of the operator's token, and so no device's name in a directory of tokens.
const OPERATOR: &str = "operator";
/// The device that is made up.
const DEVICE: &str = "laptop";
/// Some 100,000 devices.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The directory, and what can be said about where it came from.
#[derive(Debug)]
pub(super) struct Roster {
    pub(super) directory: Directory,
    /// The first device's name, for an example.
    pub(super) first: Option<String>,
    pub(super) source: String,
    /// The directory of token files, absolute, if they came from one.
    pub(super) tokens: Option<PathBuf>,
    /// Whether they were made up just now.
    pub(super) made: bool,
}

impl Roster {
    pub(super) fn read(devices: Option<&Path>, tokens: Option<&Path>) -> Result<Self, Failure> {
        let roster = match (devices, tokens) {
            (Some(file), _) => {
                let directory = parse_lines(&secrets::read_text(file, LONGEST, "file of devices")?)
                    .map_err(|(line, what)| {
                        Failure::usage(format!("{}, line {line}: {what}", file.display()))
                            .advise("a line is: device NAME TOKEN, or: operator TOKEN")
                    })?;
                Self::new(directory, file.display().to_string())
            }
            (None, Some(tokens)) => Self::of_tokens(tokens)?,
            (None, None) => match std::env::var_os(DEVICES_VARIABLE) {
                Some(_) => Self::new(of_environment()?, DEVICES_VARIABLE.into()),
                None => Self::of_tokens(Path::new(TOKENS))?,
            },
        };
        if roster.first.is_none() {
            return Err(Failure::usage(format!("{}: no device is named", roster.source)).advise(
                "name one, or leave that out and a device is made up: dormouse serve --help",
            ));
        }
        Ok(roster)
    }

    fn new(directory: Directory, source: String) -> Self {
        let first = directory.devices().next().map(ToString::to_string);
        Self { directory, first, source, tokens: None, made: false }
    }

    fn of_tokens(path: &Path) -> Result<Self, Failure> {
        let made = match fs::symlink_metadata(path) {
            Ok(_) => false,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_up(path)?;
                true
            }
            Err(error) => return Err(secrets::unreadable(path, "directory of tokens", &error)),
        };
        let directory = read_tokens(path)?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let source = path.display().to_string();
        Ok(Self { tokens: Some(absolute), made, ..Self::new(directory, source) })
    }
}

/// Lines as the help describes them; what is wrong with the number of its line.
fn parse_lines(text: &str) -> Result<Directory, (usize, String)> {
    let mut directory = Directory::new();
    for (index, line) in text.lines().enumerate() {
        let mut words = line.split_whitespace();
        let words = [words.next(), words.next(), words.next(), words.next()];
        let admitted = match words {
            [None, ..] => continue,
            [Some(comment), ..] if comment.starts_with('#') => continue,
            [Some("device"), Some(name), Some(token), None] => directory.device(name, token),
            [Some("operator"), Some(token), None, None] => directory.operator(token),
            _ => return Err((index + 1, "this is neither a device nor an operator".into())),
        };
        directory = admitted.map_err(|error| (index + 1, error.to_string()))?;
    }
    Ok(directory)
}

fn of_environment() -> Result<Directory, Failure> {
    let text = |variable: &str| match std::env::var(variable) {
        Ok(text) => Ok(Some(text)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::usage(format!("{variable} is no text")))
        }
    };
    let mut directory = Directory::new();
    let devices = text(DEVICES_VARIABLE)?.unwrap_or_default();
    for (index, entry) in devices.split(',').map(str::trim).enumerate() {
        if entry.is_empty() {
            continue;
        }
        let wrong = |what: String| {
            Failure::usage(format!("{DEVICES_VARIABLE}, entry {}: {what}", index + 1))
                .advise("write name=token,name=token")
        };
        let (name, token) =
            entry.split_once('=').ok_or_else(|| wrong("there is no = in it".into()))?;
        directory = directory.device(name, token).map_err(|error| wrong(error.to_string()))?;
    }
    if let Some(token) = text(OPERATOR_VARIABLE)? {
        directory = directory
            .operator(&token)
            .map_err(|error| Failure::usage(format!("{OPERATOR_VARIABLE}: {error}")))?;
    }
    Ok(directory)
}

/// Reads a file for each device. Names that begin with a dot are none of ours.
fn read_tokens(path: &Path) -> Result<Directory, Failure> {
    let unreadable = |error: &io::Error| secrets::unreadable(path, "directory of tokens", error);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(&error))? {
        let name = entry.map_err(|error| unreadable(&error))?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    let mut directory = Directory::new();
    for name in names {
        let file = path.join(&name);
        let token = secrets::read(&file)?;
        let admitted = match name.to_str() {
            Some(OPERATOR) => directory.operator(&token),
            Some(name) => directory.device(name, &token),
            None => {
                let shown = file.display();
                return Err(Failure::usage(format!("{shown}: its name can be no device's")));
            }
        };
        directory = admitted.map_err(|error: DirectoryError| {
            Failure::usage(format!("{}: {error}", file.display()))
        })?;
    }
    Ok(directory)
}

/// Makes the directory with one device and one operator, for its owner's eyes only.
fn make_up(path: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        let said = crate::words::innermost(&error.to_string());
        Failure::failed(format!("{}: tokens cannot be kept there: {said}", path.display()))
            .advise("name another directory with --tokens DIR")
    };
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed)?;
    // Tokens do not belong into a repository.
    write(&path.join(".gitignore"), "*").map_err(failed)?;
    for name in [DEVICE, OPERATOR] {
        write(&path.join(name), &secrets::random()?).map_err(failed)?;
    }
    Ok(())
}

fn write(path: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(format!("{line}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_devices_operators_and_comments() {
        let text = "# a fleet\n\ndevice a one\n  device a two\r\ndevice b three\noperator four\n";
        let directory = parse_lines(text).expect("a directory");
        assert_eq!(directory.devices().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(directory.operators(), 1);
    }

    #[test]
    fn a_mistake_is_said_with_its_line_and_without_a_token() {
        for (text, line) in [
            ("device a\n", 1),
            ("\n\ndevice a canary canary\n", 3),
            ("operator\n", 1),
            ("operator canary canary\n", 1),
            ("canary\n", 1),
            ("device a canary\ndevice b canary\n", 2),
            ("device a/b canary\n", 1),
            ("device a can\u{e4}ry\n", 1),
        ] {
            let (at, what) = parse_lines(text).expect_err(text);
            assert_eq!(at, line, "{text:?}");
            assert!(!what.contains("can"), "{what}");
        }
    }
}
