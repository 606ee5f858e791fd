//! How often, how long, what comes back.

use std::cell::RefCell;
use std::io;

use tokio::time::Instant;
use undaunted::{
    Retry, RetryConfig, StopReason, StorageError, StorageErrorKind, TimedOut, Verdict, with_retry,
    with_retry_mut,
};

use crate::support::{Flaky, missing, plain, reset, secs};

#[tokio::test(start_paused = true)]
async fn three_retries_wait_one_two_and_four_seconds() {
    let flaky = Flaky::failing(3);
    let config = plain().build().unwrap();
    let start = Instant::now();
    let result = with_retry(|| async { flaky.call() }, &config).await;
    assert_eq!(result.unwrap(), 4);
    assert_eq!(start.elapsed(), secs(7));
}

#[tokio::test(start_paused = true)]
async fn the_fifth_failure_never_happens() {
    let flaky = Flaky::failing(u32::MAX);
    let result = with_retry(|| async { flaky.call() }, &RetryConfig::default()).await;
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(flaky.attempts(), 4);
}

#[tokio::test(start_paused = true)]
async fn no_retries_means_one_attempt() {
    let flaky = Flaky::failing(u32::MAX);
    let config = plain().max_retries(0).build().unwrap();
    let start = Instant::now();
    with_retry(|| async { flaky.call() }, &config)
        .await
        .unwrap_err();
    assert_eq!((flaky.attempts(), start.elapsed()), (1, secs(0)));
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_comes_back_at_once_and_unchanged() {
    #[derive(Debug, PartialEq)]
    struct Payload(Box<u8>);
    impl std::fmt::Display for Payload {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{}", self.0)
        }
    }
    impl undaunted::Retryable for Payload {
        fn verdict(&self) -> Verdict {
            Verdict::Permanent
        }
        fn timed_out(_: TimedOut) -> Self {
            Self(Box::new(0))
        }
    }

    let payload = Box::new(7);
    let address = &raw const *payload;
    let error = RefCell::new(Some(Payload(payload)));
    let start = Instant::now();
    let result: Result<(), _> = with_retry(
        || async { Err(error.borrow_mut().take().unwrap()) },
        &RetryConfig::default(),
    )
    .await;
    let returned = result.unwrap_err();
    assert_eq!(&raw const *returned.0, address, "the very same error");
    assert_eq!(start.elapsed(), secs(0));
}

#[tokio::test(start_paused = true)]
async fn the_operation_is_called_only_after_the_wait() {
    let calls = RefCell::new(Vec::new());
    let start = Instant::now();
    let config = plain().build().unwrap();
    let _ = with_retry(
        || {
            // In the closure and not in its future: that, too, must wait.
            calls.borrow_mut().push(start.elapsed());
            async { Err::<(), _>(reset()) }
        },
        &config,
    )
    .await;
    assert_eq!(*calls.borrow(), [0, 1, 3, 7].map(secs));
}

#[tokio::test(start_paused = true)]
async fn a_mutable_closure_has_a_door_of_its_own() {
    let mut seen = Vec::new();
    let config = plain().build().unwrap();
    let result = with_retry_mut(
        async || {
            seen.push(seen.len());
            if seen.len() < 3 { Err(reset()) } else { Ok(()) }
        },
        &config,
    )
    .await;
    result.unwrap();
    assert_eq!(seen, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_waited_for_and_spread_upwards() {
    let hinted = |retry_after| {
        StorageError::new(StorageErrorKind::RateLimited {
            retry_after: Some(secs(retry_after)),
        })
    };
    let (result, report) = Retry::new(|| async { Err::<(), _>(hinted(30)) })
        .run_with_report()
        .await;
    result.unwrap_err();
    assert_eq!(report.delays().len(), 3, "a hint adds no attempts");
    for delay in report.delays() {
        assert!((secs(30)..=secs(38)).contains(delay), "{delay:?}");
    }
    let (_, report) = Retry::new(|| async { Err::<(), _>(hinted(3600)) })
        .run_with_report()
        .await;
    assert_eq!(report.attempts(), 1);
    assert_eq!(report.stop_reason(), Some(StopReason::RetryAfterTooLong));
    assert_eq!(report.elapsed(), secs(0));
}

#[tokio::test(start_paused = true)]
async fn a_predicate_overrides_the_verdict_in_both_directions() {
    let flaky = Flaky::failing(u32::MAX);
    let never = Retry::new(|| async { flaky.call() }).when(|_| false).run();
    never.await.unwrap_err();
    assert_eq!(flaky.attempts(), 1);

    let attempts = RefCell::new(0);
    let call = Retry::new(|| async {
        *attempts.borrow_mut() += 1;
        Err::<(), _>(missing())
    })
    .when(|error| error.kind() == io::ErrorKind::NotFound)
    .run();
    call.await.unwrap_err();
    assert_eq!(*attempts.borrow(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_error_without_a_verdict_gets_one() {
    let attempts = RefCell::new(0);
    let call = Retry::new(|| async {
        *attempts.borrow_mut() += 1;
        Err::<(), String>("busy".to_owned())
    })
    .classify(
        |error| {
            if error == "busy" {
                Verdict::THROTTLED
            } else {
                Verdict::Permanent
            }
        },
        |timed_out| timed_out.to_string(),
    )
    .run();
    assert_eq!(call.await, Err("busy".to_owned()));
    assert_eq!(*attempts.borrow(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_seed_repeats_the_waits_and_calls_share_none() {
    let waits = |seed: Option<u64>| async move {
        let mut retry = Retry::new(|| async { Err::<(), _>(reset()) });
        if let Some(seed) = seed {
            retry = retry.seed(seed);
        }
        retry.run_with_report().await.1.delays().to_vec()
    };
    assert_eq!(waits(Some(7)).await, waits(Some(7)).await);
    assert_ne!(waits(Some(7)).await, waits(Some(8)).await);
    assert_ne!(waits(None).await, waits(None).await);
}

#[tokio::test(start_paused = true)]
async fn the_report_keeps_the_first_and_the_last_failures() {
    let config = plain().max_retries(99).base_delay(secs(0)).build().unwrap();
    let counter = RefCell::new(0);
    let (_, report) = Retry::new(|| async {
        *counter.borrow_mut() += 1;
        Err::<(), _>(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("failure {}", counter.borrow()),
        ))
    })
    .config(&config)
    .run_with_report()
    .await;
    assert_eq!(report.attempts(), 100);
    assert_eq!(report.delays().len(), 99);
    let kept: Vec<u32> = report.failures().iter().map(|f| f.attempt).collect();
    let expected: Vec<u32> = (1..=8).chain(93..=100).collect();
    assert_eq!(kept, expected);
    assert_eq!(report.failures()[15].error, "failure 100");
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_budget_makes_all_its_retries() {
    let config = plain().max_retries(100).base_delay(secs(0));
    let config = config.build().unwrap();
    let flaky = Flaky::failing(100);
    let call = with_retry(|| async { flaky.call() }, &config);
    assert_eq!(call.await.unwrap(), 101);
}
