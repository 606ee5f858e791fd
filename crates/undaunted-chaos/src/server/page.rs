//! Pages of a list that say other than the store has.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListMultipartUploadsOutput, ListObjectsOutput,
    ListObjectsV2Output, Object, Timestamp, TimestampFormat,
};

use crate::fault::Fault;

/// Lets a fault change a page, and says whether it did.
pub(super) fn change(page: &mut ListObjectsV2Output, fault: &Fault) -> bool {
    match fault {
        Fault::InsertKeys { names, size } => {
            let inserted = names.iter().filter(|name| insert_key(page, name, *size));
            return inserted.count() > 0;
        }
        Fault::RepeatToken => {
            let token = page.continuation_token.clone().or_else(|| last_entry(page));
            // A page without entries has no end: any token leads behind it.
            page.next_continuation_token = Some(token.unwrap_or_else(|| "repeated".to_owned()));
        }
        Fault::TruncatedWithoutToken => page.next_continuation_token = None,
        _ => return false,
    }
    page.is_truncated = Some(true);
    true
}

/// Inserts a key where it belongs in the list, as itself or in a common prefix. It is in one
/// page only, and not in a list whose prefix it does not have.
fn insert_key(page: &mut ListObjectsV2Output, name: &str, size: u64) -> bool {
    let prefix = page.prefix.as_deref().unwrap_or_default();
    let Some(rest) = name.strip_prefix(prefix) else {
        return false;
    };
    let start = page
        .continuation_token
        .as_ref()
        .max(page.start_after.as_ref());
    let end = last_entry(page).filter(|_| page.is_truncated == Some(true));
    if start.is_some_and(|start| name <= start.as_str())
        || end.is_some_and(|end| name > end.as_str())
    {
        return false;
    }
    let delimiter = page.delimiter.as_deref().filter(|text| !text.is_empty());
    let common = delimiter.and_then(|delimiter| {
        let at = rest.find(delimiter)?;
        name.get(..prefix.len() + at + delimiter.len())
    });
    if let Some(common) = common {
        let prefixes = page.common_prefixes.get_or_insert_default();
        let at = prefixes.partition_point(|known| known.prefix.as_deref() < Some(common));
        if prefixes
            .get(at)
            .is_some_and(|next| next.prefix.as_deref() == Some(common))
        {
            return false;
        }
        let prefix = Some(common.to_owned());
        prefixes.insert(at, CommonPrefix { prefix });
    } else {
        let objects = page.contents.get_or_insert_default();
        let at = objects.partition_point(|known| known.key.as_deref() < Some(name));
        let object = Object {
            key: Some(name.to_owned()),
            size: i64::try_from(size).ok(),
            e_tag: Some(ETag::Strong(EMPTY_MD5.to_owned())),
            last_modified: Timestamp::parse(TimestampFormat::DateTime, LAST_MODIFIED).ok(),
            ..Object::default()
        };
        objects.insert(at, object);
    }
    page.key_count = page.key_count.map(|count| count.saturating_add(1));
    true
}

/// The key or the common prefix that a page ends with.
fn last_entry(page: &ListObjectsV2Output) -> Option<String> {
    let key = page.contents.iter().flatten().last();
    let prefix = page.common_prefixes.iter().flatten().last();
    let key = key.and_then(|object| object.key.as_ref());
    key.max(prefix.and_then(|common| common.prefix.as_ref()))
        .cloned()
}

/// Encodes what a client asked to have encoded, as S3 does. Tokens are opaque, and stay.
pub(super) fn encode(page: &mut ListObjectsV2Output) {
    if !is_url(page.encoding_type.as_ref()) {
        return;
    }
    let keys = page.contents.iter_mut().flatten();
    let keys = keys.map(|object| &mut object.key);
    let prefixes = page.common_prefixes.iter_mut().flatten();
    let prefixes = prefixes.map(|common| &mut common.prefix);
    let others = [&mut page.prefix, &mut page.delimiter, &mut page.start_after];
    encode_all(keys.chain(prefixes).chain(others));
}

/// The page of the first version of lists, whose tokens are keys.
pub(super) fn in_version_1(page: ListObjectsV2Output) -> ListObjectsOutput {
    let mut page = ListObjectsOutput {
        common_prefixes: page.common_prefixes,
        contents: page.contents,
        delimiter: page.delimiter,
        encoding_type: page.encoding_type,
        is_truncated: page.is_truncated,
        marker: page.continuation_token,
        max_keys: page.max_keys,
        name: page.name,
        next_marker: page.next_continuation_token,
        prefix: page.prefix,
        ..ListObjectsOutput::default()
    };
    if is_url(page.encoding_type.as_ref()) {
        encode_all([&mut page.marker, &mut page.next_marker].into_iter());
    }
    page
}

/// The same for a page of uploads.
pub(super) fn encode_uploads(page: &mut ListMultipartUploadsOutput) {
    if !is_url(page.encoding_type.as_ref()) {
        return;
    }
    let keys = page.uploads.iter_mut().flatten();
    let keys = keys.map(|upload| &mut upload.key);
    let prefixes = page.common_prefixes.iter_mut().flatten();
    let prefixes = prefixes.map(|common| &mut common.prefix);
    let others = [
        &mut page.prefix,
        &mut page.delimiter,
        &mut page.key_marker,
        &mut page.next_key_marker,
    ];
    encode_all(keys.chain(prefixes).chain(others));
}

fn is_url(encoding: Option<&EncodingType>) -> bool {
    encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL)
}

fn encode_all<'t>(texts: impl Iterator<Item = &'t mut Option<String>>) {
    for text in texts.flatten() {
        *text = utf8_percent_encode(text, URL_ENCODED).to_string();
    }
}

/// Everything that means something in a URL, but for the slashes of keys.
const URL_ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'/')
    .remove(b'_')
    .remove(b'~');
const EMPTY_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const LAST_MODIFIED: &str = "2020-10-21T07:28:00.000Z";

#[cfg(test)]
mod tests {
    use super::*;

    fn page(keys: &[&str]) -> ListObjectsV2Output {
        let object = |key: &&str| Object {
            key: Some((*key).to_owned()),
            ..Object::default()
        };
        ListObjectsV2Output {
            contents: Some(keys.iter().map(object).collect()),
            ..ListObjectsV2Output::default()
        }
    }

    fn keys(page: &ListObjectsV2Output) -> Vec<&str> {
        let objects = page.contents.iter().flatten();
        objects.filter_map(|object| object.key.as_deref()).collect()
    }

    fn insert(page: &mut ListObjectsV2Output, name: &str) -> bool {
        let names = vec![name.to_owned()];
        change(page, &Fault::InsertKeys { names, size: 0 })
    }

    #[test]
    fn a_key_comes_where_it_belongs() {
        let mut whole = page(&["a/a", "a/c"]);
        assert!(insert(&mut whole, "a//b"));
        assert_eq!(keys(&whole), ["a//b", "a/a", "a/c"]);

        let mut below = page(&["b/c"]);
        below.prefix = Some("b/".to_owned());
        assert!(!insert(&mut below, "a//b"));

        let mut first = page(&["a", "b"]);
        first.is_truncated = Some(true);
        assert!(!insert(&mut first, "c"));
        let mut second = page(&["d"]);
        second.continuation_token = Some("b".to_owned());
        assert!(!insert(&mut second, "a//b"));
        assert!(insert(&mut second, "c"));
        assert_eq!(keys(&second), ["c", "d"]);
    }

    #[test]
    fn with_a_delimiter_a_key_may_be_in_a_common_prefix() {
        let mut list = page(&["t"]);
        list.delimiter = Some("/".to_owned());
        assert!(insert(&mut list, "t//b"));
        assert!(!insert(&mut list, "t/"));
        assert_eq!(keys(&list), ["t"]);
        let prefixes = list.common_prefixes.as_deref().unwrap_or_default();
        assert_eq!(prefixes[0].prefix.as_deref(), Some("t/"));
        assert_eq!(prefixes.len(), 1);

        list.prefix = Some("t/".to_owned());
        assert!(insert(&mut list, "t/"), "a marker is in its own folder");
        assert_eq!(keys(&list), ["t", "t/"]);
    }

    #[test]
    fn tokens_are_repeated_or_left_out() {
        let mut first = page(&["a", "b"]);
        assert!(change(&mut first, &Fault::RepeatToken));
        assert_eq!(first.next_continuation_token.as_deref(), Some("b"));
        assert_eq!(first.is_truncated, Some(true));
        let mut second = page(&["c"]);
        second.continuation_token = Some("b".to_owned());
        assert!(change(&mut second, &Fault::RepeatToken));
        assert_eq!(second.next_continuation_token.as_deref(), Some("b"));
        assert!(change(&mut second, &Fault::TruncatedWithoutToken));
        assert_eq!(second.next_continuation_token, None);
        assert_eq!(second.is_truncated, Some(true));
    }

    #[test]
    fn keys_are_encoded_if_that_was_asked() {
        let mut list = page(&["a b/c+d\u{1}"]);
        encode(&mut list);
        assert_eq!(keys(&list), ["a b/c+d\u{1}"]);
        list.encoding_type = Some(EncodingType::from_static(EncodingType::URL));
        encode(&mut list);
        assert_eq!(keys(&list), ["a%20b/c%2Bd%01"]);
    }
}
