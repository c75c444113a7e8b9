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

/// Time that a clock can have, and guards: all of them, none, each alone, and any.
pub(crate) fn orderly_setup() -> impl Strategy<Value = Setup> {
    let alone = (0..6_usize).prop_map(|only| core::array::from_fn(|guard| guard == only));
    let guards = prop_oneof![
        4 => Just([true; 6]),
        1 => Just([false; 6]),
        3 => alone,
        2 => any::<[bool; 6]>(),
    ];
    (guards, any::<bool>(), any::<u64>(), 0..1_u64 << 40)
        .prop_map(|(guards, park, seed, origin)| Setup { guards, park, seed, origin })
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

fn ops(whats: impl IntoIterator<Item = (When, What)>) -> Vec<Op> {
    whats.into_iter().map(|(when, what)| Op { when, what, polls: Polls::All }).collect()
}

/// The way from a wait, or from a connect that came at once, to an open watch with one of several intervals. Once it
/// is open what is left of it is an answer to a heartbeat that was never sent.
fn open(interval: u8) -> [(When, What); 3] {
    core::array::from_fn(|_| (When::Same, What::Onwards(interval % 8 * 8 + 4)))
}

/// How an attempt may end, with the time from the step before to it.
fn end() -> impl Strategy<Value = (When, What)> {
    let what = prop_oneof![
        4 => Just(What::End(Who::Latest)),
        4 => any::<u8>().prop_map(|fault| What::Failed(Who::Latest, fault)),
        6 => any::<u8>().prop_map(|kind| What::Head(Who::Latest, kind)),
        1 => any::<bool>().prop_map(|line| What::Data(Who::Latest, vec![Frame::TooLong(line)], 0)),
        1 => any::<u8>().prop_map(|kind| What::Data(Who::Latest, vec![Frame::BadWake(kind)], 0)),
        1 => Just(What::Answer(Who::Latest, 410)),
    ];
    let when = prop_oneof![4 => Just(When::Same), 1 => (0..70_000_u64).prop_map(When::Later)];
    (when, what)
}

/// What a life is made of, again and again: each leads deeper into one of the states that take long to reach. They
/// shrink by their repetitions first.
fn phase() -> impl Strategy<Value = Vec<Op>> {
    let again = |most| 1..most;
    let failing = (end(), again(16_usize))
        .prop_map(|(end, times)| ops(vec![[(When::Deadline(0), What::Tick), end]; times].concat()));
    // A server that may have asked for a window first.
    let window = |kind| (When::Same, What::Data(Who::Latest, vec![Frame::Retry(kind)], 0));
    let flapping = (any::<u8>(), end(), again(12_usize)).prop_map(move |(kind, end, times)| {
        let flap: Vec<_> = open(kind).into_iter().chain([end]).collect();
        ops(open(kind).into_iter().chain([window(kind)]).chain(vec![flap; times].concat()))
    });
    // A refused token, a network that goes and comes meanwhile, and a new one that is refused as well.
    let refused = (1..12_usize, 0..3_u8).prop_map(|(times, then)| {
        let refused = [(When::Deadline(0), What::Tick), (When::Same, What::Head(Who::Latest, 7))];
        let then = match then {
            0 => vec![],
            1 => [true, false].map(|gone| (When::Later(1_000), What::Offline(gone))).to_vec(),
            _ => vec![
                (When::Later(1_000), What::NewToken(2)),
                (When::Same, What::Head(Who::Latest, 7)),
            ],
        };
        ops(vec![refused; times].concat().into_iter().chain(then))
    });
    let watching = (any::<u8>(), vec(1..8_u8, 4..40)).prop_map(|(interval, ways)| {
        let onwards = ways.into_iter().map(|way| (When::Same, What::Onwards(way)));
        ops(open(interval).into_iter().chain(onwards))
    });
    let woken = (any::<u8>(), any::<bool>(), again(14_usize)).prop_map(|(wake, done, times)| {
        let wake = (When::Same, What::Data(Who::Latest, vec![Frame::Wake(wake)], 0));
        let again = (When::Same, What::Again(done));
        let woken: Vec<_> = open(6).into_iter().chain([wake, again]).collect();
        ops(vec![woken; times].concat())
    });
    let hints = vec((prop_oneof![Just(0), 1..70_000_u64], any::<bool>()), 1..6).prop_map(|hints| {
        ops(hints.into_iter().map(|(wait, kind)| (When::Later(wait), What::Hint(kind))))
    });
    // Hints that end one watch after the other, until their bucket is empty; and hints that meet a wait that was
    // asked for, or one for the connect bucket.
    let hasty = (any::<bool>(), 4..8_usize).prop_map(|(kind, times)| {
        let hint = (When::Same, What::Hint(kind));
        let hinted: Vec<_> = open(6).into_iter().chain([hint]).collect();
        ops(vec![hinted; times].concat())
    });
    let asked = (any::<u8>(), 11..13_u8, 0..5_usize).prop_map(|(more, status, times)| {
        let tick = (When::Deadline(0), What::Tick);
        let head = |kind| (When::Same, What::Head(Who::Latest, kind));
        let hint = (When::Same, What::Hint(more % 2 == 0));
        let failing = vec![[tick.clone(), head(10)]; times].concat();
        let asked = [tick, head(more / 16 * 16 + status), hint.clone(), hint];
        ops(failing.into_iter().chain(asked))
    });
    // Watches that run for just one interval of a second are come back from at once.
    let held = (10..16_usize).prop_map(|times| {
        let end = (When::Later(1_000), What::End(Who::Latest));
        let watched: Vec<_> = open(1).into_iter().chain([end]).collect();
        let hint = (When::Same, What::Hint(true));
        ops(vec![watched; times].concat().into_iter().chain([hint]))
    });
    // A token that is refused while a connect, or a heartbeat, is under way with it, replaced meanwhile or not.
    let overtaken = (any::<bool>(), any::<bool>()).prop_map(|(connecting, replaced)| {
        let tick = (When::Deadline(0), What::Tick);
        let new = replaced.then_some((When::Same, What::NewToken(1)));
        let refused = if connecting {
            (When::Same, What::Head(Who::Latest, 7))
        } else {
            (When::Same, What::Answer(Who::Latest, 401))
        };
        // A wait to begin with, whatever it was that ran.
        let wait = (When::Same, What::Failed(Who::Latest, 0));
        let before = if connecting { vec![wait] } else { open(6).to_vec() };
        ops(before.into_iter().chain([tick]).chain(new).chain([refused]))
    });
    let over = any::<bool>().prop_map(|stop| {
        let over = (When::Same, if stop { What::Stop } else { What::Cancel });
        ops(open(6).into_iter().chain([over]))
    });
    // Each way in which a watch may end, where the server has asked for a window that it may or may not draw from.
    let spread = (any::<u8>(), 0..5_u8).prop_map(move |(kind, how)| {
        let end = match how {
            0 => What::Answer(Who::Latest, 410),
            1 => What::Answer(Who::Latest, 409),
            2 => What::End(Who::Latest),
            3 => What::Failed(Who::Latest, kind),
            _ => What::Hint(true),
        };
        let beat = (When::Deadline(0), What::Tick);
        ops(open(kind).into_iter().chain([window(kind % 3), beat, (When::Same, end)]))
    });
    let quiet = prop_oneof![Just(60_000), Just(600_000), 0..8_000_000_u64]
        .prop_map(|wait| ops([(When::Later(wait), What::Tick)]));
    let offline = any::<bool>().prop_map(|offline| ops([(When::Same, What::Offline(offline))]));
    prop_oneof![
        6 => failing,
        8 => flapping,
        4 => refused,
        6 => watching,
        4 => woken,
        4 => hints,
        4 => hasty,
        4 => asked,
        2 => held,
        4 => overtaken,
        4 => spread,
        4 => quiet,
        2 => offline,
        1 => over,
    ]
}

/// Phases, one after the other, with anything orderly in between.
fn life(anything: impl Strategy<Value = Op>) -> impl Strategy<Value = Vec<Op>> {
    let anything = vec(anything, 0..6);
    vec((phase(), anything), 1..8).prop_map(|phases| {
        phases.into_iter().flat_map(|(phase, anything)| [phase, anything]).flatten().collect()
    })
}

/// Anything at any time, taken out or not.
pub(crate) fn plan() -> impl Strategy<Value = Vec<Op>> {
    let polls = prop_oneof![5 => Just(Polls::All), 1 => (0..4_u8).prop_map(Polls::Few)];
    let data = (who(), vec(frame(), 0..5), prop_oneof![4 => Just(0), 1 => any::<u8>()])
        .prop_map(|(who, frames, kept)| What::Data(who, frames, kept));
    let op = (hostile_when(), what(data), polls.clone())
        .prop_map(|(when, what, polls)| Op { when, what, polls })
        .boxed();
    let anything = vec(op.clone(), 1..80);
    // A hasty peer: one attempt after the other, as fast as the machine lets it.
    let hasty = prop_oneof![
        12 => Just(What::Onwards(7)),
        1 => any::<u8>().prop_map(What::Onwards),
        4 => Just(What::End(Who::Latest)),
        1 => Just(What::Failed(Who::Latest, 0)),
        1 => Just(What::Hint(true)),
    ];
    let hasty = (hasty, polls).prop_map(|(what, polls)| Op { when: When::Same, what, polls });
    prop_oneof![4 => anything, 1 => vec(hasty, 60..200), 2 => life(op)]
}

/// Whole frames, in proper time, all taken out, after a first tick: what a model can follow.
pub(crate) fn orderly_plan() -> impl Strategy<Value = Vec<Op>> {
    let frame = frame().prop_filter("no torn line", |frame| !matches!(frame, Frame::Garbage(_)));
    let data = (who(), frame).prop_map(|(who, frame)| What::Data(who, vec![frame], 0));
    let op =
        (when(), what(data)).prop_map(|(when, what)| Op { when, what, polls: Polls::All }).boxed();
    let first = Op { when: When::Same, what: What::Tick, polls: Polls::All };
    prop_oneof![1 => vec(op.clone(), 1..80), 1 => life(op)].prop_map(move |mut plan| {
        plan.insert(0, first.clone());
        plan
    })
}
