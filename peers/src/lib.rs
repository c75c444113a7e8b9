//! Loops over dormouse and over two general event-stream clients that keep the same protocol: what the two programs here,
//! of the faults and of what things cost, have in common.

pub mod client;
