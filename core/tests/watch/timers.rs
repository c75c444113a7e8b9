//! Section 3, timer by timer, with every guard off.

use crate::script::{OPEN, plain, script};

fn open(rest: &str) {
    script(plain(), &[OPEN, rest]);
}

/// The first watch, open at 0 s, with an interval of its own.
fn open_with(interval: &str, rest: &str) {
    let opened = format!(
        "
    0s  start                 => connect 1; status Connecting; sleep 30s
    0s  head 1 sse            => sleep 30s
    0s  hello 1 L1 {interval} => connected 1 after 0s beat {interval} wait 30s; status Connected; sleep {interval}
    "
    );
    script(plain(), &[&opened, rest]);
}

#[test]
fn the_hello_deadline_starts_with_the_connect_and_nothing_but_hello_ends_it() {
    script(
        plain(),
        &[r"
    0s   start                    => connect 1; status Connecting; sleep 30s
    10s  head 1 sse               => sleep 30s
    20s  data 1 : not yet\n       => sleep 30s
    29.999s data 1 event: other\ndata: x\n\n => sleep 30s
    30s  tick => disconnect 1; ended 1 HelloTimeout { opened: true } after 30s then 1s; sleep 31s
    "],
    );
}

#[test]
fn a_hello_at_the_very_deadline_counts() {
    script(
        plain(),
        &["
    0s   start         => connect 1; status Connecting; sleep 30s
    30s  head 1 sse    => disconnect 1; ended 1 HelloTimeout { opened: true } after 30s then 1s; sleep 31s
    "],
    );
    script(
        plain(),
        &["
    0s   start          => connect 1; status Connecting; sleep 30s
    1s   head 1 sse     => sleep 30s
    30s  hello 1 L1 20s => connected 1 after 30s beat 20s wait 30s; status Connected; sleep 50s
    "],
    );
}

#[test]
fn the_read_deadline_is_two_and_a_half_intervals_and_begins_anew_with_each_line() {
    open_with(
        "8s",
        r"
    8s   tick           => heartbeat 1 L1; sleep 16s
    8s   answer 1 204   => beat 1 accepted after 0s; sleep 16s
    16s  tick           => heartbeat 2 L1; sleep 20s
    19.999s data 1 :\n  => sleep 24s
    20s  answer 2 204   => beat 2 accepted after 4s; sleep 24s
    24s  tick           => heartbeat 3 L1; sleep 32s
    24s  answer 3 204   => beat 3 accepted after 0s; sleep 32s
    32s  tick           => heartbeat 4 L1; sleep 39.999s
    32s  answer 4 204   => beat 4 accepted after 0s; sleep 39.999s
    39.998s tick        => sleep 39.999s
    39.999s tick        => disconnect 1; connect 2 previous=L1
                        => ended 1 ReadTimeout after 39.999s then 0s; sleep 69.999s
    ",
    );
}

/// Every kind of line is one: comments, fields of any name, blank ones, whole events.
#[test]
fn any_complete_line_is_a_sign_of_life() {
    for line in
        [r":\n", r"\n", r"\r", r"data: x\n", r"id\n", r"unknown: x\r\n", r"event: x\ndata\n\n"]
    {
        open(&format!(
            "
    20s  data 1 {line}  => sleep 30s
    30s  tick           => heartbeat 1 L1; sleep 40s
    30s  answer 1 204   => beat 1 accepted after 0s; sleep 60s
    60s  tick           => heartbeat 2 L1; sleep 70s
    60s  answer 2 204   => beat 2 accepted after 0s; sleep 90s
    90s  tick           => heartbeat 3 L1; sleep 95s
    95s  tick           => disconnect 1; connect 2 previous=L1
                        => ended 1 ReadTimeout after 95s then 0s; sleep 125s
    "
        ));
    }
}

#[test]
fn a_line_that_trickles_in_is_no_sign_of_life() {
    open(
        r"
    20s  data 1 : still      => sleep 30s
    30s  tick                => heartbeat 1 L1; sleep 40s
    30s  answer 1 204        => beat 1 accepted after 0s; sleep 60s
    50s  data 1 the          => sleep 60s
    60s  tick                => heartbeat 2 L1; sleep 70s
    60s  answer 2 204        => beat 2 accepted after 0s; sleep 75s
    74s  data 1 same line    => sleep 75s
    75s  tick                => disconnect 1; connect 2 previous=L1
                             => ended 1 ReadTimeout after 75s then 0s; sleep 105s
    ",
    );
}

#[test]
fn a_line_at_the_very_read_deadline_counts() {
    open(
        r"
    30s  tick         => heartbeat 1 L1; sleep 40s
    30s  answer 1 204 => beat 1 accepted after 0s; sleep 60s
    60s  tick         => heartbeat 2 L1; sleep 70s
    60s  answer 2 204 => beat 2 accepted after 0s; sleep 75s
    75s  data 1 :\n   => sleep 90s
    ",
    );
}

#[test]
fn the_first_heartbeat_is_sent_one_interval_after_hello_and_the_rhythm_is_kept() {
    open(
        r"
    29.999s tick      => sleep 30s
    30s  tick         => heartbeat 1 L1; sleep 40s
    39s  answer 1 204 => beat 1 accepted after 9s; sleep 60s
    # Fed late: sent late, but the next one is in time again.
    61s  data 1 :\n   => heartbeat 2 L1; sleep 71s
    61s  answer 2 204 => beat 2 accepted after 0s; sleep 90s
    90s  tick         => heartbeat 3 L1; sleep 100s
    ",
    );
}

#[test]
fn beats_that_were_slept_through_are_not_made_up_for() {
    open(
        r"
    100s data 1 :\n   => heartbeat 1 L1; sleep 110s
    101s answer 1 204 => beat 1 accepted after 1s; sleep 130s
    130s tick         => heartbeat 2 L1; sleep 140s
    ",
    );
    // Two are due at the very same instant: one is sent, and the other is neither sent nor skipped.
    let exactly_two = r"
    60s  data 1 :\n   => heartbeat 1 L1; sleep 70s
    60s  answer 1 204 => beat 1 accepted after 0s; sleep 90s
    ";
    assert_eq!(script(plain(), &[OPEN, exactly_two]).stats().heartbeats_skipped, 0);
}

#[test]
fn a_heartbeat_times_out_after_the_interval_and_at_most_10s() {
    open(
        "
    30s  tick     => heartbeat 1 L1; sleep 40s
    39.999s tick  => sleep 40s
    40s  tick     => abandon 1; beat 1 Timeout after 10s; sleep 60s
    60s  tick     => heartbeat 2 L1; sleep 70s
    ",
    );
    open_with(
        "4s",
        "
    4s   tick     => heartbeat 1 L1; sleep 8s
    7.999s tick   => sleep 8s
    8s   tick     => abandon 1; heartbeat 2 L1; beat 1 Timeout after 4s; sleep 10s
    ",
    );
}

/// For intervals up to 10 s a heartbeat times out as the next one is due: that one is not skipped.
#[test]
fn a_timeout_at_the_instant_of_the_next_beat_comes_first() {
    for (interval, twice, read) in
        [("10s", "20s", "25s"), ("1s", "2s", "2.5s"), ("9.998s", "19.996s", "24.995s")]
    {
        open_with(
            interval,
            &format!(
                "
    {interval} tick  => heartbeat 1 L1; sleep {twice}
    {twice}    tick  => abandon 1; heartbeat 2 L1; beat 1 Timeout after {interval}; sleep {read}
    "
            ),
        );
    }
}

#[test]
fn an_answer_at_the_very_timeout_counts() {
    open(
        "
    30s  tick         => heartbeat 1 L1; sleep 40s
    40s  answer 1 204 => beat 1 accepted after 10s; sleep 60s
    ",
    );
}

/// An interval of 4 s: beat 1 is sent late, so that it is still in flight when beat 2 is due.
#[test]
fn a_beat_that_is_due_while_one_is_in_flight_is_skipped_and_never_queued() {
    let watch = script(
        plain(),
        &[r"
    0s   start          => connect 1; status Connecting; sleep 30s
    0s   head 1 sse     => sleep 30s
    0s   hello 1 L1 4s  => connected 1 after 0s beat 4s wait 30s; status Connected; sleep 4s
    6s   data 1 :\n     => heartbeat 1 L1; sleep 8s
    8s   tick           => sleep 10s
    9s   answer 1 204   => beat 1 accepted after 3s; sleep 12s
    12s  tick           => heartbeat 2 L1; sleep 16s
    "],
    );
    assert_eq!(watch.stats().heartbeats_skipped, 1);
    assert_eq!(watch.stats().heartbeats, 2);
}

#[test]
fn an_abandoned_heartbeats_answer_changes_nothing() {
    let watch = script(
        plain(),
        &[
            OPEN,
            "
    30s  tick         => heartbeat 1 L1; sleep 40s
    40s  tick         => abandon 1; beat 1 Timeout after 10s; sleep 60s
    41s  answer 1 410 => sleep 60s
    41s  lost 1       => sleep 60s
    60s  tick         => heartbeat 2 L1; sleep 70s
    60s  answer 1 204 => sleep 70s
    ",
        ],
    );
    assert_eq!((watch.stats().stale, watch.stats().heartbeats_accepted), (3, 0));
}

#[test]
fn heartbeat_silence_is_three_intervals_since_hello_exactly() {
    // Beat 2 was sent at 18 s and times out at 27 s.
    let until = r"
    9s   tick           => heartbeat 1 L1; sleep 18s
    18s  data 1 :\n     => abandon 1; heartbeat 2 L1; beat 1 Timeout after 9s; sleep 27s
    ";
    let reached = "
    27s  lost 2         => disconnect 1; connect 2 previous=L1; beat 2 Transport(Broken) after 9s
                        => ended 1 HeartbeatLost(Failed) after 27s then 0s; sleep 57s
    ";
    open_with("9s", &format!("{until}{reached}"));
    let timed_out = reached.replace("lost 2", "tick  ").replace("Transport(Broken)", "Timeout");
    open_with("9s", &format!("{until}{timed_out}"));
    let one_before = "
    26.999s lost 2      => beat 2 Transport(Broken) after 8.999s; sleep 27s
    27s  tick           => heartbeat 3 L1; sleep 36s
    27s  answer 3 503   => disconnect 1; connect 2 previous=L1; beat 3 Status(503) after 0s
                        => ended 1 HeartbeatLost(Failed) after 27s then 0s; sleep 57s
    ";
    open_with("9s", &format!("{until}{one_before}"));
}

/// Beat 1 was sent at 9 s and answered at 12 s: what counts is when it was sent.
#[test]
fn heartbeat_silence_counts_from_the_sending_of_the_last_that_succeeded() {
    open_with(
        "9s",
        r"
    9s   tick           => heartbeat 1 L1; sleep 18s
    12s  answer 1 200   => beat 1 accepted after 3s; sleep 18s
    18s  data 1 :\n     => heartbeat 2 L1; sleep 27s
    27s  tick           => abandon 2; heartbeat 3 L1; beat 2 Timeout after 9s; sleep 36s
    36s  data 1 :\n     => disconnect 1; connect 2 previous=L1; beat 3 Timeout after 9s
                        => ended 1 HeartbeatLost(Failed) after 36s then 0s; sleep 66s
    ",
    );
    open_with(
        "9s",
        r"
    9s   tick           => heartbeat 1 L1; sleep 18s
    12s  answer 1 200   => beat 1 accepted after 3s; sleep 18s
    18s  data 1 :\n     => heartbeat 2 L1; sleep 27s
    27s  tick           => abandon 2; heartbeat 3 L1; beat 2 Timeout after 9s; sleep 36s
    35.999s lost 3      => beat 3 Transport(Broken) after 8.999s; sleep 36s
    36s  data 1 :\n     => heartbeat 4 L1; sleep 45s
    36s  answer 4 299   => beat 4 accepted after 0s; sleep 45s
    ",
    );
}

/// A failed heartbeat alone ends nothing, whatever the status.
#[test]
fn any_other_answer_is_one_failed_heartbeat() {
    for status in [0, 100, 199, 300, 307, 400, 402, 403, 404, 408, 411, 429, 500, 503, 65535] {
        open(&format!(
            "
    30s  tick              => heartbeat 1 L1; sleep 40s
    31s  answer 1 {status} => beat 1 Status({status}) after 1s; sleep 60s
    60s  tick              => heartbeat 2 L1; sleep 70s
    "
        ));
    }
}

#[test]
fn bytes_on_the_stream_do_not_feed_the_lease() {
    open(
        r"
    30s  data 1 :\n  => heartbeat 1 L1; sleep 40s
    40s  data 1 :\n  => abandon 1; beat 1 Timeout after 10s; sleep 60s
    60s  data 1 :\n  => heartbeat 2 L1; sleep 70s
    70s  data 1 :\n  => abandon 2; beat 2 Timeout after 10s; sleep 90s
    90s  data 1 :\n  => heartbeat 3 L1; sleep 100s
    100s data 1 :\n  => disconnect 1; connect 2 previous=L1; beat 3 Timeout after 10s
                     => ended 1 HeartbeatLost(Failed) after 100s then 0s; sleep 130s
    ",
    );
}

#[test]
fn an_accepted_heartbeat_does_not_feed_the_stream() {
    open(
        "
    30s  tick         => heartbeat 1 L1; sleep 40s
    30s  answer 1 204 => beat 1 accepted after 0s; sleep 60s
    60s  tick         => heartbeat 2 L1; sleep 70s
    69s  answer 2 204 => beat 2 accepted after 9s; sleep 75s
    75s  tick         => disconnect 1; connect 2 previous=L1
                      => ended 1 ReadTimeout after 75s then 0s; sleep 105s
    ",
    );
}

#[test]
fn a_wake_before_a_410_at_the_same_instant_counts() {
    open(
        "
    30s  tick         => heartbeat 1 L1; sleep 40s
    31s  wake 1       => disconnect 1; ended 1 Wake after 31s then hand over; wake, wait 30s; sleep
    31s  answer 1 410 => sleep
    ",
    );
}

#[test]
fn a_410_before_a_wake_at_the_same_instant_counts() {
    open(
        "
    30s  tick         => heartbeat 1 L1; sleep 40s
    31s  answer 1 410 => disconnect 1; connect 2; beat 1 Status(410) after 1s
                      => ended 1 HeartbeatLost(Gone) after 31s then 0s; sleep 61s
    31s  wake 1       => sleep 61s
    ",
    );
}

/// A suspended device finds a wake in its socket, long after every deadline has passed.
#[test]
fn input_is_applied_before_the_timers_that_are_due() {
    open(
        "
    75s    wake 1 => disconnect 1; ended 1 Wake after 75s then hand over; wake, wait 30s; sleep
    ",
    );
    open(
        "
    7200s  wake 1 => disconnect 1; ended 1 Wake after 7200s then hand over; wake, wait 30s; sleep
    ",
    );
    open(
        "
    30s   tick         => heartbeat 1 L1; sleep 40s
    70s   answer 1 204 => heartbeat 2 L1; beat 1 accepted after 40s; sleep 75s
    ",
    );
}

/// Section 3, "input is applied before timers that are due", and law 10: a wake that a suspended device
/// finds in its socket counts, also where it is so long that it is read in two pieces.
#[test]
fn a_wake_in_two_pieces_at_a_deadline_counts() {
    let rest = r#"ke\ndata: {"url":"wss://go.example/1","token":"canary-wake"}\n\n"#;
    open(&format!(
        "
    75s  data 1 event: wa => -
    75s  data 1 {rest} => disconnect 1; ended 1 Wake after 75s then hand over; wake, wait 30s; sleep
    "
    ));
    // A whole line is read at once here; it is a heartbeat that ran out long ago.
    let (one, two) =
        (r#"event: wake\ndata: {"url":"wss://go.example/1","#, r#""token":"canary-wake"}\n\n"#);
    open(&format!(
        "
    30s    tick         => heartbeat 1 L1; sleep 40s
    7200s  data 1 {one} => -
    7200s  data 1 {two} => disconnect 1; ended 1 Wake after 7200s then hand over; wake, wait 30s; sleep
    "
    ));
}

#[test]
fn without_input_the_timer_that_was_due_first_fires_first() {
    // Beat 1 was due at 30 s and goes out late; then the read deadline of 75 s ends the watch.
    open(
        "
    7200s tick => disconnect 1; connect 2 previous=L1
               => ended 1 ReadTimeout after 7200s then 0s; sleep 7230s
    ",
    );
}
