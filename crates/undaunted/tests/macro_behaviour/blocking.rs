//! Functions that are not async.

use std::io;
use std::time::Duration;

use undaunted::{RetryConfig, retry};

use crate::Flaky;

#[retry(base_delay = "0s")]
fn read(flaky: &Flaky, mut path: String, (a, _b): (u32, u32)) -> io::Result<String> {
    path.push('!');
    let calls = flaky.call()?;
    Ok(format!("{path}{}", calls + a))
}

#[retry(base_delay = 0)]
fn borrowed<'a>(flaky: &Flaky, out: &mut Vec<u32>, name: &'a str) -> io::Result<&'a str> {
    // Moves the reference, as a generic function would.
    let log = out;
    log.push(flaky.calls());
    if flaky.calls() == 1 {
        return Err(flaky.call().unwrap_err());
    }
    flaky.call()?;
    Ok(name)
}

struct Client {
    log: Vec<u32>,
}

impl Client {
    #[retry(base_delay = "0s")]
    fn shared(&self, flaky: &Flaky) -> io::Result<&[u32]> {
        flaky.call()?;
        Ok(&self.log)
    }

    #[retry(base_delay = "0s")]
    fn exclusive<T: Into<u32> + Clone>(&mut self, flaky: &Flaky, item: T) -> io::Result<usize> {
        self.log.push(item.into());
        flaky.call()?;
        Ok(self.log.len())
    }
}

/// Twice as long as it may take, if it were async.
#[retry(config = RetryConfig::builder().attempt_timeout(Some(Duration::from_secs(1))).build().unwrap())]
fn refused(flaky: &Flaky) -> io::Result<u32> {
    flaky.call()
}

#[test]
fn functions() {
    let result = read(&Flaky::new(2), "path".to_owned(), (10, 0));
    assert_eq!(result.unwrap(), "path!13");
    let mut out = Vec::new();
    assert_eq!(borrowed(&Flaky::new(3), &mut out, "name").unwrap(), "name");
    assert_eq!(out, [0, 1, 2, 3]);
}

#[test]
fn methods() {
    let mut client = Client { log: vec![] };
    assert_eq!(client.exclusive(&Flaky::new(2), 7_u8).unwrap(), 3);
    assert_eq!(client.shared(&Flaky::new(2)).unwrap(), [7, 7, 7]);
}

#[test]
fn waits_on_the_thread() {
    #[retry(base_delay = "20ms", jitter = "none", max_retries = 1)]
    fn waits(flaky: &Flaky) -> io::Result<u32> {
        flaky.call()
    }
    let start = std::time::Instant::now();
    assert_eq!(waits(&Flaky::new(1)).unwrap(), 2);
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_limit_that_cannot_be_kept_is_refused() {
    let flaky = Flaky::new(0);
    let error = refused(&flaky).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    assert_eq!(flaky.calls(), 0);
}
