//! What a stream and a sleeping watch cost in memory, counted: allocations, and bytes.
//!
//! Counted are what the allocator is asked for, not what it makes of that. None of it depends on the machine, but the
//! bytes are those of a 64-bit one. Instructions are counted by `benches/instructions.rs`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may")]

#[path = "../benches/load.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the benchmarks")]
mod load;

use std::mem;

use allocation_counter::measure;
use dormouse_core::{Action, Input, Timestamp, Watch};
use load::{ATTEMPT, COMMENT, CUTS, Shape, asleep, asleep_again, comment, decode, drain};

/// How often `run` allocates.
fn allocations(run: impl FnOnce()) -> u64 {
    measure(run).count_total
}

/// What is behind a value that `make` makes, in bytes, and the value.
fn behind<T>(make: impl FnOnce() -> T) -> (u64, T) {
    let mut made = None;
    let info = measure(|| made = Some(make()));
    let bytes = info.bytes_current.try_into().expect("nothing was freed that was not allocated");
    (bytes, made.expect("it was made"))
}

#[test]
fn the_counter_counts() {
    let mut grown = Vec::new();
    assert_eq!(allocations(|| grown.push(0_u8)), 1);
    assert_eq!(allocations(|| grown.reserve_exact(1 << 20)), 1, "growing is one");
    assert_eq!(behind(|| vec![0_u8; 1000]).0, 1000);
}

#[test]
fn a_stream_in_its_steady_state_allocates_nothing_however_it_is_cut() {
    for shape in Shape::all() {
        let stream = shape.stream();
        for (cut, size) in CUTS {
            let mut decoder = load::decoder();
            let mut run = || {
                let chunks = stream.chunks(size.min(stream.len()));
                let items: usize = chunks.map(|chunk| decode(&mut decoder, chunk).0).sum();
                assert_eq!(items, shape.items(), "{} in pieces of {cut}", shape.name);
            };
            // The first round gives the buffers their size.
            run();
            assert_eq!(allocations(run), 0, "{} in pieces of {cut}", shape.name);
        }
    }
}

#[test]
fn a_comment_allocates_nothing_on_its_way_through_a_watch() {
    for cut in [1, 2, 3] {
        let mut watch = asleep();
        let mut now = 0;
        let mut run = || {
            for piece in COMMENT.as_bytes().chunks(cut) {
                now += 1;
                let bytes = piece;
                let at = Timestamp::from_millis(now);
                watch.handle(at, Input::Data { attempt: ATTEMPT, bytes });
                assert!(drain(&mut watch).is_some());
            }
        };
        assert_eq!(allocations(|| (0..1000).for_each(|_| run())), 0, "in pieces of {cut}");
        assert_eq!(watch.stats().comments, 1000);
    }
}

#[test]
fn an_event_that_means_nothing_allocates_nothing_on_its_way_through_a_watch() {
    let mut watch = asleep();
    let bytes = b"event: weather\ndata: {\"sky\":\"clear\"}\n\n";
    let mut run = || {
        watch.handle(Timestamp::ORIGIN, Input::Data { attempt: ATTEMPT, bytes });
        drain(&mut watch);
    };
    assert_eq!(allocations(|| (0..1000).for_each(|_| run())), 0);
}

/// What is new in a heartbeat's request: its body. Its URL and its `Authorization` are shared with the watch.
const REQUEST: u64 = 1;

#[test]
fn a_heartbeats_round_allocates_its_request_and_nothing_else() {
    let mut watch = asleep();
    for _ in 0..100 {
        let due = watch.deadline().expect("a deadline");
        assert_eq!(allocations(|| watch.handle(due, Input::Tick)), 0, "the tick");
        let mut sent = None;
        let asked = allocations(|| match watch.poll() {
            Action::Heartbeat { beat, request } => sent = Some((beat, request)),
            other => panic!("no heartbeat, but {other:?}"),
        });
        assert_eq!(asked, REQUEST, "the request");
        let (beat, _request) = sent.expect("a heartbeat");
        let rest = allocations(|| {
            assert!(drain(&mut watch).is_some());
            watch.handle(due, Input::HeartbeatAnswer { beat, status: 204 });
            assert!(matches!(watch.poll(), Action::Report(_)));
            assert!(drain(&mut watch).is_some());
            comment(&mut watch, due);
        });
        assert_eq!(rest, 0, "the answer, and the sleep");
    }
    assert_eq!(watch.stats().heartbeats_accepted, 100);
    println!("a heartbeat's request: {REQUEST} allocations");
}

/// A watch that sleeps, everything it owns included: the struct itself, and what is behind it.
///
/// With a URL, a token and a lease of usual lengths (`load::fresh`). The configuration is counted by itself: all watches
/// of one service share it.
#[test]
#[cfg(target_pointer_width = "64")]
fn a_sleeping_watch_is_so_large() {
    const MOST: u64 = 1_024;
    let own = mem::size_of::<Watch>() as u64;
    let shared = behind(load::config).0;
    println!("the configuration: {shared} bytes");
    let sizes = [
        ("hello came whole", behind(asleep).0),
        ("hello came in pieces", behind(|| hello_in_pieces(100)).0),
        ("woken once, everything whole", behind(|| asleep_again(usize::MAX)).0),
        ("woken once, everything in pieces", behind(|| asleep_again(100)).0),
    ];
    for (what, behind) in sizes {
        let behind = behind - shared;
        println!("{what}: {own} + {behind} = {} bytes", own + behind);
        assert!(own + behind <= MOST, "{what}: {own} + {behind} bytes, at most {MOST} expected");
    }
}

#[cfg(target_pointer_width = "64")]
fn hello_in_pieces(cut: usize) -> Watch {
    let mut watch = load::fresh();
    load::open(&mut watch, ATTEMPT, Timestamp::ORIGIN, cut);
    watch
}
