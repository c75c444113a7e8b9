//! The decoder beside the two fastest of the general ones that were found, and the machine beside the decoder.
//!
//! Everybody reads the same streams, cut alike, in turn: a round of each competitor, and again. What counts is the
//! least processor time of this thread that a round took: what disturbs a round only ever makes it longer. All three
//! decoders live through all rounds, so that their buffers have their size. They do not do quite the same: ours lends
//! its events, the others give each away as owned strings, which is how they are made; and ours reports comments.

use std::cell::RefCell;
use std::convert::Infallible;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::rc::Rc;
use std::slice::Chunks;
use std::task::{Context, Poll, Waker};

use dormouse_core::{Input, Timestamp};
use dormouse_peers::client::Failure;
use futures_util::Stream;
use sse_core::{SseDecoder, SseEvent};
use sse_stream::SseByteStream;

use crate::load::{self, ATTEMPT, COMMENT, CUTS, STREAM, Shape};
use crate::process::thread_time;
use crate::table::Row;

/// How many rounds each competitor has.
const ROUNDS: usize = 40;
/// With `--quick`.
const QUICK: usize = 3;

/// What each shape is to reach where it comes in segments.
const AIMS: [f64; 6] = [1.8, 1.2, 1.9, 1.25, 1.15, 1.05];
/// And how it is cut elsewhere that nothing is to be slower.
const NEVER_SLOWER: [&str; 3] = ["1 B", "16 B", "whole"];

/// The time of a round of each, in nanoseconds.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) ours: u64,
    pub(crate) sse_core: u64,
    pub(crate) sse_stream: u64,
}

impl Times {
    /// How many times faster we are than the faster of the others.
    fn ratio(self) -> f64 {
        self.sse_core.min(self.sse_stream) as f64 / self.ours as f64
    }
}

pub(crate) fn rows(quick: bool) -> Result<Vec<Row>, Failure> {
    let rounds = if quick { QUICK } else { ROUNDS };
    let mut rows = Vec::new();
    let mut slowest: Vec<(f64, String)> = Vec::new();
    let mut cuts = [0; 2];
    println!("| MB/s: ours / sse-core / sse-stream | {} |", CUTS.map(|cut| cut.0).join(" | "));
    println!("| --- |{}", " --- |".repeat(CUTS.len()));
    for (shape, aim) in Shape::all().iter().zip(AIMS) {
        let stream = shape.stream();
        let mut cells = Vec::new();
        for (name, size) in CUTS {
            let times = compare(&stream, size, shape.event.then(|| shape.items()), rounds)?;
            let speed = |time: u64| stream.len() as f64 * 1e3 / time as f64;
            cells.push(format!(
                "{:.0} / {:.0} / {:.0}",
                speed(times.ours),
                speed(times.sse_core),
                speed(times.sse_stream)
            ));
            if name == "1.4 KiB" {
                let what = format!("decoder, lent events, chunks of 1.4 KiB: {}", shape.name);
                let beside = "the faster of sse-core and sse-stream";
                rows.push(Row::at_least(&what, beside, times.ratio(), aim));
            } else if NEVER_SLOWER.contains(&name) {
                slowest.push((times.ratio(), format!("{}, {name}", shape.name)));
            }
            match (shape.name, name) {
                ("1 MiB line", "64 B") => cuts[0] = times.ours,
                ("1 MiB line", "64 KiB") => cuts[1] = times.ours,
                _ => {}
            }
        }
        println!("| {} | {} |", shape.name, cells.join(" | "));
    }
    println!();
    slowest.sort_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((ratio, which)) = slowest.first() {
        let (what, beside) = ("the same with chunks of 1 B, 16 B and whole", "the same");
        let slower = slowest.iter().filter(|(ratio, _)| *ratio < 1.0).count();
        let measured = format!("{ratio:.2} times at the least ({which}); {slower} of 18 slower");
        rows.push(Row::new(what, beside, "never slower".to_owned(), measured, slower == 0));
    }
    let (what, beside) = ("1 MiB line in chunks of 64 B", "itself in chunks of 64 KiB");
    rows.push(Row::at_most(what, beside, cuts[0] as f64 / cuts[1] as f64, 4.0));
    rows.push(machine(rounds));
    Ok(rows)
}

/// Has each read the stream in pieces of so many bytes; checks that each finds so many events, where it is events.
pub(crate) fn compare(
    stream: &[u8],
    size: usize,
    events: Option<usize>,
    rounds: usize,
) -> Result<Times, Failure> {
    let size = size.min(stream.len());
    let mut ours = load::decoder();
    let mut core = SseDecoder::with_limit(NonZeroUsize::new(2 * STREAM).ok_or("a limit of 0")?);
    let feed = Feed(Rc::new(RefCell::new(stream[..0].chunks(1))));
    let mut bytes = SseByteStream::new(feed.clone());
    let mut least = Times { ours: u64::MAX, sse_core: u64::MAX, sse_stream: u64::MAX };
    // The first round is not counted: it gives the buffers their size.
    for round in 0..=rounds {
        let (time, found) = timed(|| {
            stream.chunks(size).map(|chunk| load::decode(&mut ours, chunk).0).sum::<usize>()
        });
        check("ours", found, events)?;
        let times = Times { ours: time, ..least };
        let (time, found) = timed(|| stream.chunks(size).map(|it| sse_core(&mut core, it)).sum());
        check("sse-core", found, events)?;
        let times = Times { sse_core: time, ..times };
        *feed.0.borrow_mut() = stream.chunks(size);
        let (time, found) = timed(|| sse_stream(&mut bytes));
        check("sse-stream", found, events)?;
        if round > 0 {
            least.ours = least.ours.min(times.ours);
            least.sse_core = least.sse_core.min(times.sse_core);
            least.sse_stream = least.sse_stream.min(time);
        }
    }
    Ok(least)
}

fn timed<T>(run: impl FnOnce() -> T) -> (u64, T) {
    let began = thread_time();
    let done = black_box(run());
    (thread_time() - began, done)
}

/// A decoder that is fast because it finds nothing is none.
fn check(who: &str, found: usize, events: Option<usize>) -> Result<(), Failure> {
    match events {
        Some(events) if found != events => {
            Err(format!("{who} found {found} events where {events} are").into())
        }
        _ => Ok(()),
    }
}

fn sse_core(decoder: &mut SseDecoder, mut chunk: &[u8]) -> usize {
    let mut found = 0;
    while let Some(event) = decoder.next(&mut chunk) {
        if let Ok(SseEvent::Message(event)) = event {
            black_box(event.data.len());
            found += 1;
        }
    }
    found
}

fn sse_stream(stream: &mut SseByteStream<Feed<'_>>) -> usize {
    let mut found = 0;
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(event))) = Pin::new(&mut *stream).poll_next(&mut cx) {
        black_box(event.data.map(|data| data.len()));
        found += 1;
    }
    found
}

/// Chunks for a decoder that wants a stream. When they are out more are to come, so that it lives on.
#[derive(Clone)]
struct Feed<'a>(Rc<RefCell<Chunks<'a, u8>>>);

impl<'a> Stream for Feed<'a> {
    type Item = Result<&'a [u8], Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().next().map_or(Poll::Pending, |chunk| Poll::Ready(Some(Ok(chunk))))
    }
}

/// A comment through `handle` and `poll` beside the decoder alone.
fn machine(rounds: usize) -> Row {
    /// So many comments are a round.
    const OF: u64 = 10_000;
    let mut watch = load::asleep();
    let mut decoder = load::decoder();
    let mut now = 0;
    let mut least = (u64::MAX, u64::MAX);
    for _ in 0..=rounds {
        let (machine, ()) = timed(|| {
            for _ in 0..OF {
                now += 1;
                let bytes = black_box(COMMENT.as_bytes());
                watch.handle(Timestamp::from_millis(now), Input::Data { attempt: ATTEMPT, bytes });
                black_box(load::drain(&mut watch));
            }
        });
        let (alone, ()) = timed(|| {
            for _ in 0..OF {
                black_box(load::decode(&mut decoder, black_box(COMMENT.as_bytes())));
            }
        });
        least = (least.0.min(machine), least.1.min(alone));
    }
    let ratio = least.0 as f64 / least.1 as f64;
    let each = |time: u64| time as f64 / OF as f64;
    Row::at_most(
        "`Watch`: a chunk with one comment, through `handle` and `poll` to `Sleep`",
        "the decoder alone on the same bytes",
        ratio,
        4.0,
    )
    .with(format!("{:.0} ns and {:.0} ns", each(least.0), each(least.1)))
}
