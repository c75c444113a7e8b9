//! `dormouse simulate --chaos`: many small worlds, and the one that fails, made small.

use std::process::ExitCode;

use dormouse_testkit::sim::chaos::{DEVICES_MOST, Scenario, run as play, shrink};
use serde::Serialize;

use super::{Args, Clock, bar};
use crate::failure::Failure;
use crate::output::{BAD, Event, GOOD, Line, Output};
use crate::words::{count, millis, program, span};

pub(super) fn run(args: &Args, output: &Output, json: bool) -> Result<ExitCode, Failure> {
    if args.devices.is_some_and(|devices| devices > DEVICES_MOST) {
        return Err(Failure::usage(format!("--devices: with --chaos at most {DEVICES_MOST}")));
    }
    // A promise that is broken is told below; a backtrace of the check would tell nobody anything.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let done = run_all(args, output, json);
    std::panic::set_hook(hook);
    done
}

fn run_all(args: &Args, output: &Output, json: bool) -> Result<ExitCode, Failure> {
    let clock = Clock::start();
    let bar = bar(u64::from(args.runs), json, "chaos");
    let (mut broken, mut wakes, mut excused, mut lived, mut digest) = (0, 0, 0, 0, 0_u64);
    for number in 0..args.runs {
        let scenario = Scenario {
            seed: args.seed.wrapping_add(u64::from(number)),
            devices: args.devices,
            duration: args.duration.map(millis),
            only_devices: args.only_devices.clone(),
            only_lines: args.only_lines.clone(),
        };
        if args.runs == 1 {
            output.prose(&scenario.plan().to_string());
        }
        let outcome = play(&scenario);
        wakes += u64::from(outcome.woken);
        excused += outcome.excused.len();
        lived += outcome.lived;
        digest = digest.rotate_left(1) ^ outcome.digest;
        if outcome.broken.is_some() {
            broken += 1;
            let (small, outcome) = bar.suspend(|| shrink(&scenario, outcome, play));
            if let Some((after_ms, what)) = outcome.broken {
                let plan = small.plan().to_string();
                let told = Told::Broken {
                    seed: scenario.seed,
                    scenario: small.to_string(),
                    after_ms,
                    what,
                    plan,
                };
                bar.suspend(|| output.say(&told));
            }
        }
        output.finish()?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    output.say(&Told::Chaos {
        runs: args.runs,
        broken,
        device_years: lived as f64 / (365.0 * 86_400_000.0),
        wakes,
        excused,
        digest: format!("{digest:016x}"),
        cpu_ms: millis(clock.spent()),
    });
    output.finish()?;
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Told {
    Broken {
        seed: u64,
        scenario: String,
        after_ms: u64,
        what: String,
        plan: String,
    },
    Chaos {
        runs: u32,
        broken: u32,
        device_years: f64,
        wakes: u64,
        excused: usize,
        digest: String,
        cpu_ms: u64,
    },
}

impl Event for Told {
    fn line(&self) -> Option<Line> {
        Some(match self {
            Self::Broken { seed, scenario, after_ms, what, plan } => {
                let after = *after_ms as f64 / 1e3;
                let program = program();
                let text = format!(
                    "seed {seed}: {what}\n\n{plan}\n{after:10.3} s  it is broken\n\n\
                     The smallest run that breaks it:\n  {program} simulate {scenario}\n"
                );
                Line::new("broken", BAD, text)
            }
            Self::Chaos { runs, broken, device_years, wakes, excused, digest, cpu_ms } => {
                let runs = count(*runs as usize, "run", "runs");
                let cpu = span(std::time::Duration::from_millis(*cpu_ms));
                let text = format!(
                    "{runs}, {broken} broken: {wakes} wakes came, {excused} had a reason not to; \
                     {device_years:.2} device-years in {cpu}; digest {digest}"
                );
                Line::new("chaos", if *broken == 0 { GOOD } else { BAD }, text)
            }
        })
    }
}
