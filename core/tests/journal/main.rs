//! Journals: what stands in one, what must not, and that it replays.
//!
//! `secrets` records whatever a server may say, with a token in every place and every cut, and finds none of it in
//! the journal, which replays all the same. `runs` records the runs of the laws. `format` is the wire format, by
//! example, with what is damaged, and `bounds` what may grow.

mod bounds;
mod format;
mod recorded;
mod runs;
mod secrets;
#[allow(dead_code, reason = "the laws need more of it")]
#[path = "../laws/strategy.rs"]
mod strategy;
