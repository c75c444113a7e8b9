//! Instructions, counted: what must not creep.
//!
//! `cargo bench -p dormouse-core --bench instructions` runs itself under valgrind's callgrind, prints a table, and fails
//! if a bound is exceeded; `.ci/counts` sees to it that there is a valgrind. Without `--bench`, as `cargo test --benches`
//! has it, each case runs once and nothing is counted.
//!
//! A case runs twice, once with twice the rounds, and the difference is what a round costs: start and end of the
//! process, the making of the stream and the first growth of buffers are in both. An instruction count does not depend
//! on what else the machine does, but it does on the compiler, and a little on the processor (memchr and memcpy choose by
//! it): the bounds leave a quarter for that, and those of ratios are what they should be.

#[allow(dead_code, unreachable_pub, reason = "shared with tests")]
mod load;

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use dormouse_core::Timestamp;
use load::{COMMENT, Shape, asleep, beat_and_comment, comment, decode};

/// What is counted.
#[derive(Clone, Copy)]
enum Work {
    /// A chunk of one comment through the decoder alone.
    DecoderComment,
    /// The same through `handle` and `poll` to `Sleep`.
    WatchComment,
    /// A heartbeat's whole round, and such a comment.
    WatchBeat,
    /// A watch that is made, opened and dropped.
    WatchHello,
    /// A stream of this shape, in pieces of so many bytes.
    Stream(&'static str, usize),
}

use Work::{DecoderComment, Stream, WatchBeat, WatchComment, WatchHello};

/// A segment of Ethernet, in bytes.
const SEGMENT: usize = 1_434;

/// What is counted, and the most instructions for one of it.
const CASES: &[(&str, Work, u64)] = &[
    ("decoder: a comment", DecoderComment, 190),
    ("watch: a comment", WatchComment, 410),
    ("watch: a heartbeat's round, and a comment", WatchBeat, 1_500),
    ("watch: made, connected, dropped", WatchHello, 22_000),
    ("decoder: a comment in segments", Stream("comment", SEGMENT), 100),
    ("decoder: a wake of 200 B in segments", Stream("wake", SEGMENT), 1_100),
    ("decoder: an event of 30 B in segments", Stream("30 B events", SEGMENT), 475),
    ("decoder: an event of 20 lines in segments", Stream("20-line events", SEGMENT), 8_700),
    ("decoder: a line of 64 KiB in segments", Stream("64 KiB lines", SEGMENT), 79_000),
    ("decoder: a wake of 200 B in single bytes", Stream("wake", 1), 26_000),
    ("decoder: a line of 1 MiB in pieces of 64 B", Stream("1 MiB line", 64), 5_600_000),
    ("decoder: a line of 1 MiB in pieces of 64 KiB", Stream("1 MiB line", 64 * 1024), 2_200_000),
];

impl Work {
    /// Does it so many times.
    fn run(self, rounds: usize) {
        match self {
            DecoderComment => {
                let mut decoder = load::decoder();
                for _ in 0..rounds {
                    black_box(decode(&mut decoder, black_box(COMMENT.as_bytes())));
                }
            }
            WatchComment => {
                let mut watch = asleep();
                for now in 0..rounds {
                    black_box(comment(&mut watch, Timestamp::from_millis(now as u64)));
                }
            }
            WatchBeat => {
                let mut watch = asleep();
                (0..rounds).for_each(|_| beat_and_comment(&mut watch));
            }
            WatchHello => (0..rounds).for_each(|_| drop(black_box(asleep()))),
            Stream(shape, cut) => {
                let stream = Shape::of(shape).stream();
                let mut decoder = load::decoder();
                for _ in 0..rounds {
                    for chunk in stream.chunks(cut) {
                        black_box(decode(&mut decoder, chunk));
                    }
                }
            }
        }
    }

    /// How many rounds are enough to tell one instruction, and how many of what is counted are in each.
    fn rounds(self) -> (usize, usize) {
        match self {
            Stream(shape, _) => (1, Shape::of(shape).items()),
            _ => (1_000, 1),
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [counted, case, rounds] = arguments.as_slice()
        && counted == COUNTED
        && let (Ok(case), Ok(rounds)) = (case.parse::<usize>(), rounds.parse())
    {
        CASES[case].1.run(rounds);
        return ExitCode::SUCCESS;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        CASES.iter().for_each(|(_, work, _)| work.run(1));
        return ExitCode::SUCCESS;
    }
    match table() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The argument that makes this program do one case.
const COUNTED: &str = "--counted";

/// Counts all of it, and says what is too much.
fn table() -> Result<(), Box<dyn Error>> {
    println!("{:<46} {:>12} {:>12}", "instructions for each", "counted", "at most");
    let mut counts = Vec::new();
    let mut exceeded = Vec::new();
    for (number, (name, work, most)) in CASES.iter().enumerate() {
        let (rounds, of) = work.rounds();
        let (once, twice) = (instructions(number, rounds)?, instructions(number, 2 * rounds)?);
        let each = (twice - once) as f64 / (rounds * of) as f64;
        println!("{name:<46} {each:>12.1} {most:>12}");
        if each > *most as f64 {
            exceeded.push(format!("{name}: {each:.1} instructions, at most {most} expected"));
        }
        counts.push(each);
    }
    let of = |name: &str| {
        let case = CASES.iter().position(|case| case.0 == name);
        case.map(|case| counts[case]).ok_or("a case has another name now")
    };
    println!();
    let (beat, comment) =
        (of("watch: a heartbeat's round, and a comment")?, of("watch: a comment")?);
    println!("{:<46} {:>12.1} {:>12}", "a heartbeat's round alone", beat - comment, BEAT);
    if beat - comment > BEAT as f64 {
        exceeded.push(format!("a heartbeat's round: {:.1} instructions", beat - comment));
    }
    for (what, above, below, most) in RATIOS {
        let ratio = of(above)? / of(below)?;
        println!("{what:<46} {ratio:>12.2} {most:>12}");
        if ratio > *most {
            exceeded.push(format!("{what}: {ratio:.2} times, at most {most} expected"));
        }
    }
    if exceeded.is_empty() { Ok(()) } else { Err(exceeded.join("\n").into()) }
}

/// The most instructions for a heartbeat's round: the tick, the request and its allocations, the answer, the report.
const BEAT: u64 = 1_000;

/// What is to cost at most so many times as much as something else.
const RATIOS: &[(&str, &str, &str, f64)] = &[
    ("a comment: watch over decoder", "watch: a comment", "decoder: a comment", 4.0),
    (
        "a line of 1 MiB: 64 B over 64 KiB",
        "decoder: a line of 1 MiB in pieces of 64 B",
        "decoder: a line of 1 MiB in pieces of 64 KiB",
        4.0,
    ),
];

/// What this case takes in so many rounds, the process around it included.
fn instructions(case: usize, rounds: usize) -> Result<u64, Box<dyn Error>> {
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([COUNTED, &case.to_string(), &rounds.to_string()])
        .output()
        .map_err(|error| format!("valgrind does not start ({error}): .ci/counts installs it"))?;
    let told = String::from_utf8_lossy(&counted.stderr);
    let found = told.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match found {
        Some(found) if counted.status.success() => Ok(found),
        _ => Err(format!("valgrind did not count:\n{told}").into()),
    }
}
