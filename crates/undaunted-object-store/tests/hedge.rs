//! Reads that are sent a second time, in virtual time.
#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::time::{Instant, sleep, timeout};
use undaunted::{Hedge, HttpFailure, Pacer, RetryBudget, RetryConfig};
use undaunted_object_store::{HedgeClock, RetryStore, RetryStoreBuilder, observe};

const MS: Duration = Duration::from_millis(1);

/// What becomes of a GET: it is answered after this time, or fails with this status.
type Step = (Duration, Option<u16>);

/// A store in memory whose GETs follow a script, and otherwise take 5 ms.
#[derive(Debug, Default)]
struct Scripted {
    inner: InMemory,
    steps: Mutex<VecDeque<Step>>,
    /// All GETs from now on take this long, in nanoseconds, unless it is 0.
    slow: AtomicU64,
    gets: AtomicU64,
    on_their_way: Arc<AtomicU64>,
    /// For how long GETs wait before they are sent.
    queue: AtomicU64,
}

impl Scripted {
    fn next(&self, steps: impl IntoIterator<Item = Step>) {
        self.steps.lock().unwrap().extend(steps);
    }

    fn gets(&self) -> u64 {
        self.gets.swap(0, Ordering::Relaxed)
    }
}

struct OnItsWay(Arc<AtomicU64>);

impl OnItsWay {
    fn begin(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Display for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

#[async_trait]
impl ObjectStore for Scripted {
    async fn put_opts(&self, to: &Path, data: PutPayload, opts: PutOptions) -> Result<PutResult> {
        sleep(1000 * MS).await;
        self.inner.put_opts(to, data, opts).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        let _on_its_way = OnItsWay::begin(&self.on_their_way);
        let clock = HedgeClock::of(&options);
        let queue = Duration::from_nanos(self.queue.load(Ordering::Relaxed));
        match clock {
            // It does not wait behind others.
            Some(clock) if clock.is_of_hedge() => {}
            Some(clock) => clock.stopped_during(sleep(queue)).await,
            None => sleep(queue).await,
        }
        let step = self.steps.lock().unwrap().pop_front();
        let slow = Duration::from_nanos(self.slow.load(Ordering::Relaxed)).max(5 * MS);
        let (delay, failure) = step.unwrap_or((slow, None));
        sleep(delay).await;
        match failure {
            None => self.inner.get_opts(location, options).await,
            Some(404) => Err(Error::NotFound {
                path: location.to_string(),
                source: "gone".into(),
            }),
            Some(status) => Err(Error::Generic {
                store: "Scripted",
                source: Box::new(HttpFailure::new(status)),
            }),
        }
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        sleep(1000 * MS).await;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn key() -> Path {
    Path::from("a")
}

fn builder() -> RetryStoreBuilder<Scripted> {
    let config = RetryConfig::builder().base_delay(MS).build().unwrap();
    RetryStore::builder(Scripted::default())
        .config(config)
        .hedge(Hedge::default())
}

/// A store that has an object, and knows how long its responses take: 5 ms.
async fn warm(builder: RetryStoreBuilder<Scripted>) -> RetryStore<Scripted> {
    let store = builder.build();
    store.put(&key(), "content".into()).await.unwrap();
    for _ in 0..100 {
        read(&store).await.unwrap();
    }
    store.inner().gets();
    store
}

async fn read(store: &RetryStore<Scripted>) -> Result<Bytes> {
    store.get(&key()).await?.bytes().await
}

/// What so many reads take, 16 at a time, in order of length.
async fn latencies(store: &RetryStore<Scripted>, count: usize) -> Vec<Duration> {
    let reads = stream::iter(0..count).map(|_| async {
        let start = Instant::now();
        read(store).await.unwrap();
        start.elapsed()
    });
    let mut latencies: Vec<Duration> = reads.buffer_unordered(16).collect().await;
    latencies.sort();
    latencies
}

#[tokio::test(start_paused = true)]
async fn two_slow_reads_in_a_hundred_are_hardly_felt() {
    let steps = |number| ((if number % 50 == 17 { 1000 } else { 5 }) * MS, None);
    let plain = RetryStore::new(Scripted::default(), RetryConfig::storage());
    plain.put(&key(), "content".into()).await.unwrap();
    plain.inner().next((0..5000).map(steps));
    assert_eq!(latencies(&plain, 5000).await[4950], 1000 * MS);

    let store = warm(builder()).await;
    store.inner().next((0..5000).map(steps));
    let p99 = latencies(&store, 5000).await[4950];
    assert!(p99 <= 20 * MS, "{p99:?}");
    let requests = store.inner().gets();
    assert!((5080..=5150).contains(&requests), "{requests}");
    let hedger = store.hedger().unwrap();
    assert_eq!(hedger.issued(), requests - 5000);
    assert!(hedger.won() >= hedger.issued() * 9 / 10);
}

#[tokio::test(start_paused = true)]
async fn when_all_become_slow_at_once_hardly_any_is_hedged() {
    let store = warm(builder()).await;
    for slow in [200 * MS, 2000 * MS] {
        let nanos = u64::try_from(slow.as_nanos()).unwrap();
        store.inner().slow.store(nanos, Ordering::Relaxed);
        assert_eq!(latencies(&store, 2000).await[1980], slow);
        let requests = store.inner().gets();
        assert!(requests <= 2020, "{requests}");
    }
}

#[tokio::test(start_paused = true)]
async fn ranges_are_hedged_and_what_is_no_read_of_content_is_not() {
    let store = warm(builder()).await;
    let slow = || store.inner().next([(1000 * MS, None)]);
    let start = Instant::now();
    let ranges: [Range<u64>; 2] = [0..3, 3..7];
    slow();
    assert_eq!(store.get_range(&key(), 0..3).await.unwrap(), "con");
    slow();
    assert_eq!(
        store.get_ranges(&key(), &ranges).await.unwrap(),
        ["con", "tent"]
    );
    slow();
    let pin = undaunted_object_store::ObjectPin::none();
    assert_eq!(store.read_range(&key(), 1..4, &pin).await.unwrap(), "ont");
    assert!(start.elapsed() < 100 * MS);
    assert_eq!(
        (store.inner().gets(), store.hedger().unwrap().issued()),
        (6, 3)
    );

    slow();
    store.head(&key()).await.unwrap();
    store.put(&key(), "other".into()).await.unwrap();
    store.list_with_delimiter(None).await.unwrap();
    store.delete(&key()).await.unwrap();
    assert_eq!(store.inner().gets(), 1);
    assert!(start.elapsed() > 3000 * MS);
    assert_eq!(store.hedger().unwrap().issued(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_operation_is_hedged_once_and_the_observer_is_told() {
    let store = warm(builder()).await;
    // The first two fail late, and so does the retry, which is no longer hedged.
    store.inner().next([
        (50 * MS, Some(500)),
        (50 * MS, Some(500)),
        (50 * MS, Some(500)),
    ]);
    let (result, observed) = observe(read(&store)).await;
    assert_eq!(result.unwrap(), "content");
    assert_eq!(store.inner().gets(), 4);
    assert_eq!(observed.report.attempts(), 3);
    assert_eq!((observed.hedges, observed.hedges_won), (1, 0));

    store.inner().next([(50 * MS, None)]);
    let (_, observed) = observe(read(&store)).await;
    assert_eq!((observed.hedges, observed.hedges_won), (1, 1));
    assert_eq!(observed.report.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_response_that_can_be_used_counts_and_a_final_one_of_the_first() {
    let store = warm(builder()).await;
    for (first, second, succeeds, least, most) in [
        // The first fails, and the hedge takes the place of a retry.
        ((20 * MS, Some(500)), (50 * MS, None), true, 60, 65),
        // The hedge fails, whatever it says.
        ((100 * MS, None), (5 * MS, Some(500)), true, 100, 100),
        ((100 * MS, None), (5 * MS, Some(404)), true, 100, 100),
        // What the hedge says is final, if the first has failed already.
        ((20 * MS, Some(500)), (50 * MS, Some(404)), false, 60, 65),
        // What the first says is final.
        ((20 * MS, Some(404)), (50 * MS, None), false, 20, 20),
    ] {
        store.inner().next([first, second]);
        let start = Instant::now();
        assert_eq!(read(&store).await.is_ok(), succeeds);
        let elapsed = start.elapsed().as_millis();
        assert!(
            (least..=most).contains(&elapsed),
            "{elapsed}: {first:?} {second:?}"
        );
        assert_eq!(store.inner().gets(), 2);
        assert_eq!(store.inner().on_their_way.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_failures_the_first_is_told() {
    let store = warm(builder()).await;
    store
        .inner()
        .next([(20 * MS, Some(500)), (50 * MS, Some(502))]);
    let (result, observed) = observe(read(&store)).await;
    result.unwrap();
    let failures = observed.report.failures();
    assert_eq!(failures.len(), 1);
    assert!(failures[0].error.contains("500"), "{}", failures[0].error);
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_drops_both_requests() {
    let store = warm(builder()).await;
    store.inner().next([(1000 * MS, None), (1000 * MS, None)]);
    let on_their_way = || store.inner().on_their_way.load(Ordering::Relaxed);
    {
        let mut waiting = std::pin::pin!(read(&store));
        assert!(timeout(100 * MS, &mut waiting).await.is_err());
        assert_eq!(on_their_way(), 2);
    }
    // The future is gone with its block; what it had on its way is too.
    assert_eq!(on_their_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_hedged_when_throttled_with_a_low_budget_or_without_room() {
    let slow = (100 * MS, None);
    // The hedge itself is refused: the allowance is gone, though nothing else failed.
    let store = warm(builder()).await;
    store.inner().next([slow, (5 * MS, Some(429)), slow]);
    read(&store).await.unwrap();
    assert_eq!(store.inner().gets(), 2);
    read(&store).await.unwrap();
    assert_eq!(store.inner().gets(), 1);

    // Either of the two is refused, and the other answers: that is a refusal all the same, so
    // those that follow wait for their turns.
    for (first, second) in [
        ((20 * MS, Some(429)), (50 * MS, None)),
        (slow, (5 * MS, Some(429))),
        ((20 * MS, Some(429)), (5 * MS, Some(429))),
    ] {
        let pacer = Arc::new(Pacer::new());
        let store = warm(builder().pacer(Arc::clone(&pacer))).await;
        store.inner().next([first, second]);
        read(&store).await.unwrap();
        assert!(pacer.is_active(), "{first:?}, {second:?}");
    }

    // Immediately: the other one may take long.
    let pacer = Arc::new(Pacer::new());
    let store = warm(builder().pacer(Arc::clone(&pacer))).await;
    store
        .inner()
        .next([(20 * MS, Some(429)), (10_000 * MS, None)]);
    timeout(30 * MS, read(&store)).await.unwrap_err();
    assert!(pacer.is_active());

    // While the store is paced.
    let store = warm(builder()).await;
    store.inner().next([(MS, Some(429)), slow]);
    read(&store).await.unwrap();
    assert_eq!(store.inner().gets(), 2);

    let budget = Arc::new(RetryBudget::with_capacity_and_refill(20, 0));
    let store = warm(builder().budget(budget)).await;
    store.inner().next([(MS, Some(500)), slow]);
    read(&store).await.unwrap();
    assert_eq!(store.inner().gets(), 2);

    let store = warm(builder().max_in_flight(1)).await;
    store.inner().next([slow]);
    read(&store).await.unwrap();
    assert_eq!(store.inner().gets(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_to_be_sent_is_not_late() {
    let store = warm(builder()).await;
    store.inner().queue.store(1_000_000_000, Ordering::Relaxed);
    let start = Instant::now();
    read(&store).await.unwrap();
    assert_eq!(store.inner().gets(), 1);
    assert_eq!(start.elapsed(), 1005 * MS);
    store.inner().next([(1000 * MS, None)]);
    let start = Instant::now();
    read(&store).await.unwrap();
    assert_eq!(store.inner().gets(), 2);
    assert!(start.elapsed() < 1050 * MS);
}

/// Ranges that are far apart, each of which is a request.
#[tokio::test(start_paused = true)]
async fn ranges_that_are_read_together_are_hedged_once() {
    let store = warm(builder()).await;
    let content = vec![7; 5_000_000];
    store.put(&key(), content.into()).await.unwrap();
    store.inner().next([(50 * MS, None); 3]);
    let ranges: [Range<u64>; 3] = [0..3, 2_000_000..2_000_003, 4_000_000..4_000_003];
    let (read, observed) = observe(store.get_ranges(&key(), &ranges)).await;
    assert_eq!(read.unwrap().len(), 3);
    assert_eq!((store.inner().gets(), observed.hedges), (4, 1));
}
