//! Bodies that break, end short, stall or arrive changed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::chunked::ChunkedStore;
use object_store::client::HttpErrorKind;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetResult, GetResultPayload, ObjectStore, ObjectStoreExt, Result,
};
use tempfile::TempDir;
use tokio::time::Instant;
use undaunted::{Retryable, Verdict};
use undaunted_chaos::{Failure, Fault, FaultKind, FaultPlan, FaultyStore, Operation, Rates, Rule};

use common::injected;

mod common;

const TEXT: &str = "0123456789abcdef";

fn key() -> Path {
    Path::from("k")
}

async fn memory(fault: Fault) -> FaultyStore<InMemory> {
    let inner = InMemory::new();
    inner.put(&key(), TEXT.into()).await.unwrap();
    FaultyStore::new(
        inner,
        FaultPlan::scripted([Rule::new(Operation::Get, fault)]),
    )
}

/// Both kinds of store with the text, behind one fault of a read.
async fn stores(fault: Fault) -> (Vec<FaultyStore<Arc<dyn ObjectStore>>>, TempDir) {
    let (local, folder) = common::local();
    let inner: [Arc<dyn ObjectStore>; 2] = [Arc::new(InMemory::new()), Arc::new(local)];
    let mut stores = Vec::new();
    for inner in inner {
        inner.put(&key(), TEXT.into()).await.unwrap();
        let plan = FaultPlan::scripted([Rule::new(Operation::Get, fault.clone())]);
        stores.push(FaultyStore::new(inner, plan));
    }
    (stores, folder)
}

/// What arrived, and the error that ended it.
async fn read(mut body: BoxStream<'static, Result<Bytes>>) -> (String, Option<Error>) {
    let mut text = String::new();
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => text.push_str(&String::from_utf8_lossy(&chunk)),
            Err(error) => {
                assert!(body.next().await.is_none(), "nothing follows an error");
                return (text, Some(error));
            }
        }
    }
    (text, None)
}

async fn read_whole(store: &dyn ObjectStore) -> (String, Option<Error>) {
    read(store.get(&key()).await.unwrap().into_stream()).await
}

#[tokio::test]
async fn a_body_breaks_after_exactly_n_bytes() {
    for at in [0, 1, 7, 15] {
        let failure = Failure::Reset;
        let (stores, _folder) = stores(Fault::BreakBody { at, failure }).await;
        for store in stores {
            let (text, error) = read_whole(&store).await;
            assert_eq!(text, TEXT[..usize::try_from(at).unwrap()]);
            assert_eq!(injected(&error.unwrap()), HttpErrorKind::Interrupted);
            assert_eq!(read_whole(&store).await.0, TEXT);
            assert!(store.plan().unused().is_empty());
        }
    }
}

#[tokio::test]
async fn a_short_body_ends_cleanly_after_exactly_n_bytes() {
    for at in [0, 1, 7, 15] {
        let (stores, _folder) = stores(Fault::ShortBody { at }).await;
        for store in stores {
            let result = store.get(&key()).await.unwrap();
            assert_eq!(result.range, 0..16, "the head still promises all of it");
            let (text, error) = read(result.into_stream()).await;
            assert_eq!(text, TEXT[..usize::try_from(at).unwrap()]);
            assert!(error.is_none());
            assert!(store.plan().unused().is_empty());
        }
    }
}

#[tokio::test]
async fn one_byte_arrives_changed() {
    for at in [0, 9, 15] {
        let (stores, _folder) = stores(Fault::CorruptBody { at }).await;
        for store in stores {
            let got = store.get(&key()).await.unwrap().bytes().await.unwrap();
            let at = usize::try_from(at).unwrap();
            let mut want = TEXT.as_bytes().to_vec();
            want[at] = !want[at];
            assert_eq!(got, want);
            assert_eq!(store.plan().injected(FaultKind::CorruptBody), 1);
        }
    }
}

#[tokio::test]
async fn an_object_is_replaced_while_it_is_read() {
    let failure = Failure::Reset;
    let (stores, _folder) = stores(Fault::ReplaceObject { at: 5, failure }).await;
    for store in stores {
        let (text, error) = read_whole(&store).await;
        assert_eq!(text, &TEXT[..5]);
        assert_eq!(injected(&error.unwrap()), HttpErrorKind::Interrupted);
        let after = store.get(&key()).await.unwrap().bytes().await.unwrap();
        let other: Vec<u8> = TEXT.bytes().map(|byte| !byte).collect();
        assert_eq!(after, other);
        assert_eq!(store.plan().injected(FaultKind::ReplaceObject), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_a_rate_are_told_to_slow_down() {
    let hint = Duration::from_secs(2);
    let store = memory(Fault::Delay(Duration::ZERO)).await;
    let limit = Fault::RateLimit {
        per_second: 1,
        burst: 2,
        retry_after: Some(hint),
    };
    store.plan().add(Rule::new(Operation::Get, limit).always());
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(
            store
                .get(&key())
                .await
                .map(drop)
                .map_err(|error| error.verdict()),
        );
    }
    let refused = Err(Verdict::Throttled {
        retry_after: Some(hint),
    });
    assert_eq!(outcomes, [Ok(()), Ok(()), refused, refused]);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(store.get(&key()).await.is_ok());
    assert_eq!(store.plan().injected(FaultKind::RateLimit), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_stalls_and_goes_on() {
    let lasts = Duration::from_secs(20);
    let store = memory(Fault::StallBody { at: 4, lasts }).await;
    let start = Instant::now();
    let mut body = store.get(&key()).await.unwrap().into_stream();
    assert_eq!(body.next().await.unwrap().unwrap(), "0123");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(read(body).await.0, "456789abcdef");
    assert_eq!(start.elapsed(), lasts);
}

#[tokio::test]
async fn the_position_counts_from_the_start_of_the_range() {
    let failure = Failure::Closed;
    let store = memory(Fault::BreakBody { at: 3, failure }).await;
    let options = GetOptions::new().with_range(Some(4..10));
    let result = store.get_opts(&key(), options).await.unwrap();
    let (text, error) = read(result.into_stream()).await;
    assert_eq!(text, "456");
    assert_eq!(injected(&error.unwrap()), HttpErrorKind::Request);
}

#[tokio::test]
async fn a_body_that_ends_before_the_fault_is_left_alone() {
    for at in [16, 17, u64::MAX] {
        let failure = Failure::Reset;
        let (stores, _folder) = stores(Fault::BreakBody { at, failure }).await;
        for store in stores {
            let (text, error) = read_whole(&store).await;
            assert_eq!(text, TEXT);
            assert!(error.is_none());
            assert_eq!(store.plan().unused().len(), 1, "it never took effect");
            assert!(store.plan().log().is_empty());
        }
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_not_hit() {
    let failure = Failure::Reset;
    let store = memory(Fault::BreakBody { at: 4, failure }).await;
    let mut body = store.get(&key()).await.unwrap().into_stream();
    assert_eq!(body.next().await.unwrap().unwrap(), "0123");
    drop(body);
    assert_eq!(store.plan().unused().len(), 1);
}

#[tokio::test]
async fn a_file_stays_a_file_unless_a_fault_hits_its_body() {
    let is_file = |result: &GetResult| matches!(result.payload, GetResultPayload::File(..));
    let (local, _folder) = common::local();
    let plan = FaultPlan::scripted([Rule::new(Operation::Get, Fault::ShortBody { at: 2 })]);
    let store = FaultyStore::new(local, plan);
    store.put(&key(), TEXT.into()).await.unwrap();

    let options = GetOptions::new().with_head(true);
    assert!(is_file(&store.get_opts(&key(), options).await.unwrap()));
    let hit = store.get(&key()).await.unwrap();
    assert!(!is_file(&hit));
    assert_eq!(hit.meta.size, 16);
    assert!(is_file(&store.get(&key()).await.unwrap()));
}

#[tokio::test]
async fn reads_fail_as_a_whole_too() {
    for fault in [
        Fault::FailBefore(Failure::Timeout),
        Fault::FailAfter(Failure::Timeout),
    ] {
        let (stores, _folder) = stores(fault).await;
        for store in stores {
            let error = store.get(&key()).await.unwrap_err();
            assert_eq!(injected(&error), HttpErrorKind::Timeout);
            assert_eq!(read_whole(&store).await.0, TEXT);
        }
    }
}

/// Reads `012`, nothing, `ab` and `5` in one call, behind a fault.
async fn ranges(fault: Fault) -> (Result<Vec<Bytes>>, FaultPlan) {
    let inner = InMemory::new();
    inner.put(&key(), TEXT.into()).await.unwrap();
    let plan = FaultPlan::scripted([Rule::new(Operation::GetRanges, fault)]);
    let store = FaultyStore::new(inner, plan.clone());
    let ranges = [0..3, 10..12, 5..6];
    (store.get_ranges(&key(), &ranges).await, plan)
}

#[tokio::test(start_paused = true)]
async fn several_ranges_are_one_body() {
    let failure = Failure::Reset;
    let (broken, _) = ranges(Fault::BreakBody { at: 4, failure }).await;
    assert_eq!(injected(&broken.unwrap_err()), HttpErrorKind::Interrupted);

    let (short, _) = ranges(Fault::ShortBody { at: 4 }).await;
    assert_eq!(short.unwrap(), ["012", "a", ""]);

    let (changed, _) = ranges(Fault::CorruptBody { at: 5 }).await;
    assert_eq!(changed.unwrap(), [&b"012"[..], b"ab", &[!b'5']]);

    let start = Instant::now();
    let lasts = Duration::from_secs(9);
    let (stalled, _) = ranges(Fault::StallBody { at: 0, lasts }).await;
    assert_eq!(stalled.unwrap(), ["012", "ab", "5"]);
    assert_eq!(start.elapsed(), lasts);

    let (whole, plan) = ranges(Fault::ShortBody { at: 6 }).await;
    assert_eq!(whole.unwrap(), ["012", "ab", "5"]);
    assert_eq!(plan.unused().len(), 1);

    let (lost, _) = ranges(Fault::FailAfter(Failure::Closed)).await;
    assert_eq!(injected(&lost.unwrap_err()), HttpErrorKind::Request);
}

#[tokio::test]
async fn seeded_faults_always_lie_within_the_body() {
    let rates = Rates {
        break_body: 1.0,
        ..Rates::default()
    };
    let inner = InMemory::new();
    inner.put(&key(), TEXT.into()).await.unwrap();
    let empty = Path::from("empty");
    inner.put(&empty, "".into()).await.unwrap();
    let store = FaultyStore::new(inner, FaultPlan::seeded(5, rates));

    let mut lengths = Vec::new();
    for _ in 0..40 {
        let (text, error) = read_whole(&store).await;
        if error.is_some() {
            lengths.push(text.len());
        }
    }
    assert_eq!(lengths.len(), 30, "three in a row, then one goes through");
    assert!(lengths.iter().all(|length| *length < TEXT.len()));
    lengths.sort_unstable();
    lengths.dedup();
    assert!(lengths.len() > 5, "they break in many places: {lengths:?}");

    let result = store.get(&empty).await.unwrap();
    assert!(result.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn chunks_are_split_only_where_the_fault_is() {
    let inner = ChunkedStore::new(Arc::new(InMemory::new()), 5);
    inner.put(&key(), TEXT.into()).await.unwrap();
    let plan = FaultPlan::scripted([Rule::new(Operation::Get, Fault::ShortBody { at: 12 })]);
    let store = FaultyStore::new(inner, plan);
    let body = store.get(&key()).await.unwrap().into_stream();
    let chunks: Vec<_> = body.map(Result::unwrap).collect().await;
    assert_eq!(chunks, ["01234", "56789", "ab"]);
}
