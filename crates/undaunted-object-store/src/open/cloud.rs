//! What the three clouds have in common.
//!
//! object_store gives one retry config to the store and to the provider that fetches its
//! credentials. With it off, one lost packet on the way to a metadata service would fail
//! whatever needed a token. So each store is built twice: once as object_store would, to take
//! its credential provider, and once with retries off and that provider.

/// Defines `backend` for a cloud: the type of its builder, its name, and which providers pass
/// from the first store to the second.
macro_rules! backend {
    ($Builder:ty, $name:literal, $($with_provider:ident($provider:ident)),+) => {
        pub(super) fn backend(
            target: &$crate::open::Target,
        ) -> Result<$crate::open::Backend, $crate::open::OpenError> {
            let builder = <$Builder>::from_env().with_url(target.url.as_str());
            let builder = target.apply($name, builder, |builder, key, value| {
                Some(builder.with_config(key.parse().ok()?, value))
            })?;
            let failed = |source| $crate::open::OpenError::Store {
                url: target.to_string(),
                source,
            };
            let plain = builder.clone().build().map_err(failed)?;
            let connector = object_store::client::ReqwestConnector::default();
            let store = builder
                $(.$with_provider(plain.$provider().clone()))+
                .with_retry($crate::open::no_retries::no_retries())
                .with_http_connector($crate::connector::RetryConnector::new(connector))
                .build()
                .map_err(failed)?;
            let store = std::sync::Arc::new(store);
            let capabilities = $crate::capabilities::Capabilities::none()
                .with_parts(store.clone())
                .with_pages(store.clone())
                .with_signer(store.clone())
                .with_attributes();
            Ok($crate::open::Backend::new(store, capabilities))
        }
    };
}
pub(super) use backend;
