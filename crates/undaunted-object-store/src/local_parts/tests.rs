//! Parts and their places.

use super::*;

struct Fixture {
    folder: tempfile::TempDir,
    parts: LocalParts,
    path: Path,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let files = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    Fixture {
        parts: LocalParts::new(Arc::new(files)),
        path: Path::from("sub/object"),
        folder,
    }
}

impl Fixture {
    async fn put(&self, id: &MultipartId, part: usize, data: &'static [u8]) -> PartId {
        let payload = PutPayload::from_static(data);
        self.parts
            .put_part(&self.path, id, part, payload)
            .await
            .unwrap()
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.folder.path().join("sub"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn content(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("sub/object")).unwrap()
    }
}

#[tokio::test]
async fn parts_in_order_are_renamed_into_place() {
    let fixture = fixture();
    let id = fixture.parts.create_multipart(&fixture.path).await.unwrap();
    let parts = vec![
        fixture.put(&id, 0, b"aaaa").await,
        fixture.put(&id, 1, b"bb").await,
    ];
    let done = fixture
        .parts
        .complete_multipart(&fixture.path, &id, parts)
        .await
        .unwrap();
    assert_eq!(fixture.content(), b"aaaabb");
    assert_eq!(fixture.files(), ["object"]);
    assert!(done.e_tag.is_some());
}

#[tokio::test]
async fn a_part_that_is_sent_again_stands_once() {
    let fixture = fixture();
    let id = fixture.parts.create_multipart(&fixture.path).await.unwrap();
    fixture.put(&id, 0, b"aaaa").await;
    fixture.put(&id, 1, b"bb").await;
    let parts = vec![
        fixture.put(&id, 0, b"aaaa").await,
        fixture.put(&id, 1, b"bb").await,
    ];
    fixture
        .parts
        .complete_multipart(&fixture.path, &id, parts)
        .await
        .unwrap();
    assert_eq!(fixture.content(), b"aaaabb");
}

#[tokio::test]
async fn parts_out_of_order_and_of_any_size_are_put_in_order() {
    let fixture = fixture();
    let id = fixture.parts.create_multipart(&fixture.path).await.unwrap();
    let last = fixture.put(&id, 2, b"c").await;
    let first = fixture.put(&id, 0, b"aaa").await;
    let middle = fixture.put(&id, 1, b"bb").await;
    // A part that came back with another length has another place.
    let again = fixture.put(&id, 0, b"AAAA").await;
    drop(first);
    let parts = vec![again, middle, last];
    fixture
        .parts
        .complete_multipart(&fixture.path, &id, parts)
        .await
        .unwrap();
    assert_eq!(fixture.content(), b"AAAAbbc");
    assert_eq!(fixture.files(), ["object"]);
}

#[test]
fn parts_of_one_length_are_where_they_belong_in_whatever_order_they_come() {
    let mut extents = Extents::default();
    for (part, length) in [(2, 10), (0, 10), (3, 4), (1, 10)] {
        assert_eq!(extents.place(part, length), part as u64 * 10);
    }
    assert!(in_order(&extents.of(4).unwrap()));
    // The last came first, so it is taken for the usual one, and sorting mends it.
    let mut extents = Extents::default();
    assert_eq!(extents.place(2, 4), 8);
    assert_eq!(extents.place(0, 10), 12);
    assert_eq!(extents.place(1, 10), 22);
    assert!(!in_order(&extents.of(3).unwrap()));
    // Where one of the usual length belongs, another one is.
    assert_eq!(extents.place(3, 4), 32);
}

#[tokio::test]
async fn a_missing_part_fails_the_completion() {
    let fixture = fixture();
    let id = fixture.parts.create_multipart(&fixture.path).await.unwrap();
    let part = fixture.put(&id, 1, b"bb").await;
    let parts = vec![part.clone(), part];
    let error = fixture
        .parts
        .complete_multipart(&fixture.path, &id, parts)
        .await;
    assert!(error.unwrap_err().to_string().contains("part 0 is missing"));
}

#[tokio::test]
async fn an_aborted_or_forgotten_upload_leaves_no_file() {
    let fixture = fixture();
    let id = fixture.parts.create_multipart(&fixture.path).await.unwrap();
    fixture.put(&id, 0, b"aaaa").await;
    assert_eq!(fixture.files(), ["object#1"]);
    fixture
        .parts
        .abort_multipart(&fixture.path, &id)
        .await
        .unwrap();
    assert!(fixture.files().is_empty());
    assert!(matches!(
        fixture.parts.abort_multipart(&fixture.path, &id).await,
        Err(Error::NotFound { .. })
    ));

    let id = fixture.parts.create_multipart(&fixture.path).await.unwrap();
    fixture.put(&id, 0, b"aaaa").await;
    let Fixture { folder, parts, .. } = fixture;
    drop(parts);
    assert_eq!(fs::read_dir(folder.path().join("sub")).unwrap().count(), 0);
}

#[tokio::test]
async fn neither_tags_nor_attributes_are_taken() {
    let fixture = fixture();
    let mut tagged = PutMultipartOptions::default();
    tagged.tags.push("kind", "report");
    let mut typed = PutMultipartOptions::default();
    let content_type = object_store::Attribute::ContentType;
    typed.attributes.insert(content_type, "text/plain".into());
    for options in [tagged, typed] {
        let refused = fixture.parts.create_multipart_opts(&fixture.path, options);
        let refused = refused.await;
        assert!(
            matches!(refused, Err(Error::NotSupported { .. })),
            "{refused:?}"
        );
    }
}
