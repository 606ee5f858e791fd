//! All libraries in one crate, so that the oldest Rust that they support has to build them.

pub use undaunted;
pub use undaunted_chaos;
pub use undaunted_object_store;
pub use undaunted_object_store_013;
pub use undaunted_sim;
pub use undaunted_tower;
