//! The laws of protocol.md section 6, as something that watches a run.
//!
//! [`Op`]s say what may come, in words that a machine can be told at random; [`resolve`] makes them the
//! concrete [`Step`]s of a run. [`Laws`] watch a run from outside, knowing only what went in and what came out, and
//! check laws 1 to 8, 11 and 13 at every step; a [`Monitor`] runs a machine under them. Laws 4, 10 and 12 compare
//! runs, and are [`stale_changes_nothing`], [`cut_changes_nothing`] and [`same_again`]. [`Model`] is section 4 once
//! more, in a page, to hold against a machine with every guard off, and [`Reference`] sections 3, 4 and 5, with any
//! of them on.

mod compare;
mod model;
mod monitor;
mod plan;
mod reference;
mod rows;

pub use compare::{Stale, cut_changes_nothing, same_again, stale_changes_nothing};
pub use model::Model;
pub use monitor::{Before, Laws, Monitor};
pub use plan::{
    Frame, LAST, Op, Polls, Setup, Step, What, When, Who, hello, play, resolve, take, token, wake,
};
pub use reference::Reference;
