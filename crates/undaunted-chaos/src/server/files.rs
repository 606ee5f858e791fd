//! S3 over a folder: `s3s-fs`, corrected where it differs from S3.

use std::fs::File;
use std::io;
use std::path::{Component, Path as FsPath, PathBuf};
use std::sync::Arc;

use hyper::http::Extensions;
use hyper::{HeaderMap, Method, Uri};
use s3s::{Body, S3, S3Request, S3Response, S3Result, dto, s3_error};
use s3s_fs::FileSystem;

use super::content;
use super::page;
use crate::fault::Fault;

/// Objects as files. A clone shares them.
#[derive(Clone, Debug)]
pub(super) struct Files {
    inner: Arc<FileSystem>,
    root: PathBuf,
    /// How many entries a page of a list has at most.
    page_size: i32,
}

/// Put into a response whose request had a fault in its extensions, if the fault was carried
/// out.
#[derive(Clone, Copy, Debug)]
pub(super) struct TookEffect;

impl Files {
    pub(super) fn new(root: &FsPath, page_size: i32) -> io::Result<Self> {
        let inner =
            FileSystem::new(root).map_err(|error| io::Error::other(format!("{error:?}")))?;
        Ok(Self {
            inner: Arc::new(inner),
            root: root.to_owned(),
            page_size,
        })
    }

    /// Puts an object of the same length in the place of this one.
    pub(super) async fn replace(&self, bucket: &str, key: &str) -> io::Result<()> {
        let path = self.path_of(bucket, key).ok_or(io::ErrorKind::NotFound)?;
        let other = crate::body::inverted(&tokio::fs::read(path).await?);
        let request = unsigned(dto::PutObjectInput {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            body: Some(Body::from(other).into()),
            ..dto::PutObjectInput::default()
        });
        let put = self.inner.put_object(request).await;
        put.map(drop).map_err(io::Error::other)
    }

    /// The file of an object, as long as its name stays in the bucket.
    fn path_of(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        let relative = FsPath::new(bucket).join(key);
        relative
            .components()
            .all(|component| matches!(component, Component::Normal(_)))
            .then(|| self.root.join(relative))
    }

    /// S3 has no folders: one is an object that is not there.
    fn refuse_folder(&self, bucket: &str, key: &str) -> S3Result<()> {
        match self.path_of(bucket, key) {
            Some(path) if path.is_dir() => {
                Err(s3_error!(NoSuchKey, "The specified key does not exist."))
            }
            _ => Ok(()),
        }
    }

    /// More bytes from the end than there are is all of them.
    fn clamp(&self, input: &mut dto::GetObjectInput) {
        let Some(dto::Range::Suffix { length }) = &mut input.range else {
            return;
        };
        let path = self.path_of(&input.bucket, &input.key);
        let there = path.and_then(|path| path.metadata().ok());
        if let Some(metadata) = there {
            *length = (*length).min(metadata.len());
        }
    }
}

/// A request that the server makes to itself.
fn unsigned<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: Method::GET,
        uri: Uri::default(),
        headers: HeaderMap::new(),
        extensions: Extensions::new(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

/// Passes the named methods of `s3s-fs` on as they are; the others are written out.
macro_rules! pass_on {
    ($($name:ident: $input:ident => $output:ident,)* ; $($own:tt)*) => {
        #[async_trait::async_trait]
        impl S3 for Files {
            $(
                async fn $name(&self, request: S3Request<dto::$input>) -> S3Result<S3Response<dto::$output>> {
                    self.inner.$name(request).await
                }
            )*
            $($own)*
        }
    };
}

pass_on! {
    abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput,
    complete_multipart_upload: CompleteMultipartUploadInput => CompleteMultipartUploadOutput,
    copy_object: CopyObjectInput => CopyObjectOutput,
    create_bucket: CreateBucketInput => CreateBucketOutput,
    create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput,
    delete_bucket: DeleteBucketInput => DeleteBucketOutput,
    delete_object: DeleteObjectInput => DeleteObjectOutput,
    delete_objects: DeleteObjectsInput => DeleteObjectsOutput,
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput,
    head_bucket: HeadBucketInput => HeadBucketOutput,
    list_buckets: ListBucketsInput => ListBucketsOutput,
    list_parts: ListPartsInput => ListPartsOutput,
    put_object: PutObjectInput => PutObjectOutput,
    upload_part: UploadPartInput => UploadPartOutput,
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput,
    ;

    async fn get_object(
        &self,
        mut request: S3Request<dto::GetObjectInput>,
    ) -> S3Result<S3Response<dto::GetObjectOutput>> {
        let input = &mut request.input;
        self.refuse_folder(&input.bucket, &input.key)?;
        self.clamp(input);
        let ignores_range = matches!(request.extensions.get(), Some(Fault::IgnoreRange))
            && input.range.take().is_some();
        let range = input.range;
        // Before the response is made of what is there, as `s3s-fs` opens it.
        let file = self.path_of(&input.bucket, &input.key).and_then(|path| File::open(path).ok());
        let mut response = self.inner.get_object(request).await?;
        if let Some(file) = file {
            content::read(file, range.as_ref(), &mut response.output)?;
        }
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
        self.refuse_folder(&request.input.bucket, &request.input.key)?;
        self.inner.head_object(request).await
    }

    async fn list_objects(
        &self,
        mut request: S3Request<dto::ListObjectsInput>,
    ) -> S3Result<S3Response<dto::ListObjectsOutput>> {
        let marker = request.input.marker.take().filter(|text| !text.is_empty());
        let mut request = request.map_input(dto::ListObjectsV2Input::from);
        request.input.continuation_token = marker;
        let response = self.list_objects_v2(request).await?;
        Ok(response.map_output(|page| dto::ListObjectsOutput {
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
            ..dto::ListObjectsOutput::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        mut request: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        let input = &mut request.input;
        // An empty delimiter is none.
        input.delimiter.take_if(|text| text.is_empty());
        input.max_keys = Some(input.max_keys.map_or(self.page_size, |most| most.min(self.page_size)));
        let fault = request.extensions.remove::<Fault>();
        let mut response = self.inner.list_objects_v2(request).await?;
        if fault.is_some_and(|fault| page::change(&mut response.output, &fault)) {
            response.extensions.insert(TookEffect);
        }
        page::encode(&mut response.output);
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_empty_delimiter_is_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("bucket/a")).unwrap();
        std::fs::write(folder.path().join("bucket/a/b"), "x").unwrap();
        let files = Files::new(folder.path(), 1000).unwrap();
        let old = dto::ListObjectsInput {
            bucket: "bucket".to_owned(),
            delimiter: Some(String::new()),
            ..dto::ListObjectsInput::default()
        };
        let new = dto::ListObjectsV2Input {
            bucket: "bucket".to_owned(),
            delimiter: Some(String::new()),
            ..dto::ListObjectsV2Input::default()
        };
        let old = files.list_objects(unsigned(old)).await.unwrap().output;
        let new = files.list_objects_v2(unsigned(new)).await.unwrap().output;
        for (contents, prefixes) in [
            (old.contents, old.common_prefixes),
            (new.contents, new.common_prefixes),
        ] {
            let contents = contents.unwrap();
            assert_eq!(contents[0].key.as_deref(), Some("a/b"));
            assert_eq!((contents.len(), prefixes), (1, None));
        }
    }

    #[test]
    fn no_key_leads_out_of_its_bucket() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path(), 1000).unwrap();
        assert!(files.path_of("bucket", "a/b").is_some());
        for key in ["../other", "/etc/passwd", "a/../../b"] {
            assert_eq!(files.path_of("bucket", key), None, "{key}");
        }
    }
}
