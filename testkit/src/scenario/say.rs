//! Words that the scripts and plays of many scenarios share.

use std::time::Duration;

use dormouse_core::{ConnectFault, End, Outcome, StreamFault, TransportFault};

use crate::wire::{STREAM, hello};
use crate::{Gate, Script, Step};

/// A status that no list has. By HTTP it is one like any other.
pub(super) const UNLISTED: &str = "599 Nobody Knows";

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A stream that says this and is then silent.
pub(super) fn stream(bytes: impl AsRef<[u8]>) -> Script {
    vec![Step::send(STREAM), Step::send(bytes.as_ref()), Step::Hold]
}

/// A stream that says this and ends properly.
pub(super) fn ends(bytes: impl AsRef<[u8]>) -> Script {
    vec![Step::send(STREAM), Step::send(bytes.as_ref())]
}

/// A stream that grants this lease, with a heartbeat every 20 s, and is then silent.
pub(super) fn good(lease: &str) -> Script {
    stream(hello(lease, 20_000))
}

/// The same, alive with comments.
pub(super) fn alive(lease: &str) -> Script {
    vec![Step::send(STREAM), Step::send(hello(lease, 20_000)), comments()]
}

/// A comment every few milliseconds, for as long as any scenario takes.
pub(super) fn comments() -> Step {
    Step::Drip(b":\n".repeat(5_000), Duration::from_millis(2))
}

/// A stream that grants this lease, and does these things once the gate is open.
pub(super) fn then(lease: &str, gate: &Gate, steps: impl IntoIterator<Item = Step>) -> Script {
    let before = [Step::send(STREAM), Step::send(hello(lease, 20_000)), Step::Wait(gate.clone())];
    before.into_iter().chain(steps).collect()
}

pub(super) fn broken_connect(fault: TransportFault) -> End {
    End::Connect(ConnectFault::Transport(fault))
}

pub(super) fn broken_stream(fault: TransportFault) -> End {
    End::Watch(Outcome::Stream(StreamFault::Transport(fault)))
}
