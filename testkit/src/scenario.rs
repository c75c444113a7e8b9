//! The catalogue: what can go wrong between a device and its service, and what a client must do about it.
//!
//! A scenario is a stage, which is a server of scripts and what stands around it, and a play: what must be seen of
//! the client, and when. Times are protocol time, by a clock that the play moves. What holds however a scenario
//! goes (no credential elsewhere, one watch at a time, no more than 30 connects in ten minutes, nothing left behind)
//! is checked after each of them, in `bench` and `matrix`.

mod clock;
mod connect;
mod framing;
mod heartbeat;
mod hello;
mod life;
mod limits;
mod say;
mod status;
mod stream;
mod tls;
mod wake;

use crate::bench::{Bench, Ground, Staged};
use crate::client::Speech;

/// One thing that can go wrong.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name: what is asked for, and what the matrix shows.
    pub name: &'static str,
    /// What happens.
    pub story: &'static str,
    /// What the client must do.
    pub must: &'static str,
    /// The rows of protocol.md that it exercises, by section.
    pub rows: &'static [&'static str],
    /// What the client has to speak for it to make sense.
    pub needs: &'static [Speech],
    /// Sets the stage.
    pub stage: fn(&Ground) -> Staged,
    /// Plays it; panics where the client does not do what it must.
    pub play: fn(&Bench),
}

/// Every scenario, by theme.
pub fn all() -> impl Iterator<Item = &'static Scenario> {
    [
        connect::ALL,
        tls::ALL,
        status::ALL,
        hello::ALL,
        stream::ALL,
        framing::ALL,
        limits::ALL,
        heartbeat::ALL,
        wake::ALL,
        clock::ALL,
        life::ALL,
    ]
    .into_iter()
    .flatten()
}

/// The scenario of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Scenario> {
    all().find(|scenario| scenario.name == name)
}

/// The catalogue as a table for people: what happens, what the client must do, and the rows of protocol.md.
#[must_use]
pub fn markdown() -> String {
    let mut table = String::from(
        "| scenario | what happens | what the client must do | protocol.md |\n| --- | --- | --- | --- |\n",
    );
    for Scenario { name, story, must, rows, .. } in all() {
        let rows = rows.join("; ");
        table += &format!("| `{name}` | {story} | {must} | {rows} |\n");
    }
    table
}
