//! Where object_store looks for a cloud's credentials, in words, and for how long.
//!
//! Each function follows the order of the builder's own choice.

use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};
use tokio::runtime::Handle;

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
pub(super) mod aws {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key, AwsCredential};

    use super::{Handle, LIMIT, Search};
    use crate::connector::runtime::OnRuntime;
    use crate::connector::source::{Container, SourceConnector};
    use crate::open::value::{LONGEST, is_header};

    /// The builder that fetches credentials.
    ///
    /// object_store panics at a file of the container's token that ends in a line break, so the
    /// connector reads it, and object_store believes that the service needs none.
    pub(in crate::open) fn source(
        builder: AmazonS3Builder,
        runtime: Option<&Handle>,
    ) -> AmazonS3Builder {
        let value = |key: Key| builder.get_config_value(&key);
        let uri = value(Key::ContainerCredentialsFullUri);
        let container = uri.zip(value(Key::ContainerAuthorizationTokenFile));
        let container = container.filter(|_| value(Key::ContainerCredentialsRelativeUri).is_none());
        match container {
            None => {
                let connector = SourceConnector::default();
                builder.with_http_connector(OnRuntime::new(connector, runtime))
            }
            Some((uri, token_file)) => {
                let connector = SourceConnector::of_container(Container { uri, token_file });
                builder
                    .with_config(Key::ContainerCredentialsRelativeUri, "/")
                    .with_http_connector(OnRuntime::new(connector, runtime))
            }
        }
    }

    /// Whether a request can be signed with it.
    pub(in crate::open) fn is_usable(credential: &AwsCredential) -> bool {
        let token = credential.token.as_deref().unwrap_or_default();
        is_header(&credential.key_id) && is_header(token)
    }

    pub(in crate::open) fn search(builder: &AmazonS3Builder) -> Search {
        let value = |key: Key| builder.get_config_value(&key);
        let web_identity = value(Key::WebIdentityTokenFile).zip(value(Key::RoleArn));
        let full_uri = value(Key::ContainerCredentialsFullUri)
            .zip(value(Key::ContainerAuthorizationTokenFile));
        let mut obstacle = None;
        let asked = if value(Key::AccessKeyId).is_some() {
            "aws_access_key_id".to_owned()
        } else if let Some((file, role)) = web_identity {
            let length = std::fs::metadata(&file).map_or(0, |file| file.len());
            if length > LONGEST as u64 {
                obstacle = Some(format!("{file} is no token: it has {length} bytes"));
            }
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
            obstacle,
        }
    }
}

#[cfg(feature = "gcp")]
pub(super) mod gcp {
    use std::env::var_os;
    use std::ffi::OsString;
    use std::path::Path;

    use object_store::client::ReqwestConnector;
    use object_store::gcp::{
        GcpCredential, GcpSigningCredential, GoogleCloudStorageBuilder, GoogleConfigKey as Key,
    };

    use super::{Handle, LIMIT, Search};
    use crate::connector::runtime::OnRuntime;
    use crate::open::value::is_header;

    /// The builder that fetches credentials.
    pub(in crate::open) fn source(
        builder: GoogleCloudStorageBuilder,
        runtime: Option<&Handle>,
    ) -> GoogleCloudStorageBuilder {
        builder.with_http_connector(OnRuntime::new(ReqwestConnector::default(), runtime))
    }

    /// Whether a request can be sent with it.
    pub(in crate::open) fn is_usable(credential: &GcpCredential) -> bool {
        is_header(&credential.bearer)
    }

    /// Whether a URL can be signed with it: the address becomes part of another.
    pub(in crate::open) fn can_sign(credential: &GcpSigningCredential) -> bool {
        is_header(&credential.email) && !credential.email.contains(' ')
    }

    pub(in crate::open) fn search(builder: &GoogleCloudStorageBuilder) -> Search {
        let value = |key: Key| builder.get_config_value(&key);
        let mut obstacle = None;
        let asked = if value(Key::BearerToken).is_some() {
            "google_bearer_token".to_owned()
        } else if let Some(path) = value(Key::ServiceAccount) {
            format!("Google's token service, for the service account of {path},")
        } else if value(Key::ServiceAccountKey).is_some() {
            "Google's token service, for google_service_account_key,".to_owned()
        } else if let Some(path) = value(Key::ApplicationCredentials) {
            format!("Google's token service, for the credentials of {path},")
        } else {
            let empty = METADATA_VARIABLES
                .iter()
                .find(|name| var_os(name).is_some_and(|value| value.is_empty()));
            if let (Some(name), false) = (empty, has_login(var_os(HOME))) {
                obstacle = Some(format!(
                    "the environment variable {name} is empty: unset it"
                ));
            }
            "no service account is set, and the login of gcloud, or else the metadata service,"
                .to_owned()
        };
        Search {
            store: "GCS",
            asked,
            advice: "set GOOGLE_SERVICE_ACCOUNT or GOOGLE_APPLICATION_CREDENTIALS, run `gcloud auth \
                 application-default login`, or set google_skip_signature=true for a public bucket",
            limit: LIMIT,
            obstacle,
        }
    }

    /// Whether gcloud has left credentials where object_store finds them, in the folder that [`HOME`]
    /// names.
    pub(super) fn has_login(home: Option<OsString>) -> bool {
        home.is_some_and(|home| Path::new(&home).join(LOGIN).exists())
    }

    /// The variable with the folder that has [`LOGIN`].
    const HOME: &str = if cfg!(windows) { "APPDATA" } else { "HOME" };

    /// The file that `gcloud auth application-default login` writes.
    pub(super) const LOGIN: &str = if cfg!(windows) {
        "gcloud/application_default_credentials.json"
    } else {
        ".config/gcloud/application_default_credentials.json"
    };

    /// Those by which object_store finds the metadata service. It takes an empty one for a host.
    const METADATA_VARIABLES: [&str; 3] =
        ["GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"];
}

#[cfg(feature = "azure")]
pub(super) mod azure {
    use object_store::azure::{AzureConfigKey as Key, AzureCredential, MicrosoftAzureBuilder};
    use object_store::client::ReqwestConnector;

    use super::{Handle, LIMIT, LIMIT_OF_AZURE_CLI, Search};
    use crate::connector::runtime::OnRuntime;
    use crate::open::value::is_header;

    /// The builder that fetches credentials.
    pub(in crate::open) fn source(
        builder: MicrosoftAzureBuilder,
        runtime: Option<&Handle>,
    ) -> MicrosoftAzureBuilder {
        builder.with_http_connector(OnRuntime::new(ReqwestConnector::default(), runtime))
    }

    /// Whether a request can be sent with it.
    pub(in crate::open) fn is_usable(credential: &AzureCredential) -> bool {
        match credential {
            AzureCredential::BearerToken(token) => is_header(token),
            AzureCredential::AccessKey(_) | AzureCredential::SASToken(_) => true,
        }
    }

    pub(in crate::open) fn search(builder: &MicrosoftAzureBuilder) -> Search {
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
            obstacle: None,
        }
    }
}

#[cfg(test)]
#[cfg(all(feature = "aws", feature = "azure", feature = "gcp"))]
mod tests;
