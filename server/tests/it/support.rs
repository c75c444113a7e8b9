//! What the tests share: a configuration, requests, a reader of bodies, and an HTTP client so small
//! that its every byte can be seen.

use core::future::poll_fn;
use core::pin::Pin;
use core::time::Duration;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use dormouse_server::{Config, ConfigBuilder, Directory, Server};
use http_body::Body as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower::ServiceExt as _;

pub(crate) const WATCH: &str = "/v1/watch?protocolVersion=2.2.0";
pub(crate) const BEAT: &str = "/v1/watch/heartbeat";
pub(crate) const WAKE: &str = r#"{"url":"wss://relay.example/x","token":"wake-token"}"#;

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Devices `a` (with two tokens) and `b`, and an operator.
pub(crate) fn config() -> ConfigBuilder {
    let directory = Directory::new()
        .device("a", "token-a")
        .and_then(|directory| directory.device("a", "token-a2"))
        .and_then(|directory| directory.device("b", "token-b"))
        .and_then(|directory| directory.operator("token-op"));
    Config::builder(directory.unwrap())
}

/// A path for a state file, where nothing is yet.
pub(crate) fn state_file(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("dormouse-it-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

pub(crate) fn server(config: ConfigBuilder) -> Server {
    Server::new(config.build().unwrap()).unwrap()
}

/// A body that is read frame by frame.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    body: Body,
}

impl Answered {
    /// The next frame; `None` at a clean end.
    pub(crate) async fn frame(&mut self) -> Option<String> {
        let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await?;
        let data = frame.unwrap().into_data().unwrap();
        Some(String::from_utf8(data.to_vec()).unwrap())
    }

    pub(crate) async fn json(mut self) -> Value {
        let mut text = String::new();
        while let Some(frame) = self.frame().await {
            text.push_str(&frame);
        }
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The seconds of `Retry-After`.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.header(header::RETRY_AFTER).map(|seconds| seconds.parse().unwrap())
    }
}

pub(crate) async fn ask(app: &Router, request: Request<Body>) -> Answered {
    let response: Response<Body> = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answered { status: parts.status, headers: parts.headers, body }
}

pub(crate) async fn get(app: &Router, token: &str, path: &str) -> Answered {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    ask(app, request.body(Body::empty()).unwrap()).await
}

pub(crate) async fn post(app: &Router, token: &str, path: &str, body: &str) -> Answered {
    let request = Request::builder().method(Method::POST).uri(path);
    let request = request.header("authorization", format!("Bearer {token}"));
    ask(app, request.body(Body::from(body.to_owned())).unwrap()).await
}

pub(crate) async fn beat(app: &Router, token: &str, lease: &str) -> StatusCode {
    post(app, token, BEAT, &format!("{{\"watchLeaseId\":\"{lease}\"}}")).await.status
}

/// Opens a watch and reads its hello: the lease.
pub(crate) async fn watch(app: &Router, token: &str, previous: Option<&str>) -> (Answered, String) {
    let mut answered = get(app, token, &watch_path(previous)).await;
    assert_eq!(answered.status, StatusCode::OK);
    let lease = lease_in(&answered.frame().await.unwrap());
    (answered, lease)
}

pub(crate) fn watch_path(previous: Option<&str>) -> String {
    let previous = previous.map(|id| format!("&previousWatchLeaseId={id}"));
    format!("{WATCH}{}", previous.unwrap_or_default())
}

/// The lease that a hello grants.
pub(crate) fn lease_in(hello: &str) -> String {
    assert!(hello.starts_with("retry: "), "{hello}");
    assert!(hello.contains("\nevent: hello\n"), "{hello}");
    let data = hello.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    data["watchLeaseId"].as_str().unwrap().to_owned()
}

/// How a body ended on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With the chunk of length zero.
    Clean,
    /// In the middle.
    Cut,
}

/// One connection, and what was read of its chunked body.
pub(crate) struct Wire {
    socket: TcpStream,
    raw: Vec<u8>,
    pub(crate) head: String,
    pub(crate) text: String,
    end: Option<End>,
}

impl Wire {
    /// Sends a request and reads the answer's head.
    pub(crate) async fn send(to: SocketAddr, token: &str, line: &str, body: &str) -> Wire {
        let socket = TcpStream::connect(to).await.unwrap();
        let mut wire =
            Wire { socket, raw: Vec::new(), head: String::new(), text: String::new(), end: None };
        let length = body.len();
        let request = format!(
            "{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        wire.socket.write_all(request.as_bytes()).await.unwrap();
        wire.head = wire.raw_until(b"\r\n\r\n").await.expect("no head");
        wire
    }

    pub(crate) async fn watch(to: SocketAddr, token: &str, previous: Option<&str>) -> Wire {
        Wire::send(to, token, &format!("GET {}", watch_path(previous)), "").await
    }

    pub(crate) async fn beat(to: SocketAddr, token: &str, lease: &str) -> u16 {
        let body = format!("{{\"watchLeaseId\":\"{lease}\"}}");
        Wire::send(to, token, &format!("POST {BEAT}"), &body).await.status()
    }

    pub(crate) async fn wake(to: SocketAddr, device: &str) -> u16 {
        let line = format!("POST /v1/devices/{device}/wake");
        Wire::send(to, "token-op", &line, WAKE).await.status()
    }

    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Reads the body until it contains this, and takes everything up to there.
    pub(crate) async fn until(&mut self, needle: &str) -> String {
        loop {
            if let Some(at) = self.text.find(needle) {
                let rest = self.text.split_off(at + needle.len());
                return core::mem::replace(&mut self.text, rest);
            }
            assert!(self.chunk().await, "ended before {needle:?}: {:?}", self.text);
        }
    }

    /// Reads the body to its end.
    pub(crate) async fn rest(&mut self) -> (String, End) {
        while self.chunk().await {}
        (core::mem::take(&mut self.text), self.end.unwrap())
    }

    pub(crate) async fn hello(&mut self) -> String {
        assert_eq!(self.status(), 200, "{}", self.head);
        lease_in(&self.until("}\n\n").await)
    }

    async fn chunk(&mut self) -> bool {
        if self.end.is_some() {
            return false;
        }
        self.end = match self.read_chunk().await {
            Some(text) if text.is_empty() => Some(End::Clean),
            Some(text) => {
                self.text.push_str(&text);
                None
            }
            None => Some(End::Cut),
        };
        self.end.is_none()
    }

    async fn read_chunk(&mut self) -> Option<String> {
        let size = self.raw_until(b"\r\n").await?;
        let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
        let text = self.raw_exactly(size).await?;
        self.raw_exactly(2).await?;
        Some(text)
    }

    async fn raw_until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            if let Some(at) = self.raw.windows(end.len()).position(|window| window == end) {
                return self.raw_exactly(at + end.len()).await;
            }
            self.more().await?;
        }
    }

    async fn raw_exactly(&mut self, length: usize) -> Option<String> {
        while self.raw.len() < length {
            self.more().await?;
        }
        let rest = self.raw.split_off(length);
        Some(String::from_utf8(core::mem::replace(&mut self.raw, rest)).unwrap())
    }

    async fn more(&mut self) -> Option<()> {
        let read = tokio::time::timeout(secs(10), self.socket.read_buf(&mut self.raw)).await;
        // A connection that is cut may be reset.
        (read.expect("nothing came for 10 s").unwrap_or(0) > 0).then_some(())
    }
}

/// Waits until it is true, for 10 s at most.
pub(crate) async fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + secs(10);
    while !is_true() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
