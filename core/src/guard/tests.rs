//! Each guard alone, then together, then none.

use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::ORIGIN;
const INTERVAL: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn guard(on: Guards) -> Guard {
    Guard::new(on, 1, NOW)
}

fn only(switch: impl Fn(&mut Guards)) -> Guard {
    let mut on = Guards::none();
    switch(&mut on);
    guard(on)
}

fn short_watch(guard: &mut Guard) -> Duration {
    guard.watch_ended(Duration::ZERO, Side::Device, Duration::ZERO, INTERVAL, false).total()
}

#[test]
fn short_watches_in_a_row_are_answered_with_growing_delays() {
    let mut guard = only(|on| on.flap = true);
    let delays: [u64; 9] = core::array::from_fn(|_| short_watch(&mut guard).as_secs());
    assert_eq!(delays, [0, 1, 2, 4, 8, 16, 30, 30, 30]);
}

#[test]
fn short_watches_are_counted_as_far_as_they_make_a_difference() {
    let after = |count: u32| {
        let mut guard = only(|on| on.flap = true);
        for _ in 0..count {
            short_watch(&mut guard);
        }
        (guard.outlook(NOW, false), short_watch(&mut guard))
    };
    for more in 1..20 {
        assert_eq!(after(FLAP_LAST), after(FLAP_LAST + more));
    }
    let delays = |count: u32| [after(count).1, after(count + 1).1];
    assert_ne!(delays(FLAP_LAST - 2), delays(FLAP_LAST - 1), "fewer would be too few");
}

#[test]
fn a_flap_delay_is_the_least_and_not_an_addition() {
    let mut guard = only(|on| on.flap = true);
    short_watch(&mut guard);
    short_watch(&mut guard);
    let delay = guard.watch_ended(secs(8), Side::Server, Duration::ZERO, INTERVAL, false);
    assert_eq!((delay.row(), delay.flap(), delay.total()), (secs(8), secs(2), secs(8)));
}

#[test]
fn failed_connects_neither_count_nor_end_the_row() {
    let mut guard = only(|on| on.flap = true);
    short_watch(&mut guard);
    assert_eq!(guard.connect_failed(secs(1), None).total(), secs(1));
    assert_eq!(guard.connect_failed(secs(2), None).flap(), Duration::ZERO);
    assert_eq!(short_watch(&mut guard), secs(1));
}

#[test]
fn a_row_of_short_watches_ends_with_proof_only() {
    let after = |ran, accepted| {
        let mut guard = only(|on| on.flap = true);
        for _ in 0..4 {
            short_watch(&mut guard);
        }
        let own = guard.watch_ended(Duration::ZERO, Side::Device, ran, INTERVAL, accepted).total();
        assert_eq!(own, Duration::ZERO, "a watch of {ran:?} is not short");
        short_watch(&mut guard)
    };
    assert_eq!(
        after(secs(60), true),
        Duration::ZERO,
        "a minute and a heartbeat: the row begins anew"
    );
    assert_eq!(after(secs(60), false), secs(8), "no heartbeat was accepted");
    assert_eq!(after(secs(59), true), secs(8), "less than a minute");
}

#[test]
fn a_long_watch_can_be_short_where_the_interval_is_longer() {
    let mut guard = only(|on| on.flap = true);
    for _ in 0..4 {
        short_watch(&mut guard);
    }
    let delay = guard.watch_ended(Duration::ZERO, Side::Device, secs(90), secs(120), true);
    assert_eq!(delay.flap(), Duration::ZERO, "the row ended, and this is the first of the next");
    assert_eq!(short_watch(&mut guard), secs(1));
}

#[test]
fn a_wake_handed_over_ends_the_row_and_one_that_failed_counts() {
    let mut guard = only(|on| on.flap = true);
    for _ in 0..4 {
        short_watch(&mut guard);
    }
    assert_eq!(guard.hand_over_failed().total(), secs(8));
    assert_eq!(guard.handed_over(NOW), Delay::default());
    assert_eq!(guard.hand_over_failed().total(), Duration::ZERO);
    assert_eq!(guard.hand_over_failed().total(), secs(1));
}

#[test]
fn retry_after_is_the_least_and_at_most_an_hour() {
    let mut guard = only(|on| on.retry_after = true);
    let mut total = |row, asked| guard.connect_failed(row, Some(asked)).total();
    assert_eq!(total(secs(1), secs(5)), secs(5));
    assert_eq!(total(secs(8), secs(5)), secs(8), "it shortens nothing");
    assert_eq!(total(secs(1), secs(86_400)), HOUR);
    assert_eq!(total(secs(1), Duration::MAX), HOUR);
    assert_eq!(total(secs(4), Duration::ZERO), secs(4), "zero is as good as absent");
}

#[test]
fn retry_after_takes_the_windows_place() {
    let mut guard = only(|on| {
        on.retry_after = true;
        on.window = true;
    });
    guard.set_window(60_000);
    assert_eq!(guard.connect_failed(secs(1), Some(secs(5))).window(), Duration::ZERO);
    assert_eq!(guard.connect_failed(secs(1), Some(secs(5))).total(), secs(5));
    let drawn: Duration =
        (0..64).map(|_| guard.connect_failed(secs(1), Some(Duration::ZERO)).window()).sum();
    assert!(drawn > Duration::ZERO, "a Retry-After of zero is as good as absent");
}

#[test]
fn the_window_spreads_what_the_server_caused_and_nothing_else() {
    let mut guard = only(|on| on.window = true);
    let watch = |guard: &mut Guard, cause| {
        guard.watch_ended(Duration::ZERO, cause, HOUR, INTERVAL, true).total()
    };
    assert_eq!(watch(&mut guard, Side::Server), Duration::ZERO, "never sent: no window");
    guard.set_window(10_000);
    let drawn: alloc::vec::Vec<_> = (0..200).map(|_| watch(&mut guard, Side::Server)).collect();
    assert!(drawn.iter().all(|wait| *wait <= secs(10)));
    assert!(drawn.iter().any(|wait| *wait > secs(8)) && drawn.iter().any(|wait| *wait < secs(2)));
    assert_eq!(watch(&mut guard, Side::Device), Duration::ZERO);
    for _ in 0..50 {
        let failed = guard.connect_failed(secs(4), None);
        assert!(failed.total() >= secs(4) && failed.total() <= secs(14), "{failed:?}");
        assert_eq!(failed.total(), failed.row() + failed.window());
    }
}

#[test]
fn the_window_is_clamped_and_zero_speeds_nothing_up() {
    let mut guard = only(|on| on.window = true);
    guard.set_window(u64::MAX);
    for _ in 0..200 {
        assert!(guard.connect_failed(Duration::ZERO, None).total() <= secs(300));
    }
    guard.set_window(0);
    assert_eq!(guard.connect_failed(secs(2), None).total(), secs(2));
}

#[test]
fn which_causes_are_the_servers() {
    use crate::error::Hint;
    use crate::error::{StreamFault, TransportFault};
    for (outcome, cause) in [
        (Outcome::Ended, Side::Server),
        (Outcome::Stream(StreamFault::Transport(TransportFault::Broken)), Side::Server),
        (Outcome::HeartbeatLost(HeartbeatLoss::Gone), Side::Server),
        (Outcome::ReadTimeout, Side::Device),
        (Outcome::Hint(Hint::Resumed), Side::Device),
        (Outcome::Hint(Hint::NetworkChanged), Side::Device),
        (Outcome::HeartbeatLost(HeartbeatLoss::Taken), Side::Device),
        (Outcome::HeartbeatLost(HeartbeatLoss::Failed), Side::Device),
    ] {
        assert_eq!(Side::of(outcome), cause, "{outcome:?}");
    }
}

#[test]
fn parking_doubles_to_an_hour_and_begins_anew() {
    let mut guard = guard(Guards::none());
    let minutes: [u64; 6] = core::array::from_fn(|_| guard.parked().total().as_secs() / 60);
    assert_eq!(minutes, [5, 10, 20, 40, 60, 60]);
    guard.unpark();
    assert_eq!(guard.parked().total(), secs(300));
}

#[test]
fn hints_are_paid_from_a_bucket_of_three() {
    let mut guard = only(|on| on.hints = true);
    let paid: [bool; 5] = core::array::from_fn(|_| guard.pay_hint(NOW));
    assert_eq!(paid, [true, true, true, false, false]);
    assert!(!guard.pay_hint(NOW.after(secs(59))));
    assert!(guard.pay_hint(NOW.after(secs(60))));
    assert!(!only(|_| ()).pay_hint(NOW), "switched off, a hint leads to nothing");
}

#[test]
fn with_every_guard_off_the_row_stands() {
    let mut guard = guard(Guards::none());
    guard.set_window(60_000);
    for _ in 0..50 {
        assert_eq!(short_watch(&mut guard), Duration::ZERO);
        assert_eq!(guard.hand_over_failed().total(), Duration::ZERO);
        assert_eq!(guard.connect_failed(secs(2), Some(secs(50))).total(), secs(2));
        assert_eq!(guard.first_heartbeat(INTERVAL), INTERVAL);
        assert_eq!(guard.pay_connect(NOW), Ok(()));
    }
}

#[test]
fn a_delay_says_where_it_comes_from() {
    let delay = Delay::new(secs(4), Duration::ZERO, Duration::ZERO, secs(2), secs(3));
    assert_eq!(alloc::format!("{delay}"), "5s (row 4s, window 2s)");
    assert_eq!(alloc::format!("{}", Delay::default()), "0ns");
}

proptest! {
    /// Section 5.3, and the ceiling of section 6, law 8.
    #[test]
    fn jitter_keeps_within_its_bounds(
        seed: u64,
        row in 0..40_000_u64,
        asked in proptest::option::of(0..10_000_000_u64),
        window in 0..400_000_u64,
        shorts in 0..12_u32,
    ) {
        let mut guard = Guard::new(Guards::all(), seed, NOW);
        guard.set_window(window);
        for _ in 0..shorts {
            short_watch(&mut guard);
        }
        let row = Duration::from_millis(row);
        let delay = match asked {
            Some(asked) => guard.connect_failed(row, Some(Duration::from_millis(asked))),
            None => guard.watch_ended(row, Side::Server, Duration::ZERO, INTERVAL, false),
        };
        let base = delay.total() - delay.window();
        let least = delay.row().max(delay.flap());
        prop_assert!(base >= least / 2, "{delay:?}");
        prop_assert!(base >= delay.retry_after(), "{delay:?}");
        prop_assert!(base <= least.max(delay.retry_after() * 3 / 2), "{delay:?}");
        prop_assert!(delay.window() <= secs(300) && delay.window() <= Duration::from_millis(window));
        prop_assert!(delay.total() <= HOUR * 3 / 2);
        let first = guard.first_heartbeat(INTERVAL);
        prop_assert!(first >= INTERVAL / 2 && first <= INTERVAL);
    }
}

#[test]
fn all_are_on_unless_switched_off() {
    assert_eq!(Guards::default(), Guards::all());
    assert_ne!(Guards::default(), Guards::none());
}

/// With other chance the same guard draws otherwise, and as one that had it from the beginning.
#[test]
fn reseeded_it_draws_as_if_it_had_begun_so() {
    let drawn = |mut guard: Guard| -> [Duration; 4] {
        core::array::from_fn(|_| guard.first_heartbeat(INTERVAL))
    };
    let mut reseeded = only(|on| on.jitter = true);
    let before = drawn(reseeded.clone());
    reseeded.reseed(7);
    let mut on = Guards::none();
    on.jitter = true;
    assert_eq!(drawn(reseeded.clone()), drawn(Guard::new(on, 7, NOW)));
    assert_ne!(drawn(reseeded), before);
}
