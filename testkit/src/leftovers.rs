//! What a process holds, so that what a watch leaves behind can be counted.
//!
//! Linux tells it in `/proc`; elsewhere nothing is seen and nothing is found.

use std::fs;
use std::time::{Duration, Instant};

/// For how long a thread or a socket may take to go.
const PATIENCE: Duration = Duration::from_secs(10);
/// The threads that drive smol's sockets and look up its names belong to the process, not to a watch: there
/// are no more of them for two watches than for one.
const OF_THE_PROCESS: [&str; 2] = ["async-io", "blocking-"];

/// Threads and file descriptors, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    threads: Vec<String>,
    descriptors: Vec<String>,
}

impl Held {
    pub(crate) fn now() -> Self {
        let mut threads: Vec<_> = entries("/proc/self/task")
            .filter_map(|path| fs::read_to_string(path.join("comm")).ok())
            .map(|name| name.trim_end().to_owned())
            .filter(|name| !OF_THE_PROCESS.iter().any(|own| name.starts_with(own)))
            .collect();
        // Without the descriptor that reads this very list.
        let mut descriptors: Vec<_> = entries("/proc/self/fd")
            .filter_map(|path| fs::read_link(path).ok())
            .map(|target| target.to_string_lossy().into_owned())
            .filter(|target| !target.contains("/proc/"))
            .collect();
        threads.sort();
        descriptors.sort();
        Self { threads, descriptors }
    }

    /// Waits until no more threads are there than before, and then says what is held.
    pub(crate) fn settled(&self) -> Self {
        self.wait(|now| now.threads.len() <= self.threads.len())
    }

    /// Checks that no more is held than before.
    pub(crate) fn check(&self) -> Result<(), String> {
        let fits = |now: &Self| {
            now.threads.len() <= self.threads.len()
                && now.descriptors.len() <= self.descriptors.len()
        };
        let now = self.wait(fits);
        if fits(&now) { Ok(()) } else { Err(format!("left behind: {now:#?}, before: {self:#?}")) }
    }

    fn wait(&self, enough: impl Fn(&Self) -> bool) -> Self {
        let until = Instant::now() + PATIENCE;
        loop {
            let now = Self::now();
            if enough(&now) || Instant::now() > until {
                return now;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn entries(path: &str) -> impl Iterator<Item = std::path::PathBuf> {
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path())
}
