//! `Retryable` for errors of other crates. A foreign trait cannot be implemented for a
//! foreign type elsewhere, so these live here, one feature and one file a crate and version.

#[cfg(feature = "object_store014")]
mod object_store014;
#[cfg(feature = "object_store014")]
pub(crate) use object_store014::verdict;

#[cfg(not(feature = "object_store014"))]
mod none;
#[cfg(not(feature = "object_store014"))]
pub(crate) use none::verdict;
