//! Starts `dormouse` and listens to it.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Long enough for a machine that is busy with other tests, and never slept through.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The program, without anything of the surroundings that could change what it does.
pub(crate) fn dormouse(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        if text.starts_with("DORMOUSE_") || text.ends_with("_PROXY") || text == "NO_COLOR" {
            command.env_remove(name);
        }
    }
    command
}

/// A process that is listened to. It is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    stdout: Receiver<String>,
    said: Arc<Mutex<String>>,
}

/// What a process said until it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    run_with(command, b"")
}

/// The same, with something on its standard input.
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (lines, stdout) = channel();
        listen(child.stdout.take().unwrap(), Arc::clone(&said), Some(lines));
        listen(child.stderr.take().unwrap(), Arc::clone(&said), None);
        Self { child, stdout, said }
    }

    /// The next line on standard output of which `wanted` is true. Lines before it are passed over.
    pub(crate) fn line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.stdout.recv_timeout(left) {
                Ok(line) if wanted(&line) => return line,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no {what} came; it said:\n{}", self.said())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended before {what}; it said:\n{}", self.said())
                }
            }
        }
    }

    /// The next event of this name, from a process that speaks JSON.
    pub(crate) fn event(&mut self, name: &str) -> Value {
        let marker = format!("{{\"event\":\"{name}\"");
        let line = self.line(name, |line| line.starts_with(&marker));
        serde_json::from_str(&line).unwrap()
    }

    /// All that it said so far, on both streams.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it did not end; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
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
                let mut said = said.lock().unwrap();
                said.push_str(&line);
                said.push('\n');
            }
            if let Some(lines) = &lines {
                let _ = lines.send(line);
            }
        }
    });
}

/// A directory of its own for a test, gone with it.
pub(crate) struct Room(PathBuf);

impl Room {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("room-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server with the device `laptop`, whose token is `device-token`, and the operator `operator-token`.
pub(crate) struct Served {
    pub(crate) room: Room,
    pub(crate) process: Process,
    pub(crate) url: String,
    args: Vec<String>,
}

impl Served {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_in(Room::new(), args)
    }

    /// With the shortest heartbeat interval and a file of leases.
    pub(crate) fn with_state() -> Self {
        let room = Room::new();
        let state = room.path("leases");
        Self::start_in(room, &["--heartbeat-interval", "1s", "--state-file", &state])
    }

    fn start_in(room: Room, args: &[&str]) -> Self {
        room.file("device", "device-token\n");
        room.file("operator", "operator-token\n");
        let devices = room.file("devices", "device laptop device-token\noperator operator-token\n");
        let mut all = vec!["serve", "--json", "--devices", &devices];
        all.extend(args);
        let args: Vec<String> = all.into_iter().map(str::to_owned).collect();
        let (process, url) = serve(&args, "127.0.0.1:0");
        Self { room, process, url, args }
    }

    /// Kills it as `kill -9` does, and leaves the port closed.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port.
    pub(crate) fn restart(&mut self) {
        let address = self.url.strip_prefix("http://").unwrap().to_owned();
        (self.process, self.url) = serve(&self.args, &address);
    }

    /// A device, asleep on this server.
    pub(crate) fn watch(&self, args: &[&str]) -> Process {
        let token = self.room.path("device");
        let mut all = vec!["watch", &self.url, "--json", "--token-file", &token];
        all.extend(args);
        Process::start(&mut dormouse(&all))
    }

    /// An operator's command, run to its end.
    pub(crate) fn wake(&self, args: &[&str]) -> Ended {
        let token = self.room.path("operator");
        let mut all = vec!["wake", &self.url, "laptop", "--json", "--operator-token-file", &token];
        all.extend(args);
        run(&mut dormouse(&all))
    }
}

fn serve(args: &[String], listen: &str) -> (Process, String) {
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    args.extend(["--listen", listen]);
    let mut process = Process::start(&mut dormouse(&args));
    let url = process.event("serving")["url"].as_str().unwrap().to_owned();
    (process, url)
}
