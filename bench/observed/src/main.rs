//! What one failed attempt costs that is seen: by nobody, by a log subscriber, and by a metrics
//! recorder too. A retry waits for milliseconds, so what may be added to that is a bound and
//! no gate: [`LIMIT`].

use std::future::ready;
use std::hint::black_box;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gate::measure::median;
use gate::{Failure, drive, fail_twice, repeat, succeed};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::registry::{AtomicStorage, Registry};
use undaunted::{Jitter, Retry, RetryConfig};

fn main() {
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
    let samples = (0..ROUNDS).map(|_| {
        let (failing, succeeding) = (call(CALLS, true), call(CALLS, false));
        (failing - succeeding) / 2.0
    });
    median(black_box(samples.collect()))
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
