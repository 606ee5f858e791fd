//! What a wrong `#[retry]` says, and where.
//!
//! Nearly all of it is our own text. The compiler's is in `fail_moved`, `fail_not_clone`,
//! `fail_not_a_config` and `not_retryable`, and may change with it. `TRYBUILD=overwrite`
//! writes all files anew.

#![cfg(all(feature = "macros", feature = "tokio"))]

#[test]
fn every_mistake_has_its_message() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass.rs");
    cases.compile_fail("tests/ui/fail_*.rs");
}

/// The compiler lists the errors that are `Retryable`, and those features add some.
#[cfg(not(any(feature = "object_store013", feature = "object_store014")))]
#[test]
fn an_error_must_be_retryable() {
    trybuild::TestCases::new().compile_fail("tests/ui/not_retryable.rs");
}
