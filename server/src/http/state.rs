//! The state file: which leases lived when the process died.
//!
//! It is a log. Each grant and each end of a lease appends one line before the client hears of it,
//! so that what a `kill -9` leaves behind is right at any instant; heartbeats write nothing. At
//! start, and when most of its lines are history, the log is written anew beside the old one and
//! renamed over it. A last line that was cut short is a change that no client has heard of, and is
//! dropped.
//!
//! Nothing here waits for the disk, save for the renewal: a crash of the process loses nothing, a
//! power failure may lose the last seconds. Where the disk refuses, devices are served all the
//! same, the fault is logged, and the log is written anew as soon as it can be.

use core::fmt;
use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::lease::{Held, LeaseId};

/// The first line, so that no other file is ever taken for a state file and overwritten.
const HEAD: &str = "{\"format\":\"dormouse-leases\",\"version\":1}";

/// How many lines of history are kept at least before the log is written anew.
const SLACK: usize = 1024;

/// How long a refusing disk is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// An open log.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
    file: File,
    lines: usize,
    /// Set when a write failed: the end of the file is in doubt until it is written anew, not
    /// before this time.
    broken: Option<Duration>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    device: Arc<str>,
    /// Absent: the device has no holder any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<LeaseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<LeaseId>,
}

impl StateFile {
    /// Reads the file, where there is one, and writes it anew. The leases are those that lived at
    /// its end.
    pub(crate) fn open(path: &Path) -> Result<(StateFile, Vec<Held>), StateError> {
        let wrong = |what| StateError { path: path.into(), what };
        let held = match std::fs::read(path) {
            Ok(bytes) => read(&bytes).map_err(|line| wrong(What::Line(line)))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(wrong(What::Io(error))),
        };
        let file = write_anew(path, &held).map_err(|error| wrong(What::Io(error)))?;
        let lines = held.len();
        Ok((StateFile { path: path.into(), file, lines, broken: None }, held))
    }

    pub(crate) fn granted(
        &mut self,
        now: Duration,
        device: &Arc<str>,
        lease: &LeaseId,
        before: Option<LeaseId>,
    ) {
        self.append(now, &Line { device: Arc::clone(device), lease: Some(lease.clone()), before });
    }

    pub(crate) fn freed(&mut self, now: Duration, device: &Arc<str>) {
        self.append(now, &Line { device: Arc::clone(device), lease: None, before: None });
    }

    /// Whether it is time to [write the log anew](StateFile::renew), given how many leases live.
    pub(crate) fn is_due(&self, now: Duration, held: usize) -> bool {
        match self.broken {
            Some(not_before) => not_before <= now,
            None => self.lines > SLACK + 4 * held,
        }
    }

    pub(crate) fn renew(&mut self, now: Duration, held: &[Held]) {
        match write_anew(&self.path, held) {
            Ok(file) => {
                if self.broken.take().is_some() {
                    tracing::info!(path = %self.path.display(), "the state file is whole again");
                }
                self.file = file;
                self.lines = held.len();
            }
            Err(error) => self.fail(now, &error),
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    fn append(&mut self, now: Duration, line: &Line) {
        if self.is_broken() {
            return;
        }
        let written = encode(line).and_then(|line| self.file.write_all(line.as_bytes()));
        match written {
            Ok(()) => self.lines += 1,
            Err(error) => self.fail(now, &error),
        }
    }

    fn fail(&mut self, now: Duration, error: &io::Error) {
        if self.broken.is_none() {
            tracing::error!(
                path = %self.path.display(), %error,
                "the state file cannot be written: after a restart now, anybody may be let in"
            );
        }
        self.broken = Some(now + PAUSE);
    }
}

fn encode(line: &Line) -> io::Result<String> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    Ok(text)
}

/// The leases that live at the end of the log, or the number of the line that is wrong.
fn read(bytes: &[u8]) -> Result<Vec<Held>, usize> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    // What follows the last line break is nothing, or a line that was cut short.
    lines.next_back();
    let mut lines = (1_usize..).zip(lines);
    match lines.next() {
        None => return if HEAD.as_bytes().starts_with(bytes) { Ok(Vec::new()) } else { Err(1) },
        Some((_, head)) if head == HEAD.as_bytes() => {}
        Some(_) => return Err(1),
    }
    let mut living = std::collections::BTreeMap::new();
    for (number, line) in lines {
        let Line { device, lease, before } = serde_json::from_slice(line).map_err(|_| number)?;
        match lease {
            Some(lease) => living.insert(Arc::clone(&device), Held { device, lease, before }),
            None => living.remove(&device),
        };
    }
    Ok(living.into_values().collect())
}

fn write_anew(path: &Path, held: &[Held]) -> io::Result<File> {
    let mut text = format!("{HEAD}\n");
    for Held { device, lease, before } in held {
        let line =
            Line { device: Arc::clone(device), lease: Some(lease.clone()), before: before.clone() };
        text.push_str(&encode(&line)?);
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    // A rename may reach the disk before the bytes do.
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    Ok(file)
}

/// The state file cannot be used.
#[derive(Debug)]
pub struct StateError {
    path: PathBuf,
    what: What,
}

#[derive(Debug)]
enum What {
    Io(io::Error),
    Line(usize),
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "state file {}: ", self.path.display())?;
        match &self.what {
            What::Io(error) => write!(f, "{error}"),
            What::Line(line) => write!(
                f,
                "line {line} is not what this server writes; name another file, or move this one \
                 away to start without leases"
            ),
        }
    }
}

impl core::error::Error for StateError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.what {
            What::Io(error) => Some(error),
            What::Line(_) => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]
mod tests {
    use super::*;

    fn id(text: &str) -> LeaseId {
        LeaseId::new(text).unwrap()
    }

    fn lease_of(held: &[Held], device: &str) -> Option<LeaseId> {
        held.iter().find(|held| &*held.device == device).map(|held| held.lease.clone())
    }

    fn path(name: &str) -> PathBuf {
        let path =
            std::env::temp_dir().join(format!("dormouse-state-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        path
    }

    #[test]
    fn what_lived_last_is_read_back_however_the_end_was_cut() {
        let path = path("cut");
        let (mut state, held) = StateFile::open(&path).unwrap();
        assert_eq!(held, []);
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        state.granted(Duration::ZERO, &a, &id("a1"), None);
        state.granted(Duration::ZERO, &b, &id("b1"), None);
        state.freed(Duration::ZERO, &b);
        let before = std::fs::read(&path).unwrap().len();
        state.granted(Duration::ZERO, &a, &id("a2"), Some(id("a1")));
        drop(state);

        let whole = std::fs::read(&path).unwrap();
        for end in 0..=whole.len() {
            let held = read(&whole[..end]).unwrap();
            if end >= before {
                assert_eq!(lease_of(&held, "b"), None);
                assert_eq!(
                    lease_of(&held, "a"),
                    Some(id(if end == whole.len() { "a2" } else { "a1" }))
                );
            }
        }
        let (_, held) = StateFile::open(&path).unwrap();
        assert_eq!(held, [Held { device: a, lease: id("a2"), before: Some(id("a1")) }]);
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap()) & 0o777,
            0o600
        );
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn another_file_is_left_alone_and_a_bad_line_is_named() {
        let path = path("other");
        for (text, line) in [
            ("precious\n".to_owned(), "line 1 "),
            ("precious".to_owned(), "line 1 "),
            (format!("{HEAD}\n{{\"device\":\"a\"}}\n{{}}\n"), "line 3 "),
            (format!("{HEAD}\n{{\"device\":\"a\",\"lease\":\"\"}}\n"), "line 2 "),
        ] {
            std::fs::write(&path, &text).unwrap();
            assert!(StateFile::open(&path).unwrap_err().to_string().contains(line));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_disk_that_refuses_is_left_alone_and_then_made_good() {
        let path = path("refused");
        let (mut state, _) = StateFile::open(&path).unwrap();
        let device: Arc<str> = "a".into();
        // Opened for reading: every write fails.
        let writable = core::mem::replace(&mut state.file, File::open(&path).unwrap());
        state.granted(Duration::ZERO, &device, &id("a1"), None);
        assert!(state.is_broken() && !state.is_due(PAUSE / 2, 1) && state.is_due(PAUSE, 1));
        // Half a line may stand at its end: nothing is appended to that, nor is the wait prolonged.
        state.file = writable;
        state.granted(PAUSE / 2, &device, &id("a2"), None);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{HEAD}\n"));
        state.renew(PAUSE, &[Held { device, lease: id("a2"), before: None }]);
        assert!(!state.is_broken());
        let held = read(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(lease_of(&held, "a"), Some(id("a2")));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn history_is_dropped_in_time() {
        let path = path("history");
        let (mut state, _) = StateFile::open(&path).unwrap();
        let device: Arc<str> = "a".into();
        for _ in 0..SLACK {
            assert!(!state.is_due(Duration::ZERO, 0));
            state.granted(Duration::ZERO, &device, &id("x"), None);
        }
        state.freed(Duration::ZERO, &device);
        assert!(state.is_due(Duration::ZERO, 0));
        state.renew(Duration::ZERO, &[]);
        assert!(!state.is_due(Duration::ZERO, 0));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{HEAD}\n"));
        // What comes after goes into the new file.
        state.granted(Duration::ZERO, &device, &id("y"), None);
        assert_eq!(lease_of(&read(&std::fs::read(&path).unwrap()).unwrap(), "a"), Some(id("y")));
        std::fs::remove_file(path).unwrap();
    }
}
