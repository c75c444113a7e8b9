//! The server from outside: through its router with time at a standstill, and over loopback
//! sockets.

#![allow(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

mod canary;
mod routes;
mod support;
mod wire;
