//! Section 4, row by row: the delay, the previous lease in the next connect, and the backoff in the delay after a
//! connect that is answered with 500.

use super::{OPEN, Vector};

/// A connect, attempt 3 at 2 s, with a memory in which nothing is as at first: the previous lease is L1 and the
/// backoff 2 s.
const USED: &str = "
    0s head 1 sse
    0s hello 1 L1 30s
    1s end 1
    1s head 2 500
    2s tick
";

fn used(rest: &str) -> String {
    format!("{USED}{rest}")
}

fn open(rest: &str) -> String {
    format!("{OPEN}{rest}")
}

/// The same connect, ended in each of these ways, with the waits in between.
fn each(endings: &[&str]) -> String {
    let (mut script, mut now) = (String::new(), 0);
    for (attempt, ending) in (1..).zip(endings) {
        for input in ending.split(';') {
            let input = input.trim().replace('#', &format!("{attempt}"));
            script.push_str(&format!("{now}s {input}\n"));
        }
        now += 30;
        script.push_str(&format!("{now}s tick\n"));
    }
    script
}

pub(super) fn all() -> Vec<Vector> {
    vec![
        Vector::new(
            "connect-hello-clears-the-lease-and-the-backoff",
            "A connect, hello received: the previous lease is cleared, the backoff is back at 1 s, and the watch is Connected.",
            used("
    2s head 3 sse
    2s hello 3 L2 30s
    3s wake 3
    4s again done
    4s head 4 500
    5s tick
    "),
        ),
        Vector::new(
            "connect-401-stops",
            "A connect, 401: the watch stops as unauthorized, and nothing is asked for after that.",
            used("
    2s head 3 401
    3s tick
    3s head 3 sse
    "),
        ),
        Vector::new(
            "connect-401-leaves-the-memory-as-it-was",
            "A connect, 401, where it parks: after that the previous lease and the backoff are as they were.",
            used("
    2s head 3 401
    302s tick
    302s head 4 500
    304s tick
    "),
        )
        .parks(),
        Vector::new(
            "connect-409-clears-the-lease-and-waits-30s",
            "A connect, 409: the previous lease is cleared, the backoff as it was, and the next connect comes after 30 s.",
            used("
    2s head 3 409
    31.999s tick
    32s tick
    32s head 4 500
    34s tick
    "),
        ),
        Vector::new(
            "connect-2xx-that-is-no-event-stream-waits-30s",
            "A connect, 2xx that is not SSE, by any other media type or none: memory as it was, and 30 s.",
            each(&["head # 200", "head # 204", "head # 200 content-type=text/html", "head # 200 content-type=text/event-streams"]),
        ),
        Vector::new(
            "connect-media-type-is-compared-without-case",
            "A connect, hello received: the media type is compared without case and parameters.",
            "0s head 1 206 Content-Type=TEXT/Event-Stream; charset=utf-8\n0s hello 1 L1 30s",
        ),
        Vector::new(
            "connect-other-statuses-double-the-backoff",
            "A connect, anything else, each other status: the previous lease stays, and the backoff doubles from 1 s to 30 s.",
            "
    0s head 1 sse
    0s hello 1 L1 30s
    0s end 1
    0s head 2 500
    1s tick
    1s head 3 302
    3s tick
    3s head 4 403
    7s tick
    7s head 5 404
    15s tick
    15s head 6 410
    31s tick
    31s head 7 429
    61s tick
    61s head 8 503
    91s tick
    ",
        ),
        Vector::new(
            "connect-transport-faults-double-the-backoff",
            "A connect, anything else, each way in which a transport fails before a response and after it.",
            each(&[
                "fail # resolve", "fail # connect", "fail # tls", "fail # broken", "fail # http", "fail # other",
                "head # sse; fail # broken",
            ]),
        ),
        Vector::new(
            "connect-ended-before-hello-doubles-the-backoff",
            "A connect, anything else: the stream ends before hello, with a response and without.",
            each(&["end #", "head # sse; end #"]),
        ),
        Vector::new(
            "connect-compressed-is-a-named-fault",
            "A connect, anything else: an event stream that is compressed though identity was asked for.",
            each(&["head # 200 content-type=text/event-stream|content-encoding=gzip"]),
        ),
        Vector::new(
            "connect-hello-deadline-without-an-answer",
            "A connect, anything else: no response within 30 s of the connect, and not a millisecond sooner.",
            used("
    31.999s tick
    32s tick
    34s tick
    "),
        ),
        Vector::new(
            "connect-hello-deadline-on-an-open-stream",
            "A connect, anything else: the stream opens and no hello comes within 30 s of the connect.",
            used("
    20s head 3 sse
    31s data 3 : still here\\n
    32s tick
    34s tick
    "),
        ),
        Vector::new(
            "watch-wake-is-handed-over",
            "A watch, wake: the memory as it was, the stream is given up, and nothing happens until the application sleeps again.",
            used("
    2s head 3 sse
    2s hello 3 L2 30s
    10s wake 3
    1000s tick
    1000s again done
    1000s head 4 500
    1001s tick
    "),
        ),
        Vector::new(
            "watch-read-timeout-keeps-this-lease",
            "A watch, read timeout: 2.5 intervals after the last complete line, this lease is told at once.",
            open("
    10s data 1 : alive\\n
    30s tick
    30s answer 1 204
    60s tick
    60s answer 2 204
    84.999s tick
    85s tick
    "),
        ),
        Vector::new(
            "watch-ended-cleanly-keeps-this-lease",
            "A watch, stream ended cleanly: this lease is told at once, and the status stays Connected.",
            open("10s end 1"),
        ),
        Vector::new(
            "watch-stream-error-after-an-interval-connects-at-once",
            "A watch, stream error after running for at least one heartbeat interval, exactly one: at once, backoff as it was.",
            open("
    30s fail 1
    30s head 2 500
    31s tick
    "),
        ),
        Vector::new(
            "watch-stream-error-before-an-interval-doubles-the-backoff",
            "A watch, stream error earlier than one interval, by a millisecond: after the backoff, which doubles.",
            open("
    29.999s fail 1
    30.999s tick
    30.999s head 2 500
    32.999s tick
    "),
        ),
        Vector::new(
            "watch-transport-faults-are-stream-errors",
            "A watch, stream error, each way in which a transport fails.",
            ["resolve", "connect", "tls", "http", "other"]
                .iter()
                .zip(1..)
                .map(|(fault, attempt)| {
                    let now = (attempt - 1) * 40;
                    let end = now + 30;
                    format!("{now}s head {attempt} sse\n{now}s hello {attempt} L{attempt} 30s\n{end}s fail {attempt} {fault}\n{}s tick\n", now + 40)
                })
                .collect::<String>(),
        ),
        Vector::new(
            "heartbeat-409-clears-the-lease-and-waits-30s",
            "A watch, heartbeat answered 409: the previous lease is cleared, and the next connect comes after 30 s.",
            open("
    30s tick
    30s answer 1 409
    59.999s tick
    60s tick
    "),
        ),
        Vector::new(
            "heartbeat-410-clears-the-lease",
            "A watch, heartbeat answered 410: the previous lease is cleared, and the next connect comes at once.",
            open("
    30s tick
    30s answer 1 410
    "),
        ),
        Vector::new(
            "heartbeat-401-stops",
            "A watch, heartbeat answered 401: the watch stops as unauthorized.",
            open("
    30s tick
    30s answer 1 401
    "),
        ),
        Vector::new(
            "heartbeats-failed-for-too-long-keep-this-lease",
            "A watch, heartbeats failed for too long: three intervals since hello, looked at when one fails; this lease, at once.",
            open("
    30s tick
    30s answer 1 500
    60s data 1 : alive\\n
    60s tick
    60s lost 2
    89.999s data 1 : alive\\n
    90s tick
    90s answer 3 503
    "),
        ),
        Vector::new(
            "heartbeats-cancelled-stop",
            "A watch, heartbeats were cancelled from outside: the watch stops.",
            open("10s cancel"),
        ),
        Vector::new(
            "heartbeats-cancelled-while-waiting-stop",
            "Heartbeats that are cancelled while no watch runs stop it as well.",
            "0s head 1 500\n0.5s cancel\n1s tick",
        ),
    ]
}
