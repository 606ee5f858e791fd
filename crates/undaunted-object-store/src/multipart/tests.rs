//! Uploads that are begun, aborted and known again.

use std::sync::atomic::{AtomicUsize, Ordering};

use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use tracing_subscriber::fmt::MakeWriter;
use undaunted::RetryConfig;
use undaunted_chaos::Operation as ChaosOperation;
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Rule};

use super::*;
use crate::capabilities::Capabilities;
use crate::store::RetryStore;

#[test]
fn an_upload_is_known_again_by_the_id_that_its_caller_has() {
    let with = |token| UploadId {
        id: "VXBsb2Fk;a=b".to_owned(),
        token,
    };
    for upload in [with(Some(Token::new())), with(None)] {
        let given = MultipartId::from(upload.clone());
        assert_eq!(UploadId::from(&given), upload);
    }
    let odd = format!("a{MARK}b");
    assert_eq!(UploadId::from(&odd).id, odd);
}

#[tokio::test(start_paused = true)]
async fn an_abort_is_over_once_its_upload_is_gone_and_not_before() {
    let lost = Fault::FailAfter(Failure::Reset);
    let says = |status| Fault::FailBefore(Failure::status(status));
    for (faults, is_aborted, requests) in [
        (vec![], true, 1),
        (vec![lost.clone()], true, 2),
        // Gone, perhaps by the first attempt.
        (vec![lost.clone(), says(404)], true, 2),
        (vec![says(404)], false, 1),
        (vec![lost.clone(), says(403)], false, 2),
        (vec![lost, says(503)], true, 3),
    ] {
        let text = format!("{faults:?}");
        let rules = faults
            .into_iter()
            .map(|fault| Rule::new(ChaosOperation::AbortMultipart, fault));
        let (store, multipart) = over(rules);
        let path = Path::from("a");
        let upload = multipart
            .create(&path, PutMultipartOptions::default())
            .await;
        let aborted = multipart.abort(&path, &upload.unwrap()).await;
        assert_eq!(aborted.is_ok(), is_aborted, "{text}: {aborted:?}");
        let calls = store.plan().calls(ChaosOperation::AbortMultipart);
        assert_eq!(calls, requests, "{text}");
    }
}

/// Uploads to memory through these faults, and the store that has them.
fn over(rules: impl IntoIterator<Item = Rule>) -> (FaultyStore<InMemory>, Multipart) {
    let store = FaultyStore::new(InMemory::new(), FaultPlan::scripted(rules));
    let parts = Arc::new(store.clone());
    let policy = Arc::new(Policy::new(RetryConfig::storage()));
    (store, Multipart::new(parts.clone(), parts, policy))
}

/// What is logged of uploads whose begin got no response, in so many attempts.
async fn logged(lost: u64) -> String {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let fault = Fault::FailAfter(Failure::Reset);
    let rule = Rule::new(ChaosOperation::CreateMultipart, fault).count(lost);
    let (_, multipart) = over([rule]);
    let path = Path::from("a");
    let upload = multipart
        .create(&path, PutMultipartOptions::default())
        .await;
    upload.unwrap();
    drop(guard);
    let log = log.0.lock().unwrap().clone();
    let text = String::from_utf8(log).unwrap();
    let lines = text.lines().filter(|line| line.contains("left behind"));
    lines.collect()
}

#[tokio::test(start_paused = true)]
async fn uploads_that_may_have_been_left_behind_are_counted_in_the_log() {
    assert_eq!(logged(0).await, "");
    let line = logged(2).await;
    assert!(
        line.contains("2 upload(s) of a may have been begun"),
        "{line}"
    );
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_has_its_id_can_abort_an_upload() {
    let faulty = FaultyStore::new(InMemory::new(), FaultPlan::none());
    let store = RetryStore::builder(faulty.clone())
        .capabilities(Capabilities::none().with_parts(Arc::new(faulty)))
        .build();
    let path = Path::from("a");
    let id = store.create_multipart(&path).await.unwrap();
    store.abort_multipart(&path, &id).await.unwrap();
    let calls = store.inner().plan().calls(ChaosOperation::AbortMultipart);
    assert_eq!(calls, 1);
    let part = store.put_part(&path, &id, 0, "data".into()).await;
    assert!(part.is_err(), "{part:?}");
}

#[tokio::test]
async fn an_upload_that_is_aborted_is_gone_from_the_store() {
    let faulty = FaultyStore::new(InMemory::new(), FaultPlan::none());
    let store = RetryStore::builder(faulty.clone())
        .capabilities(Capabilities::none().with_parts(Arc::new(faulty)))
        .build();
    let mut upload = store.put_multipart(&Path::from("a")).await.unwrap();
    upload.put_part("data".into()).await.unwrap();
    upload.abort().await.unwrap();
    let calls = store.inner().plan().calls(ChaosOperation::AbortMultipart);
    assert_eq!(calls, 1);
    assert!(upload.complete().await.is_err());
}

#[cfg(feature = "fs")]
/// Parts of local files take no metadata, and so no token.
#[tokio::test(start_paused = true)]
async fn an_upload_whose_parts_take_no_token_is_begun_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let files = object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let backend = crate::Backend::of_files(files);
    let store = RetryStore::builder(backend.store)
        .capabilities(backend.capabilities.with_attributes())
        .build();
    let path = Path::from("a");
    let id = store.create_multipart(&path).await.unwrap();
    let part = store.put_part(&path, &id, 0, "data".into()).await.unwrap();
    store
        .complete_multipart(&path, &id, vec![part])
        .await
        .unwrap();
    assert_eq!(
        store.get(&path).await.unwrap().bytes().await.unwrap(),
        "data"
    );
    let text = store.to_string();
    assert!(text.starts_with("RetryStore(LocalFileSystem("), "{text}");
}

/// Parts of a store that takes none, counted.
#[derive(Debug, Default)]
struct NoParts(AtomicUsize);

fn no_parts() -> Error {
    Error::NotSupported {
        source: "no parts".into(),
    }
}

#[async_trait]
impl MultipartStore for NoParts {
    async fn create_multipart(&self, _: &Path) -> Result<MultipartId> {
        Err(no_parts())
    }

    async fn create_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<MultipartId> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Err(no_parts())
    }

    async fn put_part(&self, _: &Path, _: &MultipartId, _: usize, _: PutPayload) -> Result<PartId> {
        Err(no_parts())
    }

    async fn complete_multipart(
        &self,
        _: &Path,
        _: &MultipartId,
        _: Vec<PartId>,
    ) -> Result<PutResult> {
        Err(no_parts())
    }

    async fn abort_multipart(&self, _: &Path, _: &MultipartId) -> Result<()> {
        Err(no_parts())
    }
}

/// An upload in the store's own way cannot repeat its parts, so other uploads do not use it.
#[tokio::test]
async fn only_an_upload_with_attributes_or_tags_falls_back_to_the_stores_own_way() {
    let parts = Arc::new(NoParts::default());
    let store = RetryStore::builder(InMemory::new())
        .capabilities(Capabilities::none().with_parts(parts.clone()))
        .build();
    let path = Path::from("a");
    let refused = store.put_multipart(&path).await;
    assert!(matches!(refused, Err(Error::NotSupported { .. })));
    assert_eq!(parts.0.load(Ordering::Relaxed), 1);
    let mut options = PutMultipartOptions::default();
    options.tags.push("kind", "report");
    store.put_multipart_opts(&path, options).await.unwrap();
}
