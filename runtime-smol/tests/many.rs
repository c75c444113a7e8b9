//! What a process full of watches costs, and what it says: 200 watches in one thread, and no token in any log
//! of any crate beneath.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may")]

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use dormouse_smol::{Event, Status, Watch};
use dormouse_testkit::wire::{STREAM, hello, status, wake};
use dormouse_testkit::{FaultServer, Step};
use futures_core::Stream;
use futures_lite::future::{self, block_on};

const WATCHES: usize = 200;

/// Watches on one server, polled in turn by one task.
fn connect(server: &FaultServer, count: usize) -> Vec<Watch> {
    let start = |_| Watch::builder(server.url()).token("canary").start().expect("a watch");
    (0..count).map(start).collect()
}

/// Polls all of them until `enough` says so.
async fn run(watches: &mut [Watch], mut enough: impl FnMut(&[Watch]) -> bool) {
    let all = poll_fn(|cx| {
        for watch in &mut *watches {
            while let Poll::Ready(event) = Pin::new(&mut *watch).poll_next(cx) {
                assert!(event.is_some(), "a watch stopped");
            }
        }
        if enough(watches) { Poll::Ready(()) } else { Poll::Pending }
    });
    let late = async {
        async_io::Timer::after(Duration::from_secs(60)).await;
        panic!("not in a minute");
    };
    future::or(all, late).await;
}

fn all_connected(watches: &[Watch]) -> bool {
    watches.iter().all(|watch| watch.handle().status() == Status::Connected)
}

#[test]
fn two_hundred_watches_live_in_one_thread_and_leave_nothing() {
    let server = FaultServer::start(
        |_| vec![Step::send(STREAM), Step::send(hello("l", 1000)), Step::Hold],
        |_| status("204 No Content"),
    )
    .expect("a port");
    let mut watches = connect(&server, WATCHES);
    block_on(run(&mut watches, |watches| {
        all_connected(watches)
            && watches.iter().all(|watch| watch.handle().stats().heartbeats_accepted > 0)
    }));
    assert_eq!(server.open(), 2 * WATCHES, "a stream and its heartbeats for each");
    drop(watches);
    server.wait_open(0);
}

/// Keeps everything that is logged by way of the `log` crate.
struct Everything(Mutex<String>);

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // ureq-proto, the reason of this test, writes bytes as text with dots between, in rows of 16.
        let text = format!("{} {}", record.target(), record.args());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
    }

    fn flush(&self) {}
}

static LOGGED: Everything = Everything(Mutex::new(String::new()));

#[test]
fn no_token_is_in_any_log_of_any_crate() {
    log::set_logger(&LOGGED).expect("no other logger");
    log::set_max_level(log::LevelFilter::Trace);
    log::trace!("this is heard");
    let server = FaultServer::start(
        |_| {
            let wake = wake("http://a.example", "bird");
            vec![Step::send(STREAM), Step::send(hello("l", 60_000)), Step::send(wake), Step::Hold]
        },
        |_| status("204 No Content"),
    )
    .expect("a port");
    let mut watches = connect(&server, 1);
    block_on(async { while !matches!(watches[0].next().await, Some(Event::Wake(_))) {} });
    let logged = LOGGED.0.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(logged.contains("this is heard"));
    assert!(!logged.contains("canary") && !logged.contains("bird"), "{logged}");
}
