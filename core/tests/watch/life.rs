//! Sections 6 and 8: stopping, polling late or never, the machine as a value, time, and what is printed.

use crate::script::{
    DEVICE_TOKEN, OPEN, START, WAKE_TOKEN, at, config, drain, hello, plain, play, script, sse_head,
    token, wake, watch, with,
};
use dormouse_core::{
    Action, Attempt, Input, OnUnauthorized, State, Stats, Status, Timestamp, Watch,
};

const STOPPED: &str = "
    90s  tick         => sleep
    90s  head 1 sse   => sleep
    90s  hello 1 L 30s => sleep
    90s  wake 1       => sleep
    90s  answer 1 401 => sleep
    90s  again done   => sleep
    90s  network      => sleep
    90s  offline      => sleep
    90s  online       => sleep
    90s  token other  => sleep
    90s  cancel       => sleep
    90s  stop         => sleep
";

/// Law 6, from every state: one status, one stop, the attempt given up, and then nothing for ever.
#[test]
fn stop_is_prompt_and_final_in_every_state() {
    let wakes =
        "1s wake 1 => disconnect 1; ended 1 Wake after 1s then hand over; wake, wait 30s; sleep";
    let beats = "30s tick => heartbeat 1 L1; sleep 40s";
    for (input, reason) in [("stop", "Requested"), ("cancel", "Cancelled")] {
        let stopped = format!("status Stopped {reason}; stop {reason}; sleep");
        let over = if input == "stop" {
            String::new()
        } else {
            "ended 1 HeartbeatLost(Cancelled) after 40s then stop; ".to_owned()
        };
        for (state, before, expected) in [
            (State::Connecting, vec![START], "disconnect 1; "),
            (State::Opening, vec![START, "0s head 1 sse => sleep 30s"], "disconnect 1; "),
            (State::Watching, vec![OPEN, beats], &*format!("disconnect 1; {over}")),
            (
                State::Waiting,
                vec![
                    START,
                    "40s fail 1 => disconnect 1; ended 1 Transport(Broken) after 40s then 1s; sleep 41s",
                ],
                "",
            ),
            (
                State::Parked,
                vec![
                    START,
                    "40s head 1 401 => disconnect 1; ended 1 Unauthorized after 40s then park 300s; status Unauthorized; sleep 340s",
                ],
                "",
            ),
            (State::Awake, vec![OPEN, wakes], ""),
        ] {
            let park = config().guards(dormouse_core::Guards::none());
            let park = park.on_unauthorized(OnUnauthorized::Park).build().expect("a config");
            let mut watch = script(park, &before);
            assert_eq!(watch.state(), state);
            let now = if matches!(state, State::Connecting | State::Opening) { 20 } else { 40 };
            play(&mut watch, &[&format!("{now}s {input} => {expected}{stopped}"), STOPPED]);
            assert_eq!(watch.state(), State::Stopped);
        }
    }
}

#[test]
fn stop_before_the_first_poll_asks_for_nothing() {
    let mut watch = watch(plain(), 1);
    watch.handle(at(0), Input::Stop);
    play(&mut watch, &["0s tick => status Stopped Requested; stop Requested; sleep", STOPPED]);
    assert_eq!(watch.status(), Status::Stopped(dormouse_core::StopReason::Requested));
}

#[test]
fn to_sleep_again_makes_sense_only_after_a_wake_that_was_taken_out() {
    let watch = script(
        plain(),
        &[
            OPEN,
            "
    1s  again done => sleep 30s
    1s  wake 1     => -
    1s  again done => disconnect 1; ended 1 Wake after 1s then hand over; wake, wait 30s; sleep
    2s  again done => connect 2; sleep 32s
    2s  again done => sleep 32s
    ",
        ],
    );
    assert_eq!(watch.stats().out_of_place, 3);
}

#[test]
fn a_head_or_bytes_where_they_make_no_sense_change_nothing() {
    let watch = script(
        plain(),
        &[
            START,
            r"
    0s  data 1 : too early\n => sleep 30s
    0s  hello 1 L 30s        => sleep 30s
    0s  head 1 sse           => sleep 30s
    0s  head 1 500           => sleep 30s
    0s  hello 1 L1 30s       => connected 1 after 0s beat 30s wait 30s; status Connected; sleep 30s
    0s  head 1 401           => sleep 30s
    ",
        ],
    );
    assert_eq!((watch.stats().out_of_place, watch.stats().comments), (4, 0));
}

#[test]
fn what_belongs_to_another_attempt_or_heartbeat_changes_nothing() {
    let watch = script(
        plain(),
        &[
            OPEN,
            "
    1s   end 1          => disconnect 1; connect 2 previous=L1; ended 1 Ended after 1s then 0s; sleep 31s
    1s   head 1 401     => sleep 31s
    1s   head 2 sse     => sleep 31s
    1s   wake 1         => sleep 31s
    1s   hello 1 L 30s  => sleep 31s
    1s   end 1          => sleep 31s
    1s   fail 1         => sleep 31s
    1s   end 3          => sleep 31s
    1s   hello 2 L2 30s => connected 2 after 0s beat 30s wait 30s; sleep 31s
    2s   answer 1 401   => sleep 31s
    31s  tick           => heartbeat 1 L2; sleep 41s
    31s  answer 2 410   => sleep 41s
    31s  lost 0         => sleep 41s
    31s  answer 1 204   => beat 1 accepted after 0s; sleep 61s
    31s  answer 1 410   => sleep 61s
    ",
        ],
    );
    assert_eq!(watch.stats().stale, 10);
}

/// Section 4, last paragraph.
#[test]
fn the_status_stays_connected_through_every_connect_at_once_and_after_a_wake() {
    script(
        plain(),
        &[
            OPEN,
            "
    1s   end 1      => disconnect 1; connect 2 previous=L1; ended 1 Ended after 1s then 0s; sleep 31s
    1s   head 2 sse => sleep 31s
    1s   hello 2 L2 30s => connected 2 after 0s beat 30s wait 30s; sleep 31s
    2s   wake 2     => disconnect 2; ended 2 Wake after 1s then hand over; wake, wait 30s; sleep
    90s  again done => connect 3; sleep 120s
    90s  head 3 sse => sleep 120s
    90s  hello 3 L3 30s => connected 3 after 0s beat 30s wait 30s; sleep 120s
    # A delay is slept through.
    91s  fail 3     => disconnect 3; ended 3 Stream(Transport(Broken)) after 1s then 1s; status Connecting; sleep 92s
    92s  tick       => connect 4 previous=L3; sleep 122s
    92s  head 4 sse => sleep 122s
    92s  hello 4 L4 30s => connected 4 after 0s beat 30s wait 30s; status Connected; sleep 122s
    93s  end 4      => disconnect 4; connect 5 previous=L4; ended 4 Ended after 1s then 0s; sleep 123s
    # A connect fails.
    93s  head 5 409 => disconnect 5; ended 5 Conflict after 0s then 30s; status Connecting; sleep 123s
    ",
        ],
    );
}

#[test]
fn the_stats_count_what_happened() {
    let watch = script(
        plain(),
        &[
            OPEN,
            r"
    1s   data 1 :\n: x\n\nevent: y\ndata: z\n\n => sleep 30s
    30s  tick         => heartbeat 1 L1; sleep 40s
    30s  answer 1 204 => beat 1 accepted after 0s; sleep 60s
    60s  tick         => heartbeat 2 L1; sleep 70s
    60s  answer 2 500 => beat 2 Status(500) after 0s; sleep 76s
    70s  wake 1       => disconnect 1; ended 1 Wake after 70s then hand over; wake, wait 30s; sleep
    70s  again failed => connect 2; failed then 0s; sleep 100s
    70s  fail 2       => disconnect 2; ended 2 Transport(Broken) after 0s then 1s; status Connecting; sleep 71s
    ",
        ],
    );
    let mut expected = Stats::default();
    (expected.connects, expected.hellos, expected.wakes) = (2, 1, 1);
    (expected.heartbeats, expected.heartbeats_accepted) = (2, 1);
    (expected.comments, expected.events_ignored, expected.hand_overs_failed) = (2, 1, 1);
    assert_eq!(*watch.stats(), expected);
}

// A machine that is not polled coalesces, and asks for nothing that has lost its sense.

#[test]
fn unpolled_a_connect_that_was_never_taken_is_not_given_up() {
    let mut watch = watch(plain(), 1);
    // The hello deadline of the untaken connect fires, the backoff passes, and so on.
    for second in 0..200 {
        watch.handle(at(second * 1000), Input::Tick);
    }
    let came = drain(&mut watch);
    assert!(!came.iter().any(|action| action.starts_with("disconnect")), "{came:?}");
    assert_eq!(came.iter().filter(|action| action.starts_with("connect ")).count(), 1);
}

#[test]
fn unpolled_a_heartbeat_that_was_never_taken_is_not_abandoned() {
    script(
        plain(),
        &[
            OPEN,
            "
    30s  tick  => -
    # Nobody sent it, so nobody can have an answer to it.
    31s  answer 1 410 => -
    40s  tick  => beat 1 Timeout after 10s; sleep 60s
    ",
        ],
    );
}

#[test]
fn unpolled_the_disconnect_of_what_was_taken_comes_before_the_next_connect() {
    script(
        plain(),
        &[
            OPEN,
            "
    30s  tick   => heartbeat 1 L1; sleep 40s
    31s  end 1  => -
    # Connect 2 was never taken: its time runs out, and 3 takes its place.
    61s  tick   => -
    62s  tick   => disconnect 1; connect 3 previous=L1
                => ended 2 HelloTimeout { opened: false } after 30s then 1s; status Connecting; sleep 92s
    ",
        ],
    );
}

#[test]
fn unpolled_a_heartbeat_of_a_watch_that_ended_is_not_sent() {
    script(
        plain(),
        &[
            OPEN,
            "
    30s  tick  => -
    30s  end 1 => disconnect 1; connect 2 previous=L1; ended 1 Ended after 30s then 0s; sleep 60s
    ",
        ],
    );
    script(
        plain(),
        &[
            OPEN,
            "
    30s  tick  => heartbeat 1 L1; sleep 40s
    40s  tick  => -
    # The timeout of heartbeat 1 is part of giving the whole attempt up.
    41s  end 1 => disconnect 1; connect 2 previous=L1; beat 1 Timeout after 10s
               => ended 1 Ended after 41s then 0s; sleep 71s
    ",
        ],
    );
}

/// Nor on the next watch, where the driver stopped polling between the connect and the heartbeat.
#[test]
fn unpolled_a_heartbeat_does_not_outlive_its_watch() {
    let mut watch = script(plain(), &[OPEN, "30s  tick  => -", "30s  end 1 => -"]);
    assert!(matches!(watch.poll(), Action::Disconnect { .. }));
    assert!(matches!(watch.poll(), Action::Connect { .. }));
    play(
        &mut watch,
        &["
    30s  head 2 sse     => -
    30s  hello 2 L2 30s => connected 2 after 0s beat 30s wait 30s; ended 1 Ended after 30s then 0s; sleep 60s
    "],
    );
}

#[test]
fn unpolled_a_wake_is_not_lost() {
    script(
        plain(),
        &[
            OPEN,
            "
    1s     wake 1 => -
    2s     end 1  => -
    9000s  tick   => disconnect 1; ended 1 Wake after 1s then hand over; wake, wait 30s; sleep
    ",
        ],
    );
}

#[test]
fn a_clone_continues_identically() {
    let config = config().build().expect("a config");
    let mut one = watch(config, 42);
    let attempt = Attempt(1);
    one.poll();
    one.handle(at(5), Input::Head { attempt, head: sse_head() });
    one.handle(at(5), Input::Data { attempt, bytes: b"retry: 60000\nevent: hel" });
    let mut two = one.clone();
    let rest = hello("L", 30_000);
    for watch in [&mut one, &mut two] {
        watch.handle(at(6), Input::Data { attempt, bytes: &rest[10..] });
    }
    let mut now = at(6);
    for _ in 0..50 {
        assert_eq!(drain(&mut one), drain(&mut two));
        assert_eq!(format!("{one:?}"), format!("{two:?}"));
        now = one.deadline().expect("a deadline");
        one.handle(now, Input::Tick);
        two.handle(now, Input::Tick);
    }
    assert!(one.stats().connects > 3, "{:?}", one.stats());
    assert!(now > at(60_000));
}

#[test]
fn time_that_runs_backwards_is_the_last_time_seen() {
    script(
        plain(),
        &[
            OPEN,
            r"
    30s  tick         => heartbeat 1 L1; sleep 40s
    5s   tick         => sleep 40s
    0s   answer 1 204 => beat 1 accepted after 0s; sleep 60s
    3s   data 1 :\n   => sleep 60s
    60s  tick         => heartbeat 2 L1; sleep 70s
    0s   end 1        => disconnect 1; connect 2 previous=L1; ended 1 Ended after 60s then 0s; sleep 90s
    ",
        ],
    );
}

/// However broken the clock: a timer fires once, and nothing is asked for over and over.
/// Clocks may begin anywhere: some count from 1970, and in nanoseconds that somebody took for milliseconds.
#[test]
fn any_time_but_the_last_is_as_good_as_any_other() {
    for start in [0, 1 << 40, 1 << 50, 1 << 62, u64::MAX - (1 << 41)] {
        let mut watch = Watch::new(plain(), token(DEVICE_TOKEN), 1, at(start));
        drain(&mut watch);
        assert_eq!(watch.deadline(), Some(at(start + 30_000)));
        watch.handle(at(start + 30_000), Input::Tick);
        drain(&mut watch);
        assert_eq!(watch.deadline(), Some(at(start + 31_000)));
    }
}

#[test]
fn at_the_end_of_time_nothing_runs_hot() {
    for start in [Timestamp::ORIGIN, Timestamp::MAX] {
        let token = crate::script::token(DEVICE_TOKEN);
        let mut watch = dormouse_core::Watch::new(plain(), token, 1, start);
        for _ in 0..1000 {
            drain(&mut watch);
            watch.handle(Timestamp::MAX, Input::Tick);
        }
        assert!(watch.stats().connects <= 2, "{:?}", watch.stats());
        let attempt = Attempt(watch.stats().connects);
        watch.handle(Timestamp::MAX, Input::Head { attempt, head: sse_head() });
        watch.handle(Timestamp::MAX, Input::Data { attempt, bytes: &hello("L", u64::MAX) });
        for _ in 0..1000 {
            drain(&mut watch);
            watch.handle(Timestamp::MAX, Input::Tick);
        }
        assert!(watch.stats().heartbeats <= 1, "{:?}", watch.stats());
        watch.handle(Timestamp::MAX, Input::Data { attempt, bytes: &wake(None) });
        watch.handle(Timestamp::MAX, Input::Stop);
        let came = drain(&mut watch);
        assert_eq!(came.last().map(String::as_str), Some("sleep"));
    }
}

/// The run loop's promise (no caller can be made to spin) for a clock that stands at its very end: a
/// deadline that has come by the caller's clock has to be absent or later after a tick.
#[test]
fn at_the_end_of_time_no_caller_is_made_to_spin() {
    let mut watch = watch(plain(), 1);
    drain(&mut watch);
    watch.handle(Timestamp::MAX, Input::Tick);
    drain(&mut watch);
    let deadline = watch.deadline();
    watch.handle(Timestamp::MAX, Input::Tick);
    drain(&mut watch);
    assert!(watch.deadline().is_none_or(|next| Some(next) > deadline), "{deadline:?} again");
}

/// What the stats count as asked for was asked for.
#[test]
fn the_stats_count_no_request_that_was_withdrawn() {
    // The heartbeat of 30 s falls due with the read deadline of 75 s, which ends the watch.
    let late = "
    7200s tick => disconnect 1; connect 2 previous=L1
               => ended 1 ReadTimeout after 7200s then 0s; sleep 7230s
    ";
    assert_eq!(script(plain(), &[OPEN, late]).stats().heartbeats, 0);
    let mut offline = watch(with(|on| on.hints = true), 1);
    offline.handle(at(0), Input::Offline(true));
    play(
        &mut offline,
        &["
    0s   tick    => status Connecting; sleep
    100s online  => connect 2; sleep 130s
    "],
    );
    assert_eq!(offline.stats().connects, 1);
}

/// Law 13, at the worst moment: a wake half read, a wake not taken out, every request made.
#[test]
fn nothing_that_is_printed_shows_a_token() {
    let config = with(|on| on.hints = true);
    let mut watch = watch(config, 1);
    let attempt = Attempt(1);
    let mut printed = Vec::new();
    let wakes = wake(None);
    let (half, rest) = wakes.split_at(wakes.len() - 8);
    for bytes in [hello("L", 1000).as_slice(), half, rest] {
        loop {
            let action = watch.poll();
            printed.push(format!("{action:?} {action:#?}"));
            if matches!(action, Action::Sleep { .. }) {
                break;
            }
        }
        watch.handle(at(1000), Input::Head { attempt, head: sse_head() });
        watch.handle(at(2000), Input::Data { attempt, bytes });
        printed.push(format!("{watch:?} {watch:#?}"));
    }
    while let action @ (Action::Disconnect { .. }
    | Action::Report(_)
    | Action::Status(_)
    | Action::Wake(_)) = watch.poll()
    {
        printed.push(format!("{action:?} {action:#?}"));
    }
    assert_eq!(watch.stats().wakes, 1);
    let token = crate::script::token(DEVICE_TOKEN);
    printed.push(format!("{:?} {:?}", token, Input::NewToken(token.clone())));
    for text in printed {
        for token in [DEVICE_TOKEN, WAKE_TOKEN, "canary"] {
            assert!(!text.contains(token), "{text}");
        }
    }
}

/// Law 13: an input may be logged as well, and the bytes of a token, as numbers, are the token.
#[test]
fn an_input_that_is_printed_shows_no_bytes_of_the_stream() {
    let bytes = wake(None);
    let printed = format!("{:?}", Input::Data { attempt: Attempt(1), bytes: &bytes });
    let numbers: Vec<String> = WAKE_TOKEN.bytes().map(|byte| byte.to_string()).collect();
    assert!(!printed.contains(&numbers.join(", ")), "{printed}");
}
