//! What goes into the stream: a writer of a few kinds of frame, each ending with a blank line.
//!
//! JSON has no raw line break, so a field's value never has one either. A wake's frame holds its token: it is
//! for the stream and for nothing else.

use core::fmt::Write as _;
use core::time::Duration;

use serde::Serialize;

use crate::lease::LeaseId;

/// The longest line that a client reads (protocol.md, section 7).
pub const MAX_LINE: usize = 64 * 1024;

/// A comment: all that an idle stream carries, and the server's sign of life.
pub const COMMENT: &str = ":\n\n";

/// The reconnect window alone.
pub fn retry(window: Duration) -> String {
    format!("retry: {}\n\n", window.as_millis())
}

/// The first event of a watch, with the reconnect window.
pub fn hello(
    window: Duration,
    lease: &LeaseId,
    wait_for_viewer: Duration,
    heartbeat: Duration,
) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Hello<'a> {
        watch_lease_id: &'a str,
        device_wait_for_viewer_ms: u128,
        heartbeat_interval_ms: u128,
    }
    let hello = Hello {
        watch_lease_id: lease.expose(),
        device_wait_for_viewer_ms: wait_for_viewer.as_millis(),
        heartbeat_interval_ms: heartbeat.as_millis(),
    };
    let mut frame = format!("retry: {}\nevent: hello\n", window.as_millis());
    data(&mut frame, &json(&hello));
    frame.push('\n');
    frame
}

/// The one wake of a watch. Its members stand on one line where they fit, otherwise on a line each.
pub fn wake(url: &str, token: &str, session: Option<&str>) -> String {
    let mut members = vec![("url", url), ("token", token)];
    members.extend(session.map(|session| ("remoteAccessSessionId", session)));
    let members: Vec<String> =
        members.iter().map(|(name, text)| format!("\"{name}\":{}", json(text))).collect();

    let mut frame = String::from("event: wake\n");
    let line = members.join(",");
    if line.len() <= MAX_LINE - "data: {}".len() {
        data(&mut frame, &format!("{{{line}}}"));
    } else {
        data(&mut frame, "{");
        data(&mut frame, &members.join(",\n"));
        data(&mut frame, "}");
    }
    frame.push('\n');
    frame
}

/// Writes one `data` field for each line.
fn data(frame: &mut String, text: &str) {
    for line in text.split('\n') {
        let _ = writeln!(frame, "data: {line}");
    }
}

fn json(value: &impl Serialize) -> String {
    // Texts and numbers cannot fail; a bug here shows as a malformed event, not as a dead server.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]
mod tests {
    use super::*;

    #[test]
    fn hello_is_written_out() {
        let lease = LeaseId::new("a\"b\\").unwrap();
        let frame = hello(
            Duration::from_millis(1500),
            &lease,
            Duration::from_secs(60),
            Duration::from_secs(30),
        );
        assert_eq!(
            frame,
            "retry: 1500\nevent: hello\n\
             data: {\"watchLeaseId\":\"a\\\"b\\\\\",\"deviceWaitForViewerMs\":60000,\
             \"heartbeatIntervalMs\":30000}\n\n"
        );
    }

    #[test]
    fn a_wake_is_one_line_where_it_fits_and_one_for_each_member_where_not() {
        let url = "wss://a.example/";
        assert_eq!(
            wake(url, "t\n\r\u{2028}", None),
            "event: wake\ndata: {\"url\":\"wss://a.example/\",\"token\":\"t\\n\\r\u{2028}\"}\n\n"
        );
        let short = wake(url, "t", Some("s-1"));
        assert!(short.contains(",\"remoteAccessSessionId\":\"s-1\"}\n\n"));

        for length in MAX_LINE - 120..MAX_LINE - 17 {
            let token = "x".repeat(length);
            let frame = wake(url, &token, Some("s-1"));
            assert!(frame.lines().all(|line| line.len() <= MAX_LINE), "{length}");
            let lines: Vec<&str> =
                frame.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            let value: serde_json::Value = serde_json::from_str(&lines.join("\n")).unwrap();
            assert_eq!(value["token"], token.as_str());
            assert_eq!(value["remoteAccessSessionId"], "s-1");
        }
    }
}
