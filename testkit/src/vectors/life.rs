//! The rest: heartbeats and their timers, stale and misplaced input, stops, and a machine that is not drained.

use super::{OPEN, Vector};

pub(super) fn all() -> Vec<Vector> {
    let open = |rest: &str| format!("{OPEN}{rest}");
    vec![
        Vector::new(
            "heartbeat-rhythm",
            "3: the first heartbeat is sent one interval after hello, and the rhythm is kept however late the ticks are.",
            open(
                "
    30s tick
    30s answer 1 204
    60s data 1 : alive\\n
    61s tick
    61s answer 2 204
    90s data 1 : alive\\n
    90s tick
    90s answer 3 204
    ",
            ),
        ),
        Vector::new(
            "heartbeat-timeout-abandons-it",
            "3: a heartbeat that is not answered within 10 s is abandoned and has failed; its late answer changes nothing.",
            open(
                "
    30s tick
    39.999s tick
    40s tick
    41s answer 1 409
    60s data 1 : alive\\n
    60s tick
    60s answer 2 200
    ",
            ),
        ),
        Vector::new(
            "heartbeat-timeout-is-the-interval-if-that-is-less",
            "3: with an interval of 4 s a heartbeat is waited for that long, and settled before the next one is sent.",
            "0s head 1 sse\n0s hello 1 L1 4s\n4s tick\n8s tick",
        ),
        Vector::new(
            "heartbeat-is-skipped-while-one-is-in-flight",
            "3: a beat that is due while one is in flight is skipped, never queued.",
            "
    0s head 1 sse
    0s hello 1 L1 4s
    7s tick
    8s tick
    9s answer 1 204
    12s data 1 : alive\\n
    12s tick
    ",
        ),
        Vector::new(
            "heartbeat-transport-faults-are-one-failure-each",
            "2.3: a heartbeat without an answer has failed; the next may succeed.",
            open(
                "
    30s tick
    30s lost 1 resolve
    60s data 1 : alive\\n
    60s tick
    60s lost 2 connect
    60s lost 2 tls
    80s data 1 : alive\\n
    89.999s tick
    90s tick
    90s answer 3 204
    120s data 1 : alive\\n
    120s tick
    120s lost 4 tls
    150s data 1 : alive\\n
    150s tick
    150s lost 5 http
    179s data 1 : alive\\n
    180s tick
    180s answer 6 302
    ",
            ),
        ),
        Vector::new(
            "heartbeat-410-after-a-wake-changes-nothing",
            "3: input takes effect in the order in which it arrives: a wake that came before a heartbeat's 410 counts.",
            open("30s tick\n30.1s wake 1\n30.1s answer 1 410\n31s again done"),
        ),
        Vector::new(
            "heartbeat-410-before-a-wake-counts",
            "3: and a 410 that came before a wake counts too.",
            open("30s tick\n30.1s answer 1 410\n30.1s wake 1"),
        ),
        Vector::new(
            "input-is-applied-before-timers-that-are-due",
            "3: what arrived before a late tick counts: a wake at the read deadline, and a hello at its own.",
            "
    30s head 1 sse
    30s hello 1 L1 30s
    200s data 1 : alive\\n
    200s wake 1
    200s tick
    ",
        ),
        Vector::new(
            "stale-input-changes-nothing",
            "6.4: what belongs to an attempt or a heartbeat that was given up, or that never was, is counted and changes nothing.",
            open(
                "
    1s end 1
    1s head 1 sse
    1s data 1 : alive\\n
    1s end 1
    1s fail 1
    1s head 9 sse
    1s answer 1 410
    1s lost 7
    ",
            ),
        ),
        Vector::new(
            "misplaced-input-is-counted",
            "6.11: data before a head, a second head, a sleep without a wake, and anything after a stop.",
            "
    0s data 1 : too soon\\n
    0s head 1 sse
    0s head 1 sse
    0s again done
    1s stop
    1s stop
    1s token canary-2
    1s cancel
    ",
        ),
        Vector::new(
            "stop-while-watching",
            "6.6: a stop gives up the stream, says why once, and after it nothing is asked for, ever.",
            open("10s stop\n100s tick\n100s network"),
        ),
        Vector::new(
            "stop-while-waiting",
            "6.6: a stop in a wait has nothing to give up.",
            "0s head 1 500\n0.5s stop\n1s tick",
        ),
        Vector::new(
            "stop-while-awake",
            "6.6: a stop while awake; sleeping again comes too late.",
            open("1s wake 1\n2s stop\n3s again done"),
        ),
        Vector::new(
            "time-that-runs-backwards-is-the-last-seen",
            "An input with an earlier time is taken as of the latest one.",
            open("10s data 1 : alive\\n\n5s end 1\n1s head 2 500\n11s tick"),
        ),
        Vector::new(
            "not-drained-the-last-of-each-kind-is-kept",
            "A machine that is not polled keeps one action of each kind, in their order, and withdraws what has lost its sense.",
            "
    0s head 1 sse    => -
    0s hello 1 L1 1s => -
    1s tick          => -
    1s wake 1 s-1    => -
    1s tick
    2s again done    => -
    2s stop
    ",
        ),
        Vector::new(
            "not-drained-a-connect-is-withdrawn",
            "A connect that nobody took up is withdrawn by a stop, and needs no disconnect.",
            "0s head 1 500\n1s tick => -\n1s stop",
        ),
        Vector::new(
            "not-drained-an-abandoned-heartbeat",
            "A heartbeat that timed out is abandoned, also where the next is due at once.",
            "0s head 1 sse\n0s hello 1 L1 1s\n1s tick\n2s tick => -\n2s data 1 : alive\\n",
        ),
    ]
}
