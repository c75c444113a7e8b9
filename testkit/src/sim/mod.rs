//! The simulator: real machines and the real lease table, in virtual time, from one seed.
//!
//! Each device is a [`Watch`](dormouse_core::Watch), fed bytes that the server's own frames are made of, cut up and
//! delayed by its link; requests are read from what the machine hands out; the lease table, the arithmetic of
//! crowds and the windows are `dormouse-server`'s. Time is a queue of what is to happen, one thread takes from it, and
//! a device that sleeps costs nothing. The same seed gives the same run, to the last action.
//!
//! Two things run on this one engine. [`chaos`] is a small world in which everything goes wrong, with the laws of
//! protocol.md section 6 held against every step and every wake accounted for. [`fleet`] is 100,000 devices, one
//! outage and a server that takes so many connects a second: counted, to be charted.
//!
//! | file | |
//! | --- | --- |
//! | `world.rs` | devices, exchanges, the service, and what can be done to them |
//! | `queue.rs`, `clock.rs`, `draw.rs` | time, and what a device takes for it; chance |
//! | `link.rs`, `exchange.rs` | what becomes of bytes on their way |
//! | `service.rs` | the glue around the real lease table |
//! | `fleet.rs` | many devices and one outage |
//! | `chaos/` | few devices and everything |

pub mod chaos;
mod clock;
mod draw;
mod exchange;
pub mod fleet;
mod link;
mod queue;
mod service;
mod world;

pub use service::Window;
pub use world::{Away, Client};
