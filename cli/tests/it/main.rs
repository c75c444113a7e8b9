//! The program as its users meet it: processes, standard streams, exit codes and real sockets.
//!
//! Nothing here sleeps and hopes: each test waits for a line, with a deadline, and shows all that its
//! processes said when that does not come. `run` starts programs and listens to them, `peer` is a server
//! that answers whatever it is told to, byte by byte.

#![allow(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

mod canary;
mod decode;
mod demo;
mod edge;
#[cfg(unix)]
mod exec;
mod peer;
mod replay;
mod run;
mod serve;
mod simulate;
mod story;
mod wake;
