//! An object store whose operations survive transient failure.

mod builder;
mod capabilities;
mod classify;
mod connector;
mod delete;
mod list;
#[cfg(feature = "fs")]
mod local_parts;
mod open;
mod operation;
mod parts;
mod policy;
mod store;
mod upload;

pub use builder::RetryStoreBuilder;
pub use capabilities::Capabilities;
pub use connector::RetryConnector;
pub use open::{Backend, NO_OPTIONS, OpenError, open};
pub use operation::Operation;
pub use policy::StoreEvent;
pub use store::RetryStore;
