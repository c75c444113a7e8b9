//! Sleep on a watch, with smol.
//!
//! ```no_run
//! use dormouse_smol::{Event, Watch};
//!
//! # async fn work(wake: dormouse_smol::Wake) {}
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let token = std::fs::read_to_string("device.token")?;
//!     let mut watch = Watch::builder("https://api.example.com").token(token.trim()).start()?;
//!     smol::block_on(async {
//!         while let Some(event) = watch.next().await {
//!             match event {
//!                 Event::Wake(wake) => work(wake).await,
//!                 Event::Status(status) => println!("{status}"),
//!             }
//!         }
//!     });
//!     Ok(())
//! }
//! ```
//!
//! Asking for the next event after a wake goes back to sleep. Dropping the watch closes everything;
//! dropping the future of [`Watch::next`] loses nothing. Nothing is spawned: the watch lives in the task
//! that awaits its events, and that task should do so all the time but for its work on a wake.
//!
//! All decisions are made in [`dormouse_core`]; this crate brings a transport of its own over smol's TCP, a
//! timer over smol's reactor and a clock that counts suspend. TLS is verified against the platform's
//! roots, and there is no switch to turn that off. Proxies are taken from the environment, as curl does:
//! `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, each in capitals too but for the first.
//!
//! Any executor will do: smol's, a bare `block_on`, async-std's, another's. What this crate needs beside
//! whoever polls it is the thread of smol's reactor, which starts by itself, and for a moment one more
//! where a name has to be looked up.
//!
//! # Many watches
//!
//! A gateway makes one transport, and gives each watch a clone: proxies and TLS are shared, connections are not.
//!
//! ```no_run
//! use dormouse_smol::{Event, SmolTransport, Watch};
//!
//! # async fn work(wake: dormouse_smol::Wake) {}
//! fn sleep(base: &str, tokens: &[String]) -> Result<(), dormouse_smol::StartError> {
//!     let transport = SmolTransport::new(false)?;
//!     for token in tokens {
//!         let mut watch = Watch::builder(base).token(token).transport(transport.clone()).start()?;
//!         smol::spawn(async move {
//!             while let Some(event) = watch.next().await {
//!                 if let Event::Wake(wake) = event {
//!                     Box::pin(work(wake)).await;
//!                 }
//!             }
//!         })
//!         .detach();
//!     }
//!     Ok(())
//! }
//! ```
//!
//! So a sleeping watch takes 3 KiB over `http`, and under TLS what rustls keeps for two connections besides. Every byte of its
//! task counts as often as there are watches: an `async fn` that is handed a watch holds it twice, hence the block; and what
//! follows a wake is boxed, or it would be room in every task.
//!
//! A gateway that restarts at once leaves its leases behind, and is turned away (409) until they are over. That is no status but
//! [`Status::Connecting`]; [`Builder::observe`] and the log say why.
//!
//! # Logs
//!
//! Through `tracing`, with the target `dormouse`: attempts that ended, with their cause and what follows,
//! at `INFO`; what the server or the network did wrong at `WARN`; every connect and heartbeat at `DEBUG`.
//! No token is ever in them. [`Builder::observe`] gives the same to a program, as types.
//!
//! # The clock
//!
//! On Linux, Android and Apple's systems the clock counts the time a device is suspended, and the watch
//! finds out by itself that it was: at the latest when its next timer fires, one heartbeat interval of
//! time awake. An application that is told of a resume can say so earlier, with [`Handle::resumed`].
//! On Windows the clock counts suspend too, but nothing is found out. Elsewhere suspended time is not seen.

mod builder;
mod clock;
mod network;

use std::pin::Pin;
use std::task::{Context, Poll};

use dormouse_core::driver::{Driver, Transport};
use futures_core::Stream;

pub use builder::Builder;
pub use clock::SmolTimer;
pub use dormouse_core::driver::{Event, Handle, Note};
pub use dormouse_core::{Stats, Status, StopReason, Token, Wake};
pub use dormouse_runtime::StartError;
pub use network::{SmolNetwork, SmolTransport};

/// The core, for its types: [`Config`](dormouse_core::Config), [`Guards`](dormouse_core::Guards), faults
/// and reports.
pub use dormouse_core as core;

/// A device asleep: a [`Stream`] of [`Event`]s.
///
/// `T` is what sends its requests: our own transport, or the one given to [`Builder::transport`].
#[derive(Debug)]
pub struct Watch<T: Transport = SmolTransport>(Driver<T, SmolTimer>);

impl Watch {
    /// A watch on the service at `base`: an absolute `http` or `https` URL without query and user info.
    pub fn builder(base: impl Into<String>) -> Builder {
        Builder::new(base)
    }
}

impl<T: Transport + Unpin> Watch<T> {
    /// The next event, or `None` once the watch has stopped. After a wake this goes back to sleep. The
    /// future can be dropped at any time: nothing is lost.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.next().await
    }

    /// Says, before the next event is asked for, that the last wake could not be acted upon. The client
    /// then comes back ever more slowly while that goes on (protocol.md section 5.1).
    pub fn hand_over_failed(&mut self) {
        self.0.hand_over_failed();
    }

    /// A handle to this watch: cheap to clone, usable from any task or thread.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.0.handle()
    }
}

impl<T: Transport + Unpin> Stream for Watch<T> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        Pin::new(&mut self.get_mut().0).poll_next(cx)
    }
}
