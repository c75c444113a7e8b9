//! The laws that compare runs: 4, 10 and 12.

use dormouse_core::{
    Action, Attempt, Beat, Head, Input, InputBuf, Timestamp, TransportFault, Watch,
};

use super::plan::{Setup, Step, hello, play, take, wake};

/// Law 12: the same inputs at the same times give the same actions, requests and all.
///
/// # Panics
///
/// If they do not.
pub fn same_again(setup: &Setup, run: &[Step]) {
    let (mut one, mut two) = (setup.watch(), setup.watch());
    assert_eq!(play(&mut one, run), play(&mut two, run));
    assert_eq!(format!("{one:?}"), format!("{two:?}"));
    // A clone is the same watch, too.
    let mut three = one.clone();
    let rest: Vec<Step> =
        run.iter().map(|step| Step { at: u64::MAX / 2, ..step.clone() }).collect();
    assert_eq!(play(&mut two, &rest), play(&mut three, &rest));
}

/// Law 10: how the bytes are cut into pieces changes nothing. `places` says where to cut so many bytes; what it
/// says twice makes an empty piece.
///
/// # Panics
///
/// If it does change something.
pub fn cut_changes_nothing(
    setup: &Setup,
    run: &[Step],
    mut places: impl FnMut(usize) -> Vec<usize>,
) {
    let (mut whole, mut cut) = (setup.watch(), setup.watch());
    for step in run {
        step.feed(&mut whole);
        match &step.given {
            InputBuf::Data { attempt, bytes } => {
                let mut places = places(bytes.len());
                places.extend([0, bytes.len()]);
                places.sort_unstable();
                for ends in places.windows(2) {
                    let data = Input::Data { attempt: *attempt, bytes: &bytes[ends[0]..ends[1]] };
                    cut.handle(Timestamp::from_millis(step.at), data);
                }
            }
            _ => step.feed(&mut cut),
        }
        assert_eq!(take(&mut whole, step.polls), take(&mut cut, step.polls));
        assert_eq!(whole.deadline(), cut.deadline());
        assert_eq!(whole.state(), cut.state());
    }
    // Pieces that come too early or too late are counted one by one; nothing else differs.
    let counted = |watch: &Watch| {
        let mut stats = *watch.stats();
        (stats.stale, stats.out_of_place) = (0, 0);
        stats
    };
    assert_eq!(counted(&whole), counted(&cut));
}

/// Something that belongs to an attempt or a heartbeat that was given up, or that never was.
#[derive(Clone, Copy, Debug)]
pub struct Stale {
    /// After how many steps it comes.
    pub after: usize,
    /// Which of the inputs that carry a number.
    pub which: usize,
    /// How far its number is from the latest.
    pub offset: u64,
    /// The status in it, if there is one.
    pub status: u16,
}

/// Law 4: stale input changes nothing.
///
/// # Panics
///
/// If it does change something.
pub fn stale_changes_nothing(setup: &Setup, run: &[Step], stale: Stale) {
    let (before, after) = run.split_at(stale.after.min(run.len()));
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
    let running = plain.state().is_attempting() && stale.offset == 0;
    let offset = if running { 1 } else { stale.offset };
    let attempt = Attempt(seen.0.wrapping_add(offset));
    let beat = Beat(seen.1.wrapping_add(offset));
    let (status, fault) = (stale.status, TransportFault::Broken);
    let mut stream = b"retry: 77777\n".to_vec();
    stream.extend(hello("stale", 1));
    stream.extend(wake(0));
    let inputs = [
        InputBuf::Head { attempt, head: Head::read(status, []) },
        InputBuf::Data { attempt, bytes: stream.into() },
        InputBuf::End { attempt },
        InputBuf::Failed { attempt, fault },
        InputBuf::HeartbeatAnswer { beat, status },
        InputBuf::HeartbeatFailed { beat, fault },
    ];
    let now = Timestamp::from_millis(before.last().map_or(setup.origin, |step| step.at));
    let mut disturbed = plain.clone();
    plain.handle(now, Input::Tick);
    disturbed.handle(now, inputs[stale.which % inputs.len()].as_input());
    disturbed.handle(now, Input::Tick);
    assert_eq!(disturbed.stats().stale, plain.stats().stale + 1);
    // The whole of it is the same, but for the count; and so is what it does from there.
    let shown = |watch: &Watch| {
        format!("{watch:?}").replace(&format!("stale: {},", watch.stats().stale), "stale")
    };
    assert_eq!(shown(&plain), shown(&disturbed));
    assert_eq!(play(&mut plain, after), play(&mut disturbed, after));
}
