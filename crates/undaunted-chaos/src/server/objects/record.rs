//! What is known of an object besides its content: ETag, attributes, checksums.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::{S3Result, dto, s3_error};
use serde::{Deserialize, Serialize};

use super::tags::Tags;

/// Kept in a file of its own beside the buckets, since files have no attributes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Record {
    pub(super) e_tag: String,
    /// The file that it describes.
    pub(super) stamp: Stamp,
    #[serde(default)]
    pub(super) attributes: Attributes,
    #[serde(default)]
    pub(super) checksums: Checksums,
    /// The sizes of the parts of a multipart upload.
    #[serde(default)]
    pub(super) parts: Vec<u64>,
}

/// Tells a file from the one that was there before or that was edited since.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub(super) struct Stamp {
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        Self {
            size: metadata.len(),
            modified: since.map_or(0, |since| {
                u64::try_from(since.as_nanos()).unwrap_or_default()
            }),
        }
    }

    /// The stamp of a file that is to be put where there is a record, made another than that of the
    /// record: what is written within a tick of the clock of the file system has the same time.
    pub(super) fn told_apart(file: &File, record: &Path) -> io::Result<Self> {
        let taken = Record::read(record).map(|record| record.stamp);
        let mut metadata = file.metadata()?;
        for step in STEPS {
            if taken != Some(Self::of(&metadata)) {
                break;
            }
            file.set_modified(metadata.modified()? + step)?;
            metadata = file.metadata()?;
        }
        Ok(Self::of(&metadata))
    }
}

impl Record {
    /// None if there is none that can be read.
    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Whether it describes this content, whose file may have got another time since: an ETag that
    /// is an MD5 tells.
    pub(super) fn describes(&self, stamp: Stamp, md5: impl FnOnce() -> io::Result<String>) -> bool {
        self.stamp == stamp
            || (self.stamp.size == stamp.size
                && !self.e_tag.contains('-')
                && md5().is_ok_and(|md5| md5 == self.e_tag))
    }
}

/// Standard and user-defined attributes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Attributes {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
    /// As a date of HTTP.
    pub(super) expires: Option<String>,
    /// None is the standard one.
    pub(super) storage_class: Option<String>,
    #[serde(default)]
    pub(super) tags: Tags,
    pub(super) user_metadata: Option<dto::Metadata>,
    pub(super) website_redirect_location: Option<String>,
}

/// The attributes in the input of an operation, whose fields have the same names in all of them.
macro_rules! attributes {
    ($input:expr) => {{
        let input = &mut $input;
        $crate::server::objects::record::Attributes {
            cache_control: input.cache_control.take(),
            content_disposition: input.content_disposition.take(),
            content_encoding: input
                .content_encoding
                .take()
                .and_then(|encodings| $crate::server::objects::record::of_content(&encodings)),
            content_language: input.content_language.take(),
            content_type: input.content_type.take(),
            expires: input
                .expires
                .take()
                .and_then(|time| $crate::server::objects::record::date(&time)),
            storage_class: input
                .storage_class
                .take()
                .map(|class| class.as_str().to_owned())
                .filter(|class| class != "STANDARD"),
            tags: match input.tagging.take() {
                Some(tags) => $crate::server::objects::tags::of_header(&tags)?,
                None => Vec::new(),
            },
            user_metadata: input.metadata.take(),
            website_redirect_location: input.website_redirect_location.take(),
        }
    }};
}
pub(super) use attributes;

impl Attributes {
    /// The storage class.
    pub(super) fn class(&self) -> &str {
        self.storage_class.as_deref().unwrap_or("STANDARD")
    }

    /// Fails if the content has to be restored before it can be read, which is not done here.
    pub(super) fn check_readable(&self) -> S3Result<()> {
        if ["GLACIER", "DEEP_ARCHIVE"].contains(&self.class()) {
            return Err(s3_error!(
                InvalidObjectState,
                "The operation is not valid for the object's storage class"
            ));
        }
        Ok(())
    }

    pub(super) fn expires(&self) -> Option<dto::Timestamp> {
        let date = self.expires.as_deref()?;
        dto::Timestamp::parse(dto::TimestampFormat::HttpDate, date).ok()
    }
}

/// The encodings of a content, without the one that its body had on the way.
pub(super) fn of_content(encodings: &str) -> Option<String> {
    let kept: Vec<&str> = encodings
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty() && !one.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    Some(kept.join(",")).filter(|kept| !kept.is_empty())
}

/// A date of HTTP.
pub(super) fn date(time: &dto::Timestamp) -> Option<String> {
    let mut date = Vec::new();
    let format = dto::TimestampFormat::HttpDate;
    time.format(format, &mut date).ok()?;
    String::from_utf8(date).ok()
}

/// The checksums that came with an object, in base64.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(super) struct Checksums {
    pub(super) crc32: Option<String>,
    pub(super) crc32c: Option<String>,
    pub(super) crc64nvme: Option<String>,
    pub(super) sha1: Option<String>,
    pub(super) sha256: Option<String>,
}

/// The checksums in the input of an operation, or of a part, whose fields have the same names in all of
/// them.
macro_rules! checksums {
    ($input:expr) => {{
        let input = &mut $input;
        $crate::server::objects::record::Checksums {
            crc32: input.checksum_crc32.take(),
            crc32c: input.checksum_crc32c.take(),
            crc64nvme: input.checksum_crc64nvme.take(),
            sha1: input.checksum_sha1.take(),
            sha256: input.checksum_sha256.take(),
        }
    }};
}
pub(super) use checksums;

impl Checksums {
    /// One by this algorithm, which is not computed yet.
    pub(super) fn only(algorithm: &str) -> S3Result<Self> {
        let mut sums = Self::default();
        let Some(sum) = sums.by(algorithm) else {
            return Err(s3_error!(NotImplemented, "Unsupported checksum algorithm"));
        };
        *sum = Some(String::new());
        Ok(sums)
    }

    /// That by this algorithm.
    pub(super) fn by(&mut self, algorithm: &str) -> Option<&mut Option<String>> {
        type Algorithm = dto::ChecksumAlgorithm;
        match algorithm {
            Algorithm::CRC32 => Some(&mut self.crc32),
            Algorithm::CRC32C => Some(&mut self.crc32c),
            Algorithm::CRC64NVME => Some(&mut self.crc64nvme),
            Algorithm::SHA1 => Some(&mut self.sha1),
            Algorithm::SHA256 => Some(&mut self.sha256),
            _ => None,
        }
    }

    /// Whether they are of the whole content or of its parts' checksums. None where there are none.
    pub(super) fn kind(&self) -> Option<dto::ChecksumType> {
        type Kind = dto::ChecksumType;
        let all = [
            &self.crc32,
            &self.crc32c,
            &self.crc64nvme,
            &self.sha1,
            &self.sha256,
        ];
        let mut some = all.into_iter().flatten();
        let first = some.next()?;
        Some(if first.contains('-') {
            Kind::from_static(Kind::COMPOSITE)
        } else {
            Kind::from_static(Kind::FULL_OBJECT)
        })
    }

    /// Those of a content that has gone through a hasher.
    pub(super) fn of(hasher: ChecksumHasher) -> Self {
        checksums!(hasher.finalize())
    }

    /// Computes the same ones.
    pub(super) fn hasher(&self) -> ChecksumHasher {
        ChecksumHasher {
            crc32: self.crc32.is_some().then(Crc32::default),
            crc32c: self.crc32c.is_some().then(Crc32c::default),
            crc64nvme: self.crc64nvme.is_some().then(Crc64Nvme::default),
            sha1: self.sha1.is_some().then(Sha1::default),
            sha256: self.sha256.is_some().then(Sha256::default),
        }
    }

    /// Forgets the others.
    pub(super) fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        for checksum in [
            &mut self.crc32,
            &mut self.crc32c,
            &mut self.crc64nvme,
            &mut self.sha1,
            &mut self.sha256,
        ] {
            if checksum.as_deref().is_some_and(|text| !is_kept(text)) {
                *checksum = None;
            }
        }
    }

    /// The header of the first that is not that of what arrived.
    pub(super) fn wrong(&self, arrived: &Self) -> Option<String> {
        let all = [
            ("crc32", &self.crc32, &arrived.crc32),
            ("crc32c", &self.crc32c, &arrived.crc32c),
            ("crc64nvme", &self.crc64nvme, &arrived.crc64nvme),
            ("sha1", &self.sha1, &arrived.sha1),
            ("sha256", &self.sha256, &arrived.sha256),
        ];
        let wrong = all
            .into_iter()
            .find(|(_, sent, arrived)| sent.is_some() && sent != arrived);
        wrong.map(|(name, ..)| format!("x-amz-checksum-{name}"))
    }
}

/// What S3 knows of the content of every object.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    pub(super) md5: String,
    /// In base64.
    crc64nvme: String,
}

impl Digest {
    /// S3 computes a checksum of its own where the client has none.
    pub(super) fn checksums(&self) -> Checksums {
        Checksums {
            crc64nvme: Some(self.crc64nvme.clone()),
            ..Checksums::default()
        }
    }
}

/// Copies the rest of a file, and shows every piece of it.
pub(super) fn copy_shown(
    from: &mut File,
    to: &mut File,
    mut show: impl FnMut(&[u8]),
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        show(&buffer[..read]);
        to.write_all(&buffer[..read])?;
    }
}

/// Of the rest of a file.
pub(super) fn digest_of(file: &mut File) -> io::Result<Digest> {
    let (mut md5, mut crc) = (Md5::new(), Crc64Nvme::default());
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Digest {
                md5: hex(&md5.finalize()),
                crc64nvme: base64(&crc.finalize()),
            });
        }
        md5.update(&buffer[..read]);
        crc.update(&buffer[..read]);
    }
}

pub(super) fn base64(bytes: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(bytes)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What makes a difference to the time of a file: some file systems keep two seconds.
const STEPS: [Duration; 4] = [
    Duration::from_nanos(1),
    Duration::from_micros(1),
    Duration::from_millis(1),
    Duration::from_secs(2),
];
/// As much as is read in one call.
const BUFFER: usize = 128 << 10;
