//! Section 4, row by row, with every guard off: the delay, the previous lease, the backoff.
//!
//! What a row did to the memory is seen in what follows: the previous lease in the next connect, the
//! backoff in the delay after a connect that is answered with 500.

use crate::script::{OPEN, config, plain, script};
use dormouse_core::{Guards, OnUnauthorized};

/// A connect, attempt 3 at 2 s, with a memory in which nothing is as at first: the previous lease is L1 and
/// the backoff 2 s.
const USED: &str = "
    1s  end 1      => disconnect 1; connect 2 previous=L1; ended 1 Ended after 1s then 0s; sleep 31s
    1s  head 2 500 => disconnect 2; ended 2 Status(500) after 0s then 1s; status Connecting; sleep 2s
    2s  tick       => connect 3 previous=L1; sleep 32s
";

/// Runs the first watch, the memory of [`USED`], and then `rest`.
fn used(rest: &str) {
    script(plain(), &[OPEN, USED, rest]);
}

/// Runs the first watch, open at 0 s with L1 and 30 s, and then `rest`.
fn open(rest: &str) {
    script(plain(), &[OPEN, rest]);
}

#[test]
fn connect_hello_clears_the_lease_and_sets_the_backoff_back_to_1s() {
    used(
        "
    2s  head 3 sse     => sleep 32s
    2s  hello 3 L2 30s => connected 3 after 0s beat 30s wait 30s; status Connected; sleep 32s
    # A wake leaves the memory as it was after hello.
    3s  wake 3         => disconnect 3; ended 3 Wake after 1s then hand over; wake, wait 30s; sleep
    4s  again done     => connect 4; sleep 34s
    4s  head 4 500     => disconnect 4; ended 4 Status(500) after 0s then 1s; status Connecting; sleep 5s
    ",
    );
}

#[test]
fn connect_401_stops() {
    used(
        "
    2s  head 3 401 => disconnect 3; ended 3 Unauthorized after 0s then stop
                   => status Stopped Unauthorized; stop Unauthorized; sleep
    ",
    );
}

/// The memory of a stopped watch is of no use; where it is parked instead, it shows.
#[test]
fn connect_401_leaves_lease_and_backoff_as_they_were() {
    let park = config().guards(Guards::none()).on_unauthorized(OnUnauthorized::Park);
    let rest = "
    2s    head 3 401 => disconnect 3; ended 3 Unauthorized after 0s then park 300s
                     => status Unauthorized; sleep 302s
    302s  tick       => connect 4 previous=L1; sleep 332s
    302s  head 4 500 => disconnect 4; ended 4 Status(500) after 0s then 2s; status Connecting; sleep 304s
    ";
    script(park.build().expect("a config"), &[OPEN, USED, rest]);
}

#[test]
fn connect_409_clears_the_lease_leaves_the_backoff_and_waits_30s() {
    used(
        "
    2s   head 3 409 => disconnect 3; ended 3 Conflict after 0s then 30s; sleep 32s
    31.999s tick    => sleep 32s
    32s  tick       => connect 4; sleep 62s
    32s  head 4 500 => disconnect 4; ended 4 Status(500) after 0s then 2s; sleep 34s
    ",
    );
}

#[test]
fn connect_2xx_that_is_not_sse_leaves_lease_and_backoff_and_waits_30s() {
    for head in ["200", "204", "299 content-type=text/html", "200 content-type=text/event-streams"]
    {
        used(&format!(
            "
    2s   head 3 {head} => disconnect 3; ended 3 NotEventStream after 0s then 30s; sleep 32s
    32s  tick          => connect 4 previous=L1; sleep 62s
    32s  head 4 500    => disconnect 4; ended 4 Status(500) after 0s then 2s; sleep 34s
    "
        ));
    }
}

#[test]
fn connect_media_type_is_compared_without_case_and_parameters() {
    used("2s  head 3 206 Content-Type=TEXT/Event-Stream; charset=utf-8 => sleep 32s");
}

#[test]
fn connect_anything_else_leaves_the_lease_and_doubles_the_backoff() {
    let doubled = |opening: &str, input: &str, fault: &str| {
        used(&format!(
            "
    {opening}
    2s  {input}    => disconnect 3; ended 3 {fault} after 0s then 2s; sleep 4s
    3.999s tick    => sleep 4s
    4s  tick       => connect 4 previous=L1; sleep 34s
    4s  head 4 500 => disconnect 4; ended 4 Status(500) after 0s then 4s; sleep 8s
    "
        ));
    };
    for status in [0, 100, 199, 300, 302, 304, 400, 403, 404, 408, 410, 429, 500, 503, 599, 65535] {
        doubled("", &format!("head 3 {status}"), &format!("Status({status})"));
    }
    doubled("", "fail 3", "Transport(Broken)");
    doubled("", "end 3", "Ended");
    doubled("", "head 3 200 content-type=text/event-stream|content-encoding=br", "Compressed");
    let opened = "2s head 3 sse => sleep 32s";
    doubled(opened, "fail 3", "Transport(Broken)");
    doubled(opened, "end 3", "Ended");
    doubled(opened, r"data 3 event: hello\ndata: {}\n\n", "Hello(Missing(WatchLeaseId))");
    doubled(opened, r"data 3 event: hello\ndata: [1]\n\n", "Hello(Json)");
    doubled(opened, &format!("data 3 data: {}", "x".repeat(64 * 1024)), "Limit(Line)");
    let line = format!(r"data: {}\n", "x".repeat(64_000));
    doubled(opened, &format!("data 3 {}", line.repeat(5)), "Limit(Data)");
}

#[test]
fn connect_hello_deadline_leaves_the_lease_and_doubles_the_backoff() {
    for (head, opened) in [("", false), ("3s head 3 sse => sleep 32s", true)] {
        used(&format!(
            "
    {head}
    31.999s tick   => sleep 32s
    32s tick       => disconnect 3; ended 3 HelloTimeout {{ opened: {opened} }} after 30s then 2s; sleep 34s
    34s tick       => connect 4 previous=L1; sleep 64s
    34s head 4 500 => disconnect 4; ended 4 Status(500) after 0s then 4s; sleep 38s
    "
        ));
    }
}

#[test]
fn the_backoff_doubles_to_at_most_30s() {
    let mut table = String::from("0s start => connect 1; status Connecting; sleep 30s\n");
    let mut now = 0;
    for (attempt, delay) in (1..).zip([1, 2, 4, 8, 16, 30, 30, 30]) {
        let due = now + delay;
        table += &format!(
            "
    {now}s  fail {attempt} => disconnect {attempt}
                           => ended {attempt} Transport(Broken) after 0s then {delay}s; sleep {due}s
    {due}s  tick           => connect {}; sleep {}s
    ",
            attempt + 1,
            due + 30
        );
        now = due;
    }
    script(plain(), &[&table]);
}

#[test]
fn watch_wake_is_handed_over_and_no_lease_is_kept() {
    open(
        "
    20s  wake 1     => disconnect 1; ended 1 Wake after 20s then hand over; wake, wait 30s; sleep
    90s  again done => connect 2; sleep 120s
    90s  head 2 500 => disconnect 2; ended 2 Status(500) after 0s then 1s; status Connecting; sleep 91s
    ",
    );
}

/// The backoff as it was is 1 s, whatever the outcome, since `hello` set it back.
const AS_IT_WAS: u64 = 1;
const DOUBLED: u64 = 2;

/// After `outcome` at `at`: connect 2 at once, and a backoff as said.
fn at_once(before: &str, at: u64, input: &str, reported: &str, outcome: &str, previous: &str) {
    let due = at + AS_IT_WAS;
    open(&format!(
        "
    {before}
    {at}s {input}      => disconnect 1; connect 2{previous}{reported}
                       => ended 1 {outcome} after {at}s then 0s; sleep {}s
    {at}s  head 2 500  => disconnect 2; ended 2 Status(500) after 0s then {AS_IT_WAS}s
                       => status Connecting; sleep {due}s
    {due}s tick        => connect 3{previous}; sleep {}s
    ",
        at + 30,
        due + 30
    ));
}

const BEAT: &str = "30s tick => heartbeat 1 L1; sleep 40s";

#[test]
fn watch_read_timeout_keeps_this_lease_and_connects_at_once() {
    let before = "
    30s  tick         => heartbeat 1 L1; sleep 40s
    30s  answer 1 204 => beat 1 accepted after 0s; sleep 60s
    60s  tick         => heartbeat 2 L1; sleep 70s
    60s  answer 2 204 => beat 2 accepted after 0s; sleep 75s
    ";
    at_once(before, 75, "tick", "", "ReadTimeout", " previous=L1");
}

#[test]
fn watch_ended_cleanly_keeps_this_lease_and_connects_at_once_however_short_it_was() {
    at_once("", 0, "end 1", "", "Ended", " previous=L1");
    at_once(BEAT, 31, "end 1", "", "Ended", " previous=L1");
}

#[test]
fn watch_stream_error_after_exactly_one_interval_connects_at_once() {
    at_once("", 30, "fail 1", "", "Stream(Transport(Broken))", " previous=L1");
    at_once(BEAT, 31, "fail 1", "", "Stream(Transport(Broken))", " previous=L1");
    let wake = r"data 1 event: wake\ndata: {}\n\n";
    at_once("", 30, wake, "", "Stream(Wake(Missing(Url)))", " previous=L1");
    let line = format!("data 1 data: {}", "x".repeat(64 * 1024));
    at_once("", 30, &line, "", "Stream(Limit(Line))", " previous=L1");
}

#[test]
fn watch_stream_error_before_one_interval_keeps_this_lease_and_doubles_the_backoff() {
    let line = format!("data 1 data: {}", "x".repeat(64 * 1024));
    for (input, fault) in [
        ("fail 1", "Transport(Broken)"),
        (r"data 1 event: wake\ndata: {}\n\n", "Wake(Missing(Url))"),
        (r"data 1 event: wake\ndata: x\n\n", "Wake(Json)"),
        (&line, "Limit(Line)"),
    ] {
        open(&format!(
            "
    29.999s {input}    => disconnect 1; ended 1 Stream({fault}) after 29.999s then 1s
                       => status Connecting; sleep 30.999s
    30.999s tick       => connect 2 previous=L1; sleep 60.999s
    30.999s head 2 500 => disconnect 2; ended 2 Status(500) after 0s then {DOUBLED}s; sleep 32.999s
    "
        ));
    }
}

#[test]
fn watch_heartbeat_409_clears_the_lease_leaves_the_backoff_and_waits_30s() {
    open(
        "
    30s  tick         => heartbeat 1 L1; sleep 40s
    31s  answer 1 409 => disconnect 1; beat 1 Status(409) after 1s
                      => ended 1 HeartbeatLost(Taken) after 31s then 30s; status Connecting; sleep 61s
    61s  tick         => connect 2; sleep 91s
    61s  head 2 500   => disconnect 2; ended 2 Status(500) after 0s then 1s; sleep 62s
    ",
    );
}

#[test]
fn watch_heartbeat_410_clears_the_lease_and_connects_at_once() {
    let reported = "; beat 1 Status(410) after 1s";
    at_once(BEAT, 31, "answer 1 410", reported, "HeartbeatLost(Gone)", "");
}

#[test]
fn watch_heartbeat_401_stops() {
    open(
        "
    30s  tick         => heartbeat 1 L1; sleep 40s
    31s  answer 1 401 => disconnect 1; beat 1 Status(401) after 1s
                      => ended 1 HeartbeatLost(Unauthorized) after 31s then stop
                      => status Stopped Unauthorized; stop Unauthorized; sleep
    ",
    );
}

#[test]
fn watch_heartbeat_401_leaves_lease_and_backoff_as_they_were() {
    let park = config().guards(Guards::none()).on_unauthorized(OnUnauthorized::Park);
    let rest = "
    30s   tick         => heartbeat 1 L1; sleep 40s
    31s   answer 1 401 => disconnect 1; beat 1 Status(401) after 1s
                       => ended 1 HeartbeatLost(Unauthorized) after 31s then park 300s
                       => status Unauthorized; sleep 331s
    331s  tick         => connect 2; sleep 361s
    331s  head 2 500   => disconnect 2; ended 2 Status(500) after 0s then 1s; status Connecting; sleep 332s
    ";
    script(park.build().expect("a config"), &[OPEN, rest]);
}

#[test]
fn watch_heartbeats_failed_for_too_long_keeps_this_lease_and_connects_at_once() {
    let before = "
    30s  tick   => heartbeat 1 L1; sleep 40s
    30s  lost 1 => beat 1 Transport(Broken) after 0s; sleep 60s
    60s  data 1 : alive\\n => heartbeat 2 L1; sleep 70s
    60s  answer 2 500 => beat 2 Status(500) after 0s; sleep 90s
    90s  tick   => heartbeat 3 L1; sleep 100s
    ";
    let reported = "; beat 3 Timeout after 10s";
    at_once(before, 100, "tick", reported, "HeartbeatLost(Failed)", " previous=L1");
}

#[test]
fn watch_heartbeats_cancelled_stops() {
    open(
        "
    20s  cancel => disconnect 1; ended 1 HeartbeatLost(Cancelled) after 20s then stop
                => status Stopped Cancelled; stop Cancelled; sleep
    ",
    );
}
