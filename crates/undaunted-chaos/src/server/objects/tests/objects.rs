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
    assert_eq!(served.head("a").await.unwrap().content_type, None);
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
