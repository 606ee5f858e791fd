//! Stores behind a network: the three clouds, and web servers.
//!
//! object_store gives one retry config to a cloud's store and to the provider that fetches its
//! credentials. With it off, one lost packet on the way to a metadata service would fail
//! whatever needed a token. So each of them is built twice: once as object_store would, to take
//! its credential provider, and once with retries off and that provider.

use object_store::RetryConfig;

/// Defines `backend` for a cloud: the type of its builder, its name, and which providers pass
/// from the first store to the second.
#[allow(unused_macros)] // without any cloud
macro_rules! cloud {
    (
        $Builder:ty, $service:ident, $name:literal, $($with_provider:ident($provider:ident)),+
        $(; $with_limit:ident($limit:expr))?
    ) => {
        use std::sync::Arc;

        use object_store::client::ReqwestConnector;

        use super::no_retries;
        use crate::capabilities::Capabilities;
        use crate::connector::{RetryConnector, Service};
        use crate::open::backend::Backend;
        use crate::open::target::{OpenError, Target};

        pub(in crate::open) fn backend(target: &Target) -> Result<Backend, OpenError> {
            let builder = <$Builder>::from_env().with_url(target.url.as_str());
            let builder = target.apply($name, builder, |builder, key, value| {
                Some(builder.with_config(key.parse().ok()?, value))
            })?;
            let failed = |source| target.not_built(source);
            let plain = builder.clone().build().map_err(failed)?;
            let connector = RetryConnector::new(ReqwestConnector::default());
            let connector = connector.service(Service::$service);
            let store = builder
                $(.$with_provider(plain.$provider().clone()))+
                .with_retry(no_retries())
                .with_http_connector(connector)
                .build()
                .map_err(failed)?;
            let store = Arc::new(store);
            let capabilities = Capabilities::none()
                .with_parts(store.clone())
                .with_pages(store.clone())
                .with_signer(store.clone())
                .with_attributes()
                $(.$with_limit($limit))?;
            Ok(Backend::new(store, capabilities))
        }
    };
}

/// S3 and what speaks like it.
#[cfg(feature = "aws")]
pub(super) mod aws {
    cloud! {
        object_store::aws::AmazonS3Builder,
        S3,
        "S3",
        with_credentials(credentials);
        // "The copy source is larger than the maximum allowable size": 5368709120 bytes.
        with_copy_limit(5 << 30)
    }
}

#[cfg(feature = "azure")]
pub(super) mod azure {
    cloud! {
        object_store::azure::MicrosoftAzureBuilder,
        Azure,
        "Azure",
        with_credentials(credentials)
    }
}

#[cfg(feature = "gcp")]
pub(super) mod gcp {
    cloud! {
        object_store::gcp::GoogleCloudStorageBuilder,
        Google,
        "GCS",
        with_credentials(credentials),
        with_signing_credentials(signing_credentials)
    }
}

/// WebDAV, or reads from any web server.
#[cfg(feature = "http")]
pub(super) mod http {
    use std::sync::Arc;

    use object_store::client::ReqwestConnector;
    use object_store::http::HttpBuilder;
    use url::Position;

    use super::no_retries;
    use crate::capabilities::Capabilities;
    use crate::connector::{RetryConnector, Service};
    use crate::open::backend::Backend;
    use crate::open::target::{OpenError, Target};

    pub(in crate::open) fn backend(target: &Target) -> Result<Backend, OpenError> {
        let builder = HttpBuilder::new().with_url(&target.url[..Position::BeforePath]);
        let builder = target.apply("HTTP", builder, |builder, key, value| {
            Some(builder.with_config(key.parse().ok()?, value))
        })?;
        let connector = RetryConnector::new(ReqwestConnector::default());
        let store = builder
            .with_retry(no_retries())
            .with_http_connector(connector.service(Service::Web))
            .build()
            .map_err(|source| target.not_built(source))?;
        let capabilities = Capabilities::none().with_native_rename();
        Ok(Backend::new(Arc::new(store), capabilities))
    }
}

/// The store's own retries, off: two layers would multiply.
fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}
