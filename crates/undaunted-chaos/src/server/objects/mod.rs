//! S3 over a directory of files.

mod access;
mod conditions;
mod details;
mod digests;
mod folder;
mod incoming;
mod list;
mod multipart;
mod names;
mod output;
mod pages;
mod record;
mod tags;
#[cfg(test)]
mod tests;
mod token;
mod uploads;
mod writes;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use s3s::{S3, S3Error, S3Request, S3Response, S3Result, dto, s3_error};
use tokio::task::spawn_blocking;

use super::content;
use super::page;
use crate::fault::Fault;
pub(super) use access::Access;
use conditions::{ReadConditions, WriteConditions};
use folder::{Folder, Object};
use record::Record;

/// Objects as files. A clone shares them.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    folder: Arc<Folder>,
    /// How many entries a page of a list has at most.
    page_size: i32,
}

/// Put into a response whose request had a fault in its extensions, if the fault was carried
/// out.
#[derive(Clone, Copy, Debug)]
pub(super) struct TookEffect;

impl Objects {
    pub(super) fn new(root: &Path, page_size: i32) -> io::Result<Self> {
        Ok(Self {
            folder: Arc::new(Folder::new(root)?),
            page_size,
        })
    }

    /// Puts an object of the same length in the place of this one.
    pub(super) async fn replace(&self, bucket: &str, key: &str) -> io::Result<()> {
        let replaced = self.on_files(bucket, key, |folder, bucket, key| {
            let mut object = folder.open(bucket, key)?;
            let mut content = Vec::new();
            let read = io::Read::read_to_end(&mut object.file, &mut content);
            read.map_err(|error| failed("cannot read the object", &error))?;
            let other = crate::body::inverted(&content);
            let mut staged = folder.stage()?;
            let written = io::Write::write_all(&mut staged, &other);
            written.map_err(|error| failed("cannot write the object", &error))?;
            let md5 = <s3s::crypto::Md5 as s3s::crypto::Checksum>::checksum(&other);
            let record = Record {
                e_tag: record::hex(md5.as_ref()),
                ..Record::default()
            };
            folder.put(staged, bucket, key, record, &WriteConditions::default())
        });
        replaced.await.map_err(io::Error::other)
    }

    /// Does what blocks elsewhere. It is done to its end even if nobody waits for it any more, so
    /// a client that goes away leaves nothing half done.
    async fn on_files<T: Send + 'static>(
        &self,
        bucket: &str,
        key: &str,
        act: impl FnOnce(&Folder, &str, &str) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let folder = Arc::clone(&self.folder);
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        blocking(move || act(&folder, &bucket, &key)).await
    }

    async fn open(&self, bucket: &str, key: &str) -> S3Result<Object> {
        self.on_files(bucket, key, Folder::open).await
    }

    /// The source of a copy.
    async fn open_source(
        &self,
        source: &dto::CopySource,
        conditions: &ReadConditions,
    ) -> S3Result<Object> {
        let dto::CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(s3_error!(
                NotImplemented,
                "Only objects of buckets can be copied."
            ));
        };
        if version_id.as_deref().is_some_and(|id| id != "null") {
            return Err(access::no_such_version());
        }
        let object = self.open(bucket, key).await?;
        conditions.check_source(&object.record.e_tag, object.modified)?;
        object.record.attributes.check_readable()?;
        Ok(object)
    }

    /// A page whose tokens are keys, as a fault leaves it.
    async fn changed_page(
        &self,
        mut request: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        let fault = request.extensions.remove::<Fault>();
        let mut page = self.page(request.input).await?;
        let has_effect = fault.is_some_and(|fault| page::change(&mut page, &fault));
        page::encode(&mut page);
        let mut response = S3Response::new(page);
        if has_effect {
            response.extensions.insert(TookEffect);
        }
        Ok(response)
    }

    /// How many entries a page has at most; `name` is what S3 calls that.
    fn listed(&self, most: Option<i32>, name: &str) -> S3Result<i32> {
        match most {
            Some(..0) => Err(s3_error!(
                InvalidArgument,
                "Argument {name} must be an integer between 0 and 2147483647"
            )),
            Some(most) => Ok(most.min(self.page_size)),
            None => Ok(self.page_size),
        }
    }
}

#[async_trait::async_trait]
impl S3 for Objects {
    async fn create_bucket(
        &self,
        request: S3Request<dto::CreateBucketInput>,
    ) -> S3Result<S3Response<dto::CreateBucketOutput>> {
        let path = self.folder.root().join(&request.input.bucket);
        match fs::create_dir(path) {
            Ok(()) => Ok(S3Response::new(dto::CreateBucketOutput::default())),
            // All buckets belong to the one account, and are where S3 has nothing against that.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Ok(S3Response::new(dto::CreateBucketOutput::default()))
            }
            Err(error) => Err(failed("cannot create the bucket", &error)),
        }
    }

    async fn delete_bucket(
        &self,
        request: S3Request<dto::DeleteBucketInput>,
    ) -> S3Result<S3Response<dto::DeleteBucketOutput>> {
        let deleted = self.on_files(&request.input.bucket, "", |folder, bucket, _| {
            folder.delete_bucket(bucket)
        });
        deleted.await?;
        Ok(S3Response::new(dto::DeleteBucketOutput {}))
    }

    async fn head_bucket(
        &self,
        request: S3Request<dto::HeadBucketInput>,
    ) -> S3Result<S3Response<dto::HeadBucketOutput>> {
        self.folder.bucket(&request.input.bucket)?;
        Ok(S3Response::new(dto::HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<dto::GetBucketLocationInput>,
    ) -> S3Result<S3Response<dto::GetBucketLocationOutput>> {
        self.folder.bucket(&request.input.bucket)?;
        Ok(S3Response::new(dto::GetBucketLocationOutput::default()))
    }

    async fn list_buckets(
        &self,
        _request: S3Request<dto::ListBucketsInput>,
    ) -> S3Result<S3Response<dto::ListBucketsOutput>> {
        let cannot = |error: &io::Error| failed("cannot list the buckets", error);
        let mut buckets = Vec::new();
        for entry in fs::read_dir(self.folder.root()).map_err(|error| cannot(&error))? {
            let entry = entry.map_err(|error| cannot(&error))?;
            let name = entry.file_name();
            let Some(name) = name
                .to_str()
                .filter(|name| self.folder.bucket(name).is_ok())
            else {
                continue;
            };
            let metadata = entry.metadata().map_err(|error| cannot(&error))?;
            // Not every file system knows when a directory was created.
            let created = metadata.created().or_else(|_| metadata.modified());
            buckets.push(dto::Bucket {
                creation_date: created.ok().map(dto::Timestamp::from),
                name: Some(name.to_owned()),
                ..dto::Bucket::default()
            });
        }
        buckets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(S3Response::new(dto::ListBucketsOutput {
            buckets: Some(buckets),
            ..dto::ListBucketsOutput::default()
        }))
    }

    async fn put_object(
        &self,
        request: S3Request<dto::PutObjectInput>,
    ) -> S3Result<S3Response<dto::PutObjectOutput>> {
        self.write(request).await.map(S3Response::new)
    }

    async fn copy_object(
        &self,
        request: S3Request<dto::CopyObjectInput>,
    ) -> S3Result<S3Response<dto::CopyObjectOutput>> {
        self.copy(request).await.map(S3Response::new)
    }

    async fn delete_object(
        &self,
        request: S3Request<dto::DeleteObjectInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectOutput>> {
        let dto::DeleteObjectInput {
            bucket,
            key,
            if_match,
            ..
        } = request.input;
        let conditions = WriteConditions {
            if_match,
            if_none_match: None,
        };
        let deleted = self.on_files(&bucket, &key, move |folder, bucket, key| {
            folder.delete(bucket, key, &conditions)
        });
        deleted.await?;
        Ok(S3Response::new(dto::DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        request: S3Request<dto::DeleteObjectsInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectsOutput>> {
        self.delete_each(request.input).await.map(S3Response::new)
    }

    async fn get_object(
        &self,
        mut request: S3Request<dto::GetObjectInput>,
    ) -> S3Result<S3Response<dto::GetObjectOutput>> {
        let input = &mut request.input;
        let ignores_range = matches!(request.extensions.get(), Some(Fault::IgnoreRange))
            && input.range.take().is_some();
        let object = self.open(&input.bucket, &input.key).await?;
        let conditions = ReadConditions {
            if_match: input.if_match.take(),
            if_none_match: input.if_none_match.take(),
            if_modified_since: input.if_modified_since.take(),
            if_unmodified_since: input.if_unmodified_since.take(),
        };
        conditions.check(&object.record.e_tag, object.modified)?;
        object.record.attributes.check_readable()?;
        let range = output::range(&object, input.range.as_ref(), input.part_number)?;
        let asked = input.checksum_mode.take();
        let mut output = output::of_get(&object, range.clone(), asked.as_ref());
        output.body = Some(content::read(object.file, range.unwrap_or(0..object.size)));
        let mut response = S3Response::new(output);
        if ignores_range {
            response.output.accept_ranges = None;
            response.extensions.insert(TookEffect);
        }
        Ok(response)
    }

    async fn head_object(
        &self,
        request: S3Request<dto::HeadObjectInput>,
    ) -> S3Result<S3Response<dto::HeadObjectOutput>> {
        let mut input = request.input;
        let object = self.open(&input.bucket, &input.key).await?;
        let conditions = ReadConditions {
            if_match: input.if_match.take(),
            if_none_match: input.if_none_match.take(),
            if_modified_since: input.if_modified_since.take(),
            if_unmodified_since: input.if_unmodified_since.take(),
        };
        conditions.check(&object.record.e_tag, object.modified)?;
        let range = output::range(&object, input.range.as_ref(), input.part_number)?;
        let is_range = range.is_some();
        let asked = input.checksum_mode.take();
        let mut response = S3Response::new(output::of_head(&object, range, asked.as_ref()));
        if is_range {
            response.status = Some(hyper::StatusCode::PARTIAL_CONTENT);
        }
        Ok(response)
    }

    async fn get_object_tagging(
        &self,
        request: S3Request<dto::GetObjectTaggingInput>,
    ) -> S3Result<S3Response<dto::GetObjectTaggingOutput>> {
        let dto::GetObjectTaggingInput { bucket, key, .. } = request.input;
        let object = self.open(&bucket, &key).await?;
        Ok(S3Response::new(dto::GetObjectTaggingOutput {
            tag_set: tags::set_of(object.record.attributes.tags),
            version_id: None,
        }))
    }

    async fn put_object_tagging(
        &self,
        request: S3Request<dto::PutObjectTaggingInput>,
    ) -> S3Result<S3Response<dto::PutObjectTaggingOutput>> {
        let input = request.input;
        let tags = tags::of_set(input.tagging.tag_set)?;
        let tagged = self.on_files(&input.bucket, &input.key, move |folder, bucket, key| {
            folder.tag(bucket, key, tags)
        });
        tagged.await?;
        Ok(S3Response::new(dto::PutObjectTaggingOutput::default()))
    }

    async fn delete_object_tagging(
        &self,
        request: S3Request<dto::DeleteObjectTaggingInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectTaggingOutput>> {
        let dto::DeleteObjectTaggingInput { bucket, key, .. } = request.input;
        let tagged = self.on_files(&bucket, &key, |folder, bucket, key| {
            folder.tag(bucket, key, Vec::new())
        });
        tagged.await?;
        Ok(S3Response::new(dto::DeleteObjectTaggingOutput::default()))
    }

    async fn get_object_attributes(
        &self,
        request: S3Request<dto::GetObjectAttributesInput>,
    ) -> S3Result<S3Response<dto::GetObjectAttributesOutput>> {
        self.attributes(request.input).await.map(S3Response::new)
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<dto::GetBucketVersioningInput>,
    ) -> S3Result<S3Response<dto::GetBucketVersioningOutput>> {
        self.folder.bucket(&request.input.bucket)?;
        Ok(S3Response::new(dto::GetBucketVersioningOutput::default()))
    }

    async fn get_bucket_acl(
        &self,
        request: S3Request<dto::GetBucketAclInput>,
    ) -> S3Result<S3Response<dto::GetBucketAclOutput>> {
        self.folder.bucket(&request.input.bucket)?;
        Ok(S3Response::new(details::access_list()))
    }

    async fn list_object_versions(
        &self,
        request: S3Request<dto::ListObjectVersionsInput>,
    ) -> S3Result<S3Response<dto::ListObjectVersionsOutput>> {
        self.versions(request.input).await.map(S3Response::new)
    }

    async fn list_objects(
        &self,
        mut request: S3Request<dto::ListObjectsInput>,
    ) -> S3Result<S3Response<dto::ListObjectsOutput>> {
        let marker = request.input.marker.take().filter(|text| !text.is_empty());
        let mut request = request.map_input(dto::ListObjectsV2Input::from);
        request.input.continuation_token = marker;
        let response = self.changed_page(request).await?;
        Ok(response.map_output(page::in_version_1))
    }

    async fn list_objects_v2(
        &self,
        mut request: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        let token = request.input.continuation_token.take();
        let token = token.filter(|token| !token.is_empty());
        let after = token.as_deref().map(token::key_of).transpose()?;
        request.input.continuation_token = after;
        let response = self.changed_page(request).await?;
        Ok(response.map_output(|page| dto::ListObjectsV2Output {
            continuation_token: token,
            next_continuation_token: page.next_continuation_token.as_deref().map(token::of_key),
            ..page
        }))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<dto::CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::CreateMultipartUploadOutput>> {
        self.begin_upload(request.input).await.map(S3Response::new)
    }

    async fn upload_part(
        &self,
        request: S3Request<dto::UploadPartInput>,
    ) -> S3Result<S3Response<dto::UploadPartOutput>> {
        self.receive_part(request).await.map(S3Response::new)
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<dto::UploadPartCopyInput>,
    ) -> S3Result<S3Response<dto::UploadPartCopyOutput>> {
        self.copy_part(request.input).await.map(S3Response::new)
    }

    async fn list_parts(
        &self,
        request: S3Request<dto::ListPartsInput>,
    ) -> S3Result<S3Response<dto::ListPartsOutput>> {
        self.parts_of(request.input).await.map(S3Response::new)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<dto::ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<dto::ListMultipartUploadsOutput>> {
        self.uploads_to(request.input).await.map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::CompleteMultipartUploadOutput>> {
        self.complete(request.input).await.map(S3Response::new)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<dto::AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::AbortMultipartUploadOutput>> {
        let dto::AbortMultipartUploadInput {
            bucket,
            key,
            upload_id,
            ..
        } = request.input;
        let aborted = self.on_files(&bucket, &key, move |folder, bucket, key| {
            folder.abort_upload(&folder.upload(&upload_id, bucket, key)?)
        });
        aborted.await?;
        Ok(S3Response::new(dto::AbortMultipartUploadOutput::default()))
    }
}

/// Where the server keeps what is not an object, under the directory of the buckets: a name that
/// no bucket can have.
fn hidden_files_of(root: &Path) -> PathBuf {
    root.join(".undaunted")
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> S3Result<T> + Send + 'static,
) -> S3Result<T> {
    let done = spawn_blocking(act).await;
    done.unwrap_or_else(|error| Err(S3Error::internal_error(error)))
}

/// An error of the file system, told to the client: who serves a directory is who reads it.
fn failed(what: &str, error: &io::Error) -> S3Error {
    s3_error!(InternalError, "{what}: {error}")
}

fn empty() -> dto::StreamingBlob {
    s3s::Body::empty().into()
}
