//! Objects: keys and files, what was there before, and what a failed write leaves.

use super::*;

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
    let head = served.head("a").await.unwrap();
    assert_eq!(head.content_type.as_deref(), Some("binary/octet-stream"));
    assert_eq!(served.get("a").await.unwrap(), "edited");
    let again = served.put("a", "before").await;
    assert_eq!(e_tag().await, again);
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
async fn an_object_is_deleted_only_if_it_is_the_one_that_is_meant() {
    let served = Served::new();
    let e_tag = served.put("a", "x").await;
    let condition = |text: &str| Some(dto::ETagCondition::ETag(dto::ETag::Strong(text.to_owned())));
    let delete = async |key: &str, if_match| {
        let input = dto::DeleteObjectInput {
            bucket: "bucket".to_owned(),
            key: key.to_owned(),
            if_match,
            ..dto::DeleteObjectInput::default()
        };
        served.objects.delete_object(unsigned(input)).await
    };
    let refused = delete("a", condition("other")).await;
    assert_eq!(code(refused.map(|_| ())), "PreconditionFailed");
    let refused = delete("b", condition(&e_tag)).await;
    assert_eq!(code(refused.map(|_| ())), "PreconditionFailed");
    assert_eq!(served.get("a").await.unwrap(), "x");
    delete("a", condition(&e_tag)).await.unwrap();
    assert_eq!(code(served.get("a").await), "NoSuchKey");
}

#[tokio::test]
async fn each_of_many_is_deleted_by_its_own_condition() {
    let served = Served::new();
    let e_tag = served.put("a", "x").await;
    let delete = async |objects: Vec<dto::ObjectIdentifier>| {
        let input = dto::DeleteObjectsInput {
            bucket: "bucket".to_owned(),
            delete: dto::Delete {
                objects,
                quiet: None,
            },
            bypass_governance_retention: None,
            checksum_algorithm: None,
            expected_bucket_owner: None,
            mfa: None,
            request_payer: None,
        };
        let deleted = served.objects.delete_objects(unsigned(input)).await;
        deleted.map(|deleted| deleted.output)
    };
    let object = dto::ObjectIdentifier {
        key: "a".to_owned(),
        ..dto::ObjectIdentifier::default()
    };
    let tag = |text: &str| Some(dto::ETag::Strong(text.to_owned()));
    let mut other = object.clone();
    other.e_tag = tag("other");
    let mut version = object.clone();
    version.version_id = Some("abc".to_owned());
    let mut size = object.clone();
    size.size = Some(1);
    let deleted = delete(vec![other, version, size]).await.unwrap();
    let errors = deleted.errors.into_iter().flatten();
    let codes: Vec<String> = errors.filter_map(|error| error.code).collect();
    assert_eq!(
        codes,
        ["PreconditionFailed", "NoSuchVersion", "NotImplemented"]
    );
    assert_eq!(served.get("a").await.unwrap(), "x");

    for objects in [Vec::new(), vec![object.clone(); 1001]] {
        assert_eq!(code(delete(objects).await), "MalformedXML");
    }
    let mut this = object;
    this.e_tag = tag(&e_tag);
    assert_eq!(delete(vec![this]).await.unwrap().errors, None);
    assert_eq!(code(served.get("a").await), "NoSuchKey");
}

#[tokio::test]
async fn the_record_of_a_content_never_fits_the_next_one() {
    let served = Served::new();
    let record = hidden_files_of(served.directory.path()).join("records/bucket/a%~object");
    served.put("a", "000").await;
    for n in 100..200 {
        let before = fs::read(&record).unwrap();
        served.put("a", &n.to_string()).await;
        // As after a crash before the new record was put in its place.
        fs::write(&record, before).unwrap();
        assert_eq!(served.get("a").await.unwrap(), n.to_string());
        let e_tag = served.head("a").await.unwrap().e_tag.unwrap().into_value();
        let md5 = <s3s::crypto::Md5 as s3s::crypto::Checksum>::checksum(n.to_string().as_bytes());
        assert_eq!(e_tag, record::hex(md5.as_ref()));
    }
}

#[tokio::test]
async fn the_framing_of_a_body_is_no_part_of_the_object() {
    let served = Served::new();
    served.put("a", "before").await;
    let put = async |encoding: &str, length: &'static str| {
        let mut request = unsigned(dto::PutObjectInput {
            bucket: "bucket".to_owned(),
            key: "a".to_owned(),
            body: Some(Body::from("hello".to_owned()).into()),
            content_encoding: Some(encoding.to_owned()),
            ..dto::PutObjectInput::default()
        });
        let length = hyper::header::HeaderValue::from_static(length);
        let header = "x-amz-decoded-content-length";
        request.headers.insert(header, length);
        served.objects.put_object(request).await.map(|_| ())
    };
    for length in ["50", "2"] {
        assert_eq!(code(put("aws-chunked", length).await), "IncompleteBody");
        assert_eq!(served.get("a").await.unwrap(), "before");
    }
    for (encoding, want) in [
        ("aws-chunked", None),
        ("gzip,aws-chunked", Some("gzip")),
        ("AWS-Chunked , gzip, br", Some("gzip,br")),
    ] {
        put(encoding, "5").await.unwrap();
        let head = served.head("a").await.unwrap();
        assert_eq!(head.content_encoding.as_deref(), want);
    }
}

#[tokio::test]
async fn a_copy_is_as_s3_makes_it() {
    let served = Served::new();
    served.put("a", "hello").await;
    let copy = async |key: &str, change: fn(&mut dto::CopyObjectInput)| {
        let mut input = dto::CopyObjectInput::builder();
        input.set_bucket("bucket".to_owned());
        input.set_key(key.to_owned());
        input.set_copy_source(dto::CopySource::parse("bucket/a").unwrap());
        let mut input = input.build().unwrap();
        change(&mut input);
        let copied = served.objects.copy_object(unsigned(input)).await;
        copied.map(|copied| copied.output.copy_object_result.unwrap())
    };
    assert_eq!(code(copy("a", |_| {}).await), "InvalidRequest");
    copy("a", |input| {
        input.metadata_directive = Some("REPLACE".to_owned().into());
        input.content_type = Some("x/y".to_owned());
    })
    .await
    .unwrap();
    let head = served.head("a").await.unwrap();
    assert_eq!(head.content_type.as_deref(), Some("x/y"));
    let unknown = |input: &mut dto::CopyObjectInput| {
        input.metadata_directive = Some("FOO".to_owned().into());
    };
    assert_eq!(code(copy("b", unknown).await), "InvalidArgument");
    let summed = copy("b", |input| {
        input.checksum_algorithm = Some("SHA256".to_owned().into());
    });
    let sum = summed.await.unwrap().checksum_sha256;
    let want = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    assert_eq!(sum.as_deref(), Some(want));
    assert_eq!(served.get("b").await.unwrap(), "hello");
}

#[tokio::test]
async fn tags_and_classes_stay_with_the_object() {
    let served = Served::new();
    let put = async |class: &str| {
        let input = dto::PutObjectInput {
            bucket: "bucket".to_owned(),
            key: "a".to_owned(),
            storage_class: Some(class.to_owned().into()),
            tagging: Some("a=1".to_owned()),
            ..dto::PutObjectInput::default()
        };
        served.objects.put_object(unsigned(input)).await.unwrap();
    };
    let tags = async || {
        let input = dto::GetObjectTaggingInput::builder()
            .bucket("bucket".to_owned())
            .key("a".to_owned())
            .build();
        let tags = served.objects.get_object_tagging(unsigned(input.unwrap()));
        let tags = tags.await.unwrap().output.tag_set.into_iter();
        tags.map(|tag| (tag.key.unwrap(), tag.value.unwrap()))
            .collect::<Vec<_>>()
    };
    put("STANDARD_IA").await;
    assert_eq!(tags().await, [("a".to_owned(), "1".to_owned())]);
    let class = served.head("a").await.unwrap().storage_class.unwrap();
    assert_eq!(class.as_str(), "STANDARD_IA");
    let e_tag = served.head("a").await.unwrap().e_tag;
    let removed = dto::DeleteObjectTaggingInput::builder()
        .bucket("bucket".to_owned())
        .key("a".to_owned())
        .build();
    let removed = unsigned(removed.unwrap());
    served.objects.delete_object_tagging(removed).await.unwrap();
    assert_eq!(tags().await, []);
    assert_eq!(served.head("a").await.unwrap().e_tag, e_tag);

    put("GLACIER").await;
    assert_eq!(code(served.get("a").await), "InvalidObjectState");
    put("STANDARD").await;
    assert_eq!(served.get("a").await.unwrap(), "");
    assert_eq!(served.head("a").await.unwrap().storage_class, None);
}
