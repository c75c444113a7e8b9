//! Plans by chance: what may come, how often, and how it shrinks.

use dormouse_testkit::laws::{Frame, LAST, Op, Polls, Setup, What, When, Who};
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) fn setup() -> impl Strategy<Value = Setup> {
    let guards = prop_oneof![
        3 => Just([true; 6]),
        1 => Just([false; 6]),
        4 => any::<[bool; 6]>(),
    ];
    let origin = prop_oneof![8 => Just(0), 1 => any::<u64>(), 1 => LAST - 10_000_000..=u64::MAX];
    (guards, any::<bool>(), any::<u64>(), origin).prop_map(|(guards, park, seed, origin)| Setup {
        guards,
        park,
        seed,
        origin,
    })
}

fn when() -> impl Strategy<Value = When> {
    prop_oneof![
        6 => Just(When::Same),
        3 => prop_oneof![Just(1), 1..2_000_u64, 1..40_000_u64, 1..8_000_000_u64].prop_map(When::Later),
        6 => (-1..=1_i8).prop_map(When::Deadline),
        1 => any::<u32>().prop_map(|back| When::Back(u64::from(back))),
    ]
}

fn hostile_when() -> impl Strategy<Value = When> {
    prop_oneof![
        60 => when(),
        1 => any::<u64>().prop_map(When::Back),
        1 => (0..1_u64 << 42).prop_map(When::NearTheEnd),
    ]
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        12 => Just(Who::Latest),
        2 => Just(Who::Before),
        2 => Just(Who::Next),
        1 => Just(Who::Zero),
        1 => Just(Who::Most),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        6 => any::<u8>().prop_map(Frame::Hello),
        1 => any::<u8>().prop_map(Frame::BadHello),
        3 => any::<u8>().prop_map(Frame::Wake),
        1 => any::<u8>().prop_map(Frame::BadWake),
        3 => Just(Frame::Comment),
        1 => any::<u8>().prop_map(Frame::Retry),
        2 => any::<u8>().prop_map(Frame::Other),
        1 => any::<bool>().prop_map(Frame::TooLong),
        1 => vec(
            prop_oneof![any::<u8>(), proptest::sample::select(b"\r\n: {}\"dateventr".to_vec())],
            0..24,
        )
        .prop_map(Frame::Garbage),
    ]
}

fn status() -> impl Strategy<Value = u16> {
    prop_oneof![
        4 => 200..300_u16,
        1 => Just(401),
        2 => Just(409),
        2 => Just(410),
        2 => Just(500),
        1 => any::<u16>(),
    ]
}

fn what(data: impl Strategy<Value = What> + 'static) -> impl Strategy<Value = What> {
    prop_oneof![
        40 => any::<u8>().prop_map(What::Onwards),
        8 => Just(What::Tick),
        8 => (who(), any::<u8>()).prop_map(|(who, kind)| What::Head(who, kind)),
        12 => data,
        4 => who().prop_map(What::End),
        4 => (who(), any::<u8>()).prop_map(|(who, fault)| What::Failed(who, fault)),
        6 => (who(), status()).prop_map(|(who, status)| What::Answer(who, status)),
        4 => (who(), any::<u8>()).prop_map(|(who, fault)| What::Lost(who, fault)),
        4 => any::<bool>().prop_map(What::Again),
        4 => any::<bool>().prop_map(What::Hint),
        2 => prop_oneof![1 => Just(true), 3 => Just(false)].prop_map(What::Offline),
        1 => any::<u8>().prop_map(What::NewToken),
        1 => any::<u8>().prop_map(|rare| match rare {
            0..40 => What::Stop,
            40..60 => What::Cancel,
            _ => What::Tick,
        }),
    ]
}

/// Anything at any time, taken out or not.
pub(crate) fn plan() -> impl Strategy<Value = Vec<Op>> {
    let polls = prop_oneof![5 => Just(Polls::All), 1 => (0..4_u8).prop_map(Polls::Few)];
    let data = (who(), vec(frame(), 0..5), prop_oneof![4 => Just(0), 1 => any::<u8>()])
        .prop_map(|(who, frames, kept)| What::Data(who, frames, kept));
    let op = (hostile_when(), what(data), polls.clone());
    let anything = vec(op.prop_map(|(when, what, polls)| Op { when, what, polls }), 1..80);
    // A hasty peer: one attempt after the other, as fast as the machine lets it.
    let hasty = prop_oneof![
        12 => Just(What::Onwards(7)),
        1 => any::<u8>().prop_map(What::Onwards),
        4 => Just(What::End(Who::Latest)),
        1 => Just(What::Failed(Who::Latest, 0)),
        1 => Just(What::Hint(true)),
    ];
    let hasty = (hasty, polls).prop_map(|(what, polls)| Op { when: When::Same, what, polls });
    prop_oneof![4 => anything, 1 => vec(hasty, 60..200)]
}

/// One whole frame at a time, in proper time, all taken out: what the model can follow.
pub(crate) fn orderly_plan() -> impl Strategy<Value = Vec<Op>> {
    let data =
        (who(), frame().prop_filter("no torn line", |frame| !matches!(frame, Frame::Garbage(_))))
            .prop_map(|(who, frame)| What::Data(who, vec![frame], 0));
    let op = (when(), what(data));
    vec(op.prop_map(|(when, what)| Op { when, what, polls: Polls::All }), 1..80)
}
