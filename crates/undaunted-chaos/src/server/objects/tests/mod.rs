//! S3 over a directory, asked through the trait of `s3s`.

mod lists;
mod objects;
mod uploads;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use hyper::http::Extensions;
use hyper::{HeaderMap, Method, Uri};
use s3s::Body;
use tempfile::TempDir;

use super::*;

/// A directory with a bucket.
struct Served {
    objects: Objects,
    directory: TempDir,
}

impl Served {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("bucket")).unwrap();
        let objects = Objects::new(directory.path(), 1000).unwrap();
        Self { objects, directory }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.directory.path().join("bucket").join(key)
    }

    async fn put(&self, key: &str, content: &str) -> String {
        let input = dto::PutObjectInput {
            bucket: "bucket".to_owned(),
            key: key.to_owned(),
            body: Some(Body::from(content.to_owned()).into()),
            content_type: Some(format!("text/{}", content.len())),
            ..dto::PutObjectInput::default()
        };
        let put = self.objects.put_object(unsigned(input)).await;
        let put = put.unwrap_or_else(|error| panic!("{key:?}: {error}"));
        put.output.e_tag.unwrap().into_value()
    }

    async fn get(&self, key: &str) -> S3Result<String> {
        let input = dto::GetObjectInput {
            bucket: "bucket".to_owned(),
            key: key.to_owned(),
            ..dto::GetObjectInput::default()
        };
        let output = self.objects.get_object(unsigned(input)).await?.output;
        let pieces: Vec<_> = output.body.unwrap().try_collect().await.unwrap();
        Ok(String::from_utf8(pieces.concat()).unwrap())
    }

    async fn head(&self, key: &str) -> S3Result<dto::HeadObjectOutput> {
        let input = dto::HeadObjectInput {
            bucket: "bucket".to_owned(),
            key: key.to_owned(),
            ..dto::HeadObjectInput::default()
        };
        let response = self.objects.head_object(unsigned(input)).await?;
        Ok(response.output)
    }

    async fn delete(&self, key: &str) {
        let input = dto::DeleteObjectInput {
            bucket: "bucket".to_owned(),
            key: key.to_owned(),
            ..dto::DeleteObjectInput::default()
        };
        self.objects.delete_object(unsigned(input)).await.unwrap();
    }

    /// Keys and common prefixes, page by page.
    async fn list(&self, prefix: &str, delimiter: &str, page: i32) -> Vec<String> {
        let mut all = Vec::new();
        let mut token = None;
        loop {
            let input = dto::ListObjectsV2Input {
                bucket: "bucket".to_owned(),
                prefix: Some(prefix.to_owned()),
                delimiter: Some(delimiter.to_owned()),
                max_keys: Some(page),
                continuation_token: token,
                ..dto::ListObjectsV2Input::default()
            };
            let listed = self.objects.list_objects_v2(unsigned(input)).await;
            let listed = listed.unwrap().output;
            let keys = listed.contents.into_iter().flatten();
            let prefixes = listed.common_prefixes.into_iter().flatten();
            let mut entries: Vec<String> = keys.map(|object| object.key.unwrap()).collect();
            entries.extend(prefixes.map(|common| common.prefix.unwrap()));
            assert!(entries.len() <= usize::try_from(page).unwrap());
            entries.sort();
            all.append(&mut entries);
            token = listed.next_continuation_token;
            if token.is_none() {
                return all;
            }
        }
    }

    async fn begin(&self, key: &str) -> String {
        let input = dto::CreateMultipartUploadInput {
            bucket: "bucket".to_owned(),
            key: key.to_owned(),
            ..dto::CreateMultipartUploadInput::default()
        };
        let begun = self.objects.create_multipart_upload(unsigned(input)).await;
        begun.unwrap().output.upload_id.unwrap()
    }

    async fn part(&self, key: &str, id: &str, number: i32, content: Vec<u8>) -> S3Result<String> {
        let input = dto::UploadPartInput {
            bucket: "bucket".to_owned(),
            key: key.to_owned(),
            upload_id: id.to_owned(),
            part_number: number,
            body: Some(Body::from(content).into()),
            ..dto::UploadPartInput::default()
        };
        let output = self.objects.upload_part(unsigned(input)).await?.output;
        Ok(output.e_tag.unwrap().into_value())
    }

    fn completion(
        key: &str,
        id: &str,
        parts: &[(i32, &str)],
    ) -> S3Request<dto::CompleteMultipartUploadInput> {
        let parts = parts.iter().map(|(number, e_tag)| dto::CompletedPart {
            part_number: Some(*number),
            e_tag: Some(dto::ETag::Strong((*e_tag).to_owned())),
            ..dto::CompletedPart::default()
        });
        unsigned(dto::CompleteMultipartUploadInput {
            bucket: "bucket".to_owned(),
            key: key.to_owned(),
            upload_id: id.to_owned(),
            multipart_upload: Some(dto::CompletedMultipartUpload {
                parts: Some(parts.collect()),
            }),
            ..dto::CompleteMultipartUploadInput::default()
        })
    }

    async fn complete(&self, key: &str, id: &str, parts: &[(i32, &str)]) -> S3Result<String> {
        let request = Self::completion(key, id, parts);
        let output = self
            .objects
            .complete_multipart_upload(request)
            .await?
            .output;
        Ok(output.e_tag.unwrap().into_value())
    }
}

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

fn code<T: std::fmt::Debug>(result: S3Result<T>) -> String {
    result.unwrap_err().code().as_str().to_owned()
}

/// Keys that clash with each other as files, or that no file can be.
fn keys() -> Vec<String> {
    let long = |length: usize| "x".repeat(length);
    let mut keys: Vec<String> = [
        "a",
        "a/b",
        "a/b/c",
        "a/",
        "a//",
        "a//b",
        "a/b/",
        "/",
        "//",
        "/a",
        "a-b",
        "a.b",
        "a0",
        ".",
        "..",
        "./a",
        "../a",
        "../bucket2/a",
        "a/../b",
        ".hidden",
        "A",
        "ü/ä",
        "a b",
        "line\nfeed",
        "\u{1}",
        "a\u{0}b",
        "100%",
        "%~=",
        "%~=a",
        "a%~object",
        "a%~object/b",
        "x%~more",
        "a%2Fb",
        "back\\slash",
        "con",
        "~",
        "\u{10FFFF}",
        ".undaunted",
        ".undaunted/records/bucket/a",
    ]
    .map(ToOwned::to_owned)
    .into();
    keys.extend([255, 256, 400, 1024].map(long));
    keys.push(format!("{}/b", long(255)));
    keys.push(format!("{}/b", long(300)));
    keys.push(format!("{}y", long(200)));
    keys.push(format!("{}y", long(255)));
    keys.push(format!("{}/", long(1023)));
    keys.push("ü".repeat(512));
    keys.push("a/".repeat(512));
    keys
}
