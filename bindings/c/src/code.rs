//! Every number that crosses the boundary, by name. Those that core has a code for are core's: a test holds them equal.

use core::ffi::{CStr, c_char};

/// The call did what it says.
pub const DORMOUSE_OK: i32 = 0;

/// The base URL is not one: not absolute, neither http nor https, without a host, with a user name, a query or a
/// fragment.
pub const DORMOUSE_E_BASE: i32 = -701;
/// A path that does not begin with a slash, or does not go into a URL as it stands.
pub const DORMOUSE_E_PATH: i32 = -702;
/// The authorization scheme is no HTTP token.
pub const DORMOUSE_E_AUTH_SCHEME: i32 = -703;
/// The protocol version is empty.
pub const DORMOUSE_E_PROTOCOL_VERSION: i32 = -704;
/// A limit outside 1 KiB to 64 MiB.
pub const DORMOUSE_E_LIMIT: i32 = -705;
/// More than 2 KiB of text in one setting.
pub const DORMOUSE_E_TOO_LONG: i32 = -706;
/// The token is empty.
pub const DORMOUSE_E_TOKEN_EMPTY: i32 = -711;
/// The token has more than 8 KiB.
pub const DORMOUSE_E_TOKEN_TOO_LONG: i32 = -712;
/// The token has a line break in it: was it read from a file without trimming?
pub const DORMOUSE_E_TOKEN_LINE_BREAK: i32 = -713;
/// The token holds a space, a control character or something that is not ASCII.
pub const DORMOUSE_E_TOKEN_FORBIDDEN: i32 = -714;
/// A pointer is NULL that may not be.
pub const DORMOUSE_E_NULL: i32 = -1001;
/// A length is greater than any object's.
pub const DORMOUSE_E_LENGTH: i32 = -1002;
/// A pointer to a struct is not aligned as that struct.
pub const DORMOUSE_E_ALIGN: i32 = -1003;
/// A text is not UTF-8.
pub const DORMOUSE_E_UTF8: i32 = -1004;
/// A number has no meaning there: no such code, a status above 65535, a truth that is neither 0 nor 1.
pub const DORMOUSE_E_CODE: i32 = -1005;
/// A struct has a size that this version does not know.
pub const DORMOUSE_E_SIZE: i32 = -1006;
/// An earlier call on this handle hit a mistake in the library. All there is left to do with it is to free it.
pub const DORMOUSE_E_BROKEN: i32 = -1007;

/// No deadline: `until_ms` of a sleep without end.
pub const DORMOUSE_NEVER: u64 = u64::MAX;

/// Give up `attempt`'s stream and its heartbeat: close the connection, now.
pub const DORMOUSE_ACTION_DISCONNECT: u32 = 1;
/// Give up the heartbeat `beat`: its answer is no longer waited for.
pub const DORMOUSE_ACTION_ABANDON: u32 = 2;
/// Open a watch: send the request, and mark what comes back with `attempt`. Redirects are not followed.
pub const DORMOUSE_ACTION_CONNECT: u32 = 3;
/// Send a heartbeat beside the open stream, and mark its answer with `beat`.
pub const DORMOUSE_ACTION_HEARTBEAT: u32 = 4;
/// For people, logs and metrics; nothing depends on it. `report` says of what.
pub const DORMOUSE_ACTION_REPORT: u32 = 5;
/// What a person sees has changed: `code` is the status.
pub const DORMOUSE_ACTION_STATUS: u32 = 6;
/// Somebody wants the device: go to `url` with `token`. Nothing more happens until `dormouse_watch_sleep_again`.
pub const DORMOUSE_ACTION_WAKE: u32 = 7;
/// It is over, and `code` is the reason. Said once; every later poll sleeps without end.
pub const DORMOUSE_ACTION_STOP: u32 = 8;
/// Nothing to do until `until_ms`, or until something happens. Repeats itself when polled again.
pub const DORMOUSE_ACTION_SLEEP: u32 = 9;

/// A report: `hello` came and the lease is held.
pub const DORMOUSE_REPORT_CONNECTED: u32 = 1;
/// A report: the server did something odd, which was ignored. `code` is which.
pub const DORMOUSE_REPORT_ODDITY: u32 = 2;
/// A report: a heartbeat was answered, or given up.
pub const DORMOUSE_REPORT_HEARTBEAT: u32 = 3;
/// A report: an attempt ended.
pub const DORMOUSE_REPORT_ENDED: u32 = 4;
/// A report: what follows a hand-over that failed.
pub const DORMOUSE_REPORT_HAND_OVER_FAILED: u32 = 5;
/// A report: the connect is due and has to wait, since many were made in a short time.
pub const DORMOUSE_REPORT_HELD: u32 = 6;

/// The attempt ended before `hello`.
pub const DORMOUSE_PHASE_CONNECT: u32 = 1;
/// The attempt ended after `hello`.
pub const DORMOUSE_PHASE_WATCH: u32 = 2;

/// There is no watch, and one is being tried for.
pub const DORMOUSE_STATUS_CONNECTING: u32 = 1;
/// The device can be woken.
pub const DORMOUSE_STATUS_CONNECTED: u32 = 2;
/// The token was refused, and is tried again much later, or when there is a new one.
pub const DORMOUSE_STATUS_UNAUTHORIZED: u32 = 3;
/// The end, as the application asked. A status, and a reason to stop.
pub const DORMOUSE_STOP_REQUESTED: u32 = 10;
/// The end: the token was refused. A status, and a reason to stop.
pub const DORMOUSE_STOP_UNAUTHORIZED: u32 = 11;
/// The end: heartbeats were cancelled from outside. A status, and a reason to stop.
pub const DORMOUSE_STOP_CANCELLED: u32 = 12;

/// The name could not be looked up.
pub const DORMOUSE_TRANSPORT_RESOLVE: u32 = 101;
/// No connection came about: refused, unreachable, or no answer.
pub const DORMOUSE_TRANSPORT_CONNECT: u32 = 102;
/// TLS failed: an unknown authority, a wrong name, an expired certificate, a broken handshake.
pub const DORMOUSE_TRANSPORT_TLS: u32 = 103;
/// The connection broke while it was in use.
pub const DORMOUSE_TRANSPORT_BROKEN: u32 = 104;
/// What came back is not HTTP, or its framing is broken.
pub const DORMOUSE_TRANSPORT_HTTP: u32 = 105;
/// None of these, or the transport cannot tell.
pub const DORMOUSE_TRANSPORT_OTHER: u32 = 199;

/// A connect ended: 401, the token is refused.
pub const DORMOUSE_CONNECT_UNAUTHORIZED: u32 = 201;
/// A connect ended: 409, another client holds the lease.
pub const DORMOUSE_CONNECT_CONFLICT: u32 = 202;
/// A connect ended: a 2xx that is no event stream.
pub const DORMOUSE_CONNECT_NOT_EVENT_STREAM: u32 = 203;
/// A connect ended: any other status, which is in `http_status`.
pub const DORMOUSE_CONNECT_STATUS: u32 = 204;
/// A connect ended: the stream is compressed though `identity` was asked for.
pub const DORMOUSE_CONNECT_COMPRESSED: u32 = 205;
/// A connect ended: the transport failed.
pub const DORMOUSE_CONNECT_TRANSPORT: u32 = 206;
/// A connect ended: the stream ended before `hello`.
pub const DORMOUSE_CONNECT_ENDED: u32 = 207;
/// A connect ended: no `hello` within 30 s.
pub const DORMOUSE_CONNECT_HELLO_TIMEOUT: u32 = 208;
/// A connect ended: `hello` does not say what it must.
pub const DORMOUSE_CONNECT_HELLO: u32 = 209;
/// A connect ended: the stream broke a limit.
pub const DORMOUSE_CONNECT_LIMIT: u32 = 210;

/// A watch ended: a wake came.
pub const DORMOUSE_OUTCOME_WAKE: u32 = 301;
/// A watch ended: nothing was heard for two and a half heartbeat intervals.
pub const DORMOUSE_OUTCOME_READ_TIMEOUT: u32 = 302;
/// A watch ended: a hint.
pub const DORMOUSE_OUTCOME_HINT: u32 = 303;
/// A watch ended: the server ended the stream.
pub const DORMOUSE_OUTCOME_ENDED: u32 = 304;
/// A watch ended: the stream broke.
pub const DORMOUSE_OUTCOME_STREAM: u32 = 305;
/// A watch ended: the lease was not kept.
pub const DORMOUSE_OUTCOME_HEARTBEAT_LOST: u32 = 306;

/// How a stream broke: the transport failed.
pub const DORMOUSE_STREAM_TRANSPORT: u32 = 311;
/// How a stream broke: a wake that does not say what it must.
pub const DORMOUSE_STREAM_WAKE: u32 = 312;
/// How a stream broke: a limit.
pub const DORMOUSE_STREAM_LIMIT: u32 = 313;

/// How a lease was lost: 409, another client took it.
pub const DORMOUSE_LOSS_TAKEN: u32 = 321;
/// How a lease was lost: 410, it is unknown or has expired.
pub const DORMOUSE_LOSS_GONE: u32 = 322;
/// How a lease was lost: 401, the token is refused.
pub const DORMOUSE_LOSS_UNAUTHORIZED: u32 = 323;
/// How a lease was lost: no heartbeat succeeded for three intervals.
pub const DORMOUSE_LOSS_FAILED: u32 = 324;
/// How a lease was lost: heartbeats were cancelled.
pub const DORMOUSE_LOSS_CANCELLED: u32 = 325;

/// A hint: the device's network changed.
pub const DORMOUSE_HINT_NETWORK_CHANGED: u32 = 331;
/// A hint: the device was suspended and runs again.
pub const DORMOUSE_HINT_RESUMED: u32 = 332;

/// A heartbeat failed: a status that is no 2xx, which is in `http_status`.
pub const DORMOUSE_HEARTBEAT_STATUS: u32 = 401;
/// A heartbeat failed: the transport did.
pub const DORMOUSE_HEARTBEAT_TRANSPORT: u32 = 402;
/// A heartbeat failed: no answer in time.
pub const DORMOUSE_HEARTBEAT_TIMEOUT: u32 = 403;

/// A message is not one JSON object with distinct keys.
pub const DORMOUSE_MESSAGE_JSON: u32 = 501;
/// A message is nested deeper than 16 levels.
pub const DORMOUSE_MESSAGE_DEPTH: u32 = 502;
/// A required key of a message is absent or null.
pub const DORMOUSE_MESSAGE_MISSING: u32 = 503;
/// A value of a message is of the wrong type.
pub const DORMOUSE_MESSAGE_TYPE: u32 = 504;
/// A value of a message is longer than its limit.
pub const DORMOUSE_MESSAGE_TOO_LONG: u32 = 505;
/// An id is empty or holds something other than visible ASCII.
pub const DORMOUSE_MESSAGE_ID: u32 = 506;
/// A wake's URL is not one to go to.
pub const DORMOUSE_MESSAGE_URL: u32 = 507;
/// A key: `watchLeaseId` in `hello`.
pub const DORMOUSE_FIELD_WATCH_LEASE_ID: u32 = 511;
/// A key: `deviceWaitForViewerMs` in `hello`.
pub const DORMOUSE_FIELD_DEVICE_WAIT_FOR_VIEWER_MS: u32 = 512;
/// A key: `heartbeatIntervalMs` in `hello`.
pub const DORMOUSE_FIELD_HEARTBEAT_INTERVAL_MS: u32 = 513;
/// A key: `url` in `wake`.
pub const DORMOUSE_FIELD_URL: u32 = 514;
/// A key: `token` in `wake`.
pub const DORMOUSE_FIELD_TOKEN: u32 = 515;
/// A key: `remoteAccessSessionId` in `wake`.
pub const DORMOUSE_FIELD_REMOTE_ACCESS_SESSION_ID: u32 = 516;
/// A URL does not follow RFC 3986, or has no scheme.
pub const DORMOUSE_URL_SYNTAX: u32 = 521;
/// A URL's scheme is not one of those allowed there.
pub const DORMOUSE_URL_SCHEME: u32 = 522;
/// A URL names no host, or a port that there is not.
pub const DORMOUSE_URL_HOST: u32 = 523;
/// A URL carries a user name or a password.
pub const DORMOUSE_URL_USER_INFO: u32 = 524;
/// A URL carries a query or a fragment where none may be.
pub const DORMOUSE_URL_QUERY: u32 = 525;
/// A line of the event stream is longer than its limit.
pub const DORMOUSE_LIMIT_LINE: u32 = 531;
/// The data of an event is longer than its limit.
pub const DORMOUSE_LIMIT_DATA: u32 = 532;

/// An oddity: a second `hello` on the same stream.
pub const DORMOUSE_ODDITY_SECOND_HELLO: u32 = 601;
/// An oddity: a wake with another session id than the first one.
pub const DORMOUSE_ODDITY_OTHER_SESSION: u32 = 602;

/// What follows an attempt: the next connect, after the delay.
pub const DORMOUSE_THEN_CONNECT: u32 = 611;
/// What follows an attempt: another try with a token that was refused, after the delay.
pub const DORMOUSE_THEN_PARK: u32 = 612;
/// What follows an attempt: the wake is handed over.
pub const DORMOUSE_THEN_HAND_OVER: u32 = 613;
/// What follows an attempt: the end.
pub const DORMOUSE_THEN_STOP: u32 = 614;

/// The application could act on the wake.
pub const DORMOUSE_HAND_OVER_DONE: u32 = 621;
/// The application could not act on the wake.
pub const DORMOUSE_HAND_OVER_FAILED: u32 = 622;

/// A guard, to be switched off: watches that end early in a row are answered with growing delays.
pub const DORMOUSE_GUARD_FLAP: u32 = 1;
/// A guard, to be switched off: no more than 30 connects in any 10 minutes.
pub const DORMOUSE_GUARD_CONNECT_BOUND: u32 = 2;
/// A guard, to be switched off: `Retry-After` is honoured on 429 and 503.
pub const DORMOUSE_GUARD_RETRY_AFTER: u32 = 4;
/// A guard, to be switched off: delays and first heartbeats are spread.
pub const DORMOUSE_GUARD_JITTER: u32 = 8;
/// A guard, to be switched off: the server's `retry:` spreads the return of its fleet.
pub const DORMOUSE_GUARD_WINDOW: u32 = 16;
/// A guard, to be switched off: changes of network and resumes are acted upon.
pub const DORMOUSE_GUARD_HINTS: u32 = 32;

/// When the token is refused: stop.
pub const DORMOUSE_ON_UNAUTHORIZED_STOP: u32 = 0;
/// When the token is refused: show it, and try again after 5 minutes, doubling to an hour, or with a new token.
pub const DORMOUSE_ON_UNAUTHORIZED_PARK: u32 = 1;

/// The input was taken whole, and more is needed.
pub const DORMOUSE_ITEM_NONE: u32 = 0;
/// An event: `name`, `data` and `id`.
pub const DORMOUSE_ITEM_EVENT: u32 = 1;
/// A comment ended: the server lives.
pub const DORMOUSE_ITEM_COMMENT: u32 = 2;
/// The server set the reconnection time: `retry_ms`.
pub const DORMOUSE_ITEM_RETRY: u32 = 3;
/// The stream broke a limit: `code`. It says so until the decoder is reset.
pub const DORMOUSE_ITEM_LIMIT: u32 = 4;

/// What a number means that a call returned: one English sentence, for ever there, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn dormouse_strerror(code: i32) -> *const c_char {
    sentence(code).as_ptr()
}

/// The stable name of a status, a reason to stop, a transport fault, a hint, an oddity, of what follows an attempt or how
/// a hand-over went; for ever there. NULL if the code is none of those. A cause's name is in the action.
#[unsafe(no_mangle)]
pub extern "C" fn dormouse_name(code: u32) -> *const c_char {
    name(code).map_or(core::ptr::null(), CStr::as_ptr)
}

/// The version of this library, as `DORMOUSE_VERSION` is that of the header.
#[unsafe(no_mangle)]
pub extern "C" fn dormouse_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

pub(crate) const fn sentence(code: i32) -> &'static CStr {
    match code {
        DORMOUSE_E_BASE => {
            c"the base URL is not an absolute http or https URL, or has more than a path"
        }
        DORMOUSE_E_PATH => {
            c"a path has to begin with a slash and be a plain URL path, without query"
        }
        DORMOUSE_E_AUTH_SCHEME => c"the authorization scheme is no HTTP token, such as Bearer",
        DORMOUSE_E_PROTOCOL_VERSION => c"the protocol version is empty",
        DORMOUSE_E_LIMIT => c"a limit is outside 1 KiB to 64 MiB",
        DORMOUSE_E_TOO_LONG => c"a setting is longer than 2 KiB",
        DORMOUSE_E_TOKEN_EMPTY => c"the token is empty",
        DORMOUSE_E_TOKEN_TOO_LONG => c"the token is longer than 8 KiB",
        DORMOUSE_E_TOKEN_LINE_BREAK => {
            c"the token has a line break; was it read from a file without trimming?"
        }
        DORMOUSE_E_TOKEN_FORBIDDEN => c"the token holds something that is not visible ASCII",
        DORMOUSE_E_NULL => c"a pointer is NULL that may not be",
        DORMOUSE_E_LENGTH => c"a length is greater than any object's",
        DORMOUSE_E_ALIGN => c"a pointer is not aligned",
        DORMOUSE_E_UTF8 => c"a text is not UTF-8",
        DORMOUSE_E_CODE => c"a number has no meaning there",
        DORMOUSE_E_SIZE => c"a struct has a size that this version does not know",
        DORMOUSE_E_BROKEN => c"a mistake in the library; this handle can only be freed",
        0.. => c"nothing is wrong",
        _ => c"no such error",
    }
}

const fn name(code: u32) -> Option<&'static CStr> {
    Some(match code {
        DORMOUSE_STATUS_CONNECTING => c"connecting",
        DORMOUSE_STATUS_CONNECTED => c"connected",
        DORMOUSE_STATUS_UNAUTHORIZED => c"unauthorized",
        DORMOUSE_STOP_REQUESTED => c"requested",
        DORMOUSE_STOP_UNAUTHORIZED => c"unauthorized",
        DORMOUSE_STOP_CANCELLED => c"cancelled",
        DORMOUSE_TRANSPORT_RESOLVE => c"resolve",
        DORMOUSE_TRANSPORT_CONNECT => c"connect",
        DORMOUSE_TRANSPORT_TLS => c"tls",
        DORMOUSE_TRANSPORT_BROKEN => c"broken",
        DORMOUSE_TRANSPORT_HTTP => c"http",
        DORMOUSE_TRANSPORT_OTHER => c"other",
        DORMOUSE_HINT_NETWORK_CHANGED => c"network_changed",
        DORMOUSE_HINT_RESUMED => c"resumed",
        DORMOUSE_ODDITY_SECOND_HELLO => c"second_hello",
        DORMOUSE_ODDITY_OTHER_SESSION => c"other_session",
        DORMOUSE_THEN_CONNECT => c"connect",
        DORMOUSE_THEN_PARK => c"park",
        DORMOUSE_THEN_HAND_OVER => c"hand_over",
        DORMOUSE_THEN_STOP => c"stop",
        DORMOUSE_HAND_OVER_DONE => c"done",
        DORMOUSE_HAND_OVER_FAILED => c"failed",
        _ => return None,
    })
}
