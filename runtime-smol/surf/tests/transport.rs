//! What a transport must keep, and what is put right of surf's ways.

#![allow(clippy::expect_used, reason = "a test may")]

#[path = "common/requests.rs"]
mod requests;

use std::time::{Duration, Instant};

use dormouse_core::TransportFault;
use dormouse_core::driver::{Transport as _, TransportError};
use dormouse_surf::SurfTransport;
use dormouse_testkit::wire::{CHUNKED, LAST_CHUNK, answer, chunk, status};
use dormouse_testkit::{FaultServer, FullBacklog, Script, Step};
use requests::{hangs, next, open, read, requests};
use surf::{Client, Config};

/// Under both executors.
fn block_on(future: impl AsyncFn()) {
    smol::block_on(future());
    async_std::task::block_on(future());
}

fn server(script: Script) -> FaultServer {
    FaultServer::start(move |_| script.clone(), |_| status("204 No Content")).expect("a port")
}

fn user_client(configure: impl FnOnce(Config) -> Config) -> Client {
    configure(Config::new().set_http_keep_alive(false).set_timeout(None))
        .try_into()
        .expect("a client")
}

#[test]
fn dropping_the_body_closes_the_connection_and_the_next_answer_is_its_own() {
    let event = chunk("data: 1\n\n");
    let server = server(vec![Step::send(CHUNKED), Step::send(event.repeat(3)), Step::Hold]);
    block_on(async || {
        let theirs = SurfTransport::with_client(user_client(|config| config)).await;
        for mut transport in [SurfTransport::new(), theirs].map(|made| made.expect("a client")) {
            let (watch, heartbeat) = requests(&server.url());
            let (head, mut body) = transport.open(watch).await.expect("an answer");
            assert_eq!(head.status(), 200);
            assert!(next(&mut body).await.expect("an event").is_ok());
            server.wait_open(1);
            let dropped = Instant::now();
            drop(body);
            server.wait_open(0);
            assert!(dropped.elapsed() < Duration::from_secs(1), "{:?}", dropped.elapsed());
            assert_eq!(transport.post(heartbeat).await, Ok(204));
            server.wait_open(0);
        }
    });
}

#[test]
fn chunks_of_one_byte_and_reads_given_up_lose_nothing() {
    let text = "event: hello\ndata: {}\n\n";
    let chunks: String = text.chars().map(|c| chunk(&c.to_string())).collect();
    let bytes = chunks.into_bytes();
    let drip = Step::Drip(bytes, Duration::from_micros(200));
    let server = server(vec![Step::send(CHUNKED), drip, Step::send(LAST_CHUNK)]);
    block_on(async || {
        let (_, mut body) = open(&server.url()).await.expect("an answer");
        let mut got = String::new();
        while got.len() < text.len() / 2 {
            // Polled once and dropped, again and again.
            if let Some(chunk) = futures_lite::future::poll_once(next(&mut body)).await {
                let chunk = chunk.expect("more is to come").expect("nothing is wrong");
                got.push_str(std::str::from_utf8(&chunk).expect("text"));
            }
            futures_lite::future::yield_now().await;
        }
        let (rest, end) = read(&mut body).await;
        assert_eq!((got + &rest, end), (text.to_owned(), None));
    });
}

#[test]
fn a_connect_that_is_never_answered_can_be_given_up() {
    let full = FullBacklog::new().expect("a backlog");
    block_on(async || assert!(hangs(open(&full.url())).await));
}

#[test]
fn what_makes_surf_panic_is_an_error() {
    let odd = answer("200 OK", &[("x-city", "Zürich")], "");
    let server = server(vec![Step::send(odd)]);
    block_on(async || {
        let error = open(&server.url()).await.expect_err("a panic");
        assert_eq!(error.fault(), TransportFault::Http);
        assert_eq!(error.detail(), "surf panicked at what the server sent");
    });
}

#[test]
fn https_is_said_not_to_be_offered_and_a_bad_name_not_to_be_one() {
    block_on(async || {
        let error = open("https://127.0.0.1:1").await.expect_err("no TLS");
        let words = "surf was built without TLS: https is not offered";
        assert_eq!(error, TransportError::new(TransportFault::Tls, words));
        let theirs = SurfTransport::with_client(user_client(|config| config)).await;
        for transport in [SurfTransport::new(), theirs] {
            let request = requests("http://no-such-host.invalid").0;
            let error = transport.expect("a client").open(request).await.expect_err("no host");
            assert_eq!(error.fault(), TransportFault::Resolve);
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
            assert!(!error.detail().contains("protocolVersion"), "{error}");
        }
    });
}

#[test]
fn the_host_is_the_one_of_the_url() {
    let server = server(status("204 No Content"));
    let port = server.address().port();
    block_on(async || {
        drop(open(&format!("http://localhost:{port}")).await.expect("an answer"));
    });
    let hosts: Vec<_> =
        server.seen().iter().map(|seen| seen.header("host").expect("a host").to_owned()).collect();
    assert_eq!(hosts, vec![format!("localhost:{port}"); 2]);
}

#[test]
fn a_client_that_keeps_connections_or_follows_redirects_is_refused() {
    struct Follows;

    #[surf::utils::async_trait]
    impl surf::middleware::Middleware for Follows {
        async fn handle(
            &self,
            request: surf::Request,
            client: Client,
            next: surf::middleware::Next<'_>,
        ) -> surf::Result<surf::Response> {
            let mut elsewhere = request.clone();
            let response = next.run(request, client.clone()).await?;
            let Some(location) = response.header("location") else { return Ok(response) };
            let location = surf::http::Url::parse(location.last().as_str())?;
            *AsMut::<surf::http::Request>::as_mut(&mut elsewhere).url_mut() = location;
            client.send(elsewhere).await
        }
    }

    struct Decent;

    #[surf::utils::async_trait]
    impl surf::middleware::Middleware for Decent {
        async fn handle(
            &self,
            mut request: surf::Request,
            client: Client,
            next: surf::middleware::Next<'_>,
        ) -> surf::Result<surf::Response> {
            request.insert_header("x-decent", "yes");
            next.run(request, client).await
        }
    }

    let server = server(status("204 No Content"));
    block_on(async || {
        for (client, why) in [
            (Client::new(), "set_http_keep_alive(false)"),
            (user_client(|config| config.set_http_keep_alive(true)), "set_http_keep_alive(false)"),
            (
                user_client(|config| config.set_timeout(Some(Duration::from_secs(60)))),
                "set_timeout(None)",
            ),
            (
                user_client(|config| config).with(surf::middleware::Redirect::default()),
                "follows redirects",
            ),
            (user_client(|config| config).with(Follows), "follows redirects"),
        ] {
            let refused = SurfTransport::with_client(client).await.expect_err("refused");
            assert!(refused.to_string().contains(why), "{refused}");
        }
        let decent = user_client(|config| config).with(Decent);
        let mut transport = SurfTransport::with_client(decent).await.expect("a good client");
        assert_eq!(transport.post(requests(&server.url()).1).await, Ok(204));
    });
    let seen = server.seen();
    assert_eq!(seen.len(), 2, "nothing was sent to find that out");
    assert!(seen.iter().all(|seen| seen.header("x-decent") == Some("yes")));
}
