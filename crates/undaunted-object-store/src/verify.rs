//! Reads that are verified: what arrived against what the service says that it has.
//!
//! By default that is a CRC, which the service has made itself and which costs next to nothing; where it
//! is wanted, the MD5 that Azure has of an object, or else the one that an ETag is.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};
use md5::{Digest, Md5};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetResult};

use crate::error::{Corrupt, generic};
use crate::policy::Policy;

/// In the extensions of a response: its ETag is no MD5 of its content, though it may look like
/// one. S3 says so by how the object is encrypted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ETagIsNoMd5;

/// In the extensions of a read: nobody compares it with a checksum, so none is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unchecked;

/// In the extensions of a response: the CRC of the whole object, as the service has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredCrc {
    algorithm: CrcAlgorithm,
    name: &'static str,
    value: u64,
}

impl StoredCrc {
    /// What a response says of the object that is its body. Nothing of a part of an object, of one that
    /// was decompressed on its way, or of a checksum of the checksums of parts, which has a hyphen.
    pub(crate) fn said_in(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        // A client that decompresses takes the length away.
        if status != StatusCode::OK || !headers.contains_key(CONTENT_LENGTH) {
            return None;
        }
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let is_of_parts = text("x-amz-checksum-type") == Some("COMPOSITE");
        let mut of_s3 = S3_CHECKSUMS.iter().filter(|_| !is_of_parts);
        let of_s3 =
            of_s3.find_map(|(header, name, algorithm)| Self::new(*algorithm, name, text(header)?));
        of_s3.or_else(|| {
            let stored = text("x-goog-stored-content-encoding").unwrap_or("identity");
            let sent = headers.get(CONTENT_ENCODING);
            let sent = sent.map_or(Some("identity"), |value| value.to_str().ok());
            if sent != Some(stored) {
                return None;
            }
            let hashes = headers.get_all("x-goog-hash").iter();
            let hashes = hashes.filter_map(|value| value.to_str().ok());
            let mut each = hashes.flat_map(|text| text.split(','));
            let value = each.find_map(|hash| hash.trim().strip_prefix("crc32c="))?;
            Self::new(CrcAlgorithm::Crc32Iscsi, "CRC32C", value)
        })
    }

    fn new(algorithm: CrcAlgorithm, name: &'static str, base64: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(base64).ok()?;
        let length = if algorithm == CrcAlgorithm::Crc64Nvme {
            8
        } else {
            4
        };
        (bytes.len() == length).then(|| Self {
            algorithm,
            name,
            value: bytes
                .iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        })
    }
}

/// In the extensions of a response: the MD5 of the whole object, as the service has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredMd5([u8; 16]);

impl StoredMd5 {
    /// What a response of Azure says of the object that is its body. Where a client uploaded it in blocks,
    /// that is what this client said.
    pub(crate) fn said_in(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        // That of a part is of that part, and a client that decompresses takes the length away.
        let is_whole = status == StatusCode::OK && headers.contains_key(CONTENT_LENGTH);
        if !is_whole || headers.contains_key(CONTENT_ENCODING) {
            return None;
        }
        let bytes = BASE64_STANDARD.decode(headers.get("content-md5")?).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

/// The content of one object on its way.
#[derive(Clone)]
pub(crate) enum Verifier {
    // In a box, since its tables are larger than all else of a body.
    Crc { stored: StoredCrc, so_far: Box<Crc> },
    Md5 { stored: [u8; 16], so_far: Md5 },
}

impl Verifier {
    /// A verifier of what was got with `options`, if it can be verified: the whole of an
    /// object, of which the service says a checksum.
    pub(crate) fn of(result: &GetResult, options: &GetOptions, policy: &Policy) -> Option<Self> {
        let is_whole = options.range.is_none() && result.range == (0..result.meta.size);
        if !is_whole || options.head {
            return None;
        }
        match result.extensions.get::<StoredCrc>() {
            Some(stored) if policy.checksums || policy.verify_reads => Some(Self::Crc {
                stored: *stored,
                so_far: Box::new(Crc::new(stored.algorithm)),
            }),
            _ => Some(Self::Md5 {
                stored: Self::md5_of(result, policy)?,
                so_far: Md5::new(),
            }),
        }
    }

    /// The MD5 that a body is compared with, where that is wanted: the one that is said of it, or else the
    /// one that its ETag is.
    fn md5_of(result: &GetResult, policy: &Policy) -> Option<[u8; 16]> {
        if !policy.verify_reads {
            return None;
        }
        match result.extensions.get::<StoredMd5>() {
            Some(StoredMd5(md5)) => Some(*md5),
            None if result.extensions.get::<ETagIsNoMd5>().is_none() => {
                content_md5(result.meta.e_tag.as_deref()?)
            }
            None => None,
        }
    }

    /// The same of an object whose first byte is still to come.
    pub(crate) fn anew(&self) -> Self {
        match self {
            Self::Crc { stored, .. } => Self::Crc {
                stored: *stored,
                so_far: Box::new(Crc::new(stored.algorithm)),
            },
            Self::Md5 { stored, .. } => Self::Md5 {
                stored: *stored,
                so_far: Md5::new(),
            },
        }
    }

    /// The next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc { so_far, .. } => so_far.update(bytes),
            Self::Md5 { so_far, .. } => so_far.update(bytes),
        }
    }

    /// Whether two have seen the same bytes.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.found() == other.found()
    }

    /// Whether all bytes together are what the store said.
    pub(crate) fn finish(&self, location: &Path) -> Result<(), Error> {
        let (name, stored) = match self {
            Self::Crc { stored, .. } => (stored.name, hex_of_crc(stored, stored.value)),
            Self::Md5 { stored, .. } => ("MD5", hex(stored)),
        };
        let found = self.found();
        if found == stored {
            return Ok(());
        }
        Err(generic(Corrupt::new(location, name, stored, found)))
    }

    fn found(&self) -> String {
        match self {
            Self::Crc { stored, so_far } => hex_of_crc(stored, so_far.finalize()),
            Self::Md5 { so_far, .. } => hex(&so_far.clone().finalize().into()),
        }
    }
}

fn hex_of_crc(stored: &StoredCrc, value: u64) -> String {
    if stored.algorithm == CrcAlgorithm::Crc64Nvme {
        format!("{value:016x}")
    } else {
        format!("{value:08x}")
    }
}

fn hex(md5: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*md5))
}

/// The MD5 that an ETag is: 32 hexadecimal digits in quotes. That of a multipart upload has a
/// hyphen and the number of parts.
fn content_md5(e_tag: &str) -> Option<[u8; 16]> {
    let digits = e_tag.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let digits: &[u8; 32] = digits.try_into().ok()?;
    let mut md5 = [0; 16];
    for (byte, pair) in md5.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(md5)
}

/// Those that processors have instructions for. The SHAs of S3 are no checksums that cost nothing.
const S3_CHECKSUMS: [(&str, &str, CrcAlgorithm); 3] = [
    (
        "x-amz-checksum-crc64nvme",
        "CRC64NVME",
        CrcAlgorithm::Crc64Nvme,
    ),
    ("x-amz-checksum-crc32c", "CRC32C", CrcAlgorithm::Crc32Iscsi),
    ("x-amz-checksum-crc32", "CRC32", CrcAlgorithm::Crc32IsoHdlc),
];

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_an_md5_is_one() {
        let md5 = content_md5("\"d41d8cd98f00b204e9800998ecf8427e\"");
        assert_eq!(md5.map(|md5| (md5[0], md5[15])), Some((0xd4, 0x7e)));
        for other in [
            "",
            "\"\"",
            "\"1\"",
            "d41d8cd98f00b204e9800998ecf8427e",
            "\"d41d8cd98f00b204e9800998ecf8427e-2\"",
            "W/\"d41d8cd98f00b204e9800998ecf8427e\"",
            "\"x41d8cd98f00b204e9800998ecf8427e\"",
            "\"+4+d+c+9+f+0+2+4+9+0+9+8+c+8+2+e\"",
        ] {
            assert_eq!(content_md5(other), None, "{other}");
        }
    }

    /// The name of the checksum that a response says, and what it says of the digits 1 to 9.
    fn checked(
        status: u16,
        headers: &[(&'static str, &'static str)],
    ) -> Option<(String, Result<(), Error>)> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let stored = StoredCrc::said_in(StatusCode::from_u16(status).unwrap(), &map)?;
        let mut verifier = Verifier::Crc {
            stored,
            so_far: Box::new(Crc::new(stored.algorithm)),
        };
        verifier.update(b"1234");
        verifier.update(b"56789");
        Some((stored.name.to_owned(), verifier.finish(&Path::from("a"))))
    }

    fn said(status: u16, headers: &[(&'static str, &'static str)]) -> Option<(String, bool)> {
        checked(status, headers).map(|(name, finished)| (name, finished.is_ok()))
    }

    fn error_of(headers: &[(&'static str, &'static str)]) -> String {
        let (_, finished) = checked(200, headers).unwrap();
        finished.unwrap_err().to_string()
    }

    /// The check values of the catalogue of CRCs: those of the digits 1 to 9.
    #[test]
    fn checksums_of_s3_and_google_are_those_of_the_content() {
        let length = ("content-length", "9");
        for (name, value, expected) in [
            ("x-amz-checksum-crc64nvme", "rosUhgp5mIg=", "CRC64NVME"),
            ("x-amz-checksum-crc32c", "4waSgw==", "CRC32C"),
            ("x-amz-checksum-crc32", "y/Q5Jg==", "CRC32"),
            ("x-goog-hash", "crc32c=4waSgw==", "CRC32C"),
            ("x-goog-hash", "md5=abc=,crc32c=4waSgw==", "CRC32C"),
        ] {
            let headers = [length, (name, value)];
            assert_eq!(said(200, &headers), Some((expected.to_owned(), true)));
            assert_eq!(said(206, &headers), None, "of a range");
            assert_eq!(said(200, &headers[1..]), None, "perhaps decompressed");
        }
        for (name, value, found, expected) in [
            (
                "x-amz-checksum-crc64nvme",
                "AAAAAAAAAAE=",
                "ae8b14860a799888",
                "0000000000000001",
            ),
            ("x-amz-checksum-crc32", "AAAAAQ==", "cbf43926", "00000001"),
        ] {
            let text = error_of(&[length, (name, value)]);
            let (found, expected) = (format!("is {found},"), format!("be {expected}"));
            assert!(text.contains(&found) && text.ends_with(&expected), "{text}");
        }
        let wrong = [length, ("x-amz-checksum-crc32", "AAAAAA==")];
        assert_eq!(said(200, &wrong), Some(("CRC32".to_owned(), false)));
    }

    #[test]
    fn what_is_no_checksum_of_the_whole_body_is_none() {
        let length = ("content-length", "9");
        for value in [
            "",
            "=",
            "rosUhgp5mIg=-2",
            "4waSgw==",
            "rosUhgp5mIg",
            "rosUhgp5mI!=",
        ] {
            let headers = [length, ("x-amz-checksum-crc64nvme", value)];
            assert_eq!(said(200, &headers), None, "{value}");
        }
        let of_parts = [
            length,
            ("x-amz-checksum-crc32c", "4waSgw=="),
            ("x-amz-checksum-type", "COMPOSITE"),
        ];
        assert_eq!(said(200, &of_parts), None);
        let unzipped = [
            length,
            ("x-goog-hash", "crc32c=4waSgw=="),
            ("x-goog-stored-content-encoding", "gzip"),
        ];
        assert_eq!(said(200, &unzipped), None);
        let sent_as_stored = [&unzipped[..], &[("content-encoding", "gzip")]].concat();
        assert!(said(200, &sent_as_stored).is_some());
    }

    /// A verifier of a response with a CRC of the digits 1 to 9, in an object of this size.
    fn of(
        size: u64,
        came: std::ops::Range<u64>,
        options: &GetOptions,
        policy: &Policy,
    ) -> Option<Verifier> {
        let stored = StoredCrc::new(CrcAlgorithm::Crc32IsoHdlc, "CRC32", "y/Q5Jg==").unwrap();
        let mut extensions = object_store::Extensions::new();
        extensions.insert(stored);
        let meta = object_store::ObjectMeta {
            location: Path::from("a"),
            last_modified: std::time::UNIX_EPOCH.into(),
            size,
            e_tag: Some("\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned()),
            version: None,
        };
        let result = GetResult {
            payload: object_store::GetResultPayload::Stream(Box::pin(futures::stream::empty())),
            meta,
            range: came,
            attributes: object_store::Attributes::new(),
            extensions,
        };
        Verifier::of(&result, options, policy)
    }

    #[test]
    fn whole_objects_are_compared_and_only_where_that_is_wanted() {
        let mut policy = Policy::new(undaunted::RetryConfig::storage());
        let whole = GetOptions::new();
        let is_crc = |verifier| matches!(verifier, Some(Verifier::Crc { .. }));
        assert!(is_crc(of(9, 0..9, &whole, &policy)));
        assert!(of(9, 0..8, &whole, &policy).is_none());
        let range = GetOptions::new().with_range(Some(object_store::GetRange::Bounded(0..9)));
        assert!(of(9, 0..9, &range, &policy).is_none());
        let head = GetOptions::new().with_head(true);
        assert!(of(9, 0..9, &head, &policy).is_none());
        policy.checksums = false;
        assert!(of(9, 0..9, &whole, &policy).is_none());
        // The CRC, and not the MD5 that the ETag may be.
        policy.verify_reads = true;
        assert!(is_crc(of(9, 0..9, &whole, &policy)));
    }
}
