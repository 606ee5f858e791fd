//! The meaning of SRC, DST and URL arguments: a local path, a key in a store, or a stream.

use std::ffi::{OsStr, OsString};
use std::path::{self, Component, Path as FsPath, PathBuf};

use object_store::ObjectStoreScheme;
use object_store::path::Path;
use undaunted_object_store::{check_url, is_url, mistyped_url};
use url::Url;

use crate::error::UsageError;
use crate::store_kind::StoreKind;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    Local(LocalLocation),
    Store(StoreLocation),
    /// stdin or stdout.
    Stream,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalLocation {
    pub(crate) path: PathBuf,
    /// Whether it was written with a trailing slash.
    pub(crate) has_slash: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreLocation {
    pub(crate) url: Url,
    pub(crate) kind: StoreKind,
    /// The path within the store.
    pub(crate) path: Path,
    pub(crate) has_slash: bool,
}

impl Location {
    pub(crate) fn parse(text: &OsStr) -> Result<Self, UsageError> {
        if text.is_empty() {
            return Err(UsageError::Empty);
        }
        if let Some(url) = text.to_str().and_then(mistyped_url) {
            return Err(UsageError::MistypedUrl { url });
        }
        match text.to_str() {
            Some("-") => Ok(Self::Stream),
            Some(text) if is_url(text) => parse_url(text),
            _ => Ok(Self::Local(LocalLocation {
                has_slash: ends_in_slash(text),
                path: PathBuf::from(text),
            })),
        }
    }

    /// The path, if it is one of the local file system.
    pub(crate) fn local_path(&self) -> Option<&FsPath> {
        match self {
            Self::Local(local) => Some(&local.path),
            Self::Store(_) | Self::Stream => None,
        }
    }

    pub(crate) const fn kind(&self) -> Option<StoreKind> {
        match self {
            Self::Local(_) => Some(StoreKind::Local),
            Self::Store(store) => Some(store.kind),
            Self::Stream => None,
        }
    }

    /// Its name in messages. No secrets: of a URL no user, password or query.
    pub(crate) fn display_name(&self) -> String {
        match self {
            Self::Local(local) => local.path.display().to_string(),
            Self::Store(store) => store.display_name(&store.path),
            Self::Stream => "-".to_owned(),
        }
    }
}

impl StoreLocation {
    /// The URL of a key in the same store.
    pub(crate) fn display_name(&self, key: &Path) -> String {
        format!("{}{key}", self.root())
    }

    pub(crate) fn root(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map(|port| format!(":{port}"));
        format!(
            "{}://{host}{}/",
            self.url.scheme(),
            port.unwrap_or_default()
        )
    }
}

impl LocalLocation {
    /// The absolute path without links, `.` and `..`, even if it does not exist yet.
    pub(crate) fn resolved(&self) -> PathBuf {
        resolve(&self.path)
    }
}

/// Resolves as much of the path as exists, and the rest lexically.
pub(crate) fn resolve(path: &FsPath) -> PathBuf {
    let absolute = path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut rest: Vec<OsString> = Vec::new();
    let mut known = absolute.as_path();
    let mut resolved = loop {
        if let Ok(real) = known.canonicalize() {
            break real;
        }
        match (known.parent(), known.components().next_back()) {
            (Some(parent), Some(last)) => {
                rest.push(last.as_os_str().to_owned());
                known = parent;
            }
            _ => break known.to_owned(),
        }
    };
    for part in rest.iter().rev() {
        match FsPath::new(part).components().next() {
            Some(Component::ParentDir) => {
                resolved.pop();
            }
            Some(Component::CurDir) | None => {}
            Some(_) => resolved.push(part),
        }
    }
    resolved
}

fn parse_url(text: &str) -> Result<Location, UsageError> {
    // The text may hold a secret and could not be parsed, so the message does not repeat it.
    let url = Url::parse(text).map_err(|error| UsageError::InvalidUrl {
        url: format!("{}://…", text.split("://").next().unwrap_or_default()),
        reason: error.to_string(),
    })?;
    let safe = || format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    for (part, is_there) in [
        ("query (?…)", url.query().is_some()),
        ("fragment (#…)", url.fragment().is_some()),
    ] {
        if is_there {
            let url = safe();
            return Err(UsageError::UrlPart { url, part });
        }
    }
    check(text)?;
    let has_slash = url.path().ends_with('/');
    if url.scheme() == "file" {
        let path = url.to_file_path().map_err(|()| UsageError::InvalidUrl {
            url: safe(),
            reason: "a file URL has three slashes and no host: file:///directory/file".to_owned(),
        })?;
        return Ok(Location::Local(LocalLocation { path, has_slash }));
    }
    Path::from_url_path(url.path()).map_err(|error| UsageError::InvalidUrl {
        url: safe(),
        reason: error.to_string(),
    })?;
    let (scheme, path) = ObjectStoreScheme::parse(&url).map_err(|_| UsageError::InvalidUrl {
        url: safe(),
        // The path is valid, so it is one of these two.
        reason: "unsupported URL scheme or missing bucket: write s3://BUCKET/KEY, \
                 gs://BUCKET/KEY, az://CONTAINER/KEY, https://HOST/PATH, http://HOST/PATH, \
                 file:///PATH, memory:///KEY or a plain path"
            .to_owned(),
    })?;
    let kind = match scheme {
        ObjectStoreScheme::AmazonS3 => StoreKind::S3,
        ObjectStoreScheme::GoogleCloudStorage => StoreKind::Google,
        ObjectStoreScheme::MicrosoftAzure => StoreKind::Azure,
        ObjectStoreScheme::Memory => StoreKind::Memory,
        _ => StoreKind::Http,
    };
    Ok(Location::Store(StoreLocation {
        url,
        kind,
        path,
        has_slash,
    }))
}

/// Refuses what names something else than it seems to.
fn check(text: &str) -> Result<(), UsageError> {
    check_url(text).map_err(|error| UsageError::NotAsWritten(error.to_string()))
}

fn ends_in_slash(text: &OsStr) -> bool {
    text.as_encoded_bytes()
        .last()
        .is_some_and(|last| path::is_separator(char::from(*last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Location {
        Location::parse(OsStr::new(text)).unwrap()
    }

    fn refused(text: &str) -> String {
        Location::parse(OsStr::new(text)).unwrap_err().to_string()
    }

    #[test]
    fn words_are_told_apart() {
        assert_eq!(parse("-"), Location::Stream);
        for (text, kind) in [
            ("a/b", StoreKind::Local),
            ("./-", StoreKind::Local),
            ("a?b#c", StoreKind::Local),
            ("./s3:/a", StoreKind::Local),
            ("file:///a", StoreKind::Local),
            ("memory:///a", StoreKind::Memory),
            ("s3://bucket/a", StoreKind::S3),
            ("gs://bucket/a", StoreKind::Google),
            ("az://container/a", StoreKind::Azure),
            ("http://host/a", StoreKind::Http),
            ("https://bucket.s3.eu-west-1.amazonaws.com/a", StoreKind::S3),
        ] {
            assert_eq!(parse(text).kind(), Some(kind), "{text}");
        }
    }

    #[test]
    fn names_in_urls_are_decoded() {
        let Location::Store(store) = parse("s3://bucket/a%20b/c%23%3F%25+d/") else {
            panic!("not a store");
        };
        assert_eq!(store.path.as_ref(), "a b/c#?%+d");
        assert!(store.has_slash);
        let Location::Local(local) = parse("file:///a%20b/c") else {
            panic!("not local");
        };
        assert_eq!(local.path, FsPath::new("/a b/c"));
        assert!(!local.has_slash);
    }

    #[test]
    fn what_a_url_cannot_say_is_refused_without_repeating_it() {
        for text in [
            "https://bucket.s3.amazonaws.com/a?X-Amz-Signature=secret",
            "s3://bucket/a#secret",
            "https://user:secret@/",
            "ftp://user:secret@host/a",
            "file://secret@host/a",
        ] {
            let message = refused(text);
            assert!(!message.contains("secret"), "{message}");
        }
        assert!(refused("s3://bucket/a#1").contains("%23"));
        assert!(refused("ftp://host/a").contains("unsupported URL scheme"));
        assert!(refused("").contains("empty"));
        assert!(refused("s3:/bucket/a").contains("s3://bucket/a"));
        assert!(!refused("http:/user:secret@host/a").contains("secret"));
    }

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let display_name = parse("http://user:secret@host:8080/a/b").display_name();
        assert_eq!(display_name, "http://host:8080/a/b");
    }

    #[test]
    fn paths_resolve_also_where_they_do_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        let written = folder.path().join("./new/../other/name");
        assert_eq!(resolve(&written), real.join("other/name"));
    }
}
