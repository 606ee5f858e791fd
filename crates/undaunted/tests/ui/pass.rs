//! Every option in every form, on every kind of function that can have it.

#![deny(warnings)]

use std::io;
use undaunted::{RetryBudget, RetryConfig, retry};

static CONFIG: RetryConfig = RetryConfig::background();
static BUDGET: RetryBudget = RetryBudget::new();

#[retry]
async fn plain() -> io::Result<()> {
    Ok(())
}

#[retry(
    max_retries = 5,
    base_delay = "500ms",
    max_delay = "30s",
    exponential_base = 1.5,
    jitter = 0.25,
    throttled_base_delay = "1s 500ms",
    total_timeout = "2m",
    attempt_timeout = 10,
    max_retry_after = "5m",
    name = "upload",
    budget = BUDGET,
)]
async fn all_options() -> io::Result<()> {
    Ok(())
}

#[retry(max_retries = 4_294_967_295, base_delay = 0, max_delay = 0.5, exponential_base = 1, jitter = 1)]
async fn edges() -> io::Result<()> {
    Ok(())
}

#[retry(config = CONFIG, name = "upload")]
fn blocking() -> io::Result<()> {
    Ok(())
}

#[retry(config = RetryConfig::storage())]
pub(crate) async unsafe fn unsafe_one() -> io::Result<()> {
    Ok(())
}

struct Client;

impl Client {
    #[retry]
    async fn shared(&self) -> io::Result<&str> {
        Ok("ok")
    }

    #[retry]
    async fn exclusive(&mut self, key: &str) -> io::Result<String> {
        Ok(key.to_owned())
    }
}

fn main() {
    let _ = (plain(), all_options(), edges(), Client.shared(), Client.exclusive(""));
    let _ = unsafe { unsafe_one() };
    blocking().unwrap();
}
