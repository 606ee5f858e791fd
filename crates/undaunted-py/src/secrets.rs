//! What is never shown: the queries of URLs, where signatures and tokens are, and passwords in
//! front of a host.

/// The text with every URL in it cut down to what may be shown.
pub(crate) fn without(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = url.find(is_after_url).unwrap_or(url.len());
        shown.push_str(&cut(&url[..end]));
        rest = &url[end..];
    }
    shown.push_str(rest);
    shown
}

/// A URL behind its `://`, without what is in front of the host and behind the path.
fn cut(url: &str) -> String {
    let path = url.find(['?', '#']).unwrap_or(url.len());
    let host = url[..path].find('/').unwrap_or(path);
    let start = url[..host].rfind('@').map_or(0, |at| at + 1);
    let mut shown = url[start..path].to_owned();
    if path < url.len() {
        shown.push_str("?…");
    }
    shown
}

fn is_after_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ')' | ']' | '`')
}
