//! What programs and people read: every stable code, and every sentence. Metrics, bindings and recordings rely on
//! the codes; a change here is a change of the contract.

#![allow(clippy::expect_used, reason = "a test may")]

use std::time::Duration;

use dormouse_core::sse::LimitExceeded;
use dormouse_core::{
    Action, Attempt, Beat, Cause, Config, ConfigError, ConnectFault, Delay, End, Field, Guards,
    HandOver, Head, HeartbeatFault, HeartbeatLoss, Hint, IdError, Input, LeaseId, Oddity,
    OnUnauthorized, Outcome, SessionId, Setting, Status, StopReason, StreamFault, Then, Timestamp,
    Token, TransportFault, UrlFault, Watch, WireFault,
};

/// A code and the words beside it.
macro_rules! said {
    ($($what:expr => $code:literal, $words:literal;)+) => {
        $(assert_eq!(($what.code(), $what.to_string().as_str()), ($code, $words));)+
    };
}

macro_rules! words {
    ($($what:expr => $words:literal;)+) => {
        $(assert_eq!($what.to_string(), $words);)+
    };
}

#[test]
fn of_transports() {
    said! {
        TransportFault::Resolve => 101, "the name could not be looked up";
        TransportFault::Connect => 102, "no connection to the server";
        TransportFault::Tls => 103, "TLS failed; check the certificate, its names and the device's trusted roots";
        TransportFault::Broken => 104, "the connection broke";
        TransportFault::Http => 105, "the answer is not proper HTTP";
        TransportFault::Other => 199, "the transport failed";
    }
}

#[test]
fn of_connects() {
    said! {
        ConnectFault::Unauthorized => 201, "the server refuses the token (401)";
        ConnectFault::Conflict => 202, "another client holds the lease (409); an earlier run of this device does so until its lease is over";
        ConnectFault::NotEventStream => 203, "the answer is no event stream: a maintenance page, a captive portal or a wrong address";
        ConnectFault::Status(299) => 204, "the server answered 299";
        ConnectFault::Status(300) => 204, "the server answered 300; redirects are not followed, check the base URL";
        ConnectFault::Status(399) => 204, "the server answered 399; redirects are not followed, check the base URL";
        ConnectFault::Status(400) => 204, "the server answered 400";
        ConnectFault::Compressed => 205, "the stream is compressed though identity was asked for; exempt it from compression on the way";
        ConnectFault::Transport(TransportFault::Connect) => 206, "no connection to the server";
        ConnectFault::Ended => 207, "the stream ended before hello";
        ConnectFault::HelloTimeout { opened: false } => 208, "no answer within 30 s";
        ConnectFault::HelloTimeout { opened: true } => 208, "the stream opened but no hello came within 30 s; if a proxy stands between, switch its response buffering off";
        ConnectFault::Hello(WireFault::Depth) => 209, "malformed hello: its JSON is nested deeper than 16 levels";
        ConnectFault::Limit(LimitExceeded::Line) => 210, "line limit exceeded: a line of the event stream is too long";
    }
}

#[test]
fn of_watches() {
    said! {
        Outcome::Wake => 301, "woken";
        Outcome::ReadTimeout => 302, "nothing was heard from the server for 2.5 heartbeat intervals";
        Outcome::Hint(Hint::NetworkChanged) => 303, "the network changed";
        Outcome::Hint(Hint::Resumed) => 303, "the device was suspended";
        Outcome::Ended => 304, "the server ended the stream";
        Outcome::Stream(StreamFault::Limit(LimitExceeded::Data)) => 305, "data limit exceeded: the data of an event is too long";
        Outcome::HeartbeatLost(HeartbeatLoss::Gone) => 306, "the server no longer knows the lease (heartbeat answered 410)";
        StreamFault::Transport(TransportFault::Broken) => 311, "the connection broke";
        StreamFault::Wake(WireFault::Url(UrlFault::Host)) => 312, "malformed wake: its url names no host, or no port that there is";
        StreamFault::Limit(LimitExceeded::Line) => 313, "line limit exceeded: a line of the event stream is too long";
        HeartbeatLoss::Taken => 321, "another client took the lease (heartbeat answered 409)";
        HeartbeatLoss::Gone => 322, "the server no longer knows the lease (heartbeat answered 410)";
        HeartbeatLoss::Unauthorized => 323, "the server refuses the token (heartbeat answered 401)";
        HeartbeatLoss::Failed => 324, "no heartbeat succeeded for three intervals";
        HeartbeatLoss::Cancelled => 325, "heartbeats were cancelled";
        End::Connect(ConnectFault::Ended) => 207, "the stream ended before hello";
        End::Watch(Outcome::Ended) => 304, "the server ended the stream";
    }
}

#[test]
fn of_heartbeats() {
    said! {
        HeartbeatFault::Status(500) => 401, "the server answered 500";
        HeartbeatFault::Transport(TransportFault::Tls) => 402, "TLS failed; check the certificate, its names and the device's trusted roots";
        HeartbeatFault::Timeout => 403, "no answer in time";
    }
}

#[test]
fn of_messages() {
    said! {
        WireFault::Json => 501, "its data is not one JSON object with distinct keys";
        WireFault::Depth => 502, "its JSON is nested deeper than 16 levels";
        WireFault::Missing(Field::WatchLeaseId) => 503, "watchLeaseId is missing";
        WireFault::Type(Field::DeviceWaitForViewerMs) => 504, "deviceWaitForViewerMs is not an unsigned 64-bit number";
        WireFault::Type(Field::HeartbeatIntervalMs) => 504, "heartbeatIntervalMs is not an unsigned 64-bit number";
        WireFault::Type(Field::Url) => 504, "url is not a string";
        WireFault::TooLong(Field::Token) => 505, "token is too long";
        WireFault::Id(Field::RemoteAccessSessionId) => 506, "remoteAccessSessionId is not 1 to 256 bytes of visible ASCII";
        WireFault::Url(UrlFault::Syntax) => 507, "its url is not an absolute URL as RFC 3986 has it";
        WireFault::Url(UrlFault::Scheme) => 507, "its url has a scheme that is not allowed here";
        WireFault::Url(UrlFault::UserInfo) => 507, "its url carries a user name or password";
        WireFault::Url(UrlFault::Query) => 507, "its url carries a query or a fragment";
    }
}

#[test]
fn of_what_a_person_sees() {
    said! {
        Status::Connecting => 1, "connecting";
        Status::Connected => 2, "connected";
        Status::Unauthorized => 3, "unauthorized";
        Status::Stopped(StopReason::Requested) => 10, "stopped: as asked";
        StopReason::Requested => 10, "as asked";
        StopReason::Unauthorized => 11, "the server refuses the token";
        StopReason::Cancelled => 12, "heartbeats were cancelled";
    }
    words! {
        Attempt(7) => "attempt 7";
        Beat(8) => "heartbeat 8";
        Oddity::SecondHello => "a second hello on the same stream was ignored";
        Oddity::OtherSession => "the wake names another remote access session; the first one is kept";
        Then::HandOver => "handing the wake over";
        Then::Stop(StopReason::Cancelled) => "stopping: heartbeats were cancelled";
    }
}

#[test]
fn of_settings() {
    words! {
        ConfigError::Base(UrlFault::Scheme) => "the base URL's scheme is neither http nor https";
        ConfigError::Base(UrlFault::Query) => "the base URL carries a query or a fragment";
        ConfigError::Path { what: Setting::WatchPath } => "the watch path has to begin with a slash and be a plain URL path, without query";
        ConfigError::Path { what: Setting::HeartbeatPath } => "the heartbeat path has to begin with a slash and be a plain URL path, without query";
        ConfigError::AuthScheme => "the authorization scheme is no HTTP token, such as Bearer";
        ConfigError::ProtocolVersion => "the protocol version is empty";
        ConfigError::Limit { limit: 7 } => "a limit of 7 bytes is outside 1024 to 67108864";
        ConfigError::TooLong { what: Setting::Base } => "the base URL is longer than 2048 bytes";
        ConfigError::TooLong { what: Setting::AuthScheme } => "the authorization scheme is longer than 2048 bytes";
        ConfigError::TooLong { what: Setting::ProtocolVersion } => "the protocol version is longer than 2048 bytes";
        IdError => "an id is 1 to 256 bytes of visible ASCII";
        LeaseId::new("l-1").expect("an id") => "l-1";
        SessionId::new("s-1").expect("an id") => "s-1";
    }
    for (token, words) in [
        (String::new(), "the token is empty"),
        ("x".repeat(8193), "the token has 8193 bytes; at most 8192 fit a header line"),
        (
            "a\n".into(),
            "the token has a line break at byte 1; was it read from a file without trimming?",
        ),
        (
            "a b".into(),
            "the token's byte 1 is not visible ASCII; a token has no spaces and no control characters",
        ),
    ] {
        assert_eq!(Token::new(token).expect_err("no token").to_string(), words);
    }
}

/// Codes and names of what is small enough to have no sentence, or one that is told elsewhere.
#[test]
fn of_parts() {
    macro_rules! named {
        ($($what:expr => $code:literal, $name:literal;)+) => {
            $(assert_eq!(($what.code(), $what.name()), ($code, $name));)+
        };
    }
    named! {
        Status::Connecting => 1, "connecting";
        Status::Connected => 2, "connected";
        Status::Unauthorized => 3, "unauthorized";
        Status::Stopped(StopReason::Cancelled) => 12, "stopped";
        StopReason::Requested => 10, "requested";
        StopReason::Unauthorized => 11, "unauthorized";
        StopReason::Cancelled => 12, "cancelled";
        Hint::NetworkChanged => 331, "network_changed";
        Hint::Resumed => 332, "resumed";
        Oddity::SecondHello => 601, "second_hello";
        Oddity::OtherSession => 602, "other_session";
        Then::Connect(Delay::default()) => 611, "connect";
        Then::Park(Delay::default()) => 612, "park";
        Then::HandOver => 613, "hand_over";
        Then::Stop(StopReason::Requested) => 614, "stop";
        HandOver::Done => 621, "done";
        HandOver::Failed => 622, "failed";
    }
    assert_eq!(Then::Park(Delay::default()).delay(), Some(Delay::default()));
    assert_eq!(Then::Connect(Delay::default()).delay(), Some(Delay::default()));
    assert_eq!(Then::HandOver.delay(), None);
    let codes = [
        Setting::Base,
        Setting::WatchPath,
        Setting::HeartbeatPath,
        Setting::AuthScheme,
        Setting::ProtocolVersion,
    ]
    .map(Setting::code);
    assert_eq!(codes, [721, 722, 723, 724, 725]);
    let what = Setting::Base;
    let codes = [
        ConfigError::Base(UrlFault::Host),
        ConfigError::Path { what },
        ConfigError::AuthScheme,
        ConfigError::ProtocolVersion,
        ConfigError::Limit { limit: 1 },
        ConfigError::TooLong { what },
    ]
    .map(ConfigError::code);
    assert_eq!(codes, [701, 702, 703, 704, 705, 706]);
    let codes = ["".into(), "x".repeat(8193), "a\n".into(), "a b".into()]
        .map(|token: String| Token::new(token).expect_err("no token").code());
    assert_eq!(codes, [711, 712, 713, 714]);
    assert!(TransportFault::ALL.map(TransportFault::code).is_sorted());
    assert!(Hint::ALL.map(Hint::code).is_sorted());
    assert!(HandOver::ALL.map(HandOver::code).is_sorted());
}

/// Every fault and outcome, flat: the codes of its parts, their names, and the HTTP status.
#[test]
fn of_causes() {
    macro_rules! flat {
        ($($what:expr => $codes:expr, $name:literal, $status:expr;)+) => {
            $(
                let cause = Cause::from($what);
                assert_eq!((cause.codes(), cause.to_string().as_str(), cause.status()), ($codes, $name, $status));
            )+
        };
    }
    flat! {
        ConnectFault::Unauthorized => [201, 0, 0, 0], "unauthorized", None;
        ConnectFault::Conflict => [202, 0, 0, 0], "conflict", None;
        ConnectFault::NotEventStream => [203, 0, 0, 0], "not_event_stream", None;
        ConnectFault::Status(503) => [204, 0, 0, 0], "status", Some(503);
        ConnectFault::Compressed => [205, 0, 0, 0], "compressed", None;
        ConnectFault::Transport(TransportFault::Resolve) => [206, 101, 0, 0], "transport.resolve", None;
        ConnectFault::Ended => [207, 0, 0, 0], "ended", None;
        ConnectFault::HelloTimeout { opened: false } => [208, 0, 0, 0], "hello_timeout.unanswered", None;
        ConnectFault::HelloTimeout { opened: true } => [208, 0, 0, 0], "hello_timeout.opened", None;
        ConnectFault::Hello(WireFault::Json) => [209, 501, 0, 0], "hello.json", None;
        ConnectFault::Limit(LimitExceeded::Line) => [210, 531, 0, 0], "limit.line", None;
        Outcome::Wake => [301, 0, 0, 0], "wake", None;
        Outcome::ReadTimeout => [302, 0, 0, 0], "read_timeout", None;
        Outcome::Hint(Hint::Resumed) => [303, 332, 0, 0], "hint.resumed", None;
        Outcome::Ended => [304, 0, 0, 0], "ended", None;
        Outcome::Stream(StreamFault::Transport(TransportFault::Other)) => [305, 311, 199, 0], "stream.transport.other", None;
        Outcome::Stream(StreamFault::Wake(WireFault::Depth)) => [305, 312, 502, 0], "stream.wake.depth", None;
        Outcome::Stream(StreamFault::Limit(LimitExceeded::Data)) => [305, 313, 532, 0], "stream.limit.data", None;
        Outcome::HeartbeatLost(HeartbeatLoss::Taken) => [306, 321, 0, 0], "heartbeat_lost.taken", None;
        HeartbeatLoss::Gone => [322, 0, 0, 0], "gone", None;
        HeartbeatLoss::Unauthorized => [323, 0, 0, 0], "unauthorized", None;
        HeartbeatLoss::Failed => [324, 0, 0, 0], "failed", None;
        HeartbeatLoss::Cancelled => [325, 0, 0, 0], "cancelled", None;
        HeartbeatFault::Status(500) => [401, 0, 0, 0], "status", Some(500);
        HeartbeatFault::Transport(TransportFault::Tls) => [402, 103, 0, 0], "transport.tls", None;
        HeartbeatFault::Timeout => [403, 0, 0, 0], "timeout", None;
        WireFault::Missing(Field::WatchLeaseId) => [503, 511, 0, 0], "missing.watch_lease_id", None;
        WireFault::Type(Field::DeviceWaitForViewerMs) => [504, 512, 0, 0], "type.device_wait_for_viewer_ms", None;
        WireFault::Type(Field::HeartbeatIntervalMs) => [504, 513, 0, 0], "type.heartbeat_interval_ms", None;
        WireFault::TooLong(Field::Url) => [505, 514, 0, 0], "too_long.url", None;
        WireFault::TooLong(Field::Token) => [505, 515, 0, 0], "too_long.token", None;
        WireFault::Id(Field::RemoteAccessSessionId) => [506, 516, 0, 0], "id.remote_access_session_id", None;
        WireFault::Url(UrlFault::Syntax) => [507, 521, 0, 0], "url.syntax", None;
        WireFault::Url(UrlFault::Scheme) => [507, 522, 0, 0], "url.scheme", None;
        WireFault::Url(UrlFault::Host) => [507, 523, 0, 0], "url.host", None;
        WireFault::Url(UrlFault::UserInfo) => [507, 524, 0, 0], "url.user_info", None;
        WireFault::Url(UrlFault::Query) => [507, 525, 0, 0], "url.query", None;
        TransportFault::Connect => [102, 0, 0, 0], "connect", None;
        TransportFault::Broken => [104, 0, 0, 0], "broken", None;
        TransportFault::Http => [105, 0, 0, 0], "http", None;
        End::Connect(ConnectFault::Ended) => [207, 0, 0, 0], "ended", None;
        End::Watch(Outcome::Stream(StreamFault::Wake(WireFault::Id(Field::RemoteAccessSessionId)))) => [305, 312, 506, 516], "stream.wake.id.remote_access_session_id", None;
    }
}

/// What a machine says of a small life, one sentence a report.
#[test]
fn of_reports() {
    let mut guards = Guards::none();
    (guards.flap, guards.retry_after, guards.connect_bound) = (true, true, true);
    let mut life = Life::new(guards);
    let sse = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    let head = |attempt, head| Input::Head { attempt: Attempt(attempt), head };
    let busy = Head::read(503, [("retry-after", b"7".as_slice())]);

    life.says(&[]);
    life.feed(10, head(1, busy));
    life.says(&["attempt 1: the server answered 503 (after 10ms); connecting again in 7s (row 1s, Retry-After 7s)"]);
    life.feed(7_000, Input::Tick);
    life.feed(0, head(2, sse));
    life.feed(5, Input::Data { attempt: Attempt(2), bytes: HELLO });
    life.says(&["attempt 2: connected in 5ms, heartbeat every 10s"]);
    life.feed(0, Input::Data { attempt: Attempt(2), bytes: HELLO });
    life.says(&["attempt 2: a second hello on the same stream was ignored"]);
    life.feed(10_000, Input::Tick);
    life.feed(3, Input::HeartbeatAnswer { beat: Beat(1), status: 204 });
    life.says(&["heartbeat 1: accepted in 3ms"]);
    life.feed(9_997, Input::Tick);
    life.feed(4, Input::HeartbeatAnswer { beat: Beat(2), status: 500 });
    life.says(&["heartbeat 2: failed after 4ms: the server answered 500"]);
    life.feed(0, Input::End { attempt: Attempt(2) });
    life.says(&[
        "attempt 2: the server ended the stream (after 20.004s); connecting again at once",
    ]);
    life.wakes(3);
    life.says(&[
        "attempt 3: connected in 0ns, heartbeat every 10s",
        "attempt 3: woken (after 0ns); handing the wake over",
    ]);
    life.feed(0, Input::SleepAgain(HandOver::Failed));
    life.says(&["the wake came to nothing; connecting again at once"]);
    life.wakes(4);
    life.says(&[
        "attempt 4: connected in 0ns, heartbeat every 10s",
        "attempt 4: woken (after 0ns); handing the wake over",
    ]);
    life.feed(0, Input::SleepAgain(HandOver::Failed));
    life.says(&["the wake came to nothing; connecting again in 1s (flap guard 1s)"]);
    life.feed(1_000, Input::Tick);
    life.feed(0, head(5, Head::read(401, [])));
    life.says(&["attempt 5: the server refuses the token (401) (after 0ns); trying again in 300s (row 300s), or with a new token"]);
    life.feed(0, Input::NewToken(Token::new("other").expect("a token")));
    life.says(&[]);
    life.opens(6);
    life.feed(0, Input::HeartbeatsCancelled);
    life.says(&[
        "attempt 6: connected in 0ns, heartbeat every 10s",
        "attempt 6: heartbeats were cancelled (after 0ns); stopping: heartbeats were cancelled",
    ]);
}

/// The connects are used up: how long the next one waits.
#[test]
fn of_a_connect_that_is_held() {
    let mut guards = Guards::none();
    guards.connect_bound = true;
    let mut life = Life::new(guards);
    for attempt in 1..=10 {
        life.opens(attempt);
        life.heard.clear();
        life.feed(0, Input::End { attempt: Attempt(attempt) });
    }
    life.says(&[
        "too many connects in a short time; the next one waits 30s",
        "attempt 10: the server ended the stream (after 0ns); connecting again at once",
    ]);
}

struct Life {
    watch: Watch,
    at: u64,
    heard: Vec<String>,
}

impl Life {
    fn new(guards: Guards) -> Self {
        let config = Config::new("https://a.example").guards(guards);
        let config = config.on_unauthorized(OnUnauthorized::Park).build().expect("a config");
        let token = Token::new("canary").expect("a token");
        let watch = Watch::new(config, token, 0, Timestamp::ORIGIN);
        let mut life = Self { watch, at: 0, heard: Vec::new() };
        life.listen();
        life
    }

    /// Feeds an input so many milliseconds later, and hears what comes of it.
    fn feed(&mut self, after: u64, input: Input<'_>) {
        self.at += after;
        self.watch.handle(Timestamp::from_millis(self.at), input);
        self.listen();
    }

    fn listen(&mut self) {
        loop {
            match self.watch.poll() {
                Action::Report(report) => self.heard.push(report.to_string()),
                Action::Sleep { .. } => return,
                _ => {}
            }
        }
    }

    /// Opens an attempt.
    fn opens(&mut self, attempt: u64) {
        let attempt = Attempt(attempt);
        let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
        self.feed(0, Input::Head { attempt, head });
        self.feed(0, Input::Data { attempt, bytes: HELLO });
    }

    /// Opens an attempt and is woken on it.
    fn wakes(&mut self, attempt: u64) {
        self.opens(attempt);
        let wake = b"event: wake\ndata: {\"url\":\"wss://a.example\",\"token\":\"canary\"}\n\n";
        self.feed(0, Input::Data { attempt: Attempt(attempt), bytes: wake });
    }

    fn says(&mut self, words: &[&str]) {
        assert_eq!(std::mem::take(&mut self.heard), words);
    }
}

const HELLO: &[u8] = b"event: hello\n\
    data: {\"watchLeaseId\":\"l\",\"deviceWaitForViewerMs\":5000,\"heartbeatIntervalMs\":10000}\n\n";

#[test]
fn of_times() {
    assert_eq!(format!("{:?}", Timestamp::from_millis(1_500)), "1500ms");
    assert_eq!(
        Duration::from_millis(1_500),
        Timestamp::from_millis(2_000).since(Timestamp::from_millis(500))
    );
}
