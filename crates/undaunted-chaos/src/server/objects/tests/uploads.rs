//! Uploads of many parts: their order, what is refused, and who asks for them.

use super::*;

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
async fn the_checksum_of_an_upload_is_made_of_those_of_its_parts() {
    let served = Served::new();
    let begin = async |algorithm: &str, kind: Option<&str>| {
        let input = dto::CreateMultipartUploadInput {
            bucket: "bucket".to_owned(),
            key: "a".to_owned(),
            checksum_algorithm: Some(algorithm.to_owned().into()),
            checksum_type: kind.map(|kind| kind.to_owned().into()),
            ..dto::CreateMultipartUploadInput::default()
        };
        let begun = served
            .objects
            .create_multipart_upload(unsigned(input))
            .await;
        begun.map(|begun| begun.output)
    };
    let upload = begin("SHA256", None).await.unwrap();
    assert_eq!(upload.checksum_type.unwrap().as_str(), "COMPOSITE");
    let id = upload.upload_id.unwrap();
    let e_tag = served.part("a", &id, 1, b"hello".to_vec()).await.unwrap();
    // The SHA-256 of the SHA-256 of the one part.
    let want = "lZXJ35AHUUjrBoYDZd8zWEt1v/eCpRDGzUiDpBmDPVA=-1";
    let complete = async |sum: &str| {
        let mut request = Served::completion("a", &id, &[(1, &e_tag)]);
        request.input.checksum_sha256 = Some(sum.to_owned());
        let completed = served.objects.complete_multipart_upload(request).await;
        completed.map(|completed| completed.output)
    };
    let refused = complete("AAAA-1").await.map(|_| ());
    assert_eq!(code(refused), "BadDigest");
    let completed = complete(want).await.unwrap();
    assert_eq!(completed.checksum_sha256.as_deref(), Some(want));
    assert_eq!(completed.checksum_type.unwrap().as_str(), "COMPOSITE");

    let refused = begin("SHA256", Some("FULL_OBJECT")).await;
    assert_eq!(code(refused.map(|_| ())), "InvalidRequest");
    let refused = begin("CRC64NVME", Some("COMPOSITE")).await;
    assert_eq!(code(refused.map(|_| ())), "InvalidRequest");
}

#[tokio::test]
async fn a_part_is_copied_from_within_its_source() {
    let served = Served::new();
    served.put("source", "0123456789").await;
    let id = served.begin("a").await;
    let copy = async |range: &str| {
        let input = dto::UploadPartCopyInput::builder()
            .bucket("bucket".to_owned())
            .key("a".to_owned())
            .upload_id(id.clone())
            .part_number(1)
            .copy_source(dto::CopySource::parse("bucket/source").unwrap())
            .copy_source_range(Some(range.to_owned()))
            .build();
        let copied = served.objects.upload_part_copy(unsigned(input.unwrap()));
        copied.await.map(|copied| copied.output)
    };
    for range in [
        "bytes=0-99999",
        "bytes=5-",
        "bytes=-5",
        "5-6",
        "bytes=10-10",
    ] {
        let refused = copy(range).await.map(|_| ());
        assert_eq!(code(refused), "InvalidArgument", "{range}");
    }
    let copied = copy("bytes=5-9").await.unwrap().copy_part_result.unwrap();
    let e_tag = copied.e_tag.unwrap().into_value();
    let parts = [(1, e_tag.as_str())];
    let mut sized = Served::completion("a", &id, &parts);
    sized.input.mpu_object_size = Some(6);
    let refused = served.objects.complete_multipart_upload(sized).await;
    assert_eq!(code(refused.map(|_| ())), "InvalidRequest");
    served.complete("a", &id, &parts).await.unwrap();
    assert_eq!(served.get("a").await.unwrap(), "56789");
}
