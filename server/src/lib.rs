//! The other end of the watch protocol: devices sleep on a stream, operators wake them.
//!
//! A device with nothing to do opens one response, `GET /v1/watch`, and sleeps on it. The server's
//! first event grants it a *lease*: the right of this one client to be the device. Small heartbeats
//! keep the lease; comments on the stream show that the server lives. When an operator posts a
//! wake, the stream carries it and ends, and the device comes back when its work is done. The
//! protocol's own page is normative; "section" below means a section of it.
//!
//! The crate has two floors. Below, without I/O, clock or entropy and useful on their own: [`lease`], the
//! table of who holds which device, [`frame`], what goes into a stream, and [`load`], the arithmetic of
//! crowds. [`http`] puts an axum router around them.
//!
//! # In an application
//!
//! ```
//! use axum::{Router, routing::get};
//! use dormouse_server::{Config, Directory, Server};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::{TcpListener, TcpStream};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let directory = Directory::new()
//!         .device("camera-7", "device-token")?
//!         .operator("operator-token")?;
//!     let server = Server::new(Config::builder(directory).build()?)?;
//!
//!     // The routes are an axum router like any other.
//!     let app = Router::new()
//!         .route("/", get(|| async { "an application with devices" }))
//!         .nest("/api", server.router());
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let address = listener.local_addr()?;
//!     let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//!     let serving = tokio::spawn(async move {
//!         server.serve(listener, app, async { stopped.await.unwrap_or_default() }).await;
//!     });
//!
//!     // A device falls asleep …
//!     let mut device = TcpStream::connect(address).await?;
//!     device
//!         .write_all(
//!             b"GET /api/v1/watch?protocolVersion=2.2.0 HTTP/1.1\r\nHost: localhost\r\n\
//!               Authorization: Bearer device-token\r\nConnection: close\r\n\r\n",
//!         )
//!         .await?;
//!     let mut seen = Vec::new();
//!     while !String::from_utf8_lossy(&seen).contains("event: hello") {
//!         device.read_buf(&mut seen).await?;
//!     }
//!
//!     // … and an operator wakes it.
//!     let wake = r#"{"url":"wss://relay.example/7","token":"a-way-in"}"#;
//!     let mut operator = TcpStream::connect(address).await?;
//!     let request = format!(
//!         "POST /api/v1/devices/camera-7/wake HTTP/1.1\r\nHost: localhost\r\n\
//!          Authorization: Bearer operator-token\r\nContent-Length: {}\r\n\r\n{wake}",
//!         wake.len()
//!     );
//!     operator.write_all(request.as_bytes()).await?;
//!     device.read_to_end(&mut seen).await?;
//!     assert!(String::from_utf8_lossy(&seen).contains("event: wake"));
//!
//!     let _ = stop.send(());
//!     serving.await?;
//!     Ok(())
//! }
//! ```
//!
//! [`Server::spawn`] is shorter where the routes are all there is, and can also
//! [`abort`](Running::abort) as a crash would. With an accept loop of your own, call
//! [`Server::drain`] before you stop.
//!
//! # What is promised
//!
//! **One holder.** While a lease lives, a second client with the device's token gets 409. The lease
//! lives for [`lease_lifetime`](ConfigBuilder::lease_lifetime) after its last heartbeat, its stream
//! open or not, so a holder that was cut off finds its place kept: it names the lease as
//! `previousWatchLeaseId` and takes over from itself (section 2.1).
//!
//! **Also over a crash**, with a [`state_file`](ConfigBuilder::state_file): each grant is written
//! down before the client hears of it. The next process gives every lease that lived a full
//! lifetime and one reconnect window, refuses everybody else with 409, and lets the holder in by
//! its lease. Without a state file the first to come is let in.
//!
//! **No wake is lost on this side of the wire.** It waits in the table, one for each device, the
//! newest in place of an older one, for [`wake_lifetime`](ConfigBuilder::wake_lifetime), until a
//! stream takes it. *Delivered*, in the answer to an operator, means just that: the connection of
//! the open stream took it to be written. If it breaks on the way, the client comes back naming the
//! lease that the wake ended (a client that read the wake would not), and is given the wake again.
//! Three things a wake does not survive: the end of the process, since its token does not belong on a
//! disk; losing the very first hello together with the wake behind it, for then the client has
//! nothing to name; and a heartbeat answered 401 before the client has noticed that its stream is dead,
//! for after that it comes back without its lease (section 4). And a wake may come twice, where a
//! request that its client had given up arrives late: it names the lease that the wake has ended since.
//!
//! **The fleet comes back spread out.** Each hello carries a `retry:` sized to the fleet (section
//! 5.4): 1.2 times the leases that live, over
//! [`connects_per_second`](ConfigBuilder::connects_per_second). Who came when the fleet was small
//! is told again as it grows, and everybody is told when the server drains. What comes faster than
//! that rate gets 503 with a `Retry-After` that follows the crowd. So does everything above
//! [`max_watches`](ConfigBuilder::max_watches).
//!
//! **No secret is printed**: no token, no lease id and no wake's URL, in no error, `Debug` or log
//! line of any level (section 6, law 13). Logs go through `tracing`. A layer of your own that logs
//! request URIs would log lease ids, which stand in the query of a watch: have it log paths.
//!
//! # The operator's side
//!
//! `POST /v1/devices/{device}/wake` with `{"url", "token", "remoteAccessSessionId"?}` answers 200
//! with `"delivered": true`, or 202 with `"delivered": false` and whether the wake is `"waiting"`
//! (it is not if a newer one replaced it meanwhile). `GET /v1/devices` tells for each device
//! whether it is `asleep`, `waking`, `awake` or `away` and since when, the age of its lease and
//! what is left of it, and for the server how many watches are open, how many leases live, and
//! whether the state file can be written. Every refusal is JSON: `{"error": a stable word,
//! "message": what to do}`.
//!
//! # Cost
//!
//! An open watch is its connection, one timer, one waker and a few hundred bytes in the table: no
//! task of its own and no channel. All requests share one lock that is held for microseconds; with
//! a state file a grant writes one line to the page cache under it.

pub mod frame;
#[cfg(feature = "http")]
pub mod http;
pub mod lease;
pub mod load;

#[cfg(feature = "http")]
#[doc(inline)]
pub use http::{
    Config, ConfigBuilder, ConfigError, Directory, DirectoryError, Running, Server, StateError,
};
