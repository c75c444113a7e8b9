//! What dormouse's adapters share: everything that [`dormouse_core`] may not touch and that has nothing to do
//! with a runtime either. The operating system's clocks, its entropy, its trusted roots.
//!
//! Made for `dormouse-tokio` and `dormouse-smol`, which re-export what their users need; useful to
//! whoever binds the core to a runtime of their own.

mod setup;
mod suspend;
mod tls;

pub use setup::{Setup, StartError};
pub use suspend::SuspendClock;
pub use tls::{plain_tls_config, tls_config};
