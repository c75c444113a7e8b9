//! The laws of protocol.md section 6, as properties of whole runs: whatever comes, in whatever order, at
//! whatever times, cut however, polled or not.
//!
//! `plan` says what may come and turns it into a run; `monitor` watches a run from outside, knowing only
//! what went in and what came out, and checks laws 1 to 8, 11 and 13; `model` is section 4 once more, in a
//! page; `properties` has the laws that compare runs (4, 10, 12), the limits (9), and the model; `reach`
//! proves that the plans go everywhere.

mod model;
mod monitor;
mod plan;
mod properties;
mod reach;
