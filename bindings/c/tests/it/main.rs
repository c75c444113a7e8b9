//! What C programs see of this library.

mod cc;
mod codes;
mod header;
mod process;
mod programs;
mod story;
