//! A watch in a process of its own, which can be stopped, starved of descriptors and memory, or sent to another
//! address by a hosts file of its own. Facts come out of it line by line, and commands go in.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _, stdin, stdout};
use std::path::PathBuf;
use std::process::{ChildStdin, Command as Program, Stdio, exit};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};

use super::{Client, Line, Options};
use crate::clock::{Clock, Pace};
use crate::fact::{Command, Told};
use crate::program;

/// What the process may not have.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// The most file descriptors.
    pub descriptors: Option<u64>,
    /// The most address space, in bytes.
    pub memory: Option<u64>,
    /// A file to see where `/etc/hosts` is, in a mount namespace of its own.
    pub hosts: Option<PathBuf>,
}

/// The process. Dropping it kills it.
pub struct Child {
    process: std::process::Child,
    commands: ChildStdin,
}

impl Child {
    pub(super) fn start(
        column: &str,
        options: &Options,
        limits: &Limits,
        facts: Sender<Told>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut program = program::itself()?;
        if let Some(hosts) = &limits.hosts {
            // A namespace of one's own needs no privilege where users may have one.
            let mut unshare = Program::new("unshare");
            let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
            unshare.args(["--map-root-user", "--mount", "sh", "-c", script]);
            unshare.arg(hosts).arg(program.get_program()).args(program.get_args());
            program = unshare;
        }
        program.args(["client", "--column", column]).env("DORMOUSE_TOKEN", &options.token);
        if let Pace::Times(times) = options.pace {
            program.arg("--speed").arg(times.to_string());
        }
        for (name, limit) in [("--descriptors", limits.descriptors), ("--memory", limits.memory)] {
            if let Some(limit) = limit {
                program.arg(name).arg(limit.to_string());
            }
        }
        program.arg(&options.url).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = program.spawn()?;
        let commands = process.stdin.take().ok_or("no way in")?;
        let told = BufReader::new(process.stdout.take().ok_or("no way out")?);
        thread::spawn(move || {
            for line in told.lines().map_while(Result::ok) {
                // What is no fact is for people.
                if let Ok(told) = serde_json::from_str(&line) {
                    let _ = facts.send(told);
                }
            }
        });
        Ok(Self { process, commands })
    }

    pub(super) fn tell(&mut self, command: &Command) {
        let line = serde_json::to_string(command).unwrap_or_default();
        // It may have ended, which its facts say.
        let _ = writeln!(self.commands, "{line}");
    }

    /// Stops the process, so that it gets no time.
    ///
    /// # Panics
    ///
    /// If the system does not do that.
    pub fn stop(&self) {
        kill_process(Pid::from_child(&self.process), Signal::STOP).expect("a process to stop");
    }

    /// Lets it run again.
    ///
    /// # Panics
    ///
    /// If the system does not do that.
    pub fn go_on(&self) {
        kill_process(Pid::from_child(&self.process), Signal::CONT).expect("a process to go on");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The other end: runs a watch in this process, tells its facts and hears commands, until it is over.
///
/// # Errors
///
/// If the watch cannot be set up, or the limits are refused.
pub fn serve(
    client: &dyn Client,
    options: &Options,
    limits: &Limits,
) -> Result<(), Box<dyn Error>> {
    for (resource, limit) in [(Resource::Nofile, limits.descriptors), (Resource::As, limits.memory)]
    {
        if limit.is_some() {
            setrlimit(resource, Rlimit { current: limit, maximum: limit })?;
        }
    }
    let (told, facts) = channel::<Told>();
    let line = Arc::new(Line::new(Clock::new(options.pace), told));
    let heard = Arc::clone(&line);
    thread::spawn(move || {
        for line in stdin().lines().map_while(Result::ok) {
            if let Ok(command) = serde_json::from_str(&line) {
                heard.give(command);
            }
        }
        heard.give(Command::Drop);
    });
    let printer = thread::spawn(move || {
        for told in facts {
            let Ok(line) = serde_json::to_string(&told) else { continue };
            let mut out = stdout().lock();
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    });
    let done = client.run(options, &line);
    line.over();
    let _ = printer.join();
    done?;
    // The thread that hears commands may hear nothing for ever.
    exit(0);
}
