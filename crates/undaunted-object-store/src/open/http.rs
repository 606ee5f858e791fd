//! WebDAV, or reads from any web server.

use std::sync::Arc;

use object_store::client::ReqwestConnector;
use object_store::http::HttpBuilder;
use url::Position;

use super::no_retries::no_retries;
use super::{Backend, OpenError, Target};
use crate::capabilities::Capabilities;
use crate::connector::RetryConnector;

pub(super) fn backend(target: &Target) -> Result<Backend, OpenError> {
    let builder = HttpBuilder::new().with_url(&target.url[..Position::BeforePath]);
    let builder = target.apply("HTTP", builder, |builder, key, value| {
        Some(builder.with_config(key.parse().ok()?, value))
    })?;
    let store = builder
        .with_retry(no_retries())
        .with_http_connector(RetryConnector::new(ReqwestConnector::default()))
        .build()
        .map_err(|source| OpenError::Store {
            url: target.to_string(),
            source,
        })?;
    Ok(Backend::new(
        Arc::new(store),
        Capabilities::none().with_native_rename(),
    ))
}
