//! What the adapters, the bindings and the program are tried against: a server that misbehaves on
//! purpose, byte by byte.
//!
//! [`FaultServer`] listens on a free port of the loopback interface, plays a [`Script`] for each request,
//! and remembers what it was asked. It knows nothing of the protocol but how to tell a heartbeat from a
//! watch, and does no more than its scripts say: a script that forgets to answer is a server that
//! never answers. [`wire`] has the frames and heads that most scripts are made of. [`Proxy`] stands before any
//! server and decides what arrives of what was said, [`FullBacklog`] is a server that is never reached.
//!
//! [`mod@faults`] is the table of what every transport must tell apart, as tests of an adapter.
//!
//! [`laws`] is what always holds of the machine, as something that watches it run, and [`script`] a language for
//! what happens to one; [`standard`] is the standard that the decoder follows, transcribed. They need no feature. With
//! the feature `vectors` there is `vectors`: journals with the actions that every binding has to give; with the
//! feature `fuzz` there are the fuzz targets, in `fuzz`.
//!
//! With the feature `explore` there is every state that can be reached, of one machine and of two with a lease
//! table between them (`explore`).
//!
//! With the feature `sim` there is the simulator, [`sim`]; it needs neither sockets nor a runtime.
//!
//! With the feature `matrix` there is also the catalogue: [`scenario`]s, each played against every
//! [`client`] there is, and the program `dormouse-testkit` that plays them.

#[cfg(feature = "explore")]
pub mod explore;
pub mod laws;
pub mod script;
pub mod standard;

#[cfg(feature = "fuzz")]
pub mod fuzz;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "vectors")]
pub mod vectors;

#[cfg(feature = "servers")]
mod backlog;
#[cfg(feature = "servers")]
mod chunks;
#[cfg(feature = "servers")]
pub mod faults;
#[cfg(feature = "servers")]
mod gate;
#[cfg(feature = "servers")]
mod link;
#[cfg(feature = "servers")]
mod proxy;
#[cfg(feature = "servers")]
mod server;
#[cfg(feature = "servers")]
pub mod wire;

#[cfg(feature = "matrix")]
pub mod bench;
#[cfg(feature = "matrix")]
pub mod client;
#[cfg(feature = "matrix")]
pub mod clock;
#[cfg(feature = "matrix")]
pub mod fact;
#[cfg(feature = "matrix")]
pub mod house;
#[cfg(feature = "matrix")]
mod leftovers;
#[cfg(feature = "matrix")]
pub mod matrix;
#[cfg(feature = "matrix")]
pub mod program;
#[cfg(feature = "matrix")]
pub mod scenario;
#[cfg(feature = "matrix")]
pub mod tls;

#[cfg(feature = "servers")]
pub use backlog::FullBacklog;
#[cfg(feature = "servers")]
pub use gate::Gate;
#[cfg(feature = "servers")]
pub use proxy::{Cut, Direction, Flow, Proxy};
#[cfg(feature = "servers")]
pub use server::{FaultServer, Seen, ServerBuilder, Step};

#[cfg(feature = "servers")]
/// What a server does with one connection once it has read a request: step by step, then as the last
/// step says, or a proper close.
pub type Script = Vec<Step>;
