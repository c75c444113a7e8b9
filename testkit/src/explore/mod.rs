//! Every state that can be reached, of the real machine and of two of them with a server's lease table.
//!
//! From the start everything that can happen is tried, in every place that anything led to, until nothing new
//! appears. What makes a place new is [`Outlook`](dormouse_core::Outlook), the value that a watch's future depends
//! on, together with what those who watch it remember. Three watch each transition:
//!
//! * the laws of protocol.md section 6, from outside: 1 to 8 and 11 on what goes in and comes out, 4 as "the outlook
//!   is the same as before", 10 by a twin that hears the bytes one by one, 12 by a twin that hears the same, 9 and
//!   13 on all that `Debug` shows;
//! * a reference: sections 2 to 5 written once more, as a client that is slow and plain. It says every action
//!   before the machine does, to the millisecond and with each part of a delay;
//! * and `laws::Monitor` and `laws::Model`, for a part of the shortest runs, from their beginning.
//!
//! # What is reduced
//!
//! * *Time* passes to a grain before the next deadline, to it, a grain after it and a day after it, with a tick and
//!   without. One millisecond before and after a deadline is tried everywhere and led on from nowhere. Intervals and
//!   grains divide each other, so that times meet again; where nothing is compared with a time but that one deadline,
//!   no other time matters.
//! * *Chance* is a choice: the draw of a transition is the lowest, a middle one and the highest. Delays lie between.
//! * *Parts that do not look at each other* are gone through one by one: the buckets, the stream, the rest of the
//!   delays. `all guards` goes through them together, not to the end.
//! * *Law 8's* 30 connects in ten minutes is a law of runs: each connect is checked to be paid for from a bucket, and
//!   that such a bucket pays no more is a property test of its own (`core/src/guard/bucket.rs`).
//!
//! What does not hold is told as the shortest run that shows it: in words, and as the steps of a test.

mod alphabet;
mod catalogue;
mod leases;
mod machine;
mod observer;
mod reference;
mod search;
mod stream;
mod table;
mod told;

pub use catalogue::{Exploration, all};
pub use search::{Broken, Extent};
