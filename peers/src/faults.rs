//! The faults: what a server does wrong, until when, and how it is when it is well again.
//!
//! A server that is well says hello and sends the wake at once. So the time of the wake is the time at
//! which a client came back to a server that could serve it.

use std::time::Duration;

use dormouse_peers::client::{WAKE_TOKEN, WAKE_URL};
use dormouse_testkit::wire::{self, CHUNKED, LAST_CHUNK, STREAM, answer, chunk, hello};
use dormouse_testkit::{Script, Step};

/// Every server's heartbeat interval, in milliseconds: a read deadline of 25 s for who keeps the protocol.
const INTERVAL: u64 = 10_000;
/// What is wrong "for a while" is wrong for so long.
const A_WHILE: Duration = Duration::from_secs(20);
/// What is wrong "for ever" is wrong for as long as connects are counted.
const FOR_EVER: Duration = Duration::from_secs(60);
/// A line without end ends here, for the machine's sake.
const ENDLESS: usize = 8;

const OK: &str = "200 OK";

/// What a server knows when it is asked for a watch.
pub(crate) struct Stage<'a> {
    /// Which request this is, from 0.
    pub(crate) connect: usize,
    /// Since the cell began.
    pub(crate) elapsed: Duration,
    /// Another origin.
    pub(crate) elsewhere: &'a str,
}

/// One fault.
pub(crate) struct Fault {
    /// What it is called on the command line and in JSON.
    pub(crate) id: &'static str,
    /// What it is called in the table.
    pub(crate) title: &'static str,
    /// What a watch is answered with.
    pub(crate) watch: fn(&Stage<'_>) -> Script,
    /// What a heartbeat is answered with.
    pub(crate) beat: &'static str,
    /// For how long connections are refused.
    pub(crate) closed_for: Option<Duration>,
    /// Whether this one is about memory and work.
    pub(crate) memory: bool,
}

impl Fault {
    const fn new(id: &'static str, title: &'static str, watch: fn(&Stage<'_>) -> Script) -> Self {
        Self { id, title, watch, beat: OK, closed_for: None, memory: false }
    }
}

/// All of them, in the order of the table.
pub(crate) const FAULTS: &[Fault] = &[
    Fault::new("none", "none: comments every 5 s, and the wake after 40 s", |_| {
        let mut script = alive(40);
        script.push(wake());
        script
    }),
    Fault {
        closed_for: Some(A_WHILE),
        ..Fault::new("refused", "connection refused for 20 s (refusals are not counted)", |_| {
            well()
        })
    },
    Fault::new("reset", "connection reset before an answer, for 20 s", |stage| {
        stage.until(A_WHILE, || vec![Step::Reset])
    }),
    Fault::new("hello-close", "hello, then a clean end at once, for 60 s", |stage| {
        stage.until(FOR_EVER, || {
            vec![Step::send([CHUNKED, &chunk(&granted()), LAST_CHUNK].concat())]
        })
    }),
    Fault::new("hello-cut", "hello, then the connection is reset, for 60 s", |stage| {
        stage.until(FOR_EVER, || {
            // The pause lets the hello be read before the reset overtakes it.
            vec![open(), Step::Pause(Duration::from_millis(50)), Step::Reset]
        })
    }),
    Fault::new("no-headers", "an answer that never begins, once", |stage| {
        stage.once(|| vec![Step::Hold])
    }),
    Fault::new("half-open", "silent for ever after hello, heartbeats answered, once", |stage| {
        stage.once(|| vec![open(), Step::Hold])
    }),
    Fault::new("drip", "one byte a second without a line's end after hello, once", |stage| {
        stage.once(|| vec![open(), Step::Drip(vec![b':'; 300], Duration::from_secs(1))])
    }),
    Fault::new("html", "a maintenance page with status 200, for 20 s", |stage| {
        stage.until(A_WHILE, page)
    }),
    Fault::new("401", "401, for 20 s (the protocol: final)", |stage| {
        stage.until(A_WHILE, || wire::status("401 Unauthorized"))
    }),
    Fault::new("409", "409, for 20 s (the protocol: come back after 30 s)", |stage| {
        stage.until(A_WHILE, || wire::status("409 Conflict"))
    }),
    Fault::new("503", "503 with Retry-After: 20, for 20 s", |stage| {
        stage.until(A_WHILE, || {
            vec![Step::send(answer("503 Service Unavailable", &[("retry-after", "20")], ""))]
        })
    }),
    Fault::new("redirect-302", "302 to another origin, for 20 s", |stage| {
        stage.until(A_WHILE, || stage.away("302 Found"))
    }),
    Fault::new("redirect-307", "307 to another origin, for 20 s", |stage| {
        stage.until(A_WHILE, || stage.away("307 Temporary Redirect"))
    }),
    Fault {
        memory: true,
        ..Fault::new("endless-line", "a line of 8 MiB without end after hello, once", |stage| {
            stage.once(|| {
                let mut script = vec![open(), Step::send("data: ")];
                script.extend((0..ENDLESS).map(|_| Step::send(vec![b'x'; 1 << 20])));
                script.push(Step::Hold);
                script
            })
        })
    },
    Fault::new("cut-wake", "a wake cut in its middle by a clean end, once", |stage| {
        stage.once(|| {
            let wake = wire::wake(WAKE_URL, WAKE_TOKEN);
            let cut = granted() + &wake[..wake.len() / 2];
            vec![Step::send([CHUNKED, &chunk(&cut), LAST_CHUNK].concat())]
        })
    }),
    Fault {
        beat: "410 Gone",
        ..Fault::new(
            "410",
            "leases lost in a restart: the stream lives, heartbeats get 410",
            |stage| stage.once(|| alive(300)),
        )
    },
];

impl Stage<'_> {
    /// `wrong` for so long, and then well.
    fn until(&self, end: Duration, wrong: impl FnOnce() -> Script) -> Script {
        if self.elapsed < end { wrong() } else { well() }
    }

    /// `wrong` at the first connect, and then well.
    fn once(&self, wrong: impl FnOnce() -> Script) -> Script {
        if self.connect == 0 { wrong() } else { well() }
    }

    fn away(&self, status: &str) -> Script {
        let location = format!("{}/login", self.elsewhere);
        vec![Step::send(answer(status, &[("location", &location)], ""))]
    }
}

/// A page for people where a stream should be.
pub(crate) fn page() -> Script {
    let html = "<!doctype html>\n<title>Back soon</title>\n\n<p>We are working on it.\n\n";
    vec![Step::send(answer(OK, &[("content-type", "text/html; charset=utf-8")], html))]
}

fn granted() -> String {
    hello("lease-1", INTERVAL)
}

/// A stream with its hello.
fn open() -> Step {
    Step::send([STREAM, &granted()].concat())
}

fn wake() -> Step {
    Step::send(wire::wake(WAKE_URL, WAKE_TOKEN))
}

/// A stream that lives for so many seconds.
fn alive(seconds: u64) -> Script {
    let mut script = vec![open()];
    for _ in 0..seconds / 5 {
        script.extend([Step::send(":\n\n"), Step::Pause(Duration::from_secs(5))]);
    }
    script
}

fn well() -> Script {
    vec![open(), wake(), Step::Hold]
}
