//! Recording and replay (feature `serde`): what went into a watch and what came out of it, a line of JSON for each.
//!
//! A machine without a clock, without entropy and without I/O does the same again when it is given the same. So a
//! journal of its inputs is a bug report that can be run: [`Recorder`] writes one, beside a driver or a loop of
//! your own, and [`Replay`] plays it on a fresh machine and finds the first line on which the two do not agree. The
//! same journals, with what is expected in them, are the contract for every binding.
//!
//! There is no I/O here: lines go out as strings, and come in as such.
//!
#![doc = include_str!("format.md")]
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
