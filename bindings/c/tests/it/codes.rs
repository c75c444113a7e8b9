//! Every number that core has a code for is that code, by its own name; and there are no others.
//!
//! The header's numbers have to be written out, since cbindgen computes nothing. So they are held against core here,
//! both ways: what is in the list of core's is in the header, and what is in the header is in that list.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs;

use dormouse::*;
use dormouse_core::sse::LimitExceeded;
use dormouse_core::{
    ConfigError, ConnectFault, Delay, Field, HandOver, HeartbeatFault, HeartbeatLoss, Hint, Oddity,
    Outcome, Setting, Status, StopReason, StreamFault, Then, TokenError, TransportFault, UrlFault,
    WireFault,
};

/// Everything of core's, by the name that it has in C.
fn of_core() -> BTreeMap<&'static str, i64> {
    let transport = TransportFault::Other;
    let url = UrlFault::Syntax;
    let field = Field::Url;
    let wire = WireFault::Json;
    let limit = LimitExceeded::Line;
    let what = Setting::Base;
    let minus = |code: u16| -i64::from(code);
    BTreeMap::from([
        ("E_BASE", minus(ConfigError::Base(url).code())),
        ("E_PATH", minus(ConfigError::Path { what }.code())),
        ("E_AUTH_SCHEME", minus(ConfigError::AuthScheme.code())),
        ("E_PROTOCOL_VERSION", minus(ConfigError::ProtocolVersion.code())),
        ("E_LIMIT", minus(ConfigError::Limit { limit: 0 }.code())),
        ("E_TOO_LONG", minus(ConfigError::TooLong { what }.code())),
        ("E_TOKEN_EMPTY", minus(TokenError::Empty.code())),
        ("E_TOKEN_TOO_LONG", minus(TokenError::TooLong { len: 0 }.code())),
        ("E_TOKEN_LINE_BREAK", minus(TokenError::LineBreak { at: 0 }.code())),
        ("E_TOKEN_FORBIDDEN", minus(TokenError::Forbidden { at: 0 }.code())),
        ("STATUS_CONNECTING", Status::Connecting.code().into()),
        ("STATUS_CONNECTED", Status::Connected.code().into()),
        ("STATUS_UNAUTHORIZED", Status::Unauthorized.code().into()),
        ("STOP_REQUESTED", StopReason::Requested.code().into()),
        ("STOP_UNAUTHORIZED", StopReason::Unauthorized.code().into()),
        ("STOP_CANCELLED", StopReason::Cancelled.code().into()),
        ("TRANSPORT_RESOLVE", TransportFault::Resolve.code().into()),
        ("TRANSPORT_CONNECT", TransportFault::Connect.code().into()),
        ("TRANSPORT_TLS", TransportFault::Tls.code().into()),
        ("TRANSPORT_BROKEN", TransportFault::Broken.code().into()),
        ("TRANSPORT_HTTP", TransportFault::Http.code().into()),
        ("TRANSPORT_OTHER", TransportFault::Other.code().into()),
        ("CONNECT_UNAUTHORIZED", ConnectFault::Unauthorized.code().into()),
        ("CONNECT_CONFLICT", ConnectFault::Conflict.code().into()),
        ("CONNECT_NOT_EVENT_STREAM", ConnectFault::NotEventStream.code().into()),
        ("CONNECT_STATUS", ConnectFault::Status(0).code().into()),
        ("CONNECT_COMPRESSED", ConnectFault::Compressed.code().into()),
        ("CONNECT_TRANSPORT", ConnectFault::Transport(transport).code().into()),
        ("CONNECT_ENDED", ConnectFault::Ended.code().into()),
        ("CONNECT_HELLO_TIMEOUT", ConnectFault::HelloTimeout { opened: true }.code().into()),
        ("CONNECT_HELLO", ConnectFault::Hello(wire).code().into()),
        ("CONNECT_LIMIT", ConnectFault::Limit(limit).code().into()),
        ("OUTCOME_WAKE", Outcome::Wake.code().into()),
        ("OUTCOME_READ_TIMEOUT", Outcome::ReadTimeout.code().into()),
        ("OUTCOME_HINT", Outcome::Hint(Hint::Resumed).code().into()),
        ("OUTCOME_ENDED", Outcome::Ended.code().into()),
        ("OUTCOME_STREAM", Outcome::Stream(StreamFault::Wake(wire)).code().into()),
        ("OUTCOME_HEARTBEAT_LOST", Outcome::HeartbeatLost(HeartbeatLoss::Gone).code().into()),
        ("STREAM_TRANSPORT", StreamFault::Transport(transport).code().into()),
        ("STREAM_WAKE", StreamFault::Wake(wire).code().into()),
        ("STREAM_LIMIT", StreamFault::Limit(limit).code().into()),
        ("LOSS_TAKEN", HeartbeatLoss::Taken.code().into()),
        ("LOSS_GONE", HeartbeatLoss::Gone.code().into()),
        ("LOSS_UNAUTHORIZED", HeartbeatLoss::Unauthorized.code().into()),
        ("LOSS_FAILED", HeartbeatLoss::Failed.code().into()),
        ("LOSS_CANCELLED", HeartbeatLoss::Cancelled.code().into()),
        ("HINT_NETWORK_CHANGED", Hint::NetworkChanged.code().into()),
        ("HINT_RESUMED", Hint::Resumed.code().into()),
        ("HEARTBEAT_STATUS", HeartbeatFault::Status(0).code().into()),
        ("HEARTBEAT_TRANSPORT", HeartbeatFault::Transport(transport).code().into()),
        ("HEARTBEAT_TIMEOUT", HeartbeatFault::Timeout.code().into()),
        ("MESSAGE_JSON", WireFault::Json.code().into()),
        ("MESSAGE_DEPTH", WireFault::Depth.code().into()),
        ("MESSAGE_MISSING", WireFault::Missing(field).code().into()),
        ("MESSAGE_TYPE", WireFault::Type(field).code().into()),
        ("MESSAGE_TOO_LONG", WireFault::TooLong(field).code().into()),
        ("MESSAGE_ID", WireFault::Id(field).code().into()),
        ("MESSAGE_URL", WireFault::Url(url).code().into()),
        ("FIELD_WATCH_LEASE_ID", Field::WatchLeaseId.code().into()),
        ("FIELD_DEVICE_WAIT_FOR_VIEWER_MS", Field::DeviceWaitForViewerMs.code().into()),
        ("FIELD_HEARTBEAT_INTERVAL_MS", Field::HeartbeatIntervalMs.code().into()),
        ("FIELD_URL", Field::Url.code().into()),
        ("FIELD_TOKEN", Field::Token.code().into()),
        ("FIELD_REMOTE_ACCESS_SESSION_ID", Field::RemoteAccessSessionId.code().into()),
        ("URL_SYNTAX", UrlFault::Syntax.code().into()),
        ("URL_SCHEME", UrlFault::Scheme.code().into()),
        ("URL_HOST", UrlFault::Host.code().into()),
        ("URL_USER_INFO", UrlFault::UserInfo.code().into()),
        ("URL_QUERY", UrlFault::Query.code().into()),
        ("LIMIT_LINE", LimitExceeded::Line.code().into()),
        ("LIMIT_DATA", LimitExceeded::Data.code().into()),
        ("ODDITY_SECOND_HELLO", Oddity::SecondHello.code().into()),
        ("ODDITY_OTHER_SESSION", Oddity::OtherSession.code().into()),
        ("THEN_CONNECT", Then::Connect(Delay::default()).code().into()),
        ("THEN_PARK", Then::Park(Delay::default()).code().into()),
        ("THEN_HAND_OVER", Then::HandOver.code().into()),
        ("THEN_STOP", Then::Stop(StopReason::Requested).code().into()),
        ("HAND_OVER_DONE", HandOver::Done.code().into()),
        ("HAND_OVER_FAILED", HandOver::Failed.code().into()),
    ])
}

/// Everything that the header defines as a whole number, by its name without the prefix.
fn of_the_header() -> BTreeMap<String, i64> {
    let header = concat!(env!("CARGO_MANIFEST_DIR"), "/include/dormouse.h");
    let header = fs::read_to_string(header).expect("the header");
    let defines = header.lines().filter_map(|line| line.strip_prefix("#define DORMOUSE_"));
    let pairs = defines.filter_map(|define| define.split_once(' '));
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

#[test]
fn every_code_is_cores() {
    let header = of_the_header();
    let core = of_core();
    for (name, code) in &core {
        assert_eq!(header.get(*name), Some(code), "DORMOUSE_{name}");
    }
    // What core does not number is numbered here: kinds, own errors, and what goes into a configuration.
    let own = ["ACTION_", "REPORT_", "PHASE_", "GUARD_", "ITEM_", "ON_UNAUTHORIZED_"];
    for (name, code) in header {
        let ours = own.iter().any(|prefix| name.starts_with(prefix)) || name == "OK";
        let error = name.starts_with("E_") && (-1099..=-1001).contains(&code);
        assert!(core.contains_key(&*name) || ours || error, "DORMOUSE_{name} is nobody's");
    }
}

#[test]
fn what_goes_in_by_code_is_every_one_there_is() {
    let header = of_the_header();
    let count = |prefix| header.keys().filter(|name| name.starts_with(prefix)).count();
    assert_eq!(count("TRANSPORT_"), TransportFault::ALL.len());
    assert_eq!(count("HINT_"), Hint::ALL.len());
    assert_eq!(count("HAND_OVER_"), HandOver::ALL.len());
}

fn name(code: u16) -> Option<&'static str> {
    let name = dormouse_name(code.into());
    // SAFETY: it is NULL or a text that is there for ever.
    let name = (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) });
    name.map(|name| name.to_str().expect("UTF-8"))
}

#[test]
fn names_are_cores() {
    let (requested, delay) = (StopReason::Requested, Delay::default());
    let mut named = Vec::new();
    named.extend(TransportFault::ALL.map(|one| (one.code(), one.name())));
    named.extend(Hint::ALL.map(|one| (one.code(), one.name())));
    named.extend(HandOver::ALL.map(|one| (one.code(), one.name())));
    named.extend(
        [Status::Connecting, Status::Connected, Status::Unauthorized]
            .map(|one| (one.code(), one.name())),
    );
    named.extend(
        [requested, StopReason::Unauthorized, StopReason::Cancelled]
            .map(|one| (one.code(), one.name())),
    );
    named.extend([Oddity::SecondHello, Oddity::OtherSession].map(|one| (one.code(), one.name())));
    named.extend(
        [Then::Connect(delay), Then::Park(delay), Then::HandOver, Then::Stop(requested)]
            .map(|one| (one.code(), one.name())),
    );
    for (code, wanted) in &named {
        assert_eq!(name(*code), Some(*wanted), "{code}");
    }
    let there = (0..=u16::MAX).filter(|code| name(*code).is_some()).count();
    assert_eq!(there, named.len());
}

#[test]
fn every_error_has_a_sentence_of_its_own() {
    let sentence = |code| {
        // SAFETY: it is a text that is there for ever.
        unsafe { CStr::from_ptr(dormouse_strerror(code)) }.to_str().expect("UTF-8")
    };
    let header = of_the_header();
    let errors = header.iter().filter(|(name, _)| name.starts_with("E_"));
    let sentences: BTreeMap<_, _> = errors
        .map(|(name, code)| (sentence(i32::try_from(*code).expect("a code")), name))
        .collect();
    assert_eq!(sentences.len(), header.keys().filter(|name| name.starts_with("E_")).count());
    assert!(!sentences.contains_key(sentence(-1)));
    assert!(!sentences.contains_key(sentence(i32::MIN)));
    assert_eq!(sentence(0), "nothing is wrong");
}

#[test]
fn one_version_everywhere() {
    // SAFETY: it is a text that is there for ever.
    let library = unsafe { CStr::from_ptr(dormouse_version()) }.to_str().expect("UTF-8");
    let read = |path: &str| {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    assert_eq!(library, env!("CARGO_PKG_VERSION"));
    let quoted = format!("\"{library}\"");
    let root = read("../../Cargo.toml");
    let package = root.split("[workspace.package]").nth(1).expect("the workspace's");
    assert!(package.trim_start().starts_with(&format!("version = {quoted}")), "core's");
    assert!(read("include/dormouse.h").contains(&format!("#define DORMOUSE_VERSION {quoted}\n")));
}
