//! A program that runs, and is listened to.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Long enough for a machine that is busy with other tests, and never slept through.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// It is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    said: Arc<Mutex<String>>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = Arc::<Mutex<String>>::default();
        let (sender, lines) = channel();
        listen(child.stdout.take().expect("a pipe"), Arc::clone(&said), Some(sender));
        listen(child.stderr.take().expect("a pipe"), Arc::clone(&said), None);
        Self { child, lines, said }
    }

    /// The next line on standard output that has this in it. Lines before it are passed over.
    pub(crate) fn line(&self, wanted: &str) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(wanted) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => panic!("no {wanted:?} came:\n{}", self.said()),
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended before {wanted:?}:\n{}", self.said())
                }
            }
        }
    }

    /// All that it said so far, on both streams.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("nobody panics here").clone()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("to kill it");
        self.child.wait().expect("its end");
    }

    /// Asks it to end, as a system does that shuts down.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().expect("kill").success());
    }

    /// Waits for its end, and for the last line.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + SOON;
        // Its lines end when it does.
        while let Ok(_line) =
            self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {}
        assert!(Instant::now() < deadline, "it did not end:\n{}", self.said());
        self.child.wait().expect("its end")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(
    stream: impl Read + Send + 'static,
    said: Arc<Mutex<String>>,
    lines: Option<Sender<String>>,
) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            {
                let mut said = said.lock().expect("nobody panics here");
                said.push_str(&line);
                said.push('\n');
            }
            if let Some(lines) = &lines {
                let _ = lines.send(line);
            }
        }
    });
}
