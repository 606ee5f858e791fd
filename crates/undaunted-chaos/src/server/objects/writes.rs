//! Objects are written, copied and deleted.

use std::fs::File;
use std::io;
use std::time::SystemTime;

use hyper::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use s3s::crypto::{Checksum as _, Md5};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto, s3_error};

use super::conditions::{ReadConditions, WriteConditions};
use super::folder::Object;
use super::incoming::{expected, receive};
use super::record::{Attributes, Checksums, Record, attributes, copy_shown, hex};
use super::{Objects, empty, failed};

impl Objects {
    pub(super) async fn write(
        &self,
        mut request: S3Request<dto::PutObjectInput>,
    ) -> S3Result<dto::PutObjectOutput> {
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
            checksum_type: sums.kind(),
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
        let replaces = replaces(
            input
                .metadata_directive
                .as_ref()
                .map(dto::MetadataDirective::as_str),
            "Unknown metadata directive.",
        )?;
        let replaces_tags = replaces_tags(&input)?;
        if !replaces && !replaces_tags && is_itself(&input) {
            return Err(s3_error!(
                InvalidRequest,
                "This copy request is illegal because it is trying to copy an object to itself \
                 without changing the object's metadata, storage class, website redirect location \
                 or encryption attributes."
            ));
        }
        let mut source = self
            .open_source(&input.copy_source, &source_conditions)
            .await?;
        let algorithm = input.checksum_algorithm.take();
        let wanted = match &algorithm {
            Some(algorithm) => Checksums::only(algorithm.as_str())?,
            None => source.record.checksums.clone(),
        };
        let given = attributes!(input);
        let old = std::mem::take(&mut source.record.attributes);
        source.record.attributes = Attributes {
            storage_class: given.storage_class.clone(),
            tags: if replaces_tags {
                given.tags.clone()
            } else {
                old.tags.clone()
            },
            ..if replaces { given } else { old }
        };
        let copied = self.on_files(&input.bucket, &input.key, move |folder, bucket, key| {
            folder.check(bucket, key, &conditions)?;
            let mut staged = folder.stage()?;
            let copied = copy_content(&mut source, staged.as_file_mut(), &wanted);
            copied.map_err(|error| failed("cannot copy the object", &error))?;
            let done = (source.record.e_tag.clone(), source.record.checksums.clone());
            folder.put(staged, bucket, key, source.record, &conditions)?;
            Ok(done)
        });
        let (e_tag, sums) = copied.await?;
        Ok(dto::CopyObjectOutput {
            copy_object_result: Some(dto::CopyObjectResult {
                checksum_type: sums.kind(),
                checksum_crc32: sums.crc32,
                checksum_crc32c: sums.crc32c,
                checksum_crc64nvme: sums.crc64nvme,
                checksum_sha1: sums.sha1,
                checksum_sha256: sums.sha256,
                e_tag: Some(dto::ETag::Strong(e_tag)),
                last_modified: Some(dto::Timestamp::from(SystemTime::now())),
            }),
            ..dto::CopyObjectOutput::default()
        })
    }

    pub(super) async fn delete_each(
        &self,
        input: dto::DeleteObjectsInput,
    ) -> S3Result<dto::DeleteObjectsOutput> {
        let dto::DeleteObjectsInput { bucket, delete, .. } = input;
        if delete.objects.is_empty() || delete.objects.len() > MOST_DELETED {
            return Err(s3_error!(
                MalformedXML,
                "The XML you provided was not well-formed or did not validate against our \
                 published schema"
            ));
        }
        let is_quiet = delete.quiet == Some(true);
        let output = self.on_files(&bucket, "", move |folder, bucket, _| {
            folder.bucket(bucket)?;
            let (mut deleted, mut errors) = (Vec::new(), Vec::new());
            for object in delete.objects {
                let deletion = condition_of(&object)
                    .and_then(|condition| folder.delete(bucket, &object.key, &condition));
                match deletion {
                    Ok(()) => deleted.push(dto::DeletedObject {
                        key: Some(object.key),
                        version_id: object.version_id,
                        ..dto::DeletedObject::default()
                    }),
                    Err(error) => errors.push(dto::Error {
                        code: Some(error.code().as_str().to_owned()),
                        key: Some(object.key),
                        message: error.message().map(ToOwned::to_owned),
                        version_id: object.version_id,
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

/// Copies what an object has in it. The copy of one that had parts has none, and so another ETag.
fn copy_content(source: &mut Object, to: &mut File, wanted: &Checksums) -> io::Result<()> {
    let record = &mut source.record;
    if record.parts.is_empty() && *wanted == record.checksums {
        return io::copy(&mut source.file, to).map(drop);
    }
    let (mut md5, mut hasher) = (Md5::new(), wanted.hasher());
    copy_shown(&mut source.file, to, |piece| {
        md5.update(piece);
        hasher.update(piece);
    })?;
    record.e_tag = hex(md5.finalize().as_ref());
    record.checksums = Checksums::of(hasher);
    record.parts = Vec::new();
    Ok(())
}

/// Whether a copy is that of an object onto itself, in the same class.
fn is_itself(input: &dto::CopyObjectInput) -> bool {
    let is_same = matches!(
        &input.copy_source,
        dto::CopySource::Bucket { bucket, key, .. }
            if **bucket == *input.bucket && **key == *input.key
    );
    is_same
        && input.storage_class.is_none()
        && input.website_redirect_location.is_none()
        && input.server_side_encryption.is_none()
}

fn replaces_tags(input: &dto::CopyObjectInput) -> S3Result<bool> {
    let directive = input.tagging_directive.as_ref();
    replaces(
        directive.map(dto::TaggingDirective::as_str),
        "Unknown tagging directive.",
    )
}

fn replaces(directive: Option<&str>, unknown: &'static str) -> S3Result<bool> {
    match directive {
        None | Some(dto::MetadataDirective::COPY) => Ok(false),
        Some(dto::MetadataDirective::REPLACE) => Ok(true),
        Some(_) => Err(s3_error!(InvalidArgument, "{unknown}")),
    }
}

/// When one of several objects is to be deleted.
fn condition_of(object: &dto::ObjectIdentifier) -> S3Result<WriteConditions> {
    if object.version_id.as_deref().is_some_and(|id| id != "null") {
        return Err(s3_error!(
            NoSuchVersion,
            "The specified version does not exist."
        ));
    }
    if object.last_modified_time.is_some() || object.size.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "Only a key and an ETag tell what is to be deleted."
        ));
    }
    let if_match = object.e_tag.clone().map(|e_tag| match e_tag.value() {
        "*" => dto::ETagCondition::Any,
        _ => dto::ETagCondition::ETag(e_tag),
    });
    Ok(WriteConditions {
        if_match,
        if_none_match: None,
    })
}

/// A condition that `s3s` does not read for this operation.
fn condition<T>(request: &S3Request<T>, name: &HeaderName) -> S3Result<Option<dto::ETagCondition>> {
    let value = request.headers.get(name);
    let parsed = value.map(|value| dto::ETagCondition::parse_http_header(value.as_bytes()));
    let parsed = parsed.transpose();
    parsed.map_err(|error| S3Error::with_source(S3ErrorCode::InvalidArgument, Box::new(error)))
}

/// Of S3.
const MOST_DELETED: usize = 1_000;
