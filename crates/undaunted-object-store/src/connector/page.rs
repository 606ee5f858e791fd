//! Responses that are not the storage service's: a web console, a portal, a proxy's own page.

use std::fmt;

use http::header::{CONTENT_TYPE, ETAG};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use object_store::client::{HttpError, HttpErrorKind};

use super::xml;

/// A response that says that it succeeded and is not what the storage service sends: mostly the
/// page of something else that listens at the endpoint.
///
/// It is permanent: asked again, it would be the same. Find it along an error's `source()` with
/// [`cause`](crate::cause).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnexpectedResponse {
    status: StatusCode,
    content_type: Option<String>,
    beginning: String,
    has_etag: bool,
}

impl UnexpectedResponse {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The content type, if the response has one.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The first words of the body, on one line.
    #[must_use]
    pub fn beginning(&self) -> &str {
        &self.beginning
    }

    /// This response, as a failure of the request.
    pub(super) fn error(head: &Parts, body: &[u8]) -> HttpError {
        let content_type = head.headers.get(CONTENT_TYPE);
        HttpError::new(
            // The kind that object_store never retries by itself.
            HttpErrorKind::Unknown,
            Self {
                status: head.status,
                content_type: content_type
                    .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned()),
                beginning: beginning(body),
                has_etag: head.headers.contains_key(ETAG),
            },
        )
    }
}

impl fmt::Display for UnexpectedResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the response does not come from the storage service (HTTP {}, ",
            self.status.as_u16()
        )?;
        match &self.content_type {
            Some(content_type) => write!(f, "content type {content_type}")?,
            None => f.write_str("no content type")?,
        }
        if self.beginning.is_empty() {
            f.write_str(", no content")?;
        } else {
            write!(f, ", {:?}", self.beginning)?;
        }
        f.write_str(")")?;
        if !self.has_etag {
            f.write_str(" and has no ETag")?;
        }
        f.write_str("; is the endpoint right?")
    }
}

impl std::error::Error for UnexpectedResponse {}

/// Whether the content type is a web page's.
pub(super) fn is_web_page(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes();
        WEB_PAGES
            .iter()
            .any(|kind| value.len() >= kind.len() && value[..kind.len()].eq_ignore_ascii_case(kind))
    })
}

/// What of a failed response's body goes into the text of an error. Services describe how they
/// computed a signature, with tokens and all, so of an error document it is code and message.
pub(super) fn error_text(body: &[u8]) -> String {
    match xml::error_code(body) {
        Some(code) => match xml::error_message(body) {
            Some(message) => format!("{code}: {}", beginning(message.as_bytes())),
            None => code,
        },
        None => beginning(body),
    }
}

/// The first words, with all white space and whatever cannot be printed as one space.
fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * LONGEST_BEGINNING)]);
    let words: Vec<&str> = text
        .split(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '\u{fffd}')
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST_BEGINNING) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

const WEB_PAGES: [&[u8]; 2] = [b"text/html", b"application/xhtml+xml"];

/// Letters of the body that are quoted: enough for a page's title or a service's sentence.
const LONGEST_BEGINNING: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_quotes_what_came_and_asks_for_the_endpoint() {
        let (head, ()) = http::Response::builder()
            .header("content-type", "text/html; charset=utf-8")
            .body(())
            .unwrap()
            .into_parts();
        assert!(is_web_page(&head.headers));
        let page = b"<!doctype html>\n<html>\x07\xff<body>Console</body></html>";
        let error = UnexpectedResponse::error(&head, page);
        let source = std::error::Error::source(&error).unwrap();
        let unexpected = source.downcast_ref::<UnexpectedResponse>().unwrap();
        assert_eq!(
            unexpected.beginning(),
            "<!doctype html> <html> <body>Console</body></html>"
        );
        assert_eq!(
            source.to_string(),
            "the response does not come from the storage service (HTTP 200, content type \
             text/html; charset=utf-8, \"<!doctype html> <html> <body>Console</body></html>\") \
             and has no ETag; is the endpoint right?"
        );
    }

    #[test]
    fn a_service_that_repeats_the_signature_is_not_quoted() {
        let body = b"<Error><Code>SignatureDoesNotMatch</Code><Message>They differ.</Message>\
            <CanonicalRequest>x-amz-security-token:TOKEN</CanonicalRequest></Error>";
        assert_eq!(error_text(body), "SignatureDoesNotMatch: They differ.");
        assert_eq!(
            error_text(b"<Error><Code>NoSuchKey</Code></Error>"),
            "NoSuchKey"
        );
        assert_eq!(error_text(b"not  found"), "not found");
    }

    #[test]
    fn long_bodies_are_cut_between_letters() {
        let long = "ä".repeat(500);
        assert_eq!(
            beginning(long.as_bytes()),
            format!("{}…", "ä".repeat(LONGEST_BEGINNING))
        );
        assert_eq!(beginning(b"  \n\t"), "");
    }

    #[test]
    fn a_web_page_is_known_by_its_content_type() {
        for (content_type, is_page) in [
            ("text/html", true),
            ("Text/HTML; charset=utf-8", true),
            ("application/xhtml+xml", true),
            ("text/plain", false),
            ("text", false),
            ("application/octet-stream", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
            assert_eq!(is_web_page(&headers), is_page, "{content_type}");
        }
        assert!(!is_web_page(&HeaderMap::new()));
    }
}
