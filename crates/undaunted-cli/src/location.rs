//! What a word of the command line means: a local path, a place in a store, or a stream.

use std::ffi::{OsStr, OsString};
use std::path::{self, Component, Path as FsPath, PathBuf};

use object_store::ObjectStoreScheme;
use object_store::path::Path;
use undaunted_object_store::is_url;
use url::Url;

use crate::error::UsageError;

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
    /// Whether it was written with a slash at its end.
    pub(crate) slash: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreLocation {
    pub(crate) url: Url,
    pub(crate) kind: Kind,
    /// The path within the store.
    pub(crate) path: Path,
    pub(crate) slash: bool,
}

/// The kinds of stores, as far as they differ for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Azure,
    Google,
    Http,
    Local,
    Memory,
    S3,
}

impl Location {
    pub(crate) fn parse(text: &OsStr) -> Result<Self, UsageError> {
        if text.is_empty() {
            return Err(UsageError::Empty);
        }
        match text.to_str() {
            Some("-") => Ok(Self::Stream),
            Some(text) if is_url(text) => parse_url(text),
            _ => Ok(Self::Local(LocalLocation {
                slash: ends_in_slash(text),
                path: PathBuf::from(text),
            })),
        }
    }

    pub(crate) const fn kind(&self) -> Option<Kind> {
        match self {
            Self::Local(_) => Some(Kind::Local),
            Self::Store(store) => Some(store.kind),
            Self::Stream => None,
        }
    }

    /// What it is called in messages. Nothing secret: of a URL no user, password or query.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Local(local) => local.path.display().to_string(),
            Self::Store(store) => store.shown(&store.path),
            Self::Stream => "-".to_owned(),
        }
    }
}

impl StoreLocation {
    /// The URL of a key in the same store.
    pub(crate) fn shown(&self, key: &Path) -> String {
        format!("{}{key}", self.root())
    }

    fn root(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map(|port| format!(":{port}"));
        format!(
            "{}://{host}{}/",
            self.url.scheme(),
            port.unwrap_or_default()
        )
    }

    /// Whether both are in the same store, as far as URLs tell.
    pub(crate) fn same_store(&self, other: &Self) -> bool {
        self.kind == other.kind && self.root() == other.root()
    }
}

impl LocalLocation {
    /// The absolute path without links, `.` and `..`, also of what does not exist yet.
    pub(crate) fn resolved(&self) -> PathBuf {
        resolve(&self.path)
    }
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Azure => "Azure",
            Self::Google => "Google Cloud Storage",
            Self::Http => "a web server",
            Self::Local => "a local file",
            Self::Memory => "memory",
            Self::S3 => "S3",
        }
    }

    /// Whether an object has a content type and the like.
    pub(crate) const fn has_attributes(self) -> bool {
        !matches!(self, Self::Local)
    }

    /// Whether an object has user metadata.
    pub(crate) const fn has_metadata(self) -> bool {
        !matches!(self, Self::Local | Self::Http)
    }

    pub(crate) const fn has_options(self) -> bool {
        !matches!(self, Self::Local | Self::Memory)
    }

    /// Whether the store writes under the condition that nothing is there.
    pub(crate) const fn has_create(self) -> bool {
        !matches!(self, Self::Http)
    }

    /// The least that a part may have that is not the last.
    pub(crate) const fn least_part(self) -> u64 {
        match self {
            Self::Google | Self::S3 => 5 << 20,
            Self::Azure | Self::Http | Self::Local | Self::Memory => 1,
        }
    }

    /// The most parts that an upload may have.
    pub(crate) const fn most_parts(self) -> u64 {
        match self {
            Self::Google | Self::S3 => 10_000,
            Self::Azure => 50_000,
            Self::Http | Self::Local | Self::Memory => u64::MAX,
        }
    }
}

/// Resolves as much of the path as exists, and the rest by its text.
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
    // Nothing of the text is repeated: it may hold a secret, and could not be taken apart.
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
            return Err(UsageError::UrlExtras { url, part });
        }
    }
    let slash = url.path().ends_with('/');
    if url.scheme() == "file" {
        let path = url.to_file_path().map_err(|()| UsageError::InvalidUrl {
            url: safe(),
            reason: "a file URL has three slashes and no host: file:///directory/file".to_owned(),
        })?;
        return Ok(Location::Local(LocalLocation { path, slash }));
    }
    Path::from_url_path(url.path()).map_err(|error| UsageError::InvalidUrl {
        url: safe(),
        reason: error.to_string(),
    })?;
    // The path was the other thing that could be wrong.
    let (scheme, path) = ObjectStoreScheme::parse(&url).map_err(|_| UsageError::InvalidUrl {
        url: safe(),
        reason: "the stores are s3://, gs://, az://, https://, http://, file://, memory:// \
                     and plain paths"
            .to_owned(),
    })?;
    let kind = match scheme {
        ObjectStoreScheme::AmazonS3 => Kind::S3,
        ObjectStoreScheme::GoogleCloudStorage => Kind::Google,
        ObjectStoreScheme::MicrosoftAzure => Kind::Azure,
        ObjectStoreScheme::Memory => Kind::Memory,
        _ => Kind::Http,
    };
    Ok(Location::Store(StoreLocation {
        url,
        kind,
        path,
        slash,
    }))
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
            ("a/b", Kind::Local),
            ("./-", Kind::Local),
            ("a?b#c", Kind::Local),
            ("file:///a", Kind::Local),
            ("memory:///a", Kind::Memory),
            ("s3://bucket/a", Kind::S3),
            ("gs://bucket/a", Kind::Google),
            ("az://container/a", Kind::Azure),
            ("http://host/a", Kind::Http),
            ("https://bucket.s3.eu-west-1.amazonaws.com/a", Kind::S3),
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
        assert!(store.slash);
        let Location::Local(local) = parse("file:///a%20b/c") else {
            panic!("not local");
        };
        assert_eq!(local.path, FsPath::new("/a b/c"));
        assert!(!local.slash);
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
        assert!(refused("ftp://host/a").contains("s3://"));
        assert!(refused("").contains("empty"));
    }

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let shown = parse("http://user:secret@host:8080/a/b").shown();
        assert_eq!(shown, "http://host:8080/a/b");
    }

    #[test]
    fn paths_resolve_also_where_they_do_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        let written = folder.path().join("./new/../other/name");
        assert_eq!(resolve(&written), real.join("other/name"));
    }

    #[test]
    fn stores_are_the_same_by_scheme_host_and_port() {
        let store = |text| match parse(text) {
            Location::Store(store) => store,
            other => panic!("{other:?}"),
        };
        let a = store("http://host:80/a");
        assert!(a.same_store(&store("http://user@host/b")));
        assert!(!a.same_store(&store("http://host:81/a")));
        assert!(!a.same_store(&store("https://host/a")));
    }
}
