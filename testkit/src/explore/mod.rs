//! Every state that can be reached.

mod alphabet;
mod catalogue;
mod machine;
mod observer;
mod reference;
mod search;
mod stream;
mod told;

pub use catalogue::{Exploration, all};
pub use search::{Broken, Extent};
