//! The verdicts of the core on the errors of other clients: each is made by the real client
//! against a server that fails. The rows of the tables say what the server does and what it means.

#![cfg(feature = "server")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod grpc;
mod hyper;
mod places;
mod reqwest;
