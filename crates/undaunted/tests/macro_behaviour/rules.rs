//! `rules = EXPR`.

use std::cell::Cell;
use std::error::Error;
use std::sync::{Arc, LazyLock};

use undaunted::{HttpFailure, Rules, retry};

static LOCKS: LazyLock<Rules> =
    LazyLock::new(|| Rules::builder().retryable_status([423]).build().unwrap());

type Boxed = Box<dyn Error + Send + Sync>;

/// A resource that is locked for the first attempt.
fn locked(attempts: &Cell<u32>) -> Result<u32, HttpFailure> {
    attempts.set(attempts.get() + 1);
    match attempts.get() {
        1 => Err(HttpFailure::new(423)),
        n => Ok(n),
    }
}

#[retry(rules = LOCKS)]
async fn typed(attempts: &Cell<u32>) -> Result<u32, HttpFailure> {
    locked(attempts)
}

#[retry(rules = LOCKS, max_retries = 1, name = "boxed")]
async fn boxed(attempts: &Cell<u32>) -> Result<u32, Boxed> {
    Ok(locked(attempts)?)
}

#[retry(rules = LOCKS, base_delay = 0)]
fn blocking(attempts: &Cell<u32>) -> Result<u32, HttpFailure> {
    locked(attempts)
}

struct Client {
    rules: Arc<Rules>,
    calls: u32,
}

impl Client {
    #[retry(rules = self.rules)]
    async fn exclusive(&mut self, attempts: &Cell<u32>) -> Result<u32, HttpFailure> {
        self.calls += 1;
        locked(attempts)
    }
}

#[tokio::test(start_paused = true)]
async fn rules_decide_in_every_kind_of_function() {
    assert_eq!(typed(&Cell::new(0)).await.unwrap(), 2);
    assert_eq!(boxed(&Cell::new(0)).await.unwrap(), 2);
    assert_eq!(blocking(&Cell::new(0)).unwrap(), 2);
    let rules = Arc::new(LOCKS.clone());
    let mut client = Client { rules, calls: 0 };
    assert_eq!(client.exclusive(&Cell::new(0)).await.unwrap(), 2);
    assert_eq!(client.calls, 2);
}
