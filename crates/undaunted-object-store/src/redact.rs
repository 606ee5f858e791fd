//! Texts without secrets: what is in a URL and must not be in a log.

use std::borrow::Cow;

/// A text, such as an error's, that is safe to show: of every URL in it neither user and password
/// nor what is behind the path, where signatures and tokens are.
///
/// ```
/// use undaunted_object_store::redacted;
///
/// let error = "GET https://user:pw@host/a?X-Amz-Signature=s failed";
/// assert_eq!(redacted(error), "GET https://host/a?… failed");
/// ```
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let end = after.find(ends_url).unwrap_or(after.len());
        // What follows a URL in a sentence is no part of it.
        let url = after[..end].trim_end_matches([':', ';', ',', '.']);
        let behind = &after[url.len()..];
        shown.push_str(before);
        shown.push_str("://");
        shown.push_str(shown_of(url));
        if url.contains(['?', '#']) {
            shown.push_str("?…");
        }
        rest = behind;
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Host and path of a URL, which is given without its scheme.
pub(crate) fn shown_of(url: &str) -> &str {
    let path_end = url.find(['?', '#']).unwrap_or(url.len());
    let host_end = url[..path_end].find('/').unwrap_or(path_end);
    let host = url[..host_end].rfind('@').map_or(0, |at| at + 1);
    &url[host..path_end]
}

/// A text that has names of others in it, with their control characters escaped: a line break would
/// forge a line of a log.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    shown
}

fn ends_url(letter: char) -> bool {
    // Not a bracket, which may stand around an address.
    letter.is_whitespace() || "\"'`<>)".contains(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_lose_their_secrets() {
        let cases = [
            ("no url at all?x=1", "no url at all?x=1"),
            (
                "GET https://host/a?X-Amz-Signature=s no",
                "GET https://host/a?… no",
            ),
            ("(http://user:p%40ss@host:80/a/b)", "(http://host:80/a/b)"),
            ("http://[::1]:9000/a?sig=1", "http://[::1]:9000/a?…"),
            ("http://host?sig=1", "http://host?…"),
            ("http://host/a#token=1", "http://host/a?…"),
            (
                "s3://bucket/a@b and gs://u@c/d?e f",
                "s3://bucket/a@b and gs://c/d?… f",
            ),
            (
                "GET http://host/a?sig=1: 404, or not.",
                "GET http://host/a?…: 404, or not.",
            ),
            ("GET http://host/a?…: 404", "GET http://host/a?…: 404"),
            ("://", "://"),
        ];
        for (text, want) in cases {
            assert_eq!(redacted(text), want);
        }
    }
}
