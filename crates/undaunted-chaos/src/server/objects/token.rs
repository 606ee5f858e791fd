//! Tokens that say where the next page of a list begins.

use s3s::crypto::{Checksum as _, Crc32};
use s3s::{S3Result, s3_error};

/// The token that a list continues with behind this key. A key may have what no document can.
pub(super) fn of_key(key: &str) -> String {
    let mut bytes = Crc32::checksum(key.as_bytes()).to_vec();
    bytes.extend_from_slice(key.as_bytes());
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// The key of a token.
pub(super) fn key_of(token: &str) -> S3Result<String> {
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(token.as_bytes());
    let bytes = bytes.unwrap_or_default();
    let key = bytes.split_at_checked(4).and_then(|(sum, key)| {
        let key = std::str::from_utf8(key).ok()?;
        (Crc32::checksum(key.as_bytes()) == *sum).then(|| key.to_owned())
    });
    key.ok_or_else(|| {
        s3_error!(
            InvalidArgument,
            "The continuation token provided is incorrect"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_key_and_nothing_else_is_a_token() {
        for key in ["", "a", "a/b+c", "a\u{1}\r\n\u{FFFF}", "ü\u{10FFFF}"] {
            let token = of_key(key);
            assert_eq!(key_of(&token).unwrap(), key);
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            assert!(token.bytes().all(is_plain), "{token}");
        }
        for token in ["", "nonsense", "a", "ü", "AAAAAGE"] {
            let refused = key_of(token).unwrap_err();
            assert_eq!(refused.code().as_str(), "InvalidArgument", "{token}");
        }
    }
}
