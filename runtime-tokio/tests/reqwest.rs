//! The transport over reqwest against the same table, and what only it can do wrong.

#![allow(clippy::expect_used, reason = "a test may")]

mod first_end;

use std::error::Error;
use std::future::Future;

use dormouse_testkit::faults::{Client, Observer, Sink};
use dormouse_testkit::wire::{STREAM, answer, hello, status};
use dormouse_testkit::{FaultServer, Script, Step};
use dormouse_tokio::core::journal::Recorder;
use dormouse_tokio::{Event, Handle, Note, ReqwestTransport, Watch, client_builder};
use tokio::sync::mpsc;

struct Reqwest;

impl Client for Reqwest {
    type Watch = Watch<ReqwestTransport>;

    fn watch(
        url: &str,
        token: &str,
        observer: Observer,
        journal: Sink,
    ) -> Result<Self::Watch, Box<dyn Error>> {
        let transport = ReqwestTransport::new(true)?;
        let builder = Watch::builder(url).token(token).transport(transport).observe(observer);
        Ok(builder.journal(Recorder::DEFAULT_LIMIT, journal).start()?)
    }

    fn handle(watch: &Self::Watch) -> Handle {
        watch.handle()
    }

    fn next(watch: &mut Self::Watch) -> impl Future<Output = Option<Event>> {
        watch.next()
    }

    fn block_on(future: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(future);
    }
}

dormouse_testkit::faults!(Reqwest);

/// A server that plays `script` for the first watch, and falls silent after that.
fn first(script: Script) -> FaultServer {
    let later = vec![Step::Hold];
    FaultServer::start(
        move |n| if n == 0 { script.clone() } else { later.clone() },
        |_| status("204 No Content"),
    )
    .expect("a port")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_follows_redirects_is_found_out() {
    let elsewhere = first(vec![Step::send(STREAM), Step::send(hello("stolen", 1000)), Step::Hold]);
    let location = format!("{}/v1/watch", elsewhere.url());
    let server = first(vec![Step::send(answer("302 Found", &[("location", &location)], ""))]);
    let client = client_builder(true)
        .expect("a builder")
        .redirect(reqwest::redirect::Policy::limited(3))
        .build()
        .expect("a client");
    let (told, mut ends) = mpsc::unbounded_channel();
    let mut watch = Watch::builder(server.url())
        .token("t")
        .transport(ReqwestTransport::with_client(client))
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

#[tokio::test]
async fn a_server_that_speaks_plain_http_fails_in_tls() {
    let transport = ReqwestTransport::new(false).expect("a client");
    first_end::of_plain_http(|builder| builder.transport(transport)).await;
}
