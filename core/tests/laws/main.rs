//! The laws of protocol.md section 6, as properties of whole runs: whatever comes, in whatever order, at
//! whatever times, cut however, polled or not.
//!
//! What watches a run and checks it is `dormouse_testkit::laws`, which others use too. Here `strategy` says
//! what may come, `properties` has the laws themselves, those that compare runs (4, 10, 12), the limits (9), the
//! model of section 4 and the reference for sections 3 to 5, and `reach` proves that the plans go everywhere, and
//! deep.
//!
//! A plan is a list of steps in relative terms, which shrinks as any list does. proptest-state-machine would
//! have each step depend on the reference's state, and check its preconditions anew while it shrinks; but here every
//! input is accepted in every state, so that there are no preconditions, and a plan means something on whatever
//! machine it is played. The same run can then be played twice, cut, and with something slipped in.

mod outlook;
mod properties;
mod reach;
mod strategy;
