//! What a URL says that its parser drops or folds, so that it would name another object than it seems to.

use super::is_url;
use super::target::OpenError;
use crate::redact::{shown_of, visible};

/// Whether a URL names what it seems to name. A URL's parser drops line breaks, tabs and the spaces around
/// it, folds `a/../b` into `b`, and stores take no notice of a user, a query or a fragment.
///
/// [`open`](crate::open) refuses all of them. This is for programs that parse URLs themselves.
///
/// # Errors
///
/// [`OpenError::InvalidPath`], which says what would be right and repeats no secret.
///
/// ```
/// use undaunted_object_store::check_url;
///
/// check_url("s3://bucket/key").unwrap();
/// for wrong in ["s3://bucket/a/../b", "s3://bucket/a\n", "s3://bucket/a?b"] {
///     check_url(wrong).unwrap_err();
/// }
/// ```
pub fn check_url(text: &str) -> Result<(), OpenError> {
    let refused = |path: &str, reason: &str| {
        Err(OpenError::InvalidPath {
            path: path.to_owned(),
            reason: reason.to_owned(),
        })
    };
    let Some((scheme, rest)) = text.split_once("://").filter(|_| is_url(text)) else {
        return Ok(());
    };
    // Without the password that may stand before the host.
    let shown = shown_of(rest);
    if text.chars().any(char::is_control) {
        return refused(
            shown,
            "a URL has no control characters, such as line breaks",
        );
    }
    if text.trim() != text {
        return refused(shown, "a URL has no spaces around it: write %20");
    }
    let path = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = path.split_once('/').unwrap_or((path, ""));
    if scheme.eq_ignore_ascii_case("file") {
        return match path.to_ascii_lowercase() {
            path if path.contains("%2f") => {
                refused(shown, "no file has a slash in its name, which %2F is")
            }
            _ => Ok(()),
        };
    }
    if ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Ok(());
    }
    if has_dot_segment(path) {
        return refused(
            shown,
            "no key of object_store has a segment that is \".\" or \"..\"",
        );
    }
    let has_user = authority
        .rsplit_once('@')
        .is_some_and(|(user, _)| !is_container(scheme) || user.contains(':'));
    if has_user {
        return refused(
            shown,
            "a store takes no user and no password from a URL: give them as options or variables",
        );
    }
    if rest.contains(['?', '#']) {
        return refused(
            shown,
            "a store takes no query (?…) and no fragment (#…) from a URL: in a key write ? as %3F and \
             # as %23",
        );
    }
    Ok(())
}

/// The URL that this was meant to be, if it looks like a mistyped one: `s3:/bucket/key`, which is
/// what functions for paths make of `s3://bucket/key`, and `s3:bucket`. [`open`](crate::open) refuses
/// it: as a path of the local file system, it would keep objects there that were meant for a service.
/// Neither user nor password nor query is repeated.
///
/// ```
/// use undaunted_object_store::mistyped_url;
///
/// assert_eq!(mistyped_url("s3:/bucket/key").as_deref(), Some("s3://bucket/key"));
/// assert_eq!(mistyped_url("s3://bucket/key"), None);
/// assert_eq!(mistyped_url("./s3:/bucket/key"), None);
/// assert_eq!(mistyped_url("C:/file"), None);
/// ```
#[must_use]
pub fn mistyped_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let lower = scheme.to_ascii_lowercase();
    // A file may well have a name such as `backup:2026`.
    let is_meant = SCHEMES.contains(&&*lower) || rest.starts_with(['/', '\\']);
    if !is_scheme || !is_meant || rest.starts_with("//") {
        return None;
    }
    let slashes = if matches!(&*lower, "file" | "memory") {
        "///"
    } else {
        "//"
    };
    let rest = rest.trim_start_matches(['/', '\\']);
    Some(visible(&format!("{lower}:{slashes}{}", shown_of(rest))))
}

/// Whether a segment of the path is `.` or `..`, percent-encoded or not.
fn has_dot_segment(path: &str) -> bool {
    path.split('/').any(|segment| {
        let segment = segment.to_ascii_lowercase().replace("%2e", ".");
        segment == "." || segment == ".."
    })
}

/// Whether what stands before an `@` is the container, as in `abfss://container@account/key`.
fn is_container(scheme: &str) -> bool {
    let scheme = scheme.to_ascii_lowercase();
    ["abfs", "abfss", "adl", "azure", "az"].contains(&scheme.as_str())
}

/// The schemes that are known, and those that other programs have for the same services.
const SCHEMES: &[&str] = &[
    "abfs", "abfss", "adl", "az", "azure", "file", "gcs", "gs", "http", "https", "memory", "s3",
    "s3a", "s3n",
];

#[cfg(test)]
mod tests {
    use undaunted::RetryConfig;

    use super::*;
    use crate::open;

    #[test]
    fn what_names_another_object_is_refused() {
        for (text, reason) in [
            ("s3://b/re\nport", "control characters"),
            ("s3://b/tab\there", "control characters"),
            ("http://h/re\rport", "control characters"),
            ("file:///re\nport", "control characters"),
            ("s3://b/end ", "%20"),
            (" s3://b/a", ""),
            ("s3://b/a/../c", "\"..\""),
            ("gs://b/./c", "\"..\""),
            ("az://c/x/%2e%2E/d", "\"..\""),
            ("s3://user@b/a", "no user"),
            ("s3://user:pw@b/a", "no user"),
            ("abfss://container:pw@account/a", "no user"),
            ("s3://b/a?versionId=1", "%3F"),
            ("memory:///a#b", "%23"),
            ("file:///a%2fb", "no file"),
        ] {
            let result = check_url(text);
            if reason.is_empty() {
                // No URL for us either: a path with a space.
                result.unwrap();
                continue;
            }
            let error = result.unwrap_err().to_string();
            assert!(error.contains(reason), "{text:?}: {error}");
            assert!(!error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn a_mistyped_url_is_no_path() {
        for (written, meant) in [
            ("s3:/bucket/x", "s3://bucket/x"),
            ("s3:bucket", "s3://bucket"),
            ("S3:\\bucket\\x", "s3://bucket\\x"),
            ("http:/host/x", "http://host/x"),
            ("memory:", "memory:///"),
            ("file:/tmp/x", "file:///tmp/x"),
            ("ftp:/host/x", "ftp://host/x"),
            ("http:/user:pass@host/x?sig=s", "http://host/x"),
        ] {
            assert_eq!(mistyped_url(written).as_deref(), Some(meant), "{written}");
            let error = open(written, RetryConfig::storage()).err().unwrap();
            assert!(error.to_string().contains(meant), "{error}");
            assert!(!error.to_string().contains("pass"), "{error}");
        }
        for path in [
            "C:/x",
            "C:\\x",
            "c:x",
            "./s3:/x",
            "/s3:/x",
            "a/s3:/x",
            "12:30/x",
            "backup:2026",
            ":/x",
            "a b:/x",
            "x",
        ] {
            assert_eq!(mistyped_url(path), None, "{path}");
        }
        for home in ["~", "~/data"] {
            let error = open(home, RetryConfig::storage()).err().unwrap();
            assert!(error.to_string().contains("not expanded"), "{error}");
        }
    }

    #[test]
    fn what_is_meant_is_taken() {
        for text in [
            "s3://b/a b/%20%3F+d",
            "s3://b",
            "s3://b/a@b:c",
            "abfss://container@account.dfs.core.windows.net/a",
            "https://host/a/../b?signature=1#part",
            "http://user:password@host/a",
            "file:///a/../b",
            "memory:///",
            "folder/file",
            "C:\\file",
            "./s3:/b",
            "a:b",
            "re\nport",
        ] {
            check_url(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }
}
