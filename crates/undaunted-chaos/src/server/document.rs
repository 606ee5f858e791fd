//! XML documents, as S3 writes them and as faults leave them.

use std::io;

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use s3s::Body;

use super::body::ResponseBody;

/// Changes the XML body of a response.
pub(super) async fn edited(
    response: Response<ResponseBody>,
    edit: impl FnOnce(Bytes) -> Bytes,
) -> io::Result<Response<ResponseBody>> {
    let (mut head, body) = response.into_parts();
    let document = edit(body.collected().await?);
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(TRANSFER_ENCODING);
    let body = ResponseBody::new(Body::from(document));
    Ok(Response::from_parts(head, body))
}

/// A text as it stands in a document.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Writes as references what no XML may have and `s3s` writes as it is: control characters and the
/// two last ones of the first 65,536.
pub(super) fn with_references(document: &[u8]) -> Bytes {
    let mut changed = Vec::with_capacity(document.len());
    let mut rest = document;
    while let Some((byte, behind)) = rest.split_first() {
        let (length, text) = match rest {
            [0xEF, 0xBF, last @ (0xBE | 0xBF), ..] => (3, format!("&#xff{:x};", last + 0x40)),
            _ if byte.is_ascii_control() && *byte != b'\n' => (1, format!("&#x{byte:x};")),
            _ => {
                changed.push(*byte);
                rest = behind;
                continue;
            }
        };
        changed.extend_from_slice(text.as_bytes());
        rest = &rest[length..];
    }
    changed.into()
}

/// What stands between two texts, the first time that they occur.
pub(super) fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner)
}

/// Removes every element of this name; it has a text and nothing else in it.
pub(super) fn without_element(document: &[u8], name: &str) -> Bytes {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let mut changed = String::from_utf8_lossy(document).into_owned();
    while let Some(from) = changed.find(&start) {
        let length = changed[from..].find(&end).map(|at| at + end.len());
        changed.replace_range(from..from + length.unwrap_or(start.len()), "");
    }
    changed.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_changed_in_their_texts_only() {
        assert_eq!(escaped("a&<b>"), "a&amp;&lt;b>");
        assert_eq!(with_references(b"<R>\n\x01</R>"), "<R>\n&#x1;</R>");
        let last = "<R>\u{FFFD}\u{FFFE}\u{FFFF}ü</R>";
        let want = "<R>\u{FFFD}&#xfffe;&#xffff;ü</R>";
        assert_eq!(with_references(last.as_bytes()), want);
        let whole = b"<R>\n<ETag>\"1\"</ETag><Key>ETag</Key><ETag></ETag></R>";
        assert_eq!(without_element(whole, "ETag"), "<R>\n<Key>ETag</Key></R>");
        assert_eq!(without_element(b"<R><ETag></R>", "ETag"), "<R></R>");
    }
}
