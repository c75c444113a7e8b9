//! What C programs see of this library.

mod codes;
mod header;
