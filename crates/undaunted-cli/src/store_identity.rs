//! Whether two URLs lead to one store.

use std::env;

use crate::location::StoreLocation;
use crate::settings::StoreOptions;
use crate::store_kind::StoreKind;

/// What tells a store from others: the same for every spelling of its URL, and for options that
/// do not say where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreIdentity {
    kind: StoreKind,
    container: String,
    /// The endpoint or the account, where it is not the default.
    place: Option<String>,
}

impl StoreIdentity {
    pub(crate) fn of(location: &StoreLocation, options: &StoreOptions) -> Self {
        let (container, place) = spelled(location);
        let place = place_in(options, location.kind).or(place);
        Self {
            kind: location.kind,
            container,
            place: place.map(|place| place.trim_end_matches('/').to_lowercase()),
        }
    }
}

/// The bucket or container in a URL, and what else it says of the place.
fn spelled(location: &StoreLocation) -> (String, Option<String>) {
    let url = &location.url;
    let host = url.host_str().unwrap_or_default();
    let first_of_path = || {
        let mut segments = url.path_segments().into_iter().flatten();
        segments.next().unwrap_or_default().to_owned()
    };
    let first_of_host = || host.split('.').next().unwrap_or_default().to_owned();
    match (location.kind, url.scheme()) {
        (StoreKind::Http | StoreKind::Local | StoreKind::Memory, _) => (location.root(), None),
        (StoreKind::S3, "https") if host.ends_with("r2.cloudflarestorage.com") => {
            (first_of_path(), Some(format!("https://{host}")))
        }
        (StoreKind::S3, "https") if host.starts_with("s3") => (first_of_path(), None),
        (StoreKind::S3, "https") => {
            let bucket = host.split_once(".s3").map_or(host, |(bucket, _)| bucket);
            (bucket.to_owned(), None)
        }
        (StoreKind::Azure, "https") => (first_of_path(), Some(first_of_host())),
        // abfss://CONTAINER@ACCOUNT.dfs.core.windows.net
        (StoreKind::Azure, _) if !url.username().is_empty() => {
            (url.username().to_owned(), Some(first_of_host()))
        }
        _ => (host.to_owned(), None),
    }
}

/// Where the options, or else the environment, say that stores of this kind are.
fn place_in(options: &StoreOptions, kind: StoreKind) -> Option<String> {
    let (prefix, names) = match kind {
        StoreKind::S3 => ("aws_", S3_PLACES),
        StoreKind::Azure => ("azure_", AZURE_PLACES),
        _ => return None,
    };
    let option = options.iter().rev().find(|(key, _)| {
        let key = key.to_lowercase();
        names.contains(&key.strip_prefix(prefix).unwrap_or(&key))
    });
    let in_environment = || {
        let variable = |name: &&str| env::var(format!("{prefix}{name}").to_uppercase()).ok();
        let mut values = names.iter().filter_map(variable);
        values.find(|value| !value.is_empty())
    };
    option
        .map(|(_, value)| value.clone())
        .or_else(in_environment)
}

/// Options that say where S3 is, without their prefix.
const S3_PLACES: &[&str] = &["endpoint_url_s3", "endpoint_url", "endpoint"];

/// The same of Azure.
const AZURE_PLACES: &[&str] = &["storage_account_name", "account_name"];

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::location::Location;

    fn identity(url: &str, options: &[(&str, &str)]) -> StoreIdentity {
        let Ok(Location::Store(location)) = Location::parse(OsStr::new(url)) else {
            panic!("{url} is no store");
        };
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        StoreIdentity::of(&location, &options.iter().map(owned).collect())
    }

    #[test]
    fn every_spelling_of_a_store_is_one() {
        let minio = [("aws_endpoint", "http://localhost:9000")];
        let slash = [
            ("region", "x"),
            ("AWS_ENDPOINT_URL", "http://LOCALHOST:9000/"),
        ];
        assert_eq!(identity("s3://b/x", &minio), identity("s3a://b/y", &slash));
        for url in [
            "s3a://b/x",
            "https://b.s3.eu-west-1.amazonaws.com/x",
            "https://s3.amazonaws.com/b/x",
        ] {
            let options = [("aws_region", "eu-west-1")];
            assert_eq!(identity("s3://b/x", &[]), identity(url, &options), "{url}");
        }
        let account = [("account_name", "me")];
        for url in [
            "https://me.blob.core.windows.net/c/x",
            "abfss://c@me.dfs.core.windows.net/x",
        ] {
            assert_eq!(identity("az://c/x", &account), identity(url, &[]), "{url}");
        }
        assert_eq!(
            identity("http://h:80/x", &[]),
            identity("http://u:p@h/y", &[])
        );
    }

    #[test]
    fn other_buckets_and_other_places_are_other_stores() {
        let minio = [("endpoint", "http://localhost:9000")];
        assert_ne!(identity("s3://b/x", &minio), identity("s3://c/x", &minio));
        assert_ne!(identity("s3://b/x", &minio), identity("s3://b/x", &[]));
        assert_ne!(identity("s3://b/x", &[]), identity("gs://b/x", &[]));
        assert_ne!(identity("http://h/x", &[]), identity("https://h/x", &[]));
        assert_ne!(identity("http://h/x", &[]), identity("http://h:81/x", &[]));
    }
}
