//! `budget = EXPR`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use undaunted::{RetryBudget, RetryConfig, retry};

use crate::Flaky;

static SMALL: RetryBudget = RetryBudget::with_capacity_and_refill(30, 0);

#[retry(budget = SMALL, max_retries = 10)]
async fn of_static(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

struct Client {
    budget: RetryBudget,
    shared: Arc<RetryBudget>,
    config: RetryConfig,
    attempts: u32,
}

impl Client {
    #[retry(budget = &self.budget, config = self.config)]
    async fn borrowed(&self, flaky: &Flaky) -> io::Result<u32> {
        flaky.call()
    }

    #[retry(budget = self.shared, config = self.config)]
    async fn exclusive(&mut self, flaky: &Flaky) -> io::Result<u32> {
        self.attempts += 1;
        flaky.call()
    }

    #[retry(budget = self.shared, base_delay = 0)]
    fn blocking(&self, flaky: &Flaky) -> io::Result<u32> {
        flaky.call()
    }

    #[retry(budget = self.shared, config = self.config)]
    fn refused(&self, flaky: &Flaky) -> io::Result<u32> {
        flaky.call()
    }
}

#[tokio::test(start_paused = true)]
async fn retries_are_paid_for() {
    // Two retries at 14 tokens each.
    let flaky = Flaky::new(u32::MAX);
    of_static(&flaky).await.unwrap_err();
    assert_eq!(flaky.calls(), 3);
    assert_eq!(SMALL.tokens(), 2);

    let mut client = Client {
        budget: RetryBudget::with_capacity_and_refill(14, 0),
        shared: Arc::new(RetryBudget::with_capacity_and_refill(28, 0)),
        config: RetryConfig::default(),
        attempts: 0,
    };
    let flaky = Flaky::new(u32::MAX);
    client.borrowed(&flaky).await.unwrap_err();
    assert_eq!(flaky.calls(), 2);
    client.exclusive(&Flaky::new(u32::MAX)).await.unwrap_err();
    assert_eq!(client.attempts, 3);
    let flaky = Flaky::new(u32::MAX);
    client.blocking(&flaky).unwrap_err();
    assert_eq!(flaky.calls(), 1);
    client.config = client
        .config
        .to_builder()
        .attempt_timeout(Some(Duration::from_secs(1)))
        .build()
        .unwrap();
    let flaky = Flaky::new(0);
    assert_eq!(
        client.refused(&flaky).unwrap_err().kind(),
        io::ErrorKind::InvalidInput
    );
    assert_eq!(flaky.calls(), 0);
}
