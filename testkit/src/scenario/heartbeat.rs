//! The lease's own sign of life: sent, answered well or badly, late, lost or not at all.

use dormouse_core::{End, HeartbeatFault, HeartbeatLoss, Outcome, StopReason, TransportFault};

use super::Scenario;
use super::say::{UNLISTED, alive, millis};
use crate::bench::{Bench, Ground, Stage, Staged};
use crate::client::{Ending, Options, Run};
use crate::clock::Pace;
use crate::fact::{Fact, Next};
use crate::wire::{answer, status};
use crate::{FaultServer, Gate, Script, Step};

const STATUSES: [&str; 10] = [
    "400 Bad Request",
    "403 Forbidden",
    "404 Not Found",
    "405 Method Not Allowed",
    "418 I'm a teapot",
    "429 Too Many Requests",
    "500 Internal Server Error",
    "503 Service Unavailable",
    "302 Found",
    UNLISTED,
];

fn lost(loss: HeartbeatLoss) -> End {
    End::Watch(Outcome::HeartbeatLost(loss))
}

/// A stream that lives, and this for each heartbeat.
fn beating(ground: &Ground, answers: impl Fn(usize) -> Script + Send + Sync + 'static) -> Staged {
    ground.servers(|n| alive(&format!("l-{n}")), answers)
}

/// When each heartbeat so far was sent.
fn sent_at(run: &Run) -> Vec<u64> {
    let history = run.history();
    let history = history.lock().expect("no panic");
    let beats = history.iter().filter(|told| matches!(told.fact, Fact::Beat { .. }));
    beats.map(|told| told.at).collect()
}

fn connected_at(run: &Run) -> u64 {
    let history = run.history();
    let history = history.lock().expect("no panic");
    history.iter().find(|told| matches!(told.fact, Fact::Connected { .. })).expect("hello").at
}

/// All heartbeats fail; the third that does ends the watch, which comes back with its lease.
fn fails_three_times(bench: &Bench, fault: HeartbeatFault) {
    let mut run = bench.watch();
    run.connected();
    run.lives(82);
    let ending = fail_until_lost(&mut run, fault);
    ending.is_at_once();
    run.connected();
    assert_eq!(bench.previous(1).as_deref(), Some("l-0"));
}

/// Every heartbeat fails like that, until one does at the end of three intervals or after it.
fn fail_until_lost(run: &mut Run, fault: HeartbeatFault) -> Ending {
    let (end, fault) = (lost(HeartbeatLoss::Failed), fault.to_string());
    let mut failed = 0;
    // The first is sent in the second half of the first interval, and may be answered at once or never.
    while run.find("a failed heartbeat, or the end", |fact| match fact {
        Fact::Answer { words, .. } if *words == fault => Some(true),
        Fact::Ended { .. } => Some(false),
        _ => None,
    }) {
        failed += 1;
    }
    assert!((3..=4).contains(&failed), "{failed} heartbeats failed");
    let ending = run.last_ended(end);
    assert!((60_000..=81_000).contains(&ending.ran), "{ending:?}");
    ending
}

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "rhythm",
        story: "Every heartbeat is accepted.",
        must: "Send the first after half an interval to a whole one, and then one each interval, on the lease, as JSON.",
        rows: &["2.3", "3 heartbeat", "5.3 the first heartbeat"],
        needs: &[],
        stage: |ground| beating(ground, |_| status("204 No Content")),
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.forward(millis(9_999));
            run.is_quiet();
            run.lives(111);
            let (first, sent) = (connected_at(&run), sent_at(&run));
            assert!((10_000..=21_000).contains(&(sent[0] - first)), "{sent:?} after {first}");
            assert!((5..=6).contains(&sent.len()), "{sent:?}");
            for pair in sent.windows(2) {
                assert!((19_000..=21_000).contains(&(pair[1] - pair[0])), "{sent:?}");
            }
            for beat in bench.beats() {
                assert!(beat.line.starts_with("POST /v1/watch/heartbeat HTTP/1."), "{beat:?}");
                assert_eq!(beat.body, r#"{"watchLeaseId":"l-0"}"#);
            }
        },
    },
    Scenario {
        name: "rhythm-in-time",
        story: "The same, by the client's own timer, twenty times as fast as life.",
        must: "Never send one early.",
        rows: &["3 heartbeat", "5.3 the first heartbeat"],
        needs: &[],
        stage: |ground| beating(ground, |_| status("204 No Content")),
        play: |bench| {
            let mut run = bench.watch_with(Options { pace: Pace::Times(20), ..bench.options() });
            run.connected();
            for _ in 0..3 {
                run.accepted();
            }
            let (first, sent) = (connected_at(&run), sent_at(&run));
            for (n, at) in (0..).zip(&sent) {
                assert!(at - first >= 10_000 + n * 20_000, "{sent:?} after {first}");
            }
        },
    },
    Scenario {
        name: "beat-statuses",
        story: "Every other heartbeat is answered 400, 403, 404, 405, 418, 429, 500, 503, 302, 599.",
        must: "Carry on: each is one failed heartbeat, and the next succeeds.",
        rows: &["2.3 anything else", "3 heartbeat silence not reached"],
        needs: &[],
        stage: |ground| {
            beating(ground, |n| match STATUSES.get(n / 2) {
                Some(line) if n % 2 == 0 => status(line),
                _ => status("200 OK"),
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            for line in STATUSES {
                run.lives_until_a_beat();
                run.beat_fails(match bench.client().unlisted() {
                    Some(fault) if line == UNLISTED => HeartbeatFault::Transport(fault),
                    _ => HeartbeatFault::Status(line[..3].parse().expect("a status")),
                });
                run.lives_until_a_beat();
                run.accepted();
            }
            assert_eq!(bench.watches().len(), 1);
        },
    },
    Scenario {
        name: "beat-unauthorized",
        story: "A heartbeat is answered 401, while the stream is fine.",
        must: "Stop for good.",
        rows: &["2.3 401", "4 watch: heartbeat answered 401"],
        needs: &[],
        stage: |ground| beating(ground, |_| status("401 Unauthorized")),
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.lives_until_a_beat();
            let ending = run.ended(lost(HeartbeatLoss::Unauthorized));
            assert_eq!(ending.then, Next::Stop { code: StopReason::Unauthorized.code() });
            run.stopped(StopReason::Unauthorized);
            bench.server().wait_open(0);
            assert_eq!(bench.server().seen().len(), 2);
        },
    },
    Scenario {
        name: "beat-conflict",
        story: "A heartbeat is answered 409: another client took the lease.",
        must: "Wait 30 s, and connect without the lease.",
        rows: &["2.3 409", "4 watch: heartbeat answered 409", "6.3"],
        needs: &[],
        stage: |ground| beating(ground, |_| status("409 Conflict")),
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.lives_until_a_beat();
            let ending = run.ended(lost(HeartbeatLoss::Taken));
            ending.is_after(30);
            run.comes_back(&ending);
            run.connected();
            assert_eq!(bench.previous(1), None);
        },
    },
    Scenario {
        name: "beat-gone",
        story: "A heartbeat is answered 410: the server was restarted and has lost its leases.",
        must: "Connect at once, without the lease.",
        rows: &["2.3 410", "4 watch: heartbeat answered 410", "6.3"],
        needs: &[],
        stage: |ground| beating(ground, |_| status("410 Gone")),
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.lives_until_a_beat();
            run.ended(lost(HeartbeatLoss::Gone)).is_at_once();
            run.connected();
            assert_eq!(bench.previous(1), None);
            bench.server().wait_open(1);
        },
    },
    Scenario {
        name: "beat-redirected",
        story: "Each heartbeat is redirected to another origin, whose page says 200.",
        must: "Follow none and refresh nothing; after three intervals come back with the lease.",
        rows: &[
            "8 no redirect is followed",
            "3 heartbeat silence",
            "4 watch: heartbeats failed for too long",
        ],
        needs: &[],
        stage: |ground| {
            let elsewhere = ground.beside().heartbeats(|_| status("200 OK")).start()?;
            let location = format!("{}/v1/watch/heartbeat", elsewhere.url());
            let stage = beating(ground, move |_| {
                vec![Step::send(answer("307 Temporary Redirect", &[("location", &location)], ""))]
            })?;
            Ok(Stage { elsewhere: Some(elsewhere), ..stage })
        },
        play: |bench| fails_three_times(bench, HeartbeatFault::Status(307)),
    },
    Scenario {
        name: "beats-dead",
        story: "The stream lives; no heartbeat is ever answered.",
        must: "Abandon each after 10 s; after three intervals come back with the lease.",
        rows: &[
            "3 heartbeat timeout",
            "3 the two signs of life never feed each other",
            "4 watch: heartbeats failed for too long",
        ],
        needs: &[],
        stage: |ground| beating(ground, |_| vec![Step::Hold]),
        play: |bench| fails_three_times(bench, HeartbeatFault::Timeout),
    },
    Scenario {
        name: "beat-answer-lost",
        story: "A heartbeat is taken and its answer lost: the connection is reset. The next is accepted.",
        must: "Carry on.",
        rows: &["2.3 no answer", "3 heartbeat silence not reached"],
        needs: &[],
        stage: |ground| {
            beating(ground, |n| if n == 0 { vec![Step::Reset] } else { status("204 No Content") })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.lives_until_a_beat();
            run.beat_fails(HeartbeatFault::Transport(TransportFault::Broken));
            run.lives_until_a_beat();
            run.accepted();
            assert_eq!(bench.watches().len(), 1);
        },
    },
    Scenario {
        name: "beat-answer-cut",
        story: "The answer to a heartbeat is cut in the middle of its head. The next is accepted.",
        must: "Carry on: half a 204 refreshes nothing.",
        rows: &["2.3 no answer"],
        needs: &[],
        stage: |ground| {
            beating(ground, |n| {
                let half = vec![Step::send("HTTP/1.1 204 No Con"), Step::Cut];
                if n == 0 { half } else { status("204 No Content") }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.lives_until_a_beat();
            run.beat_fails(HeartbeatFault::Transport(TransportFault::Broken));
            run.lives_until_a_beat();
            run.accepted();
        },
    },
    Scenario {
        name: "beat-late",
        story: "A heartbeat is not answered within 10 s; a 410 for it comes after that. The next is accepted.",
        must: "Abandon it after 10 s, not a millisecond earlier, and close its connection; not hear the late answer.",
        rows: &["3 heartbeat timeout", "6.4 input of what was given up"],
        needs: &[],
        stage: |ground| {
            let gate = Gate::new();
            let late = vec![Step::Wait(gate.clone()), Step::send(answer("410 Gone", &[], ""))];
            let stage =
                beating(ground, move |n| if n == 0 { late.clone() } else { status("200 OK") })?;
            Ok(stage.gates([gate]))
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.lives_until_a_beat();
            bench.server().wait_open(2);
            run.lives(9);
            run.forward(millis(999));
            run.hears();
            run.is_quiet();
            run.forward(millis(1));
            let (fault, took) = run.answer();
            assert_eq!((fault, took), (Some(HeartbeatFault::Timeout.to_string()), 10_000));
            bench.server().wait_open(1);
            bench.open(0);
            run.lives_until_a_beat();
            run.accepted();
            assert_eq!(bench.watches().len(), 1);
        },
    },
    Scenario {
        name: "beat-slow",
        story: "Each heartbeat is answered well, after 9 s.",
        must: "Take each answer.",
        rows: &["3 heartbeat timeout"],
        needs: &[],
        stage: |ground| {
            let gate = Gate::new();
            let slow =
                vec![Step::Wait(gate.clone()), Step::send(answer("204 No Content", &[], ""))];
            Ok(beating(ground, move |_| slow.clone())?.gates([gate]))
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.lives_until_a_beat();
            run.lives(9);
            run.is_quiet();
            bench.open(0);
            let (fault, took) = run.answer();
            assert_eq!((fault, took), (None, 9_000));
        },
    },
    Scenario {
        name: "beat-connection-closed",
        story: "After each answer the server closes the connection, without having said so.",
        must: "Send the next heartbeat over a new one: none fails.",
        rows: &["2.3 2xx", "8 a pooled connection is not used again after a fault"],
        needs: &[],
        stage: |ground| {
            beating(ground, |_| vec![Step::send(answer("204 No Content", &[], "")), Step::Cut])
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            for _ in 0..4 {
                run.lives_until_a_beat();
                run.accepted();
            }
        },
    },
    Scenario {
        name: "beat-answered-twice",
        story: "Each heartbeat is answered 204, and behind that comes a 410 that nobody asked for.",
        must: "Not take the second answer for the next heartbeat's.",
        rows: &["2.3 2xx", "6.4 input of what was given up"],
        needs: &[],
        stage: |ground| {
            beating(ground, |_| {
                let both = answer("204 No Content", &[], "") + &answer("410 Gone", &[], "");
                vec![Step::send(both)]
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            for _ in 0..4 {
                run.lives_until_a_beat();
                run.accepted();
            }
        },
    },
    Scenario {
        name: "beat-body-without-end",
        story: "A heartbeat is answered 200, with a body of a gigabyte.",
        must: "Count it, and close the connection rather than read on.",
        rows: &["2.3 2xx", "7 error body"],
        needs: &[],
        stage: |ground| {
            beating(ground, |_| {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n";
                vec![Step::send(head), Step::Repeat(vec![b'x'; 1 << 16], 1 << 14)]
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.lives_until_a_beat();
            run.accepted();
            bench.server().wait_open(1);
            assert!(bench.server().sent() < 64 << 20, "it read {} bytes", bench.server().sent());
        },
    },
    Scenario {
        name: "beats-unreachable",
        story: "Behind a proxy that dies for new connections the stream lives on: no heartbeat gets through.",
        must: "Say for each that it failed; after three intervals come back.",
        rows: &["3 heartbeat silence", "4 watch: heartbeats failed for too long"],
        needs: &[],
        stage: |ground| beating(ground, |_| status("204 No Content"))?.behind_a_proxy(),
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            // A port that nobody listens on any more: taken, so that nobody else listens there.
            let nobody = FaultServer::builder().deaf().expect("a port");
            bench.proxy().lead_to(nobody.address());
            run.lives(82);
            fail_until_lost(&mut run, HeartbeatFault::Transport(TransportFault::Broken));
        },
    },
];
