//! Section 5, guard by guard: each alone, so that what it did is seen, and all of them together.

use super::{OPEN, Vector};

/// Watches that open at these times, in seconds, and end after `ran` without a wake. The next one opens at the next time.
fn short(times: &[u64], ran: u64) -> String {
    let mut script = String::new();
    for (attempt, now) in (1..).zip(times) {
        script.push_str(&format!(
            "{now}s tick\n{now}s head {attempt} sse\n{now}s hello {attempt} L{attempt} 30s\n{}s end {attempt}\n",
            now + ran
        ));
    }
    script
}

pub(super) fn all() -> Vec<Vector> {
    [flap(), bound(), retry_after(), jitter(), window(), hints(), unauthorized()].concat()
}

fn flap() -> Vec<Vector> {
    vec![
        Vector::new(
            "flap-short-watches-wait-ever-longer",
            "5.1: the first short watch in a row costs nothing, the second 1 s, then 2 s, 4 s and so on to 30 s.",
            format!("{}137s tick", short(&[0, 0, 1, 3, 7, 15, 31, 61, 91], 0)),
        )
        .guards(|guards| guards.flap = true),
        Vector::new(
            "flap-ends-with-a-watch-that-proves-the-server",
            "5.1: a watch of 60 s with one heartbeat accepted ends a row of short ones; one without does not.",
            "
    0s head 1 sse
    0s hello 1 L1 30s
    0s end 1
    0s head 2 sse
    0s hello 2 L2 30s
    0s end 2
    1s tick
    1s head 3 sse
    1s hello 3 L3 60s
    61s tick
    62s end 3
    62s head 4 sse
    62s hello 4 L4 30s
    62s end 4
    64s tick
    64s head 5 sse
    64s hello 5 L5 60s
    124s tick
    124s answer 2 204
    124s end 5
    124s head 6 sse
    124s hello 6 L6 30s
    124s end 6
    ",
        )
        .guards(|guards| guards.flap = true),
        Vector::new(
            "flap-failed-connects-neither-count-nor-end-the-row",
            "5.1: two short watches with failed connects between them: the second one waits 1 s.",
            "
    0s head 1 sse
    0s hello 1 L1 30s
    0s end 1
    0s fail 2
    1s tick
    1s head 3 500
    3s tick
    3s head 4 sse
    3s hello 4 L4 30s
    3s end 4
    4s tick
    ",
        )
        .guards(|guards| guards.flap = true),
        Vector::new(
            "flap-ends-with-a-wake-that-was-handed-over",
            "5.1: a wake that was handed over well ends a row of short watches.",
            "
    0s head 1 sse
    0s hello 1 L1 30s
    0s end 1
    0s head 2 sse
    0s hello 2 L2 30s
    0s wake 2
    5s again done
    5s head 3 sse
    5s hello 3 L3 30s
    5s end 3
    ",
        )
        .guards(|guards| guards.flap = true),
        Vector::new(
            "flap-a-failed-hand-over-counts-as-a-short-watch",
            "5.1: wake, fail to join, sleep, wake: the first costs nothing, then 1 s, 2 s.",
            "
    0s head 1 sse
    0s hello 1 L1 30s
    0s wake 1
    0s again failed
    0s head 2 sse
    0s hello 2 L2 30s
    0s wake 2
    0s again failed
    1s tick
    1s head 3 sse
    1s hello 3 L3 30s
    1s wake 3
    1s again failed
    3s tick
    ",
        )
        .guards(|guards| guards.flap = true),
    ]
}

fn bound() -> Vec<Vector> {
    let ends: String = (1..=11)
        .map(|attempt| {
            format!("0s head {attempt} sse\n0s hello {attempt} L{attempt} 30s\n0s end {attempt}\n")
        })
        .collect();
    let wakes: String = (1..=12)
        .map(|attempt| {
            format!("0s head {attempt} sse\n0s hello {attempt} L{attempt} 30s\n0s wake {attempt}\n0s again done\n")
        })
        .collect();
    vec![
        Vector::new(
            "connect-bound-holds-the-eleventh-connect",
            "5.1: ten connects at once, and with an empty bucket the eleventh waits for the refill, 30 s.",
            format!("{ends}29.999s tick\n30s tick\n30s head 11 sse\n30s hello 11 L11 30s\n30s end 11\n60s tick"),
        )
        .guards(|guards| guards.connect_bound = true),
        Vector::new(
            "connect-bound-a-wake-gives-the-price-back",
            "5.1: a busy device is not throttled: each wake that was handed over gives back the price of its connect.",
            wakes,
        )
        .guards(|guards| guards.connect_bound = true),
    ]
}

fn retry_after() -> Vec<Vector> {
    let guard = |vector: Vector| vector.guards(|guards| guards.retry_after = true);
    vec![
        guard(Vector::new(
            "retry-after-is-the-least-on-429-and-503",
            "5.2: on 429 and 503 the delay is at least what Retry-After says; a longer backoff stands, and doubles all the same.",
            "
    0s head 1 429 retry-after=7
    7s tick
    7s head 2 503 retry-after=1
    9s tick
    9s head 3 503 retry-after=60
    69s tick
    69s head 4 500
    77s tick
    ",
        )),
        guard(Vector::new(
            "retry-after-is-at-most-an-hour",
            "5.2: a Retry-After of a day is taken for an hour.",
            "0s head 1 503 retry-after=86400\n3599.999s tick\n3600s tick",
        )),
        guard(Vector::new(
            "retry-after-as-a-date-counts-from-the-responses-own",
            "5.2: an HTTP date, counted from the response's Date, whatever the device's clock says.",
            "0s head 1 503 retry-after=Sun, 06 Nov 1994 08:50:37 GMT|date=Sun, 06 Nov 1994 08:49:37 GMT\n60s tick",
        )),
        guard(Vector::new(
            "retry-after-that-cannot-be-read-counts-as-absent",
            "5.2: zero, what cannot be read, a date without a Date, and other statuses: the row's delay alone.",
            "
    0s head 1 503 retry-after=0
    1s tick
    1s head 2 503 retry-after=soon
    3s tick
    3s head 3 503 retry-after=Sun, 06 Nov 1994 08:50:37 GMT
    7s tick
    7s head 4 500 retry-after=600
    15s tick
    ",
        )),
    ]
}

fn jitter() -> Vec<Vector> {
    vec![
        Vector::new(
            "jitter-delays-are-drawn-from-their-upper-half",
            "5.3: a delay that is slept is drawn from its upper half; one of zero stays zero.",
            format!("{OPEN}0s end 1\n0s head 2 500\n1s tick\n1s head 3 500\n3s tick\n3s head 4 409\n33s tick\n33s head 5 200\n63s tick"),
        )
        .guards(|guards| guards.jitter = true),
        Vector::new(
            "jitter-spreads-the-first-heartbeat",
            "5.3: the first heartbeat of a watch is sent after half an interval to a whole one, the next ones an interval apart.",
            format!("{OPEN}30s tick\n30s answer 1 204\n60s data 1 : alive\\n\n60s tick\n60s answer 2 204"),
        )
        .guards(|guards| guards.jitter = true),
        Vector::new(
            "jitter-after-a-retry-after-goes-up-to-half-more",
            "5.3: after a Retry-After the delay is drawn from that time up to one and a half times of it.",
            "0s head 1 503 retry-after=100\n100s tick\n150s tick",
        )
        .guards(|guards| (guards.jitter, guards.retry_after) = (true, true)),
    ]
}

fn window() -> Vec<Vector> {
    let guard = |vector: Vector| vector.guards(|guards| guards.window = true);
    const WINDOW: &str = "
    0s head 1 sse
    0s data 1 retry: 60000\\n
    0s hello 1 L1 30s
    ";
    vec![
        guard(Vector::new(
            "window-spreads-what-the-server-caused",
            "5.4: the stream ended, a stream error, a heartbeat answered 410 and a failed connect are lengthened by a draw from the window, across watches.",
            format!(
                "{WINDOW}
    1s end 1
    61s tick
    61s head 2 500
    122s tick
    122s head 3 sse
    122s hello 3 L3 30s
    123s fail 3
    185s tick
    185s head 4 sse
    185s hello 4 L4 30s
    215s tick
    215s answer 1 410
    275s tick
    "
            ),
        )),
        guard(Vector::new(
            "window-leaves-alone-what-the-device-caused",
            "5.4: a read timeout, a heartbeat answered 409, heartbeats that failed for too long and a failed hand-over are not lengthened.",
            format!(
                "{WINDOW}
    75s tick
    75s head 2 sse
    75s hello 2 L2 30s
    105s tick
    105s answer 2 409
    135s tick
    135s head 3 sse
    135s hello 3 L3 30s
    165s data 3 : alive\\n
    165s tick
    165s answer 3 500
    195s data 3 : alive\\n
    195s tick
    195s answer 4 500
    225s data 3 : alive\\n
    225s tick
    225s answer 5 500
    225s head 4 sse
    225s hello 4 L4 30s
    226s wake 4
    227s again failed
    "
            ),
        )),
        guard(Vector::new(
            "window-gives-way-to-a-retry-after",
            "5.4: a Retry-After takes the window's place.",
            format!("{WINDOW}1s end 1\n61s tick\n61s head 2 503 retry-after=7\n68s tick"),
        ))
        .guards(|guards| guards.retry_after = true),
        guard(Vector::new(
            "window-is-at-most-five-minutes-and-zero-ends-it",
            "5.4: a retry of an hour is taken for five minutes; retry: 0 speeds nothing up, and what is no number changes nothing.",
            "
    0s head 1 sse
    0s data 1 retry: 3600000\\nretry: soon\\n
    0s hello 1 L1 30s
    1s end 1
    301s tick
    301s head 2 sse
    301s data 2 retry: 0\\n
    301s hello 2 L2 30s
    302s end 2
    302s head 3 500
    303s tick
    ",
        )),
    ]
}

fn hints() -> Vec<Vector> {
    let guard = |vector: Vector| vector.guards(|guards| guards.hints = true);
    vec![
        guard(Vector::new(
            "hint-ends-a-watch-as-a-read-timeout",
            "5.5: a change of network and a resume end a running watch as a read timeout would: this lease, at once.",
            format!("{OPEN}10s network\n10s head 2 sse\n10s hello 2 L2 30s\n20s resumed"),
        )),
        guard(Vector::new(
            "hint-ends-a-backoff",
            "5.5: a hint ends a backoff, and one that finds nothing to shorten leads to nothing.",
            "0s head 1 409\n10s resumed\n10s network",
        )),
        guard(Vector::new(
            "hint-bucket-of-three-refills-one-a-minute",
            "5.5: hints that lead to a connect are paid from a bucket of three; with an empty one they are counted and ignored.",
            "
    0s head 1 409
    1s network
    1s head 2 409
    2s network
    2s head 3 409
    3s network
    3s head 4 409
    4s network
    33s tick
    33s head 5 409
    61s network
    ",
        )),
        guard(Vector::new(
            "hint-does-not-end-what-a-retry-after-asked-for",
            "5.5: a hint shortens a wait to what Retry-After asked for, and no further.",
            "
    0s head 1 503 retry-after=20
    1s network
    20s tick
    20s head 2 503 retry-after=1
    20.5s network
    21s tick
    ",
        ))
        .guards(|guards| (guards.retry_after, guards.jitter) = (true, true)),
        guard(Vector::new(
            "hint-leads-to-nothing-while-awake",
            "5.5: while awake, while a connect is under way and after a stop a hint leads to nothing.",
            format!("0s network\n{OPEN}1s wake 1\n2s network\n3s stop\n4s resumed"),
        )),
        guard(Vector::new(
            "offline-is-a-veil-and-the-stream-counts",
            "5.5: while offline no timer fires and no heartbeat is asked for, what is due fires when there is a network again, and a wake counts.",
            format!(
                "{OPEN}10s offline\n40s tick\n41s online\n41s tick\n41s answer 1 204\n50s offline\n60s wake 1"
            ),
        )),
        guard(Vector::new(
            "offline-holds-the-next-connect",
            "5.5: a watch that ends while offline is shown as Connecting, and its connect waits for a network.",
            format!("{OPEN}10s offline\n11s end 1\n20s tick\n30s online"),
        )),
        guard(Vector::new(
            "offline-takes-back-what-was-not-taken-up",
            "5.5: a connect that was asked for and not yet taken up is taken back, and is due again when there is a network.",
            "0s head 1 500\n1s tick => -\n1s offline\n5s online",
        )),
        Vector::new(
            "hints-switched-off-are-counted-and-ignored",
            "5.5: with this guard off, a change of network, a resume and offline change nothing.",
            format!(
                "{OPEN}1s network\n2s resumed\n3s offline\n30s tick\n30s answer 1 204\n31s online"
            ),
        ),
    ]
}

fn unauthorized() -> Vec<Vector> {
    vec![
        Vector::new(
            "unauthorized-parks-for-5-minutes-doubling-to-an-hour",
            "5.6: parked, the watch shows Unauthorized and tries again after 5, 10, 20, 40 and 60 minutes.",
            "
    0s head 1 401
    300s tick
    300s head 2 401
    900s tick
    900s head 3 401
    2100s tick
    2100s head 4 401
    4500s tick
    4500s head 5 401
    8100s tick
    8100s head 6 sse
    8100s hello 6 L6 30s
    8101s end 6
    8101s head 7 401
    8401s tick
    ",
        )
        .parks(),
        Vector::new(
            "unauthorized-a-heartbeat-parks-too",
            "5.6: a heartbeat that is answered 401 parks the watch, where it is so configured.",
            format!("{OPEN}30s tick\n30s answer 1 401\n330s tick"),
        )
        .parks(),
        Vector::new(
            "unauthorized-a-new-token-is-tried-at-once",
            "5.6: parked, a new token is tried at once, and begins the 5 minutes anew.",
            "0s head 1 401\n300s tick\n300s head 2 401\n400s token canary-2\n400s head 3 401\n700s tick",
        )
        .parks(),
        Vector::new(
            "unauthorized-a-401-to-an-older-token-says-nothing",
            "5.6: a 401 to a connect with an older token: it is tried again at once with the new one. To a heartbeat: that heartbeat has failed.",
            "
    0s token canary-2
    0s head 1 401
    0s head 2 sse
    0s hello 2 L2 30s
    30s tick
    30s token canary-3
    30s answer 1 401
    60s data 2 : alive\\n
    60s tick
    60s answer 2 204
    ",
        ),
        Vector::new(
            "every-guard-a-night",
            "Section 5, all of it at once: a server that restarts, flaps, asks for patience and refuses, and a device that moves.",
            "
    0s head 1 sse
    0s data 1 retry: 20000\\n
    0s hello 1 L1 30s
    30s tick
    30s answer 1 204
    45s data 1 : alive\\n
    60s tick
    60s answer 2 204
    61s end 1
    81s tick
    81s fail 2 connect
    110s tick
    110s head 3 503 retry-after=60
    200s tick
    200s head 4 sse
    200s hello 4 L4 30s
    200s end 4
    220s tick
    220s head 5 sse
    220s hello 5 L5 30s
    220s end 5
    250s tick
    250s head 6 sse
    250s hello 6 L6 30s
    260s network
    260s head 7 sse
    260s hello 7 L7 30s
    270s wake 7 s-1
    280s again done
    280s head 8 401
    300s token canary-2
    300s head 9 sse
    300s hello 9 L9 30s
    330s tick
    330s answer 3 410
    360s tick
    360s stop
    ",
        )
        .parks()
        .every_guard(0x5eed),
    ]
}
