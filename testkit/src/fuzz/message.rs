//! The JSON of the protocol: `hello`, `wake` and the heartbeat, read by the machine and once more by the grammar.
//!
//! The machine says which fault it found first; which one that is, is its own affair. It has to be one that is there,
//! and there has to be none where it found none.

use dormouse_core::{
    Action, Attempt, Beat, Config, ConnectFault, End, Field, Guards, HandOver, Head, Input,
    Outcome, Report, SessionId, StreamFault, Timestamp, Token, Watch, WireFault, sse,
};

use super::json::Json;
use super::uri;
use crate::laws::{Polls, hello, take};

const ATTEMPT: Attempt = Attempt(1);
/// What two tildes stand for, the first two times that they occur: texts just within and just beyond each limit.
const FILLS: [usize; 10] = [2, 100, 254, 256, 257, 8_174, 8_175, 8_193, 65_536, 65_537];

/// A `hello` or a `wake`: the first byte says which, the second how long a filling is, the rest is its data.
pub(super) fn message(bytes: &[u8]) {
    let Some(([kind, fill], text)) = bytes.split_first_chunk::<2>() else { return };
    // What a data field can carry: a line break of any kind arrives as LF.
    let text = String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.replacen("~~", &"x".repeat(FILLS[usize::from(*fill) % FILLS.len()]), 2);
    match kind % 3 {
        0 => check_hello(&text),
        1 => check_wake(&text, false),
        _ => check_wake(&text, true),
    }
}

/// A machine without guards that has been let in, and what it is to be told.
fn opened(plain: bool) -> Watch {
    let base = if plain { "http://api.example.com" } else { "https://api.example.com" };
    let config = Config::new(base)
        .guards(Guards::none())
        .limits(sse::Limits { line: 1 << 20, data: 4 << 20 })
        .build()
        .expect("a config");
    let token = Token::new("canary-0").expect("a token");
    let mut watch = Watch::new(config, token, 0, Timestamp::ORIGIN);
    take(&mut watch, Polls::All);
    let head = Head::read(200, [("content-type", b"text/event-stream".as_slice())]);
    watch.handle(Timestamp::ORIGIN, Input::Head { attempt: ATTEMPT, head });
    watch
}

fn tell(watch: &mut Watch, stream: &[u8]) -> Vec<Action> {
    watch.handle(Timestamp::ORIGIN, Input::Data { attempt: ATTEMPT, bytes: stream });
    take(watch, Polls::All)
}

fn event(name: &str, data: &str) -> Vec<u8> {
    let mut stream = format!("event: {name}\n");
    for line in data.split('\n') {
        stream.push_str(&format!("data: {line}\n"));
    }
    stream.push('\n');
    stream.into_bytes()
}

fn ended(came: &[Action]) -> Option<End> {
    came.iter().find_map(|action| match action {
        Action::Report(Report::Ended { end, .. }) => Some(*end),
        _ => None,
    })
}

fn check_hello(text: &str) {
    let mut watch = opened(false);
    let came = tell(&mut watch, &event("hello", text));
    let fault = match ended(&came) {
        None => None,
        Some(End::Connect(ConnectFault::Hello(fault))) => Some(fault),
        Some(other) => panic!("{other:?}"),
    };
    let mut faults = Vec::new();
    let read = object(
        text,
        &[Field::WatchLeaseId, Field::DeviceWaitForViewerMs, Field::HeartbeatIntervalMs],
    );
    let [lease, wait, interval] = match read {
        Err(any) => {
            return assert!(
                fault.is_some_and(|fault| any.contains(&fault)),
                "{fault:?} of {any:?}"
            );
        }
        Ok(values) => values.try_into().expect("three"),
    };
    let lease = id(lease, Field::WatchLeaseId, &mut faults);
    let wait = number(wait, Field::DeviceWaitForViewerMs, &mut faults);
    let interval = number(interval, Field::HeartbeatIntervalMs, &mut faults);
    judge(fault, &faults);
    if let (Some(lease), Some(wait), Some(interval)) = (lease, wait, interval) {
        let interval = interval.clamp(1_000, 86_400_000);
        let connected = came.iter().find_map(|action| match action {
            Action::Report(Report::Connected { heartbeat_interval, wait_for_viewer, .. }) => {
                Some((heartbeat_interval.as_millis(), wait_for_viewer.as_millis()))
            }
            _ => None,
        });
        let clamped = (u128::from(interval), u128::from(wait.clamp(5_000, 86_400_000)));
        assert_eq!(connected, Some(clamped));
        check_lease(&mut watch, &lease, interval);
    }
}

/// What is asked for in the name of a lease says it as it is, whatever it holds.
fn check_lease(watch: &mut Watch, lease: &str, interval: u64) {
    let due = Timestamp::from_millis(interval);
    watch.handle(due, Input::Tick);
    let came = take(watch, Polls::All);
    let body = came.iter().find_map(|action| match action {
        Action::Heartbeat { beat: Beat(1), request } => Some(request.body().to_owned()),
        _ => None,
    });
    let said = Json::read(&body.expect("a heartbeat"));
    let key = Some("watchLeaseId".to_owned());
    assert_eq!(said, Some(Json::Object(vec![(key, Json::Text(Some(lease.to_owned())))])));
    watch.handle(due, Input::End { attempt: ATTEMPT });
    assert_eq!(parameter(&take(watch, Polls::All), "previousWatchLeaseId").as_deref(), Some(lease));
}

fn check_wake(text: &str, plain: bool) {
    let mut watch = opened(plain);
    tell(&mut watch, &hello("L", 30_000));
    let came = tell(&mut watch, &event("wake", text));
    let fault = match ended(&came) {
        Some(End::Watch(Outcome::Wake)) => None,
        Some(End::Watch(Outcome::Stream(StreamFault::Wake(fault)))) => Some(fault),
        other => panic!("{other:?}"),
    };
    let mut faults = Vec::new();
    let [url, token, session] =
        match object(text, &[Field::Url, Field::Token, Field::RemoteAccessSessionId]) {
            Err(any) => {
                return assert!(
                    fault.is_some_and(|fault| any.contains(&fault)),
                    "{fault:?} of {any:?}"
                );
            }
            Ok(values) => values.try_into().expect("three"),
        };
    let url = string(url, Field::Url, 8 * 1024, &mut faults);
    let schemes: &[&str] = if plain { &["wss", "https", "ws", "http"] } else { &["wss", "https"] };
    if let Some(url) = &url {
        faults.extend(uri::faults(url, schemes).into_iter().map(WireFault::Url));
    }
    let token = string(token, Field::Token, 64 * 1024, &mut faults);
    // A session may be null, and may be absent.
    let session = match session {
        None | Some(Json::Null) => None,
        some => id(some, Field::RemoteAccessSessionId, &mut faults),
    };
    judge(fault, &faults);
    if fault.is_some() {
        return;
    }
    let wake = came.iter().find_map(|action| match action {
        Action::Wake(wake) => Some(wake),
        _ => None,
    });
    let wake = wake.expect("a wake");
    assert_eq!(Some(&*wake.url), url.as_deref());
    assert_eq!(Some(wake.token.expose()), token.as_deref());
    assert_eq!(wake.session.as_ref().map(SessionId::as_str), session.as_deref());
    browser_agrees(&wake.url);
    watch.handle(Timestamp::ORIGIN, Input::SleepAgain(HandOver::Done));
    assert_eq!(parameter(&take(&mut watch, Polls::All), "remoteAccessSessionId"), session);
}

fn judge(fault: Option<WireFault>, faults: &[WireFault]) {
    match fault {
        None => assert_eq!(faults, [], "nothing was found wrong"),
        Some(fault) => assert!(faults.contains(&fault), "{fault:?} of {faults:?}"),
    }
}

/// What an object has for each of these keys; or what is wrong with it as a whole.
fn object(text: &str, keys: &[Field]) -> Result<Vec<Option<Json>>, Vec<WireFault>> {
    let Some(json) = Json::read(text) else { return Err(vec![WireFault::Json, WireFault::Depth]) };
    if json.depth() > 16 {
        return Err(vec![WireFault::Depth]);
    }
    let Json::Object(members) = json else { return Err(vec![WireFault::Json]) };
    // A key that is no text cannot be told from another.
    if members.iter().any(|(key, _)| key.is_none()) {
        return Err(vec![WireFault::Json]);
    }
    keys.iter()
        .map(|key| {
            let key = key.to_string();
            let mut values = members.iter().filter(|(name, _)| name.as_ref() == Some(&key));
            let value = values.next().map(|(_, value)| value.clone());
            if values.next().is_some() { Err(vec![WireFault::Json]) } else { Ok(value) }
        })
        .collect()
}

fn string(
    value: Option<Json>,
    key: Field,
    most: usize,
    faults: &mut Vec<WireFault>,
) -> Option<String> {
    let fault = match value {
        None | Some(Json::Null) => WireFault::Missing(key),
        Some(Json::Text(Some(text))) if text.len() <= most => return Some(text),
        Some(Json::Text(Some(_))) => WireFault::TooLong(key),
        Some(_) => WireFault::Type(key),
    };
    faults.push(fault);
    None
}

/// 1 to 256 bytes of visible ASCII.
fn id(value: Option<Json>, key: Field, faults: &mut Vec<WireFault>) -> Option<String> {
    let text = string(value, key, usize::MAX, faults)?;
    let good = (1..=256).contains(&text.len()) && text.bytes().all(|c| (b'!'..=b'~').contains(&c));
    if !good {
        faults.push(WireFault::Id(key));
    }
    good.then_some(text)
}

/// A whole number from 0 to 2^64 - 1.
fn number(value: Option<Json>, key: Field, faults: &mut Vec<WireFault>) -> Option<u64> {
    let fault = match value {
        None | Some(Json::Null) => WireFault::Missing(key),
        Some(Json::Number(digits)) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            match digits.parse() {
                Ok(number) => return Some(number),
                Err(_) => WireFault::Type(key),
            }
        }
        Some(_) => WireFault::Type(key),
    };
    faults.push(fault);
    None
}

/// What the one connect says for a parameter of its query.
fn parameter(came: &[Action], name: &str) -> Option<String> {
    let url = came.iter().find_map(|action| match action {
        Action::Connect { request, .. } => Some(request.url().to_owned()),
        _ => None,
    });
    let url = url::Url::parse(&url.expect("a connect")).expect("a URL");
    let mut values = url.query_pairs().filter(|(key, _)| key == name);
    let value = values.next().map(|(_, value)| value.into_owned());
    assert_eq!(values.next(), None, "{name} stands twice");
    value
}

/// A URL that was let in means the same to a browser, if it goes there at all: then nothing is repaired on the way.
fn browser_agrees(text: &str) {
    let Ok(url) = url::Url::parse(text) else { return };
    let (scheme, rest) = text.split_once("://").expect("an authority");
    assert_eq!(url.scheme(), scheme.to_ascii_lowercase());
    assert_eq!((url.username(), url.password()), ("", None));
    let authority = rest.split(['/', '?', '#']).next().expect("a first part");
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    // A browser decodes what is percent-encoded in a host, and reads numbers in it in ways of its own.
    let named = host.bytes().all(|c| c.is_ascii_alphabetic() || c == b'-' || c == b'.');
    if named {
        assert_eq!(url.host_str(), Some(host.to_ascii_lowercase().as_str()));
    }
    let known = match url.scheme() {
        "http" | "ws" => 80,
        _ => 443,
    };
    assert_eq!(url.port().unwrap_or(known), port.parse().unwrap_or(known));
}
