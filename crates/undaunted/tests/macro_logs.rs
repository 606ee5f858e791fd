//! What a function with `#[retry]` is called in the logs.

#![cfg(all(feature = "macros", feature = "tokio", feature = "tracing"))]
// Helpers of tests may panic.
#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;
use undaunted::{Pacer, Retry, RetryConfig, StorageError, StorageErrorKind, retry, with_retry};

#[retry(jitter = "none", name = "upload")]
async fn named() -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "Connection timed out",
    ))
}

#[retry(jitter = "none", max_retries = 1)]
async fn by_its_own_name() -> io::Result<()> {
    Err(io::ErrorKind::TimedOut.into())
}

#[retry(config = QUICK, name = "put")]
async fn with_config() -> io::Result<()> {
    Err(io::ErrorKind::TimedOut.into())
}

#[retry(config = QUICK)]
fn r#move() -> io::Result<()> {
    Err(io::ErrorKind::TimedOut.into())
}

#[retry(base_delay = 0, max_retries = 1, name = "blocking put")]
fn blocking() -> io::Result<()> {
    Err(io::ErrorKind::TimedOut.into())
}

fn without_attribute() -> std::future::Ready<io::Result<()>> {
    std::future::ready(Err(io::ErrorKind::TimedOut.into()))
}

const QUICK: RetryConfig = match RetryConfig::builder()
    .max_retries(1)
    .base_delay(Duration::ZERO)
    .build()
{
    Ok(config) => config,
    Err(_) => panic!(),
};

#[tokio::test(start_paused = true)]
async fn the_lines_are_the_documented_ones() {
    let log = Log::default();
    let _guard = log.install();
    named().await.unwrap_err();
    assert_eq!(
        log.lines(),
        [
            " WARN undaunted::retry: Retry attempt 1/3 for upload after 1.00s: Connection timed out",
            " WARN undaunted::retry: Retry attempt 2/3 for upload after 2.00s: Connection timed out",
            " WARN undaunted::retry: Retry attempt 3/3 for upload after 4.00s: Connection timed out",
            "ERROR undaunted::retry: All 3 retries exhausted for upload",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_function_has_its_own_name_unless_told() {
    let log = Log::default();
    let _guard = log.install();
    by_its_own_name().await.unwrap_err();
    with_config().await.unwrap_err();
    r#move().unwrap_err();
    blocking().unwrap_err();
    with_retry(without_attribute, &QUICK).await.unwrap_err();
    let gave_up: Vec<String> = log
        .lines()
        .into_iter()
        .filter_map(|line| Some(line.split_once("exhausted for ")?.1.to_owned()))
        .collect();
    assert_eq!(
        gave_up,
        [
            "by_its_own_name",
            "put",
            "move",
            "blocking put",
            "without_attribute"
        ]
    );
}

/// The first throttled response begins the pacing, and the call that finds that it is over ends it.
#[tokio::test(start_paused = true)]
async fn it_is_said_when_pacing_begins_and_ends() {
    let log = Log::default();
    let _guard = log.install();
    let pacer = Pacer::new();
    let config = RetryConfig::storage();
    let throttled = StorageError::new(StorageErrorKind::RateLimited { retry_after: None });
    let mut outcomes = vec![Ok(()), Ok(()), Err(throttled)];
    for wait in [0, 60] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        let call = Retry::new(|| std::future::ready(outcomes.pop().unwrap()));
        let call = call.config(&config).pacer(&pacer).name("get");
        call.run().await.unwrap();
    }
    let lines: Vec<String> = log.lines();
    let of_pacing: Vec<&String> = lines.iter().filter(|line| line.contains("paced")).collect();
    assert_eq!(
        of_pacing,
        [
            " WARN undaunted::retry: get is throttled: requests to this service are paced from now on",
            " INFO undaunted::retry: Throttling has ended: requests to this service are no longer paced",
        ]
    );
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn install(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_writer(self.clone())
            .without_time()
            .with_ansi(false)
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// The lines, without their fields and the spans that they are within.
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .map(|line| line.split(" operation=").next().unwrap_or(line))
            .map(|line| match line.split_once("}: undaunted::retry: ") {
                Some((spans, text)) => format!("{} undaunted::retry: {text}", &spans[..LEVEL]),
                None => line.to_owned(),
            })
            .collect()
    }
}

/// The width of a line's level.
const LEVEL: usize = 5;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
