//! `dormouse._core`: the watch protocol for Python.
//!
//! Nothing is decided here. Each class is one of `dormouse-core`'s, with Python's integers for its times and numbers, and
//! `python/dormouse/_core.pyi` says what it looks like from there. What goes wrong on the caller's side is an exception
//! (`error.rs`); what a peer does wrong is data, as it is in core.
//!
//! The machine and the decoder are behind a mutex: an object of Python's can be reached from any thread, and from within
//! a call of its own. Everything of Python's that a call needs is taken before the lock and given after it, so that
//! nobody waits for Python while holding it.
//!
//! | file | room |
//! | --- | --- |
//! | `watch.rs`, `decoder.rs` | the machine and the decoder |
//! | `action.rs`, `report.rs`, `record.rs` | what comes out, and how all of it is shown and compared |
//! | `codes.rs` | core's enums as those of `python/dormouse/codes.py`, and the table that proves them equal |
//! | `config.rs`, `secret.rs`, `argument.rs`, `error.rs` | what goes in, and what is wrong with it |

mod action;
mod argument;
mod codes;
mod config;
mod decoder;
mod error;
mod record;
mod report;
mod secret;
mod watch;

use pyo3::prelude::*;

/// The watch protocol as a state machine without I/O: dormouse-core for Python.
#[pymodule]
#[pyo3(name = "_core")]
mod module {
    #[pymodule_export]
    use crate::action::{
        Abandon, Connect, Disconnect, Heartbeat, Request, Sleep, StatusChanged, Stopped, Wake,
    };
    #[pymodule_export]
    use crate::codes::code_table;
    #[pymodule_export]
    use crate::config::{Config, Guards};
    #[pymodule_export]
    use crate::decoder::{Comment, Decoder, LimitExceeded, Retry, ServerSentEvent};
    #[pymodule_export]
    use crate::report::{
        Cause, Delay, Report, ReportConnected, ReportEnded, ReportHandOverFailed, ReportHeartbeat,
        ReportHeld, ReportOddity,
    };
    #[pymodule_export]
    use crate::secret::Secret;
    #[pymodule_export]
    use crate::watch::{Stats, Watch};

    /// The version of this package.
    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "it is Python's name")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// The version of the protocol that is spoken unless a configuration says otherwise.
    #[pymodule_export]
    const PROTOCOL_VERSION: &str = dormouse_core::PROTOCOL_VERSION;
}
