//! The machine under a plan: the laws, the cuts, the reference.

use arbitrary::Unstructured;
use dormouse_core::State;

use super::plan::Plan;
use crate::laws::{
    Monitor, Polls, Reference, Setup, Stale, Step, cut_changes_nothing, hello, resolve, same_again,
    stale_changes_nothing, take, wake,
};

/// The laws of protocol.md section 6, of whatever run: those that watch it, and those that compare it with another.
pub(super) fn machine(bytes: &[u8]) {
    let mut bytes = Unstructured::new(bytes);
    let Ok([after, which, offset, status, cut]) = bytes.arbitrary::<[u8; 5]>() else { return };
    let Ok(Plan { setup, ops }) = bytes.arbitrary::<Plan>() else { return };
    let run = resolve(&setup, &ops);
    let mut monitor = Monitor::new(setup);
    for step in &run {
        monitor.step(step);
    }
    monitor.finish();
    same_again(&setup, &run);
    cut_changes_nothing(&setup, &run, |length| places(length, cut));
    let stale = Stale {
        after: usize::from(after) * (run.len() + 1) / 256,
        which: which.into(),
        offset: [0, 1, u64::MAX, 2, u64::MAX - 1, 1 << 32][usize::from(offset) % 6],
        status: [200, 204, 401, 409, 410, 503, 0, u16::MAX][usize::from(status) % 8],
    };
    stale_changes_nothing(&setup, &run, stale);
}

/// Where to cut: in pieces half as long each time, an empty one, and from the beginning.
fn places(length: usize, cut: u8) -> Vec<usize> {
    let longest = usize::from(cut % 64) + 1;
    let (mut places, mut at, mut size) = (Vec::new(), 0, longest);
    while at < length {
        places.push(at);
        at += size;
        size = if size == 0 { longest } else { size / 2 };
    }
    places
}

/// The machine against the reference for sections 3 to 5, in an orderly run.
pub(super) fn reference(bytes: &[u8]) {
    let Ok(plan) = Unstructured::new(bytes).arbitrary::<Plan>() else { return };
    let Plan { setup, ops } = plan.orderly();
    let mut watch = setup.watch();
    let mut reference = Reference::new(&setup);
    for step in &resolve(&setup, &ops) {
        reference.step(&mut watch, step);
    }
}

/// What a server may write once it is heard, read by two machines: whole, and cut.
pub(super) fn stream(bytes: &[u8]) {
    let Some(([from, cut], stream)) = bytes.split_first_chunk::<2>() else { return };
    let setup = Setup { guards: [true; 6], park: false, seed: 1, origin: 0 };
    let mut watch = setup.watch();
    take(&mut watch, Polls::All);
    let input = |given| Step { at: 0, given, polls: Polls::All };
    let head: (&str, &[u8]) = ("content-type", b"text/event-stream");
    let attempt = dormouse_core::Attempt(1);
    let data = |bytes: Vec<u8>| dormouse_core::InputBuf::Data { attempt, bytes: bytes.into() };
    let mut run = vec![
        input(dormouse_core::InputBuf::Tick),
        input(dormouse_core::InputBuf::Head {
            attempt,
            head: dormouse_core::Head::read(200, [head]),
        }),
    ];
    if from % 2 == 0 {
        run.push(input(data(hello("L", 30_000))));
    }
    run.push(input(data(stream.to_vec())));
    // What follows is read as if nothing had been before it, or not at all.
    run.push(input(data(b"\n\n".to_vec())));
    run.push(input(data(wake(from / 2))));
    cut_changes_nothing(&setup, &run, |length| places(length, *cut));
    let mut monitor = Monitor::new(setup);
    for step in &run {
        monitor.step(step);
        assert_ne!(monitor.watch.state(), State::Stopped, "a stream stops nobody");
    }
    monitor.finish();
}
