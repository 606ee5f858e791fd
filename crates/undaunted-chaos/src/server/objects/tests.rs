//! S3 over a directory, asked through the trait of `s3s`.

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

#[tokio::test]
async fn all_keys_exist_side_by_side() {
    for is_backwards in [false, true] {
        let served = Served::new();
        let mut keys = keys();
        if is_backwards {
            keys.reverse();
        }
        for key in &keys {
            served.put(key, &format!("first {key}")).await;
            served.put(key, key).await;
        }
        let sorted: BTreeSet<String> = keys.iter().cloned().collect();
        assert_eq!(sorted.len(), keys.len());
        for page in [1, 7, 1000] {
            let listed = served.list("", "", page).await;
            assert!(listed.iter().eq(&sorted), "{page} {listed:#?}");
        }
        for key in &keys {
            assert_eq!(served.get(key).await.unwrap(), *key);
            let head = served.head(key).await.unwrap();
            let want = format!("text/{}", key.len());
            assert_eq!(head.content_type, Some(want), "{key:?}");
            served.delete(key).await;
            assert_eq!(code(served.get(key).await), "NoSuchKey", "{key:?}");
        }
        let left = fs::read_dir(served.path("")).unwrap().count();
        assert_eq!(left, 0, "directories without objects are removed");
    }
}

#[tokio::test]
async fn a_list_is_what_filtering_all_keys_gives() {
    let served = Served::new();
    let keys: BTreeSet<String> = keys().into_iter().collect();
    for key in &keys {
        served.put(key, "").await;
    }
    for prefix in ["", "a", "a/", "a//", "/", "b", "x", "%", "..", "a/b/c", "ü"] {
        for delimiter in ["", "/", "a", "//"] {
            let mut want = BTreeSet::new();
            for key in &keys {
                let Some(rest) = key.strip_prefix(prefix) else {
                    continue;
                };
                let at = rest.find(delimiter).filter(|_| !delimiter.is_empty());
                want.insert(match at {
                    Some(at) => key[..prefix.len() + at + delimiter.len()].to_owned(),
                    None => key.clone(),
                });
            }
            for page in [1, 3, 1000] {
                let listed = served.list(prefix, delimiter, page).await;
                assert!(
                    listed.iter().eq(&want),
                    "{prefix} {delimiter} {listed:#?} {want:#?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn an_object_moves_beside_a_directory_of_its_name_and_back() {
    let served = Served::new();
    served.put("a", "file").await;
    assert!(served.path("a").is_file());
    served.put("a/b", "below").await;
    assert_eq!(fs::read(served.path("a%~object")).unwrap(), b"file");
    assert_eq!(fs::read(served.path("a/b")).unwrap(), b"below");
    served.put("a", "new").await;
    assert_eq!(served.get("a").await.unwrap(), "new");
    served.delete("a/b").await;
    assert!(!served.path("a").exists());
    assert_eq!(served.get("a").await.unwrap(), "new");
    assert_eq!(served.list("", "", 9).await, ["a"]);
    served.put("a", "last").await;
    assert_eq!(fs::read(served.path("a")).unwrap(), b"last");
    assert!(!served.path("a%~object").exists());
}

#[tokio::test]
async fn a_directory_that_was_there_is_served_as_it_is() {
    let served = Served::new();
    fs::create_dir_all(served.path("deep/er/empty")).unwrap();
    for name in [
        "file",
        "deep/er/file",
        "foo%~bar",
        "x%~",
        "%~=made",
        "y%~object.txt",
    ] {
        fs::write(served.path(name), name).unwrap();
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let name = std::ffi::OsStr::from_bytes(b"not\xffutf8");
        fs::write(served.path("").join(name), "").unwrap();
        std::os::unix::fs::symlink("file", served.path("link")).unwrap();
        std::os::unix::fs::symlink(".", served.path("deep/loop")).unwrap();
        std::os::unix::fs::symlink("nowhere", served.path("broken")).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(served.path("pipe"))
            .status();
        assert!(made.unwrap().success());
        assert_eq!(code(served.get("pipe").await), "NoSuchKey");
    }
    let mut want = vec!["deep/er/file", "file", "foo%~bar", "x%~", "y%~object.txt"];
    if cfg!(unix) {
        want.push("link");
    }
    want.sort_unstable();
    assert_eq!(served.list("", "", 2).await, want);
    assert_eq!(served.get("foo%~bar").await.unwrap(), "foo%~bar");
    let e_tag = served.head("file").await.unwrap().e_tag.unwrap();
    assert_eq!(e_tag.value(), "8c7dd922ad47494fc02c388e12c00eac");
    assert_eq!(served.list("", "/", 9).await[0], "deep/");
}

#[tokio::test]
async fn a_file_that_is_edited_gets_another_etag_and_loses_its_attributes() {
    let served = Served::new();
    let before = served.put("a", "before").await;
    let e_tag = async || served.head("a").await.unwrap().e_tag.unwrap().into_value();
    assert_eq!(e_tag().await, before);
    // Copies of the directory have other times and the same content.
    let file = fs::File::options()
        .write(true)
        .open(served.path("a"))
        .unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(5))
        .unwrap();
    assert_eq!(e_tag().await, before);
    let head = served.head("a").await.unwrap();
    assert_eq!(head.content_type.as_deref(), Some("text/6"));

    fs::write(served.path("a"), "edited").unwrap();
    assert_eq!(e_tag().await, "683dc5278b1fbbd98a996cecc3ffd06a");
    assert_eq!(served.head("a").await.unwrap().content_type, None);
    assert_eq!(served.get("a").await.unwrap(), "edited");
    let again = served.put("a", "before").await;
    assert_eq!(e_tag().await, again);
}

#[tokio::test]
async fn parts_may_have_gaps_come_in_any_order_and_come_again() {
    let served = Served::new();
    let id = served.begin("a/b").await;
    served.put("a", "in the way").await;
    let large = vec![b'x'; 5 << 20];
    let last = served.part("a/b", &id, 9, b"last".to_vec()).await.unwrap();
    served
        .part("a/b", &id, 2, b"replaced".to_vec())
        .await
        .unwrap();
    let first = served.part("a/b", &id, 2, large.clone()).await.unwrap();
    assert_eq!(
        code(served.part("a/b", &id, 0, Vec::new()).await),
        "InvalidArgument"
    );
    assert_eq!(
        code(served.part("a", &id, 1, Vec::new()).await),
        "NoSuchUpload"
    );

    let (one, two) = ((2, first.as_str()), (9, last.as_str()));
    assert_eq!(
        code(served.complete("a/b", &id, &[two, one]).await),
        "InvalidPartOrder"
    );
    assert_eq!(
        code(served.complete("a/b", &id, &[(2, &last), two]).await),
        "InvalidPart"
    );
    assert_eq!(
        code(served.complete("a/b", &id, &[one, (10, &last)]).await),
        "InvalidPart"
    );
    assert_eq!(code(served.complete("a/b", &id, &[]).await), "MalformedXML");
    assert_eq!(
        code(served.complete("a/b", "../x", &[one]).await),
        "NoSuchUpload"
    );
    let e_tag = served.complete("a/b", &id, &[one, two]).await.unwrap();
    assert!(e_tag.ends_with("-2"), "{e_tag}");
    assert_eq!(
        served
            .head("a/b")
            .await
            .unwrap()
            .e_tag
            .unwrap()
            .into_value(),
        e_tag
    );
    assert_eq!(served.get("a/b").await.unwrap().len(), large.len() + 4);
    let part = dto::GetObjectInput {
        bucket: "bucket".to_owned(),
        key: "a/b".to_owned(),
        part_number: Some(2),
        ..dto::GetObjectInput::default()
    };
    let part = served
        .objects
        .get_object(unsigned(part))
        .await
        .unwrap()
        .output;
    assert_eq!((part.content_length, part.parts_count), (Some(4), Some(2)));
    assert_eq!(
        code(served.complete("a/b", &id, &[one, two]).await),
        "NoSuchUpload"
    );
    assert_eq!(
        code(served.part("a/b", &id, 1, Vec::new()).await),
        "NoSuchUpload"
    );
}

#[tokio::test]
async fn a_part_that_is_too_small_is_refused_and_nothing_is_lost() {
    let served = Served::new();
    let id = served.begin("a").await;
    let first = served.part("a", &id, 1, b"small".to_vec()).await.unwrap();
    let last = served.part("a", &id, 2, b"last".to_vec()).await.unwrap();
    let both = [(1, first.as_str()), (2, last.as_str())];
    assert_eq!(
        code(served.complete("a", &id, &both).await),
        "EntityTooSmall"
    );
    served.complete("a", &id, &both[..1]).await.unwrap();
    assert_eq!(served.get("a").await.unwrap(), "small");
}

#[tokio::test]
async fn a_completion_is_done_though_its_client_goes_away() {
    let served = Served::new();
    let id = served.begin("a").await;
    let part = served.part("a", &id, 1, vec![0; 9 << 20]).await.unwrap();
    let parts = [(1, part.as_str())];
    {
        let request = Served::completion("a", &id, &parts);
        let mut completing = served.objects.complete_multipart_upload(request);
        // Polled until it works with files, and dropped there.
        while futures::poll!(&mut completing).is_pending() {
            if served.path("a").exists() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    while !matches!(&served.get("a").await, Ok(content) if content.len() == 9 << 20) {
        tokio::task::yield_now().await;
    }
    let head = served.head("a").await.unwrap();
    let e_tag = head.e_tag.unwrap().into_value();
    assert!(
        e_tag.ends_with("-1"),
        "the record is there with the content: {e_tag}"
    );
}

#[tokio::test]
async fn uploads_are_listed_in_order_page_by_page() {
    let served = Served::new();
    let mut want = BTreeSet::new();
    for key in ["b", "a/x", "a/y", "c", "b", "b"] {
        want.insert((key.to_owned(), served.begin(key).await));
    }
    let list = async |prefix: &str, delimiter: &str, most: i32| {
        let mut all = Vec::new();
        let (mut key_marker, mut upload_id_marker) = (None, None);
        loop {
            let input = dto::ListMultipartUploadsInput {
                bucket: "bucket".to_owned(),
                prefix: Some(prefix.to_owned()),
                delimiter: Some(delimiter.to_owned()),
                max_uploads: Some(most),
                key_marker,
                upload_id_marker,
                ..dto::ListMultipartUploadsInput::default()
            };
            let page = served.objects.list_multipart_uploads(unsigned(input)).await;
            let page = page.unwrap().output;
            let prefixes = page.common_prefixes.into_iter().flatten();
            all.extend(prefixes.map(|common| (common.prefix.unwrap(), String::new())));
            let uploads = page.uploads.into_iter().flatten();
            all.extend(uploads.map(|upload| (upload.key.unwrap(), upload.upload_id.unwrap())));
            if page.is_truncated != Some(true) {
                return all;
            }
            (key_marker, upload_id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
    };
    for page in [1, 2, 1000] {
        let all = list("", "", page).await;
        let keys: Vec<&str> = all.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a/x", "a/y", "b", "b", "b", "c"]);
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), want);
        let folded = list("", "/", page).await;
        let keys: Vec<&str> = folded.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a/", "b", "b", "b", "c"]);
        assert_eq!(list("a/", "/", page).await.len(), 2);
    }
}

#[tokio::test]
async fn parts_are_listed_with_their_etags() {
    let served = Served::new();
    let id = served.begin("a").await;
    let mut want = Vec::new();
    for number in [3, 1, 2] {
        let e_tag = served.part("a", &id, number, vec![0; 10]).await.unwrap();
        want.push((number, e_tag));
    }
    want.sort();
    let (mut listed, mut marker) = (Vec::new(), None);
    loop {
        let input = dto::ListPartsInput {
            bucket: "bucket".to_owned(),
            key: "a".to_owned(),
            upload_id: id.clone(),
            max_parts: Some(2),
            part_number_marker: marker,
            ..dto::ListPartsInput::default()
        };
        let page = served
            .objects
            .list_parts(unsigned(input))
            .await
            .unwrap()
            .output;
        for part in page.parts.into_iter().flatten() {
            assert_eq!(part.size, Some(10));
            listed.push((part.part_number.unwrap(), part.e_tag.unwrap().into_value()));
        }
        marker = page.next_part_number_marker;
        if page.is_truncated != Some(true) {
            break;
        }
    }
    assert_eq!(listed, want);
}

#[tokio::test]
async fn a_body_that_breaks_or_differs_leaves_the_object_as_it_was() {
    let served = Served::new();
    served.put("a", "before").await;
    let put = async |body: dto::StreamingBlob, md5: Option<&str>, crc32: Option<&str>| {
        let input = dto::PutObjectInput {
            bucket: "bucket".to_owned(),
            key: "a".to_owned(),
            body: Some(body),
            content_md5: md5.map(ToOwned::to_owned),
            checksum_crc32: crc32.map(ToOwned::to_owned),
            ..dto::PutObjectInput::default()
        };
        code(served.objects.put_object(unsigned(input)).await)
    };
    let pieces = futures::stream::iter([
        Ok(bytes::Bytes::from_static(b"half")),
        Err(io::Error::other("gone")),
    ]);
    let broken = dto::StreamingBlob::wrap(pieces);
    assert_eq!(put(broken, None, None).await, "IncompleteBody");
    let body = || Body::from("other".to_owned()).into();
    let wrong_md5 = "1B2M2Y8AsgTpgAmY7PhCfg==";
    assert_eq!(put(body(), Some(wrong_md5), None).await, "BadDigest");
    assert_eq!(put(body(), None, Some("AAAAAA==")).await, "BadDigest");
    assert_eq!(served.get("a").await.unwrap(), "before");
    let staged = fs::read_dir(hidden_files_of(served.directory.path()).join("staging"));
    assert_eq!(staged.unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_is_complete_only_with_the_checksums_that_its_completion_names() {
    let served = Served::new();
    let id = served.begin("a").await;
    let e_tag = served.part("a", &id, 1, b"hello".to_vec()).await.unwrap();
    let complete = async |of_part: Option<&str>, of_all: Option<&str>| {
        let mut request = Served::completion("a", &id, &[(1, &e_tag)]);
        request.input.checksum_crc32 = of_all.map(ToOwned::to_owned);
        let upload = request.input.multipart_upload.as_mut().unwrap();
        upload.parts.as_mut().unwrap()[0].checksum_crc32 = of_part.map(ToOwned::to_owned);
        served.objects.complete_multipart_upload(request).await
    };
    let (right, wrong) = ("NhCmhg==", "AAAAAA==");
    let refused = complete(Some(wrong), None).await.map(|_| ());
    assert_eq!(code(refused), "InvalidPart");
    let refused = complete(Some(right), Some(wrong)).await.map(|_| ());
    assert_eq!(code(refused), "BadDigest");
    assert_eq!(code(served.get("a").await), "NoSuchKey");
    let completed = complete(Some(right), Some(right)).await.unwrap().output;
    assert_eq!(completed.checksum_crc32.as_deref(), Some(right));
    assert_eq!(served.get("a").await.unwrap(), "hello");
}

#[tokio::test]
async fn a_bucket_with_objects_is_not_deleted() {
    let served = Served::new();
    let delete = async || {
        let input = dto::DeleteBucketInput {
            bucket: "bucket".to_owned(),
            ..dto::DeleteBucketInput::default()
        };
        served.objects.delete_bucket(unsigned(input)).await
    };
    served.put("a/b", "x").await;
    assert_eq!(code(delete().await.map(|_| ())), "BucketNotEmpty");
    served.delete("a/b").await;
    fs::create_dir(served.path("empty")).unwrap();
    delete().await.unwrap();
    assert_eq!(code(served.get("a").await), "NoSuchBucket");
}

#[tokio::test]
async fn an_empty_delimiter_is_none() {
    let served = Served::new();
    served.put("a/b", "x").await;
    let input = dto::ListObjectsInput {
        bucket: "bucket".to_owned(),
        delimiter: Some(String::new()),
        ..dto::ListObjectsInput::default()
    };
    let page = served
        .objects
        .list_objects(unsigned(input))
        .await
        .unwrap()
        .output;
    let contents = page.contents.unwrap();
    assert_eq!(contents[0].key.as_deref(), Some("a/b"));
    assert_eq!((contents.len(), page.common_prefixes), (1, None));
    assert_eq!(served.list("", "", 9).await, ["a/b"]);
}

#[tokio::test]
async fn keys_are_encoded_for_who_asks_and_so_are_the_markers_that_are_keys() {
    let served = Served::new();
    let url = || Some(dto::EncodingType::from_static(dto::EncodingType::URL));
    for key in ["a +%", "b"] {
        served.put(key, "x").await;
        served.begin(key).await;
    }
    let input = dto::ListObjectsInput {
        bucket: "bucket".to_owned(),
        encoding_type: url(),
        max_keys: Some(1),
        ..dto::ListObjectsInput::default()
    };
    let page = served.objects.list_objects(unsigned(input)).await.unwrap();
    let first = page.output.contents.unwrap().remove(0);
    assert_eq!(first.key.as_deref(), Some("a%20%2B%25"));
    assert_eq!(page.output.next_marker.as_deref(), Some("a%20%2B%25"));
    let input = dto::ListMultipartUploadsInput {
        bucket: "bucket".to_owned(),
        encoding_type: url(),
        max_uploads: Some(1),
        ..dto::ListMultipartUploadsInput::default()
    };
    let page = served.objects.list_multipart_uploads(unsigned(input)).await;
    let page = page.unwrap().output;
    assert_eq!(page.uploads.unwrap()[0].key.as_deref(), Some("a%20%2B%25"));
    assert_eq!(page.next_key_marker.as_deref(), Some("a%20%2B%25"));
    assert_eq!(page.encoding_type, url());
}
