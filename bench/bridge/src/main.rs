//! The cost of the bridge to object_store 0.13: calls of one and the same `RetryStore` over memory,
//! through the traits of 0.14 and of 0.13. The minimum of alternating rounds in one process.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use gate::measure::{Counting, start_counting, stop_counting};
use object_store::ObjectStore as Store014;
use object_store::memory::InMemory;
use object_store013::ObjectStore as Store013;
use undaunted::RetryConfig;
use undaunted_object_store::{Backend, RetryStore as RetryStore014};
use undaunted_object_store_013::RetryStore;

/// The calls, through the traits of `$object_store`.
macro_rules! calls {
    ($object_store:ident) => {
        use $object_store::{ObjectStore, ObjectStoreExt, PutPayload, path::Path};

        pub(crate) async fn make(store: &dyn ObjectStore, call: super::Call) {
            let path = Path::from(super::KEY);
            match call {
                super::Call::Get => {
                    let got = store.get(&path).await.expect("a get");
                    assert_eq!(
                        super::black_box(got.bytes().await.expect("a body")).len(),
                        1024
                    );
                }
                super::Call::Head => {
                    super::black_box(store.head(&path).await.expect("a head"));
                }
                super::Call::Put => {
                    let payload = PutPayload::from_static(&[1; 1024]);
                    super::black_box(store.put(&path, payload).await.expect("a put"));
                }
            }
        }
    };
}

mod of_014 {
    calls!(object_store);
}

mod of_013 {
    calls!(object_store013);
}

#[derive(Clone, Copy)]
enum Call {
    Get,
    Head,
    Put,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = runtime.expect("a runtime");
    match arguments[..] {
        [] => runtime.block_on(measure()),
        [version, call, count] => {
            let call = CALLS.into_iter().find(|(name, _)| *name == call);
            let (_, call) = call.expect("get, head or put");
            let count = count.parse().expect("a count");
            runtime.block_on(make(version == "0.13", call, count));
        }
        _ => eprintln!("bridge, or bridge VERSION CALL COUNT, whose instructions can be counted"),
    }
}

async fn make(through_013: bool, call: Call, count: u32) {
    let (of_014, of_013) = stores().await;
    for _ in 0..count {
        if through_013 {
            of_013::make(&of_013, call).await;
        } else {
            of_014::make(&of_014, call).await;
        }
    }
}

async fn stores() -> (
    RetryStore014<Arc<dyn Store014>>,
    RetryStore<Arc<dyn Store013>>,
) {
    let backend = Backend::new(Arc::new(InMemory::new()), Default::default());
    let of_014 = backend.with_retries(RetryConfig::storage());
    of_014::make(&of_014, Call::Put).await;
    (of_014.clone(), of_014.into())
}

async fn measure() {
    let (of_014, of_013) = stores().await;
    println!("| call of 1 KiB | 0.14, ns | 0.13, ns | more | allocations | more |");
    println!("|---|---|---|---|---|---|");
    for (name, call) in CALLS {
        let (mut least_014, mut least_013) = (f64::MAX, f64::MAX);
        for _ in 0..ROUNDS {
            least_014 = least_014.min(nanos(|| of_014::make(&of_014, call)).await);
            least_013 = least_013.min(nanos(|| of_013::make(&of_013, call)).await);
        }
        let allocated_014 = allocations(|| of_014::make(&of_014, call)).await;
        let allocated_013 = allocations(|| of_013::make(&of_013, call)).await;
        println!(
            "| {name} | {least_014:.0} | {least_013:.0} | {:.0} | {allocated_014} | {} |",
            least_013 - least_014,
            allocated_013 - allocated_014
        );
    }
}

async fn nanos<F: Future<Output = ()>>(call: impl Fn() -> F) -> f64 {
    let start = Instant::now();
    for _ in 0..ROUND {
        call().await;
    }
    start.elapsed().as_nanos() as f64 / f64::from(ROUND)
}

async fn allocations<F: Future<Output = ()>>(call: impl Fn() -> F) -> u64 {
    start_counting();
    call().await;
    stop_counting()
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const KEY: &str = "tables/orders/part-00001.parquet";
const CALLS: [(&str, Call); 3] = [("get", Call::Get), ("head", Call::Head), ("put", Call::Put)];
/// Calls of a round.
const ROUND: u32 = 1000;
const ROUNDS: usize = 301;
