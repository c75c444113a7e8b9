//! A small world in which everything goes wrong: clocks that drift and jump, suspends, links that cut, stall, drip,
//! gather and swallow, balancers with opinions, servers that crash, drain and forget; and operators who wake.
//!
//! # What is checked
//!
//! At every step of every device, the laws of protocol.md section 6, by [`Laws`](crate::laws::Laws). Of every wake,
//! what the server promises ("What is promised" in `dormouse-server`) and law 11:
//!
//! * **It is handed over exactly once**, by its own device, if the lease table took it in: never to another
//!   device, and never twice. (There is one way to get it twice, and it is allowed for: a request from before the
//!   wake, given up by its client and held up on the way, arrives after it and names the lease.)
//! * **It may come to nothing for the six reasons of [`Excuse`]** and for no other: a newer wake took its place; it
//!   expired; the server's process ended; it was lost together with a hello that answered a request without a
//!   previous lease; it was lost and its device's token refused before that was noticed; its device stopped for
//!   good.
//! * **A wake that the table gave to a stream and that was lost on the way is given again**, when its device is
//!   back.
//! * **What the server says is understood**, however its bytes were cut and whatever came before them.
//!
//! And when nothing goes wrong any more:
//!
//! * **Everybody comes back**: each device that has not stopped is asleep, on the stream that the server takes for
//!   its own, within the longest waits that law 8 allows.
//! * **Everybody can be woken**: then each gets one more wake, and has it within five seconds.
//!
//! # When it fails
//!
//! [`run`] gives back what was broken. [`shrink`] finds a smaller scenario that fails; printed, a [`Scenario`] is the
//! arguments of `dormouse simulate` that run it again.
//!
//! ```
//! use dormouse_testkit::sim::chaos::{Scenario, run};
//!
//! let scenario = Scenario::new(7);
//! let outcome = run(&scenario);
//! assert_eq!(outcome.broken, None, "dormouse simulate {scenario}");
//! assert_eq!(run(&scenario).digest, outcome.digest);
//! ```

mod ledger;
mod plan;
mod run;
mod shrink;

pub use ledger::Excuse;
pub use plan::{DEVICES_MOST, Plan, Scenario};
pub use run::{Outcome, run, run_with};
pub use shrink::shrink;
