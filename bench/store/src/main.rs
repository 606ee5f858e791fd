//! The cost of a `RetryStore` without failures: a get of 1 KiB, and a gigabyte through a resumable
//! body, also verified. Medians of alternating rounds in one process, with and without it.

use std::fmt;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use gate::measure::{Counting, median, start_counting, stop_counting};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use undaunted::RetryConfig;
use undaunted_object_store::RetryStore;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(async {
        gets().await;
        gigabytes().await;
    });
}

async fn gets() {
    let path = Path::from("a");
    let raw = InMemory::new();
    raw.put(&path, vec![1; 1024].into()).await.expect("a put");
    let retried = RetryStore::new(raw.fork(), RetryConfig::storage());

    let allocations = async |store: &dyn ObjectStore| {
        start_counting();
        for _ in 0..1000 {
            get(store, &path).await;
        }
        stop_counting() as f64 / 1000.0
    };
    let (bare, ours) = (allocations(&raw).await, allocations(&retried).await);

    let (mut bare_ns, mut our_ns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_ns.push(nanos_a_get(&raw, &path).await);
        our_ns.push(nanos_a_get(&retried, &path).await);
    }
    let (bare_ns, our_ns) = (median(bare_ns), median(our_ns));
    println!("| get of 1 KiB | bare | RetryStore | more |\n|---|---|---|---|");
    println!(
        "| ns | {bare_ns:.0} | {our_ns:.0} | {:.0} |",
        our_ns - bare_ns
    );
    println!(
        "| allocations | {bare:.1} | {ours:.1} | {:.1} |\n",
        ours - bare
    );
}

async fn nanos_a_get(store: &dyn ObjectStore, path: &Path) -> f64 {
    let start = Instant::now();
    for _ in 0..2000 {
        get(store, path).await;
    }
    start.elapsed().as_nanos() as f64 / 2000.0
}

async fn get(store: &dyn ObjectStore, path: &Path) {
    let bytes = store
        .get(path)
        .await
        .expect("a get")
        .bytes()
        .await
        .expect("a body");
    assert_eq!(std::hint::black_box(bytes).len(), 1024);
}

async fn gigabytes() {
    let path = Path::from("a");
    let raw = Gigabyte(Bytes::from(vec![1; CHUNK]));
    let retried = RetryStore::new(raw.clone(), RetryConfig::storage());
    let verifying = RetryStore::builder(raw.clone()).verify_reads().build();
    let (mut bare, mut ours, mut verified) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        bare.push(seconds(&raw, &path).await);
        ours.push(seconds(&retried, &path).await);
        if round < SLOW_ROUNDS {
            verified.push(seconds(&verifying, &path).await);
        }
    }
    let (bare, ours, verified) = (median(bare), median(ours), median(verified));
    println!(
        "| 1 GiB in chunks of 64 KiB, each byte read | bare | RetryStore | speed | verify_reads |\n\
         |---|---|---|---|---|"
    );
    println!(
        "| s | {bare:.4} | {ours:.4} | {:.3} of bare | {verified:.2} |",
        bare / ours
    );
}

async fn seconds(store: &dyn ObjectStore, path: &Path) -> f64 {
    let start = Instant::now();
    let mut body = store.get(path).await.expect("a get").into_stream();
    let mut sum = 0_u64;
    while let Some(chunk) = body.try_next().await.expect("a body") {
        // The least that a reader can do: read every word.
        sum += chunk
            .chunks_exact(8)
            .map(|word| u64::from(word[0]))
            .sum::<u64>();
    }
    assert_eq!(sum, SIZE / 8);
    start.elapsed().as_secs_f64()
}

/// A store whose one object is a gigabyte that takes no memory.
#[derive(Clone, Debug)]
struct Gigabyte(Bytes);

impl fmt::Display for Gigabyte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gigabyte")
    }
}

#[async_trait]
impl ObjectStore for Gigabyte {
    async fn get_opts(&self, location: &Path, _: GetOptions) -> Result<GetResult> {
        let chunks = usize::try_from(SIZE).expect("64 bits") / CHUNK;
        let chunk = self.0.clone();
        let body = stream::iter((0..chunks).map(move |_| Ok(chunk.clone()))).boxed();
        Ok(GetResult {
            payload: GetResultPayload::Stream(body),
            meta: ObjectMeta {
                location: location.clone(),
                last_modified: Default::default(),
                size: SIZE,
                e_tag: Some(E_TAG.to_owned()),
                version: None,
            },
            range: 0..SIZE,
            attributes: Default::default(),
            extensions: Default::default(),
        })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(only_read("put_opts"))
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(only_read("put_multipart_opts"))
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::iter([Err(only_read("delete_stream"))]).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::iter([Err(only_read("list"))]).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(only_read("list_with_delimiter"))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(only_read("copy_opts"))
    }
}

fn only_read(operation: &str) -> Error {
    Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: "Gigabyte, which is only read".to_owned(),
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ROUNDS: usize = 41;
/// A verified gigabyte takes seconds, and its time varies less than the others.
const SLOW_ROUNDS: usize = 5;
/// The MD5 of the gigabyte. Without it nothing would be verified, and a wrong one is an error.
const E_TAG: &str = "\"1b8bcd3a9072236a04c2b9b81c0d1a96\"";
const SIZE: u64 = 1 << 30;
const CHUNK: usize = 64 * 1024;
