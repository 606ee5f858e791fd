//! Objects are written, copied and deleted.

use std::io;
use std::time::SystemTime;

use hyper::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto, s3_error};

use super::conditions::{ReadConditions, WriteConditions};
use super::incoming::{expected, receive};
use super::record::{Record, attributes};
use super::{Objects, empty, failed};

impl Objects {
    pub(super) async fn write(
        &self,
        mut request: S3Request<dto::PutObjectInput>,
    ) -> S3Result<dto::PutObjectOutput> {
        let class = request.input.storage_class.as_ref();
        let class = class.map_or("STANDARD", dto::StorageClass::as_str);
        if !STORAGE_CLASSES.contains(&class) {
            return Err(s3_error!(InvalidStorageClass));
        }
        let expected = expected!(request);
        let mut input = request.input;
        let body = input.body.take().unwrap_or_else(empty);
        let conditions = WriteConditions {
            if_match: input.if_match.take(),
            if_none_match: input.if_none_match.take(),
        };
        let attributes = attributes!(input);
        let (bucket, key) = (input.bucket, input.key);
        let early = conditions.clone();
        let staged = self.on_files(&bucket, &key, move |folder, bucket, key| {
            folder.check(bucket, key, &early)?;
            folder.stage()
        });
        let received = receive(staged.await?, body, expected).await?;
        let (e_tag, sums) = (received.e_tag.clone(), received.checksums.clone());
        let put = self.on_files(&bucket, &key, move |folder, bucket, key| {
            let record = Record {
                e_tag: received.e_tag,
                attributes,
                checksums: received.checksums,
                ..Record::default()
            };
            folder.put(received.staged, bucket, key, record, &conditions)
        });
        put.await?;
        Ok(dto::PutObjectOutput {
            e_tag: Some(dto::ETag::Strong(e_tag)),
            checksum_crc32: sums.crc32,
            checksum_crc32c: sums.crc32c,
            checksum_crc64nvme: sums.crc64nvme,
            checksum_sha1: sums.sha1,
            checksum_sha256: sums.sha256,
            ..dto::PutObjectOutput::default()
        })
    }

    pub(super) async fn copy(
        &self,
        request: S3Request<dto::CopyObjectInput>,
    ) -> S3Result<dto::CopyObjectOutput> {
        let conditions = WriteConditions {
            if_match: condition(&request, &IF_MATCH)?,
            if_none_match: condition(&request, &IF_NONE_MATCH)?,
        };
        let mut input = request.input;
        let source_conditions = ReadConditions {
            if_match: input.copy_source_if_match.take(),
            if_none_match: input.copy_source_if_none_match.take(),
            if_modified_since: input.copy_source_if_modified_since.take(),
            if_unmodified_since: input.copy_source_if_unmodified_since.take(),
        };
        let mut source = self
            .open_source(&input.copy_source, &source_conditions)
            .await?;
        let replaces = input.metadata_directive.as_ref();
        if replaces.is_some_and(|it| it.as_str() == dto::MetadataDirective::REPLACE) {
            source.record.attributes = attributes!(input);
        }
        let e_tag = source.record.e_tag.clone();
        let copied = self.on_files(&input.bucket, &input.key, move |folder, bucket, key| {
            folder.check(bucket, key, &conditions)?;
            let mut staged = folder.stage()?;
            let copied = io::copy(&mut source.file, staged.as_file_mut());
            copied.map_err(|error| failed("cannot copy the object", &error))?;
            folder.put(staged, bucket, key, source.record, &conditions)
        });
        copied.await?;
        Ok(dto::CopyObjectOutput {
            copy_object_result: Some(dto::CopyObjectResult {
                e_tag: Some(dto::ETag::Strong(e_tag)),
                last_modified: Some(dto::Timestamp::from(SystemTime::now())),
                ..dto::CopyObjectResult::default()
            }),
            ..dto::CopyObjectOutput::default()
        })
    }

    pub(super) async fn delete_each(
        &self,
        input: dto::DeleteObjectsInput,
    ) -> S3Result<dto::DeleteObjectsOutput> {
        let dto::DeleteObjectsInput { bucket, delete, .. } = input;
        let is_quiet = delete.quiet == Some(true);
        let output = self.on_files(&bucket, "", move |folder, bucket, _| {
            folder.bucket(bucket)?;
            let (mut deleted, mut errors) = (Vec::new(), Vec::new());
            for object in delete.objects {
                match folder.delete(bucket, &object.key) {
                    Ok(()) => deleted.push(dto::DeletedObject {
                        key: Some(object.key),
                        version_id: object.version_id,
                        ..dto::DeletedObject::default()
                    }),
                    Err(error) => errors.push(dto::Error {
                        code: Some(error.code().as_str().to_owned()),
                        key: Some(object.key),
                        message: error.message().map(ToOwned::to_owned),
                        ..dto::Error::default()
                    }),
                }
            }
            Ok(dto::DeleteObjectsOutput {
                deleted: Some(deleted).filter(|_| !is_quiet),
                errors: Some(errors).filter(|errors| !errors.is_empty()),
                ..dto::DeleteObjectsOutput::default()
            })
        });
        output.await
    }
}

/// A condition that `s3s` does not read for this operation.
fn condition<T>(request: &S3Request<T>, name: &HeaderName) -> S3Result<Option<dto::ETagCondition>> {
    let value = request.headers.get(name);
    let parsed = value.map(|value| dto::ETagCondition::parse_http_header(value.as_bytes()));
    let parsed = parsed.transpose();
    parsed.map_err(|error| S3Error::with_source(S3ErrorCode::InvalidArgument, Box::new(error)))
}

/// Those that s3s-fs knew. They make no difference here.
const STORAGE_CLASSES: [&str; 2] = ["STANDARD", "REDUCED_REDUNDANCY"];
