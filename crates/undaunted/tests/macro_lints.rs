//! The expansion is free of warnings wherever the function is: run `cargo clippy` on this.

#![cfg(all(feature = "macros", feature = "tokio"))]
#![deny(warnings, clippy::pedantic, clippy::panic, clippy::unwrap_used)]
#![deny(
    unused,
    unreachable_pub,
    unused_qualifications,
    unused_lifetimes,
    single_use_lifetimes
)]
#![forbid(unsafe_code)]

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use undaunted::{RetryBudget, RetryConfig, retry};

static CONFIG: RetryConfig = RetryConfig::storage();
static BUDGET: RetryBudget = RetryBudget::new();

#[retry]
async fn simple(key: &str) -> io::Result<usize> {
    Ok(key.len())
}

#[retry(max_retries = 5, base_delay = "500ms", jitter = "full", attempt_timeout = 2, budget = BUDGET)]
async fn options(key: &str) -> io::Result<usize> {
    tokio::task::yield_now().await;
    Ok(key.len())
}

#[retry(config = CONFIG)]
async fn values(number: u32, text: String, flag: bool, list: Vec<u8>) -> io::Result<String> {
    if flag {
        return Ok(text);
    }
    Ok(format!("{number} {list:?}"))
}

#[retry(config = &CONFIG, budget = &BUDGET)]
async fn patterns(
    (a, mut list): (u8, Vec<u8>),
    Pair { left, .. }: Pair,
    mut rest: &[u8],
    mut count: u32,
    _: String,
    _unused: String,
) -> io::Result<Vec<u8>> {
    list.push(a);
    count += 1;
    rest = rest.get(count as usize..).unwrap_or_default();
    list.extend(left);
    list.extend(rest);
    Ok(list)
}

#[derive(Clone, Debug)]
struct Pair {
    left: Vec<u8>,
    right: Vec<u8>,
}

#[retry]
async fn exclusive(out: &mut Vec<u8>, mut window: &mut [u8]) -> io::Result<usize> {
    out.push(1);
    if let [_, tail @ ..] = window {
        window = tail;
    }
    Ok(window.len())
}

#[retry]
async fn generic<'a, T>(
    first: &'a T,
    second: &'a T,
    pick: impl Fn(&T) -> bool + Clone,
) -> io::Result<&'a T>
where
    T: Debug,
{
    if pick(first) { Ok(first) } else { Ok(second) }
}

#[retry]
async fn unfinished() -> io::Result<()> {
    loop {
        tokio::task::yield_now().await;
    }
}

#[retry]
async fn always_fails() -> io::Result<()> {
    Err(io::ErrorKind::NotFound.into())
}

#[retry]
async fn one_expression() -> io::Result<()> {
    Ok(())
}

// Where braces could seem unnecessary.
#[rustfmt::skip]
#[retry]
async fn on_one_line() -> io::Result<()> { Ok(()) }

#[rustfmt::skip]
#[retry]
fn blocking_on_one_line() -> io::Result<()> { Ok(()) }

#[retry]
async fn with_items() -> io::Result<u32> {
    const LOCAL: u32 = 1;
    fn double(number: u32) -> u32 {
        2 * number
    }
    Ok(double(LOCAL))
}

#[retry]
async fn inner_attributes() -> io::Result<u32> {
    #![allow(clippy::let_and_return)]
    let name = Ok(1);
    name
}

#[retry(base_delay = 0)]
fn blocking(mut path: String, (a, b): (u32, u32), _unused: u8) -> io::Result<String> {
    path.push('!');
    let length = std::fs::read(&path)?.len();
    Ok(format!("{path} {length} {a} {b}"))
}

#[retry(base_delay = 0, budget = BUDGET)]
fn blocking_with_budget(path: String) -> io::Result<Vec<u8>> {
    std::fs::read(&path)
}

#[derive(Debug)]
struct Client {
    config: RetryConfig,
    budget: Arc<RetryBudget>,
    log: Vec<String>,
}

impl Client {
    #[retry(config = self.config, budget = self.budget)]
    async fn shared(&self, line: String) -> io::Result<&str> {
        if line.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.log
            .first()
            .map(String::as_str)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    #[retry(config = self.config, budget = self.budget)]
    async fn exclusive(&mut self, line: String) -> io::Result<()> {
        self.log.push(line);
        Ok(())
    }

    #[retry(config = self.config)]
    fn blocking(&mut self, line: String) -> io::Result<()> {
        self.log.push(line);
        Ok(())
    }

    #[retry]
    async fn unused_self(&self, data: Vec<u8>) -> io::Result<Vec<u8>> {
        tokio::task::yield_now().await;
        Ok([data, self.log.concat().into_bytes()].concat())
    }
}

/// The functions are used, or they would be dead code.
#[tokio::test(start_paused = true)]
async fn they_run() -> io::Result<()> {
    simple("key").await?;
    options("key").await?;
    values(1, String::new(), false, vec![]).await?;
    let pair = Pair {
        left: vec![],
        right: vec![],
    };
    assert!(pair.right.is_empty());
    patterns((1, vec![]), pair, &[], 0, String::new(), String::new()).await?;
    exclusive(&mut vec![], &mut []).await?;
    generic(&1, &2, |number| *number == 1).await?;
    drop(unfinished());
    assert!(always_fails().await.is_err());
    one_expression().await?;
    on_one_line().await?;
    blocking_on_one_line()?;
    with_items().await?;
    inner_attributes().await?;
    assert!(blocking("none".to_owned(), (1, 2), 3).is_err());
    assert!(blocking_with_budget("none".to_owned()).is_err());
    let mut client = Client {
        config: RetryConfig::default(),
        budget: Arc::new(RetryBudget::new()),
        log: vec![],
    };
    client.exclusive("line".to_owned()).await?;
    client.blocking("line".to_owned())?;
    client.shared("line".to_owned()).await?;
    client.unused_self(vec![]).await?;
    Ok(())
}
