//! What S3 says of buckets and objects besides their content, for buckets without versions.

use s3s::{S3Result, dto, s3_error};

use super::access::OWNER;
use super::{Objects, page};

impl Objects {
    /// Every object is its one version.
    pub(super) async fn versions(
        &self,
        input: dto::ListObjectVersionsInput,
    ) -> S3Result<dto::ListObjectVersionsOutput> {
        let page = self.page(dto::ListObjectsV2Input {
            bucket: input.bucket,
            continuation_token: input.key_marker.filter(|key| !key.is_empty()),
            delimiter: input.delimiter,
            encoding_type: input.encoding_type,
            max_keys: input.max_keys,
            prefix: input.prefix,
            ..dto::ListObjectsV2Input::default()
        });
        let mut page = page.await?;
        page::encode(&mut page);
        let page = page::in_version_1(page);
        let versions = page.contents.into_iter().flatten();
        let versions = versions.map(|object| dto::ObjectVersion {
            e_tag: object.e_tag,
            is_latest: Some(true),
            key: object.key,
            last_modified: object.last_modified,
            owner: Some(owner()),
            size: object.size,
            storage_class: object
                .storage_class
                .map(|class| dto::ObjectVersionStorageClass::from(class.as_str().to_owned())),
            version_id: Some("null".to_owned()),
            ..dto::ObjectVersion::default()
        });
        Ok(dto::ListObjectVersionsOutput {
            versions: Some(versions.collect()),
            common_prefixes: page.common_prefixes,
            delimiter: page.delimiter,
            encoding_type: page.encoding_type,
            is_truncated: page.is_truncated,
            key_marker: Some(page.marker.unwrap_or_default()),
            max_keys: page.max_keys,
            name: page.name,
            next_version_id_marker: page.next_marker.as_ref().map(|_| "null".to_owned()),
            next_key_marker: page.next_marker,
            prefix: page.prefix,
            version_id_marker: input.version_id_marker,
            ..dto::ListObjectVersionsOutput::default()
        })
    }

    /// Those of the attributes that are asked for.
    pub(super) async fn attributes(
        &self,
        input: dto::GetObjectAttributesInput,
    ) -> S3Result<dto::GetObjectAttributesOutput> {
        let asked: Vec<&str> = input
            .object_attributes
            .iter()
            .flat_map(|names| names.as_str().split(','))
            .map(str::trim)
            .collect();
        if asked.is_empty() || asked.iter().any(|name| !ATTRIBUTES.contains(name)) {
            return Err(s3_error!(
                InvalidArgument,
                "Invalid attribute name specified"
            ));
        }
        let object = self.open(&input.bucket, &input.key).await?;
        let (record, has) = (object.record, |name| asked.contains(&name));
        let parts = i32::try_from(record.parts.len()).ok();
        let parts = parts.filter(|count| *count > 0 && has("ObjectParts"));
        let kind = record.checksums.kind();
        let sums = record.checksums;
        Ok(dto::GetObjectAttributesOutput {
            checksum: has("Checksum").then_some(dto::Checksum {
                checksum_crc32: sums.crc32,
                checksum_crc32c: sums.crc32c,
                checksum_crc64nvme: sums.crc64nvme,
                checksum_sha1: sums.sha1,
                checksum_sha256: sums.sha256,
                checksum_type: kind,
            }),
            e_tag: has("ETag").then_some(dto::ETag::Strong(record.e_tag)),
            last_modified: Some(dto::Timestamp::from(object.modified)),
            object_parts: parts.map(|count| dto::GetObjectAttributesParts {
                total_parts_count: Some(count),
                ..dto::GetObjectAttributesParts::default()
            }),
            object_size: i64::try_from(object.size)
                .ok()
                .filter(|_| has("ObjectSize")),
            storage_class: has("StorageClass")
                .then(|| dto::StorageClass::from(record.attributes.class().to_owned())),
            ..dto::GetObjectAttributesOutput::default()
        })
    }
}

/// The owner has every right, and nobody else has one.
pub(super) fn access_list() -> dto::GetBucketAclOutput {
    let grantee = dto::Grantee {
        display_name: None,
        email_address: None,
        id: Some(OWNER.to_owned()),
        type_: dto::Type::from_static(dto::Type::CANONICAL_USER),
        uri: None,
    };
    let grant = dto::Grant {
        grantee: Some(grantee),
        permission: Some(dto::Permission::from_static(dto::Permission::FULL_CONTROL)),
    };
    dto::GetBucketAclOutput {
        grants: Some(vec![grant]),
        owner: Some(owner()),
    }
}

fn owner() -> dto::Owner {
    dto::Owner {
        id: Some(OWNER.to_owned()),
        ..dto::Owner::default()
    }
}

const ATTRIBUTES: [&str; 5] = [
    "Checksum",
    "ETag",
    "ObjectParts",
    "ObjectSize",
    "StorageClass",
];
