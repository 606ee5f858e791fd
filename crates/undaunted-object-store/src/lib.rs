//! An object store whose operations survive transient failure.
//!
//! [`RetryStore`] wraps any [`object_store`] store and is one itself; [`open`] makes one from a
//! URL. Every operation is retried as far as that is safe:
//!
//! - **Lost responses.** After an attempt that may have been applied, "already exists",
//!   "precondition failed" and "not found" may be the effect of that attempt. What is there is
//!   inspected, by a token in its metadata, and reported as success, conflict or [`Ambiguous`].
//!   "No double effect" is promised for conditional puts and for completed uploads; an overwrite
//!   or a delete that is repeated may undo a conflicting write that came in between.
//! - **Reads.** An interrupted download is resumed if the object has not changed. A body that
//!   ends short or stalls counts as interrupted. [`RetryStore::read_range`] is whole or nothing.
//!   Whole objects are compared with the CRC that S3 and Google Cloud Storage say of them, small
//!   ones with the MD5 that Azure says; with [`verify_reads`](RetryStoreBuilder::verify_reads), all
//!   of them with an MD5 where there is no CRC, also one that is their ETag. With
//!   [`hedge`](RetryStoreBuilder::hedge) a read whose response takes long is sent a second time.
//! - **Lists** are resumed at the page or the key where they broke, without duplicates or gaps.
//! - **Deletes** go to the store in batches, and each key is retried and reported once.
//! - **Uploads** repeat their parts by number, so that none is doubled.
//! - **Delays** are as long as the service asks for, within the policy's limits.
//! - **One budget** bounds the retries of all operations of a store, so that an outage is not
//!   made worse.
//! - **One pace.** Once the service throttles, all operations of a store wait for their turns at
//!   one [`Pacer`](undaunted::Pacer), which finds the rate that the service takes. That costs
//!   nothing of the budget.
//!
//! A result that took more than one attempt carries a
//! [`RetryReport`](undaunted::RetryReport) in its `extensions`; [`observe`] hands one over for
//! any operation, and for those that fail.
//!
//! ```
//! use object_store::ObjectStoreExt;
//! use undaunted::RetryConfig;
//! use undaunted_object_store::open;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, path) = open("memory:///reports/2026.csv", RetryConfig::storage())?;
//! store.put(&path, "a,b\n".into()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! `aws`, `azure`, `gcp`, `http` and `fs`: the stores that [`open`] can build. `spans` and `metrics`: what
//! operations and attempts do, for `tracing` and the `metrics` facade, see
//! [monitoring](undaunted::guide::monitoring). None is on by default.

mod attributes;
mod body;
#[doc(hidden)]
pub mod bridge;
mod builder;
mod call;
mod capabilities;
mod checked_body;
mod connector;
mod copy_limit;
mod credentials;
mod deadline;
mod delete;
mod error;
mod evidence;
mod full_text;
mod hedged;
mod in_flight;
#[cfg(feature = "fs")]
mod kept_upload;
mod list;
#[cfg(feature = "fs")]
mod local_files;
#[cfg(feature = "fs")]
mod local_parts;
mod measure;
mod multipart;
mod observe;
mod open;
mod operation;
mod pin;
mod policy;
mod read_range;
mod redact;
mod resolve;
mod responded;
mod skipped;
#[cfg(feature = "fs")]
mod staging;
mod store;
mod token;
mod trace;
mod verify;
mod write;

pub use attributes::InvalidAttribute;
pub use builder::RetryStoreBuilder;
pub use capabilities::Capabilities;
pub use connector::{RangeSupport, RetryConnector, Service, UnexpectedResponse};
pub use credentials::CredentialError;
pub use error::{Ambiguous, Corrupt, TooLargeToCopy, cause};
pub use full_text::full_text;
pub use hedged::HedgeClock;
#[cfg(feature = "fs")]
pub use kept_upload::PartSize;
pub use observe::{FailedOperation, Observed, observe};
pub use open::backend::Backend;
pub use open::target::OpenError;
pub use open::written::{check_url, mistyped_url};
pub use open::{is_url, open, open_on, open_with};
pub use operation::{Operation, StoreEvent};
pub use pin::ObjectPin;
pub use redact::redacted;
pub use skipped::SkippedKey;
pub use store::RetryStore;

/// The examples of the README, run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Readers of foreign bytes, for this repository's fuzz targets only.
#[cfg(feature = "_fuzz")]
#[doc(hidden)]
pub mod fuzz {
    pub use crate::connector::fuzz::*;
    pub use crate::open::understood;
}
