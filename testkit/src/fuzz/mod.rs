//! What is fuzzed: the bodies of the targets, where every ordinary build compiles them.
//!
//! A target takes bytes and panics where something is wrong. `fuzz/fuzz_targets` holds three lines for each of
//! them; `tests/corpus.rs` plays the committed corpus through them on every `cargo test`. `fuzz/README.md` tells
//! how to run one.
//!
//! Bytes become inputs from the front to the back, a few for each, and what is text stays text: so that a small
//! change of the bytes is a small change of the input, and a corpus can be read.

mod head;
mod journal;
mod json;
mod lease;
mod machine;
mod message;
mod peer;
mod plan;
mod seeds;
mod stream;
mod uri;

pub use peer::{Difference, KNOWN, agrees, decode as peer_decode};
pub use seeds::seeds;
pub use stream::run;

/// One thing to fuzz.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name: that of its file in `fuzz/fuzz_targets`, and of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// What is wrong with these bytes is a panic.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "decoder", run: stream::decoder },
    Target { name: "standard", run: stream::standard },
    Target { name: "second_opinion", run: stream::second_opinion },
    Target { name: "cut", run: stream::cut },
    Target { name: "cut_machine", run: machine::stream },
    Target { name: "message", run: message::message },
    Target { name: "head", run: head::head },
    Target { name: "lease", run: lease::lease },
    Target { name: "journal", run: journal::journal },
    Target { name: "recording", run: journal::recording },
    Target { name: "machine", run: machine::machine },
    Target { name: "reference", run: machine::reference },
];

/// Plays bytes through a target.
///
/// # Panics
///
/// If there is no such target, and where it finds something wrong.
pub fn play(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    (target.run)(bytes);
}
