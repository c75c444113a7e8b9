//! The file that `--journal` names: it is ours, it is new, and it never stops the watch.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::failure::{self, Failure};
use crate::words;

/// A journal being written. Each line is with the system when it is there, so that a process that is killed
/// leaves all of them.
pub(super) struct Journal {
    /// None, once it could not be written.
    file: Option<File>,
    name: String,
}

impl Journal {
    /// A new file, for its owner only. One that is there already may be the only trace of another night.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let name = path.display().to_string();
        match options.open(path) {
            Ok(file) => Ok(Self { file: Some(file), name }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Failure::usage(format!("{name}: there is such a file already"))
                    .advise("a journal is never overwritten: name another file, or move this one"))
            }
            Err(error) => Err(Failure::usage(format!(
                "{name}: the journal cannot be written: {}",
                words::innermost(&error.to_string())
            ))),
        }
    }

    /// Writes a line. What cannot be written is said once, and stops nothing but the journal.
    pub(super) fn write(&mut self, line: &str) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.write_all(line.as_bytes()) {
            let error = words::innermost(&error.to_string());
            failure::warn(&format!("{}: the journal ends here: {error}", self.name));
            self.file = None;
        }
    }
}
