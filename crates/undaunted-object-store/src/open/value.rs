//! The options of all stores, and what a value of each must be.

use std::time::Duration;

use http::Uri;
use url::Url;

/// What a value must be, so that nothing takes it for an impossible one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `true` or `false`.
    Flag,
    Duration,
    Count,
    /// A number in these bounds.
    Between(u32, u32),
    /// Part of a URL: a bucket, an account, a region.
    Name,
    /// An address with its scheme, behind which a path is put.
    Url,
    /// An address that is asked as it is.
    Service,
    /// An address that may have a user, and do without its scheme.
    Proxy,
    /// What is behind a host.
    UrlPath,
    /// What goes into a header.
    Header,
    /// One line.
    Text,
    /// Many lines.
    Document,
}

impl Kind {
    /// Whether this is such a value; if not, what is wrong with it, without saying it.
    pub(super) fn check(self, value: &str) -> Result<(), String> {
        if self == Self::Document {
            return Ok(());
        }
        if value.chars().any(char::is_control) {
            return Err(
                "it contains a control character, such as a line break at its end".to_owned(),
            );
        }
        if value.trim() != value {
            return Err("it begins or ends with white space".to_owned());
        }
        if value.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        let wanted = match self {
            Self::Flag if parse_flag(value).is_none() => "it must be true or false",
            Self::Duration if !is_duration(value) => {
                "it must be a duration of at most a year, such as 30s or 5m"
            }
            Self::Count if value.parse::<usize>().is_err() => "it must be a number, such as 10",
            Self::Between(least, most) => {
                let number = value.parse().ok();
                if number.is_some_and(|number| (least..=most).contains(&number)) {
                    return Ok(());
                }
                return Err(format!("it must be a number from {least} to {most}"));
            }
            Self::Name if !is_name(value) => {
                "it must be a name of at most 255 letters, digits and signs such as -"
            }
            Self::Url | Self::Service => return self.check_url(value),
            Self::Proxy if !is_proxy(value) => {
                "it must be the URL of a proxy, such as http://proxy.example:3128"
            }
            Self::UrlPath if !value.starts_with('/') || !is_in_url(value) => {
                "it must be the path of a URL, such as /v2/credentials"
            }
            Self::Header if !is_header(value) => "it must consist of printable ASCII characters",
            _ => return Ok(()),
        };
        Err(wanted.to_owned())
    }

    /// A user's password would be sent to nobody, and behind a query the object's path would be
    /// part of it.
    fn check_url(self, value: &str) -> Result<(), String> {
        let Some((scheme, _)) = value.split_once("://") else {
            return Err("it must begin with https:// or http://".to_owned());
        };
        if !matches!(scheme, "http" | "https") {
            return Err("its scheme must be https:// or http://".to_owned());
        }
        if !is_in_url(value) || value.parse::<Uri>().is_err() {
            return Err("it is not a valid URL".to_owned());
        }
        let url = Url::parse(value).map_err(|error| format!("it is not a valid URL: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it must not contain a user or a password".to_owned());
        }
        if self == Self::Url && (url.query().is_some() || url.fragment().is_some()) {
            return Err("it must not contain a query (?) or a fragment (#)".to_owned());
        }
        Ok(())
    }
}

/// The kind of an option, by the name that object_store gives it first.
pub(super) fn kind(name: &str) -> Option<Kind> {
    let known = OPTIONS.iter().find(|(known, _)| *known == name);
    known.map(|(_, kind)| *kind)
}

/// Every option of every store.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|(name, _)| *name)
}

fn is_proxy(value: &str) -> bool {
    let with_scheme = if value.contains("://") {
        value.to_owned()
    } else {
        format!("http://{value}")
    };
    is_in_url(value)
        && with_scheme.parse::<Uri>().is_ok()
        && Url::parse(&with_scheme).is_ok_and(|url| url.has_host())
}

/// A flag as object_store reads it.
pub(crate) fn parse_flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "on" | "yes" | "y" => Some(true),
        "0" | "false" | "off" | "no" | "n" => Some(false),
        _ => None,
    }
}

/// Whether a header can hold it, and any client reads it as text.
pub(super) fn is_header(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn is_name(value: &str) -> bool {
    value.len() <= 255
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~:/$".contains(&byte))
}

/// Whether each character may stand in a URL as it is.
fn is_in_url(value: &str) -> bool {
    value
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

fn is_duration(value: &str) -> bool {
    humantime::parse_duration(value).is_ok_and(|duration| duration <= LONGEST_DURATION)
}

/// Services refuse headers that are longer, and a URL must stay below 64 KiB with this in it.
pub(super) const LONGEST: usize = 16 * 1024;

/// The clock of some systems ends not long after.
const LONGEST_DURATION: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Every option of object_store's, by the name that it gives it first.
const OPTIONS: [(&str, Kind); 83] = [
    ("allow_http", Kind::Flag),
    ("allow_invalid_certificates", Kind::Flag),
    ("connect_timeout", Kind::Duration),
    ("default_content_type", Kind::Header),
    ("disable_system_certificates", Kind::Flag),
    ("http1_only", Kind::Flag),
    ("http2_keep_alive_interval", Kind::Duration),
    ("http2_keep_alive_timeout", Kind::Duration),
    ("http2_keep_alive_while_idle", Kind::Flag),
    // As HTTP/2 says.
    ("http2_max_frame_size", Kind::Between(16_384, 16_777_215)),
    ("http2_only", Kind::Flag),
    ("pool_idle_timeout", Kind::Duration),
    ("pool_max_idle_per_host", Kind::Count),
    ("proxy_ca_certificate", Kind::Document),
    ("proxy_excludes", Kind::Text),
    ("proxy_url", Kind::Proxy),
    ("randomize_addresses", Kind::Flag),
    ("read_timeout", Kind::Duration),
    ("timeout", Kind::Duration),
    ("user_agent", Kind::Header),
    ("aws_access_key_id", Kind::Header),
    ("aws_bucket", Kind::Name),
    ("aws_checksum_algorithm", Kind::Text),
    ("aws_conditional_put", Kind::Text),
    ("aws_container_authorization_token_file", Kind::Text),
    ("aws_container_credentials_full_uri", Kind::Service),
    ("aws_container_credentials_relative_uri", Kind::UrlPath),
    ("aws_copy_if_not_exists", Kind::Text),
    ("aws_default_region", Kind::Name),
    ("aws_disable_bulk_delete", Kind::Flag),
    ("aws_disable_tagging", Kind::Flag),
    ("aws_endpoint", Kind::Url),
    ("aws_endpoint_url_s3", Kind::Url),
    ("aws_endpoint_url_sts", Kind::Url),
    ("aws_imdsv1_fallback", Kind::Flag),
    ("aws_metadata_endpoint", Kind::Url),
    ("aws_region", Kind::Name),
    ("aws_request_payer", Kind::Flag),
    ("aws_role_arn", Kind::Text),
    ("aws_role_session_name", Kind::Text),
    ("aws_s3_express", Kind::Flag),
    ("aws_secret_access_key", Kind::Header),
    ("aws_server_side_encryption", Kind::Text),
    ("aws_session_token", Kind::Header),
    ("aws_skip_signature", Kind::Flag),
    ("aws_sse_bucket_key_enabled", Kind::Flag),
    ("aws_sse_customer_key_base64", Kind::Header),
    ("aws_sse_kms_key_id", Kind::Header),
    ("aws_unsigned_payload", Kind::Flag),
    ("aws_virtual_hosted_style_request", Kind::Flag),
    ("aws_web_identity_token_file", Kind::Text),
    ("google_application_credentials", Kind::Text),
    ("google_base_url", Kind::Url),
    ("google_bearer_token", Kind::Header),
    ("google_bucket", Kind::Name),
    ("google_service_account", Kind::Text),
    ("google_service_account_key", Kind::Document),
    ("google_skip_signature", Kind::Flag),
    ("azure_container_name", Kind::Name),
    ("azure_credential_type", Kind::Text),
    ("azure_disable_tagging", Kind::Flag),
    ("azure_fabric_cluster_identifier", Kind::Header),
    ("azure_fabric_session_token", Kind::Header),
    ("azure_fabric_token_service_url", Kind::Service),
    ("azure_fabric_workload_host", Kind::Header),
    ("azure_federated_token_file", Kind::Text),
    ("azure_msi_endpoint", Kind::Service),
    ("azure_msi_resource_id", Kind::Header),
    ("azure_object_id", Kind::Header),
    ("azure_skip_signature", Kind::Flag),
    ("azure_storage_account_key", Kind::Header),
    ("azure_storage_account_name", Kind::Name),
    ("azure_storage_authority_host", Kind::Url),
    ("azure_storage_client_id", Kind::Header),
    ("azure_storage_client_secret", Kind::Header),
    ("azure_storage_encryption_key", Kind::Header),
    ("azure_storage_endpoint", Kind::Url),
    ("azure_storage_sas_key", Kind::Header),
    ("azure_storage_tenant_id", Kind::Name),
    ("azure_storage_token", Kind::Header),
    ("azure_storage_use_emulator", Kind::Flag),
    ("azure_use_azure_cli", Kind::Flag),
    ("azure_use_fabric_endpoint", Kind::Flag),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_url_and_nothing_more() {
        for right in [
            "http://127.0.0.1:9000",
            "https://minio.example/",
            "https://[::1]:9000/prefix",
            "http://localhost",
        ] {
            assert_eq!(Kind::Url.check(right), Ok(()), "{right}");
        }
        for wrong in [
            "localhost:9000",
            "minio.example",
            "ftp://host",
            "http://",
            "https://a b",
            "https://host\n",
            "https://h\u{f6}st",
            "https://user:password@host",
            "https://host?query",
            "https://host#fragment",
            "https://host:port",
            "https://ho{st",
            "https:/host",
        ] {
            let reason = Kind::Url.check(wrong).unwrap_err();
            assert!(!reason.contains(wrong), "{reason}");
        }
    }

    /// Checks that each option of this type has a kind.
    #[cfg(feature = "aws")]
    fn all_have_a_kind<K: serde::de::DeserializeOwned + AsRef<str>>() {
        let of_name = |name| K::deserialize(serde::de::value::StrDeserializer::new(name));
        let error: serde::de::value::Error = of_name("none").err().unwrap();
        let names = error.to_string();
        let mut checked = 0;
        for name in names.split('`').skip(3).step_by(2) {
            // Those that hold another type's options cannot be read from a name alone.
            if let Ok(key) = of_name(name) {
                assert!(kind(key.as_ref()).is_some(), "{}", key.as_ref());
                checked += 1;
            }
        }
        assert!(checked > 5, "{names}");
    }

    #[cfg(feature = "aws")]
    #[test]
    fn every_option_of_object_stores_has_a_kind() {
        all_have_a_kind::<object_store::ClientConfigKey>();
        all_have_a_kind::<object_store::aws::AmazonS3ConfigKey>();
        #[cfg(feature = "azure")]
        all_have_a_kind::<object_store::azure::AzureConfigKey>();
        #[cfg(feature = "gcp")]
        all_have_a_kind::<object_store::gcp::GoogleConfigKey>();
    }

    #[test]
    fn a_value_is_told_what_would_be_right() {
        let told = |kind: Kind, value| kind.check(value).unwrap_err();
        assert!(told(Kind::Flag, "maybe").contains("true or false"));
        assert!(told(Kind::Duration, "soon").contains("30s"));
        assert!(told(Kind::Duration, "1000y").contains("a year"));
        assert!(told(Kind::Count, "-1").contains("a number"));
        assert!(told(Kind::Between(1, 9), "10").contains("1 to 9"));
        assert!(told(Kind::Header, "AK\n").contains("control character"));
        assert!(told(Kind::Header, "\u{f6}").contains("ASCII"));
        assert!(told(Kind::Name, "eu west").contains("a name"));
        assert_eq!(Kind::Document.check("{\n}"), Ok(()));
    }

    #[test]
    fn a_value_that_is_right_passes_and_one_beside_it_does_not() {
        let longest = "x".repeat(16 * 1024);
        let longest_name = "n".repeat(255);
        for (kind, right) in [
            (Kind::Flag, "yes"),
            (Kind::Duration, "366days"),
            (Kind::Count, "10"),
            (Kind::Between(1, 9), "1"),
            (Kind::Between(1, 9), "9"),
            (Kind::Name, &longest_name),
            (Kind::Url, "https://host:9000/path"),
            (Kind::Service, "https://host/token?query#fragment"),
            (Kind::Proxy, "proxy.example:3128"),
            (Kind::Proxy, "http://user:password@proxy.example:3128"),
            (Kind::Proxy, "socks5://proxy.example"),
            (Kind::UrlPath, "/v2/credentials"),
            (Kind::Header, "printable ASCII ~"),
            (Kind::Text, "what\u{e4}ver"),
            (Kind::Text, &longest),
        ] {
            assert_eq!(kind.check(right), Ok(()), "{kind:?} {right}");
        }
        let too_long = longest.clone() + "x";
        let too_long_name = longest_name.clone() + "n";
        for (kind, wrong, reason) in [
            (Kind::Flag, "maybe", "true or false"),
            (Kind::Duration, "367days", "at most a year"),
            (Kind::Between(1, 9), "0", "from 1 to 9"),
            (Kind::Between(1, 9), "10", "from 1 to 9"),
            (Kind::Name, &too_long_name, "at most 255"),
            (Kind::Url, "https://user@host", "a user or a password"),
            (Kind::Url, "https://:password@host", "a user or a password"),
            (Kind::Url, "https://host?query", "a query"),
            (Kind::Url, "https://host#fragment", "a query"),
            (Kind::Service, "https://user@host", "a user or a password"),
            (Kind::Service, "https://ho{st", "not a valid URL"),
            (Kind::Proxy, "prox{y.example", "of a proxy"),
            (Kind::Proxy, "http://proxy.example/{path}", "of a proxy"),
            (Kind::Proxy, "http://", "of a proxy"),
            (Kind::Proxy, "proxy.example:port", "of a proxy"),
            (Kind::UrlPath, "v2/credentials", "the path of a URL"),
            (Kind::UrlPath, "/v2/{credentials}", "the path of a URL"),
            (Kind::Text, " text", "white space"),
            (Kind::Text, "te\nxt", "control character"),
            (Kind::Text, &too_long, "longer than 16384 bytes"),
        ] {
            let told = kind.check(wrong).unwrap_err();
            assert!(told.contains(reason), "{kind:?}: {told}");
        }
    }
}
