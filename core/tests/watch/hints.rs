//! Sections 5.5 and 5.6: hints, no network, and a token that is refused.

use crate::script::{
    OPEN, START, at, config, opened, play, script, secs, short_watches, token, watch, with,
};
use crate::waits::{delay_after, head_of};
use dormouse_core::{Config, Guards, Hint, Input, OnUnauthorized, State};

// 5.5

fn hints() -> Config {
    with(|on| on.hints = true)
}

#[test]
fn hints_end_a_running_watch_as_a_read_timeout_would_and_are_paid_from_a_bucket_of_three() {
    let opened = |attempt, now| opened(attempt, now, "");
    let watch = script(
        hints(),
        &[
            OPEN,
            "0s  network => disconnect 1; connect 2 previous=L1; ended 1 Hint(NetworkChanged) after 0s then 0s; sleep 30s",
            &opened(2, 0),
            "0s  resumed => disconnect 2; connect 3 previous=L2; ended 2 Hint(Resumed) after 0s then 0s; sleep 30s",
            &opened(3, 0),
            "0s  network => disconnect 3; connect 4 previous=L3; ended 3 Hint(NetworkChanged) after 0s then 0s; sleep 30s",
            &opened(4, 0),
            "
    0s  network      => sleep 30s
    30s tick         => heartbeat 1 L4; sleep 40s
    30s answer 1 204 => beat 1 accepted after 0s; sleep 60s
    59.999s resumed  => sleep 60s
    60s resumed      => disconnect 4; connect 5 previous=L4; ended 4 Hint(Resumed) after 60s then 0s; sleep 90s
    ",
            &opened(5, 60),
            "60s network => sleep 90s",
        ],
    );
    assert_eq!(watch.stats().hints_ignored, 3);
}

#[test]
fn hints_end_a_backoff() {
    let watch = script(
        hints(),
        &["
    0s   start      => connect 1; status Connecting; sleep 30s
    0s   head 1 409 => disconnect 1; ended 1 Conflict after 0s then 30s; sleep 30s
    10s  network    => connect 2; sleep 40s
    10s  head 2 500 => disconnect 2; ended 2 Status(500) after 0s then 1s; sleep 11s
    10.5s resumed   => connect 3; sleep 40.5s
    11s  fail 3     => disconnect 3; ended 3 Transport(Broken) after 0.5s then 2s; sleep 13s
    "],
    );
    assert_eq!(watch.stats().hints_ignored, 0);
}

#[test]
fn hints_do_not_undercut_a_retry_after() {
    let watch = script(
        with(|on| (on.hints, on.retry_after) = (true, true)),
        &["
    0s   start                    => connect 1; status Connecting; sleep 30s
    0s   head 1 503 retry-after=60 => disconnect 1; ended 1 Status(503) after 0s then 60s; sleep 60s
    10s  network                  => sleep 60s
    59.999s resumed               => sleep 60s
    60s  tick                     => connect 2; sleep 90s
    "],
    );
    assert_eq!(watch.stats().hints_ignored, 2);
}

/// With jitter the wait may be longer than what was asked for: a hint ends the difference only.
#[test]
fn hints_end_what_jitter_added_to_a_retry_after() {
    let config = with(|on| (on.hints, on.retry_after, on.jitter) = (true, true, true));
    let mut hastened = 0;
    for seed in 0..20 {
        let mut watch = watch(config.clone(), seed);
        let delay = delay_after(&mut watch, at(0), &[head_of(503, b"60")]);
        watch.handle(at(1), Input::Hint(Hint::Resumed));
        assert_eq!(watch.deadline(), Some(at(60_000)));
        hastened += u32::from(delay > secs(60));
    }
    assert!(hastened > 10, "the jitter never added anything");
}

#[test]
fn hints_do_not_undercut_the_connect_bucket() {
    let mut watch = watch(with(|on| (on.hints, on.connect_bound) = (true, true)), 1);
    assert_eq!(short_watches(&mut watch, &[0; 9]), (10, 0));
    play(
        &mut watch,
        &["
    0s   head 10 409 => disconnect 10; ended 10 Conflict after 0s then 30s; status Connecting; sleep 30s
    1s   network     => sleep 30s
    30s  tick        => connect 11; sleep 60s
    30s  head 11 500 => disconnect 11; ended 11 Status(500) after 0s then 1s; sleep 31s
    31s  tick        => held 29s; sleep 60s
    32s  network     => sleep 60s
    "],
    );
    assert_eq!(watch.stats().hints_ignored, 2);
}

#[test]
fn hints_are_ignored_and_not_paid_where_there_is_nothing_to_hasten() {
    let watch = script(
        hints(),
        &[
            "
    0s  start      => connect 1; status Connecting; sleep 30s
    0s  network    => sleep 30s
    0s  head 1 sse => sleep 30s
    0s  resumed    => sleep 30s
    0s  hello 1 L1 30s => connected 1 after 0s beat 30s wait 30s; status Connected; sleep 30s
    0s  wake 1     => disconnect 1; ended 1 Wake after 0s then hand over; wake, wait 30s; sleep
    0s  network    => sleep
    0s  again done => connect 2; sleep 30s
    0s  fail 2     => disconnect 2; ended 2 Transport(Broken) after 0s then 1s; status Connecting; sleep 1s
    0s  network    => connect 3; sleep 30s
    0s  fail 3     => disconnect 3; ended 3 Transport(Broken) after 0s then 2s; sleep 2s
    0s  network    => connect 4; sleep 30s
    0s  fail 4     => disconnect 4; ended 4 Transport(Broken) after 0s then 4s; sleep 4s
    0s  network    => connect 5; sleep 30s
    0s  fail 5     => disconnect 5; ended 5 Transport(Broken) after 0s then 8s; sleep 8s
    0s  network    => sleep 8s
    0s  stop       => status Stopped Requested; stop Requested; sleep
    0s  network    => sleep
    ",
        ],
    );
    assert_eq!(watch.stats().hints_ignored, 5);
}

#[test]
fn hints_switched_off_lead_to_nothing() {
    let watch = script(
        with(|_| ()),
        &[
            OPEN,
            "
    1s  network => sleep 30s
    1s  resumed => sleep 30s
    1s  end 1   => disconnect 1; connect 2 previous=L1; ended 1 Ended after 1s then 0s; sleep 31s
    1s  fail 2  => disconnect 2; ended 2 Transport(Broken) after 0s then 1s; status Connecting; sleep 2s
    1s  network => sleep 2s
    1s  offline => sleep 2s
    2s  tick    => connect 3 previous=L1; sleep 32s
    ",
        ],
    );
    assert!(!watch.is_offline());
    assert_eq!(watch.stats().hints_ignored, 4);
}

#[test]
fn offline_nothing_is_attempted_and_nothing_is_forgotten() {
    script(
        hints(),
        &[
            OPEN,
            "
    1s     end 1   => disconnect 1; connect 2 previous=L1; ended 1 Ended after 1s then 0s; sleep 31s
    1s     fail 2  => disconnect 2; ended 2 Transport(Broken) after 0s then 1s; status Connecting; sleep 2s
    1.5s   offline => sleep
    900s   tick    => sleep
    1800s  online  => connect 3 previous=L1; sleep 1830s
    1800s  fail 3  => disconnect 3; ended 3 Transport(Broken) after 0s then 2s; sleep 1802s
    1801s  offline => sleep
    1801.5s online => sleep 1802s
    ",
        ],
    );
}

/// Two waits of one length, one of which the server asked for: a hint ends the other one only, and so they differ.
#[test]
fn an_outlook_knows_what_the_server_asked_for() {
    let config = with(|on| (on.hints, on.retry_after) = (true, true));
    let waits = |head: &str| {
        let step = format!(
            "0s head 1 {head} => disconnect 1; ended 1 Status(503) after 0s then 1s; sleep 1s"
        );
        script(config.clone(), &[START, &step])
    };
    assert_ne!(waits("503 retry-after=1").outlook(), waits("503").outlook());
    assert_eq!(waits("503").outlook(), waits("503").outlook());
}

#[test]
fn offline_retracts_a_connect_that_was_not_taken_up() {
    let mut watch = watch(hints(), 1);
    assert!(!watch.is_offline());
    watch.handle(at(0), Input::Offline(true));
    assert!(watch.is_offline());
    assert_eq!(watch.state(), State::Waiting);
    play(
        &mut watch,
        &["
    0s   tick    => status Connecting; sleep
    100s online  => connect 2; sleep 130s
    "],
    );
}

/// Nobody knew that the watch had ended, since the next connect was to follow at once. It does not.
#[test]
fn offline_a_connect_that_was_to_follow_at_once_is_shown() {
    script(
        hints(),
        &[
            OPEN,
            "
    1s   end 1   => -
    1s   offline => disconnect 1; ended 1 Ended after 1s then 0s; status Connecting; sleep
    9s   online  => connect 3 previous=L1; sleep 39s
    ",
        ],
    );
}

#[test]
fn offline_gives_the_price_of_a_connect_back_that_was_not_taken_up() {
    let with_bound = with(|on| (on.hints, on.connect_bound) = (true, true));
    let mut watch = watch(with_bound, 1);
    // Taken back twenty times, where the bucket holds ten: none of them was made.
    for _ in 0..20 {
        watch.handle(at(0), Input::Offline(true));
        watch.handle(at(0), Input::Offline(false));
    }
    assert_eq!((watch.state(), watch.stats().connects_held), (State::Connecting, 0));
}

#[test]
fn offline_retracts_a_heartbeat_that_was_not_taken_up() {
    script(
        hints(),
        &[
            OPEN,
            "
    30s  tick         => -
    30s  offline      => sleep
    31s  answer 1 410 => sleep
    40s  online       => heartbeat 2 L1; sleep 50s
    40s  answer 2 204 => beat 2 accepted after 0s; sleep 60s
    ",
        ],
    );
}

#[test]
fn offline_an_attempt_under_way_goes_on_and_a_wake_is_handed_over() {
    script(
        hints(),
        &["
    0s   start          => connect 1; status Connecting; sleep 30s
    1s   offline        => sleep
    2s   head 1 sse     => sleep
    3s   hello 1 L1 30s => connected 1 after 3s beat 30s wait 30s; status Connected; sleep
    900s wake 1         => disconnect 1; ended 1 Wake after 897s then hand over; wake, wait 30s; sleep
    901s again done     => status Connecting; sleep
    902s online         => connect 2; sleep 932s
    "],
    );
}

#[test]
fn offline_overdue_timers_fire_on_return() {
    // The heartbeat of 31 s is due first; the read deadline of 76 s then ends the watch.
    script(
        hints(),
        &[
            OPEN,
            "
    1s    offline => sleep
    1000s online  => disconnect 1; connect 2 previous=L1
                  => ended 1 ReadTimeout after 1000s then 0s; sleep 1030s
    ",
        ],
    );
    script(
        hints(),
        &[
            OPEN,
            "
    1s    offline => sleep
    40s   online  => heartbeat 1 L1; sleep 50s
    ",
        ],
    );
    script(
        hints(),
        &["
    0s    start   => connect 1; status Connecting; sleep 30s
    1s    offline => sleep
    31s   online  => disconnect 1; ended 1 HelloTimeout { opened: false } after 31s then 1s; sleep 32s
    "],
    );
}

#[test]
fn offline_a_stop_is_as_prompt_as_ever() {
    script(
        hints(),
        &[
            OPEN,
            "
    1s  offline => sleep
    2s  stop    => disconnect 1; status Stopped Requested; stop Requested; sleep
    3s  online  => sleep
    ",
        ],
    );
}

// 5.6

fn park() -> Config {
    let builder = config().guards(with_hints_only()).on_unauthorized(OnUnauthorized::Park);
    builder.build().expect("a config")
}

fn with_hints_only() -> Guards {
    let mut guards = Guards::none();
    guards.hints = true;
    guards
}

#[test]
fn parked_5_minutes_doubling_to_an_hour_and_no_hint_ends_it() {
    let mut table = String::from(START);
    let (mut now, mut status) = (0, "; status Unauthorized");
    for (attempt, minutes) in (1..).zip([5, 10, 20, 40, 60, 60, 60]) {
        let due = now + minutes * 60;
        table += &format!(
            "
    {now}s  head {attempt} 401 => disconnect {attempt}
                               => ended {attempt} Unauthorized after 0s then park {}s{status}; sleep {due}s
    {now}s  network            => sleep {due}s
    {due}s  tick               => connect {}; sleep {}s
    ",
            minutes * 60,
            attempt + 1,
            due + 30
        );
        (now, status) = (due, "");
    }
    let watch = script(park(), &[&table]);
    assert_eq!(watch.stats().hints_ignored, 7);
}

#[test]
fn parked_a_new_token_is_tried_at_once_and_parking_begins_anew() {
    script(
        park(),
        &["
    0s    start      => connect 1; status Connecting; sleep 30s
    0s    head 1 401 => disconnect 1; ended 1 Unauthorized after 0s then park 300s; status Unauthorized; sleep 300s
    300s  tick       => connect 2; sleep 330s
    300s  head 2 401 => disconnect 2; ended 2 Unauthorized after 0s then park 600s; sleep 900s
    301s  token next => connect 3 token=next; sleep 331s
    301s  head 3 401 => disconnect 3; ended 3 Unauthorized after 0s then park 300s; sleep 601s
    601s  tick       => connect 4 token=next; sleep 631s
    601s  head 4 sse => sleep 631s
    601s  hello 4 L4 30s => connected 4 after 0s beat 30s wait 30s; status Connected; sleep 631s
    631s  tick       => heartbeat 1 L4 token=next; sleep 641s
    631s  answer 1 401 => disconnect 4; beat 1 Status(401) after 0s
                     => ended 4 HeartbeatLost(Unauthorized) after 30s then park 300s
                     => status Unauthorized; sleep 931s
    "],
    );
}

#[test]
fn parked_a_connect_that_fails_otherwise_shows_connecting_again() {
    script(
        park(),
        &["
    0s    start      => connect 1; status Connecting; sleep 30s
    0s    head 1 401 => disconnect 1; ended 1 Unauthorized after 0s then park 300s; status Unauthorized; sleep 300s
    300s  tick       => connect 2; sleep 330s
    300s  head 2 500 => disconnect 2; ended 2 Status(500) after 0s then 1s; status Connecting; sleep 301s
    301s  tick       => connect 3; sleep 331s
    301s  head 3 401 => disconnect 3; ended 3 Unauthorized after 0s then park 600s; status Unauthorized; sleep 901s
    "],
    );
}

#[test]
fn a_new_token_is_used_from_the_next_request_on() {
    script(
        with(|_| ()),
        &[
            OPEN,
            "
    1s   token next => sleep 30s
    30s  tick       => heartbeat 1 L1 token=next; sleep 40s
    31s  end 1      => disconnect 1; connect 2 previous=L1 token=next; ended 1 Ended after 31s then 0s; sleep 61s
    ",
        ],
    );
    // Also for a connect that was decided upon and not yet taken up.
    let mut untaken = watch(with(|_| ()), 1);
    untaken.handle(at(0), Input::NewToken(token("next")));
    play(&mut untaken, &["0s tick => connect 1 token=next; status Connecting; sleep 30s"]);
}

/// Section 5.6: a refusal of an older token says nothing about the new one.
#[test]
fn a_401_for_a_token_that_was_replaced_meanwhile_is_not_final() {
    script(
        with(|_| ()),
        &["
    0s   start          => connect 1; status Connecting; sleep 30s
    5s   token NEW      => sleep 30s
    6s   head 1 401     => disconnect 1; connect 2 token=NEW; ended 1 Unauthorized after 6s then 0s; sleep 36s
    6s   head 2 sse     => sleep 36s
    6s   hello 2 L1 30s => connected 2 after 0s beat 30s wait 30s; status Connected; sleep 36s
    36s  tick           => heartbeat 1 L1 token=NEW; sleep 46s
    37s  token NEWER    => sleep 46s
    38s  answer 1 401   => beat 1 Status(401) after 2s; sleep 66s
    "],
    );
}
