//! What the adapters, the bindings and the program are tried against: a server that misbehaves on
//! purpose, byte by byte.
//!
//! [`FaultServer`] listens on a free port of the loopback interface, plays a [`Script`] for each request,
//! and remembers what it was asked. It knows nothing of the protocol but how to tell a heartbeat from a
//! watch, and does no more than its scripts say: a script that forgets to answer is a server that
//! never answers. [`wire`] has the frames and heads that most scripts are made of.

mod server;
pub mod wire;

pub use server::{FaultServer, Seen, Step};

/// What a server does with one connection once it has read a request: step by step, then as the last
/// step says, or a proper close.
pub type Script = Vec<Step>;
