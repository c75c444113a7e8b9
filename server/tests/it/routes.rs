//! Every route through the router, without a socket and with time that stands still until all wait.

use core::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use tokio::time::{Instant, advance};

use super::support::*;

const WAKE_A: &str = "/v1/devices/a/wake";

#[tokio::test(start_paused = true)]
async fn a_watch_says_hello_then_shows_life_and_ends_when_its_lease_expires() {
    let app = server(config()).router();
    let start = Instant::now();
    let mut watch = get(&app, "token-a", WATCH).await;
    assert_eq!(watch.header("content-type"), Some("text/event-stream"));
    assert_eq!(watch.header("cache-control"), Some("no-store"));
    assert_eq!(watch.header("x-accel-buffering"), Some("no"));
    let hello = watch.frame().await.unwrap();
    let lease = lease_in(&hello);
    assert_eq!(lease.len(), 32);
    assert_eq!(
        hello,
        format!(
            "retry: 1000\nevent: hello\ndata: {{\"watchLeaseId\":\"{lease}\",\
             \"deviceWaitForViewerMs\":60000,\"heartbeatIntervalMs\":30000}}\n\n"
        )
    );
    for comment in 1..=5 {
        assert_eq!(watch.frame().await.as_deref(), Some(":\n\n"));
        assert_eq!(start.elapsed(), secs(15 * comment));
    }
    // 90 s without a heartbeat.
    while let Some(frame) = watch.frame().await {
        assert_eq!(frame, ":\n\n");
    }
    assert_eq!(start.elapsed(), secs(90));
    assert_eq!(beat(&app, "token-a", &lease).await, StatusCode::GONE);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_in_the_instant_in_which_its_lease_expires() {
    let app = server(config().lease_lifetime(secs(70))).router();
    let start = Instant::now();
    let (mut stream, _) = watch(&app, "token-a", None).await;
    while stream.frame().await.is_some() {}
    assert_eq!(start.elapsed(), secs(70));
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_the_lease() {
    let app = server(config()).router();
    let (mut watch_a, lease) = watch(&app, "token-a", None).await;
    for _ in 0..10 {
        advance(secs(60)).await;
        assert_eq!(watch_a.frame().await.as_deref(), Some(":\n\n"));
        assert_eq!(beat(&app, "token-a2", &lease).await, StatusCode::NO_CONTENT);
    }
    // Another device's lease is unknown here.
    assert_eq!(beat(&app, "token-b", &lease).await, StatusCode::GONE);
    assert_eq!(beat(&app, "token-x", &lease).await, StatusCode::UNAUTHORIZED);
    assert_eq!(beat(&app, "token-a", "other").await, StatusCode::CONFLICT);
}

#[tokio::test(start_paused = true)]
async fn heartbeats_that_cannot_be_read() {
    let app = server(config()).router();
    for body in
        ["", "{", "[]", "{}", r#"{"watchLeaseId":1}"#, r#"{"watchLeaseId":""}"#, &"[".repeat(9999)]
    {
        let answer = post(&app, "token-a", BEAT, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer.json().await["message"].as_str().unwrap().contains("watchLeaseId"));
    }
    for lease in ["a\\n", "a\\u0000", "\\u00e4", &"x".repeat(257)] {
        assert_eq!(beat(&app, "token-a", lease).await, StatusCode::BAD_REQUEST);
    }
    let long = " ".repeat(16 * 1024 + 1);
    assert_eq!(post(&app, "token-a", BEAT, &long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    // What a later client may add is no matter.
    let more = r#"{"watchLeaseId":"a","battery":{"level":[1]}}"#;
    assert_eq!(post(&app, "token-a", BEAT, more).await.status, StatusCode::GONE);
    assert_eq!(get(&app, "token-a", BEAT).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(start_paused = true)]
async fn who_has_no_token_stays_out() {
    let app = server(config()).router();
    let ways_in = [("GET", WATCH), ("POST", BEAT), ("POST", WAKE_A), ("GET", "/v1/devices")];
    for (method, path) in ways_in {
        let (right, wrong) = if path.contains("devices") {
            ("token-op", "token-a")
        } else {
            ("token-a", "token-op")
        };
        let refused: [&[String]; 9] = [
            &[],
            &["Bearer".into()],
            &["Bearer ".into()],
            &["Bearer token".into()],
            &[format!("Basic {right}")],
            &[right.into()],
            &[format!("Bearer {right}x")],
            &[format!("Bearer {wrong}")],
            &[format!("Bearer {right}"), format!("Bearer {right}")],
        ];
        let ask = async |headers: &[String]| {
            let mut request = Request::builder().method(method).uri(path);
            for value in headers {
                request = request.header("authorization", value);
            }
            ask(&app, request.body(Body::empty()).unwrap()).await
        };
        for headers in refused {
            let answer = ask(headers).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path} {headers:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"watch\""));
            assert_eq!(answer.json().await["error"], "unauthorized");
        }
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let answer = ask(&[format!("{scheme} {right}")]).await;
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path} {scheme}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn parameters_that_are_missing_or_wrong_are_named() {
    let app = server(config()).router();
    for (query, named) in [
        ("", "protocolVersion is missing"),
        ("?protocolVersion=", "protocolVersion is not spoken"),
        ("?protocolVersion=1.9", "send protocolVersion=2.2.0"),
        ("?protocolVersion=3.0.0", "send protocolVersion=2.2.0"),
        ("?protocolVersion=2&protocolVersion=2", "protocolVersion is given twice"),
        ("?protocolVersion=2&previousWatchLeaseId=", "previousWatchLeaseId"),
        ("?protocolVersion=2&previousWatchLeaseId=a%0Ab", "previousWatchLeaseId"),
        ("?protocolVersion=2&remoteAccessSessionId=%FF", "remoteAccessSessionId"),
    ] {
        let answer = get(&app, "token-a", &format!("/v1/watch{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        let body = answer.json().await;
        assert_eq!(body["error"], "bad-request");
        assert!(body["message"].as_str().unwrap().contains(named), "{body}");
    }
    let query = "?protocolVersion=2.2.0&remoteAccessSessionId=s%2F1&previousWatchLeaseId=x&later=1";
    assert_eq!(get(&app, "token-a", &format!("/v1/watch{query}")).await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_second_client_is_refused_and_the_holder_takes_over() {
    let server = server(config());
    let app = server.router();
    let (mut first, lease) = watch(&app, "token-a", None).await;
    for path in [watch_path(None), watch_path(Some("wrong"))] {
        let answer = get(&app, "token-a2", &path).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert_eq!(answer.json().await["error"], "held");
    }
    let (_second, newer) = watch(&app, "token-a", Some(&lease)).await;
    assert_ne!(lease, newer);
    assert_eq!(first.frame().await, None);
    drop(first);
    assert_eq!(server.open_watches(), 1);
    assert_eq!(beat(&app, "token-a", &lease).await, StatusCode::CONFLICT);
    assert_eq!(beat(&app, "token-a", &newer).await, StatusCode::NO_CONTENT);
    // Another device has a lease of its own.
    watch(&app, "token-b", None).await;
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_was_cut_off_is_waited_for() {
    let app = server(config()).router();
    let (stream, lease) = watch(&app, "token-a", None).await;
    drop(stream);
    advance(secs(89)).await;
    assert_eq!(get(&app, "token-a", WATCH).await.status, StatusCode::CONFLICT);
    let (stream, _) = watch(&app, "token-a", Some(&lease)).await;
    drop(stream);
    advance(secs(90)).await;
    watch(&app, "token-a", None).await;
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_is_woken_and_ends() {
    let app = server(config()).router();
    let (mut stream, lease) = watch(&app, "token-a", None).await;
    let device = tokio::spawn(async move { (stream.frame().await, stream.frame().await) });
    tokio::task::yield_now().await;
    let body = r#"{"url":"wss://r.example/","token":"t","remoteAccessSessionId":"s"}"#;
    let answer = post(&app, "token-op", WAKE_A, body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = answer.json().await;
    assert_eq!((&answer["delivered"], &answer["waiting"]), (&true.into(), &false.into()));
    assert_eq!(answer["state"], "awake");
    let frame = format!("event: wake\ndata: {body}\n\n");
    assert_eq!(device.await.unwrap(), (Some(frame), None));
    // Back from its work without a previous lease, and not woken twice.
    assert_eq!(beat(&app, "token-a", &lease).await, StatusCode::NO_CONTENT);
    let (mut stream, _) = watch(&app, "token-a", None).await;
    assert_eq!(stream.frame().await.as_deref(), Some(":\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_wake_waits_for_the_next_grant_and_expires() {
    let app = server(config()).router();
    for (number, replaced) in [(1, false), (2, true)] {
        let body = format!(r#"{{"url":"wss://r.example/","token":"t{number}"}}"#);
        let answer = post(&app, "token-op", WAKE_A, &body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        let answer = answer.json().await;
        assert_eq!((&answer["delivered"], &answer["waiting"]), (&false.into(), &true.into()));
        assert_eq!((&answer["state"], &answer["waitsMs"]), (&"away".into(), &120_000.into()));
        assert_eq!(answer["replaced"], replaced);
    }
    let (mut stream, _) = watch(&app, "token-a", None).await;
    assert!(stream.frame().await.unwrap().contains("\"t2\""));
    assert_eq!(stream.frame().await, None);

    post(&app, "token-op", WAKE_A, WAKE).await;
    advance(secs(120)).await;
    let (mut stream, _) = watch(&app, "token-a", None).await;
    assert_eq!(stream.frame().await.as_deref(), Some(":\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_wake_is_not_lost_with_the_client_that_should_have_had_it() {
    let app = server(config()).router();
    // Its stream is open but not read: the operator learns that the wake waits.
    let (stream, lease) = watch(&app, "token-a", None).await;
    let answer = post(&app, "token-op", WAKE_A, WAKE).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.json().await["state"], "waking");
    drop(stream);
    let (mut stream, lease) = watch(&app, "token-a", Some(&lease)).await;
    // This time it was written, and lost on the way: the client still names the lease.
    assert!(stream.frame().await.unwrap().contains("wake-token"));
    drop(stream);
    let (mut stream, _) = watch(&app, "token-a", Some(&lease)).await;
    assert!(stream.frame().await.unwrap().contains("wake-token"));
    drop(stream);
    let (mut stream, _) = watch(&app, "token-a", None).await;
    assert_eq!(stream.frame().await.as_deref(), Some(":\n\n"));
}

#[tokio::test(start_paused = true)]
async fn of_two_wakes_at_once_the_older_one_is_told() {
    let app = server(config()).router();
    let (mut stream, _) = watch(&app, "token-a", None).await;
    let older = tokio::spawn({
        let app = app.clone();
        async move { post(&app, "token-op", WAKE_A, WAKE).await.json().await }
    });
    tokio::task::yield_now().await;
    let newer = tokio::spawn({
        let app = app.clone();
        async move { post(&app, "token-op", WAKE_A, WAKE).await.json().await }
    });
    tokio::task::yield_now().await;
    assert!(stream.frame().await.unwrap().contains("wake-token"));
    let (older, newer) = (older.await.unwrap(), newer.await.unwrap());
    assert_eq!((&older["delivered"], &older["waiting"]), (&false.into(), &false.into()));
    assert_eq!((&newer["delivered"], &newer["replaced"]), (&true.into(), &true.into()));
}

#[tokio::test(start_paused = true)]
async fn wakes_that_no_client_would_take_are_refused() {
    let app = server(config()).router();
    for (body, named) in [
        ("", "line 1, column 0"),
        (r#"{"url":"wss://a"}"#, "\"token\""),
        (r#"{"url":"wss://a","token":"t","sessionId":"s"}"#, "nothing else"),
        (r#"{"url":"ws://a","token":"t"}"#, "wss or https"),
        (r#"{"url":"/a","token":"t"}"#, "absolute URL"),
        (r#"{"url":"wss://u@a","token":"t"}"#, "user info"),
        (r#"{"url":"wss://a","token":""}"#, "token is empty"),
        (r#"{"url":"wss://a","token":"t","remoteAccessSessionId":"a b"}"#, "visible ASCII"),
    ] {
        let answer = post(&app, "token-op", WAKE_A, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        let answer = answer.json().await;
        assert!(answer["message"].as_str().unwrap().contains(named), "{answer}");
    }
    for path in ["/v1/devices/nobody/wake", "/v1/devices/%FF/wake"] {
        assert_eq!(post(&app, "token-op", path, WAKE).await.status, StatusCode::NOT_FOUND);
    }
    let long = " ".repeat(256 * 1024 + 1);
    let answer = post(&app, "token-op", WAKE_A, &long).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);

    let plain = server(config().allow_plain_urls(true)).router();
    let body = r#"{"url":"ws://127.0.0.1:1/","token":"t","remoteAccessSessionId":null}"#;
    assert_eq!(post(&plain, "token-op", WAKE_A, body).await.status, StatusCode::ACCEPTED);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_is_told_when_to_come() {
    let app = server(config().connects_per_second(2).connect_burst(1)).router();
    let (_a, _) = watch(&app, "token-a", None).await;
    let mut told = Vec::new();
    for _ in 0..6 {
        let answer = get(&app, "token-b", WATCH).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        told.push(answer.retry_after().unwrap());
    }
    assert_eq!(told, [1, 1, 2, 2, 3, 3]);
    // Strangers cannot use up what devices are let in with.
    advance(secs(1)).await;
    for _ in 0..10 {
        assert_eq!(get(&app, "wrong", WATCH).await.status, StatusCode::UNAUTHORIZED);
    }
    watch(&app, "token-b", None).await;

    let app = server(config().max_watches(1)).router();
    let (a, _) = watch(&app, "token-a", None).await;
    let answer = get(&app, "token-b", WATCH).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.retry_after(), Some(30));
    drop(a);
    watch(&app, "token-b", None).await;
}

#[tokio::test(start_paused = true)]
async fn the_window_follows_the_fleet() {
    let app = server(config().connects_per_second(1).connect_burst(9)).router();
    let mut a = get(&app, "token-a", WATCH).await;
    assert!(a.frame().await.unwrap().starts_with("retry: 1200\n"));
    let mut b = get(&app, "token-b", WATCH).await;
    assert!(b.frame().await.unwrap().starts_with("retry: 2400\n"));
    // Who came when the fleet was small is told as it grows, once.
    assert_eq!(a.frame().await.as_deref(), Some("retry: 2400\n\n"));
    assert_eq!(a.frame().await.as_deref(), Some(":\n\n"));
    assert_eq!(b.frame().await.as_deref(), Some(":\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_sizes_the_window_to_those_who_will_come_back() {
    let path = state_file("window");
    let config = || config().connects_per_second(1).connect_burst(9).state_file(&path);
    let app = server(config()).router();
    watch(&app, "token-a", None).await;
    let (_, lease) = watch(&app, "token-b", None).await;
    let app = server(config()).router();
    let mut first = get(&app, "token-b", &watch_path(Some(&lease))).await;
    assert!(first.frame().await.unwrap().starts_with("retry: 2400\n"));
    // The other one is waited for, as long as that window and a lifetime behind it.
    advance(Duration::from_millis(92_399)).await;
    assert_eq!(get(&app, "token-a", WATCH).await.status, StatusCode::CONFLICT);
    advance(Duration::from_millis(1)).await;
    watch(&app, "token-a", None).await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_expired_is_not_brought_back() {
    let path = state_file("expired");
    let app = server(config().state_file(&path)).router();
    watch(&app, "token-a", None).await;
    advance(secs(90)).await;
    // Any request will do.
    assert_eq!(get(&app, "", "/healthz").await.status, StatusCode::OK);
    let app = server(config().state_file(&path)).router();
    watch(&app, "token-a", None).await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_operator_sees_how_all_stand_and_no_lease() {
    let app = server(config()).router();
    let (_stream, lease) = watch(&app, "token-a", None).await;
    advance(secs(7)).await;
    let answer = get(&app, "token-op", "/v1/devices").await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = answer.json().await;
    assert!(!answer.to_string().contains(&lease));
    assert_eq!((&answer["openWatches"], &answer["heldLeases"]), (&1.into(), &1.into()));
    assert_eq!((&answer["draining"], &answer["stateFile"]), (&false.into(), &"none".into()));
    let line = |device, state, age: Option<u64>, left: Option<u64>| {
        serde_json::json!({
            "device": device, "state": state, "sinceMs": 7000, "leaseAgeMs": age,
            "leaseLeftMs": left, "wakeWaiting": false,
        })
    };
    assert_eq!(answer["devices"][0], line("a", "asleep", Some(7000), Some(83_000)));
    assert_eq!(answer["devices"][1], line("b", "away", None, None));
}

#[tokio::test(start_paused = true)]
async fn what_never_became_a_watch_takes_no_lease() {
    let app = server(config()).router();
    let head = Request::head(WATCH).header("authorization", "Bearer token-a");
    let answer = ask(&app, head.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    // The client vanished before its hello was sent.
    drop(get(&app, "token-a", WATCH).await);
    watch(&app, "token-a", None).await;
}

#[tokio::test(start_paused = true)]
async fn the_routes_can_be_moved_and_nested() {
    let moved = server(config().prefix("/api/v7")).router();
    let nested = Router::new().nest("/api/v7", server(config()).router());
    for app in [moved, nested] {
        assert_eq!(get(&app, "", "/api/v7/healthz").await.status, StatusCode::OK);
        assert_eq!(get(&app, "", "/healthz").await.status, StatusCode::NOT_FOUND);
        let path = format!("/api/v7{WATCH}");
        assert_eq!(get(&app, "token-a", &path).await.status, StatusCode::OK);
        let path = format!("/api/v7{WAKE_A}");
        assert_eq!(post(&app, "token-op", &path, WAKE).await.status, StatusCode::ACCEPTED);
    }
    let app = server(config().auth_scheme("Device")).router();
    assert_eq!(
        get(&app, "token-a", WATCH).await.header("www-authenticate"),
        Some("Device realm=\"watch\"")
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_every_stream_with_its_window() {
    let server = server(config().connects_per_second(1).connect_burst(9));
    let app = server.router();
    let (mut a, _) = watch(&app, "token-a", None).await;
    let (mut b, _) = watch(&app, "token-b", None).await;
    let drain = tokio::spawn({
        let server = server.clone();
        async move { server.drain().await }
    });
    tokio::task::yield_now().await;
    let answer = get(&app, "token-a", WATCH).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.retry_after(), Some(3));
    assert_eq!(get(&app, "", "/healthz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let answer = post(&app, "token-op", WAKE_A, WAKE).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.retry_after(), Some(3));
    for stream in [&mut a, &mut b] {
        assert_eq!(stream.frame().await.as_deref(), Some("retry: 2400\n\n"));
        assert_eq!(stream.frame().await, None);
    }
    assert!(!drain.is_finished());
    drop((a, b));
    drain.await.unwrap();
}
