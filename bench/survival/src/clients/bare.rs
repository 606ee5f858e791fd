//! object_store by itself, with its own retries.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::aws::AmazonS3Builder;

use super::trait_calls::TraitSession;
use super::{Client, Endpoint, Session};
use crate::call::Failure;
use crate::versions;

pub struct Bare;

#[async_trait]
impl Client for Bare {
    fn name(&self) -> &'static str {
        "object_store"
    }

    fn version(&self) -> String {
        versions::of("object_store")
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Session>, Failure> {
        let store = AmazonS3Builder::new()
            .with_endpoint(&endpoint.url)
            .with_access_key_id(endpoint.access_key)
            .with_secret_access_key(endpoint.secret_key)
            .with_region(endpoint.region)
            .with_bucket_name(endpoint.bucket)
            .with_allow_http(true)
            .build()
            .map_err(Failure::other)?;
        Ok(Box::new(TraitSession(Arc::new(store))))
    }
}
