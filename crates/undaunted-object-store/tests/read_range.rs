//! Ranges that arrive whole or not at all, under faults, with a paused clock.
#![allow(clippy::unwrap_used)]

use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::time::Instant;
use undaunted::{Jitter, RetryConfig};
use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, HttpFailure, Operation, Rule};
use undaunted_object_store::{ObjectPin, RetryStore};

type Store = RetryStore<FaultyStore<Web>>;

fn body() -> Vec<u8> {
    (0..=250).cycle().take(10_000).collect()
}

async fn with_body(rules: impl IntoIterator<Item = Rule>) -> (Store, Path) {
    let faulty = FaultyStore::new(Web::default(), FaultPlan::scripted(rules));
    let config = RetryConfig::builder().jitter(Jitter::None).build().unwrap();
    let store = RetryStore::new(faulty, config);
    let path = Path::from("a");
    store
        .inner()
        .inner()
        .put(&path, body().into())
        .await
        .unwrap();
    (store, path)
}

async fn meta(store: &Store, path: &Path) -> ObjectMeta {
    store.inner().inner().head(path).await.unwrap()
}

/// A pin by time and size, which the service cannot be asked for.
async fn weak_pin(store: &Store, path: &Path) -> ObjectPin {
    ObjectPin::of(&ObjectMeta {
        e_tag: None,
        ..meta(store, path).await
    })
}

fn breaks(at: u64) -> Rule {
    let failure = Failure::Reset;
    Rule::new(Operation::Get, Fault::BreakBody { at, failure })
}

fn gets(store: &Store) -> u64 {
    store.inner().plan().calls(Operation::Get)
}

#[tokio::test(start_paused = true)]
async fn a_range_is_resumed_where_it_broke_and_progress_renews_the_retries() {
    // 3 retries a failure, and 50 failures: each time a little more arrives.
    let (store, path) = with_body([breaks(100).count(50)]).await;
    let pin = ObjectPin::of(&meta(&store, &path).await);
    let read = store.read_range(&path, 500..9_000, &pin).await.unwrap();
    assert_eq!(read, body()[500..9_000]);
    assert_eq!(gets(&store), 51);
    let asked = store.inner().inner().asked();
    assert_eq!(asked[..2], ["500..9000", "600..9000"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_pin_the_first_response_pins_the_object() {
    let (store, path) = with_body([breaks(100).count(50)]).await;
    let none = ObjectPin::none();
    let read = store.read_range(&path, 500..9_000, &none).await.unwrap();
    assert_eq!(read, body()[500..9_000]);
    assert_eq!(gets(&store), 51);
}

#[tokio::test(start_paused = true)]
async fn without_a_strong_etag_the_range_is_read_again_from_its_start() {
    for (failures, arrives) in [(3, true), (4, false)] {
        let (store, path) = with_body([breaks(100).count(failures)]).await;
        let pin = weak_pin(&store, &path).await;
        let read = store.read_range(&path, 500..9_000, &pin).await;
        assert_eq!(read.is_ok(), arrives, "{read:?}");
        assert!(
            store
                .inner()
                .inner()
                .asked()
                .iter()
                .all(|range| range == "500..9000")
        );
    }
}

/// Half of it was handed over, and nothing shows that the rest would be of the same object.
#[tokio::test(start_paused = true)]
async fn without_a_strong_etag_a_body_that_breaks_is_not_resumed() {
    let (store, path) = with_body([breaks(100)]).await;
    store.inner().inner().leave_out_etags();
    let result = store.get(&path).await.unwrap();
    result.bytes().await.unwrap_err();
    assert_eq!(gets(&store), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_or_ends_short_is_found() {
    let lasts = Duration::from_secs(3600);
    let (store, path) = with_body([
        Rule::new(Operation::Get, Fault::StallBody { at: 1000, lasts }),
        Rule::new(Operation::Get, Fault::ShortBody { at: 1000 }),
    ])
    .await;
    for pin in [ObjectPin::none(), weak_pin(&store, &path).await] {
        let start = Instant::now();
        let read = store.read_range(&path, 0..5_000, &pin).await.unwrap();
        assert_eq!(read, body()[..5_000]);
        assert!(start.elapsed() < Duration::from_secs(35));
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_object_is_an_error_that_says_so_and_leaves_nothing() {
    let failure = Failure::Reset;
    for is_certain in [true, false] {
        let replaced = Rule::new(
            Operation::Get,
            Fault::ReplaceObject {
                at: 100,
                failure: failure.clone(),
            },
        );
        let (store, path) = with_body([replaced]).await;
        let pin = if is_certain {
            ObjectPin::of(&meta(&store, &path).await)
        } else {
            weak_pin(&store, &path).await
        };
        let mut buffer = vec![1, 2, 3];
        let read = store.read_range_into(&path, 500..9_000, &pin, &mut buffer);
        let error = read.await.unwrap_err();
        assert!(matches!(error, Error::Precondition { .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.contains("it was changed or replaced while it was being read"),
            "{text}"
        );
        assert!(buffer.is_empty());
        assert_eq!(gets(&store), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_is_not_found() {
    let (store, path) = with_body([breaks(100)]).await;
    let pin = ObjectPin::of(&meta(&store, &path).await);
    store.inner().inner().delete(&path).await.unwrap();
    let error = store.read_range(&path, 0..10, &pin).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_range_beyond_the_end_is_an_error() {
    let (store, path) = with_body([]).await;
    let pin = ObjectPin::of(&meta(&store, &path).await);
    for (range, pin) in [
        (9_000..10_001, &pin),
        (9_000..10_001, &ObjectPin::none()),
        (Range { start: 9, end: 8 }, &pin),
    ] {
        let error = store.read_range(&path, range, pin).await.unwrap_err();
        assert!(error.to_string().contains("not all within a"), "{error}");
    }
    let none = store.read_range(&path, 7..7, &ObjectPin::none()).await;
    assert!(none.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_without_ranges_is_read_whole() {
    let (store, path) = with_body([breaks(100).count(3)]).await;
    store.inner().inner().refuse_ranges();
    let pin = ObjectPin::of(&meta(&store, &path).await);
    let read = store.read_range(&path, 0..10_000, &pin).await.unwrap();
    assert_eq!(read, body());
    // What is not the whole object is not read whole, and not asked for again.
    for pin in [pin, ObjectPin::none()] {
        let before = gets(&store);
        let error = store.read_range(&path, 0..9_999, &pin).await.unwrap_err();
        assert!(matches!(error, Error::NotSupported { .. }), "{error:?}");
        assert_eq!(gets(&store) - before, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn ranges_are_read_in_the_stores_own_way() {
    let (store, path) = with_body([]).await;
    let ranges = [7..9, 0..3, 5..5, 9_999..10_000];
    let read = store.get_ranges(&path, &ranges).await.unwrap();
    let body = body();
    assert_eq!(read, [&body[7..9], &body[..3], &body[5..5], &body[9_999..]]);
    assert_eq!(store.inner().plan().calls(Operation::GetRanges), 1);
    assert_eq!(gets(&store), 0);
    // What it did not bring in full is read by range.
    let ranges = [0..3, 9_990..10_005];
    let read = store.get_ranges(&path, &ranges).await.unwrap();
    assert_eq!(read, [&body[..3], &body[9_990..]]);
    assert_eq!(gets(&store), 1);
}

#[tokio::test(start_paused = true)]
async fn stale_credentials_are_survived_once_where_nothing_arrived() {
    for code in ["RequestTimeTooSkewed", "ExpiredToken"] {
        for (refusals, arrives) in [(1, true), (2, false)] {
            let stale = Failure::Status(HttpFailure::new(403).with_code(code));
            let stale = Rule::new(Operation::Get, Fault::FailBefore(stale));
            let (store, path) = with_body([breaks(100), stale.count(refusals)]).await;
            let read = store.read_range(&path, 0..9_000, &ObjectPin::none()).await;
            assert_eq!(read.is_ok(), arrives, "{code} {read:?}");
            assert!(arrives || matches!(read, Err(Error::PermissionDenied { .. })));
        }
    }
}

#[tokio::test]
async fn memory_is_used_again_and_no_more_is_taken_than_the_range_has() {
    let (store, path) = with_body([]).await;
    let pin = ObjectPin::of(&meta(&store, &path).await);
    let mut buffer = Vec::new();
    for range in [0..10_000, 17..4_000] {
        let expected = body()
            [usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
            .to_vec();
        store
            .read_range_into(&path, range, &pin, &mut buffer)
            .await
            .unwrap();
        assert_eq!(buffer, expected);
        assert_eq!(buffer.capacity(), 10_000);
    }
}

#[tokio::test(start_paused = true)]
async fn ranges_are_all_of_one_object() {
    // The first way of reading them breaks, and then the object is replaced between two ranges.
    let failure = Failure::Reset;
    let (store, path) = with_body([
        Rule::new(Operation::GetRanges, Fault::FailBefore(failure.clone())),
        Rule::new(Operation::Get, Fault::ReplaceObject { at: 10, failure }),
    ])
    .await;
    let far = 5 * 1024 * 1024;
    let large = vec![7; far + 100];
    store
        .inner()
        .inner()
        .put(&path, large.into())
        .await
        .unwrap();
    let far = far as u64;
    let read = store.get_ranges(&path, &[0..50, far..far + 50]).await;
    assert!(matches!(read, Err(Error::Precondition { .. })), "{read:?}");
}

#[cfg(feature = "fs")]
#[tokio::test]
async fn files_are_read_too() {
    use undaunted_object_store::Backend;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), body()).unwrap();
    let files = object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let store = Backend::of_files(files).with_retries(RetryConfig::storage());
    let path = Path::from("a");
    let pin = ObjectPin::of(&store.head(&path).await.unwrap());
    let read = store.read_range(&path, 500..9_000, &pin).await.unwrap();
    assert_eq!(read, body()[500..9_000]);
    std::fs::write(folder.path().join("a"), "other").unwrap();
    let error = store.read_range(&path, 0..3, &pin).await.unwrap_err();
    assert!(matches!(error, Error::Precondition { .. }), "{error:?}");
}

/// A store in memory that takes down which ranges it is asked for, and may have none.
#[derive(Debug, Default)]
struct Web {
    memory: InMemory,
    asked: Mutex<Vec<String>>,
    has_no_ranges: Mutex<bool>,
    has_no_etags: Mutex<bool>,
}

impl Web {
    fn refuse_ranges(&self) {
        *self.has_no_ranges.lock().unwrap() = true;
    }

    fn leave_out_etags(&self) {
        *self.has_no_etags.lock().unwrap() = true;
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl fmt::Display for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Web")
    }
}

#[async_trait]
impl ObjectStore for Web {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if let Some(range) = options.range.as_ref().filter(|_| !options.head) {
            let bounds = range.as_range(u64::MAX).unwrap();
            self.asked.lock().unwrap().push(format!("{bounds:?}"));
            if *self.has_no_ranges.lock().unwrap() {
                return Err(Error::NotSupported {
                    source: "no ranges".into(),
                });
            }
        }
        let mut result = self.memory.get_opts(location, options).await?;
        if *self.has_no_etags.lock().unwrap() {
            result.meta.e_tag = None;
        }
        Ok(result)
    }

    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.memory.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.memory.put_multipart_opts(location, opts).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.memory.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.memory.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.memory.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.memory.copy_opts(from, to, options).await
    }
}
