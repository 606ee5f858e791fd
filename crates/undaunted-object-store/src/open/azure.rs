//! Azure.

use std::sync::Arc;

use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::ReqwestConnector;

use super::credentials::no_retries;
use super::{Backend, OpenError, Target};
use crate::capabilities::Capabilities;
use crate::connector::RetryConnector;

pub(super) fn backend(target: &Target) -> Result<Backend, OpenError> {
    let builder = MicrosoftAzureBuilder::from_env().with_url(target.url.as_str());
    let builder = target.apply("Azure", builder, |builder, key, value| {
        Some(builder.with_config(key.parse().ok()?, value))
    })?;
    let failed = |source| OpenError::Store {
        url: target.to_string(),
        source,
    };
    let plain = builder.clone().build().map_err(failed)?;
    let store = builder
        .with_credentials(plain.credentials().clone())
        .with_retry(no_retries())
        .with_http_connector(RetryConnector::new(ReqwestConnector::default()))
        .build()
        .map_err(failed)?;
    let store = Arc::new(store);
    let capabilities = Capabilities::none()
        .with_parts(store.clone())
        .with_pages(store.clone())
        .with_signer(store.clone())
        .with_attributes();
    Ok(Backend::new(store, capabilities))
}
