//! The readers of what services send, for the targets of the fuzzer. Not a part of the API.

#![allow(missing_docs, clippy::missing_errors_doc, clippy::must_use_candidate)]

use bytes::Bytes;
use http::{HeaderValue, Response, header::CONTENT_TYPE};

use super::{batch, document, listing, page, xml};

/// A page of a list without the entries that object_store cannot read, and how many these are.
pub fn list_page(document: Bytes) -> Result<(Bytes, usize), String> {
    let (rest, left_out) = listing::readable(document).map_err(|error| text(&error))?;
    Ok((rest, left_out.keys.len() + left_out.folder_markers))
}

/// Azure's response to a batch of deletes, as object_store reads it.
pub fn delete_batch(keys: &[String], content_type: &[u8], body: &[u8]) -> Result<Bytes, String> {
    let mut head = Response::new(()).into_parts().0;
    if let Ok(value) = HeaderValue::from_bytes(content_type) {
        head.headers.insert(CONTENT_TYPE, value);
    }
    batch::readable(keys, &mut head, body).map_err(|error| text(&error))
}

/// Whether the body is a whole document with this root.
pub fn check_document(root: &'static str, body: &[u8]) -> Result<(), String> {
    let head = Response::new(()).into_parts().0;
    document::check(root, &head, body).map_err(|error| text(&error))
}

/// Key and code of what a bulk delete did not delete.
pub fn refused_keys(document: &[u8]) -> Vec<(String, String)> {
    xml::delete_errors(document)
}

/// The keys of a bulk delete's request.
pub fn deleted_keys(document: &[u8]) -> Vec<String> {
    xml::deleted_keys(document)
}

/// The code of an error's document.
pub fn error_code(document: &[u8]) -> Option<String> {
    xml::error_code(document)
}

/// What of a failed response's body goes into the text of an error.
pub fn error_text(body: &[u8]) -> String {
    page::error_text(body)
}

/// The document without the words that object_store takes for a failure.
pub fn without_error_words(document: Bytes) -> Bytes {
    xml::hide_error_words(document)
}

/// An error with its causes.
fn text(error: &(dyn std::error::Error + 'static)) -> String {
    crate::full_text(error)
}
