//! To come.
pub mod sse;
