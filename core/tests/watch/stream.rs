//! Section 2.2 as the machine sees it: what each event means where it comes, ids, limits, clamps.

use crate::script::{OPEN, at, config, plain, play, script, secs, wake, watch};
use dormouse_core::{Action, Attempt, Guards, Input, sse};

const WAITING_FOR_HELLO: &str = "
    0s  start       => connect 1; status Connecting; sleep 30s
    0s  head 1 sse  => sleep 30s
";

#[test]
fn events_before_hello_are_ignored() {
    let watch = script(
        plain(),
        &[
            WAITING_FOR_HELLO,
            r"
    1s  wake 1                         => sleep 30s
    1s  data 1 data: unnamed\n\n       => sleep 30s
    1s  data 1 event: x\ndata: y\n\n   => sleep 30s
    1s  data 1 : comment\n             => sleep 30s
    2s  hello 1 L1 30s => connected 1 after 2s beat 30s wait 30s; status Connected; sleep 32s
    ",
        ],
    );
    assert_eq!((watch.stats().events_ignored, watch.stats().comments), (3, 1));
}

#[test]
fn unknown_events_are_ignored_and_count_as_a_sign_of_life() {
    let watch = script(
        plain(),
        &[
            OPEN,
            r"
    20s  data 1 event: Wake\ndata: {}\n\n  => sleep 30s
    30s  tick                              => heartbeat 1 L1; sleep 40s
    30s  answer 1 200                      => beat 1 accepted after 0s; sleep 60s
    60s  tick                              => heartbeat 2 L1; sleep 70s
    60s  answer 2 200                      => beat 2 accepted after 0s; sleep 90s
    ",
        ],
    );
    assert_eq!(watch.stats().events_ignored, 1);
}

#[test]
fn a_second_hello_is_ignored_and_reported() {
    let watch = script(
        plain(),
        &[
            OPEN,
            r"
    10s  hello 1 L2 5s                       => odd 1 SecondHello; sleep 30s
    11s  data 1 event: hello\ndata: junk\n\n => odd 1 SecondHello; sleep 30s
    30s  tick                                => heartbeat 1 L1; sleep 40s
    ",
        ],
    );
    assert_eq!((watch.stats().hellos, watch.stats().events_ignored), (1, 2));
}

#[test]
fn bytes_after_a_wake_are_not_read() {
    let mut watch = script(plain(), &[OPEN]);
    let mut bytes = wake(Some("s-1"));
    bytes.extend(b": comment\nevent: x\ndata: y\n\n");
    bytes.extend(wake(Some("s-2")));
    bytes.extend(b"data: ");
    bytes.extend([b'x'; 100_000]);
    watch.handle(at(1000), Input::Data { attempt: Attempt(1), bytes: &bytes });
    play(
        &mut watch,
        &["
    1s  tick   => disconnect 1; ended 1 Wake after 1s then hand over; wake, wait 30s session=s-1; sleep
    2s  wake 1 => sleep
    "],
    );
    let stats = watch.stats();
    assert_eq!((stats.wakes, stats.comments, stats.events_ignored, stats.stale), (1, 0, 0, 1));
}

#[test]
fn a_stream_begins_anew_with_each_attempt() {
    script(
        plain(),
        &[
            OPEN,
            r"
    1s  data 1 event: hello\ndata:   => sleep 30s
    1s  end 1          => disconnect 1; connect 2 previous=L1; ended 1 Ended after 1s then 0s; sleep 31s
    1s  head 2 sse     => sleep 31s
    1s  data 2 {}\n\n  => sleep 31s
    1s  hello 2 L2 30s => connected 2 after 0s beat 30s wait 30s; sleep 31s
    ",
        ],
    );
}

#[test]
fn the_first_session_id_is_kept_and_another_one_reported() {
    let watch = script(
        plain(),
        &[
            OPEN,
            "
    1s  wake 1     => disconnect 1; ended 1 Wake after 1s then hand over; wake, wait 30s; sleep
    1s  again done => connect 2; sleep 31s
    1s  head 2 sse => sleep 31s
    1s  hello 2 L2 30s => connected 2 after 0s beat 30s wait 30s; sleep 31s
    1s  wake 2 s/1 => disconnect 2; ended 2 Wake after 0s then hand over
                   => wake, wait 30s session=s/1; sleep
    1s  again done => connect 3 session=s%2F1; sleep 31s
    1s  head 3 sse => sleep 31s
    1s  hello 3 L3 30s => connected 3 after 0s beat 30s wait 30s; sleep 31s
    1s  wake 3 s/2 => disconnect 3; odd 3 OtherSession; ended 3 Wake after 0s then hand over
                   => wake, wait 30s session=s/2; sleep
    1s  again done => connect 4 session=s%2F1; sleep 31s
    1s  head 4 sse => sleep 31s
    1s  hello 4 L4 30s => connected 4 after 0s beat 30s wait 30s; sleep 31s
    1s  wake 4 s/1 => disconnect 4; ended 4 Wake after 0s then hand over
                   => wake, wait 30s session=s/1; sleep
    1s  again done => connect 5 session=s%2F1; sleep 31s
    1s  end 5      => disconnect 5; ended 5 Ended after 0s then 1s; status Connecting; sleep 2s
    2s  tick       => connect 6 session=s%2F1; sleep 32s
    ",
        ],
    );
    assert_eq!(watch.session().map(dormouse_core::SessionId::as_str), Some("s/1"));
}

#[test]
fn a_lease_id_that_json_and_urls_would_choke_on_is_sent_whole() {
    script(
        plain(),
        &[
            WAITING_FOR_HELLO,
            r#"
    0s   hello 1 a"b\c/{}&=#%+</script> 30s => connected 1 after 0s beat 30s wait 30s; status Connected; sleep 30s
    30s  tick         => heartbeat 1 a"b\c/{}&=#%+</script>; sleep 40s
    31s  end 1        => disconnect 1; connect 2 previous=a%22b%5Cc%2F%7B%7D%26%3D%23%25%2B%3C%2Fscript%3E
                      => ended 1 Ended after 31s then 0s; sleep 61s
    "#,
        ],
    );
}

#[test]
fn what_a_hello_grants_is_clamped() {
    for (sent, clamped, beat) in [
        ("0", "beat 1s wait 5s", "1s"),
        ("999", "beat 1s wait 5s", "1s"),
        ("1001", "beat 1.001s wait 5s", "1.001s"),
        ("5001", "beat 5.001s wait 5.001s", "5.001s"),
        ("86400000", "beat 86400s wait 86400s", "86400s"),
        ("86400001", "beat 86400s wait 86400s", "86400s"),
        ("18446744073709551615", "beat 86400s wait 86400s", "86400s"),
    ] {
        let hello = format!(
            r#"data 1 event: hello\ndata: {{"watchLeaseId":"L","deviceWaitForViewerMs":{sent},"heartbeatIntervalMs":{sent}}}\n\n"#
        );
        let step =
            format!("0s {hello} => connected 1 after 0s {clamped}; status Connected; sleep {beat}");
        script(plain(), &[WAITING_FOR_HELLO, &step]);
    }
}

#[test]
fn a_wake_carries_how_long_to_wait_for_the_viewer() {
    let hello = r#"
    0s  data 1 event: hello\ndata: {"watchLeaseId":"L","deviceWaitForViewerMs":77000,"heartbeatIntervalMs":30000}\n\n => connected 1 after 0s beat 30s wait 77s; status Connected; sleep 30s
    1s  wake 1  => disconnect 1; ended 1 Wake after 1s then hand over; wake, wait 77s; sleep
    "#;
    script(plain(), &[WAITING_FOR_HELLO, hello]);
}

/// Section 7: comments, unknown fields and unknown events are never stored, whatever their length.
#[test]
fn what_is_not_stored_has_no_limit() {
    let small = sse::Limits { line: 1024, data: 1024 };
    let config = config().guards(Guards::none()).limits(small).build().expect("a config");
    let mut watch = script(config, &[OPEN]);
    let long = "x".repeat(100_000);
    for text in [
        format!(": {long}"),
        format!("{long}\n"),
        format!("unknown: {long}\n"),
        format!("event: other\ndata: {long}\ndata: {long}\n\n"),
    ] {
        watch.handle(at(0), Input::Data { attempt: Attempt(1), bytes: text.as_bytes() });
        assert!(matches!(watch.poll(), Action::Sleep { .. }));
    }
}

/// Section 7: the limits hold to the byte, for lines that come whole and for lines that trickle in.
#[test]
fn limits_hold_to_the_byte() {
    let small = sse::Limits { line: 1024, data: 1500 };
    let build = || config().guards(Guards::none()).limits(small).build().expect("a config");
    let line = |length: usize| format!("data: {}\n", "x".repeat(length - 6));
    let ends = |text: &str| {
        let whole = {
            let mut watch = script(build(), &[OPEN]);
            watch.handle(at(0), Input::Data { attempt: Attempt(1), bytes: text.as_bytes() });
            matches!(watch.poll(), Action::Disconnect { .. })
        };
        let mut watch = script(build(), &[OPEN]);
        for byte in text.as_bytes() {
            watch.handle(at(0), Input::Data { attempt: Attempt(1), bytes: &[*byte] });
        }
        assert_eq!(matches!(watch.poll(), Action::Disconnect { .. }), whole);
        whole
    };
    assert!(!ends(&line(1024)));
    assert!(ends(&line(1025)));
    // 1018 + LF + 481 = 1500.
    assert!(!ends(&(line(1024) + &line(487))));
    assert!(ends(&(line(1024) + &line(488))));
}

#[test]
fn where_the_base_is_http_a_wake_may_lead_to_ws_and_elsewhere_not() {
    let wake = br#"event: wake
data: {"url":"ws://go.example/1","token":"canary-wake"}

"#;
    let woken = |base: &str| {
        let config = dormouse_core::Config::new(base).guards(Guards::none());
        let mut watch = watch(config.build().expect("a config"), 1);
        let attempt = Attempt(1);
        while !matches!(watch.poll(), Action::Sleep { .. }) {}
        watch.handle(at(0), Input::Head { attempt, head: crate::script::sse_head() });
        let hello = crate::script::hello("L", 30_000);
        watch.handle(at(0), Input::Data { attempt, bytes: &hello });
        watch.handle(at(0), Input::Data { attempt, bytes: wake });
        core::iter::from_fn(|| Some(watch.poll()))
            .take_while(|action| !matches!(action, Action::Sleep { .. }))
            .any(|action| matches!(action, Action::Wake(wake) if wake.wait_for_viewer == secs(30)))
    };
    assert!(woken("http://api.example.com"));
    assert!(!woken("https://api.example.com"));
}
