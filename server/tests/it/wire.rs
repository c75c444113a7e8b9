//! Over loopback sockets, byte by byte: what a client sees of wakes, drains, crashes and restarts.

use core::time::Duration;
use std::net::SocketAddr;

use dormouse_server::{ConfigBuilder, Running};
use tokio::net::{TcpListener, TcpStream};

use super::support::*;

async fn start(config: ConfigBuilder, at: SocketAddr) -> Running {
    let listener = TcpListener::bind(at).await.unwrap();
    server(config).spawn(listener).unwrap()
}

async fn started(config: ConfigBuilder) -> (Running, SocketAddr) {
    let running = start(config, ([127, 0, 0, 1], 0).into()).await;
    let address = running.local_addr();
    (running, address)
}

fn quick() -> ConfigBuilder {
    config().comment_interval(Duration::from_millis(20))
}

#[tokio::test]
async fn a_device_sleeps_and_is_woken() {
    let (running, to) = started(quick()).await;
    let mut watch = Wire::watch(to, "token-a", None).await;
    let head = watch.head.to_ascii_lowercase();
    for header in [
        "content-type: text/event-stream\r\n",
        "cache-control: no-store\r\n",
        "x-accel-buffering: no\r\n",
        "transfer-encoding: chunked\r\n",
        "\r\ndate: ",
    ] {
        assert!(head.contains(header), "{header:?} in {head}");
    }
    let lease = watch.hello().await;
    watch.until(":\n\n:\n\n").await;
    assert_eq!(Wire::beat(to, "token-a", &lease).await, 204);
    assert_eq!(Wire::watch(to, "token-a", None).await.status(), 409);
    assert_eq!(Wire::wake(to, "a").await, 200);
    let (rest, end) = watch.rest().await;
    assert_eq!(end, End::Clean);
    let wake = rest.trim_start_matches([':', '\n']);
    assert_eq!(wake, format!("event: wake\ndata: {WAKE}\n\n"));
    Wire::watch(to, "token-a", None).await.hello().await;
    running.drain().await;
}

#[tokio::test]
async fn a_client_that_goes_is_noticed_at_once() {
    // Nothing but the closed socket can tell: the next comment is an hour away.
    let hour = secs(3600);
    let (running, to) = started(config().heartbeat_interval(hour).comment_interval(hour)).await;
    let mut watch = Wire::watch(to, "token-a", None).await;
    let lease = watch.hello().await;
    assert_eq!(running.server().open_watches(), 1);
    drop(watch);
    eventually("the watch is gone", || running.server().open_watches() == 0).await;
    // Its wake waits, and its lease too.
    assert_eq!(Wire::wake(to, "a").await, 202);
    assert_eq!(Wire::watch(to, "token-a", None).await.status(), 409);
    let mut watch = Wire::watch(to, "token-a", Some(&lease)).await;
    watch.hello().await;
    assert_eq!(watch.rest().await, (format!("event: wake\ndata: {WAKE}\n\n"), End::Clean));
}

#[tokio::test]
async fn a_drain_ends_cleanly_and_frees_the_port() {
    let (running, to) = started(config().connects_per_second(1).connect_burst(9)).await;
    let mut a = Wire::watch(to, "token-a", None).await;
    let mut b = Wire::watch(to, "token-b", None).await;
    a.hello().await;
    b.hello().await;
    // A connection that never asked for anything does not hold it up.
    let _idle = TcpStream::connect(to).await.unwrap();
    tokio::time::timeout(secs(2), running.drain()).await.unwrap();
    for watch in [&mut a, &mut b] {
        assert_eq!(watch.rest().await, ("retry: 2400\n\n".into(), End::Clean));
    }
    assert!(TcpStream::connect(to).await.is_err());
}

#[tokio::test]
async fn a_shutdown_future_drains() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap();
    let server = server(config());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let app = server.router().route("/hello", axum::routing::get(async || "here"));
    let serving = tokio::spawn(async move {
        server.serve(listener, app, async { drop(stopped.await) }).await;
    });
    assert_eq!(Wire::send(to, "", "GET /hello", "").await.status(), 200);
    let mut watch = Wire::watch(to, "token-a", None).await;
    watch.hello().await;
    stop.send(()).unwrap();
    assert_eq!(watch.rest().await, ("retry: 1000\n\n".into(), End::Clean));
    tokio::time::timeout(secs(5), serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_abort_looks_like_a_crash_and_the_port_can_be_bound_again() {
    let (running, to) = started(config()).await;
    let mut watch = Wire::watch(to, "token-a", None).await;
    let lease = watch.hello().await;
    running.abort().await;
    assert_eq!(watch.rest().await, (String::new(), End::Cut));
    assert!(TcpStream::connect(to).await.is_err());

    // Without a state file nothing is remembered.
    let running = start(config(), to).await;
    assert_eq!(Wire::beat(to, "token-a", &lease).await, 410);
    let mut watch = Wire::watch(to, "token-a", Some(&lease)).await;
    watch.hello().await;
    // Dropping it is an abort, too.
    drop(running);
    assert_eq!(watch.rest().await, (String::new(), End::Cut));
}

#[tokio::test]
async fn after_a_crash_only_the_holder_is_let_in() {
    let path = state_file("crash");
    let config = || quick().state_file(&path);
    let (running, to) = started(config()).await;
    let mut a = Wire::watch(to, "token-a", None).await;
    let lease = a.hello().await;
    // B is woken before the crash: it has no lease to come back with.
    let mut b = Wire::watch(to, "token-b", None).await;
    b.hello().await;
    assert_eq!(Wire::wake(to, "b").await, 200);
    running.abort().await;
    assert_eq!(a.rest().await.1, End::Cut);

    let running = start(config(), to).await;
    for previous in [None, Some("guessed")] {
        assert_eq!(Wire::watch(to, "token-a", previous).await.status(), 409);
    }
    let mut b = Wire::watch(to, "token-b", None).await;
    b.hello().await;
    // It is woken as soon as it is back, even if the wake was there first.
    assert_eq!(Wire::wake(to, "a").await, 202);
    let mut a = Wire::watch(to, "token-a", Some(&lease)).await;
    assert_ne!(a.hello().await, lease);
    assert_eq!(a.rest().await, (format!("event: wake\ndata: {WAKE}\n\n"), End::Clean));

    // The same over a graceful end.
    running.drain().await;
    let _running = start(config(), to).await;
    assert_eq!(Wire::watch(to, "token-b", None).await.status(), 409);
    Wire::watch(to, "token-a", None).await.hello().await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_hello_lost_in_the_crash_does_not_lock_the_holder_out() {
    let path = state_file("lost-hello");
    let config = || quick().state_file(&path);
    let (running, to) = started(config()).await;
    let lease = Wire::watch(to, "token-a", None).await.hello().await;
    // It takes over, and the crash comes before it reads the hello.
    let _unread = Wire::watch(to, "token-a", Some(&lease)).await;
    running.abort().await;
    let _running = start(config(), to).await;
    Wire::watch(to, "token-a", Some(&lease)).await.hello().await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_state_file_that_is_something_else_stops_the_start() {
    let path = state_file("other");
    std::fs::write(&path, "precious").unwrap();
    let config = config().state_file(&path).build().unwrap();
    let error = dormouse_server::Server::new(config).unwrap_err();
    assert!(error.to_string().contains("line 1 is not what this server writes"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(path).unwrap();
}
