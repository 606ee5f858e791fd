//! What is said of an object: headers, and the range that comes.

use std::ops::Range;

use hyper::HeaderMap;
use hyper::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use s3s::{S3Error, S3Result, dto, s3_error};

use super::folder::Object;
use super::record::Checksums;

/// The range that a request asks for, by bytes or by the number of a part. None is all.
pub(super) fn range(
    object: &Object,
    range: Option<&dto::Range>,
    part: Option<i32>,
) -> S3Result<Option<Range<u64>>> {
    match (range, part) {
        (Some(_), Some(_)) => Err(s3_error!(
            InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter."
        )),
        (Some(range), None) => {
            // More bytes from the end than there are is all of them.
            let range = match range {
                dto::Range::Suffix { length } => dto::Range::Suffix {
                    length: (*length).min(object.size),
                },
                range @ dto::Range::Int { .. } => *range,
            };
            let found = range.check(object.size);
            Ok(Some(found.map_err(|_| not_satisfiable(object.size))?))
        }
        (None, Some(part)) => {
            let parts = match object.record.parts.as_slice() {
                [] => &[object.size],
                parts => parts,
            };
            let index = usize::try_from(part)
                .ok()
                .and_then(|part| part.checked_sub(1));
            let found = index.and_then(|index| Some((index, *parts.get(index)?)));
            let (index, size) = found.ok_or_else(|| {
                s3_error!(InvalidRange, "The requested partnumber is not satisfiable")
            })?;
            let start = parts[..index].iter().sum();
            Ok(Some(start..start + size))
        }
        (None, None) => Ok(None),
    }
}

/// Says how large the object is.
fn not_satisfiable(size: u64) -> S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
        headers.insert(CONTENT_RANGE, value);
    }
    error.set_headers(headers);
    error
}

/// The response to a GET, but for its body.
pub(super) fn of_get(
    object: &Object,
    range: Option<Range<u64>>,
    asked: Option<&dto::ChecksumMode>,
) -> dto::GetObjectOutput {
    let head = of_head(object, range, asked);
    dto::GetObjectOutput {
        accept_ranges: head.accept_ranges,
        cache_control: head.cache_control,
        checksum_crc32: head.checksum_crc32,
        checksum_crc32c: head.checksum_crc32c,
        checksum_crc64nvme: head.checksum_crc64nvme,
        checksum_sha1: head.checksum_sha1,
        checksum_sha256: head.checksum_sha256,
        checksum_type: head.checksum_type,
        content_disposition: head.content_disposition,
        content_encoding: head.content_encoding,
        content_language: head.content_language,
        content_length: head.content_length,
        content_range: head.content_range,
        content_type: head.content_type,
        e_tag: head.e_tag,
        expires: head.expires,
        last_modified: head.last_modified,
        metadata: head.metadata,
        parts_count: head.parts_count,
        storage_class: head.storage_class,
        tag_count: i32::try_from(object.record.attributes.tags.len())
            .ok()
            .filter(|count| *count > 0),
        website_redirect_location: head.website_redirect_location,
        ..dto::GetObjectOutput::default()
    }
}

/// What a HEAD is told. `asked` says whether the client wants checksums.
pub(super) fn of_head(
    object: &Object,
    range: Option<Range<u64>>,
    asked: Option<&dto::ChecksumMode>,
) -> dto::HeadObjectOutput {
    let record = &object.record;
    let attributes = record.attributes.clone();
    let length = range
        .as_ref()
        .map_or(object.size, |range| range.end - range.start);
    // A checksum is of the whole object, and S3 says it only to those who ask for it.
    let is_asked = asked.is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED);
    let sums = if is_asked && length == object.size {
        record.checksums.clone()
    } else {
        Checksums::default()
    };
    dto::HeadObjectOutput {
        checksum_type: sums.kind(),
        accept_ranges: Some("bytes".to_owned()),
        cache_control: attributes.cache_control.clone(),
        checksum_crc32: sums.crc32,
        checksum_crc32c: sums.crc32c,
        checksum_crc64nvme: sums.crc64nvme,
        checksum_sha1: sums.sha1,
        checksum_sha256: sums.sha256,
        content_disposition: attributes.content_disposition.clone(),
        content_encoding: attributes.content_encoding.clone(),
        content_language: attributes.content_language.clone(),
        content_length: i64::try_from(length).ok(),
        content_range: range.map(|range| {
            let last = range.end.saturating_sub(1);
            format!("bytes {}-{last}/{}", range.start, object.size)
        }),
        content_type: attributes
            .content_type
            .clone()
            .or_else(|| Some("binary/octet-stream".to_owned())),
        e_tag: Some(dto::ETag::Strong(record.e_tag.clone())),
        expires: attributes.expires(),
        last_modified: Some(dto::Timestamp::from(object.modified)),
        metadata: attributes.user_metadata,
        parts_count: i32::try_from(record.parts.len())
            .ok()
            .filter(|count| *count > 0),
        storage_class: attributes.storage_class.map(dto::StorageClass::from),
        website_redirect_location: attributes.website_redirect_location,
        ..dto::HeadObjectOutput::default()
    }
}
