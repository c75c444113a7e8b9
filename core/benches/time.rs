//! Time: the decoder for every shape and cut of a stream, and what a sleeping watch does.
//!
//! `cargo bench -p dormouse-core --bench time` measures, with a name behind `--` only some of it;
//! `cargo bench -p dormouse-core --bench time -- --test` runs each once and measures nothing. Times are worth something
//! only on a machine that does nothing else, and only beside other times of the same run.

#[allow(dead_code, unreachable_pub, reason = "shared with tests")]
mod load;

use std::fmt;

use divan::Bencher;
use divan::counter::BytesCount;
use dormouse_core::Timestamp;
use load::{CUTS, Shape, asleep, comment, decode};

fn main() {
    divan::main();
}

/// A shape, and how it is cut.
struct Stream {
    shape: Shape,
    cut: (&'static str, usize),
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, cut at {}", self.shape.name, self.cut.0)
    }
}

fn streams() -> impl Iterator<Item = Stream> {
    Shape::all()
        .into_iter()
        .flat_map(|shape| CUTS.into_iter().map(move |cut| Stream { shape: shape.clone(), cut }))
}

/// About 1 MiB of a stream, in its steady state, events lent.
#[divan::bench(args = streams(), sample_count = 30)]
fn decoder(bencher: Bencher<'_, '_>, stream: &Stream) {
    let bytes = stream.shape.stream();
    let mut decoder = load::decoder();
    bencher.counter(BytesCount::of_slice(&bytes)).bench_local(|| {
        let chunks = bytes.chunks(stream.cut.1.min(bytes.len()));
        chunks.map(|chunk| decode(&mut decoder, chunk).1).sum::<usize>()
    });
}

/// One comment through the decoder alone: what [`watch_comment`] stands beside.
#[divan::bench]
fn decoder_comment(bencher: Bencher<'_, '_>) {
    let mut decoder = load::decoder();
    bencher.bench_local(|| decode(&mut decoder, divan::black_box(load::COMMENT.as_bytes())));
}

/// One comment through `handle` and `poll` to `Sleep`.
#[divan::bench]
fn watch_comment(bencher: Bencher<'_, '_>) {
    let mut watch = asleep();
    let mut now = 0;
    bencher.bench_local(|| {
        now += 1;
        comment(&mut watch, Timestamp::from_millis(now))
    });
}

/// One heartbeat's whole round, and a comment that keeps the stream's deadline off.
#[divan::bench]
fn watch_heartbeat_and_comment(bencher: Bencher<'_, '_>) {
    let mut watch = asleep();
    bencher.bench_local(|| load::beat_and_comment(&mut watch));
}

/// From the request to a sleeping watch.
#[divan::bench]
fn watch_hello(bencher: Bencher<'_, '_>) {
    bencher.bench_local(asleep);
}
