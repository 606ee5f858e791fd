//! What one failed attempt costs that is seen: by nobody, by a log subscriber, and by a metrics
//! recorder too. A retry waits for milliseconds, so what may be added to that is a bound and
//! no gate: [`LIMIT`]. And what every attempt of a store costs, successes too, that keeps the last
//! response of its service (`observe.rs` of the object-store crate), as it is done there.

use std::cell::RefCell;
use std::future::{Future, ready};
use std::hint::black_box;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gate::{Failure, drive, fail_twice, repeat, succeed};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{AtomicStorage, Registry};
use undaunted::{HttpFailure, Jitter, Retry, RetryConfig};

fn main() {
    let [plain, kept] = nanos_of_response();
    println!("| one attempt of a store | ns |\n|---|---|");
    println!("| without a place for the last response | {plain:.1} |");
    println!("| with it | {kept:.1} |\n");
    println!("| one failed attempt | ns | at most |");
    println!("|---|---|---|");
    print("with the feature `metrics`, nobody sees it", "-");
    tracing_subscriber::fmt().with_writer(io::sink).init();
    print("written to a log", "-");
    let recorder = Atomics(Registry::new(AtomicStorage));
    metrics::set_global_recorder(recorder).expect("the first recorder");
    print(
        "written to a log, and counted",
        &LIMIT.as_nanos().to_string(),
    );
}

fn print(variant: &str, limit: &str) {
    println!("| {variant} | {:.0} | {limit} |", nanos());
}

/// Two failures and a success, less a success, by two.
fn nanos() -> f64 {
    let jitter = RetryConfig::builder()
        .base_delay(Duration::ZERO)
        .jitter(Jitter::Full);
    let config = jitter.build().expect("a valid policy");
    let call = |count, fails| {
        let start = Instant::now();
        repeat(count, |n, calls| {
            let op = async || match fails {
                true => fail_twice::<Failure>(calls).await,
                false => succeed(n).await,
            };
            let retry = Retry::new(op).config(&config).name("upload");
            drive(pin!(retry.sleep_with(|_| ready(())).run()))
        });
        start.elapsed().as_nanos() as f64 / count as f64
    };
    // The least of each, since other work on the machine only adds.
    let mut least = [f64::INFINITY; 2];
    for _ in 0..ROUNDS {
        for (least, fails) in least.iter_mut().zip([true, false]) {
            *least = least.min(call(CALLS, fails));
        }
    }
    (least[0] - least[1]) / 2.0
}

/// A success without and with a place for the last response of the service.
fn nanos_of_response() -> [f64; 2] {
    let mut least = [f64::INFINITY; 2];
    let mut measure = |which: usize, call: &mut dyn FnMut(u64)| {
        let start = Instant::now();
        (0..CALLS).for_each(&mut *call);
        let nanos = start.elapsed().as_nanos() as f64 / CALLS as f64;
        least[which] = least[which].min(nanos);
    };
    for _ in 0..ROUNDS * 5 {
        measure(0, &mut |n| {
            let _ = black_box(drive(pin!(succeed::<Failure>(n))));
        });
        measure(1, &mut |n| {
            let _ = black_box(drive(pin!(last_response(succeed::<Failure>(n)))));
        });
    }
    least
}

tokio::task_local! {
    static RESPONSE: RefCell<Option<HttpFailure>>;
}

async fn last_response<T>(attempt: impl Future<Output = T>) -> (T, Option<HttpFailure>) {
    let scope = RESPONSE.scope(RefCell::default(), attempt);
    let mut scope = pin!(scope);
    let result = scope.as_mut().await;
    (result, scope.take_value().and_then(RefCell::into_inner))
}

/// A recorder as exporters have one: atomics in a registry.
struct Atomics(Registry<Key, AtomicStorage>);

impl Recorder for Atomics {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.0
            .get_or_create_counter(key, |counter| Counter::from_arc(Arc::clone(counter)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.0
            .get_or_create_gauge(key, |gauge| Gauge::from_arc(Arc::clone(gauge)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.0
            .get_or_create_histogram(key, |samples| Histogram::from_arc(Arc::clone(samples)))
    }
}

const ROUNDS: usize = 41;
const CALLS: u64 = 2000;

/// What one failed attempt may cost.
const LIMIT: Duration = Duration::from_micros(2);
