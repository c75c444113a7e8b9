//! The adapter against a server that misbehaves: what the transport sees has to reach the machine as what
//! it is, and nothing may stay open. The table is the testkit's, and every adapter's; what only this one
//! can do wrong stands here.

#![allow(clippy::expect_used, reason = "a test may")]

use std::error::Error;
use std::future::Future;

use dormouse_testkit::faults::{Client, Observer, Sink};
use dormouse_testkit::wire::{STREAM, hello, status};
use dormouse_testkit::{FaultServer, Step};
use dormouse_tokio::core::journal::Recorder;
use dormouse_tokio::{Event, Handle, Status, Watch};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_is_aborted_closes_everything() {
    let server = FaultServer::start(
        |_| vec![Step::send(STREAM), Step::send(hello("l", 1000)), Step::Hold],
        |_| status("204 No Content"),
    )
    .expect("a port");
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
