//! Lists: their order, pages and encoding.

use super::*;

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
