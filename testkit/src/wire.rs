//! Bytes that most scripts are made of.

use crate::{Script, Step};

/// The head of an event stream, without a length: it ends when the connection is closed.
pub const STREAM: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// The head of an event stream in chunks, whose proper end [`LAST_CHUNK`] is.
pub const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// The end of a chunked body.
pub const LAST_CHUNK: &str = "0\r\n\r\n";

/// One chunk of a chunked body.
#[must_use]
pub fn chunk(bytes: &str) -> String {
    format!("{:x}\r\n{bytes}\r\n", bytes.len())
}

/// An answer with a length, and the connection kept open for the next request.
#[must_use]
pub fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// A script that answers with a status and nothing else.
#[must_use]
pub fn status(status: &str) -> Script {
    vec![Step::send(answer(status, &[], ""))]
}

/// A `hello` with this lease and heartbeat interval in milliseconds.
#[must_use]
pub fn hello(lease: &str, interval: u64) -> String {
    format!(
        "event: hello\ndata: {{\"watchLeaseId\":\"{lease}\",\"deviceWaitForViewerMs\":30000,\
         \"heartbeatIntervalMs\":{interval}}}\n\n"
    )
}

/// A `wake` that leads there.
#[must_use]
pub fn wake(url: &str, token: &str) -> String {
    format!("event: wake\ndata: {{\"url\":\"{url}\",\"token\":\"{token}\"}}\n\n")
}
