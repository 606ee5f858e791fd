//! `--upstream`: the endpoint behind the faults, and the credentials for it.

use std::io;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredentialProvider};
use object_store::{ClientOptions, RetryConfig};
use undaunted_chaos::server::{REGION, Upstream};
use undaunted_object_store::full_text;

use crate::error::CliError;
use crate::value::KeyValue;

/// Finds the credentials, and fails if there are none.
pub(super) async fn open(url: &str, options: &[KeyValue]) -> Result<Upstream, CliError> {
    let failed = |error: &object_store::Error| {
        let text = format!("--upstream: {}", full_text(error));
        CliError::Serve(io::Error::other(text))
    };
    let mut builder = AmazonS3Builder::from_env();
    for KeyValue { key, value } in options {
        let key: AmazonS3ConfigKey = key.parse().map_err(|error| failed(&error))?;
        builder = builder.with_config(key, value);
    }
    let region = builder.get_config_value(&AmazonS3ConfigKey::Region);
    let is_unsigned = builder.get_config_value(&AmazonS3ConfigKey::SkipSignature);
    let is_unsigned = is_unsigned.is_some_and(|value| value.parse() == Ok(true));
    let credentials: Option<AwsCredentialProvider> = if is_unsigned {
        None
    } else {
        let store = builder
            // It is needed for a store, which is not used.
            .with_bucket_name("bucket")
            .with_client_options(ClientOptions::new().with_connect_timeout(SOON))
            .with_retry(RetryConfig {
                max_retries: 1,
                retry_timeout: SOON,
                ..RetryConfig::default()
            })
            .build()
            .map_err(|error| failed(&error))?;
        let provider = store.credentials().clone();
        let found = provider.get_credential().await;
        found.map_err(|error| {
            let text = format!(
                "--upstream: no credentials were found: set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or --upstream-option aws_skip_signature=true for an \
                 endpoint that needs none: {}",
                full_text(&error)
            );
            CliError::Serve(io::Error::other(text))
        })?;
        Some(provider)
    };
    let region = region.unwrap_or_else(|| REGION.to_owned());
    Upstream::new(url, region, credentials).map_err(CliError::Serve)
}

/// A service of credentials is near, or is not there.
const SOON: Duration = Duration::from_secs(2);
