//! The laws of protocol.md section 6, as properties of whole runs: whatever comes, in whatever order, at
//! whatever times, cut however, polled or not.
//!
//! What watches a run and checks it is `dormouse_testkit::laws`, which others use too. Here `strategy` says
//! what may come, `properties` has the laws themselves, those that compare runs (4, 10, 12), the limits (9) and
//! the model of section 4, and `reach` proves that the plans go everywhere.

mod outlook;
mod properties;
mod reach;
mod strategy;
