//! What happens to a watch, a line for each: the left side of the scripts in `core/tests/watch`, and the whole of
//! those that the vectors are made of.
//!
//! The time counts from the beginning. A line that begins with `=>` goes on with what is expected of the line above
//! it; `#` begins a remark.
//!
//! | | the input |
//! | --- | --- |
//! | `start` | none: what a new watch says |
//! | `tick` | `Tick` |
//! | `head 1 sse`, `head 1 503 retry-after=7` | `Head`, with `name=value` headers between `|` |
//! | `data 1 : hi\n` | `Data`; `\n` and `\r` are line ends, `\xFF` is a byte |
//! | `hello 1 L1 30s`, `wake 1`, `wake 1 s-1` | `Data` with the whole event |
//! | `end 1`, `fail 1`, `fail 1 tls` | `End`, `Failed` (`Broken`, unless it is named) |
//! | `answer 1 204`, `lost 1`, `lost 1 tls` | `HeartbeatAnswer`, `HeartbeatFailed` |
//! | `cancel`, `stop` | `HeartbeatsCancelled`, `Stop` |
//! | `again done`, `again failed` | `SleepAgain` |
//! | `network`, `resumed`, `offline`, `online`, `token NEW` | the hints, and a new token |

use std::time::Duration;

use dormouse_core::{
    Attempt, Beat, HandOver, Head, Hint, InputBuf, Timestamp, Token, TransportFault,
};

/// What the token of every wake is: no `Debug` may ever show it.
pub const WAKE_TOKEN: &str = "canary-wake";

/// One line of a script.
#[derive(Clone, Debug)]
pub struct Step {
    /// When it happens.
    pub at: Timestamp,
    /// What happens.
    pub input: String,
    /// What is expected after it, as it stands between the semicolons.
    pub expected: Vec<String>,
}

/// Reads the parts of a script, one after the other.
///
/// # Panics
///
/// If one is none.
#[must_use]
pub fn steps(parts: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in parts.iter().flat_map(|part| part.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (left, right) = line.split_once("=>").unwrap_or((line, ""));
        let actions = right.split_terminator(';').map(|action| action.trim().to_owned());
        if left.is_empty() {
            steps.last_mut().expect("a step to go on with").expected.extend(actions);
            continue;
        }
        let (time, input) = left.split_once(' ').expect("a step has a time and an input");
        steps.push(Step {
            at: Timestamp::ORIGIN.after(duration(time)),
            input: input.trim().to_owned(),
            expected: actions.collect(),
        });
    }
    steps
}

/// Seconds, perhaps with a part of one: `30s`, `1.5s`.
///
/// # Panics
///
/// If it is something else.
#[must_use]
pub fn duration(text: &str) -> Duration {
    let (whole, rest) = text.trim_end_matches('s').split_once('.').unwrap_or((text, "0"));
    let whole: u64 = whole.trim_end_matches('s').parse().expect("seconds");
    let millis: u64 = format!("{rest:0<3}").parse().expect("up to three digits");
    Duration::from_millis(whole * 1000 + millis)
}

/// Reads an input, which `start` is not.
///
/// # Panics
///
/// If it is none.
#[must_use]
pub fn input(text: &str) -> InputBuf {
    let (what, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let attempt = || Attempt(number.parse().expect("an attempt"));
    let beat = || Beat(number.parse().expect("a heartbeat"));
    let data = |bytes: Vec<u8>| InputBuf::Data { attempt: attempt(), bytes: bytes.into() };
    match what {
        "tick" => InputBuf::Tick,
        "head" => InputBuf::Head { attempt: attempt(), head: head(rest) },
        "data" => data(unescaped(rest)),
        "hello" => {
            let (lease, interval) = rest.split_once(' ').expect("a lease and an interval");
            let millis = duration(interval).as_millis();
            data(hello(lease, u64::try_from(millis).expect("an interval")))
        }
        "wake" => data(wake(Some(rest).filter(|session| !session.is_empty()))),
        "end" => InputBuf::End { attempt: attempt() },
        "fail" => InputBuf::Failed { attempt: attempt(), fault: fault(rest) },
        "answer" => {
            InputBuf::HeartbeatAnswer { beat: beat(), status: rest.parse().expect("a status") }
        }
        "lost" => InputBuf::HeartbeatFailed { beat: beat(), fault: fault(rest) },
        "cancel" => InputBuf::HeartbeatsCancelled,
        "stop" => InputBuf::Stop,
        "again" => InputBuf::SleepAgain(match number {
            "done" => HandOver::Done,
            "failed" => HandOver::Failed,
            other => panic!("again {other}?"),
        }),
        "network" => InputBuf::Hint(Hint::NetworkChanged),
        "resumed" => InputBuf::Hint(Hint::Resumed),
        "offline" => InputBuf::Offline(true),
        "online" => InputBuf::Offline(false),
        "token" => InputBuf::NewToken(Token::new(number).expect("a token")),
        other => panic!("{other}?"),
    }
}

/// The bytes that are written so. Other backslashes stand for themselves.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (escaped, rest) = match part.as_bytes() {
            [b'n', rest @ ..] => (b'\n', rest),
            [b'r', rest @ ..] => (b'\r', rest),
            [b'x', rest @ ..] => {
                let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                (byte.expect("two digits"), &rest[2..])
            }
            rest => (b'\\', rest),
        };
        bytes.push(escaped);
        bytes.extend(rest);
    }
    bytes
}

/// A `hello` as it comes over the wire.
#[must_use]
pub fn hello(lease: &str, interval_ms: u64) -> Vec<u8> {
    let data = serde_json::json!({
        "watchLeaseId": lease, "deviceWaitForViewerMs": 30_000, "heartbeatIntervalMs": interval_ms,
    });
    format!("event: hello\ndata: {data}\n\n").into_bytes()
}

/// A wake as it comes over the wire.
#[must_use]
pub fn wake(session: Option<&str>) -> Vec<u8> {
    let data = serde_json::json!({
        "url": "wss://go.example/1", "token": WAKE_TOKEN, "remoteAccessSessionId": session,
    });
    format!("event: wake\ndata: {data}\n\n").into_bytes()
}

/// The head of an event stream.
#[must_use]
pub fn sse_head() -> Head {
    Head::read(200, [("content-type", b"text/event-stream".as_slice())])
}

fn head(text: &str) -> Head {
    let (status, headers) = text.split_once(' ').unwrap_or((text, ""));
    if status == "sse" {
        return sse_head();
    }
    let headers = headers
        .split_terminator('|')
        .map(|header| header.trim().split_once('=').expect("name=value"))
        .map(|(name, value)| (name, value.as_bytes()));
    Head::read(status.parse().expect("a status"), headers)
}

fn fault(name: &str) -> TransportFault {
    match name {
        "" | "broken" => TransportFault::Broken,
        "resolve" => TransportFault::Resolve,
        "connect" => TransportFault::Connect,
        "tls" => TransportFault::Tls,
        "http" => TransportFault::Http,
        "other" => TransportFault::Other,
        other => panic!("{other}?"),
    }
}
