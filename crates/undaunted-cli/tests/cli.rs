//! The `undaunted` binary as a user meets it. One module a subject:
//!
//! - `copying`: files and trees, slashes, what is there already
//! - `errors`: mistakes, and what is told of them
//! - `faults`: chaos survived, and chaos that is too much
//! - `listing`: `ls`
//! - `memory`: 200 MB through faults, in bounded memory
//! - `names`: odd names, links, things that are no files
//! - `s3`: a real S3 server with faults on the wire
//! - `serving`: `serve`, and trees there and back through every chaos profile
//! - `stopping`: Ctrl-C and SIGTERM
//! - `streams`: stdin and stdout
//! - `web`: a real server, read and written over HTTP

// A test asserts with what it has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli {
    mod copying;
    mod errors;
    mod faults;
    mod listing;
    mod memory;
    mod names;
    mod s3;
    mod sandbox;
    mod serving;
    mod stopping;
    mod streams;
    mod web;
}
