//! TLS as the adapter sees it.

#![allow(clippy::expect_used, reason = "a test may")]

use std::io::Write as _;
use std::net::TcpListener;

use dormouse_tokio::core::{ConnectFault, End, Report, TransportFault};
use dormouse_tokio::{Note, Watch};
use tokio::sync::mpsc;

/// How the first attempt at `url` ends, and what the transport said.
async fn first_end(url: &str) -> (End, String) {
    let (told, mut ends) = mpsc::unbounded_channel();
    let mut said = String::new();
    let mut watch = Watch::builder(url)
        .token("t")
        .observe(move |_, note| match note {
            Note::Failed { error } => said = error.to_string(),
            Note::Report(Report::Ended { end, .. }) => drop(told.send((*end, said.clone()))),
            _ => {}
        })
        .start()
        .expect("a watch");
    tokio::select! {
        end = ends.recv() => end.expect("an end"),
        () = async { while watch.next().await.is_some() {} } => panic!("the watch stopped"),
    }
}

#[tokio::test]
async fn a_server_that_speaks_plain_http_fails_in_tls() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ =
                stream.and_then(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let (end, said) = first_end(&url).await;
    assert_eq!(end, End::Connect(ConnectFault::Transport(TransportFault::Tls)), "{said}");
}
