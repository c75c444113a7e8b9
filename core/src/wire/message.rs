//! The data of `hello` and `wake`: read, checked against protocol.md sections 2.2 and 7, clamped.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Field, WireFault};
use crate::secret::Secret;
use crate::wire::url;

const JSON_DEPTH: usize = 16;
const ID_MOST: usize = 256;
pub(crate) const URL_MOST: usize = 8 * 1024;
const WAKE_TOKEN_MOST: usize = 64 * 1024;
const HEARTBEAT_LEAST: Duration = Duration::from_secs(1);
const WAIT_LEAST: Duration = Duration::from_secs(5);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The right to be the device, as the server named it: 1 to 256 bytes of visible ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaseId(Box<str>);

/// A remote access session, as the server named it: 1 to 256 bytes of visible ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(Box<str>);

/// An id that is empty, too long, or holds something other than visible ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdError;

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 1 to 256 bytes of visible ASCII")
    }
}

impl core::error::Error for IdError {}

macro_rules! id {
    ($id:ident) => {
        impl $id {
            /// Checks an id.
            ///
            /// # Errors
            ///
            /// If it is empty, longer than 256 bytes, or holds anything but visible ASCII.
            pub fn new(id: impl Into<Box<str>>) -> Result<Self, IdError> {
                let id = id.into();
                let good =
                    (1..=ID_MOST).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
                if good { Ok(Self(id)) } else { Err(IdError) }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(LeaseId);
id!(SessionId);

/// What a `hello` grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) lease: LeaseId,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) wait_for_viewer: Duration,
}

/// What a `wake` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WakeUp {
    pub(crate) url: Box<str>,
    pub(crate) token: Secret,
    pub(crate) session: Option<SessionId>,
}

impl Hello {
    pub(crate) fn read(data: &str) -> Result<Self, WireFault> {
        // The values stay raw at first, so that a fault can name the key. Unknown keys are passed over.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Keys<'d> {
            #[serde(borrow)]
            watch_lease_id: Option<&'d RawValue>,
            #[serde(borrow)]
            device_wait_for_viewer_ms: Option<&'d RawValue>,
            #[serde(borrow)]
            heartbeat_interval_ms: Option<&'d RawValue>,
        }
        let keys: Keys<'_> = object(data)?;
        let millis = |value, field, least| {
            let millis: u64 = required(value, field)?;
            Ok(Duration::from_millis(millis).clamp(least, DAY))
        };
        let lease: String = required(keys.watch_lease_id, Field::WatchLeaseId)?;
        Ok(Self {
            lease: LeaseId::new(lease).map_err(|_| WireFault::Id(Field::WatchLeaseId))?,
            heartbeat_interval: millis(
                keys.heartbeat_interval_ms,
                Field::HeartbeatIntervalMs,
                HEARTBEAT_LEAST,
            )?,
            wait_for_viewer: millis(
                keys.device_wait_for_viewer_ms,
                Field::DeviceWaitForViewerMs,
                WAIT_LEAST,
            )?,
        })
    }
}

impl WakeUp {
    /// `plain` says whether `ws` and `http` are let in, as they are where the base URL is `http`.
    pub(crate) fn read(data: &str, plain: bool) -> Result<Self, WireFault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Keys<'d> {
            #[serde(borrow)]
            url: Option<&'d RawValue>,
            #[serde(borrow)]
            token: Option<&'d RawValue>,
            #[serde(borrow)]
            remote_access_session_id: Option<&'d RawValue>,
        }
        let keys: Keys<'_> = object(data)?;
        let url: String = required(keys.url, Field::Url)?;
        if url.len() > URL_MOST {
            return Err(WireFault::TooLong(Field::Url));
        }
        url::check(&url, url::schemes(plain)).map_err(WireFault::Url)?;
        let token: String = required(keys.token, Field::Token)?;
        if token.len() > WAKE_TOKEN_MOST {
            return Err(WireFault::TooLong(Field::Token));
        }
        let session = match keys.remote_access_session_id {
            None => None,
            some => {
                let id: String = required(some, Field::RemoteAccessSessionId)?;
                let id = SessionId::new(id);
                Some(id.map_err(|_| WireFault::Id(Field::RemoteAccessSessionId))?)
            }
        };
        Ok(Self { url: url.into(), token: Secret::new(token), session })
    }
}

/// Reads one JSON object, no deeper than section 7 allows.
fn object<'d, T: Deserialize<'d>>(data: &'d str) -> Result<T, WireFault> {
    if is_too_deep(data) {
        return Err(WireFault::Depth);
    }
    // A derived struct would also be read from an array, by position.
    if !data.trim_ascii_start().starts_with('{') {
        return Err(WireFault::Json);
    }
    serde_json::from_str(data).map_err(|_| WireFault::Json)
}

/// A value that has to be there. An explicit null is as good as absent.
fn required<'d, T: Deserialize<'d>>(
    value: Option<&'d RawValue>,
    field: Field,
) -> Result<T, WireFault> {
    let value = value.ok_or(WireFault::Missing(field))?;
    serde_json::from_str(value.get()).map_err(|_| WireFault::Type(field))
}

/// Whether arrays and objects are nested deeper than section 7 allows.
pub(crate) fn is_too_deep(data: &str) -> bool {
    depth(data) > JSON_DEPTH
}

/// How deep arrays and objects are nested in what may or may not be JSON: counted without recursion,
/// before a parser that recurses sees it.
fn depth(data: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in data.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    const HELLO: &str =
        r#"{"watchLeaseId":"l-1","deviceWaitForViewerMs":30000,"heartbeatIntervalMs":20000}"#;
    const WAKE: &str = r#"{"url":"wss://example.com/s/1","token":"t"}"#;

    fn hello_with(key: &str, value: &str) -> Result<Hello, WireFault> {
        let mut object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(HELLO).expect("an object");
        object.remove(key);
        let rest = serde_json::to_string(&object).expect("JSON");
        Hello::read(&format!(r#"{{"{key}":{value},{}"#, &rest[1..]))
    }

    fn wake_with(key: &str, value: &str) -> Result<WakeUp, WireFault> {
        let mut object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(WAKE).expect("an object");
        object.remove(key);
        let rest = serde_json::to_string(&object).expect("JSON");
        WakeUp::read(&format!(r#"{{"{key}":{value},{}"#, &rest[1..]), false)
    }

    #[test]
    fn a_hello_is_read_and_unknown_keys_are_passed_over() {
        let hello = Hello::read(HELLO).expect("a hello");
        assert_eq!(hello.lease.as_str(), "l-1");
        assert_eq!(hello.heartbeat_interval, Duration::from_secs(20));
        assert_eq!(hello.wait_for_viewer, Duration::from_secs(30));
        assert_eq!(hello_with("extra", r#"{"a":[null,1.5e300,"\u0000"]}"#), Ok(hello));
    }

    #[test]
    fn hello_numbers_are_clamped_and_never_overflow() {
        let interval =
            |value: &str| hello_with("heartbeatIntervalMs", value).map(|h| h.heartbeat_interval);
        let wait =
            |value: &str| hello_with("deviceWaitForViewerMs", value).map(|h| h.wait_for_viewer);
        for (value, clamped) in [("0", 1_000), ("1", 1_000), ("999", 1_000), ("1001", 1_001)] {
            assert_eq!(interval(value), Ok(Duration::from_millis(clamped)));
        }
        assert_eq!(wait("0"), Ok(WAIT_LEAST));
        for huge in ["86400001", "9223372036854775808", "18446744073709551615"] {
            assert_eq!(interval(huge), Ok(DAY));
            assert_eq!(wait(huge), Ok(DAY));
        }
        for junk in ["-1", "1.5", "\"1000\"", "[]", "true", "18446744073709551616", "1e999"] {
            assert_eq!(interval(junk), Err(WireFault::Type(Field::HeartbeatIntervalMs)), "{junk}");
            assert_eq!(wait(junk), Err(WireFault::Type(Field::DeviceWaitForViewerMs)), "{junk}");
        }
    }

    #[test]
    fn each_key_of_hello_is_required() {
        for (key, field) in [
            ("watchLeaseId", Field::WatchLeaseId),
            ("deviceWaitForViewerMs", Field::DeviceWaitForViewerMs),
            ("heartbeatIntervalMs", Field::HeartbeatIntervalMs),
        ] {
            let without = HELLO.replace(key, "other");
            assert_eq!(Hello::read(&without), Err(WireFault::Missing(field)));
            assert_eq!(hello_with(key, "null"), Err(WireFault::Missing(field)));
        }
    }

    #[test]
    fn a_lease_id_is_visible_ascii_within_its_limit() {
        let id = |value: &str| hello_with("watchLeaseId", &format!("\"{value}\""));
        let fault = Err(WireFault::Id(Field::WatchLeaseId));
        assert!(id(&"x".repeat(256)).is_ok());
        assert!(id(r"\u0041").is_ok(), "an escape is not the character it stands for");
        for bad in ["", &"x".repeat(257), r"a\u0000b", r"a\rb", r"a\nb", "a b", "é"] {
            assert_eq!(id(bad), fault, "{bad:?}");
        }
        assert_eq!(hello_with("watchLeaseId", "7"), Err(WireFault::Type(Field::WatchLeaseId)));
    }

    #[test]
    fn what_is_no_json_object_is_malformed() {
        for bad in
            ["", " ", "null", "7", "\"x\"", "[]", r#"["l",5,5]"#, "{", HELLO.trim_end_matches('}')]
        {
            assert_eq!(Hello::read(bad), Err(WireFault::Json), "{bad:?}");
        }
        assert_eq!(Hello::read(&format!("{HELLO} x")), Err(WireFault::Json));
        assert_eq!(
            hello_with("watchLeaseId", "\"a\",\"watchLeaseId\":\"b\""),
            Err(WireFault::Json)
        );
        assert!(Hello::read(&format!(" \n{HELLO}\t")).is_ok());
    }

    #[test]
    fn nesting_is_bounded_at_sixteen_levels() {
        let nested = |levels: usize| {
            hello_with("x", &format!("{}{}", "[".repeat(levels), "]".repeat(levels)))
        };
        assert!(nested(15).is_ok(), "the object itself is the first level");
        assert_eq!(nested(16), Err(WireFault::Depth));
        assert_eq!(nested(100_000), Err(WireFault::Depth));
        assert_eq!(Hello::read(&"[".repeat(100_000)), Err(WireFault::Depth));
        // A backslash means something in a string only: here all of it stands in one, and what is wrong is the JSON.
        assert_eq!(Hello::read(&format!(r#"\"{}"#, "[".repeat(17))), Err(WireFault::Json));
        assert!(hello_with("x", &format!(r#""{}\"{}""#, "[".repeat(50), "{".repeat(50))).is_ok());
    }

    #[test]
    fn a_wake_is_read_with_and_without_a_session() {
        let wake = WakeUp::read(WAKE, false).expect("a wake");
        assert_eq!(&*wake.url, "wss://example.com/s/1");
        assert_eq!(wake.token.expose(), "t");
        assert_eq!(wake.session, None);
        assert_eq!(wake_with("remoteAccessSessionId", "null").map(|w| w.session), Ok(None));
        let session = wake_with("remoteAccessSessionId", "\"s-1\"").map(|w| w.session);
        assert_eq!(session, Ok(SessionId::new("s-1").ok()));
        for bad in ["\"\"", "\" \"", "\"a\\nb\""] {
            let fault = WireFault::Id(Field::RemoteAccessSessionId);
            assert_eq!(wake_with("remoteAccessSessionId", bad), Err(fault), "{bad}");
        }
    }

    #[test]
    fn a_wake_goes_only_where_it_may() {
        let url = |url: &str| wake_with("url", &format!("\"{url}\"")).map(|_| ());
        assert_eq!(url("https://example.com"), Ok(()));
        for hostile in ["http://example.com", "ws://x", "javascript:x", "https://u@x", "/x", ""] {
            assert!(matches!(url(hostile), Err(WireFault::Url(_))), "{hostile}");
        }
        assert!(WakeUp::read(&WAKE.replace("wss", "ws"), true).is_ok());
        assert!(WakeUp::read(&WAKE.replace("wss", "ftp"), true).is_err());
        let long = |len: usize| format!("https://example.com/{}", "x".repeat(len - 20));
        assert_eq!(url(&long(8192)), Ok(()));
        assert_eq!(url(&long(8193)), Err(WireFault::TooLong(Field::Url)));
    }

    #[test]
    fn a_wakes_token_has_a_limit() {
        let token =
            |len: usize| wake_with("token", &format!("\"{}\"", "x".repeat(len))).map(|_| ());
        assert_eq!(token(65_536), Ok(()));
        assert_eq!(token(65_537), Err(WireFault::TooLong(Field::Token)));
        assert_eq!(wake_with("token", "null"), Err(WireFault::Missing(Field::Token)));
        assert_eq!(wake_with("token", "7"), Err(WireFault::Type(Field::Token)));
    }

    #[test]
    fn no_token_is_printed() {
        let wake = WakeUp::read(&WAKE.replace("\"t\"", "\"canary\""), false).expect("a wake");
        assert!(!format!("{wake:?}").contains("canary"));
    }

    proptest! {
        #[test]
        fn no_data_panics(data in "\\PC*", bits in r#"[{}\[\]",:\\a0 -]{0,64}"#) {
            for data in [data, bits] {
                let _ = Hello::read(&data);
                let _ = WakeUp::read(&data, true);
            }
        }
    }
}
