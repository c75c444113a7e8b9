//! What comes over the wire, cut and torn and wrong: section 2.2, and the limits of section 7.

use super::{OPEN, Vector};

/// Watches that each get one event of this name, with each of these data, a minute apart.
fn events(name: &str, before_hello: bool, data: &[String]) -> String {
    let mut script = String::new();
    for (attempt, data) in (1..).zip(data) {
        let now = (attempt - 1) * 60;
        script.push_str(&format!("{now}s tick\n{now}s head {attempt} sse\n"));
        if !before_hello {
            script.push_str(&format!("{now}s hello {attempt} L{attempt} 30s\n"));
        }
        script.push_str(&format!("{now}s data {attempt} event: {name}\\ndata: {data}\\n\\n\n"));
    }
    script
}

fn hello_data(lease: &str, wait: &str, interval: &str) -> String {
    format!(
        r#"{{"watchLeaseId":{lease},"deviceWaitForViewerMs":{wait},"heartbeatIntervalMs":{interval}}}"#
    )
}

fn wake_data(url: &str, rest: &str) -> String {
    format!(r#"{{"url":"{url}"{rest}}}"#)
}

/// `bytes` of an attempt, one by one.
fn byte_by_byte(attempt: u64, now: u64, text: &str) -> String {
    let byte = |symbol: char| match symbol {
        '\n' => format!("{now}s data {attempt} \\n\n"),
        // A line of a script has no spaces at its ends: what stands for one is an id that means nothing.
        symbol => format!("{now}s data {attempt} {symbol}\n"),
    };
    text.chars().map(byte).collect()
}

pub(super) fn all() -> Vec<Vector> {
    [wrong(), right()].concat()
}

fn wrong() -> Vec<Vector> {
    let token = r#","token":"canary-wake""#;
    let good = "wss://go.example/1";
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(16), "]".repeat(16));
    let hellos = [
        "no JSON".to_owned(),
        deep.clone(),
        hello_data("null", "1", "1"),
        hello_data("\"L\"", "null", "1"),
        r#"{"watchLeaseId":"L","deviceWaitForViewerMs":1}"#.to_owned(),
        hello_data("7", "1", "1"),
        hello_data("\"L\"", "\"1\"", "1"),
        hello_data("\"L\"", "1", "-1"),
        hello_data("\"\"", "1", "1"),
        r#"{"watchLeaseId":"L","watchLeaseId":"L","deviceWaitForViewerMs":1,"heartbeatIntervalMs":1}"#.to_owned(),
    ];
    let wakes = [
        "no JSON".to_owned(),
        deep,
        "{}".to_owned(),
        wake_data(good, ""),
        r#"{"url":7}"#.to_owned(),
        wake_data(good, r#","token":7"#),
        wake_data(good, &format!(r#"{token},"remoteAccessSessionId":7"#)),
        wake_data(good, &format!(r#"{token},"remoteAccessSessionId":"""#)),
    ];
    let urls = ["/1", "ftp://go.example/1", "wss:go", "wss://canary@go.example/1"]
        .map(|url| wake_data(url, token));
    let plain = [
        "ws://go.example/1",
        "http://go.example/1",
        "ftp://go.example/1",
        "ws:go",
        "ws://u@go.example",
    ]
    .map(|url| wake_data(url, token));
    let long = wake_data(&format!("wss://{}", "x".repeat(8200)), token);
    let longer = wake_data(good, &format!(r#","token":"{}""#, "x".repeat(65_537)));
    vec![
        Vector::new(
            "hello-malformed",
            "2.2: each way in which a hello may not say what it must: a connect, anything else.",
            events("hello", true, &hellos),
        ),
        Vector::new(
            "wake-malformed",
            "2.2: each way in which a wake may not say what it must: a stream error.",
            events("wake", false, &wakes),
        ),
        Vector::new(
            "wake-url-is-not-one-to-go-to",
            "7: a wake's url that is relative, of another scheme, without a host, or with user info: a stream error.",
            events("wake", false, &urls),
        ),
        Vector::new(
            "wake-url-may-be-plain-where-the-base-is",
            "7: where the base is http a wake may lead to ws and http, and still nowhere else.",
            {
                let script = events("wake", false, &plain);
                // After a wake the application has to sleep again.
                script.replace("60s tick", "60s again done\n60s tick").replace("120s tick", "120s again done\n120s tick")
            },
        )
        .base("http://192.0.2.1:8080/api"),
        Vector::new(
            "wake-url-too-long",
            "7: a wake's url of more than 8 KiB: a stream error.",
            events("wake", false, &[long]),
        ),
        Vector::new(
            "wake-token-too-long",
            "7: a wake's token of more than 64 KiB: a stream error.",
            events("wake", false, &[longer]),
        )
        .limits(128 * 1024, 256 * 1024),
        Vector::new(
            "limit-of-a-line",
            "7: a line of more than the limit, before hello and after it, with the first byte that is too many.",
            format!(
                "0s head 1 sse\n0s data 1 data: {0}\n0s data 1 x\n1s tick\n1s head 2 sse\n1s hello 2 L2 30s\n2s data 2 data: {0}\n2s data 2 x\n",
                "x".repeat(1018)
            ) + "2.5s end 2",
        )
        .limits(1024, 1024),
        Vector::new(
            "limit-of-an-events-data",
            "7: data of more than the limit, before hello and after it.",
            format!(
                "0s head 1 sse\n0s data 1 data: {0}\\ndata: {0}\\n\n1s tick\n1s head 2 sse\n1s hello 2 L2 30s\n2s data 2 data: {0}\\n\n2s data 2 data: {0}\\n",
                "x".repeat(600)
            ),
        )
        .limits(1024, 1024),
        Vector::new(
            "limits-do-not-hold-for-what-is-not-stored",
            "7: comments and unknown events are never stored, whatever their length.",
            format!("{OPEN}1s data 1 : {0}\\n\n2s data 1 event: other\\ndata: {0}\\n\\n\n3s data 1 unknown: {0}\\n", "x".repeat(1500)),
        )
        .limits(1024, 1024),
    ]
}

fn right() -> Vec<Vector> {
    vec![
        Vector::new(
            "hello-numbers-are-clamped",
            "2.2: an interval of 0 is taken for 1 s and one of 2^64 - 1 for 24 h, a wait of 0 for 5 s and of 2^64 - 1 for 24 h.",
            format!(
                "0s head 1 sse\n0s data 1 event: hello\\ndata: {}\\n\\n\n1s end 1\n1s head 2 sse\n1s data 2 event: hello\\ndata: {}\\n\\n",
                hello_data("\"L1\"", "0", "0"),
                hello_data("\"L2\"", "18446744073709551615", "18446744073709551615"),
            ),
        ),
        Vector::new(
            "hello-lease-id-is-sent-as-it-is",
            "2.1 and 2.3: a lease id goes into a query percent-encoded, and into a heartbeat's JSON escaped.",
            format!(
                "0s head 1 sse\n0s data 1 event: hello\\ndata: {}\\n\\n\n30s tick\n30s answer 1 204\n31s end 1",
                hello_data(r#""l/1&\"\\=%""#, "30000", "30000").replace("\\\\", "\\u005c"),
            ),
        ),
        Vector::new(
            "hello-a-second-one-is-ignored-and-reported",
            "2.2: a second hello on the same stream is an oddity and changes nothing.",
            format!("{OPEN}1s hello 1 L9 5s\n30s tick"),
        ),
        Vector::new(
            "events-before-hello-are-ignored",
            "2.2: a wake before hello means nothing, nor do comments and other events.",
            format!("0s head 1 sse\n0s wake 1\n0s data 1 : alive\\nevent: other\\ndata: x\\n\\n\n{}", "0s hello 1 L1 30s"),
        ),
        Vector::new(
            "events-that-mean-nothing-are-signs-of-life",
            "2.2 and 3: any complete line begins the read deadline anew, also one of an unknown event; one that trickles in does not.",
            format!("{OPEN}30s data 1 event: other\\n\n30s tick\n30s answer 1 204\n60s data 1 data: x\\n\\n\n60s tick\n60s answer 2 204\n90s data 1 : trickles\n90s tick\n90s answer 3 204\n120s tick\n120s answer 4 204\n135s tick"),
        ),
        Vector::new(
            "wake-session-is-kept-from-the-first-one-on",
            "2.1: the first session id ever received is sent with every connect; a later and different one is reported.",
            format!("{OPEN}1s wake 1 s-1\n2s again done\n2s head 2 sse\n2s hello 2 L2 30s\n3s wake 2 s-2\n4s again done\n4s head 3 sse\n4s hello 3 L3 30s\n5s wake 3\n6s again done"),
        ),
        Vector::new(
            "wake-ends-the-watch-and-the-rest-is-not-read",
            "2.2: what follows a wake, in the same chunk and in a later one, changes nothing.",
            format!(
                "{OPEN}1s data 1 event: wake\\ndata: {}\\n\\nretry: 60000\\nevent: wake\\ndata: {{}}\\n\\n\n1s data 1 event: wake\\ndata: {{}}\\n\\n\n1s end 1",
                wake_data("wss://go.example/1", r#","token":"canary-wake""#)
            ),
        ),
        Vector::new(
            "stream-cut-between-any-two-bytes",
            "6.10: a hello and a wake, a byte at a time, with a CR, a CRLF and a byte order mark: what they say does not change.",
            format!(
                "0s head 1 sse\n0s data 1 \\xEF\n0s data 1 \\xBB\n0s data 1 \\xBF\n{}{}",
                byte_by_byte(1, 0, "event:hello\ndata:{\"watchLeaseId\":\"L1\",\"deviceWaitForViewerMs\":30000,\"heartbeatIntervalMs\":30000}\n\n"),
                byte_by_byte(1, 1, "event:wake\ndata:{\"url\":\"wss://go.example/1\",\"token\":\"canary-wake\"}\n\n"),
            )
            .replacen("0s data 1 \\n", "0s data 1 \\r", 1)
            .replacen("1s data 1 \\n", "1s data 1 \\r\n1s data 1 \\n", 1),
        ),
        Vector::new(
            "stream-data-of-several-lines-is-one-object",
            "2.2: data of several lines, and the name of the event behind it.",
            format!("0s head 1 sse\n0s data 1 data: {{\"watchLeaseId\":\"L1\",\\ndata: \"deviceWaitForViewerMs\":30000,\\ndata:\\ndata:\"heartbeatIntervalMs\":30000}}\\nevent: hello\\n\\n\n{}",
                "1s data 1 event: wake\\ndata: {\\ndata: \"url\": \"wss://go.example/1\",\\ndata: \"token\": \"canary-wake\"\\ndata: }\\n\n1s data 1 \\n"),
        ),
        Vector::new(
            "stream-that-is-not-utf-8-is-mended",
            "2.2: what is not UTF-8 is taken for U+FFFD, in a comment, in a name, and in a wake's token, which is longer for it.",
            format!("{OPEN}1s data 1 : \\xFF\\n\n2s data 1 event: \\xFF\\ndata: \\xE2\\x82\\n\\n\n3s data 1 event: wake\\ndata: {}\\n\\n",
                wake_data("wss://go.example/1", r#","token":"canary-\xFF-\xE2\x82""#)),
        ),
        Vector::new(
            "stream-cut-off-in-a-wake-does-not-act",
            "2.2: a wake that lacks its blank line when the stream ends never was one.",
            format!("{OPEN}30s data 1 event: wake\\ndata: {}\\n\n30s end 1", wake_data("wss://go.example/1", r#","token":"canary-wake""#)),
        ),
    ]
}
