//! Section 5.1: the flap guard and the bucket under it, each alone; then every guard against the server that
//! says hello and closes.

use crate::script::{
    CONNECTED, OPEN, at, config, hello, opened, play, script, secs, short_watches, sse_head, watch,
    with,
};
use dormouse_core::{Action, Config, Input, Timestamp};

fn flap() -> Config {
    with(|on| on.flap = true)
}

#[test]
fn flap_the_first_short_watch_costs_nothing_and_each_further_one_twice_as_much() {
    short_watches(&mut watch(flap(), 1), &[0, 1, 2, 4, 8, 16, 30, 30, 30]);
}

#[test]
fn flap_failed_connects_neither_count_nor_end_the_row() {
    let mut watch = watch(flap(), 1);
    assert_eq!(short_watches(&mut watch, &[0, 1]), (3, 1));
    play(
        &mut watch,
        &[
            "
    1s  head 3 500 => disconnect 3; ended 3 Status(500) after 0s then 1s; sleep 2s
    2s  tick       => connect 4 previous=L2; sleep 32s
    ",
            &opened(4, 2, CONNECTED),
            "2s  end 4 => disconnect 4; ended 4 Ended after 0s then 2s; status Connecting; sleep 4s",
        ],
    );
}

/// The flap guard's delay is the least there is, and no addition: a row that waits longer stands.
#[test]
fn flap_a_row_that_waits_longer_stands() {
    let mut watch = watch(flap(), 1);
    assert_eq!(short_watches(&mut watch, &[0]), (2, 0));
    play(
        &mut watch,
        &[
            &opened(2, 0, ""),
            "0s  fail 2 => disconnect 2; ended 2 Stream(Transport(Broken)) after 0s then 1s; status Connecting; sleep 1s",
        ],
    );
}

/// Runs a watch after two short ones, to `end`, and expects the delay that a third short watch after it
/// gets: 2 s if the row went on, none if that ended it.
fn third_short_watch_after(rest: &str, now: u64, attempt: u64, status: &str, then: &str) {
    let mut watch = watch(flap(), 1);
    assert_eq!(short_watches(&mut watch, &[0, 1]), (3, 1));
    play(&mut watch, &[&opened(3, 1, CONNECTED), rest, &opened(attempt, now, status), then]);
}

#[test]
fn flap_a_watch_of_60s_with_a_heartbeat_accepted_ends_the_row() {
    third_short_watch_after(
        r"
    31s  data 3 :\n   => heartbeat 1 L3; sleep 41s
    31s  answer 1 204 => beat 1 accepted after 0s; sleep 61s
    61s  end 3        => disconnect 3; connect 4 previous=L3; ended 3 Ended after 60s then 0s; sleep 91s
    ",
        61,
        4,
        "",
        "61s end 4 => disconnect 4; connect 5 previous=L4; ended 4 Ended after 0s then 0s; sleep 91s",
    );
}

#[test]
fn flap_a_watch_of_less_than_60s_leaves_the_row_as_it_is() {
    third_short_watch_after(
        r"
    31s  data 3 :\n   => heartbeat 1 L3; sleep 41s
    31s  answer 1 204 => beat 1 accepted after 0s; sleep 61s
    60s  end 3        => disconnect 3; connect 4 previous=L3; ended 3 Ended after 59s then 0s; sleep 90s
    ",
        60,
        4,
        "",
        "60s end 4 => disconnect 4; ended 4 Ended after 0s then 2s; status Connecting; sleep 62s",
    );
}

#[test]
fn flap_a_watch_without_a_heartbeat_accepted_leaves_the_row_as_it_is() {
    third_short_watch_after(
        r"
    31s  data 3 :\n   => heartbeat 1 L3; sleep 41s
    31s  answer 1 500 => beat 1 Status(500) after 0s; sleep 61s
    61s  end 3        => disconnect 3; connect 4 previous=L3; ended 3 Ended after 60s then 0s; sleep 91s
    ",
        61,
        4,
        "",
        "61s end 4 => disconnect 4; ended 4 Ended after 0s then 2s; status Connecting; sleep 63s",
    );
}

#[test]
fn flap_one_interval_exactly_is_not_short() {
    third_short_watch_after(
        "
    31s  end 3  => disconnect 3; connect 4 previous=L3; ended 3 Ended after 30s then 0s; sleep 61s
    ",
        31,
        4,
        "",
        "31s end 4 => disconnect 4; ended 4 Ended after 0s then 2s; status Connecting; sleep 33s",
    );
    third_short_watch_after(
        "
    30.999s end 3 => disconnect 3; ended 3 Ended after 29.999s then 2s; status Connecting; sleep 32.999s
    33s  tick     => connect 4 previous=L3; sleep 63s
    ",
        33,
        4,
        CONNECTED,
        "33s end 4 => disconnect 4; ended 4 Ended after 0s then 4s; status Connecting; sleep 37s",
    );
}

#[test]
fn flap_a_wake_handed_over_well_ends_the_row() {
    third_short_watch_after(
        "
    1s  wake 3     => disconnect 3; ended 3 Wake after 0s then hand over; wake, wait 30s; sleep
    2s  again done => connect 4; sleep 32s
    ",
        2,
        4,
        "",
        "2s  end 4     => disconnect 4; connect 5 previous=L4; ended 4 Ended after 0s then 0s; sleep 32s",
    );
}

#[test]
fn flap_a_wake_whose_hand_over_failed_counts_as_a_short_watch() {
    let watch = script(
        flap(),
        &[
            OPEN,
            "
    1s  wake 1       => disconnect 1; ended 1 Wake after 1s then hand over; wake, wait 30s; sleep
    1s  again failed => connect 2; failed then 0s; sleep 31s
    ",
            &opened(2, 1, ""),
            "
    1s  wake 2       => disconnect 2; ended 2 Wake after 0s then hand over; wake, wait 30s; sleep
    1s  again failed => failed then 1s; status Connecting; sleep 2s
    2s  tick         => connect 3; sleep 32s
    ",
            &opened(3, 2, CONNECTED),
            "
    2s  wake 3       => disconnect 3; ended 3 Wake after 0s then hand over; wake, wait 30s; sleep
    2s  again failed => failed then 2s; status Connecting; sleep 4s
    ",
        ],
    );
    assert_eq!(watch.stats().hand_overs_failed, 3);
}

fn bound() -> Config {
    with(|on| on.connect_bound = true)
}

#[test]
fn connects_ten_at_once_and_then_one_every_30s() {
    let mut watch = watch(bound(), 1);
    assert_eq!(short_watches(&mut watch, &[0; 9]), (10, 0));
    play(
        &mut watch,
        &[
            &opened(10, 0, ""),
            "
    0s   end 10 => disconnect 10; held 30s; ended 10 Ended after 0s then 0s; status Connecting; sleep 30s
    29.999s tick => sleep 30s
    30s  tick   => connect 11 previous=L10; sleep 60s
    ",
            &opened(11, 30, CONNECTED),
            "
    # Not at once: what the bucket lacks is what is waited for.
    40s  end 11 => disconnect 11; held 20s; ended 11 Ended after 10s then 0s; status Connecting; sleep 60s
    60s  tick   => connect 12 previous=L11; sleep 90s
    ",
            &opened(12, 60, CONNECTED),
            "
    61s  end 12 => disconnect 12; held 29s; ended 12 Ended after 1s then 0s; status Connecting; sleep 90s
    ",
        ],
    );
    assert_eq!(watch.stats().connects_held, 3);
}

#[test]
fn connects_a_wake_that_was_handed_over_well_gives_its_price_back() {
    let mut watch = watch(bound(), 1);
    assert_eq!(short_watches(&mut watch, &[0; 9]), (10, 0));
    play(&mut watch, &[&opened(10, 0, "")]);
    for attempt in 10..60_u64 {
        let next = attempt + 1;
        let step = format!(
            "
    0s  wake {attempt} => disconnect {attempt}; ended {attempt} Wake after 0s then hand over; wake, wait 30s; sleep
    0s  again done     => connect {next}; sleep 30s
    "
        );
        play(&mut watch, &[&step, &opened(next, 0, "")]);
    }
    play(
        &mut watch,
        &["
    0s  wake 60      => disconnect 60; ended 60 Wake after 0s then hand over; wake, wait 30s; sleep
    0s  again failed => failed then 0s; held 30s; status Connecting; sleep 30s
    "],
    );
}

/// Issue "hello, then closed": with every guard on, whatever the seed.
#[test]
fn a_server_that_says_hello_and_closes_sees_ten_connects_in_the_first_minute_at_most() {
    for seed in 0..300 {
        let mut watch = watch(config().build().expect("a config"), seed);
        let (mut now, mut connects) = (Timestamp::ORIGIN, Vec::new());
        while now <= at(1_200_000) {
            let until = loop {
                match watch.poll() {
                    Action::Connect { attempt, .. } => {
                        connects.push(now);
                        watch.handle(now, Input::Head { attempt, head: sse_head() });
                        watch.handle(now, Input::Data { attempt, bytes: &hello("L", 30_000) });
                        watch.handle(now, Input::End { attempt });
                    }
                    Action::Sleep { until } => break until,
                    _ => {}
                }
            };
            now = until.expect("a deadline");
            watch.handle(now, Input::Tick);
        }
        let within = |from: Timestamp, span| {
            connects.iter().filter(|at| **at >= from && at.since(from) <= span).count()
        };
        let first = within(at(0), secs(60));
        assert!((2..=10).contains(&first), "{first} with the seed {seed}");
        assert!(connects.iter().all(|from| within(*from, secs(600)) <= 30), "seed {seed}");
    }
}
