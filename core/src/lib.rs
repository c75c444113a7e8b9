//! The watch protocol as a state machine without I/O: bytes, ticks and HTTP statuses in, actions out.
//!
//! A device that sleeps keeps one HTTP response open, a stream of server-sent events, and is woken through
//! it. This crate makes every decision of that protocol: when to connect, what a broken stream means, how
//! long to wait, when a lease is lost. It opens no socket, reads no clock, spawns no thread and draws no
//! entropy, so that the same decisions can be made on any runtime, from any language, and a thousand
//! times faster than time in a test. To use the protocol rather than to embed it, take `dormouse-tokio`.
//!
//! # The loop
//!
//! There is one way in, [`Watch::handle`], and one way out, [`Watch::poll`], and the way out always ends
//! with how long to sleep.
//!
//! **1. Make a watch.** The configuration is checked once, here. The seed is all the chance the machine
//! will ever have, and zero is any instant you like:
//!
//! ```
//! use dormouse_core::{Config, Timestamp, Token, Watch};
//!
//! let config = Config::new("https://api.example.com").build()?;
//! let token = Token::new("the-token-of-this-device")?;
//! let seed = 0x5eed; // of the operating system's entropy, another for each device
//! let mut watch = Watch::new(config, token, seed, Timestamp::ORIGIN);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **2. Drain it.** Poll, and do what it says, until it says `Sleep`. Each connect carries an attempt number
//! and a complete request; what comes back is marked with that number:
//!
//! ```
//! # use dormouse_core::{Action, Config, Timestamp, Token, Watch};
//! # let config = Config::new("https://api.example.com").build()?;
//! # let mut watch = Watch::new(config, Token::new("token")?, 0, Timestamp::ORIGIN);
//! let until = loop {
//!     match watch.poll() {
//!         Action::Connect { attempt, request } => {
//!             assert_eq!(attempt.to_string(), "attempt 1");
//!             assert_eq!(
//!                 request.url(),
//!                 "https://api.example.com/v1/watch?protocolVersion=2.2.0",
//!             );
//!             // … send it, and go on: nothing here waits.
//!         }
//!         Action::Disconnect { .. } => { /* close the connection */ }
//!         Action::Heartbeat { .. } => { /* send it, beside the stream */ }
//!         Action::Abandon { .. } => { /* give that heartbeat up */ }
//!         Action::Wake(wake) => { /* go to wake.url */ }
//!         Action::Status(status) => println!("{status}"),
//!         Action::Report(report) => println!("{report}"),
//!         Action::Stop(_) => { /* it is over */ }
//!         Action::Sleep { until } => break until,
//!     }
//! };
//! // The first thing it waits for is `hello`, for 30 s at the most.
//! assert_eq!(until, Some(Timestamp::from_millis(30_000)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **3. Sleep** until that instant, or until something happens, and say which. Bytes may be cut anywhere.
//! Then drain again. Here is a whole life, with a network that is a list:
//!
//! ```
//! use dormouse_core::{Action, Attempt, Beat, Config, Head, Input, Timestamp, Token, Watch};
//!
//! let event_stream = [("content-type", b"text/event-stream".as_slice())];
//! let hello = b"event: hello\ndata: {\"watchLeaseId\":\"l-1\",\
//!     \"deviceWaitForViewerMs\":30000,\"heartbeatIntervalMs\":20000}\n\n";
//! let wake = b"event: wake\ndata: {\"url\":\"wss://example.com/1\",\"token\":\"secret\"}\n\n";
//! let attempt = Attempt(1);
//! let network = [
//!     (80, Input::Head { attempt, head: Head::read(200, event_stream) }),
//!     (81, Input::Data { attempt, bytes: &hello[..40] }),
//!     (82, Input::Data { attempt, bytes: &hello[40..] }),
//!     (20_082, Input::Tick), // the first heartbeat is due somewhere in its second half interval
//!     (20_100, Input::HeartbeatAnswer { beat: Beat(1), status: 204 }),
//!     (31_000, Input::Data { attempt, bytes: wake }),
//! ];
//!
//! # let config = Config::new("https://api.example.com").build()?;
//! let mut watch = Watch::new(config, Token::new("token")?, 0x5eed, Timestamp::ORIGIN);
//! let mut seen = Vec::new();
//! let mut drain = |watch: &mut Watch| loop {
//!     match watch.poll() {
//!         Action::Sleep { .. } => break,
//!         Action::Connect { .. } => seen.push("connect"),
//!         Action::Status(_) => seen.push("status"),
//!         Action::Heartbeat { .. } => seen.push("heartbeat"),
//!         Action::Disconnect { .. } => seen.push("disconnect"),
//!         Action::Wake(wake) => {
//!             assert_eq!(&*wake.url, "wss://example.com/1");
//!             seen.push("wake");
//!         }
//!         _ => {}
//!     }
//! };
//! drain(&mut watch);
//! for (now, input) in network {
//!     watch.handle(Timestamp::from_millis(now), input);
//!     drain(&mut watch);
//! }
//! assert_eq!(seen, ["connect", "status", "status", "heartbeat", "disconnect", "wake"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **4. After a wake** nothing happens until [`Input::SleepAgain`] says how the hand-over went. Then the
//! watch connects again.
//!
//! **5. What may go wrong in your loop.** Too early is harmless: a tick before its time changes nothing,
//! and polling again repeats the `Sleep`. Too late makes the watch late, no more: deadlines pass with a
//! tick only, so hand in first what has arrived, then the tick. What belongs to an attempt that was given up, or never was, is
//! ignored and counted in [`Stats`]. A machine that is not drained coalesces: it keeps one action of each
//! kind. No order of calls panics, and none is an error.
//!
#![cfg_attr(
    feature = "driver",
    doc = "This loop is written for you, over any async runtime: see [`driver`]."
)]
#![cfg_attr(
    not(feature = "driver"),
    doc = "With the feature `driver` it is written for you, over any runtime."
)]
//!
//! # States
//!
//! Drawn from the table of transitions in `state.rs`:
//!
//! ```text
#![doc = include_str!("state.txt")]
//! ```
//!
//! [`State`] says what each of them is. Over all of them lies offline ([`Input::Offline`]): no timer fires,
//! nothing is asked for, and nothing is forgotten.
//!
//! # What always holds
//!
//! 1. Never more than one watch is open, and never more than one heartbeat in flight.
//! 2. The old stream and heartbeat are given up before the next connect is asked for.
//! 3. A lease is never heartbeated after the server said 409 or 410 for it, nor after its watch ended.
//! 4. Input that belongs to an attempt that was given up changes nothing.
//! 5. One watch yields at most one wake; after it nothing happens until the application asks to sleep again.
//! 6. After a stop nothing is asked for, ever.
//! 7. Unless stopped, awake or offline, something is always pending: an answer, a deadline, or both.
//! 8. No wait between attempts is longer than one and a half hours, and no order of input makes more than 30
//!    connects in 10 minutes, not counting those that wakes have paid back.
//! 9. Memory is bounded by the configured limits whatever the server sends.
//! 10. How the bytes are cut into pieces changes nothing.
//! 11. Every input is accepted in every state: no panic, no overflow, no lost wake.
//! 12. The same inputs at the same times give the same actions.
//! 13. No token is ever printed: not by Debug, a log, an error, or a recording.
//!
//! Each is a property test in `tests/laws`, and holds in every state that can be reached: `testkit/src/explore`. What
//! makes a state a new one is [`Outlook`].
//!
//! # Features
//!
//! None is on by default, and none changes behaviour. `driver` is the async loop (it needs std), `tracing`
//! its log lines, `serde` recording and replay (the module `journal`), `std` what the standard library adds to the
//! dependencies. Without `driver` and `std` the crate is `no_std` and needs an allocator, and atomic
//! pointers for what clones share.

#![no_std]
#![forbid(unsafe_code)]
#![warn(
    clippy::alloc_instead_of_core,
    clippy::expect_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    clippy::unreachable
)]
#![cfg_attr(
    test,
    allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test may")
)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod action;
mod cause;
mod config;
#[cfg(feature = "driver")]
pub mod driver;
mod error;
mod guard;
mod input;
#[cfg(feature = "serde")]
pub mod journal;
pub mod retry;
mod secret;
pub mod sse;
mod state;
mod time;
mod timer;
mod watch;
mod wire;

pub use action::{
    Action, Attempt, Beat, End, Oddity, Report, Stats, Status, StopReason, Then, Wake,
};
pub use cause::Cause;
pub use config::{Config, ConfigBuilder, ConfigError, OnUnauthorized, PROTOCOL_VERSION, Setting};
pub use error::{
    ConnectFault, Field, HeartbeatFault, HeartbeatLoss, Hint, Outcome, StreamFault, TransportFault,
    UrlFault, WireFault,
};
pub use guard::{Delay, Guards};
pub use input::{HandOver, Input, InputBuf};
pub use secret::{Secret, Token, TokenError};
pub use state::State;
pub use time::Timestamp;
pub use watch::{Outlook, Watch};
pub use wire::{Head, IdError, LeaseId, Method, Request, SessionId};
