//! Where object_store looks for a cloud's credentials, in words, and for how long.
//!
//! Each function follows the order of the builder's own choice.

use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};

use crate::credentials::Search;

/// How a source of credentials is asked again: one that was busy or restarted has answered by
/// then, and one that is not there is given up before a person does.
pub(super) fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: 5,
        retry_timeout: LIMIT,
    }
}

/// How long one response of a source may take; each service gives one in less than a second.
pub(super) const TIMEOUT: &str = "4s";

/// Of a whole search.
const LIMIT: Duration = Duration::from_secs(9);

/// The command starts an interpreter, which takes seconds.
#[cfg(feature = "azure")]
const LIMIT_OF_AZURE_CLI: Duration = Duration::from_secs(30);

#[cfg(feature = "aws")]
pub(super) fn aws(builder: &object_store::aws::AmazonS3Builder) -> Search {
    use object_store::aws::AmazonS3ConfigKey as Key;

    let value = |key: Key| builder.get_config_value(&key);
    let web_identity = value(Key::WebIdentityTokenFile).zip(value(Key::RoleArn));
    let full_uri =
        value(Key::ContainerCredentialsFullUri).zip(value(Key::ContainerAuthorizationTokenFile));
    let asked = if value(Key::AccessKeyId).is_some() {
        "aws_access_key_id".to_owned()
    } else if let Some((file, role)) = web_identity {
        format!("the web identity in {file} for the role {role}")
    } else if let Some(uri) = value(Key::ContainerCredentialsRelativeUri) {
        format!("the container's credential service (169.254.170.2{uri})")
    } else if let Some((uri, _)) = full_uri {
        format!("the container's credential service ({uri})")
    } else {
        let endpoint = value(Key::MetadataEndpoint);
        let endpoint = endpoint.as_deref().unwrap_or("http://169.254.169.254");
        format!(
            "no key, web identity or container service is set, and the metadata service \
             ({endpoint})"
        )
    };
    Search {
        store: "S3",
        asked,
        advice: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (profiles are not read: `aws \
                 configure export-credentials --format env` prints theirs), or \
                 aws_skip_signature=true for a public bucket",
        limit: LIMIT,
    }
}

#[cfg(feature = "gcp")]
pub(super) fn gcp(builder: &object_store::gcp::GoogleCloudStorageBuilder) -> Search {
    use object_store::gcp::GoogleConfigKey as Key;

    let value = |key: Key| builder.get_config_value(&key);
    let asked = if value(Key::BearerToken).is_some() {
        "google_bearer_token".to_owned()
    } else if let Some(path) = value(Key::ServiceAccount) {
        format!("Google's token service, for the service account of {path},")
    } else if value(Key::ServiceAccountKey).is_some() {
        "Google's token service, for google_service_account_key,".to_owned()
    } else if let Some(path) = value(Key::ApplicationCredentials) {
        format!("Google's token service, for the credentials of {path},")
    } else {
        "no service account is set, and the login of gcloud, or else the metadata service,"
            .to_owned()
    };
    Search {
        store: "GCS",
        asked,
        advice: "set GOOGLE_SERVICE_ACCOUNT or GOOGLE_APPLICATION_CREDENTIALS, run `gcloud auth \
                 application-default login`, or set google_skip_signature=true for a public bucket",
        limit: LIMIT,
    }
}

#[cfg(feature = "azure")]
pub(super) fn azure(builder: &object_store::azure::MicrosoftAzureBuilder) -> Search {
    use object_store::azure::AzureConfigKey as Key;

    let value = |key: Key| builder.get_config_value(&key);
    let has = |keys: &[Key]| keys.iter().all(|key| value(*key).is_some());
    let kind = value(Key::CredentialType);
    let is = |name| kind.as_deref() == Some(name);
    let uses_cli = value(Key::UseAzureCli).is_some_and(|flag| flag == "true");
    let mut limit = LIMIT;
    let asked = if has(&[Key::FabricTokenServiceUrl, Key::FabricWorkloadHost]) {
        "the token service of Fabric".to_owned()
    } else if has(&[Key::Token]) || has(&[Key::AccessKey]) || has(&[Key::SasKey]) {
        "the token or key that is set".to_owned()
    } else if has(&[Key::ClientId, Key::AuthorityId]) && !is("managed_identity") {
        "Microsoft Entra ID, for the client that is set,".to_owned()
    } else if uses_cli || is("azure_cli") {
        limit = LIMIT_OF_AZURE_CLI;
        "the command `az account get-access-token`".to_owned()
    } else {
        let endpoint = value(Key::MsiEndpoint);
        let endpoint = endpoint.as_deref().unwrap_or("http://169.254.169.254");
        format!("no key, token or client is set, and the metadata service ({endpoint})")
    };
    Search {
        store: "Azure",
        asked,
        advice: "set AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, or AZURE_TENANT_ID with \
                 AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or azure_use_azure_cli=true, or \
                 azure_skip_signature=true for a public container",
        limit,
    }
}
