//! How a watch's first attempt ends: the same for both transports.

use std::io::Write as _;
use std::net::TcpListener;

use dormouse_tokio::core::driver::Transport;
use dormouse_tokio::core::{ConnectFault, End, Report, TransportFault};
use dormouse_tokio::{Builder, Note, Watch};
use tokio::sync::mpsc;

/// Asks a server for TLS that speaks plain HTTP, which has to end as it should.
pub(crate) async fn of_plain_http<T: Transport + Unpin>(with: impl FnOnce(Builder) -> Builder<T>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ =
                stream.and_then(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let (end, said) = of(with(Watch::builder(url))).await;
    assert_eq!(end, End::Connect(ConnectFault::Transport(TransportFault::Tls)), "{said}");
}

/// How the first attempt ends, and what the transport said.
async fn of<T: Transport + Unpin>(builder: Builder<T>) -> (End, String) {
    let (told, mut ends) = mpsc::unbounded_channel();
    let mut said = String::new();
    let mut watch = builder
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
