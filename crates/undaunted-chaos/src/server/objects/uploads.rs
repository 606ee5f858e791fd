//! Multipart uploads: a directory each, with a directory for each part.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{ChecksumAlgorithm, ChecksumType, ETag};
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::conditions::WriteConditions;
use super::failed;
use super::folder::Folder;
use super::incoming::bad_digest;
use super::record::{Attributes, Checksums, Record, copy_shown, hex};

/// What will become of an upload.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) attributes: Attributes,
    pub(super) checksum_algorithm: Option<String>,
    pub(super) checksum_type: Option<String>,
}

/// An upload that is not complete.
#[derive(Clone, Debug)]
pub(super) struct OpenUpload {
    pub(super) id: String,
    pub(super) began: SystemTime,
    pub(super) upload: Upload,
}

/// A part that has arrived.
#[derive(Clone, Debug)]
pub(super) struct Part {
    path: PathBuf,
    pub(super) e_tag: String,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

/// What the completion of an upload says.
#[derive(Debug)]
pub(super) struct Completion {
    pub(super) parts: Vec<WantedPart>,
    /// Those of the object.
    pub(super) checksums: Checksums,
    pub(super) size: Option<u64>,
    pub(super) conditions: WriteConditions,
}

/// A part, as the completion of its upload names it.
#[derive(Debug)]
pub(super) struct WantedPart {
    pub(super) number: i32,
    pub(super) e_tag: Option<ETag>,
    pub(super) checksums: Checksums,
}

impl Upload {
    /// The checksums of the whole object that are to be computed: those that the completion names, or
    /// else that of the upload. S3 computes a CRC64NVME where the client wants no other; one that is made
    /// of the parts' is not the whole object's.
    fn whole(&self, named: &Checksums) -> Checksums {
        let mut whole = named.clone();
        if whole != Checksums::default() {
            return whole;
        }
        let is_whole = self
            .checksum_type
            .as_deref()
            .is_some_and(|kind| kind == ChecksumType::FULL_OBJECT);
        let wanted = match self.checksum_algorithm.as_deref() {
            None | Some(ChecksumAlgorithm::CRC64NVME) => &mut whole.crc64nvme,
            Some(ChecksumAlgorithm::CRC32) if is_whole => &mut whole.crc32,
            Some(ChecksumAlgorithm::CRC32C) if is_whole => &mut whole.crc32c,
            Some(_) => return whole,
        };
        *wanted = Some(String::new());
        whole
    }

    /// The algorithm by which the checksum of the object is made of those of its parts.
    fn composite(&self) -> Option<&str> {
        let algorithm = self.checksum_algorithm.as_deref();
        let kind = self.checksum_type.as_deref();
        algorithm.filter(|algorithm| {
            *algorithm != ChecksumAlgorithm::CRC64NVME && kind != Some(ChecksumType::FULL_OBJECT)
        })
    }
}

impl Folder {
    /// The id of a new upload.
    pub(super) fn create_upload(&self, upload: &Upload) -> S3Result<String> {
        self.bucket(&upload.bucket)?;
        let cannot = |error: &io::Error| failed("cannot begin the upload", error);
        let directory = tempfile::Builder::new()
            .prefix("")
            .rand_bytes(ID_LENGTH)
            .tempdir_in(self.uploads())
            .map_err(|error| cannot(&error))?;
        let text = serde_json::to_vec(upload).map_err(|error| cannot(&error.into()))?;
        let file = directory.path().join(DESCRIPTION);
        fs::write(file, text).map_err(|error| cannot(&error))?;
        let id = directory.keep();
        let id = id.file_name().unwrap_or_default();
        Ok(id.to_string_lossy().into_owned())
    }

    /// Fails if there is no such upload of this object.
    pub(super) fn upload(&self, id: &str, bucket: &str, key: &str) -> S3Result<OpenUpload> {
        self.bucket(bucket)?;
        let found = self.read_upload(id);
        let found = found.filter(|found| found.upload.bucket == bucket && found.upload.key == key);
        found.ok_or_else(no_such_upload)
    }

    /// All uploads to a bucket, in the order of their keys and of their beginnings.
    pub(super) fn uploads_to(&self, bucket: &str) -> S3Result<Vec<OpenUpload>> {
        self.bucket(bucket)?;
        let entries = fs::read_dir(self.uploads());
        let entries = entries.map_err(|error| failed("cannot list the uploads", &error))?;
        let mut uploads: Vec<OpenUpload> = entries
            .filter_map(|entry| self.read_upload(entry.ok()?.file_name().to_str()?))
            .filter(|found| found.upload.bucket == bucket)
            .collect();
        uploads.sort_by(|a, b| {
            let order = a.upload.key.cmp(&b.upload.key);
            order.then_with(|| (a.began, &a.id).cmp(&(b.began, &b.id)))
        });
        Ok(uploads)
    }

    /// Makes a file a part, in the place of an earlier one of the same number.
    pub(super) fn put_part(
        &self,
        upload: &OpenUpload,
        number: i32,
        e_tag: &str,
        staged: NamedTempFile,
    ) -> S3Result<()> {
        let directory = self.uploads().join(&upload.id);
        let cannot = |error: &io::Error| failed("cannot keep the part", error);
        let _moving = self.moving();
        // It may have been completed or aborted while the part came in.
        if !directory.is_dir() {
            return Err(no_such_upload());
        }
        let directory = directory.join(format!("{number:05}"));
        fs::create_dir_all(&directory).map_err(|error| cannot(&error))?;
        let path = directory.join(e_tag);
        staged
            .persist(&path)
            .map_err(|failed| cannot(&failed.error))?;
        for other in fs::read_dir(&directory).map_err(|error| cannot(&error))? {
            let other = other.map_err(|error| cannot(&error))?.path();
            if other != path {
                fs::remove_file(other).map_err(|error| cannot(&error))?;
            }
        }
        Ok(())
    }

    /// The parts that have arrived, by number.
    pub(super) fn parts(&self, upload: &OpenUpload) -> S3Result<BTreeMap<i32, Part>> {
        let _reading = self.reading();
        let directory = self.uploads().join(&upload.id);
        match parts_in(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(no_such_upload()),
            parts => parts.map_err(|error| failed("cannot list the parts", &error)),
        }
    }

    /// Makes the parts an object, and returns its ETag and checksums.
    pub(super) fn complete_upload(
        &self,
        upload: &OpenUpload,
        completion: &Completion,
    ) -> S3Result<(String, Checksums)> {
        let Upload { bucket, key, .. } = &upload.upload;
        let conditions = &completion.conditions;
        self.check(bucket, key, conditions)?;
        let parts = chosen(self.parts(upload)?, &completion.parts)?;
        let mut staged = self.stage()?;
        let mut named = completion.checksums.clone();
        named.retain(|checksum| !checksum.contains('-'));
        let whole = upload.upload.whole(&named);
        let composite = upload.upload.composite();
        let composite = composite.filter(|_| whole == Checksums::default());
        if composite.is_some() {
            named = completion.checksums.clone();
        }
        let mut sums_of_parts = Vec::new();
        let mut hasher = whole.hasher();
        for (part, wanted) in parts.iter().zip(&completion.parts) {
            let mut needed = wanted.checksums.clone();
            if let Some(sum) = composite.and_then(|algorithm| needed.by(algorithm)) {
                sum.get_or_insert_default();
            }
            let mut of_part = needed.hasher();
            let copied = File::open(&part.path).and_then(|mut file| {
                copy_shown(&mut file, staged.as_file_mut(), |piece| {
                    hasher.update(piece);
                    of_part.update(piece);
                })
            });
            copied.map_err(|error| failed("cannot join the parts", &error))?;
            let mut of_part = Checksums::of(of_part);
            let sum = composite.and_then(|algorithm| of_part.by(algorithm)?.as_deref());
            let sum = sum.map(|sum| base64_simd::STANDARD.decode_to_vec(sum.as_bytes()));
            sums_of_parts.extend(sum.and_then(Result::ok).unwrap_or_default());
            if let Some(name) = wanted.checksums.wrong(&of_part) {
                let number = wanted.number;
                return Err(s3_error!(
                    InvalidPart,
                    "Part {number} does not have the specified {name}."
                ));
            }
        }
        let mut checksums = Checksums::of(hasher);
        if let Some(algorithm) = composite {
            let mut hasher = Checksums::only(algorithm)?.hasher();
            hasher.update(&sums_of_parts);
            checksums = Checksums::of(hasher);
            if let Some(Some(sum)) = checksums.by(algorithm) {
                *sum = format!("{sum}-{}", parts.len());
            }
        }
        if let Some(name) = named.wrong(&checksums) {
            return Err(bad_digest(&name));
        }
        let size: u64 = parts.iter().map(|part| part.size).sum();
        if completion.size.is_some_and(|wanted| wanted != size) {
            return Err(s3_error!(
                InvalidRequest,
                "The provided 'x-amz-mp-object-size' header does not match what was computed."
            ));
        }
        let record = Record {
            e_tag: e_tag_of(&parts),
            attributes: upload.upload.attributes.clone(),
            checksums: checksums.clone(),
            parts: parts.iter().map(|part| part.size).collect(),
            ..Record::default()
        };
        let e_tag = record.e_tag.clone();
        let directory = self.uploads().join(&upload.id);
        let moving = self.moving();
        if !directory.is_dir() {
            return Err(no_such_upload());
        }
        self.put_while(&moving, staged, bucket, key, record, conditions)?;
        let rest = self.take_away(&directory);
        drop(moving);
        // The object is there. What is left of its parts is removed at a later start.
        let _ = rest.and_then(fs::remove_dir_all);
        Ok((e_tag, checksums))
    }

    /// Removes an upload and its parts.
    pub(super) fn abort_upload(&self, upload: &OpenUpload) -> S3Result<()> {
        let moving = self.moving();
        let rest = self.take_away(&self.uploads().join(&upload.id));
        drop(moving);
        match rest.and_then(fs::remove_dir_all) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(no_such_upload()),
            removed => removed.map_err(|error| failed("cannot remove the upload", &error)),
        }
    }

    fn read_upload(&self, id: &str) -> Option<OpenUpload> {
        // An id is part of a path.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let file = self.uploads().join(id).join(DESCRIPTION);
        let upload = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
        Some(OpenUpload {
            id: id.to_owned(),
            began: file.metadata().ok()?.modified().ok()?,
            upload,
        })
    }
}

fn parts_in(directory: &Path) -> io::Result<BTreeMap<i32, Part>> {
    let mut parts = BTreeMap::new();
    for numbered in fs::read_dir(directory)? {
        let numbered = numbered?;
        let number = numbered
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(number) = number else { continue };
        for entry in fs::read_dir(numbered.path())? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let part = Part {
                path: entry.path(),
                e_tag: entry.file_name().to_string_lossy().into_owned(),
                size: metadata.len(),
                modified: metadata.modified()?,
            };
            // Of two the newer one is the part: the older one could not be removed any more.
            let older = parts.get(&number);
            if older.is_none_or(|older: &Part| older.modified <= part.modified) {
                parts.insert(number, part);
            }
        }
    }
    Ok(parts)
}

/// The parts of an object, as its completion names them.
fn chosen(mut parts: BTreeMap<i32, Part>, wanted: &[WantedPart]) -> S3Result<Vec<Part>> {
    if wanted.is_empty() {
        return Err(s3_error!(
            MalformedXML,
            "You must specify at least one part."
        ));
    }
    if !wanted.is_sorted_by(|a, b| a.number < b.number) {
        return Err(s3_error!(
            InvalidPartOrder,
            "The list of parts was not in ascending order."
        ));
    }
    let mut chosen = Vec::with_capacity(wanted.len());
    for WantedPart { number, e_tag, .. } in wanted {
        let part = parts.remove(number);
        let part = part.filter(|part| {
            e_tag
                .as_ref()
                .is_none_or(|e_tag| e_tag.value() == part.e_tag)
        });
        chosen.push(part.ok_or_else(|| {
            s3_error!(
                InvalidPart,
                "Part {number} could not be found, or does not have the specified ETag."
            )
        })?);
    }
    let but_last = &chosen[..chosen.len() - 1];
    if but_last.iter().any(|part| part.size < SMALLEST_PART) {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size."
        ));
    }
    Ok(chosen)
}

/// The MD5 of the parts' MD5s, and their number.
fn e_tag_of(parts: &[Part]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        let digits = part.e_tag.as_bytes().chunks(2);
        let bytes = digits.filter_map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        });
        md5.update(&bytes.collect::<Vec<u8>>());
    }
    format!("{}-{}", hex(md5.finalize().as_ref()), parts.len())
}

fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have \
         been aborted or completed."
    )
}

/// Enough that no two are the same and none can be guessed.
const ID_LENGTH: usize = 32;
const DESCRIPTION: &str = "upload.json";
/// S3's limit for all parts but the last.
const SMALLEST_PART: u64 = 5 << 20;
