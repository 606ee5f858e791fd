//! Stores behind a network: the three clouds, and web servers.
//!
//! object_store gives one retry config to a cloud's store and to the provider that fetches its
//! credentials. With it off, one lost packet on the way to a metadata service would fail
//! whatever needed a token. So each of them is built twice: once as object_store would, to take
//! its credential provider, and once with retries off and that provider.

use std::sync::Arc;

use object_store::{ClientConfigKey, RetryConfig};

use super::backend::Backend;
use super::settings::{Names, Settings};
use super::target::{OpenError, Target};
use crate::capabilities::Capabilities;
use crate::connector::runtime::OnRuntime;
use crate::connector::{RetryConnector, Service};

/// Defines `backend` for a cloud, of its builder and the type of its options. `endpoints` are the
/// options for another address, the first that is set being the one; `connector` makes what
/// connects of the first store and its credentials. `copy_limit` is the largest object that one
/// request copies, in bytes; `copy_advice` is for a copy that must not replace anything, where the
/// store refuses that. `prepared` sets defaults that depend on other options.
#[allow(unused_macros)] // without any cloud
macro_rules! cloud {
    (
        $Builder:ty,
        $Key:ty,
        $service:ident,
        $names:expr,
        search: $search:ident,
        endpoints: [$($endpoint:ident),+],
        connector: $connector:expr,
        copy_limit: $copy_limit:expr,
        copy_advice: $copy_advice:expr,
        prepared: $prepared:expr,
        $(also: $with_provider:ident($provider:ident),)?
    ) => {
        use super::*;
        use crate::credentials::{Generation, Renewable, Source};
        use crate::open::search;

        pub(in crate::open) fn backend(target: &Target) -> Result<Backend, OpenError> {
            let settings = Settings::read(target, &NAMES)?;
            let builder = builder(target, &settings);
            let address = [$(builder.get_config_value(&<$Key>::$endpoint)),+];
            let address = address.into_iter().flatten().next();
            settings.check_http(address.as_deref())?;
            let of_credentials = search::$search::source(builder.clone(), target.runtime.as_ref())
                .with_config(<$Key>::Client(ClientConfigKey::Timeout), search::TIMEOUT)
                .with_retry(search::retries());
            let plain = of_credentials.clone().build().map_err(|source| {
                let builds = |others: &Settings<$Key>| self::builder(target, others).build().is_ok();
                settings.blame(target, source, builds)
            })?;
            let generation = Arc::new(Generation::first(Service::$service != Service::S3));
            let search = search::$search::search(&builder);
            $(
                let of_provider = of_credentials.clone();
                let source = Source {
                    build: Box::new(move || Ok(of_provider.clone().build()?.$provider().clone())),
                    is_usable: search::$search::can_sign,
                };
                let first = plain.$provider().clone();
                let $provider =
                    Renewable::new(first, source, Arc::clone(&generation), search.clone());
            )?
            let source = Source {
                build: Box::new(move || Ok(of_credentials.clone().build()?.credentials().clone())),
                is_usable: search::$search::is_usable,
            };
            let first = plain.credentials().clone();
            let credentials = Renewable::new(first, source, Arc::clone(&generation), search);
            let credentials = Arc::new(credentials);
            let connector = $connector(&plain, &credentials);
            let connector = OnRuntime::new(connector, target.runtime.as_ref());
            let connector = RetryConnector::new(connector);
            let store = builder
                .with_credentials(credentials)
                $(.$with_provider(Arc::new($provider)))?
                .with_retry(no_retries())
                .with_http_connector(connector.service(Service::$service))
                .build()
                .map_err(|source| target.not_built(source))?;
            let store = Arc::new(store);
            let mut capabilities = Capabilities::none()
                .with_parts(store.clone())
                .with_pages(store.clone())
                .with_signer(store.clone())
                .with_attributes();
            capabilities.credentials = Some(generation);
            capabilities.copy_limit = $copy_limit;
            capabilities.copy_advice = $copy_advice;
            Ok(Backend::new(store, capabilities))
        }

        fn builder(target: &Target, settings: &Settings<$Key>) -> $Builder {
            let builder = settings
                .apply(<$Builder>::new(), <$Builder>::with_config)
                .with_url(target.url.as_str());
            $prepared(builder, target)
        }

        const NAMES: Names = $names;
    };
}

/// S3 and what speaks like it.
#[cfg(feature = "aws")]
pub(super) mod aws {
    use object_store::aws::{
        AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, Checksum, S3CopyIfNotExists,
    };
    use url::Url;

    use crate::connector::client::DirectConnector;
    use crate::connector::s3::S3Connector;
    use crate::open::value::parse_flag;

    cloud! {
        AmazonS3Builder,
        AmazonS3ConfigKey,
        S3,
        Names {
            store: "S3",
            prefix: Some("AWS_"),
            foreign: None,
            read_later: &[],
            option_prefix: "aws_",
        },
        search: aws,
        endpoints: [S3Endpoint, Endpoint],
        connector: connector,
        // "The copy source is larger than the maximum allowable size": 5368709120 bytes.
        copy_limit: Some(5 << 30),
        copy_advice: Some(COPY_ADVICE),
        prepared: |builder, target| with_checked_copies(with_checked_uploads(builder, target), target),
    }

    /// Has uploads checked by S3 also where they are not signed: a signature has the SHA-256 of the
    /// body. Services that speak its protocol may refuse a checksum that they do not know.
    fn with_checked_uploads(builder: AmazonS3Builder, target: &Target) -> AmazonS3Builder {
        type Key = AmazonS3ConfigKey;
        let value = |key| builder.get_config_value(&key);
        let is_true = |key| value(key).as_deref().and_then(parse_flag) == Some(true);
        let is_unsigned = is_true(Key::UnsignedPayload) || is_true(Key::SkipSignature);
        let is_told = value(Key::Checksum).is_some();
        if is_unsigned && is_of_aws(&host(&builder, target)) && !is_told {
            builder.with_checksum_algorithm(Checksum::CRC64NVME)
        } else {
            builder
        }
    }

    /// Has a copy that must not replace anything refused by a service that is known to check that.
    /// Others may overlook a header that they do not know, and replace the object.
    fn with_checked_copies(builder: AmazonS3Builder, target: &Target) -> AmazonS3Builder {
        let host = host(&builder, target);
        let is_told = builder.get_config_value(&AmazonS3ConfigKey::CopyIfNotExists);
        let header = match is_told {
            None if is_of_aws(&host) => "if-none-match",
            None if host.ends_with(".r2.cloudflarestorage.com") => {
                "cf-copy-destination-if-none-match"
            }
            _ => return builder,
        };
        let condition = S3CopyIfNotExists::Header(header.to_owned(), "*".to_owned());
        builder.with_copy_if_not_exists(condition)
    }

    /// Where requests go.
    fn host(builder: &AmazonS3Builder, target: &Target) -> String {
        let value = |key| builder.get_config_value(&key);
        let endpoint = value(AmazonS3ConfigKey::S3Endpoint)
            .or_else(|| value(AmazonS3ConfigKey::Endpoint))
            .map(|address| Url::parse(&address));
        let of = |url: &Url| url.host_str().unwrap_or_default().to_ascii_lowercase();
        match endpoint {
            Some(address) => address.as_ref().map(of).unwrap_or_default(),
            None if target.url.scheme().starts_with("http") => of(&target.url),
            None => "s3.amazonaws.com".to_owned(),
        }
    }

    fn is_of_aws(host: &str) -> bool {
        let host = host.strip_suffix(".cn").unwrap_or(host);
        host.ends_with(".amazonaws.com")
    }

    /// Of a copy that must not replace anything, at a service that may overlook that.
    const COPY_ADVICE: &str = "it is not known whether this service checks that a copy replaces \
        nothing: if it does, as AWS does, set the option aws_copy_if_not_exists to \"header: \
        if-none-match: *\"; if only when an upload is completed, to \"multipart\", which copies \
        neither metadata nor content type";

    fn connector(
        store: &AmazonS3,
        credentials: &Arc<Renewable<AwsCredential>>,
    ) -> S3Connector<DirectConnector> {
        // The URL may name the bucket in many ways, which the store has sorted out.
        let name = store.to_string();
        let bucket = name.strip_prefix("AmazonS3(");
        let bucket = bucket.and_then(|name| name.strip_suffix(')'));
        let bucket = bucket.unwrap_or_default().to_owned();
        S3Connector::new(DirectConnector, bucket, credentials.clone())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn uploads_to_s3_that_are_not_signed_have_a_checksum() {
            let unsigned = ("aws_unsigned_payload", "true");
            let anonymous = ("aws_skip_signature", "true");
            let crc = Some("crc64nvme".to_owned());
            for (url, options, expected) in [
                ("s3://bucket", &[][..], None),
                ("s3://bucket", &[unsigned], crc.clone()),
                ("s3://bucket", &[anonymous], crc.clone()),
                (
                    "https://bucket.s3.eu-west-1.amazonaws.com",
                    &[unsigned],
                    crc,
                ),
                (
                    "https://a.r2.cloudflarestorage.com/bucket",
                    &[unsigned],
                    None,
                ),
                (
                    "s3://bucket",
                    &[unsigned, ("aws_endpoint", "https://minio.example")],
                    None,
                ),
                (
                    "s3://bucket",
                    &[unsigned, ("aws_checksum_algorithm", "sha256")],
                    Some("sha256".to_owned()),
                ),
            ] {
                let checksum = setting(url, options, AmazonS3ConfigKey::Checksum);
                assert_eq!(checksum, expected, "{url} {options:?}");
            }
        }

        #[test]
        fn copies_are_checked_by_services_that_can() {
            let endpoint = "aws_endpoint";
            for (url, options, expected) in [
                ("s3://bucket", &[][..], Some("if-none-match")),
                (
                    "https://bucket.s3.cn-north-1.amazonaws.com.cn",
                    &[],
                    Some("if-none-match"),
                ),
                (
                    "s3://bucket",
                    &[(endpoint, "https://s3.eu-west-1.amazonaws.com")],
                    Some("if-none-match"),
                ),
                (
                    "https://a.r2.cloudflarestorage.com/bucket",
                    &[],
                    Some("cf-copy-destination-if-none-match"),
                ),
                (
                    "s3://bucket",
                    &[(endpoint, "https://a.r2.cloudflarestorage.com")],
                    Some("cf-copy-destination-if-none-match"),
                ),
                ("s3://bucket", &[(endpoint, "https://minio.example")], None),
                (
                    "s3://bucket",
                    &[(endpoint, "https://amazonaws.com.example")],
                    None,
                ),
            ] {
                let copies = setting(url, options, AmazonS3ConfigKey::CopyIfNotExists);
                let expected = expected.map(|header| format!("header: {header}: *"));
                assert_eq!(copies, expected, "{url} {options:?}");
            }
            let told = [("aws_copy_if_not_exists", "multipart")];
            let copies = setting("s3://bucket", &told, AmazonS3ConfigKey::CopyIfNotExists);
            assert_eq!(copies.as_deref(), Some("multipart"));
        }

        fn setting(url: &str, options: &[(&str, &str)], key: AmazonS3ConfigKey) -> Option<String> {
            let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            let target = Target {
                scheme: object_store::ObjectStoreScheme::AmazonS3,
                url: url.parse().unwrap(),
                path: object_store::path::Path::default(),
                options: options.iter().map(own).collect(),
                runtime: None,
            };
            let settings = Settings::read(&target, &NAMES).unwrap();
            builder(&target, &settings).get_config_value(&key)
        }
    }
}

#[cfg(feature = "azure")]
pub(super) mod azure {
    use crate::connector::client::DirectConnector;
    use crate::open::value::Kind;

    cloud! {
        object_store::azure::MicrosoftAzureBuilder,
        object_store::azure::AzureConfigKey,
        Azure,
        Names {
            store: "Azure",
            prefix: Some("AZURE_"),
            foreign: Some(("IDENTITY_ENDPOINT", "azure_msi_endpoint")),
            read_later: &[
                ("AZURITE_BLOB_STORAGE_URL", Kind::Url),
                ("IDENTITY_HEADER", Kind::Header),
            ],
            option_prefix: "azure_",
        },
        search: azure,
        endpoints: [Endpoint],
        connector: |_, _| DirectConnector,
        copy_limit: None,
        copy_advice: None,
        prepared: |builder, _| builder,
    }
}

#[cfg(feature = "gcp")]
pub(super) mod gcp {
    use crate::connector::client::DirectConnector;
    use crate::open::value::Kind;

    cloud! {
        object_store::gcp::GoogleCloudStorageBuilder,
        object_store::gcp::GoogleConfigKey,
        Google,
        Names {
            store: "GCS",
            prefix: Some("GOOGLE_"),
            foreign: Some(("SERVICE_ACCOUNT", "google_service_account")),
            read_later: &[
                ("GCE_METADATA_HOST", Kind::Name),
                ("GCE_METADATA_IP", Kind::Name),
                ("GCE_METADATA_ROOT", Kind::Name),
            ],
            option_prefix: "google_",
        },
        search: gcp,
        endpoints: [BaseUrl],
        connector: |_, _| DirectConnector,
        copy_limit: None,
        copy_advice: None,
        prepared: |builder, _| builder,
        also: with_signing_credentials(signing_credentials),
    }
}

/// WebDAV, or reads from any web server.
#[cfg(feature = "http")]
pub(super) mod http {
    use object_store::client::ReqwestConnector;
    use object_store::http::HttpBuilder;
    use url::Position;

    use super::{
        Arc, Backend, Capabilities, ClientConfigKey, Names, OnRuntime, OpenError, RetryConnector,
        Service, Settings, Target, no_retries,
    };

    pub(in crate::open) fn backend(target: &Target) -> Result<Backend, OpenError> {
        let settings: Settings<ClientConfigKey> = Settings::read(target, &NAMES)?;
        let builder = builder(target, &settings);
        settings.check_http(Some(target.url.as_str()))?;
        let connector = OnRuntime::new(ReqwestConnector::default(), target.runtime.as_ref());
        let connector = RetryConnector::new(connector);
        let store = builder
            .with_http_connector(connector.service(Service::Web))
            .build()
            .map_err(|source| {
                let builds = |others: &_| self::builder(target, others).build().is_ok();
                settings.blame(target, source, builds)
            })?;
        let capabilities = Capabilities::none().with_native_rename();
        Ok(Backend::new(Arc::new(store), capabilities))
    }

    fn builder(target: &Target, settings: &Settings<ClientConfigKey>) -> HttpBuilder {
        settings
            .apply(HttpBuilder::new(), HttpBuilder::with_config)
            .with_url(&target.url[..Position::BeforePath])
            .with_retry(no_retries())
    }

    const NAMES: Names = Names {
        store: "HTTP",
        prefix: None,
        foreign: None,
        read_later: &[],
        option_prefix: "",
    };
}

/// The store's own retries, off: two layers would multiply.
fn no_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}
