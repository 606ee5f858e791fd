//! Whether a response's body is the XML that it should be, and all of it.

use std::io;

use http::response::Parts;
use object_store::client::{HttpError, HttpErrorKind};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::page::UnexpectedResponse;

/// Checks that `body` is a whole document with this root.
///
/// # Errors
///
/// A beginning of such a document is a body that was cut: [`HttpErrorKind::Interrupted`], as any
/// that breaks. Everything else is not the service's response.
pub(super) fn check(root: &'static str, head: &Parts, body: &[u8]) -> Result<(), HttpError> {
    match Shape::of(body) {
        Shape {
            root: Some(found),
            is_whole,
        } if found == root => {
            if is_whole {
                Ok(())
            } else {
                Err(cut(root, body.len()))
            }
        }
        Shape { root: None, .. } if is_beginning(body) => Err(cut(root, body.len())),
        _ => Err(UnexpectedResponse::error(head, body)),
    }
}

/// A body that ended within the document.
pub(super) fn cut(root: &'static str, length: usize) -> HttpError {
    let text = if length == 0 {
        format!("the response is empty and should be a {root} document")
    } else {
        format!("the response ended within its {root} document, after {length} bytes")
    };
    HttpError::new(
        HttpErrorKind::Interrupted,
        io::Error::new(io::ErrorKind::UnexpectedEof, text),
    )
}

/// A document that leaves the ETag of what was written out. That it was written is known by
/// looking.
pub(super) fn without_etag(root: &'static str) -> HttpError {
    let text = format!("the {root} document of the response has no ETag");
    HttpError::new(
        HttpErrorKind::Interrupted,
        io::Error::new(io::ErrorKind::UnexpectedEof, text),
    )
}

/// What can be seen of a document without knowing what it should be.
struct Shape {
    root: Option<String>,
    is_whole: bool,
}

impl Shape {
    fn of(document: &[u8]) -> Self {
        let mut reader = Reader::from_reader(document);
        let mut shape = Self {
            root: None,
            is_whole: false,
        };
        let mut depth = 0_u32;
        loop {
            match reader.read_event() {
                Ok(Event::Start(element)) => {
                    shape.enter(element.local_name().as_ref());
                    depth += 1;
                }
                Ok(Event::Empty(element)) => {
                    shape.enter(element.local_name().as_ref());
                    shape.is_whole |= depth == 0;
                }
                Ok(Event::End(_)) => {
                    depth = depth.saturating_sub(1);
                    shape.is_whole |= depth == 0;
                }
                Ok(Event::Eof) | Err(_) => return shape,
                Ok(_) => {}
            }
            if shape.is_whole {
                return shape;
            }
        }
    }

    fn enter(&mut self, name: &[u8]) {
        if self.root.is_none() {
            self.root = Some(String::from_utf8_lossy(name).into_owned());
        }
    }
}

/// Whether this may be the beginning of a document, cut before its root was there. A page of
/// HTML that is cut so early is known by its first letters.
fn is_beginning(body: &[u8]) -> bool {
    let text = body.trim_ascii_start();
    let starts_with =
        |word: &[u8]| text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word);
    text.is_empty()
        || (text.starts_with(b"<") && !starts_with(b"<!doctype") && !starts_with(b"<html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\"><Contents><Key>a</Key></Contents></ListBucketResult>";

    fn head() -> Parts {
        http::Response::builder()
            .header("content-type", "text/plain")
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    fn kind(body: &str) -> Result<(), HttpErrorKind> {
        check("ListBucketResult", &head(), body.as_bytes()).map_err(|error| error.kind())
    }

    #[test]
    fn a_whole_document_passes() {
        for document in [
            LIST,
            "  \n<ListBucketResult/>",
            "<s3:ListBucketResult xmlns:s3=\"x\"></s3:ListBucketResult>\n",
        ] {
            assert_eq!(kind(document), Ok(()), "{document}");
        }
    }

    #[test]
    fn a_document_that_is_cut_anywhere_is_a_broken_body() {
        for end in 0..LIST.len() {
            assert_eq!(
                kind(&LIST[..end]),
                Err(HttpErrorKind::Interrupted),
                "{}",
                &LIST[..end]
            );
        }
    }

    #[test]
    fn anything_else_is_not_the_services() {
        for body in [
            "<!doctype html><html><body>Console</body></html>",
            "<!DOCTYPE html>",
            "<html><br></html>",
            "<html",
            "{\"error\": 1}",
            "not found",
            "<EnumerationResults></EnumerationResults>",
            "<ListAllMyBucketsResult>",
        ] {
            assert_eq!(kind(body), Err(HttpErrorKind::Unknown), "{body}");
        }
    }

    #[test]
    fn a_body_that_was_cut_says_after_how_much() {
        let text = |body: &str| {
            let error = check("ListBucketResult", &head(), body.as_bytes()).unwrap_err();
            std::error::Error::source(&error).unwrap().to_string()
        };
        assert_eq!(
            text(""),
            "the response is empty and should be a ListBucketResult document"
        );
        assert_eq!(
            text(&LIST[..30]),
            "the response ended within its ListBucketResult document, after 30 bytes"
        );
    }
}
