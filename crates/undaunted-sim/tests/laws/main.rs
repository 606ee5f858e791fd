//! The laws of retries that are known from the literature, or that can be derived. Each test names
//! its source. The policies are the shipped code, so that a law holds for it or the test fails.
//!
//! Sources: *AWS*: the retry quota of the AWS SDKs, `token_bucket.rs` and `standard.rs` in smithy-rs.
//! *A6*: gRPC's proposal A6. *Brooker*: his simulators and his posts on jitter, budgets and
//! metastable failures. *SRE*: "Handling overload" in the book of that name. *Tail*: "The tail at
//! scale" by Dean and Barroso. *Closed form*: derived, and stated where it is used.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are small"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

mod attempts;
mod budgets;
mod hedging;
mod herd;
mod layers;
mod metastable;
mod occ;
mod support;
mod throttling;
