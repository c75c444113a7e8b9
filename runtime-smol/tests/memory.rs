//! What a watch that sleeps holds in memory, counted: the bytes that the allocator is asked for on a 64-bit machine.
//! What is freed again is not in it, nor is what the system keeps for its two sockets.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may")]

use std::future::poll_fn;
use std::mem::size_of;
use std::pin::Pin;
use std::task::Poll;

use allocation_counter::measure;
use dormouse_smol::{SmolTransport, Watch};
use dormouse_testkit::wire::{STREAM, answer, hello};
use dormouse_testkit::{FaultServer, Step};
use futures_core::Stream;
use futures_lite::future::block_on;

const WATCHES: usize = 100;
/// The value itself. The machine is 880 of it.
const INLINE: usize = 1_200;
/// What is behind it: the configuration, what a handle sees, and two sockets of smol's.
const BEHIND: i64 = 1_400;

/// Watches that each have had a heartbeat answered.
fn asleep(url: &str, transport: &SmolTransport, count: usize) -> Vec<Watch> {
    let start = |_| Watch::builder(url).token("canary").transport(transport.clone()).start();
    let mut watches: Vec<_> = (0..count).map(|n| start(n).expect("a watch")).collect();
    block_on(poll_fn(|cx| {
        for watch in &mut watches {
            while let Poll::Ready(event) = Pin::new(&mut *watch).poll_next(cx) {
                assert!(event.is_some(), "a watch stopped");
            }
        }
        let beaten = |watch: &Watch| watch.handle().stats().heartbeats_accepted > 0;
        if watches.iter().all(beaten) { Poll::Ready(()) } else { Poll::Pending }
    }));
    watches
}

#[test]
fn a_sleeping_watch_holds_no_buffer_and_no_future_of_what_is_done() {
    let server = FaultServer::start(
        |_| vec![Step::send(STREAM), Step::send(hello("l", 1000)), Step::Hold],
        |_| vec![Step::send(answer("200 OK", &[], r#"{"ok":true}"#))],
    )
    .expect("a port");
    let transport = SmolTransport::new(true).expect("a transport");
    // What there is once for a thread or a process.
    drop(asleep(&server.url(), &transport, 2));
    let mut watches = Vec::new();
    let counted = measure(|| watches = asleep(&server.url(), &transport, WATCHES));
    let inline = size_of::<Watch>();
    let each = counted.bytes_current / WATCHES as i64 - inline as i64;
    println!("a sleeping watch is {inline} bytes and {each} behind them");
    assert!(inline <= INLINE, "{inline}");
    assert!(each <= BEHIND, "{each}");
}
