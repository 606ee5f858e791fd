//! What a body gives back, and how its errors are judged.

use std::error::Error;
use std::fmt;
use std::io;

use undaunted::{Retryable, StorageError, StorageErrorKind, TimedOut, Verdict, retry};

use crate::Flaky;

#[derive(Debug)]
enum AppError {
    Io(io::Error),
    Parse,
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl From<io::Error> for AppError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<std::num::ParseIntError> for AppError {
    fn from(_: std::num::ParseIntError) -> Self {
        Self::Parse
    }
}

impl Retryable for AppError {
    fn verdict(&self) -> Verdict {
        match self {
            Self::Io(error) => error.verdict(),
            Self::Parse => Verdict::Permanent,
        }
    }

    fn timed_out(timed_out: TimedOut) -> Self {
        Self::Io(io::Error::timed_out(timed_out))
    }
}

#[retry]
async fn question_mark(flaky: &Flaky, text: &str) -> Result<u32, AppError> {
    let calls = flaky.call()?;
    let number: u32 = text.parse()?;
    Ok(calls + number)
}

#[retry]
async fn early(flaky: &Flaky, skip: bool) -> io::Result<u32> {
    if skip {
        return Ok(0);
    }
    match flaky.call() {
        Err(error) => return Err(error),
        Ok(calls) => Ok(calls),
    }
}

#[retry]
async fn converted(flaky: &Flaky) -> Result<Box<dyn fmt::Debug + Send>, AppError> {
    if flaky.calls() == 0 {
        return Err(flaky.call().unwrap_err().into());
    }
    Ok(Box::new(flaky.call()?))
}

#[retry]
async fn collected(flaky: &Flaky) -> io::Result<Vec<u32>> {
    (0..2).map(|_| flaky.call()).collect()
}

#[retry]
async fn storage(flaky: &Flaky, kind: StorageErrorKind) -> Result<(), StorageError> {
    flaky
        .call()
        .map(|_| ())
        .map_err(|error| StorageError::new(kind).with_source(error))
}

#[retry]
async fn boxed(flaky: &Flaky) -> Result<u32, Box<dyn Error + Send + Sync>> {
    Ok(flaky.call()?)
}

#[retry]
async fn diverges() -> io::Result<()> {
    panic!("as it says")
}

#[tokio::test(start_paused = true)]
async fn question_mark_converts() {
    assert_eq!(question_mark(&Flaky::new(2), "39").await.unwrap(), 42);
    let flaky = Flaky::new(1);
    let error = question_mark(&flaky, "x").await.unwrap_err();
    assert!(matches!(error, AppError::Parse));
    assert_eq!(flaky.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn return_ends_an_attempt() {
    assert_eq!(early(&Flaky::new(9), true).await.unwrap(), 0);
    assert_eq!(early(&Flaky::new(2), false).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn types_are_found_as_without_the_attribute() {
    let debug = converted(&Flaky::new(2)).await.unwrap();
    assert_eq!(format!("{debug:?}"), "3");
    assert_eq!(collected(&Flaky::new(1)).await.unwrap(), [2, 3]);
    assert_eq!(boxed(&Flaky::new(1)).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_error_decides() {
    let flaky = Flaky::new(1);
    storage(&flaky, StorageErrorKind::Connection).await.unwrap();
    assert_eq!(flaky.calls(), 2);
    let flaky = Flaky::new(1);
    let error = storage(&flaky, StorageErrorKind::NotFound)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StorageErrorKind::NotFound);
    assert_eq!(flaky.calls(), 1);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "as it says")]
async fn a_panic_is_not_retried() {
    diverges().await.unwrap();
}
