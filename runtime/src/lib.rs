//! What dormouse's adapters share: everything that [`dormouse_core`] may not touch and that has nothing to do
//! with a runtime either.
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`Setup`], [`StartError`] | from a URL and a token to a machine, seeded from the operating system |
//! | [`SuspendClock`] | the clock that counts the time a device is suspended |
//! | [`tls_config`], [`plain_tls_config`] | TLS against the platform's roots |
//! | `HttpTransport`, with the feature `http` | the two requests over HTTP/1.1, on any `Network`: a runtime's names, TCP and timer |
//! | `http1`, with the same | HTTP/1.1 without I/O |
//! | `proxy`, with the same | whom to connect to, and through which proxy |
//!
//! Made for `dormouse-tokio` and `dormouse-smol`, which re-export what their users need; useful to
//! whoever binds the core to a runtime of their own. A `Network` is three functions.

#[cfg(feature = "http")]
mod chunk;
#[cfg(feature = "http")]
mod connect;
#[cfg(feature = "http")]
mod connection;
#[cfg(feature = "http")]
pub mod http1;
#[cfg(feature = "http")]
mod network;
#[cfg(feature = "http")]
pub mod proxy;
mod setup;
mod suspend;
mod tls;
#[cfg(feature = "http")]
mod transport;

#[cfg(feature = "http")]
pub use chunk::HttpChunk;
#[cfg(feature = "http")]
pub use network::Network;
pub use setup::{Setup, StartError};
pub use suspend::SuspendClock;
pub use tls::{plain_tls_config, tls_config};
#[cfg(feature = "http")]
pub use transport::{HttpBody, HttpTransport};
