//! The warning of retries within retries, as a subscriber sees it.
#![cfg(all(feature = "tokio", feature = "tracing"))]
#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;
use undaunted::{Retry, RetryConfig, one_attempt};

/// Collects what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn of_nesting(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text
            .lines()
            .filter(|line| line.contains("within a retry of"));
        lines.map(str::to_owned).collect()
    }
}

async fn fail(name: &str) -> io::Result<()> {
    Retry::new(|| async { Err(io::ErrorKind::ConnectionReset.into()) })
        .name(name)
        .run()
        .await
}

/// Keeps what is logged until the guard is dropped.
fn logged() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_ansi(false)
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

/// Attempts multiply only where the call around has to repeat its own.
#[tokio::test(start_paused = true)]
async fn a_retry_within_a_first_attempt_is_not_warned_of() {
    let (lines, _guard) = logged();
    let outer = Retry::new(|| async {
        fail("part").await.unwrap_err();
        Ok::<_, io::Error>(())
    });
    outer.name("whole").run().await.unwrap();
    assert_eq!(lines.of_nesting(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_within_a_retry_is_warned_of_once_for_each_pair() {
    let (lines, _guard) = logged();
    let config = RetryConfig::builder().max_retries(2).build().unwrap();

    // One layer is none of its business, and neither are calls one after another.
    fail("alone").await.unwrap_err();
    fail("after").await.unwrap_err();
    assert_eq!(lines.of_nesting(), [""; 0]);

    for _ in 0..2 {
        let outer = Retry::new(|| fail("put")).config(&config).name("upload");
        outer.run().await.unwrap_err();
    }
    let warned = lines.of_nesting();
    assert_eq!(warned.len(), 1, "{warned:?}");
    let text = "put is retried within a retry of upload: up to 4 attempts for each of 3. Retry in \
                one of the two, or put undaunted::one_attempt around put";
    assert!(warned[0].contains(text), "{warned:?}");
    assert!(warned[0].contains("WARN"), "{warned:?}");

    let outer = Retry::new(|| fail("get")).config(&config).name("download");
    outer.run().await.unwrap_err();
    assert_eq!(lines.of_nesting().len(), 2);
    // What makes one attempt does not multiply.
    let outer = Retry::new(|| one_attempt(fail("head"))).config(&config);
    outer.name("check").run().await.unwrap_err();
    assert_eq!(lines.of_nesting().len(), 2);
}
