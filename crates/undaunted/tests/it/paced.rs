//! Calls that share a pacer, in every driver.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, advance, sleep};
use undaunted::{
    AttemptOutcome, Pacer, Retry, RetryBudget, RetryConfig, Session, StopReason, StorageError,
    StorageErrorKind, blocking,
};

use crate::support::secs;

/// A service that takes 100 requests a second, and 100 at once.
struct Service {
    tokens: f64,
    seen: Instant,
    requests: u32,
}

impl Service {
    fn new() -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            tokens: 100.0,
            seen: Instant::now(),
            requests: 0,
        }))
    }

    fn admit(&mut self) -> Result<(), StorageError> {
        let now = Instant::now();
        let refill = (now - self.seen).as_secs_f64() * 100.0;
        self.tokens = (self.tokens + refill).min(100.0);
        self.seen = now;
        self.requests += 1;
        if self.tokens < 1.0 {
            return Err(throttled());
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

fn throttled() -> StorageError {
    StorageError::new(StorageErrorKind::RateLimited { retry_after: None })
}

async fn request(service: &Rc<RefCell<Service>>) -> Result<(), StorageError> {
    sleep(Duration::from_millis(5)).await;
    service.borrow_mut().admit()
}

/// One call of so many at the same moment; the result is the error, if it failed.
async fn crowd<F, Fut>(calls: u32, call: F) -> Vec<StorageError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), StorageError>>,
{
    let results = join_all((0..calls).map(|_| call())).await;
    results.into_iter().filter_map(Result::err).collect()
}

/// A call whose clock starts at its first failure, as those of stores.
async fn in_session<Fut>(
    config: &RetryConfig,
    pacer: &Pacer,
    request: impl Fn() -> Fut,
) -> Result<(), StorageError>
where
    Fut: Future<Output = Result<(), StorageError>>,
{
    let mut session = Session::paced(config, Some(pacer)).clock_starts_at_failure();
    loop {
        match session.attempt(request()).await {
            Ok(()) => return Ok(()),
            Err(error) => session.failed(error).await?,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_calls_is_served_and_the_budget_stays_full() {
    let config = RetryConfig::storage();
    let (pacer, budget, service) = (Pacer::new(), RetryBudget::new(), Service::new());
    let start = Instant::now();
    let failed = crowd(500, || {
        Retry::new(|| request(&service))
            .config(&config)
            .budget(&budget)
            .pacer(&pacer)
            .run()
    })
    .await;
    assert!(failed.is_empty(), "{} failed: {}", failed.len(), failed[0]);
    let requests = service.borrow().requests;
    assert!(requests <= 1050, "{requests}");
    assert!(start.elapsed() <= secs(7), "{:?}", start.elapsed());
    assert_eq!(budget.tokens(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_sessions_is_served() {
    let config = RetryConfig::storage();
    let (pacer, service) = (Pacer::new(), Service::new());
    let failed = crowd(500, || in_session(&config, &pacer, || request(&service))).await;
    assert!(failed.is_empty());
    assert!(service.borrow().requests <= 1050);
}

#[tokio::test(start_paused = true)]
async fn without_a_pacer_most_of_the_crowd_fails() {
    let config = RetryConfig::storage();
    let (budget, service) = (RetryBudget::new(), Service::new());
    let failed = crowd(500, || {
        Retry::new(|| request(&service))
            .config(&config)
            .budget(&budget)
            .run()
    })
    .await;
    assert!(failed.len() > 200, "{}", failed.len());
}

/// A pacer of a service that refuses everything, with so many calls in its queue.
fn jammed(pacer: &Pacer) {
    let now = Instant::now().into_std();
    for _ in 0..200 {
        undaunted::Turn::new(pacer).throttled(now);
    }
}

#[tokio::test(start_paused = true)]
async fn total_timeout_ends_the_wait_for_a_turn() {
    let pacer = Pacer::new();
    jammed(&pacer);
    let config = RetryConfig::builder()
        .total_timeout(Some(Duration::from_millis(20)))
        .build()
        .unwrap();
    let attempts = RefCell::new(0);
    let start = Instant::now();
    let (result, report) = Retry::new(|| async {
        *attempts.borrow_mut() += 1;
        Err::<(), _>(throttled())
    })
    .config(&config)
    .pacer(&pacer)
    .run_with_report()
    .await;
    assert!(result.is_err());
    assert_eq!(report.stop_reason(), Some(StopReason::DeadlineExceeded));
    assert!(
        start.elapsed() <= Duration::from_millis(21),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(*attempts.borrow(), 0, "its turn comes after 50 ms");
    assert_eq!(report.queued(), Duration::from_millis(20));
    assert_eq!(pacer.waiting(), 0, "its place is free");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_starts_at_failure_stands_still_while_others_are_served() {
    let config = RetryConfig::builder()
        .max_retries(30)
        .total_timeout(Some(secs(2)))
        .build()
        .unwrap();
    let (pacer, service) = (Pacer::new(), Service::new());
    let start = Instant::now();
    let failed = crowd(1000, || in_session(&config, &pacer, || request(&service))).await;
    assert!(start.elapsed() > secs(8));
    assert!(failed.is_empty(), "{} failed: {}", failed.len(), failed[0]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_starts_at_failure_ends_the_wait_once_nobody_is_served() {
    let config = RetryConfig::builder()
        .max_retries(1000)
        .total_timeout(Some(secs(10)))
        .build()
        .unwrap();
    let pacer = Pacer::new();
    let start = Instant::now();
    let failed = crowd(300, || {
        in_session(&config, &pacer, || async { Err(throttled()) })
    })
    .await;
    assert_eq!(failed.len(), 300);
    assert!(start.elapsed() <= secs(25), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_in_the_queue_frees_its_place() {
    let config = RetryConfig::storage();
    let pacer = Pacer::new();
    jammed(&pacer);
    {
        let mut call = pin!(
            Retry::new(|| async { Ok::<_, StorageError>(()) })
                .config(&config)
                .pacer(&pacer)
                .run()
        );
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(call.as_mut().poll(&mut cx), Poll::Pending));
        assert_eq!(pacer.waiting(), 1);
    }
    assert_eq!(pacer.waiting(), 0);
    advance(secs(60)).await;
    assert_eq!(pacer.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn events_and_reports_tell_of_the_queue() {
    let config = RetryConfig::storage();
    let pacer = Pacer::new();
    let outcomes = RefCell::new(vec![Ok(()), Err(throttled())]);
    let lines = RefCell::new(Vec::new());
    let (result, report) = Retry::new(|| {
        let outcome = outcomes.borrow_mut().pop();
        async move { outcome.unwrap() }
    })
    .config(&config)
    .name("get")
    .pacer(&pacer)
    .on_event(|event| {
        lines.borrow_mut().push(event.to_string());
        assert!(event.pace.is_some());
        let has_waited = matches!(event.outcome, AttemptOutcome::Succeeded);
        assert_eq!(!event.queued.is_zero(), has_waited);
    })
    .run_with_report()
    .await;
    assert!(result.is_ok());
    assert_eq!(report.attempts(), 2);
    assert_eq!(report.delays(), [Duration::ZERO]);
    assert_eq!(report.queued(), report.elapsed());
    assert!(!report.queued().is_zero());
    let lines = lines.into_inner();
    assert!(
        lines[0].starts_with("Retry attempt 1/10 for get when its turn comes: "),
        "{}",
        lines[0]
    );
}

#[test]
fn a_blocking_call_waits_for_its_turn() {
    let config = RetryConfig::storage();
    let pacer = Pacer::new();
    let mut outcomes = vec![Ok(()), Err(throttled())];
    let mut waits = Vec::new();
    let result = blocking::Retry::new(|_| outcomes.pop().unwrap())
        .config(&config)
        .pacer(&pacer)
        .sleep_with(|delay| {
            waits.push(delay);
            std::thread::sleep(delay);
        })
        .run();
    assert!(result.is_ok());
    assert_eq!(waits.len(), 1, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_counts_as_taken() {
    let config = RetryConfig::storage();
    let pacer = Pacer::new();
    jammed(&pacer);
    let before = pacer.rate().unwrap();
    for _ in 0..20 {
        let missing = || async { Err::<(), _>(StorageError::new(StorageErrorKind::NotFound)) };
        let call = Retry::new(missing).config(&config).pacer(&pacer);
        assert!(call.run().await.is_err());
    }
    assert!(pacer.rate().unwrap() > before);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_cut_tells_the_pacer_nothing() {
    let config = RetryConfig::builder()
        .base_delay(Duration::from_millis(1))
        .total_timeout(Some(secs(1)))
        .build()
        .unwrap();
    let pacer = Pacer::new();
    let attempts = RefCell::new(0);
    let call = Retry::new(|| {
        *attempts.borrow_mut() += 1;
        let is_first = *attempts.borrow() == 1;
        async move {
            if !is_first {
                sleep(secs(3600)).await;
            }
            Err::<(), _>(throttled())
        }
    });
    assert!(call.config(&config).pacer(&pacer).run().await.is_err());
    assert_eq!(*attempts.borrow(), 2);
    assert_eq!(
        pacer.rate(),
        Some(20.0),
        "the second was cut, and not throttled"
    );
}

#[tokio::test(start_paused = true)]
async fn the_wait_of_one_attempt_is_not_counted_for_the_next() {
    let config = RetryConfig::storage();
    let pacer = Pacer::new();
    let outcomes = RefCell::new(vec![
        Ok(()),
        Err(StorageError::new(StorageErrorKind::Connection)),
        Err(throttled()),
    ]);
    let call = Retry::new(|| {
        let outcome = outcomes.borrow_mut().pop();
        async move {
            if matches!(outcome, Some(Err(_))) {
                // Long enough for the pacer to let go.
                sleep(secs(20)).await;
            }
            outcome.unwrap()
        }
    });
    let (result, report) = call.config(&config).pacer(&pacer).run_with_report().await;
    assert!(result.is_ok());
    assert_eq!(report.attempts(), 3);
    assert_eq!(report.queued(), Duration::from_millis(50));
}
