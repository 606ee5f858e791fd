//! The tags of objects: read, replaced and removed.

use std::borrow::Cow;

use hyper::StatusCode;
use percent_encoding::percent_decode_str;
use s3s::{S3Error, S3ErrorCode, S3Result, dto, s3_error};

/// A key and a value each.
pub(super) type Tags = Vec<(String, String)>;

/// Those of a header, written like a query.
pub(super) fn of_header(text: &str) -> S3Result<Tags> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let text = percent_decode_str(&text).decode_utf8();
        text.map(Cow::into_owned)
            .map_err(|_| invalid("The tags are not UTF-8."))
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    checked(
        pairs
            .map(|(key, value)| Ok((decode(key)?, decode(value)?)))
            .collect::<S3Result<_>>()?,
    )
}

/// Those of a document.
pub(super) fn of_set(set: dto::TagSet) -> S3Result<Tags> {
    let pairs = set.into_iter().map(|tag| {
        let key = tag.key.unwrap_or_default();
        (key, tag.value.unwrap_or_default())
    });
    checked(pairs.collect())
}

/// The tags as a document has them.
pub(super) fn set_of(tags: Tags) -> dto::TagSet {
    let tags = tags.into_iter().map(|(key, value)| dto::Tag {
        key: Some(key),
        value: Some(value),
    });
    tags.collect()
}

fn checked(tags: Tags) -> S3Result<Tags> {
    if tags.len() > MOST {
        let code = S3ErrorCode::Custom("BadRequest".into());
        let message = format!("Object tags cannot be greater than {MOST}");
        let mut error = S3Error::with_message(code, message);
        error.set_status_code(StatusCode::BAD_REQUEST);
        return Err(error);
    }
    for (n, (key, value)) in tags.iter().enumerate() {
        if !(1..=LONGEST_KEY).contains(&key.chars().count()) {
            return Err(invalid("The TagKey you have provided is invalid"));
        }
        if value.chars().count() > LONGEST_VALUE {
            return Err(invalid("The TagValue you have provided is invalid"));
        }
        if tags[..n].iter().any(|(other, _)| other == key) {
            return Err(invalid("Cannot provide multiple Tags with the same key"));
        }
    }
    Ok(tags)
}

fn invalid(message: &'static str) -> S3Error {
    s3_error!(InvalidTag, "{message}")
}

// Of S3, in characters.
const MOST: usize = 10;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_and_checked() {
        let tags = of_header("a=1&b+c=%C3%BC&d").unwrap();
        let want = [("a", "1"), ("b c", "ü"), ("d", "")];
        let want = want.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(tags, want);
        assert_eq!(of_set(set_of(tags.clone())).unwrap(), tags);
        assert_eq!(of_header("").unwrap(), []);
        let many: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        for (text, want) in [
            ("a=1&a=2", "InvalidTag"),
            ("=1", "InvalidTag"),
            ("a=%FF", "InvalidTag"),
            (&many.join("&"), "BadRequest"),
            (&"k".repeat(129), "InvalidTag"),
        ] {
            let refused = of_header(text).unwrap_err();
            assert_eq!(refused.code().as_str(), want, "{text}");
        }
    }
}
