//! The program `dormouse`: its size, and how long it takes from its start until it sleeps.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dormouse_peers::client::Failure;

use crate::counts::cargo;
use crate::house::{House, Plan, token};
use crate::table::Row;

/// How often it is started.
const STARTS: usize = 50;
/// With `--quick`.
const QUICK: usize = 3;

pub(crate) fn rows(quick: bool) -> Result<Vec<Row>, Failure> {
    let built = cargo(&["build", "--release", "-p", "dormouse", "--message-format", "json"])?;
    let path = built
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find_map(|message| Some(message.get("executable")?.as_str()?.to_owned()))
        .ok_or("cargo did not say where the program is")?;
    let size = std::fs::metadata(&path)?.len();

    let plan = Plan { devices: 1, rate: 1_000, interval: 30_000, no_window: false, port: 0 };
    let mut took = Vec::new();
    for _ in 0..if quick { QUICK } else { STARTS } {
        // A house of its own each time: the lease of the last one is not waited for.
        let house = House::open(&plan)?;
        took.push(start(&path, &house.url())?);
    }
    took.sort_unstable();
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    let measured =
        format!("{:.1} ms, {:.1} ms at the least", ms(took[took.len() / 2]), ms(took[0]));
    Ok(vec![
        Row::plain(
            "`dormouse`: binary size, release",
            format!("{:.1} MiB", size as f64 / 1048576.0),
        ),
        Row::plain("`dormouse watch`: start to connected, median", measured),
    ])
}

fn start(path: &str, url: &str) -> Result<Duration, Failure> {
    let began = Instant::now();
    let mut program = Command::new(path)
        .args(["--json", "watch", url])
        .env("DORMOUSE_TOKEN", token(0))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let out = program.stdout.take().ok_or("no way out")?;
    let connected = BufReader::new(out)
        .lines()
        .map_while(Result::ok)
        .find(|line| line.contains(r#""event":"connected""#))
        .map(|_| began.elapsed());
    let _ = program.kill();
    program.wait()?;
    connected.ok_or_else(|| "the program did not connect".into())
}
