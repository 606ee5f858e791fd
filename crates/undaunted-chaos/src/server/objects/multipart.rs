//! Multipart uploads as S3 says them; their files are in `uploads.rs`.

use std::ops::{Bound, Range};

use s3s::{S3Request, S3Result, dto, s3_error};

use super::conditions::{ReadConditions, WriteConditions};
use super::incoming::{Expected, expected, receive};
use super::record::{Checksums, attributes, checksums};
use super::uploads::{Completion, OpenUpload, Upload, WantedPart};
use super::{Objects, content, empty, page};

impl Objects {
    pub(super) async fn begin_upload(
        &self,
        mut input: dto::CreateMultipartUploadInput,
    ) -> S3Result<dto::CreateMultipartUploadOutput> {
        input.checksum_type = checksum_type(&input)?;
        let upload = Upload {
            attributes: attributes!(input),
            bucket: input.bucket.clone(),
            key: input.key.clone(),
            checksum_algorithm: input
                .checksum_algorithm
                .as_ref()
                .map(|it| it.as_str().to_owned()),
            checksum_type: input
                .checksum_type
                .as_ref()
                .map(|it| it.as_str().to_owned()),
        };
        let id = self.on_files("", "", move |folder, _, _| folder.create_upload(&upload));
        Ok(dto::CreateMultipartUploadOutput {
            upload_id: Some(id.await?),
            bucket: Some(input.bucket),
            key: Some(input.key),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: input.checksum_type,
            ..dto::CreateMultipartUploadOutput::default()
        })
    }

    pub(super) async fn receive_part(
        &self,
        mut request: S3Request<dto::UploadPartInput>,
    ) -> S3Result<dto::UploadPartOutput> {
        let expected = expected!(request);
        let input = request.input;
        let body = input.body.unwrap_or_else(empty);
        let upload = self
            .upload(&input.bucket, &input.key, input.upload_id)
            .await?;
        let (e_tag, sums) = self
            .take_part(upload, input.part_number, body, expected)
            .await?;
        Ok(dto::UploadPartOutput {
            e_tag: Some(dto::ETag::Strong(e_tag)),
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            ..dto::UploadPartOutput::default()
        })
    }

    pub(super) async fn copy_part(
        &self,
        input: dto::UploadPartCopyInput,
    ) -> S3Result<dto::UploadPartCopyOutput> {
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        let upload = self
            .upload(&input.bucket, &input.key, input.upload_id)
            .await?;
        let source = self.open_source(&input.copy_source, &conditions).await?;
        source.record.attributes.check_readable()?;
        let range = match &input.copy_source_range {
            Some(range) => range_of_source(range, source.size)?,
            None => 0..source.size,
        };
        let body = content::read(source.file, range);
        let (e_tag, sums) = self
            .take_part(upload, input.part_number, body, Expected::nothing())
            .await?;
        Ok(dto::UploadPartCopyOutput {
            copy_part_result: Some(dto::CopyPartResult {
                checksum_crc32: sums.crc32,
                checksum_crc32c: sums.crc32c,
                checksum_crc64nvme: sums.crc64nvme,
                checksum_sha1: sums.sha1,
                checksum_sha256: sums.sha256,
                e_tag: Some(dto::ETag::Strong(e_tag)),
                last_modified: Some(dto::Timestamp::from(std::time::SystemTime::now())),
            }),
            ..dto::UploadPartCopyOutput::default()
        })
    }

    pub(super) async fn complete(
        &self,
        mut input: dto::CompleteMultipartUploadInput,
    ) -> S3Result<dto::CompleteMultipartUploadOutput> {
        let checksums = checksums!(input);
        let parts = input.multipart_upload.and_then(|upload| upload.parts);
        let parts = parts.unwrap_or_default().into_iter().map(|mut part| {
            let number = part.part_number;
            let number = number.ok_or_else(|| s3_error!(MalformedXML, "A part has no number."));
            number.map(|number| WantedPart {
                number,
                checksums: checksums!(part),
                e_tag: part.e_tag,
            })
        });
        let completion = Completion {
            parts: parts.collect::<S3Result<_>>()?,
            checksums,
            size: input
                .mpu_object_size
                .map(|size| u64::try_from(size).unwrap_or(u64::MAX)),
            conditions: WriteConditions {
                if_match: input.if_match,
                if_none_match: input.if_none_match,
            },
        };
        let upload = self
            .upload(&input.bucket, &input.key, input.upload_id)
            .await?;
        let completed = self.on_files("", "", move |folder, _, _| {
            folder.complete_upload(&upload, &completion)
        });
        let (e_tag, checksums) = completed.await?;
        Ok(dto::CompleteMultipartUploadOutput {
            e_tag: Some(dto::ETag::Strong(e_tag)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            checksum_type: checksums.kind(),
            checksum_crc32: checksums.crc32,
            checksum_crc32c: checksums.crc32c,
            checksum_crc64nvme: checksums.crc64nvme,
            checksum_sha1: checksums.sha1,
            checksum_sha256: checksums.sha256,
            ..dto::CompleteMultipartUploadOutput::default()
        })
    }

    pub(super) async fn parts_of(
        &self,
        input: dto::ListPartsInput,
    ) -> S3Result<dto::ListPartsOutput> {
        let upload = self
            .upload(&input.bucket, &input.key, input.upload_id)
            .await?;
        let id = upload.id.clone();
        let (algorithm, kind) = (
            upload.upload.checksum_algorithm.clone(),
            upload.upload.checksum_type.clone(),
        );
        let parts = self
            .on_files("", "", move |folder, _, _| folder.parts(&upload))
            .await?;
        let after = input.part_number_marker.unwrap_or_default();
        let most = self.listed(input.max_parts, "maxParts")?;
        let behind = parts.range((Bound::Excluded(after), Bound::Unbounded));
        let mut listed: Vec<dto::Part> = behind
            .take(usize::try_from(most).unwrap_or_default() + 1)
            .map(|(number, part)| dto::Part {
                part_number: Some(*number),
                e_tag: Some(dto::ETag::Strong(part.e_tag.clone())),
                size: i64::try_from(part.size).ok(),
                last_modified: Some(dto::Timestamp::from(part.modified)),
                ..dto::Part::default()
            })
            .collect();
        let is_truncated = listed.len() > usize::try_from(most).unwrap_or_default();
        listed.truncate(usize::try_from(most).unwrap_or_default());
        let next = listed.last().and_then(|part| part.part_number);
        Ok(dto::ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            part_number_marker: Some(after),
            next_part_number_marker: next,
            max_parts: Some(most),
            is_truncated: Some(is_truncated),
            parts: Some(listed),
            storage_class: Some(dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
            checksum_algorithm: algorithm.map(dto::ChecksumAlgorithm::from),
            checksum_type: kind.map(dto::ChecksumType::from),
            ..dto::ListPartsOutput::default()
        })
    }

    /// A page of the uploads that are not complete, in the order of their keys.
    pub(super) async fn uploads_to(
        &self,
        mut input: dto::ListMultipartUploadsInput,
    ) -> S3Result<dto::ListMultipartUploadsOutput> {
        input.delimiter.take_if(|text| text.is_empty());
        let uploads = self.on_files(&input.bucket, "", |folder, bucket, _| {
            folder.uploads_to(bucket)
        });
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let key_marker = input.key_marker.as_deref().unwrap_or_default();
        let most = self.listed(input.max_uploads, "maxUploads")?;
        let uploads = uploads.await?;
        // The marker is a key, or an upload of that key by its id.
        let id_marker = input
            .upload_id_marker
            .as_deref()
            .filter(|id| !id.is_empty());
        let marked = uploads
            .iter()
            .position(|open| open.upload.key == key_marker && Some(open.id.as_str()) == id_marker);
        let start = marked.map_or_else(
            || uploads.partition_point(|open| open.upload.key.as_str() <= key_marker),
            |marked| marked + 1,
        );
        let (mut found, mut prefixes) = (Vec::new(), Vec::<String>::new());
        let mut last = None;
        let mut is_truncated = false;
        for upload in uploads.into_iter().skip(start) {
            let key = upload.upload.key.clone();
            let Some(rest) = key.strip_prefix(prefix) else {
                continue;
            };
            let common = input.delimiter.as_deref().and_then(|delimiter| {
                let at = rest.find(delimiter)?;
                key.get(..prefix.len() + at + delimiter.len())
            });
            if common.is_some_and(|common| {
                common <= key_marker || prefixes.last().is_some_and(|last| last == common)
            }) {
                continue;
            }
            if found.len() + prefixes.len() >= usize::try_from(most).unwrap_or_default() {
                is_truncated = true;
                break;
            }
            if let Some(common) = common {
                last = Some((common.to_owned(), None));
                prefixes.push(common.to_owned());
            } else {
                last = Some((key, Some(upload.id.clone())));
                found.push(listed(upload));
            }
        }
        let last = last.filter(|_| is_truncated);
        let mut page = dto::ListMultipartUploadsOutput {
            next_key_marker: last.as_ref().map(|(key, _)| key.clone()),
            next_upload_id_marker: last.and_then(|(_, id)| id),
            uploads: Some(found),
            common_prefixes: Some(
                prefixes
                    .into_iter()
                    .map(|prefix| dto::CommonPrefix {
                        prefix: Some(prefix),
                    })
                    .collect(),
            ),
            bucket: Some(input.bucket),
            delimiter: input.delimiter,
            is_truncated: Some(is_truncated),
            key_marker: input.key_marker,
            max_uploads: Some(most),
            prefix: input.prefix,
            upload_id_marker: input.upload_id_marker,
            encoding_type: input.encoding_type,
            ..dto::ListMultipartUploadsOutput::default()
        };
        page::encode_uploads(&mut page);
        Ok(page)
    }

    async fn upload(&self, bucket: &str, key: &str, id: String) -> S3Result<OpenUpload> {
        let found = self.on_files(bucket, key, move |folder, bucket, key| {
            folder.upload(&id, bucket, key)
        });
        found.await
    }

    async fn take_part(
        &self,
        upload: OpenUpload,
        number: i32,
        body: dto::StreamingBlob,
        expected: Expected,
    ) -> S3Result<(String, Checksums)> {
        if !(1..=MOST_PARTS).contains(&number) {
            return Err(s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive"
            ));
        }
        let staged = self.on_files("", "", |folder, _, _| folder.stage()).await?;
        let received = receive(staged, body, expected).await?;
        let done = (received.e_tag.clone(), received.checksums);
        let (e_tag, staged) = (received.e_tag, received.staged);
        let put = self.on_files("", "", move |folder, _, _| {
            folder.put_part(&upload, number, &e_tag, staged)
        });
        put.await?;
        Ok(done)
    }
}

/// What the checksum of the object will be of: S3 knows for each algorithm what it can be.
fn checksum_type(input: &dto::CreateMultipartUploadInput) -> S3Result<Option<dto::ChecksumType>> {
    type Algorithm = dto::ChecksumAlgorithm;
    type Kind = dto::ChecksumType;
    let Some(algorithm) = input.checksum_algorithm.as_ref().map(Algorithm::as_str) else {
        return Ok(input.checksum_type.clone());
    };
    Checksums::only(algorithm)?;
    let of_whole = algorithm == Algorithm::CRC64NVME;
    let usual = if of_whole {
        Kind::FULL_OBJECT
    } else {
        Kind::COMPOSITE
    };
    let kind = input.checksum_type.as_ref().map_or(usual, Kind::as_str);
    let is_possible = match kind {
        Kind::FULL_OBJECT => ![Algorithm::SHA1, Algorithm::SHA256].contains(&algorithm),
        Kind::COMPOSITE => !of_whole,
        _ => false,
    };
    if !is_possible {
        return Err(s3_error!(
            InvalidRequest,
            "The {kind} checksum type cannot be used with the {algorithm} checksum algorithm."
        ));
    }
    Ok(Some(Kind::from(kind.to_owned())))
}

/// The range of a source that is copied, which has to be in it.
fn range_of_source(range: &str, size: u64) -> S3Result<Range<u64>> {
    match dto::Range::parse(range) {
        Ok(dto::Range::Int {
            first,
            last: Some(last),
        }) if last < size => Ok(first..last + 1),
        Ok(dto::Range::Int { last: Some(_), .. }) => Err(s3_error!(
            InvalidArgument,
            "Range specified is not valid for source object of size: {size}"
        )),
        _ => Err(s3_error!(
            InvalidArgument,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and \
             last are the zero-based offsets of the first and last bytes to copy"
        )),
    }
}

fn listed(open: OpenUpload) -> dto::MultipartUpload {
    dto::MultipartUpload {
        initiated: Some(dto::Timestamp::from(open.began)),
        key: Some(open.upload.key),
        upload_id: Some(open.id),
        checksum_algorithm: open
            .upload
            .checksum_algorithm
            .map(dto::ChecksumAlgorithm::from),
        checksum_type: open.upload.checksum_type.map(dto::ChecksumType::from),
        storage_class: Some(dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
        ..dto::MultipartUpload::default()
    }
}

/// Of S3.
const MOST_PARTS: i32 = 10_000;
