//! Sections 5.2 to 5.4, each guard alone, so that the others cannot hide it: `Retry-After`, jitter, and the
//! reconnect window.

use std::time::Duration;

use crate::script::{
    OPEN, START, at, drain, hello, opened, play, script, secs, sse_head, wake, watch, with,
};
use dormouse_core::{
    Action, Attempt, Beat, Config, Guards, Head, Input, Report, Then, Timestamp, TransportFault,
    Watch,
};

// 5.2

fn retry_after() -> Config {
    with(|on| on.retry_after = true)
}

#[test]
fn retry_after_is_the_least_and_an_hour_the_most() {
    for (head, delay) in [
        ("503 retry-after=7", "7s"),
        ("429 Retry-After=7", "7s"),
        ("503 retry-after=3600", "3600s"),
        ("503 retry-after=3601", "3600s"),
        ("503 retry-after=99999999999999999999999", "3600s"),
        ("503 retry-after=Sun, 06 Nov 1994 08:50:37 GMT|date=Sun, 06 Nov 1994 08:49:37 GMT", "60s"),
        // Absent, or as good as.
        ("503", "1s"),
        ("503 retry-after=0", "1s"),
        ("503 retry-after=-5", "1s"),
        ("503 retry-after=soon", "1s"),
        ("503 retry-after=Sun, 06 Nov 1994 08:50:37 GMT", "1s"),
        ("500 retry-after=7", "1s"),
        ("502 retry-after=7", "1s"),
        ("301 retry-after=7", "1s"),
    ] {
        let status = &head[..3];
        let step = format!(
            "0s head 1 {head} => disconnect 1; ended 1 Status({status}) after 0s then {delay}; sleep {delay}"
        );
        script(retry_after(), &[START, &step]);
    }
    let ignored = "0s head 1 503 retry-after=7 => disconnect 1; ended 1 Status(503) after 0s then 1s; sleep 1s";
    script(with(|_| ()), &[START, ignored]);
}

#[test]
fn retry_after_shortens_no_backoff_and_leaves_its_doubling_alone() {
    script(
        retry_after(),
        &["
    0s   start                  => connect 1; status Connecting; sleep 30s
    0s   head 1 503 retry-after=7 => disconnect 1; ended 1 Status(503) after 0s then 7s; sleep 7s
    7s   tick                   => connect 2; sleep 37s
    7s   head 2 503             => disconnect 2; ended 2 Status(503) after 0s then 2s; sleep 9s
    9s   tick                   => connect 3; sleep 39s
    9s   head 3 429 retry-after=3 => disconnect 3; ended 3 Status(429) after 0s then 4s; sleep 13s
    "],
    );
}

// 5.3

/// The delay after the last step of a script, for each of many seeds.
fn delays(config: &Config, steps: &[Input<'_>]) -> Vec<Duration> {
    (0..400).map(|seed| delay_after(&mut watch(config.clone(), seed), at(0), steps)).collect()
}

/// The delay that the end of an attempt led to, after the last of some inputs at one instant.
pub(crate) fn delay_after(watch: &mut Watch, now: Timestamp, steps: &[Input<'_>]) -> Duration {
    drain(watch);
    for step in steps {
        watch.handle(now, step.clone());
    }
    let ended = core::iter::from_fn(|| Some(watch.poll()))
        .take_while(|action| !matches!(action, Action::Sleep { .. }))
        .find_map(|action| match action {
            Action::Report(Report::Ended { then: Then::Connect(delay), .. }) => Some(delay),
            _ => None,
        });
    ended.expect("an end with a delay").total()
}

/// All within the bounds, and spread over all of what lies between them.
fn assert_spread(delays: &[Duration], least: Duration, most: Duration) {
    assert!(delays.iter().all(|delay| (least..=most).contains(delay)), "{delays:?}");
    let tenth = (most - least) / 10;
    assert!(delays.iter().any(|delay| *delay < least + tenth), "none is near {least:?}");
    assert!(delays.iter().any(|delay| *delay > most - tenth), "none is near {most:?}");
}

const FIRST: Attempt = Attempt(1);

/// A head for attempt 1, with a `Retry-After` unless that is empty.
pub(crate) fn head_of(status: u16, retry_after: &'static [u8]) -> Input<'static> {
    let headers = (!retry_after.is_empty()).then_some(("retry-after", retry_after));
    Input::Head { attempt: FIRST, head: Head::read(status, headers) }
}

#[test]
fn jitter_a_delay_that_is_slept_is_drawn_from_its_upper_half() {
    let config = with(|on| on.jitter = true);
    let millis = Duration::from_millis;
    assert_spread(&delays(&config, &[head_of(500, b"")]), millis(500), secs(1));
    assert_spread(&delays(&config, &[head_of(409, b"")]), secs(15), secs(30));
}

#[test]
fn jitter_after_a_retry_after_goes_up_to_one_and_a_half_times_of_it() {
    let config = with(|on| (on.jitter, on.retry_after) = (true, true));
    let millis = Duration::from_millis;
    assert_spread(&delays(&config, &[head_of(503, b"7")]), secs(7), millis(10_500));
    assert_spread(&delays(&config, &[head_of(503, b"99999")]), secs(3600), secs(5400));
}

#[test]
fn jitter_the_first_heartbeat_comes_after_half_an_interval_to_a_whole_one() {
    let config = with(|on| on.jitter = true);
    let first = |seed| {
        let mut watch = watch(config.clone(), seed);
        play(&mut watch, &[START, "0s head 1 sse => sleep 30s"]);
        watch.handle(at(0), Input::Data { attempt: FIRST, bytes: &hello("L", 30_000) });
        let first = watch.deadline().expect("a first heartbeat");
        watch.handle(first, Input::Tick);
        drain(&mut watch);
        assert_eq!(watch.stats().heartbeats, 1);
        // The second one keeps the distance of one interval.
        let second = first.after(secs(30));
        watch.handle(first, Input::HeartbeatAnswer { beat: Beat(1), status: 204 });
        drain(&mut watch);
        watch.handle(at(second.as_millis() - 1), Input::Tick);
        drain(&mut watch);
        assert_eq!(watch.stats().heartbeats, 1);
        watch.handle(second, Input::Data { attempt: FIRST, bytes: b":\n" });
        watch.handle(second, Input::Tick);
        drain(&mut watch);
        assert_eq!(watch.stats().heartbeats, 2);
        first.since(at(0))
    };
    assert_spread(&(0..400).map(first).collect::<Vec<_>>(), secs(15), secs(30));
}

#[test]
fn jitter_at_once_stays_at_once() {
    let config = with(|on| on.jitter = true);
    let mut watch = script(
        config,
        &["
    0s  start      => connect 1; status Connecting; sleep 30s
    0s  head 1 sse => sleep 30s
    "],
    );
    watch.handle(at(0), Input::Data { attempt: FIRST, bytes: &hello("L1", 30_000) });
    drain(&mut watch);
    play(
        &mut watch,
        &[
            "0s end 1 => disconnect 1; connect 2 previous=L1; ended 1 Ended after 0s then 0s; sleep 30s",
        ],
    );
}

// 5.4

fn window() -> Config {
    with(|on| on.window = true)
}

fn open_with_retry(millis: &'static str) -> Vec<u8> {
    let mut bytes = format!("retry: {millis}\n").into_bytes();
    bytes.extend(hello("L1", 30_000));
    bytes
}

/// The delays after a watch that said `retry:` and ended at once by `last`.
fn window_delays(millis: &'static str, last: &Input<'_>) -> Vec<Duration> {
    let bytes = open_with_retry(millis);
    let open = [
        Input::Head { attempt: FIRST, head: sse_head() },
        Input::Data { attempt: FIRST, bytes: &bytes },
        last.clone(),
    ];
    delays(&window(), &open)
}

#[test]
fn window_lengthens_what_the_server_caused() {
    let end = Input::End { attempt: FIRST };
    assert_spread(&window_delays("60000", &end), secs(0), secs(60));
    let broken = Input::Failed { attempt: FIRST, fault: TransportFault::Broken };
    assert_spread(&window_delays("60000", &broken), secs(1), secs(61));
}

#[test]
fn window_is_clamped_to_5_minutes_and_zero_speeds_nothing_up() {
    let end = Input::End { attempt: FIRST };
    for huge in ["300001", "18446744073709551615", "99999999999999999999999"] {
        assert_spread(&window_delays(huge, &end), secs(0), secs(300));
    }
    for none in ["0", "", "-1", "1.5", "x"] {
        assert!(window_delays(none, &end).iter().all(Duration::is_zero), "{none}");
    }
    let broken = Input::Failed { attempt: FIRST, fault: TransportFault::Broken };
    assert!(window_delays("0", &broken).iter().all(|delay| *delay == secs(1)));
}

/// Opens a watch that says `retry: 60000`, with whatever guards beside the window.
fn windowed(switch: impl Fn(&mut Guards)) -> Watch {
    let mut watch = script(
        with(|on| {
            on.window = true;
            switch(on);
        }),
        &["
    0s  start      => connect 1; status Connecting; sleep 30s
    0s  head 1 sse => sleep 30s
    "],
    );
    watch.handle(at(0), Input::Data { attempt: FIRST, bytes: &open_with_retry("60000") });
    drain(&mut watch);
    watch
}

#[test]
fn window_does_not_lengthen_what_the_device_caused() {
    // Seed 1 draws more than nothing: the last script shows it.
    let read_timeout = "
    30s  tick         => heartbeat 1 L1; sleep 40s
    30s  answer 1 204 => beat 1 accepted after 0s; sleep 60s
    60s  tick         => heartbeat 2 L1; sleep 70s
    60s  answer 2 204 => beat 2 accepted after 0s; sleep 75s
    75s  tick         => disconnect 1; connect 2 previous=L1
                      => ended 1 ReadTimeout after 75s then 0s; sleep 105s
    ";
    let failed = r"
    30s  data 1 :\n   => heartbeat 1 L1; sleep 40s
    90s  lost 1       => disconnect 1; connect 2 previous=L1; beat 1 Transport(Broken) after 60s
                      => ended 1 HeartbeatLost(Failed) after 90s then 0s; sleep 120s
    ";
    let taken = "
    30s  tick         => heartbeat 1 L1; sleep 40s
    30s  answer 1 409 => disconnect 1; beat 1 Status(409) after 0s
                      => ended 1 HeartbeatLost(Taken) after 30s then 30s; status Connecting; sleep 60s
    ";
    for (name, hint) in [("network", "NetworkChanged"), ("resumed", "Resumed")] {
        let step = format!(
            "1s {name} => disconnect 1; connect 2 previous=L1; ended 1 Hint({hint}) after 1s then 0s; sleep 31s"
        );
        play(&mut windowed(|on| on.hints = true), &[&step]);
    }
    for script in [read_timeout, failed, taken] {
        play(&mut windowed(|_| ()), &[script]);
    }
    let mut gone = windowed(|_| ());
    play(&mut gone, &["30s  tick  => heartbeat 1 L1; sleep 40s"]);
    let beat = Beat(1);
    let delay = delay_after(&mut gone, at(30_000), &[Input::HeartbeatAnswer { beat, status: 410 }]);
    assert!(delay > secs(0) && delay <= secs(60), "{delay:?}");
}

#[test]
fn window_is_remembered_across_watches_and_lengthens_every_failed_connect() {
    let mut watch = windowed(|_| ());
    let mut now = at(0);
    let (mut seen, mut backoff) = (Vec::new(), 1);
    delay_after(&mut watch, now, &[Input::End { attempt: FIRST }]);
    for attempt in 2..60 {
        let attempt = Attempt(attempt);
        now = watch.deadline().expect("the next connect");
        watch.handle(now, Input::Tick);
        let fault = TransportFault::Connect;
        let delay = delay_after(&mut watch, now, &[Input::Failed { attempt, fault }]);
        seen.push(delay - secs(backoff));
        backoff = (backoff * 2).min(30);
    }
    assert_spread(&seen, secs(0), secs(60));
}

#[test]
fn window_gives_way_to_a_retry_after() {
    let mut watch = windowed(|on| on.retry_after = true);
    delay_after(&mut watch, at(0), &[Input::End { attempt: FIRST }]);
    let now = watch.deadline().expect("the next connect");
    watch.handle(now, Input::Tick);
    let head = Head::read(503, [("retry-after", b"7".as_slice())]);
    let delay = delay_after(&mut watch, now, &[Input::Head { attempt: Attempt(2), head }]);
    assert_eq!(delay, secs(7));
}

#[test]
fn window_after_a_wake_in_the_same_chunk_is_not_read() {
    let mut watch = script(window(), &[OPEN]);
    let mut bytes = wake(None);
    bytes.extend(b"retry: 60000\n");
    watch.handle(at(0), Input::Data { attempt: FIRST, bytes: &bytes });
    play(
        &mut watch,
        &[
            "
    0s  tick       => disconnect 1; ended 1 Wake after 0s then hand over; wake, wait 30s; sleep
    0s  again done => connect 2; sleep 30s
    ",
            &opened(2, 0, ""),
            "0s  end 2 => disconnect 2; connect 3 previous=L2; ended 2 Ended after 0s then 0s; sleep 30s",
        ],
    );
}
