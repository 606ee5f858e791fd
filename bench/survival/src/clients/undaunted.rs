//! Ours: `open()` with the policy that its documentation shows.

use std::sync::Arc;

use async_trait::async_trait;
use undaunted::RetryConfig;
use undaunted_object_store::{Backend, RetryStore, open_with};

use super::trait_calls::TraitSession;
use super::{Client, Endpoint, Session};
use crate::call::Failure;
use crate::versions;

pub struct Undaunted;

#[async_trait]
impl Client for Undaunted {
    fn name(&self) -> &'static str {
        "undaunted"
    }

    fn version(&self) -> String {
        format!(
            "{}, over object_store {}",
            versions::of("undaunted-object-store"),
            versions::of("object_store")
        )
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Session>, Failure> {
        let url = format!("s3://{}", endpoint.bucket);
        let options = [
            ("aws_endpoint", endpoint.url.as_str()),
            ("aws_access_key_id", endpoint.access_key),
            ("aws_secret_access_key", endpoint.secret_key),
            ("aws_region", endpoint.region),
            ("aws_allow_http", "true"),
        ];
        let config = RetryConfig::storage();
        let store = if endpoint.verified {
            let (backend, _) = Backend::open_with(&url, options).map_err(Failure::other)?;
            RetryStore::builder(backend.store)
                .config(config)
                .capabilities(backend.capabilities)
                .verify_reads()
                .build()
        } else {
            open_with(&url, options, config).map_err(Failure::other)?.0
        };
        Ok(Box::new(TraitSession(Arc::new(store))))
    }
}
