//! `dormouse simulate`: a fleet comes back after an outage, or a small world goes wrong in every way.
//!
//! Real machines and the real lease table, in virtual time: `dormouse_testkit::sim` does all of it, and this shows
//! it. A fleet is counted second by second, with the guards on and off, and charted: `chart` in the terminal,
//! `svg` in a file. `chaos` runs many small worlds, and makes one that fails small.

mod chaos;
mod chart;
mod svg;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use dormouse_core::Guards;
use dormouse_testkit::sim::Window;
use dormouse_testkit::sim::fleet::{Fleet, Run};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{BRIGHT, Event, Line, Output, Stamp};
use crate::words::{duration, millis, span};

/// What a fleet is looked at for after its outage, unless told otherwise.
const AFTER: Duration = Duration::from_secs(180);

/// See a fleet come back after an outage, or a small world in which everything goes wrong
#[derive(clap::Args)]
#[command(
    after_help = "\
Examples:
  dormouse simulate --devices 100000 --outage 30s --accept-rate 2000
      a fleet loses its server for half a minute, with the guards on and off
  dormouse simulate --window off --guards on --svg storm.svg
      the same without a reconnect window, as a picture
  dormouse simulate --chaos --runs 1000
      a thousand small worlds; one that breaks a promise is made small, with the command to see it again

See --help for the JSON and the exit codes.",
    after_long_help = "\
Examples:
  dormouse simulate --devices 100000 --outage 30s --accept-rate 2000
      a fleet loses its server for half a minute, with the guards on and off
  dormouse simulate --window off --guards on --svg storm.svg
      the same without a reconnect window, as a picture
  dormouse simulate --devices 10000 --outage 0 --duration 6h --guards on
      how fast a sleeping fleet is simulated
  dormouse simulate --chaos --runs 1000
      a thousand small worlds; one that breaks a promise is made small, with the command to see it again

Nothing is sent anywhere. Each device is the real state machine, fed with bytes; the server is the real
lease table. The same arguments give the same run.

With --json, one object a line; all carry event, at_ms (since the program began) and unix_ms:
  second   guards (on, off), second (since the server went away, from 1), connects, accepted,
           turned_away, asleep
  fleet    guards, devices, peak_away, peak (connects a second while the server was away, and after),
           back_ms (until 99 % were asleep again, null if they were not), connects_per_device,
           device_years, cpu_ms
  broken   seed, scenario (arguments that run it again), after_ms, what, plan
  chaos    runs, broken, device_years, wakes, excused, digest (of all runs), cpu_ms

Exit codes: 0 it went well; 1 a promise was broken, or the picture could not be written; 2 wrong
arguments."
)]
pub(crate) struct Args {
    /// How many devices [default: 100000; with --chaos as the seed says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    devices: Option<u32>,
    /// How long the server is away; 0 for not at all
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    outage: Duration,
    /// How many connects the server takes in a second when it is back
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    accept_rate: u32,
    /// The reconnect window that the server tells its devices: off, auto (as the reference server does) or
    /// a time
    #[arg(long, value_name = "WINDOW", value_parser = window, default_value = "auto")]
    window: Window,
    /// Whether the devices have their guards on
    #[arg(long, value_enum, default_value_t = Which::Both)]
    guards: Which,
    /// The heartbeat interval, 1s to 24h
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30s")]
    interval: Duration,
    /// How long is looked on [default: the outage and 3 minutes; with --chaos as the seed says]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// All the chance there is
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Draw the chart into this file, too
    #[arg(long, value_name = "FILE", conflicts_with = "chaos")]
    svg: Option<PathBuf>,
    /// Run small worlds in which everything goes wrong, and check what is promised
    #[arg(long, conflicts_with_all = ["outage", "accept_rate", "window", "guards", "interval"])]
    chaos: bool,
    /// How many of them, from the seed up; a single one is told line by line
    #[arg(long, value_name = "N", requires = "chaos", default_value_t = 1)]
    runs: u32,
    /// Only these devices of the plan live: numbers, or none
    #[arg(long, value_name = "LIST", requires = "chaos", value_parser = numbers)]
    only_devices: Option<Numbers>,
    /// Only these lines of the plan happen: numbers, or none
    #[arg(long, value_name = "LIST", requires = "chaos", value_parser = numbers)]
    only_lines: Option<Numbers>,
}

/// Which guards the devices of a fleet have on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// All of them
    On,
    /// None
    Off,
    /// On and then off, to be compared
    Both,
}

type Numbers = BTreeSet<u32>;

fn numbers(text: &str) -> Result<Numbers, String> {
    if text == "none" {
        return Ok(Numbers::new());
    }
    let number = |text: &str| text.trim().parse().map_err(|_| format!("{text:?} is no number"));
    text.split(',').map(number).collect()
}

fn window(text: &str) -> Result<Window, String> {
    match text {
        "off" => Ok(Window::Off),
        "auto" => Ok(Window::Auto),
        other => duration(other)
            .map(|window| Window::Fixed(millis(window)))
            .map_err(|_| "write off, auto, or a time such as 60s".into()),
    }
}

pub(crate) fn run(args: &Args, json: bool) -> Result<ExitCode, Failure> {
    let output = Output::new(json, Stamp::Elapsed, 10);
    if args.chaos {
        return chaos::run(args, &output, json);
    }
    let interval = args.interval;
    if !(Duration::from_secs(1)..=Duration::from_secs(24 * 3600)).contains(&interval) {
        return Err(Failure::usage(format!("--interval {} is not from 1s to 24h", span(interval))));
    }
    let ways: &[(&'static str, Guards)] = match args.guards {
        Which::On => &[("on", Guards::all())],
        Which::Off => &[("off", Guards::none())],
        Which::Both => &[("on", Guards::all()), ("off", Guards::none())],
    };
    let mut told = Vec::new();
    let story = Story::of(args);
    output.prose(&story.to_string());
    for (guards, switches) in ways {
        let fleet = Fleet {
            devices: story.devices,
            outage: millis(args.outage),
            accept_rate: args.accept_rate,
            window: args.window,
            guards: *switches,
            interval: millis(interval),
            duration: millis(story.duration),
            seed: args.seed,
        };
        let clock = Clock::start();
        let bar = bar(fleet.prelude() + fleet.duration, json, &format!("guards {guards}"));
        let run = fleet.run(|passed| bar.set_position(passed));
        bar.finish_and_clear();
        told.push(Told { guards, run, cpu: clock.spent() });
        if let Some(told) = told.last() {
            told.say(&output, &story, json);
        }
        output.finish()?;
    }
    output.prose(&chart::draw(&told, &story));
    if let Some(path) = &args.svg {
        svg::write(path, &told, &story)?;
        output.prose(&format!("The picture is in {}.", path.display()));
    }
    output.finish()?;
    Ok(ExitCode::SUCCESS)
}

/// What happens to the fleet, for titles.
struct Story {
    devices: u32,
    outage: Duration,
    rate: u32,
    window: Window,
    duration: Duration,
}

impl Story {
    fn of(args: &Args) -> Self {
        let duration = args.duration.unwrap_or(args.outage + AFTER);
        // A chart of nothing is no chart.
        let duration = duration.max(Duration::from_secs(1));
        let devices = args.devices.unwrap_or(100_000);
        Self { devices, outage: args.outage, rate: args.accept_rate, window: args.window, duration }
    }
}

impl std::fmt::Display for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let window = match self.window {
            Window::Off => "no reconnect window".to_owned(),
            Window::Auto => "the window of the reference server".to_owned(),
            Window::Fixed(window) => {
                format!("a window of {}", span(Duration::from_millis(window)))
            }
        };
        if self.outage.is_zero() {
            return write!(f, "{} devices, no outage", self.devices);
        }
        write!(
            f,
            "{} devices, server away for {}, then {} connects a second, {window}",
            self.devices,
            span(self.outage),
            self.rate
        )
    }
}

/// A run that is over.
struct Told {
    guards: &'static str,
    run: Run,
    cpu: Duration,
}

impl Told {
    fn say(&self, output: &Output, story: &Story, json: bool) {
        let run = &self.run;
        if json {
            for (second, it) in (1..).zip(&run.seconds) {
                output.say(&Said::Second {
                    guards: self.guards,
                    second,
                    connects: it.connects,
                    accepted: it.accepted,
                    turned_away: it.turned_away,
                    asleep: it.asleep,
                });
            }
        }
        output.say(&Said::Fleet {
            guards: self.guards,
            devices: story.devices,
            peak_away: run.peak_away,
            peak: run.peak,
            back_ms: run.back.filter(|_| !story.outage.is_zero()),
            connects_per_device: run.connects as f64 / f64::from(story.devices),
            device_years: run.device_years(),
            cpu_ms: millis(self.cpu),
            outage: !story.outage.is_zero(),
        });
    }
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Said {
    Second {
        guards: &'static str,
        second: u32,
        connects: u32,
        accepted: u32,
        turned_away: u32,
        asleep: u32,
    },
    Fleet {
        guards: &'static str,
        devices: u32,
        peak_away: u32,
        peak: u32,
        back_ms: Option<u64>,
        connects_per_device: f64,
        device_years: f64,
        cpu_ms: u64,
        #[serde(skip)]
        outage: bool,
    },
}

impl Event for Said {
    fn line(&self) -> Option<Line> {
        let Self::Fleet {
            guards,
            peak_away,
            peak,
            back_ms,
            connects_per_device,
            device_years,
            cpu_ms,
            outage,
            ..
        } = self
        else {
            return None;
        };
        let speed = format!(
            "{device_years:.2} device-years in {} of one core: {:.0} an hour",
            span(Duration::from_millis(*cpu_ms)),
            device_years * 3_600_000.0 / (*cpu_ms).max(1) as f64,
        );
        let label = format!("guards {guards}");
        if !outage {
            return Some(Line::new(label, BRIGHT, speed));
        }
        let back = back_ms.map_or("99 % are not back".to_owned(), |back| {
            format!("99 % are back after {}", span(Duration::from_millis(back)))
        });
        Some(Line::new(
            label,
            BRIGHT,
            format!(
                "at most {peak_away} connects a second while the server is away, and {peak} after; {back}; \
                 {connects_per_device:.1} connects a device\n{:21}{speed}",
                ""
            ),
        ))
    }
}

/// How far it is, for whoever sits at a terminal.
fn bar(length: u64, json: bool, what: &str) -> ProgressBar {
    let target =
        if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(8) };
    // The template is ours, and a wrong one shows at once.
    let style = ProgressStyle::with_template("{msg:10}  [{bar:40}] {percent:>3} %  {eta} left");
    let bar = ProgressBar::with_draw_target(Some(length), target).with_message(what.to_owned());
    match style {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// What this thread has used of a core.
struct Clock {
    #[cfg(unix)]
    began: Duration,
    #[cfg(not(unix))]
    began: std::time::Instant,
}

impl Clock {
    #[cfg(unix)]
    fn start() -> Self {
        Self { began: Self::now() }
    }

    #[cfg(unix)]
    fn spent(&self) -> Duration {
        Self::now().saturating_sub(self.began)
    }

    #[cfg(unix)]
    fn now() -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap_or_default()
    }

    #[cfg(not(unix))]
    fn start() -> Self {
        Self { began: std::time::Instant::now() }
    }

    #[cfg(not(unix))]
    fn spent(&self) -> Duration {
        self.began.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_and_lists_are_read_as_they_are_printed() {
        assert_eq!(window("off"), Ok(Window::Off));
        assert_eq!(window("auto"), Ok(Window::Auto));
        assert_eq!(window("90s"), Ok(Window::Fixed(90_000)));
        assert!(window("wide").is_err());
        assert_eq!(numbers("none"), Ok(Numbers::new()));
        assert_eq!(numbers("3,1, 2"), Ok(Numbers::from([1, 2, 3])));
        assert!(numbers("1,,2").is_err() && numbers("x").is_err());
    }
}
