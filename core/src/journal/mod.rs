//! Recording and replay (feature `serde`): what went into a watch and what came out of it, a line of JSON for each.
//!
//! A machine without a clock, without entropy and without I/O does the same again when it is given the same. So a
//! journal of its inputs is a bug report that can be run: [`Recorder`] writes one, beside a driver or a loop of
//! your own, and [`Replay`] plays it on a fresh machine and finds the first line on which the two do not agree. The
//! same journals, with what is expected in them, are the contract for every binding.
//!
//! There is no I/O here: lines go out as strings, and come in as such.
//!
//! # The format
//!
//! UTF-8 text, one JSON object a line, each with its line end (LF): what has none was torn off. Objects are flat,
//! without spaces, and their fields come in the order in which they stand here, so that two programs that
//! record the same write the same bytes. A field in brackets is left out where it does not apply; there is no
//! `null`. Numbers are whole, from 0 to 2^64 - 1. In text `"` and `\` are escaped with a backslash, the control
//! characters below U+0020 as `\b`, `\t`, `\n`, `\f`, `\r` or else `\u00` and two lower-case digits, and nothing else.
//! Times are milliseconds, by the recording's own clock, as are fields whose names end in `_ms`; those in `_s` are
//! seconds. A name that ends in `_len` counts bytes. Codes are the stable ones of the faults, as is what stands
//! beside them in words.
//!
//! ## The first line
//!
//! | field | |
//! | --- | --- |
//! | `dormouse_journal` | the version of the format: 1 |
//! | \[`version`\] | which version of this crate recorded it |
//! | \[`shows`\] | what it shows, in a sentence: a test vector's |
//! | `base`, `watch_path`, `heartbeat_path`, `auth_scheme`, `protocol_version` | the configuration, as given |
//! | `line_limit`, `data_limit` | the decoder's limits, in bytes |
//! | `flap`, `connect_bound`, `retry_after`, `jitter`, `window`, `hints` | which guards are on |
//! | `on_unauthorized` | `stop` or `park` |
//! | `token_len` | the device's token |
//! | `seed` | the seed, as 16 hexadecimal digits |
//! | `start` | when the watch began |
//!
//! ## Inputs
//!
//! Each begins with `at`, when it was, and `in`, which it was:
//!
//! | `in` | fields |
//! | --- | --- |
//! | `tick` | |
//! | `head` | `attempt`, `status`, `event_stream` (its media type is that), `compressed` (its coding is not `identity`), \[`retry_after_s`\] |
//! | `data` | `attempt`, and `text`, or `hex` where the bytes are not UTF-8: two lower-case digits each |
//! | `end` | `attempt` |
//! | `failed` | `attempt`, `code` (101 to 199), `cause`: `resolve`, `connect`, `tls`, `broken`, `http`, `other` |
//! | `heartbeat_answer` | `beat`, `status` |
//! | `heartbeat_failed` | `beat`, `code`, `cause`, as of `failed` |
//! | `heartbeats_cancelled` | |
//! | `sleep_again` | `hand_over`: `done`, `failed` |
//! | `hint` | `hint`: `network_changed`, `resumed` |
//! | `offline` | `offline` |
//! | `new_token` | `token_len` |
//! | `stop` | |
//!
//! ## Actions
//!
//! What each [`poll`](crate::Watch::poll) gave, in the order in which it happened among the inputs: so a replay polls
//! as often as the recording did, and a driver that returns to its application before the machine sleeps is no
//! different from one that does not. Each begins with `out`:
//!
//! | `out` | fields |
//! | --- | --- |
//! | `disconnect` | `attempt` |
//! | `abandon` | `beat` |
//! | `connect` | `attempt`, `method`, `url` |
//! | `heartbeat` | `beat`, `method`, `url`, `body` |
//! | `report` | `report`, and what follows below |
//! | `status` | `code`, `status`: `connecting`, `connected`, `unauthorized`, `stopped` |
//! | `wake` | `url`, `token_len`, \[`session`\], `wait_for_viewer_ms` |
//! | `stop` | `code`, `reason`: `requested`, `unauthorized`, `cancelled` |
//! | `sleep` | \[`until`\]: when the next tick is due; never, without it |
//!
//! | `report` | fields |
//! | --- | --- |
//! | `connected` | `attempt`, `took_ms`, `heartbeat_interval_ms`, `wait_for_viewer_ms` |
//! | `oddity` | `attempt`, `oddity`: `second_hello`, `other_session` |
//! | `heartbeat` | `beat`, `took_ms`, `accepted`, and if not: the cause |
//! | `ended` | `attempt`, `phase` (`connect`, `watch`), the cause, `ran_ms`, `then` (`connect`, `park`, `hand_over`, `stop`), \[the delay\], \[`reason`\] |
//! | `hand_over_failed` | the delay |
//! | `held` | `wait_ms` |
//!
//! A cause is `code`, \[`fault_code`\], \[`detail_code`\], `cause`, \[`status`\]. The codes go from the outside in, of
//! those parts that have one; `cause` has all parts, with dots between. So a wake whose token is a number ends the
//! watch with 305, 312, 504 and `stream.wake.type.token`.
//!
//! | `cause` of | |
//! | --- | --- |
//! | a connect | `unauthorized`, `conflict`, `not_event_stream`, `status`, `compressed`, `transport.` and the transport's, `ended`, `hello_timeout.unanswered`, `hello_timeout.opened`, `hello.` and the message's, `limit.line`, `limit.data` |
//! | a watch | `wake`, `read_timeout`, `hint.network_changed`, `hint.resumed`, `ended`, `stream.transport.` and the transport's, `stream.wake.` and the message's, `stream.limit.line`, `stream.limit.data`, `heartbeat_lost.` and `taken`, `gone`, `unauthorized`, `failed` or `cancelled` |
//! | a heartbeat | `status`, `transport.` and the transport's, `timeout` |
//! | a message | `json`, `depth`; `missing.`, `type.`, `too_long.` or `id.` and the key, as `watch_lease_id`; `url.` and `syntax`, `scheme`, `host`, `user_info` |
//!
//! A delay is `delay_ms`, the whole wait, and what made it: `row_ms`, `flap_ms`, `retry_after_ms`, `window_ms`.
//!
//! ## The last line
//!
//! A journal may stop before its watch does. Then its last line has one field, `end`: `limit` where it has as many bytes
//! as it may, `held` where a server was in the middle of an event for too long. A journal without such a line
//! ends where its watch was dropped, or its program killed.
//!
//! # What is not in it
//!
//! No token (protocol.md section 6, law 13), in no place and no piece: so a journal can be given away. The device's
//! token is known by its length. What a server sends is veiled:
//!
//! * comments, fields that nobody knows, ids, the names and the data of events that mean nothing, and data that is no
//!   JSON object are overwritten, byte by byte;
//! * the data of a `hello` and a `wake` is written anew, with nothing but what they are read for: numbers as they were, a
//!   token as so many `x`, a URL as its scheme and so many `x`, what is of the wrong type as something of the wrong type.
//!
//! Everything stays as long as it was, lines end where they did, and the stream is cut where it was cut; so the
//! same limits are exceeded, and the same is wrong with it. The actions are recorded as they came, but for a
//! wake's token and URL.
//!
//! What stays is a lease id in a `hello` and a session id in a `wake`. They are no tokens: a lease dies with its watch
//! and opens nothing without the device's token, and both travel in the query of the next connect. What the
//! configuration has in its URLs stays too.
//!
//! # What it costs
//!
//! Lines are held while a server is in the middle of an event whose data is not whole yet: up to the limits of the decoder
//! and some 256 KiB. A recorder that is asked for its lines has nothing else in memory. A watch that sleeps writes some
//! 400 bytes for each heartbeat, and 100 for each sign of life.

mod filler;
mod header;
mod line;
mod message;
mod recorder;
mod replay;
mod stream;

pub use header::Header;
pub use recorder::{Ended, Recorder};
pub use replay::{Damage, Replay, ReplayError, Step};

/// The version of the format that is written, and the only one that is read.
pub const FORMAT: u16 = 1;

/// The longest line that a journal has, in bytes without its end: 16 MiB.
pub const LINE_MOST: usize = 16 * 1024 * 1024;
