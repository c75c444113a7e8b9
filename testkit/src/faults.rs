//! What every transport must tell apart, whatever runtime it runs on: one table, run for each.
//!
//! A [`Client`] says how a watch of its kind is made and on what it runs. [`faults!`](macro@crate::faults) turns
//! the table into tests of it, one for each scenario; `running` is the watch that they look at. What reaches the machine has to be what the server
//! did, and nothing may stay open; what the machine then decides is tested in the core.

#![allow(missing_docs, reason = "the name of a scenario is its sentence")]
#![allow(clippy::missing_panics_doc, reason = "that is how a test fails")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

mod running;

use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use dormouse_core::driver::{Event, Handle, Note};
use dormouse_core::{
    ConnectFault, End, Field, HeartbeatFault, HeartbeatLoss, Oddity, Outcome, Report, Status,
    StopReason, StreamFault, Then, Timestamp, TransportFault, WireFault, sse::LimitExceeded,
};

use crate::wire::{self, CHUNKED, LAST_CHUNK, STREAM, answer, chunk, hello, status};
use crate::{FaultServer, Script, ServerBuilder, Step};
use running::Running;

/// For how long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sees every note of a watch.
pub type Observer = Box<dyn FnMut(Timestamp, &Note<'_>) + Send + Sync>;

/// Takes the lines of a watch's journal.
pub type Sink = Box<dyn FnMut(&str) + Send + Sync>;

/// An adapter under test: how to make its watch, and on what it runs.
pub trait Client: 'static {
    /// Its watch.
    type Watch;

    /// Whether it cannot read a body that lasts until its connection is closed: it then gets chunks.
    const NEEDS_FRAMING: bool = false;

    /// A watch of the service at `url`, observed and recorded.
    ///
    /// # Errors
    ///
    /// What the adapter says.
    fn watch(
        url: &str,
        token: &str,
        observer: Observer,
        journal: Sink,
    ) -> Result<Self::Watch, Box<dyn Error>>;

    /// Its handle.
    fn handle(watch: &Self::Watch) -> Handle;

    /// Its next event.
    fn next(watch: &mut Self::Watch) -> impl Future<Output = Option<Event>>;

    /// Runs a future on this thread, with whatever the runtime needs around it.
    fn block_on(future: impl Future<Output = ()>);
}

/// Makes a test of each scenario, for one [`Client`](crate::faults::Client).
#[macro_export]
macro_rules! faults {
    ($client:ty) => {
        $crate::faults!($client:
            a_port_that_nobody_listens_on_is_no_connection
            a_name_that_there_is_not_cannot_be_looked_up
            a_connection_reset_before_the_head_is_broken
            what_is_not_http_is_said_to_be_none
            every_status_reaches_the_machine_as_it_is
            a_401_stops_the_watch
            retry_after_is_read_from_the_head
            no_redirect_is_followed_and_no_credential_leaves
            a_stream_that_ends_before_hello_is_told_from_one_that_is_cut
            a_malformed_hello_is_named
            hello_numbers_are_clamped
            a_line_without_end_is_given_up_at_its_limit
            a_wake_counts_after_hello_only_and_once
            a_wake_cut_at_any_byte_never_acts
            a_malformed_wake_breaks_the_stream
            heartbeats_go_beside_the_open_stream
            what_a_heartbeat_is_answered_decides
            a_heartbeat_that_is_redirected_or_fails_refreshes_nothing
            a_heartbeat_that_is_never_answered_is_abandoned
            stopping_and_dropping_close_everything
            a_stop_is_prompt_while_connecting_and_while_waiting
            the_future_of_the_next_event_can_be_dropped_at_any_time
            bad_settings_are_refused_at_the_start
        );
    };
    ($client:ty: $($scenario:ident)+) => {
        $(
            #[test]
            fn $scenario() {
                $crate::faults::$scenario::<$client>();
            }
        )+
    };
}

/// Lets others run once.
async fn yielded() {
    let mut once = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut once, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn server<C: Client>() -> ServerBuilder {
    FaultServer::builder().framed(C::NEEDS_FRAMING)
}

/// A server that plays `script` for the first watch, and falls silent after that.
fn first<C: Client>(script: Script) -> FaultServer {
    let later = vec![Step::Hold];
    let server =
        server::<C>().watches(move |n| if n == 0 { script.clone() } else { later.clone() });
    server.start().expect("a port")
}

fn end_of<C: Client>(script: Script) -> (End, Then) {
    let server = first::<C>(script);
    Running::<C>::start(&server.url()).ended()
}

fn connect_fault<C: Client>(script: Script) -> ConnectFault {
    match end_of::<C>(script).0 {
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

pub fn a_port_that_nobody_listens_on_is_no_connection<C: Client>() {
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let (end, _) = Running::<C>::start(&url).ended();
    assert_eq!(end, End::Connect(ConnectFault::Transport(TransportFault::Connect)));
}

pub fn a_name_that_there_is_not_cannot_be_looked_up<C: Client>() {
    let (end, _) = Running::<C>::start("http://no-such-host.invalid").ended();
    assert_eq!(end, End::Connect(ConnectFault::Transport(TransportFault::Resolve)));
}

pub fn a_connection_reset_before_the_head_is_broken<C: Client>() {
    let fault = connect_fault::<C>(vec![Step::Reset]);
    assert_eq!(fault, ConnectFault::Transport(TransportFault::Broken));
}

pub fn what_is_not_http_is_said_to_be_none<C: Client>() {
    let fault = connect_fault::<C>(vec![Step::send("SSH-2.0-OpenSSH_9.2\r\n"), Step::Hold]);
    assert_eq!(fault, ConnectFault::Transport(TransportFault::Http));
}

pub fn every_status_reaches_the_machine_as_it_is<C: Client>() {
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
        assert_eq!(connect_fault::<C>(status(line)), ConnectFault::Status(code));
    }
    assert_eq!(connect_fault::<C>(status("409 Conflict")), ConnectFault::Conflict);
    assert_eq!(connect_fault::<C>(status("204 No Content")), ConnectFault::NotEventStream);
    let html = answer("200 OK", &[("content-type", "text/html")], "<h1>Welcome to the hotel</h1>");
    assert_eq!(connect_fault::<C>(vec![Step::send(html)]), ConnectFault::NotEventStream);
    let gzip = answer(
        "200 OK",
        &[("content-type", "text/event-stream"), ("content-encoding", "gzip")],
        "\u{1f}\u{8b}",
    );
    assert_eq!(connect_fault::<C>(vec![Step::send(gzip)]), ConnectFault::Compressed);
}

pub fn a_401_stops_the_watch<C: Client>() {
    let server = first::<C>(status("401 Unauthorized"));
    let mut running = Running::<C>::start(&server.url());
    assert_eq!(running.stopped(), Some(Status::Stopped(StopReason::Unauthorized)));
    assert_eq!(server.seen().len(), 1);
}

pub fn retry_after_is_read_from_the_head<C: Client>() {
    let after =
        |line: &'static str, headers: Vec<(&'static str, &'static str)>| match end_of::<C>(vec![
            Step::send(answer(line, &headers, "busy")),
        ]) {
            (End::Connect(ConnectFault::Status(429 | 503)), Then::Connect(delay)) => {
                delay.retry_after().as_secs()
            }
            other => panic!("{other:?}"),
        };
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(after("429 Too Many Requests", vec![("retry-after", "5")]), 5);
    assert_eq!(after("503 Service Unavailable", vec![("Retry-After", "86400")]), 3600);
    let later = ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT");
    assert_eq!(after("503 Service Unavailable", vec![date, later]), 60);
    assert_eq!(after("503 Service Unavailable", vec![("retry-after", "soon")]), 0);
    assert_eq!(after("429 Too Many Requests", vec![]), 0);
}

pub fn no_redirect_is_followed_and_no_credential_leaves<C: Client>() {
    for line in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect"] {
        let elsewhere = first::<C>(stream(hello("stolen", 1000)));
        let location = format!("{}/v1/watch", elsewhere.url());
        let redirect = answer(line, &[("location", &location)], "");
        let code: u16 = line[..3].parse().expect("a status");
        let fault = connect_fault::<C>(vec![Step::send(redirect)]);
        assert_eq!(fault, ConnectFault::Status(code));
        assert_eq!(elsewhere.seen(), [], "{line} was followed");
    }
}

pub fn a_stream_that_ends_before_hello_is_told_from_one_that_is_cut<C: Client>() {
    let ended = vec![Step::send(CHUNKED), Step::send(chunk(": hi\n")), Step::send(LAST_CHUNK)];
    assert_eq!(connect_fault::<C>(ended), ConnectFault::Ended);
    let cut = vec![Step::send(CHUNKED), Step::send(chunk(": hi\n"))];
    let broken = ConnectFault::Transport(TransportFault::Broken);
    assert_eq!(connect_fault::<C>(cut), broken);
    let short =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 99\r\n\r\n: hi\n";
    let hung_up = vec![Step::send(short.replace("content-length", "Content-Length"))];
    assert_eq!(connect_fault::<C>(hung_up), broken);
    let bad_chunk = vec![Step::send(CHUNKED), Step::send("zz\r\n: hi\n\r\n"), Step::Hold];
    assert!(matches!(connect_fault::<C>(bad_chunk), ConnectFault::Transport(_)));
}

pub fn a_malformed_hello_is_named<C: Client>() {
    let lease = |id: &str| {
        hello_data(&format!(
            r#"{{"watchLeaseId":{id},"deviceWaitForViewerMs":5000,"heartbeatIntervalMs":1000}}"#
        ))
    };
    let bad_id = ConnectFault::Hello(WireFault::Id(Field::WatchLeaseId));
    for id in [r#""a\u0000b""#, r#""a\rb""#, r#""a\nb""#, r#""""#] {
        assert_eq!(connect_fault::<C>(lease(id)), bad_id, "{id}");
    }
    let fault = |data: &str| connect_fault::<C>(hello_data(data));
    assert_eq!(fault("{"), ConnectFault::Hello(WireFault::Json));
    let missing = WireFault::Missing(Field::HeartbeatIntervalMs);
    let data = r#"{"watchLeaseId":"l","deviceWaitForViewerMs":5000}"#;
    assert_eq!(fault(data), ConnectFault::Hello(missing));
    let negative = r#"{"watchLeaseId":"l","deviceWaitForViewerMs":5,"heartbeatIntervalMs":-1}"#;
    let wrong = WireFault::Type(Field::HeartbeatIntervalMs);
    assert_eq!(fault(negative), ConnectFault::Hello(wrong));
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    assert_eq!(fault(&deep), ConnectFault::Hello(WireFault::Depth));
    let deeper = "[".repeat(100_000);
    assert_eq!(fault(&deeper), ConnectFault::Limit(LimitExceeded::Line));
}

pub fn hello_numbers_are_clamped<C: Client>() {
    for (interval, clamped) in [(0, 1), (1, 1), (1 << 63, 24 * 60 * 60)] {
        let server = first::<C>(stream(hello("l", interval)));
        let mut running = Running::<C>::start(&server.url());
        assert_eq!(running.connected(), Duration::from_secs(clamped));
    }
}

pub fn a_line_without_end_is_given_up_at_its_limit<C: Client>() {
    // A gibibyte, if anybody reads that far: the connection is closed long before.
    let endless = || std::iter::repeat_n(Step::send(vec![b'x'; 1 << 20]), 1 << 10);
    let before: Script =
        [Step::send(STREAM), Step::send("data:")].into_iter().chain(endless()).collect();
    let server = first::<C>(before);
    let mut running = Running::<C>::start(&server.url());
    let (end, _) = running.ended();
    assert_eq!(end, End::Connect(ConnectFault::Limit(LimitExceeded::Line)));

    let after: Script = [Step::send(STREAM), Step::send(hello("l", 60_000)), Step::send("data:")]
        .into_iter()
        .chain(endless())
        .collect();
    let (end, _) = end_of::<C>(after);
    assert_eq!(end, End::Watch(Outcome::Stream(StreamFault::Limit(LimitExceeded::Line))));
}

pub fn a_wake_counts_after_hello_only_and_once<C: Client>() {
    let server = first::<C>(stream(format!(
        "{}{}{}{}{}",
        wire::wake("http://a.example/early", "canary-1"),
        hello("l", 60_000),
        hello("other", 60_000),
        wire::wake("http://a.example/first", "canary-2"),
        wire::wake("http://a.example/second", "canary-3"),
    )));
    let mut running = Running::<C>::start(&server.url());
    let wake = running.wake();
    assert_eq!(&*wake.url, "http://a.example/first");
    assert_eq!(wake.token.expose(), "canary-2");
    running.report(|report| match report {
        Report::Oddity { oddity: Oddity::SecondHello, .. } => Some(()),
        _ => None,
    });
    // Asking for the next event went back to sleep, over a new connection; the old one is closed.
    server.wait_seen(|seen| seen.len() == 2);
    server.wait_open(1);
    assert!(running.wakes.try_recv().is_err(), "one watch yields one wake");
    let again = &server.seen()[1];
    assert!(!again.line.contains("previousWatchLeaseId"), "{}", again.line);
}

pub fn a_wake_cut_at_any_byte_never_acts<C: Client>() {
    let wake = wire::wake("wss://a.example/", "t");
    // All but the last byte: with it, the wake is whole.
    for cut in 0..wake.len() - 1 {
        let text = format!("{}{}", hello("l", 60_000), &wake[..cut]);
        let script = vec![Step::send(CHUNKED), Step::send(chunk(&text)), Step::send(LAST_CHUNK)];
        let server = first::<C>(script);
        let mut running = Running::<C>::start(&server.url());
        let (end, _) = running.ended();
        assert_eq!(end, End::Watch(Outcome::Ended), "cut at {cut}");
        assert!(running.wakes.try_recv().is_err(), "cut at {cut}");
    }
}

pub fn a_malformed_wake_breaks_the_stream<C: Client>() {
    for (data, fault) in [
        ("{}", WireFault::Missing(Field::Url)),
        ("nonsense", WireFault::Json),
        (r#"{"url":"wss://a.example","token":1}"#, WireFault::Type(Field::Token)),
    ] {
        let text = format!("{}event: wake\ndata: {data}\n\n", hello("l", 60_000));
        let (end, _) = end_of::<C>(stream(text));
        assert_eq!(end, End::Watch(Outcome::Stream(StreamFault::Wake(fault))), "{data}");
    }
}

/// A stream that stays alive, and what its heartbeats are answered with.
fn beating<C: Client>(answer: impl Fn(usize) -> Script + Send + Sync + 'static) -> FaultServer {
    let alive = || {
        let comments = ":\n".repeat(100).into_bytes();
        let every = Duration::from_millis(200);
        vec![Step::send(STREAM), Step::send(hello("lease-1", 1000)), Step::Drip(comments, every)]
    };
    server::<C>().watches(move |_| alive()).heartbeats(answer).start().expect("a port")
}

pub fn heartbeats_go_beside_the_open_stream<C: Client>() {
    let server = beating::<C>(|_| status("204 No Content"));
    let mut running = Running::<C>::start(&server.url());
    for _ in 0..3 {
        assert_eq!(running.beat(), None);
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

pub fn what_a_heartbeat_is_answered_decides<C: Client>() {
    for (line, loss) in [("409 Conflict", HeartbeatLoss::Taken), ("410 Gone", HeartbeatLoss::Gone)]
    {
        let server = beating::<C>(move |_| status(line));
        let (end, _) = Running::<C>::start(&server.url()).ended();
        assert_eq!(end, End::Watch(Outcome::HeartbeatLost(loss)));
    }
    let server = beating::<C>(|_| status("401 Unauthorized"));
    let stopped = Running::<C>::start(&server.url()).stopped();
    assert_eq!(stopped, Some(Status::Stopped(StopReason::Unauthorized)));
}

pub fn a_heartbeat_that_is_redirected_or_fails_refreshes_nothing<C: Client>() {
    let elsewhere = beating::<C>(|_| status("200 OK"));
    let location = format!("{}/v1/watch/heartbeat", elsewhere.url());
    let redirect = answer("307 Temporary Redirect", &[("location", &location)], "");
    let server = beating::<C>(move |n| match n {
        0 => vec![Step::send(redirect.clone())],
        1 => status("500 Internal Server Error"),
        _ => vec![Step::Reset],
    });
    let mut running = Running::<C>::start(&server.url());
    assert_eq!(running.beat(), Some(HeartbeatFault::Status(307)));
    assert_eq!(running.beat(), Some(HeartbeatFault::Status(500)));
    let broken = HeartbeatFault::Transport(TransportFault::Broken);
    assert_eq!(running.beat(), Some(broken));
    let (end, _) = running.ended();
    assert_eq!(end, End::Watch(Outcome::HeartbeatLost(HeartbeatLoss::Failed)));
    assert_eq!(elsewhere.seen(), [], "the redirect was followed");
}

pub fn a_heartbeat_that_is_never_answered_is_abandoned<C: Client>() {
    let server = beating::<C>(|_| vec![Step::Hold]);
    let mut running = Running::<C>::start(&server.url());
    assert_eq!(running.beat(), Some(HeartbeatFault::Timeout));
    assert_eq!(running.beat(), Some(HeartbeatFault::Timeout));
    server.wait_open(2);
}

pub fn stopping_and_dropping_close_everything<C: Client>() {
    let server = beating::<C>(|_| status("204 No Content"));
    let mut stopped = Running::<C>::start(&server.url());
    stopped.connected();
    stopped.beat();
    stopped.handle.stop();
    assert_eq!(stopped.stopped(), Some(Status::Stopped(StopReason::Requested)));
    server.wait_open(0);

    let mut dropped = Running::<C>::start(&server.url());
    dropped.connected();
    assert_eq!(dropped.handle.status(), Status::Connected);
    dropped.give_up();
    server.wait_open(0);
}

pub fn a_stop_is_prompt_while_connecting_and_while_waiting<C: Client>() {
    let silent = first::<C>(vec![Step::Hold]);
    let mut connecting = Running::<C>::start(&silent.url());
    silent.wait_seen(|seen| seen.len() == 1);
    connecting.handle.stop();
    assert_eq!(connecting.stopped(), Some(Status::Stopped(StopReason::Requested)));
    silent.wait_open(0);

    let refusing = first::<C>(status("409 Conflict"));
    let mut waiting = Running::<C>::start(&refusing.url());
    waiting.ended();
    waiting.handle.stop();
    assert_eq!(waiting.stopped(), Some(Status::Stopped(StopReason::Requested)));
}

pub fn the_future_of_the_next_event_can_be_dropped_at_any_time<C: Client>() {
    let server = first::<C>(vec![
        Step::send(STREAM),
        Step::Drip(
            format!("{}{}", hello("l", 60_000), wire::wake("http://a.example", "t")).into_bytes(),
            Duration::from_millis(1),
        ),
        Step::Hold,
    ]);
    let (found, wakes) = mpsc::channel();
    let url = server.url();
    let running = thread::spawn(move || {
        C::block_on(async move {
            let mut watch =
                C::watch(&url, "t", Box::new(|_, _| {}), Box::new(|_| {})).expect("a watch");
            loop {
                // Polled once, then dropped, whatever it is in the middle of.
                let next = poll_fn(|cx| {
                    let next = pin!(C::next(&mut watch)).poll(cx);
                    Poll::Ready(next)
                });
                let Poll::Ready(next) = next.await else {
                    // As an executor does: nothing is polled in vain but by this test.
                    yielded().await;
                    continue;
                };
                if let Some(Event::Wake(wake)) = next {
                    drop(watch);
                    let _ = found.send(wake);
                    return;
                }
            }
        });
    });
    let wake = wakes.recv_timeout(PATIENCE).expect("the wake was lost");
    assert_eq!(&*wake.url, "http://a.example");
    running.join().expect("no panic");
    server.wait_open(0);
}

pub fn bad_settings_are_refused_at_the_start<C: Client>() {
    let error = |url: &str, token: &str| match C::watch(
        url,
        token,
        Box::new(|_, _| {}),
        Box::new(|_| {}),
    ) {
        Ok(_) => panic!("{url} with {token:?} was taken"),
        Err(error) => error.to_string(),
    };
    let with = |url: &str| error(url, "t");
    assert_eq!(error("http://localhost", ""), "the token is empty");
    assert!(error("http://localhost", "canary\n").contains("line break at byte 6"));
    assert!(!error("http://localhost", "canary\n").contains("canary"));
    assert!(with("localhost:80").contains("neither http nor https"));
    assert!(with("example.com").contains("absolute URL"));
    assert!(with("http://localhost?x").contains("query"));
    assert!(with("http://u:p@localhost").contains("user name"));
}
