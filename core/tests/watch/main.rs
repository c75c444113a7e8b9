//! The state machine through its public door, as scripts: a table of inputs, and for each of them every
//! action that has to follow, down to the deadline.
//!
//! What these keep is protocol.md: `stream` section 2.2, `timers` section 3, `rows` section 4, `flap`,
//! `waits` and `hints` section 5, and `life` what sections 6 and 8 say of stopping, of polling late, and of
//! time. How a script is written stands in `script`.

mod flap;
mod hints;
mod life;
mod rows;
mod script;
mod stream;
mod timers;
mod waits;
