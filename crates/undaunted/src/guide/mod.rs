//! How to retry well, a page for each question. Every example runs.

#[doc = include_str!("when_to_retry.md")]
pub mod when_to_retry {}

#[doc = include_str!("choosing_a_policy.md")]
pub mod choosing_a_policy {}

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

#[doc = include_str!("other_clients.md")]
pub mod other_clients {
    #[cfg(feature = "anyhow1")]
    #[doc = include_str!("other_clients/anyhow.md")]
    pub mod anyhow {}

    #[cfg(feature = "aws_smithy1")]
    #[doc = include_str!("other_clients/aws.md")]
    pub mod aws {}

    #[cfg(feature = "hyper_util01")]
    #[doc = include_str!("other_clients/hyper.md")]
    pub mod hyper {}

    #[cfg(feature = "opendal059")]
    #[doc = include_str!("other_clients/opendal.md")]
    pub mod opendal {}

    #[cfg(feature = "reqwest013")]
    #[doc = include_str!("other_clients/reqwest.md")]
    pub mod reqwest {}

    #[cfg(feature = "tonic014")]
    #[doc = include_str!("other_clients/tonic.md")]
    pub mod tonic {}
}

#[doc = include_str!("testing.md")]
pub mod testing {}
