//! The adapter against a server that misbehaves: what the transport sees has to reach the machine as what
//! it is, and nothing may stay open. The table is the testkit's, and every adapter's; what only this one
//! can do wrong stands here.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

use std::error::Error;
use std::future::Future;

use dormouse_testkit::faults::{Client, Observer, Sink};
use dormouse_testkit::wire::{STREAM, answer, hello, status};
use dormouse_testkit::{FaultServer, Script, Step};
use dormouse_tokio::core::journal::Recorder;
use dormouse_tokio::{Event, Handle, Note, Status, Watch};
use tokio::sync::mpsc;

struct Tokio;

impl Client for Tokio {
    type Watch = Watch;

    fn watch(
        url: &str,
        token: &str,
        observer: Observer,
        journal: Sink,
    ) -> Result<Watch, Box<dyn Error>> {
        let builder = Watch::builder(url).token(token).observe(observer);
        Ok(builder.journal(Recorder::DEFAULT_LIMIT, journal).start()?)
    }

    fn handle(watch: &Watch) -> Handle {
        watch.handle()
    }

    fn next(watch: &mut Watch) -> impl Future<Output = Option<Event>> {
        watch.next()
    }

    fn block_on(future: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(future);
    }
}

dormouse_testkit::faults!(Tokio);

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
async fn a_task_that_is_aborted_closes_everything() {
    let server = first(vec![Step::send(STREAM), Step::send(hello("l", 1000)), Step::Hold]);
    let mut watch = Watch::builder(server.url()).token("t").start().expect("a watch");
    let handle = watch.handle();
    let task = tokio::spawn(async move { while watch.next().await.is_some() {} });
    server.wait_seen(|seen| seen.iter().any(dormouse_testkit::Seen::is_heartbeat));
    assert_eq!(handle.status(), Status::Connected);
    task.abort();
    server.wait_open(0);
}

#[test]
fn a_watch_without_a_token_is_refused() {
    let refused = Watch::builder("http://localhost").start().expect_err("refused");
    assert_eq!(refused.to_string(), "no token was given");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_follows_redirects_is_found_out() {
    let elsewhere = first(vec![Step::send(STREAM), Step::send(hello("stolen", 1000)), Step::Hold]);
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
