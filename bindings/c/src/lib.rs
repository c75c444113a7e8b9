//! The watch protocol for C: `dormouse_core` behind functions that take and give integers, pointers and lengths.
//!
//! Nothing is decided here. An input becomes core's, an action of core's becomes a flat struct, and what a caller
//! gets wrong becomes a negative number. `include/dormouse.h` is the manual, written by cbindgen from what stands here:
//! comments on public items are the header's own, and so are in C's words.
//!
//! * `boundary.rs`: where a pointer becomes a reference, and a panic a number. Nearly all that is unsafe is there.
//! * `code.rs`: every number with a name, and texts for them.
//! * `config.rs`, `watch.rs`, `action.rs`, `decoder.rs`: the functions and the structs.
//! * `memory.rs`: what a library without std has to bring along.

#![no_std]
#![allow(
    clippy::missing_safety_doc,
    reason = "what holds for every pointer stands once, at the top of the header"
)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod action;
mod boundary;
mod code;
mod config;
mod decoder;
mod memory;
mod watch;

pub use action::*;
pub use boundary::*;
pub use code::*;
pub use config::*;
pub use decoder::*;
#[cfg(target_family = "wasm")]
pub use memory::*;
pub use watch::*;
