//! What a process has used, as Linux tells it.

use std::fs;
use std::io;

use dormouse_peers::client::Failure;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// The processor time that this thread has had, in nanoseconds.
pub(crate) fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// What is resident of that process, in bytes.
pub(crate) fn resident(process: u32) -> Result<u64, Failure> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    Ok(kib.ok_or("the system does not tell what is resident")? * 1024)
}

/// The processor time that the living threads of that process have had, in nanoseconds.
pub(crate) fn processor_time(process: u32) -> Result<u64, Failure> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        match fs::read_to_string(thread?.path().join("schedstat")) {
            Ok(told) => {
                let time = told.split_whitespace().next().and_then(|time| time.parse::<u64>().ok());
                sum += time.ok_or("the system does not tell processor time")?;
            }
            // It has ended meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sum)
}

/// Asks for as many file descriptors as there may be, and says whether `needed` are.
pub(crate) fn raise_descriptors(needed: usize) -> Result<(), Failure> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    match maximum {
        Some(most) if most < needed as u64 => Err(format!(
            "{needed} file descriptors are needed and {most} may be had: raise the hard limit (ulimit -Hn)"
        )
        .into()),
        _ => Ok(()),
    }
}
