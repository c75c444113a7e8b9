//! What surf cannot do, and what happens instead. A test that fails here may be good news.

#![allow(clippy::expect_used, reason = "a test may")]

#[path = "common/requests.rs"]
mod requests;

use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use dormouse_core::{Report, TransportFault};
use dormouse_smol::{Note, Watch};
use dormouse_surf::SurfTransport;
use dormouse_testkit::wire::{CHUNKED, STREAM, chunk, hello, status};
use dormouse_testkit::{FaultServer, Script, Step};
use requests::{hangs, open, read};
use smol::block_on;

fn server(script: Script) -> FaultServer {
    FaultServer::start(move |_| script.clone(), |_| status("204 No Content")).expect("a port")
}

fn fault(script: Script) -> TransportFault {
    let server = server(script);
    block_on(open(&server.url())).expect_err("no answer").fault()
}

fn end(script: Script) -> (String, Option<TransportFault>) {
    let server = server(script);
    let (text, end) = block_on(async {
        let (_, mut body) = open(&server.url()).await.expect("an answer");
        read(&mut body).await
    });
    (text, end.map(|error| error.fault()))
}

/// Of the table: there it is `Http`, at once.
#[test]
fn what_is_not_http_is_said_to_be_none() {
    let silent = server(vec![Step::send("SSH-2.0-OpenSSH_9.2\r\n"), Step::Hold]);
    assert!(block_on(hangs(open(&silent.url()))), "the machine's connect timeout ends it");
    silent.wait_open(0);
    let closed = vec![Step::send("SSH-2.0-OpenSSH_9.2\r\n")];
    assert_eq!(fault(closed), TransportFault::Broken);
    let empty_line = vec![Step::send("SSH-2.0-OpenSSH_9.2\r\n\r\n"), Step::Hold];
    assert_eq!(fault(empty_line), TransportFault::Http);
}

/// Of the table: there all heartbeats share one connection.
#[test]
fn heartbeats_go_beside_the_open_stream() {
    let alive = || {
        let comments = ":\n".repeat(100).into_bytes();
        let every = Duration::from_millis(200);
        vec![Step::send(STREAM), Step::send(hello("lease-1", 1000)), Step::Drip(comments, every)]
    };
    let server = FaultServer::builder().framed(true).watches(move |_| alive()).start();
    let server = server.expect("a port");
    let (beat, beats) = mpsc::channel();
    let mut watch = Watch::builder(server.url())
        .token("canary-device-token")
        .transport(SurfTransport::new().expect("a client"))
        .observe(move |_, note| {
            if let Note::Report(Report::Heartbeat { fault, .. }) = note {
                let _ = beat.send(*fault);
            }
        })
        .start()
        .expect("a watch");
    block_on(async {
        let three = async {
            while server.seen().iter().filter(|seen| seen.is_heartbeat()).count() < 4 {
                async_std::task::sleep(Duration::from_millis(20)).await;
            }
        };
        let watching = async { while watch.next().await.is_some() {} };
        futures_lite::future::or(three, watching).await;
    });
    assert_eq!(beats.try_iter().take(3).collect::<Vec<_>>(), [None, None, None]);
    drop(watch);
    server.wait_open(0);
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
    assert!(server.connections() >= 5, "one for the stream, and one for each heartbeat");
}

#[test]
fn a_body_that_lasts_until_the_connection_is_closed_is_refused() {
    let stream = vec![Step::send(STREAM), Step::send(hello("l", 1000)), Step::Hold];
    assert_eq!(end(stream), (String::new(), Some(TransportFault::Http)));
}

#[test]
fn a_last_chunk_without_its_empty_line_is_an_end() {
    let cut = vec![Step::send(CHUNKED), Step::send(chunk("a")), Step::send("0\r\n")];
    assert_eq!(end(cut), ("a".to_owned(), None));
}

#[test]
fn a_last_chunk_in_pieces_is_not_seen_by_itself() {
    let pause = || Step::Pause(Duration::from_millis(50));
    let mut script = vec![Step::send(CHUNKED), Step::send("0\r\n"), pause()];
    script.extend([Step::send("\r"), pause(), Step::send("\n"), Step::Hold]);
    let server = server(script);
    block_on(async {
        let (_, mut body) = open(&server.url()).await.expect("an answer");
        assert!(hangs(read(&mut body)).await, "surf forgets to be woken");
        assert_eq!(read(&mut body).await, (String::new(), None), "looked at again");
    });
}

#[test]
fn chunk_extensions_are_refused() {
    let extended = vec![Step::send(CHUNKED), Step::send("1;x=y\r\na\r\n0\r\n\r\n"), Step::Hold];
    assert_eq!(end(extended), (String::new(), Some(TransportFault::Http)));
}

#[test]
fn an_empty_chunk_size_is_an_end() {
    let bad = vec![Step::send(CHUNKED), Step::send("\r\n\r\n"), Step::Hold];
    assert_eq!(end(bad), (String::new(), None));
}

#[test]
fn statuses_without_a_name_are_refused() {
    assert_eq!(fault(status("522 Connection Timed Out")), TransportFault::Http);
    assert_eq!(fault(status("299 Odd")), TransportFault::Http);
}

#[test]
fn what_comes_before_the_answer_is_the_answer() {
    let hints = "HTTP/1.1 103 Early Hints\r\n\r\n";
    let answers = server([vec![Step::send(hints)], status("204 No Content")].concat());
    let (head, _) = block_on(open(&answers.url())).expect("an answer");
    assert_eq!(head.status(), 103);
}

#[test]
fn http_1_0_and_a_long_head_are_refused() {
    let old = vec![Step::send("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n")];
    assert_eq!(fault(old), TransportFault::Http);
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(8 << 10));
    assert_eq!(fault(vec![Step::send(long)]), TransportFault::Http);
}

/// The test of that name in a process of its own, whose environment names a proxy that there is not.
#[test]
fn a_proxy_in_the_environment_is_not_heeded() {
    let nobody = FaultServer::builder().deaf().expect("a port");
    let mut again = Command::new(std::env::current_exe().expect("this program"));
    again.args(["--exact", "what_comes_before_the_answer_is_the_answer"]);
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        again.env(proxy, nobody.url());
    }
    let output = again.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
