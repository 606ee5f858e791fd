//! How to retry well, a page for each question. Every example runs.

#[doc = include_str!("when_to_retry.md")]
pub mod when_to_retry {}

#[doc = include_str!("rules.md")]
pub mod rules {}

#[doc = include_str!("idempotency.md")]
pub mod idempotency {}

#[doc = include_str!("timeouts.md")]
pub mod timeouts {}

#[doc = include_str!("people_and_machines.md")]
pub mod people_and_machines {}

#[doc = include_str!("nested_retries.md")]
pub mod nested_retries {}

#[doc = include_str!("monitoring.md")]
pub mod monitoring {}

#[doc = include_str!("throttling.md")]
pub mod throttling {}

#[doc = include_str!("wrapping_a_store.md")]
pub mod wrapping_a_store {}

#[doc = include_str!("testing.md")]
pub mod testing {}
