//! URLs, and texts with URLs in them.

use undaunted_object_store::{fuzz, redacted};

use crate::text;

/// A URL names a key, or is an error that does not quote its password.
pub fn url(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    match fuzz::understood(text) {
        Ok((_, key)) => {
            // No key leads out of the bucket.
            assert!(key.parts().all(|part| !matches!(part.as_ref(), "." | "..")));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if text.contains("s3cr3t-w0rd") {
        // Then it is no secret.
        return;
    }
    let secret = format!("s3://user:s3cr3t-w0rd@{text}");
    if let Err(error) = fuzz::understood(&secret) {
        assert!(!error.to_string().contains("s3cr3t-w0rd"), "{error}");
    }
}

/// No text keeps the query of a URL, and nothing is left to take away a second time.
pub fn redaction(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let once = redacted(text);
    assert_eq!(redacted(&once), once);
    // A URL in a text ends where one of these stands.
    if text.contains(|letter: char| letter.is_whitespace() || "\"'`<>)".contains(letter)) {
        return;
    }
    let signed = format!("GET https://host/{text}?X-Amz-Signature=s3cr3t-w0rd failed");
    assert!(
        !redacted(&signed).contains("s3cr3t-w0rd"),
        "{}",
        redacted(&signed)
    );
}
