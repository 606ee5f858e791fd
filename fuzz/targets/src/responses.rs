//! What services answer: documents of errors, deletes and lists.

use bytes::Bytes;
use undaunted_object_store::fuzz;

/// The code is one word, the text is one short line, and hidden words leave both as they were.
pub fn error_document(bytes: &[u8]) {
    let text = fuzz::error_text(bytes);
    assert!(text.chars().count() <= 700, "{} bytes", text.len());
    assert!(!text.contains(['\n', '\r']), "{text:?}");
    let code = fuzz::error_code(bytes);
    if let Some(code) = &code {
        assert!(!code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
    let document = Bytes::copy_from_slice(bytes);
    let hidden = fuzz::without_error_words(document.clone());
    // Twice is once.
    assert_eq!(fuzz::without_error_words(hidden.clone()), hidden);
    for root in ["Error", "CompleteMultipartUploadResult"] {
        if let Err(error) = fuzz::check_document(root, bytes) {
            assert!(error.len() <= 3000, "{} bytes", error.len());
        }
    }
}

/// What of a bulk delete failed.
pub fn delete_result(bytes: &[u8]) {
    let refused = fuzz::refused_keys(bytes);
    assert!(refused.len() <= bytes.len());
    let deleted = fuzz::deleted_keys(bytes);
    assert!(deleted.len() <= bytes.len());
}

/// What is left of a page has nothing more to leave out. One that is not well-formed may read otherwise
/// once something is left out, so that it takes more than one time; object_store refuses it.
pub fn list_page(bytes: &[u8]) {
    let mut page = Bytes::copy_from_slice(bytes);
    while let Ok((rest, left_out)) = fuzz::list_page(page.clone()) {
        if left_out == 0 {
            assert_eq!(rest, page);
            return;
        }
        assert!(rest.len() < page.len());
        page = rest;
    }
}

/// A batch of deletes has one response for each key, or it is an error.
pub fn azure_batch(bytes: &[u8]) {
    // The first line is the content type, as its boundary belongs to the body.
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (content_type, body) = bytes.split_at(end.unwrap_or(0));
    let keys: Vec<String> = ["a", "b/c", "d"].map(str::to_owned).to_vec();
    if let Ok(plain) = fuzz::delete_batch(&keys, content_type, body) {
        let statuses = String::from_utf8_lossy(&plain).matches("HTTP/1.1 ").count();
        assert_eq!(statuses, keys.len());
    }
}
