//! An object store whose operations survive transient failure.

mod body;
mod builder;
mod capabilities;
mod classify;
mod codes;
mod conditional;
mod connector;
mod copy;
mod delete;
mod error;
mod list;
#[cfg(feature = "fs")]
mod local_parts;
mod open;
mod operation;
mod parts;
mod policy;
mod put;
mod resolve;
mod store;
mod token;
mod upload;
mod watch;

pub use builder::RetryStoreBuilder;
pub use capabilities::Capabilities;
pub use connector::RetryConnector;
pub use error::Ambiguous;
pub use open::{Backend, NO_OPTIONS, OpenError, open};
pub use operation::Operation;
pub use policy::StoreEvent;
pub use store::RetryStore;
