//! [`RetryStore`] for code on object_store 0.13, such as DataFusion 55, Ballista 55 and delta-rs 1.1: the
//! store of [`undaunted_object_store`], which is one of object_store 0.14, shown as a store of 0.13.
//!
//! ```
//! use std::sync::Arc;
//!
//! use object_store013::{ObjectStore, ObjectStoreExt};
//! use undaunted::RetryConfig;
//! use undaunted_object_store_013::open;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, path) = open("memory:///reports/2026.csv", RetryConfig::storage())?;
//! let store: Arc<dyn ObjectStore> = Arc::new(store);
//! store.put(&path, "a,b\n".into()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! With DataFusion, whose sessions take an `Arc<dyn ObjectStore>` for each bucket:
//!
//! ```ignore
//! let options = [("aws_region", "eu-north-1")];
//! let (store, _) = open_with("s3://bucket", options, RetryConfig::storage())?;
//! context.register_object_store(&Url::parse("s3://bucket")?, Arc::new(store));
//! ```
//!
//! An engine that computes on a runtime without IO takes [`open_on`] with a handle of one that has.
//!
//! Names and signatures are those of [`undaunted_object_store`], whose documentation says what
//! each of them does. The differences:
//!
//! - A function of [`Rules`](undaunted::Rules) given to `classify` is shown errors of 0.14 and what caused them.
//! - Results of 0.13 have no `extensions`, so [`observe`] gives the report.
//! - Events and errors are the same types, so the `location` of an event is a path of 0.14;
//!   `location.as_ref()` is its text.
//! - What belongs between a store and its retries ([`Backend`](v014::Backend),
//!   [`RetryConnector`](v014::RetryConnector)) is put there in terms of 0.14, and the
//!   [`RetryStore`](v014::RetryStore) made of it becomes one of 0.13 by `RetryStore::from`. So a
//!   store of 0.14 and one of 0.13 can also share a budget and a pacer.
//! - `WriteMultipart::finish` of 0.13 does not abort an upload of which a part fails for good, as that of
//!   0.14 does, and does not give it back: call `MultipartUpload` yourself and abort it, or let a
//!   lifecycle rule of the bucket end such uploads.
//!
//! # Features
//!
//! `aws`, `azure`, `gcp`, `http` and `fs`: the stores that [`open`] can build. `cloud`: for a store
//! of object_store 0.13 of your own that talks HTTP, see [`RetryStore::new`]. None is on by
//! default.

mod builder;
mod capabilities;
#[cfg(feature = "cloud")]
mod client;
#[cfg(not(feature = "cloud"))]
#[path = "no_client.rs"]
mod client;
mod convert;
mod full_text;
mod open;
mod pin;
mod shown;
mod store;

/// The crate that does the work, for object_store 0.14.
pub use undaunted_object_store as v014;

pub use builder::RetryStoreBuilder;
pub use capabilities::Capabilities;
pub use full_text::full_text;
pub use open::{open, open_on, open_with};
pub use pin::ObjectPin;
pub use store::RetryStore;
#[cfg(feature = "fs")]
pub use undaunted_object_store::PartSize;
pub use undaunted_object_store::{
    Ambiguous, Corrupt, CredentialError, FailedOperation, InvalidAttribute, Observed, OpenError,
    Operation, RangeSupport, Service, SkippedKey, StoreEvent, TooLargeToCopy, UnexpectedResponse,
    cause, check_url, is_url, mistyped_url, observe, redacted,
};
