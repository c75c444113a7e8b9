//! What `hello` says, and what it says it in: numbers, fields, line ends, marks, depth.

use dormouse_core::sse::LimitExceeded;
use dormouse_core::{ConnectFault, End, Field, Outcome, WireFault};

use super::Scenario;
use super::say::{ends, good, millis, stream};
use crate::client::Run;
use crate::wire::{STREAM, hello};
use crate::{Script, Step};

const DAY: u64 = 24 * 60 * 60 * 1000;

/// A `hello` with this data.
fn event(data: &str) -> String {
    format!("event: hello\ndata: {data}\n\n")
}

fn numbers(interval: &str, wait: &str) -> String {
    format!(
        r#"{{"watchLeaseId":"l","deviceWaitForViewerMs":{wait},"heartbeatIntervalMs":{interval}}}"#
    )
}

/// The interval and the wait for a viewer in milliseconds, or what is wrong.
type Taken = Result<(u64, u64), WireFault>;

/// What is said in `hello`, and how it is taken.
fn hellos() -> Vec<(String, Taken)> {
    let wrong = |field| Err(WireFault::Type(field));
    let missing = |field| Err(WireFault::Missing(field));
    let beats = Field::HeartbeatIntervalMs;
    let viewer = Field::DeviceWaitForViewerMs;
    let extra = r#"{"watchLeaseId":"l","deviceWaitForViewerMs":7000,"heartbeatIntervalMs":20000,"a":{"b":[null,1e300]}}"#;
    let huge = "1000000000000000000000000000000";
    vec![
        (numbers("0", "0"), Ok((1_000, 5_000))),
        (numbers("1", "1"), Ok((1_000, 5_000))),
        (numbers("9223372036854775808", "9223372036854775808"), Ok((DAY, DAY))),
        (extra.into(), Ok((20_000, 7_000))),
        (numbers("-1", "5000"), wrong(beats)),
        (numbers("5000", "-1"), wrong(viewer)),
        (numbers(huge, "5000"), wrong(beats)),
        (numbers("1.5", "5000"), wrong(beats)),
        (numbers("\"5000\"", "5000"), wrong(beats)),
        (numbers("null", "5000"), missing(beats)),
        (r#"{"watchLeaseId":"l","heartbeatIntervalMs":5000}"#.into(), missing(viewer)),
        (
            r#"{"deviceWaitForViewerMs":1,"heartbeatIntervalMs":5000}"#.into(),
            missing(Field::WatchLeaseId),
        ),
        (
            numbers("5000", "5000").replace("\"l\"", "\"a\\nb\""),
            Err(WireFault::Id(Field::WatchLeaseId)),
        ),
        (numbers("5000", "5000").replace("\"l\"", "\"\""), Err(WireFault::Id(Field::WatchLeaseId))),
        ("nonsense".into(), Err(WireFault::Json)),
        ("[]".into(), Err(WireFault::Json)),
    ]
}

/// Brings the client to a hello that is granted, closed at once, and on to the next connect.
fn connects_and_comes_back(run: &mut Run) {
    run.connected();
    let ending = run.ended(End::Watch(Outcome::Ended));
    run.comes_back(&ending);
}

/// Three streams that each grant the lease `l-0`, `l-1` … in their own way, and one that stays.
fn granted(ways: &'static [fn(&str) -> Vec<Step>]) -> impl Fn(usize) -> Script + Send + Sync {
    move |n| {
        let lease = format!("l-{n}");
        match ways.get(n) {
            Some(way) => [vec![Step::send(STREAM)], way(&lease)].concat(),
            None => good(&lease),
        }
    }
}

/// Each is granted, and named when the next is asked for.
fn are_granted(bench: &crate::bench::Bench, ways: usize) {
    let mut run = bench.watch();
    for _ in 0..ways {
        connects_and_comes_back(&mut run);
    }
    run.connected();
    for watch in 1..=ways {
        assert_eq!(bench.previous(watch), Some(format!("l-{}", watch - 1)));
    }
}

const MARKS: &[fn(&str) -> Vec<Step>] = &[
    |lease| vec![Step::send(format!("\u{feff}{}", hello(lease, 20_000)))],
    |lease| vec![Step::Drip(format!("\u{feff}{}", hello(lease, 20_000)).into_bytes(), millis(1))],
    // The second mark is part of a field's name that nobody knows: what it begins is no hello.
    |lease| {
        let none = hello("marked", 20_000);
        vec![Step::send(format!("\u{feff}\u{feff}{none}{}", hello(lease, 20_000)))]
    },
];

const LINE_ENDS: &[fn(&str) -> Vec<Step>] = &[
    |lease| vec![Step::send(hello(lease, 20_000).replace('\n', "\r"))],
    |lease| vec![Step::send(hello(lease, 20_000).replace('\n', "\r\n"))],
    |lease| vec![Step::Drip(hello(lease, 20_000).replace('\n', "\r\n").into_bytes(), millis(1))],
    |lease| {
        let mixed = hello(lease, 20_000).replacen('\n', "\r", 1).replacen('\n', "\r\n", 1);
        vec![Step::Drip(mixed.into_bytes(), millis(1))]
    },
];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "hello-values",
        story: "Hello says 0, 1, 2^63, -1, 10^30, 1.5, a string, null; fields are missing, unknown, out of their alphabet; it is no JSON.",
        must: "Clamp what is a number, pass over what is unknown, name what is wrong and by which field.",
        rows: &["2.2 hello", "2.2 clamped", "4 connect: malformed hello", "7 lease id"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| match hellos().get(n) {
                Some((data, Ok(_))) => ends(event(data)),
                Some((data, Err(_))) => stream(event(data)),
                None => good("last"),
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            for (data, taken) in hellos() {
                let ending = match taken {
                    Ok((interval, wait)) => {
                        let said = run.connected();
                        assert_eq!(
                            (said.interval, said.wait_for_viewer),
                            (interval, wait),
                            "{data}"
                        );
                        run.ended(End::Watch(Outcome::Ended))
                    }
                    Err(fault) => run.ended(End::Connect(ConnectFault::Hello(fault))),
                };
                run.comes_back(&ending);
            }
            run.connected();
        },
    },
    Scenario {
        name: "hello-deep",
        story: "The data of hello is 100,000 brackets deep, in one line and in many.",
        must: "Say so; neither overflow nor read on.",
        rows: &["7 JSON", "7 one line", "4 connect: a limit exceeded", "6.11 no panic"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| match n {
                0 => stream(event(&"[".repeat(100_000))),
                1 => {
                    let line = format!("data: {}\n", "[".repeat(10_000));
                    stream(format!("event: hello\n{}\n", line.repeat(10)))
                }
                _ => good("l"),
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            let line = run.ended(End::Connect(ConnectFault::Limit(LimitExceeded::Line)));
            line.is_after(1);
            run.comes_back(&line);
            let deep = run.ended(End::Connect(ConnectFault::Hello(WireFault::Depth)));
            deep.is_after(2);
            run.comes_back(&deep);
            run.connected();
        },
    },
    Scenario {
        name: "byte-order-mark",
        story: "The stream begins with a byte order mark: whole, cut into its bytes, and twice.",
        must: "Pass over one; what a second one begins is a field that nobody knows.",
        rows: &["2.2 as the standard says", "6.10 how the bytes are cut changes nothing"],
        needs: &[],
        stage: |ground| ground.server(granted(MARKS)),
        play: |bench| are_granted(bench, MARKS.len()),
    },
    Scenario {
        name: "line-ends",
        story: "Lines end in CR, in CRLF, in CRLF cut between the two, and in all of them.",
        must: "Read the same hello each time.",
        rows: &["2.2 as the standard says", "6.10 how the bytes are cut changes nothing"],
        needs: &[],
        stage: |ground| ground.server(granted(LINE_ENDS)),
        play: |bench| are_granted(bench, LINE_ENDS.len()),
    },
    Scenario {
        name: "hello-twice",
        story: "A second hello comes on the same stream, with another lease.",
        must: "Report it and change nothing: heartbeats go on the first lease.",
        rows: &["2.2 a second one is ignored and reported"],
        needs: &[],
        stage: |ground| {
            ground.server(|_| {
                let twice = format!("{}{}", hello("first", 20_000), hello("second", 1_000));
                vec![Step::send(STREAM), Step::send(twice), super::say::comments()]
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            assert_eq!(run.connected().interval, 20_000);
            assert!(run.oddity().contains("second hello"));
            run.lives_until_a_beat();
            run.accepted();
            assert_eq!(bench.beats()[0].body, r#"{"watchLeaseId":"first"}"#);
        },
    },
    Scenario {
        name: "ends-before-hello",
        story: "The stream opens and ends without a hello, twice.",
        must: "Take it for a failed connect: wait 1, 2 s.",
        rows: &["4 connect: end of stream before hello"],
        needs: &[],
        stage: |ground| ground.server(|n| if n < 2 { ends(": nobody home\n") } else { good("l") }),
        play: |bench| {
            let mut run = bench.watch();
            for row in [1, 2] {
                let ending = run.ended(End::Connect(ConnectFault::Ended));
                ending.is_after(row);
                run.comes_back(&ending);
            }
            run.connected();
        },
    },
];
