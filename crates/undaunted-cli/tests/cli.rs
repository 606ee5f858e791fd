//! The `undaunted` binary, as a user runs it. One module for each subject:
//!
//! - `copying`: files and trees, trailing slashes, existing objects
//! - `errors`: mistakes on the command line, and their messages
//! - `faults`: injected faults, survived and too many
//! - `listed`: objects found by a list: their requests, and what changed since the list
//! - `leftovers`: what stopped, failed and killed copies leave
//! - `listing`: `ls`
//! - `measuring`: `simulate --against serve`, and `--from` a recording
//! - `memory`: 200 MB through faults, in bounded memory
//! - `names`: unusual names, links, and what is not a regular file
//! - `planning`: `plan`
//! - `resuming`: copies that were interrupted, and the run after that
//! - `responses`: responses of S3 that are odd, lost or failures, and what is said of them
//! - `rules`: verdicts of the user's own, as flags
//! - `s3`: a real S3 server with faults on the wire
//! - `served_elsewhere`: `serve` with a second port, an upstream, and keys that no path can be
//! - `serving`: `serve`, and trees there and back through every chaos profile
//! - `simulating`: `simulate`
//! - `stopping`: Ctrl-C and SIGTERM
//! - `streams`: stdin and stdout
//! - `updating`: `--update` in every pairing, and `--dry-run`
//! - `web`: a real server, read and written over HTTP

// Tests may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli {
    mod copying;
    mod errors;
    mod faults;
    mod guide;
    mod leftovers;
    mod listed;
    mod listing;
    mod measuring;
    mod memory;
    mod names;
    mod pages;
    mod planning;
    mod responses;
    mod resuming;
    mod rules;
    mod s3;
    mod sandbox;
    mod served_elsewhere;
    mod serving;
    mod simulating;
    mod stopping;
    mod streams;
    mod updating;
    mod web;
}
