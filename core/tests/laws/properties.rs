//! The properties themselves.

use dormouse_core::{Attempt, Beat, Input, State, Timestamp, Watch, sse};
use dormouse_testkit::laws::{
    Model, Monitor, Polls, Reference, Setup, Stale, cut_changes_nothing, resolve, same_again,
    stale_changes_nothing, take,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::strategy::{orderly_plan, orderly_setup, plan, setup};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Laws 1 to 3, 5 to 8, 11 and 13, and that no caller is made to spin, after every step.
    #[test]
    fn what_always_holds(setup in setup(), plan in plan()) {
        let run = resolve(&setup, &plan);
        let mut monitor = Monitor::new(setup);
        for step in &run {
            monitor.step(step);
        }
        monitor.finish();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1200))]

    /// Section 4, exactly, with every guard off.
    #[test]
    fn with_every_guard_off_the_rows_decide(park: bool, seed: u64, plan in orderly_plan()) {
        let setup = Setup { guards: [false; 6], park, seed, origin: 0 };
        let mut watch = setup.watch();
        let mut model = Model::new(0, park);
        for step in &resolve(&setup, &plan) {
            model.step(&mut watch, step);
        }
    }

    /// Sections 3, 4 and 5, in all that can be seen, with all guards on, with each alone, and with any of them.
    #[test]
    fn the_machine_does_as_the_reference(setup in orderly_setup(), plan in orderly_plan()) {
        let mut watch = setup.watch();
        let mut reference = Reference::new(&setup);
        for step in &resolve(&setup, &plan) {
            reference.step(&mut watch, step);
        }
    }

    /// Law 12: the same inputs at the same times give the same actions, requests and all.
    #[test]
    fn the_same_inputs_give_the_same_actions(setup in setup(), plan in plan()) {
        same_again(&setup, &resolve(&setup, &plan));
    }

    /// Law 10: how the bytes are cut into pieces changes nothing.
    #[test]
    fn how_bytes_are_cut_changes_nothing(
        setup in setup(),
        plan in plan(),
        cuts in vec(vec(any::<Index>(), 0..6), 1..8),
        by_byte: bool,
    ) {
        let mut cuts = cuts.iter().cycle();
        cut_changes_nothing(&setup, &resolve(&setup, &plan), |length| {
            let places = cuts.next().into_iter().flatten();
            if by_byte {
                (0..length).collect()
            } else {
                places.map(|place| place.index(length + 1)).collect()
            }
        });
    }

    /// Law 4: input that belongs to an attempt or a heartbeat that was given up, or that never was,
    /// changes nothing.
    #[test]
    fn stale_input_changes_nothing(
        setup in setup(),
        plan in plan(),
        at in any::<Index>(),
        which in 0..6_usize,
        offset in prop_oneof![Just(0), Just(u64::MAX), Just(1), Just(2), any::<u64>()],
        status in prop_oneof![Just(204), Just(401), Just(409), Just(410), any::<u16>()],
    ) {
        let run = resolve(&setup, &plan);
        let after = at.index(run.len() + 1);
        stale_changes_nothing(&setup, &run, Stale { after, which, offset, status });
    }
}

/// A watch that is open, with limits of 1024 and 1500 bytes.
fn open(setup: &Setup) -> Watch {
    let mut watch = setup.watch();
    take(&mut watch, Polls::All);
    let attempt = Attempt(1);
    let now = Timestamp::from_millis(setup.origin);
    let head = dormouse_core::Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    watch.handle(now, Input::Head { attempt, head });
    watch.handle(
        now,
        Input::Data { attempt, bytes: &dormouse_testkit::laws::hello("L", 86_400_000) },
    );
    take(&mut watch, Polls::All);
    assert_eq!(watch.state(), State::Watching);
    watch
}

/// How many bytes the decoder says that it stores.
fn stored(watch: &Watch) -> usize {
    let shown = format!("{watch:?}");
    ["data_bytes: ", "value_bytes: ", "last_event_id_bytes: "]
        .iter()
        .map(|name| {
            let (_, rest) = shown.split_once(name).expect("the decoder shows what it stores");
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next().expect("digits");
            digits.parse::<usize>().expect("a number")
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Law 9: whatever the server sends, no more is stored than the limits say, and what would be more
    /// ends the watch.
    #[test]
    fn memory_is_bounded_by_the_limits(
        lines in vec(
            (
                proptest::sample::select(vec!["data:", "event:", "id:", "retry:", ":", "x", "event: wake\ndata:"]),
                prop_oneof![4 => 0..900_usize, 1 => 900..3000_usize],
                proptest::sample::select(vec!["", "\n", "\r\n", "\n\n"]),
            ),
            1..40,
        ),
        cut in 1..700_usize,
    ) {
        let setup = Setup { guards: [true; 6], park: false, seed: 1, origin: 0 };
        let mut watch = open(&setup);
        let limits = sse::Limits { line: 1024, data: 1500 };
        let mut bytes = Vec::new();
        for (start, length, end) in lines {
            bytes.extend(start.as_bytes());
            bytes.resize(bytes.len() + length, b'x');
            bytes.extend(end.as_bytes());
        }
        for piece in bytes.chunks(cut) {
            watch.handle(Timestamp::ORIGIN, Input::Data { attempt: Attempt(1), bytes: piece });
            // One event's data, one line, and the last event id, which is a line too.
            prop_assert!(stored(&watch) <= limits.data + 2 * limits.line);
        }
    }
}

/// Law 9, for what no byte limit names: reports, actions and counts do not pile up in a machine that is
/// never polled.
#[test]
fn a_machine_that_is_never_polled_does_not_grow() {
    let setup = Setup { guards: [true; 6], park: true, seed: 1, origin: 0 };
    let mut watch = open(&setup);
    let size = |watch: &Watch| format!("{watch:?}").len();
    let attempt = Attempt(1);
    let mut largest = 0;
    for round in 0..20_000_u64 {
        let now = Timestamp::from_millis(round);
        let bytes = dormouse_testkit::laws::hello("another", round);
        watch.handle(now, Input::Data { attempt, bytes: &bytes });
        watch
            .handle(now, Input::Data { attempt, bytes: b"event: unknown\ndata: x\n\nid: 1\n: \n" });
        watch.handle(now, Input::HeartbeatAnswer { beat: Beat(round), status: 204 });
        watch.handle(now, Input::Hint(dormouse_core::Hint::Resumed));
        if round == 100 {
            largest = size(&watch) + 200;
        }
    }
    assert!(largest > 0 && size(&watch) <= largest, "{} bytes", size(&watch));
}
