//! The adapter against a server that misbehaves: what the transport sees has to reach the machine as what
//! it is, and nothing may stay open. What the machine then decides is tested in the core.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use dormouse_testkit::wire::{self, CHUNKED, LAST_CHUNK, STREAM, answer, chunk, hello, status};
use dormouse_testkit::{FaultServer, Script, Step};
use dormouse_tokio::core::{
    ConnectFault, End, Field, HeartbeatFault, HeartbeatLoss, Oddity, Outcome, Report, StreamFault,
    Then, TransportFault, WireFault, sse::LimitExceeded,
};
use dormouse_tokio::{Event, Handle, Note, Status, StopReason, Wake, Watch};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(20);

/// A watch that runs in a task of its own, and everything that it said.
struct Running {
    reports: mpsc::UnboundedReceiver<Report>,
    wakes: mpsc::UnboundedReceiver<Wake>,
    handle: Handle,
    task: JoinHandle<Option<Status>>,
}

impl Running {
    fn start(url: &str) -> Self {
        let (said, reports) = mpsc::unbounded_channel();
        let (woken, wakes) = mpsc::unbounded_channel();
        let mut watch = Watch::builder(url)
            .token("canary-device-token")
            .observe(move |_, note| {
                assert!(!format!("{note} {note:?}").contains("canary"), "a token is shown: {note}");
                if let Note::Report(report) = note {
                    let _ = said.send(**report);
                }
            })
            .start()
            .expect("a watch");
        let handle = watch.handle();
        let task = tokio::spawn(async move {
            let mut last = None;
            while let Some(event) = watch.next().await {
                match event {
                    Event::Wake(wake) => drop(woken.send(wake)),
                    Event::Status(status) => last = Some(status),
                }
            }
            last
        });
        Self { reports, wakes, handle, task }
    }

    /// The first report that `pick` takes.
    async fn report<T>(&mut self, pick: impl Fn(Report) -> Option<T>) -> T {
        let found = async {
            loop {
                let report = self.reports.recv().await.expect("the watch runs");
                if let Some(found) = pick(report) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("a report in time")
    }

    async fn ended(&mut self) -> (End, Then) {
        self.report(|report| match report {
            Report::Ended { end, then, .. } => Some((end, then)),
            _ => None,
        })
        .await
    }

    async fn connected(&mut self) -> Duration {
        self.report(|report| match report {
            Report::Connected { heartbeat_interval, .. } => Some(heartbeat_interval),
            _ => None,
        })
        .await
    }

    async fn beat(&mut self) -> Option<HeartbeatFault> {
        self.report(|report| match report {
            Report::Heartbeat { fault, .. } => Some(fault),
            _ => None,
        })
        .await
    }

    async fn wake(&mut self) -> Wake {
        tokio::time::timeout(PATIENCE, self.wakes.recv()).await.expect("in time").expect("a wake")
    }

    async fn stopped(&mut self) -> Option<Status> {
        let task = &mut self.task;
        tokio::time::timeout(PATIENCE, task).await.expect("in time").expect("no panic")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server that plays `script` for the first watch, and falls silent after that.
fn first(script: Script) -> FaultServer {
    let later = vec![Step::Hold];
    FaultServer::start(
        move |n| if n == 0 { script.clone() } else { later.clone() },
        |_| status("204 No Content"),
    )
    .expect("a port")
}

async fn end_of(script: Script) -> (End, Then) {
    let server = first(script);
    Running::start(&server.url()).ended().await
}

async fn connect_fault(script: Script) -> ConnectFault {
    match end_of(script).await.0 {
        End::Connect(fault) => fault,
        End::Watch(outcome) => panic!("connected, and then {outcome:?}"),
    }
}

fn stream(bytes: impl AsRef<[u8]>) -> Script {
    vec![Step::send(STREAM), Step::send(bytes.as_ref()), Step::Hold]
}

fn hello_data(data: &str) -> Script {
    stream(format!("event: hello\ndata: {data}\n\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_nobody_listens_on_is_no_connection() {
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let (end, _) = Running::start(&url).ended().await;
    assert_eq!(end, End::Connect(ConnectFault::Transport(TransportFault::Connect)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_there_is_not_cannot_be_looked_up() {
    let (end, _) = Running::start("http://no-such-host.invalid").ended().await;
    assert_eq!(end, End::Connect(ConnectFault::Transport(TransportFault::Resolve)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_reset_before_the_head_is_broken() {
    let fault = connect_fault(vec![Step::Reset]).await;
    assert_eq!(fault, ConnectFault::Transport(TransportFault::Broken));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_http_is_said_to_be_none() {
    let fault = connect_fault(vec![Step::send("SSH-2.0-OpenSSH_9.2\r\n"), Step::Hold]).await;
    assert_eq!(fault, ConnectFault::Transport(TransportFault::Http));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_status_reaches_the_machine_as_it_is() {
    for (code, line) in [
        (400, "400 Bad Request"),
        (403, "403 Forbidden"),
        (404, "404 Not Found"),
        (405, "405 Method Not Allowed"),
        (410, "410 Gone"),
        (418, "418 I'm a teapot"),
        (500, "500 Internal Server Error"),
        (502, "502 Bad Gateway"),
    ] {
        assert_eq!(connect_fault(status(line)).await, ConnectFault::Status(code));
    }
    assert_eq!(connect_fault(status("409 Conflict")).await, ConnectFault::Conflict);
    assert_eq!(connect_fault(status("204 No Content")).await, ConnectFault::NotEventStream);
    let html = answer("200 OK", &[("content-type", "text/html")], "<h1>Welcome to the hotel</h1>");
    assert_eq!(connect_fault(vec![Step::send(html)]).await, ConnectFault::NotEventStream);
    let gzip = answer(
        "200 OK",
        &[("content-type", "text/event-stream"), ("content-encoding", "gzip")],
        "\u{1f}\u{8b}",
    );
    assert_eq!(connect_fault(vec![Step::send(gzip)]).await, ConnectFault::Compressed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_401_stops_the_watch() {
    let server = first(status("401 Unauthorized"));
    let mut running = Running::start(&server.url());
    assert_eq!(running.stopped().await, Some(Status::Stopped(StopReason::Unauthorized)));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_is_read_from_the_head() {
    let after = |line: &'static str, headers: Vec<(&'static str, &'static str)>| async move {
        match end_of(vec![Step::send(answer(line, &headers, "busy"))]).await {
            (End::Connect(ConnectFault::Status(429 | 503)), Then::Connect(delay)) => {
                delay.retry_after().as_secs()
            }
            other => panic!("{other:?}"),
        }
    };
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(after("429 Too Many Requests", vec![("retry-after", "5")]).await, 5);
    assert_eq!(after("503 Service Unavailable", vec![("Retry-After", "86400")]).await, 3600);
    let later = ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT");
    assert_eq!(after("503 Service Unavailable", vec![date, later]).await, 60);
    assert_eq!(after("503 Service Unavailable", vec![("retry-after", "soon")]).await, 0);
    assert_eq!(after("429 Too Many Requests", vec![]).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_redirect_is_followed_and_no_credential_leaves() {
    for line in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect"] {
        let elsewhere = first(stream(hello("stolen", 1000)));
        let location = format!("{}/v1/watch", elsewhere.url());
        let redirect = answer(line, &[("location", &location)], "");
        let code: u16 = line[..3].parse().expect("a status");
        let fault = connect_fault(vec![Step::send(redirect)]).await;
        assert_eq!(fault, ConnectFault::Status(code));
        assert_eq!(elsewhere.seen(), [], "{line} was followed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_follows_redirects_is_found_out() {
    let elsewhere = first(stream(hello("stolen", 1000)));
    let location = format!("{}/v1/watch", elsewhere.url());
    let server = first(vec![Step::send(answer("302 Found", &[("location", &location)], ""))]);
    let client = dormouse_tokio::client_builder(true)
        .expect("a builder")
        .redirect(reqwest::redirect::Policy::limited(3))
        .build()
        .expect("a client");
    let (told, mut ends) = mpsc::unbounded_channel();
    let mut watch = Watch::builder(server.url())
        .token("t")
        .client(client)
        .observe(move |_, note| {
            if let Note::Failed { error } = note {
                let _ = told.send(error.to_string());
            }
        })
        .start()
        .expect("a watch");
    let said = tokio::select! {
        said = ends.recv() => said.expect("a fault"),
        () = async { while watch.next().await.is_some() {} } => panic!("the watch ended"),
    };
    assert!(said.contains("Policy::none()"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_ends_before_hello_is_told_from_one_that_is_cut() {
    let ended = vec![Step::send(CHUNKED), Step::send(chunk(": hi\n")), Step::send(LAST_CHUNK)];
    assert_eq!(connect_fault(ended).await, ConnectFault::Ended);
    let cut = vec![Step::send(CHUNKED), Step::send(chunk(": hi\n"))];
    let broken = ConnectFault::Transport(TransportFault::Broken);
    assert_eq!(connect_fault(cut).await, broken);
    let short =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 99\r\n\r\n: hi\n";
    let hung_up = vec![Step::send(short.replace("content-length", "Content-Length"))];
    assert_eq!(connect_fault(hung_up).await, broken);
    let bad_chunk = vec![Step::send(CHUNKED), Step::send("zz\r\n: hi\n\r\n"), Step::Hold];
    assert!(matches!(connect_fault(bad_chunk).await, ConnectFault::Transport(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_hello_is_named() {
    let lease = |id: &str| {
        hello_data(&format!(
            r#"{{"watchLeaseId":{id},"deviceWaitForViewerMs":5000,"heartbeatIntervalMs":1000}}"#
        ))
    };
    let bad_id = ConnectFault::Hello(WireFault::Id(Field::WatchLeaseId));
    for id in [r#""a\u0000b""#, r#""a\rb""#, r#""a\nb""#, r#""""#] {
        assert_eq!(connect_fault(lease(id)).await, bad_id, "{id}");
    }
    let fault = |data: &str| connect_fault(hello_data(data));
    assert_eq!(fault("{").await, ConnectFault::Hello(WireFault::Json));
    let missing = WireFault::Missing(Field::HeartbeatIntervalMs);
    let data = r#"{"watchLeaseId":"l","deviceWaitForViewerMs":5000}"#;
    assert_eq!(fault(data).await, ConnectFault::Hello(missing));
    let negative = r#"{"watchLeaseId":"l","deviceWaitForViewerMs":5,"heartbeatIntervalMs":-1}"#;
    let wrong = WireFault::Type(Field::HeartbeatIntervalMs);
    assert_eq!(fault(negative).await, ConnectFault::Hello(wrong));
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(fault(&deep).await, ConnectFault::Hello(WireFault::Depth));
    let deeper = "[".repeat(100_000);
    assert_eq!(fault(&deeper).await, ConnectFault::Limit(LimitExceeded::Line));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hello_numbers_are_clamped() {
    for (interval, clamped) in [(0, 1), (1, 1), (1 << 63, 24 * 60 * 60)] {
        let server = first(stream(hello("l", interval)));
        let mut running = Running::start(&server.url());
        assert_eq!(running.connected().await, Duration::from_secs(clamped));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_without_end_is_given_up_at_its_limit() {
    // A gibibyte, if anybody reads that far: the connection is closed long before.
    let endless = || std::iter::repeat_n(Step::send(vec![b'x'; 1 << 20]), 1 << 10);
    let before: Script =
        [Step::send(STREAM), Step::send("data:")].into_iter().chain(endless()).collect();
    let server = first(before);
    let mut running = Running::start(&server.url());
    let (end, _) = running.ended().await;
    assert_eq!(end, End::Connect(ConnectFault::Limit(LimitExceeded::Line)));

    let after: Script = [Step::send(STREAM), Step::send(hello("l", 60_000)), Step::send("data:")]
        .into_iter()
        .chain(endless())
        .collect();
    let (end, _) = end_of(after).await;
    assert_eq!(end, End::Watch(Outcome::Stream(StreamFault::Limit(LimitExceeded::Line))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_counts_after_hello_only_and_once() {
    let server = first(stream(format!(
        "{}{}{}{}{}",
        wire::wake("http://a.example/early", "canary-1"),
        hello("l", 60_000),
        hello("other", 60_000),
        wire::wake("http://a.example/first", "canary-2"),
        wire::wake("http://a.example/second", "canary-3"),
    )));
    let mut running = Running::start(&server.url());
    let wake = running.wake().await;
    assert_eq!(&*wake.url, "http://a.example/first");
    assert_eq!(wake.token.expose(), "canary-2");
    running
        .report(|report| match report {
            Report::Oddity { oddity: Oddity::SecondHello, .. } => Some(()),
            _ => None,
        })
        .await;
    // Asking for the next event went back to sleep, over a new connection; the old one is closed.
    server.wait_seen(|seen| seen.len() == 2);
    server.wait_open(1);
    assert!(running.wakes.try_recv().is_err(), "one watch yields one wake");
    let again = &server.seen()[1];
    assert!(!again.line.contains("previousWatchLeaseId"), "{}", again.line);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wake_cut_at_any_byte_never_acts() {
    let wake = wire::wake("wss://a.example/", "t");
    // All but the last byte: with it, the wake is whole.
    for cut in 0..wake.len() - 1 {
        let text = format!("{}{}", hello("l", 60_000), &wake[..cut]);
        let script = vec![Step::send(CHUNKED), Step::send(chunk(&text)), Step::send(LAST_CHUNK)];
        let server = first(script);
        let mut running = Running::start(&server.url());
        let (end, _) = running.ended().await;
        assert_eq!(end, End::Watch(Outcome::Ended), "cut at {cut}");
        assert!(running.wakes.try_recv().is_err(), "cut at {cut}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_wake_breaks_the_stream() {
    for (data, fault) in [
        ("{}", WireFault::Missing(Field::Url)),
        ("nonsense", WireFault::Json),
        (r#"{"url":"wss://a.example","token":1}"#, WireFault::Type(Field::Token)),
    ] {
        let text = format!("{}event: wake\ndata: {data}\n\n", hello("l", 60_000));
        let (end, _) = end_of(stream(text)).await;
        assert_eq!(end, End::Watch(Outcome::Stream(StreamFault::Wake(fault))), "{data}");
    }
}

/// A stream that stays alive, and what its heartbeats are answered with.
fn beating(answer: impl Fn(usize) -> Script + Send + Sync + 'static) -> FaultServer {
    let alive = || {
        let comments = ":\n".repeat(100).into_bytes();
        let every = Duration::from_millis(200);
        vec![Step::send(STREAM), Step::send(hello("lease-1", 1000)), Step::Drip(comments, every)]
    };
    FaultServer::start(move |_| alive(), answer).expect("a port")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_go_beside_the_open_stream() {
    let server = beating(|_| status("204 No Content"));
    let mut running = Running::start(&server.url());
    for _ in 0..3 {
        assert_eq!(running.beat().await, None);
    }
    let seen = server.seen();
    let beat = seen.iter().find(|seen| seen.is_heartbeat()).expect("a heartbeat");
    assert_eq!(beat.line, "POST /v1/watch/heartbeat HTTP/1.1");
    assert_eq!(beat.body, r#"{"watchLeaseId":"lease-1"}"#);
    assert_eq!(beat.header("content-type"), Some("application/json"));
    assert_eq!(beat.header("authorization"), Some("Bearer canary-device-token"));
    assert_eq!(beat.header("accept-encoding"), Some("identity"));
    let watch = &seen[0];
    assert_eq!(watch.line, "GET /v1/watch?protocolVersion=2.2.0 HTTP/1.1");
    assert_eq!(watch.header("accept"), Some("text/event-stream"));
    assert_eq!(watch.header("accept-encoding"), Some("identity"));
    assert_eq!(watch.header("cache-control"), Some("no-store"));
    assert_eq!(server.open(), 2, "one connection for the stream, one for all heartbeats");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_heartbeat_is_answered_decides() {
    for (line, loss) in [("409 Conflict", HeartbeatLoss::Taken), ("410 Gone", HeartbeatLoss::Gone)]
    {
        let server = beating(move |_| status(line));
        let (end, _) = Running::start(&server.url()).ended().await;
        assert_eq!(end, End::Watch(Outcome::HeartbeatLost(loss)));
    }
    let server = beating(|_| status("401 Unauthorized"));
    let stopped = Running::start(&server.url()).stopped().await;
    assert_eq!(stopped, Some(Status::Stopped(StopReason::Unauthorized)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_that_is_redirected_or_fails_refreshes_nothing() {
    let elsewhere = beating(|_| status("200 OK"));
    let location = format!("{}/v1/watch/heartbeat", elsewhere.url());
    let redirect = answer("307 Temporary Redirect", &[("location", &location)], "");
    let server = beating(move |n| match n {
        0 => vec![Step::send(redirect.clone())],
        1 => status("500 Internal Server Error"),
        _ => vec![Step::Reset],
    });
    let mut running = Running::start(&server.url());
    assert_eq!(running.beat().await, Some(HeartbeatFault::Status(307)));
    assert_eq!(running.beat().await, Some(HeartbeatFault::Status(500)));
    let broken = HeartbeatFault::Transport(TransportFault::Broken);
    assert_eq!(running.beat().await, Some(broken));
    let (end, _) = running.ended().await;
    assert_eq!(end, End::Watch(Outcome::HeartbeatLost(HeartbeatLoss::Failed)));
    assert_eq!(elsewhere.seen(), [], "the redirect was followed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_that_is_never_answered_is_abandoned() {
    let server = beating(|_| vec![Step::Hold]);
    let mut running = Running::start(&server.url());
    assert_eq!(running.beat().await, Some(HeartbeatFault::Timeout));
    assert_eq!(running.beat().await, Some(HeartbeatFault::Timeout));
    server.wait_open(2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_and_dropping_close_everything() {
    let server = beating(|_| status("204 No Content"));
    let mut stopped = Running::start(&server.url());
    stopped.connected().await;
    stopped.beat().await;
    stopped.handle.stop();
    assert_eq!(stopped.stopped().await, Some(Status::Stopped(StopReason::Requested)));
    server.wait_open(0);

    let mut dropped = Running::start(&server.url());
    dropped.connected().await;
    assert_eq!(dropped.handle.status(), Status::Connected);
    dropped.task.abort();
    server.wait_open(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_is_prompt_while_connecting_and_while_waiting() {
    let silent = first(vec![Step::Hold]);
    let mut connecting = Running::start(&silent.url());
    silent.wait_seen(|seen| seen.len() == 1);
    connecting.handle.stop();
    assert_eq!(connecting.stopped().await, Some(Status::Stopped(StopReason::Requested)));
    silent.wait_open(0);

    let refusing = first(status("409 Conflict"));
    let mut waiting = Running::start(&refusing.url());
    waiting.ended().await;
    waiting.handle.stop();
    assert_eq!(waiting.stopped().await, Some(Status::Stopped(StopReason::Requested)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_future_of_the_next_event_can_be_dropped_at_any_time() {
    let server = first(vec![
        Step::send(STREAM),
        Step::Drip(
            format!("{}{}", hello("l", 60_000), wire::wake("http://a.example", "t")).into_bytes(),
            Duration::from_millis(1),
        ),
        Step::Hold,
    ]);
    let mut watch = Watch::builder(server.url()).token("t").start().expect("a watch");
    let woken = async {
        loop {
            // Polled once, then dropped, whatever it is in the middle of.
            let next = tokio::select! {
                biased;
                event = watch.next() => event,
                () = std::future::ready(()) => {
                    tokio::task::yield_now().await;
                    continue;
                }
            };
            if let Some(Event::Wake(wake)) = next {
                return wake;
            }
        }
    };
    let wake = tokio::time::timeout(PATIENCE, woken).await.expect("the wake was lost");
    assert_eq!(&*wake.url, "http://a.example");
    drop(watch);
    server.wait_open(0);
}

#[test]
fn bad_settings_are_refused_at_the_start() {
    let error =
        |builder: dormouse_tokio::Builder| builder.start().expect_err("refused").to_string();
    let with = |url: &str| Watch::builder(url).token("t");
    assert_eq!(error(Watch::builder("http://localhost")), "no token was given");
    assert_eq!(error(with("http://localhost").token("")), "the token is empty");
    assert!(error(with("http://localhost").token("canary\n")).contains("line break at byte 6"));
    assert!(!error(with("http://localhost").token("canary\n")).contains("canary"));
    assert!(error(with("localhost:80")).contains("neither http nor https"));
    assert!(error(with("example.com")).contains("absolute URL"));
    assert!(error(with("http://localhost?x")).contains("query"));
    assert!(error(with("http://u:p@localhost")).contains("user name"));
}
