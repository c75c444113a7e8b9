//! Before a response head: refused, unanswered, gibberish, moved, offline.

use std::fs;
use std::net::SocketAddr;

use dormouse_core::{ConnectFault, End, Hint, Outcome, TransportFault};

use super::Scenario;
use super::say::{broken_connect, good, millis, secs, stream, then};
use crate::client::{Limits, Run};
use crate::fact::{Command, Fact, words};
use crate::wire::{STREAM, answer, hello, status};
use crate::{FullBacklog, Gate, Step, bench::Stage};

/// What a client that nobody answers says, and how it comes back.
fn nobody_answers(run: &mut Run, fault: ConnectFault) {
    run.connecting();
    run.forward(millis(29_999));
    run.is_quiet();
    run.forward(millis(1));
    let ending = run.ended(End::Connect(fault));
    assert_eq!(ending.ran, 30_000);
    ending.is_after(1);
    run.comes_back(&ending);
}

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "refused",
        story: "Nobody listens on the port; later somebody does.",
        must: "Say that there is no connection; wait 1, 2, 4 s, each drawn from its upper half; connect when it can.",
        rows: &["4 connect: transport error", "4 backoff doubled", "5.3 upper half"],
        needs: &[],
        stage: |ground| Ok(Stage::of(ground.builder().watches(|_| good("l")).deaf()?)),
        play: |bench| {
            let mut run = bench.watch();
            for row in [1, 2, 4] {
                let ending = run.ended(broken_connect(TransportFault::Connect));
                ending.is_after(row);
                if row == 4 {
                    bench.server().listen().expect("a port");
                }
                run.comes_back(&ending);
            }
            run.connected();
            bench.saw_watches(1);
        },
    },
    Scenario {
        name: "reset-before-head",
        story: "The connection is reset when the request has come, twice.",
        must: "Say that it broke; wait 1 s, 2 s; connect again.",
        rows: &["4 connect: transport error"],
        needs: &[],
        stage: |ground| ground.server(|n| if n < 2 { vec![Step::Reset] } else { good("l") }),
        play: |bench| {
            let mut run = bench.watch();
            for row in [1, 2] {
                let ending = run.ended(broken_connect(TransportFault::Broken));
                ending.is_after(row);
                run.comes_back(&ending);
            }
            run.connected();
            bench.saw_watches(3);
        },
    },
    Scenario {
        name: "not-http",
        story: "Something else answers on the port: SSH.",
        must: "Say that the answer is no HTTP; wait 1 s; connect again.",
        rows: &["4 connect: transport error"],
        needs: &[],
        stage: |ground| {
            let banner = vec![Step::send("SSH-2.0-OpenSSH_9.2\r\n\r\n"), Step::Hold];
            ground.server(move |n| if n == 0 { banner.clone() } else { good("l") })
        },
        play: |bench| {
            let mut run = bench.watch();
            let ending = run.ended(broken_connect(TransportFault::Http));
            ending.is_after(1);
            run.comes_back(&ending);
            run.connected();
        },
    },
    Scenario {
        name: "head-without-end",
        story: "Header lines come, and go on coming: 64 MiB of them.",
        must: "Give up at a limit of its own; wait 1 s; connect again.",
        rows: &["4 connect: transport error", "6.9 memory is bounded"],
        needs: &[],
        stage: |ground| {
            let filler = format!("x-filler: {}\r\n", "x".repeat(1000)).into_bytes();
            let endless = vec![
                Step::send("HTTP/1.1 200 OK\r\n"),
                Step::Repeat(filler, 64 * 1024),
                Step::Hold,
            ];
            ground.server(move |n| if n == 0 { endless.clone() } else { good("l") })
        },
        play: |bench| {
            let mut run = bench.watch();
            let ending = run.ended(broken_connect(TransportFault::Http));
            ending.is_after(1);
            assert!(bench.server().sent() < 16 << 20, "it read {} bytes", bench.server().sent());
            run.comes_back(&ending);
            run.connected();
        },
    },
    Scenario {
        name: "head-byte-by-byte",
        story: "The head and hello come one byte at a time.",
        must: "Connect as if they had come whole.",
        rows: &["6.10 how the bytes are cut changes nothing"],
        needs: &[],
        stage: |ground| {
            let bytes = format!("{STREAM}{}", hello("l", 20_000)).into_bytes();
            ground.server(move |_| vec![Step::Drip(bytes.clone(), millis(1)), Step::Hold])
        },
        play: |bench| {
            let mut run = bench.watch();
            assert_eq!(run.connected().interval, 20_000);
            run.goes_on();
        },
    },
    Scenario {
        name: "black-hole",
        story: "The server's backlog is full: a connect is answered neither yes nor no.",
        must: "Give up when the deadline for hello has passed, which covers the connect; wait 1 s; try again.",
        rows: &["3 hello deadline", "8 one deadline covers everything up to hello"],
        needs: &[],
        stage: |_| {
            let backlog = FullBacklog::new()?;
            Ok(Stage { url: backlog.url(), backlog: Some(backlog), ..Stage::default() })
        },
        play: |bench| {
            let mut run = bench.watch();
            let fault = bench.client().unanswered();
            if fault == (ConnectFault::HelloTimeout { opened: false }) {
                nobody_answers(&mut run, fault);
            } else {
                run.ended(End::Connect(fault)).is_after(1);
            }
        },
    },
    Scenario {
        name: "no-head",
        story: "The request is taken, and no answer comes.",
        must: "Give up after 30 s, not a millisecond earlier; close the connection; wait 1 s; connect again.",
        rows: &[
            "3 hello deadline",
            "4 connect: hello deadline",
            "6.2 given up before the next connect",
        ],
        needs: &[],
        stage: |ground| ground.server(|n| if n == 0 { vec![Step::Hold] } else { good("l") }),
        play: |bench| {
            let mut run = bench.watch();
            bench.saw_watches(1);
            nobody_answers(&mut run, ConnectFault::HelloTimeout { opened: false });
            run.connected();
            bench.server().wait_open(1);
        },
    },
    Scenario {
        name: "no-hello",
        story: "The head comes and hello does not: a proxy on the way buffers. Comments come, which change nothing.",
        must: "Give up after 30 s, and name the remedy: to switch the proxy's buffering off.",
        rows: &["3 hello deadline", "4 connect: hello deadline"],
        needs: &[],
        stage: |ground| ground.server(|n| if n == 0 { stream(": padding\n") } else { good("l") }),
        play: |bench| {
            let mut run = bench.watch();
            run.connecting();
            run.has_heard(1);
            nobody_answers_after_the_head(&mut run);
            run.connected();
            let said = ConnectFault::HelloTimeout { opened: true }.to_string();
            assert!(said.contains("switch its response buffering off"), "{said}");
        },
    },
    Scenario {
        name: "hello-just-in-time",
        story: "Hello comes 29.999 s after the connect.",
        must: "Be connected, and stay so.",
        rows: &["3 hello deadline"],
        needs: &[],
        stage: |ground| {
            let gate = Gate::new();
            let wait = Step::Wait(gate.clone());
            let hello = Step::send(hello("l", 20_000));
            let late = vec![Step::send(STREAM), wait, hello, Step::Hold];
            Ok(ground.server(move |_| late.clone())?.gates([gate]))
        },
        play: |bench| {
            let mut run = bench.watch();
            bench.saw_watches(1);
            run.forward(millis(29_999));
            bench.open(0);
            run.connected();
            run.forward(millis(1));
            run.is_quiet();
        },
    },
    Scenario {
        name: "name-moves",
        story: "The service's name leads to another address while the watch is open; then the old one closes it.",
        must: "Look the name up anew, and go where it leads now.",
        rows: &["8 names are looked up anew", "4 watch: stream ended cleanly"],
        needs: &[],
        stage: |ground| {
            let gate = Gate::new();
            let close = then("l-1", &gate, []);
            let former = ground.builder().watches(move |_| close.clone()).start()?;
            let port = former.address().port();
            let moved = SocketAddr::from(([127, 0, 0, 2], port));
            let server = ground.beside().address(moved).watches(|_| good("l-2")).start()?;
            let hosts = ground.scratch.join("hosts");
            fs::write(&hosts, "127.0.0.1 moving.test\n")?;
            let stage = Stage {
                url: format!("http://moving.test:{port}"),
                former: Some(former),
                hosts: Some(hosts),
                ..Stage::of(server)
            };
            let url = format!("http://moving.test:{port}");
            Ok(Stage { url, ..stage }.gates([gate]))
        },
        play: |bench| {
            let hosts = bench.stage.hosts.clone().expect("a hosts file");
            let limits = Limits { hosts: Some(hosts.clone()), ..Limits::default() };
            let mut run = bench.watch_apart(20, &limits);
            run.connected();
            fs::write(hosts, "127.0.0.2 moving.test\n").expect("to move");
            bench.open(0);
            run.ended(End::Watch(Outcome::Ended));
            run.connected();
            assert_eq!(bench.previous(0).as_deref(), Some("l-1"));
        },
    },
    Scenario {
        name: "offline",
        story: "The device says that it has no network, for ten minutes, and then that it has one.",
        must: "Attempt nothing and forget nothing meanwhile; then notice what has passed, and come back with its lease.",
        rows: &["5.5 offline", "4 watch: read timeout"],
        needs: &[],
        stage: |ground| ground.server(|n| good(&format!("l-{n}"))),
        play: |bench| {
            let mut run = bench.watch();
            run.connected();
            run.tell(Command::Offline { offline: true });
            run.forward(secs(600));
            run.is_quiet();
            bench.saw_watches(1);
            run.tell(Command::Offline { offline: false });
            let ending = run.ended(End::Watch(Outcome::ReadTimeout));
            ending.is_at_once();
            run.connected();
            assert_eq!(bench.previous(1).as_deref(), Some("l-0"));
        },
    },
    Scenario {
        name: "network-changes",
        story: "The network changes during a wait of 30 s, then three times in a row while the watch is open.",
        must: "Connect at once each time, with the lease; the fourth time is one too many and changes nothing.",
        rows: &["5.5 hints end a backoff", "5.5 hints end a watch", "5.5 bucket of 3"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| if n == 0 { status("409 Conflict") } else { good(&format!("l-{n}")) })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.ended(End::Connect(ConnectFault::Conflict)).is_after(30);
            run.tell(Command::NetworkChanged);
            run.connected();
            for previous in ["l-1", "l-2"] {
                run.tell(Command::NetworkChanged);
                let ending = run.ended(End::Watch(Outcome::Hint(Hint::NetworkChanged)));
                run.comes_back(&ending);
                let attempt = run.connected().attempt;
                let watch = usize::try_from(attempt - 1).expect("a small number");
                assert_eq!(bench.previous(watch).as_deref(), Some(previous));
            }
            run.tell(Command::NetworkChanged);
            // What lies in the socket is read before a hint takes effect: that may take a moment.
            run.counts(|stats| stats.hints_ignored == 1);
            run.is_quiet();
            assert_eq!(bench.watches().len(), 4);
        },
    },
    Scenario {
        name: "descriptors-exhausted",
        story: "The process has no file descriptor left when it has to connect again; later it has.",
        must: "Say that there is no connection, back off, and connect when it can.",
        rows: &["4 connect: transport error"],
        needs: &[],
        stage: |ground| {
            let busy = vec![Step::send(answer("409 Conflict", &[], "")), Step::Cut];
            ground.server(move |n| if n == 0 { busy.clone() } else { good("l-2") })
        },
        play: |bench| {
            let limits = Limits { descriptors: Some(64), ..Limits::default() };
            let mut run = bench.watch_apart(20, &limits);
            run.ended(End::Connect(ConnectFault::Conflict)).is_after(30);
            run.tell(Command::Hoard);
            let taken = run.find("a hoard", |fact| match fact {
                Fact::Hoarded { descriptors } => Some(*descriptors),
                _ => None,
            });
            assert!(taken > 0);
            run.ended(broken_connect(TransportFault::Connect)).is_after(1);
            run.tell(Command::Release);
            let fault = words(broken_connect(TransportFault::Connect));
            while !run.find("hello, or another failure", |fact| match fact {
                Fact::Connected { .. } => Some(true),
                Fact::Ended { words, .. } if *words == fault => Some(false),
                _ => None,
            }) {}
            bench.saw_watches(2);
        },
    },
];

fn nobody_answers_after_the_head(run: &mut Run) {
    run.forward(millis(29_999));
    run.is_quiet();
    run.forward(millis(1));
    let ending = run.ended(End::Connect(ConnectFault::HelloTimeout { opened: true }));
    ending.is_after(1);
    run.comes_back(&ending);
}
