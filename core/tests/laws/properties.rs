//! The properties themselves.

use dormouse_core::{Action, Attempt, Beat, Input, InputBuf, State, Timestamp, Watch, sse};
use dormouse_testkit::laws::{Model, Monitor, Polls, Setup, Step, play, resolve, take};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::strategy::{orderly_plan, plan, setup};

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

    /// Law 12: the same inputs at the same times give the same actions, requests and all.
    #[test]
    fn the_same_inputs_give_the_same_actions(setup in setup(), plan in plan()) {
        let run = resolve(&setup, &plan);
        let (mut one, mut two) = (setup.watch(), setup.watch());
        prop_assert_eq!(play(&mut one, &run), play(&mut two, &run));
        prop_assert_eq!(format!("{one:?}"), format!("{two:?}"));
        // A clone is the same watch, too.
        let mut three = one.clone();
        let rest: Vec<Step> = run.iter().map(|step| Step { at: u64::MAX / 2, ..step.clone() }).collect();
        prop_assert_eq!(play(&mut two, &rest), play(&mut three, &rest));
    }

    /// Law 10: how the bytes are cut into pieces changes nothing.
    #[test]
    fn how_bytes_are_cut_changes_nothing(
        setup in setup(),
        plan in plan(),
        cuts in vec(vec(any::<Index>(), 0..6), 1..8),
        by_byte: bool,
    ) {
        let run = resolve(&setup, &plan);
        let (mut whole, mut cut) = (setup.watch(), setup.watch());
        for (step, cuts) in run.iter().zip(cuts.iter().cycle()) {
            step.feed(&mut whole);
            match step.given.as_input() {
                Input::Data { attempt, bytes } => {
                    for bytes in pieces(bytes, cuts, by_byte) {
                        cut.handle(Timestamp::from_millis(step.at), Input::Data { attempt, bytes });
                    }
                }
                _ => step.feed(&mut cut),
            }
            prop_assert_eq!(take(&mut whole, step.polls), take(&mut cut, step.polls));
            prop_assert_eq!(whole.deadline(), cut.deadline());
            prop_assert_eq!(whole.state(), cut.state());
        }
        // Pieces that come too early or too late are counted one by one; nothing else differs.
        let counted = |watch: &Watch| {
            let mut stats = *watch.stats();
            (stats.stale, stats.out_of_place) = (0, 0);
            stats
        };
        prop_assert_eq!(counted(&whole), counted(&cut));
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
        let (before, after) = run.split_at(at.index(run.len() + 1));
        let mut plain = setup.watch();
        let mut seen = (0, 0);
        for action in play(&mut plain, before).concat() {
            match action {
                Action::Connect { attempt, .. } => seen.0 = attempt.0,
                Action::Heartbeat { beat, .. } => seen.1 = beat.0,
                _ => {}
            }
        }
        // The latest is stale as well, unless it may still run.
        let offset = if plain.state().is_attempting() && offset == 0 { 1 } else { offset };
        let attempt = Attempt(seen.0.wrapping_add(offset));
        let beat = Beat(seen.1.wrapping_add(offset));
        let head = dormouse_core::Head::read(status, []);
        let fault = dormouse_core::TransportFault::Broken;
        let mut stream = b"retry: 77777\n".to_vec();
        stream.extend(dormouse_testkit::laws::hello("stale", 1));
        stream.extend(dormouse_testkit::laws::wake(0));
        let stale = [
            InputBuf::Head { attempt, head },
            InputBuf::Data { attempt, bytes: stream.into() },
            InputBuf::End { attempt },
            InputBuf::Failed { attempt, fault },
            InputBuf::HeartbeatAnswer { beat, status },
            InputBuf::HeartbeatFailed { beat, fault },
        ];
        let now = Timestamp::from_millis(before.last().map_or(setup.origin, |step| step.at));
        let mut disturbed = plain.clone();
        plain.handle(now, Input::Tick);
        disturbed.handle(now, stale[which].as_input());
        disturbed.handle(now, Input::Tick);
        prop_assert_eq!(disturbed.stats().stale, plain.stats().stale + 1);
        // The whole of it is the same, but for the count; and so is what it does from there.
        let shown = |watch: &Watch| {
            format!("{watch:?}").replace(&format!("stale: {},", watch.stats().stale), "stale")
        };
        prop_assert_eq!(shown(&plain), shown(&disturbed));
        prop_assert_eq!(play(&mut plain, after), play(&mut disturbed, after));
    }
}

fn pieces<'b>(bytes: &'b [u8], cuts: &[Index], by_byte: bool) -> Vec<&'b [u8]> {
    if by_byte && !bytes.is_empty() {
        return bytes.chunks(1).collect();
    }
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
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
