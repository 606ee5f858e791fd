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
    if text.contains(SECRET) {
        return;
    }
    if let Err(error) = fuzz::understood(&format!("s3://user:{SECRET}@{text}")) {
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
}

/// No text keeps the query of a URL, and nothing is left to take away a second time.
pub fn redaction(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let once = redacted(text);
    assert_eq!(redacted(&once), once);
    // A URL in a text ends where one of these stands.
    let ends = |letter: char| letter.is_whitespace() || "\"'`<>)".contains(letter);
    if text.contains(ends) || text.contains(SECRET) {
        return;
    }
    let signed = format!("GET https://host/{text}?X-Amz-Signature={SECRET} failed");
    assert!(!redacted(&signed).contains(SECRET), "{}", redacted(&signed));
}

/// A text that has it elsewhere shows it, and it is no secret.
const SECRET: &str = "s3cr3t-w0rd";
