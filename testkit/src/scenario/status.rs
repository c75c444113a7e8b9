//! What a connect is answered with: statuses, redirects, pages, when to come back.

use dormouse_core::{ConnectFault, End, Outcome, StopReason};

use super::Scenario;
use super::say::{UNLISTED, broken_connect, ends, good, secs, stream};
use crate::bench::{Bench, Stage};
use crate::client::{Options, Run, Speech};
use crate::fact::{Command, Fact, Next};
use crate::wire::{answer, hello, status};
use crate::{Script, Step};

const STATUSES: [&str; 9] = [
    "400 Bad Request",
    "403 Forbidden",
    "404 Not Found",
    "405 Method Not Allowed",
    "410 Gone",
    "418 I'm a teapot",
    "500 Internal Server Error",
    "502 Bad Gateway",
    UNLISTED,
];

const REDIRECTS: [&str; 5] = [
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
];

type Headers = &'static [(&'static str, &'static str)];

/// What is said about a `Retry-After`: status line, headers, and for how many seconds it is heeded.
const RETRY_AFTER: [(&str, Headers, u64); 9] = [
    ("429 Too Many Requests", &[("retry-after", "5")], 5),
    ("503 Service Unavailable", &[("Retry-After", "86400")], 3600),
    ("503 Service Unavailable", &[("retry-after", "0")], 0),
    ("429 Too Many Requests", &[("retry-after", "soon")], 0),
    ("429 Too Many Requests", &[("retry-after", "-5")], 0),
    (
        "503 Service Unavailable",
        &[
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"),
        ],
        60,
    ),
    ("503 Service Unavailable", &[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")], 0),
    ("500 Internal Server Error", &[("retry-after", "7")], 0),
    ("429 Too Many Requests", &[("retry-after", "99999999999999999999")], 3600),
];

/// A bare answer to each watch but the last.
fn answers(lines: &'static [&'static str]) -> impl Fn(usize) -> Script + Send + Sync + 'static {
    move |n| lines.get(n).map_or_else(|| good("l"), |line| status(line))
}

/// Each of these statuses is a transient failure: the backoff doubles to 30 s.
fn are_transient(bench: &Bench, run: &mut Run, lines: &[&str]) {
    let rows = [1, 2, 4, 8, 16].into_iter().chain(std::iter::repeat(30));
    for (line, row) in lines.iter().zip(rows) {
        let ending = run.ended(match bench.client().unlisted() {
            Some(fault) if *line == UNLISTED => broken_connect(fault),
            _ => End::Connect(ConnectFault::Status(line[..3].parse().expect("a status"))),
        });
        ending.is_after(row);
        run.comes_back(&ending);
    }
}

fn no_redirect_is_followed(bench: &Bench) {
    let mut run = bench.watch();
    are_transient(bench, &mut run, &REDIRECTS);
    run.connected();
    bench.saw_watches(REDIRECTS.len() + 1);
}

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "statuses",
        story: "400, 403, 404, 405, 410, 418, 500, 502, 599, one after the other.",
        must: "Take each for a transient failure; double the backoff from 1 s to 30 s; connect in the end.",
        rows: &["2.1 anything else", "4 connect: other status", "4 backoff doubled"],
        needs: &[],
        stage: |ground| ground.server(answers(&STATUSES)),
        play: |bench| {
            let mut run = bench.watch();
            are_transient(bench, &mut run, &STATUSES);
            run.connected();
            bench.saw_watches(STATUSES.len() + 1);
        },
    },
    Scenario {
        name: "unauthorized",
        story: "401.",
        must: "Stop for good, after one request.",
        rows: &["2.1 401", "4 connect: 401", "6.6 nothing after a stop"],
        needs: &[],
        stage: |ground| ground.server(|_| status("401 Unauthorized")),
        play: |bench| {
            let mut run = bench.watch();
            let ending = run.ended(End::Connect(ConnectFault::Unauthorized));
            assert_eq!(ending.then, Next::Stop { code: StopReason::Unauthorized.code() });
            run.stopped(StopReason::Unauthorized);
            run.forward(secs(24 * 60 * 60));
            run.is_quiet();
            bench.saw_watches(1);
        },
    },
    Scenario {
        name: "unauthorized-parked",
        story: "401 twice, to a client that parks; then it is given a new token.",
        must: "Show it, wait 5 and 10 min, and try the new token at once.",
        rows: &["5.6 park"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| if n < 3 { status("401 Unauthorized") } else { good("l") })
        },
        play: |bench| {
            let mut run = bench.watch_with(Options { park: true, ..bench.options() });
            for row in [300_000, 600_000, 1_200_000] {
                let ending = run.ended(End::Connect(ConnectFault::Unauthorized));
                let Next::Park(wait) = ending.then else { panic!("not parked: {ending:?}") };
                assert_eq!(wait.row, row);
                assert!((row / 2..=row).contains(&wait.total), "{wait:?}");
                if row == 300_000 {
                    run.status(3);
                }
                if row < 1_200_000 {
                    run.passes(wait.total);
                }
            }
            run.tell(Command::SetToken { token: "canary-new-token".into() });
            run.connected();
            let last = bench.watches().pop().expect("a watch");
            assert_eq!(last.header("authorization"), Some("Bearer canary-new-token"));
        },
    },
    Scenario {
        name: "conflict",
        story: "A stream ends; the next connect, which names its lease, is answered 409.",
        must: "Forget the lease, wait 30 s, and connect without one.",
        rows: &["2.1 409", "4 connect: 409"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| match n {
                0 => ends(hello("l-0", 20_000)),
                1 => status("409 Conflict"),
                _ => good("l-2"),
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            run.ended(End::Watch(Outcome::Ended)).is_at_once();
            let ending = run.ended(End::Connect(ConnectFault::Conflict));
            ending.is_after(30);
            run.comes_back(&ending);
            run.connected();
            assert_eq!(bench.previous(1).as_deref(), Some("l-0"));
            assert_eq!(bench.previous(2), None);
        },
    },
    Scenario {
        name: "retry-after",
        story: "429 and 503 with Retry-After: 5, 86400, 0, a date with and without a Date, junk, a number too large; 500 with 7.",
        must: "Wait at least that long and at most half again, never more than an hour and a half; ignore what cannot be read and what comes with another status.",
        rows: &["5.2 Retry-After", "5.3 after a Retry-After"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| match RETRY_AFTER.get(n) {
                Some((line, headers, _)) => vec![Step::send(answer(line, headers, "busy"))],
                None => good("l"),
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            let rows = [1, 2, 4, 8, 16].into_iter().chain(std::iter::repeat(30));
            for ((line, _, heeded), row) in RETRY_AFTER.iter().zip(rows) {
                let code = line[..3].parse().expect("a status");
                let ending = run.ended(End::Connect(ConnectFault::Status(code)));
                let (wait, heeded, row) = (ending.wait(), heeded * 1000, row * 1000);
                assert_eq!((wait.row, wait.retry_after), (row, heeded), "{line}");
                let within = if heeded >= row {
                    heeded..=heeded + heeded / 2
                } else {
                    heeded.max(row / 2)..=row
                };
                assert!(within.contains(&wait.total), "{line}: {wait:?}");
                run.comes_back(&ending);
            }
            run.connected();
        },
    },
    Scenario {
        name: "redirect-elsewhere",
        story: "301, 302, 303, 307, 308 to another origin, which would grant a lease.",
        must: "Follow none, say to check the base URL, back off; the other origin hears nothing at all.",
        rows: &[
            "8 no redirect is followed",
            "8 a credential goes only to the configured origin",
            "4 connect: other status",
        ],
        needs: &[],
        stage: |ground| {
            let elsewhere = ground.beside().watches(|_| good("stolen")).start()?;
            let location = format!("{}/v1/watch", elsewhere.url());
            let stage = ground.server(move |n| match REDIRECTS.get(n) {
                Some(line) => vec![Step::send(answer(line, &[("location", &location)], ""))],
                None => good("l"),
            })?;
            Ok(Stage { elsewhere: Some(elsewhere), ..stage })
        },
        play: no_redirect_is_followed,
    },
    Scenario {
        name: "redirect-to-itself",
        story: "301, 302, 303, 307, 308 to where the request came from.",
        must: "Follow none, back off.",
        rows: &["8 no redirect is followed", "4 connect: other status"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| match REDIRECTS.get(n) {
                Some(line) => vec![Step::send(answer(line, &[("location", "/v1/watch")], ""))],
                None => good("l"),
            })
        },
        play: no_redirect_is_followed,
    },
    Scenario {
        name: "redirect-nowhere",
        story: "301, 302, 303, 307, 308 without Location.",
        must: "Back off.",
        rows: &["4 connect: other status"],
        needs: &[],
        stage: |ground| ground.server(answers(&REDIRECTS)),
        play: no_redirect_is_followed,
    },
    Scenario {
        name: "not-the-service",
        story: "204; a hotel's page at 200; JSON at 200; 200 without a type; a type that only begins like the right one.",
        must: "Say that this is not the service, and come back after 30 s each.",
        rows: &["2.1 2xx with any other or no media type", "4 connect: 2xx that is not SSE"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| {
                let page = |headers: &[(&str, &str)]| {
                    vec![Step::send(answer("200 OK", headers, "<h1>Welcome to the hotel</h1>"))]
                };
                match n {
                    0 => status("204 No Content"),
                    1 => page(&[("content-type", "text/html")]),
                    2 => page(&[("content-type", "application/json")]),
                    3 => page(&[]),
                    4 => page(&[("content-type", "text/event-streams")]),
                    _ => good("l"),
                }
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            for _ in 0..5 {
                let ending = run.ended(End::Connect(ConnectFault::NotEventStream));
                ending.is_after(30);
                run.comes_back(&ending);
            }
            run.connected();
        },
    },
    Scenario {
        name: "media-type",
        story: "The media type comes in capitals and with parameters.",
        must: "Connect.",
        rows: &["2.1 compared without case, parameters ignored"],
        needs: &[],
        stage: |ground| {
            ground.server(|_| {
                let head =
                    "HTTP/1.1 200 OK\r\nContent-TYPE: Text/Event-Stream; charset=UTF-8\r\n\r\n";
                vec![Step::send(head), Step::send(hello("l", 20_000)), Step::Hold]
            })
        },
        play: |bench| {
            bench.watch().connected();
        },
    },
    Scenario {
        name: "compressed",
        story: "The stream comes as gzip, and as br, though identity was asked for.",
        must: "Name that fault; back off.",
        rows: &["8 a compressed stream is a named fault", "4 connect: anything else"],
        needs: &[],
        stage: |ground| {
            ground.server(|n| {
                let Some(coding) = ["gzip", "br"].get(n) else { return good("l") };
                let headers =
                    [("content-type", "text/event-stream"), ("content-encoding", *coding)];
                vec![Step::send(answer("200 OK", &headers, "\u{1f}\u{8b}"))]
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            for row in [1, 2] {
                let ending = run.ended(End::Connect(ConnectFault::Compressed));
                ending.is_after(row);
                run.comes_back(&ending);
            }
            run.connected();
        },
    },
    Scenario {
        name: "interim",
        story: "103 comes before the head that counts.",
        must: "Wait for the head that counts.",
        rows: &["2.1"],
        needs: &[Speech::Http11],
        stage: |ground| {
            ground.server(|_| {
                let early = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
                let mut script = stream(hello("l", 20_000));
                script.insert(0, Step::send(early));
                script
            })
        },
        play: |bench| {
            let mut run = bench.watch();
            if let Some(fault) = bench.client().interim() {
                for row in [1, 2] {
                    let ending = run.ended(End::Connect(fault));
                    ending.is_after(row);
                    run.comes_back(&ending);
                }
                return;
            }
            run.connected();
            run.find("what a person sees", |fact| {
                matches!(fact, Fact::Status { code: 2, .. }).then_some(())
            });
        },
    },
];
