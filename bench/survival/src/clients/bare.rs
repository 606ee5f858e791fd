//! object_store by itself, with its own retries.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};

use super::trait_calls::of_014::TraitSession;
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
        let mut builder = AmazonS3Builder::new().with_bucket_name(endpoint.bucket);
        for (key, value) in endpoint.object_store_options() {
            let key: AmazonS3ConfigKey = key.parse().map_err(Failure::other)?;
            builder = builder.with_config(key, value);
        }
        let store = builder.build().map_err(Failure::other)?;
        Ok(Box::new(TraitSession(Arc::new(store))))
    }
}
