//! What a call takes over from the code around it: deadlines, and that there is to be one attempt.

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use undaunted::{
    Pacer, Retry, RetryBudget, RetryConfig, RetryReport, Retryable, Session, StopReason,
    StorageError, StorageErrorKind, TimedOut, blocking, current_deadline, one_attempt,
    with_deadline, with_retry, without_deadline,
};

use crate::support::{missing, plain, reset, secs};

fn timed_out(error: &io::Error) -> Option<&TimedOut> {
    error.get_ref()?.downcast_ref()
}

fn after(seconds: u64) -> Instant {
    Instant::now() + secs(seconds)
}

/// The time is that of the whole call, and not of the attempt which the deadline cut.
#[tokio::test(start_paused = true)]
async fn the_time_until_the_deadline_counts_from_the_call() {
    let attempts = Cell::new(0);
    let op = || {
        attempts.set(attempts.get() + 1);
        let is_first = attempts.get() == 1;
        async move {
            if is_first {
                return Err(io::Error::from(io::ErrorKind::TimedOut));
            }
            pending().await
        }
    };
    let config = plain().max_retries(1).build().unwrap();
    let ended_by = async {
        let mut session = Session::<io::Error>::new(&config);
        loop {
            let error = match session.attempt(op()).await {
                Ok(()) => unreachable!("no attempt succeeds"),
                Err(error) => error,
            };
            if let Some(limit) = session.ended_by() {
                return limit.clone();
            }
            session.failed(error).await.unwrap();
        }
    };
    let ended_by = with_deadline(after(3), ended_by).await;
    assert_eq!(ended_by, TimedOut::Deadline { limit: secs(3) });
    assert_eq!(attempts.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_first_attempt_is_cut_at_the_deadline_by_every_entry_point() {
    let config = RetryConfig::DEFAULT;
    let hangs = || pending::<io::Result<()>>();
    let check = |error: io::Error, start: Instant| {
        assert_eq!(
            timed_out(&error),
            Some(&TimedOut::Deadline { limit: secs(2) })
        );
        assert_eq!(
            error.to_string(),
            "the caller's deadline ended the call after 2s"
        );
        assert_eq!(start.elapsed(), secs(2));
    };
    let start = Instant::now();
    let call = with_retry(hangs, &config);
    check(with_deadline(after(2), call).await.unwrap_err(), start);

    let start = Instant::now();
    let call = Retry::new(hangs).on_event(|_| {}).run();
    check(with_deadline(after(2), call).await.unwrap_err(), start);

    let start = Instant::now();
    let call = async {
        let mut session = Session::<io::Error>::new(&config);
        let error = session.attempt(hangs()).await.unwrap_err();
        session.failed(error).await.unwrap_err()
    };
    check(with_deadline(after(2), call).await, start);

    let start = Instant::now();
    let limited = plain().total_timeout(Some(secs(60))).build().unwrap();
    let call = with_retry(hangs, &limited);
    check(with_deadline(after(2), call).await.unwrap_err(), start);
}

#[tokio::test(start_paused = true)]
async fn no_wait_is_begun_that_would_end_after_the_deadline() {
    let config = plain().build().unwrap();
    let call = Retry::new(|| async { Err::<(), _>(reset()) })
        .config(&config)
        .run_with_report();
    let (result, report) = with_deadline(after(5), call).await;
    // 1 s and 2 s fit; 4 s more would end at 7 s.
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(report.elapsed(), secs(3));
    assert_eq!(report.stop_reason(), Some(StopReason::CallerDeadline));
}

#[tokio::test(start_paused = true)]
async fn a_cut_after_a_failure_is_that_failure() {
    let config = plain().build().unwrap();
    let first = Cell::new(true);
    let start = Instant::now();
    let call = with_retry(
        || async {
            if first.replace(false) {
                return Err(reset());
            }
            pending::<io::Result<()>>().await
        },
        &config,
    );
    let error = with_deadline(after(5), call).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(start.elapsed(), secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_shorter_of_deadline_and_total_timeout_ends_a_call() {
    for (limit, deadline, reason, cause) in [
        (
            3,
            9,
            StopReason::DeadlineExceeded,
            TimedOut::Total { limit: secs(3) },
        ),
        (
            9,
            3,
            StopReason::CallerDeadline,
            TimedOut::Deadline { limit: secs(3) },
        ),
    ] {
        let config = plain().total_timeout(Some(secs(limit))).build().unwrap();
        let call = Retry::new(pending::<io::Result<()>>)
            .config(&config)
            .run_with_report();
        let (result, report) = with_deadline(after(deadline), call).await;
        assert_eq!(timed_out(&result.unwrap_err()), Some(&cause));
        assert_eq!(report.stop_reason(), Some(reason));
        assert_eq!(report.elapsed(), secs(3));
    }
}

/// Also where there would have been no retry anyway; but what is permanent would not have come out
/// otherwise with more time.
#[tokio::test(start_paused = true)]
async fn the_deadline_is_why_a_call_stopped_unless_its_failure_is_permanent() {
    let config = plain().max_retries(0).build().unwrap();
    for (failure, reason) in [
        (reset as fn() -> io::Error, StopReason::CallerDeadline),
        (missing, StopReason::Permanent),
    ] {
        let slow = || async {
            sleep(secs(2)).await;
            Err::<(), _>(failure())
        };
        // The attempt ends at the same moment as its time, and is looked at first.
        let call = Retry::new(slow).config(&config).run_with_report();
        let (result, report) = with_deadline(after(2), call).await;
        assert_eq!(result.unwrap_err().kind(), failure().kind());
        assert_eq!(report.stop_reason(), Some(reason));
    }
    let call = Retry::new(|| async { Err::<(), _>(reset()) })
        .config(&config)
        .run_with_report();
    let (_, report) = with_deadline(after(2), call).await;
    assert_eq!(report.stop_reason(), Some(StopReason::RetriesExhausted));
}

#[tokio::test(start_paused = true)]
async fn the_earliest_of_nested_deadlines_counts_and_the_outer_one_comes_back() {
    let (early, late) = (after(1), after(9));
    with_deadline(early, async {
        with_deadline(late, async {
            assert_eq!(current_deadline(), Some(early.into_std()));
        })
        .await;
    })
    .await;
    with_deadline(late, async {
        with_deadline(early, async {
            assert_eq!(current_deadline(), Some(early.into_std()));
            without_deadline(async { assert_eq!(current_deadline(), None) }).await;
            // Also behind an await.
            sleep(Duration::from_millis(1)).await;
            assert_eq!(current_deadline(), Some(early.into_std()));
        })
        .await;
        assert_eq!(current_deadline(), Some(late.into_std()));
    })
    .await;
    assert_eq!(current_deadline(), None);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_lets_no_attempt_begin_that_is_checked() {
    let attempts = Cell::new(0);
    let op = || async {
        attempts.set(attempts.get() + 1);
        pending::<io::Result<()>>().await
    };
    let passed = Instant::now();
    sleep(secs(1)).await;
    // A call with a limit or a listener reads the clock before its first attempt anyway.
    let limited = plain().attempt_timeout(Some(secs(9))).build().unwrap();
    let error = with_deadline(passed, with_retry(op, &limited))
        .await
        .unwrap_err();
    assert_eq!(
        timed_out(&error),
        Some(&TimedOut::Deadline {
            limit: Duration::ZERO
        })
    );
    assert_eq!(
        error.to_string(),
        "the caller's deadline has passed, so no attempt was made"
    );
    assert_eq!(attempts.get(), 0);
    // Another makes one, which may succeed immediately, and does not wait. With the feature
    // `metrics` every call has a listener.
    let made = u32::from(!cfg!(feature = "metrics"));
    let start = Instant::now();
    let call = with_retry(op, &RetryConfig::DEFAULT);
    let error = with_deadline(passed, call).await.unwrap_err();
    assert!(matches!(timed_out(&error), Some(TimedOut::Deadline { .. })));
    assert_eq!((attempts.get(), start.elapsed()), (made, Duration::ZERO));
    let ready = || async { Ok::<_, io::Error>(1) };
    let result = with_deadline(passed, with_retry(ready, &RetryConfig::DEFAULT)).await;
    assert_eq!(u32::from(result.is_ok()), made);
}

#[tokio::test(start_paused = true)]
async fn calls_side_by_side_have_their_own_deadlines() {
    let config = plain().build().unwrap();
    let hangs = || pending::<io::Result<()>>();
    let start = Instant::now();
    let one = async {
        with_deadline(after(1), with_retry(hangs, &config))
            .await
            .unwrap_err();
        start.elapsed()
    };
    let two = async {
        with_deadline(after(2), with_retry(hangs, &config))
            .await
            .unwrap_err();
        start.elapsed()
    };
    let none = async {
        with_retry(
            || async {
                sleep(secs(5)).await;
                Ok::<_, io::Error>(())
            },
            &config,
        )
        .await
        .unwrap();
        start.elapsed()
    };
    let ended = tokio::join!(one, two, none);
    assert_eq!(ended, (secs(1), secs(2), secs(5)));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_spawned_has_a_deadline_only_if_it_is_given_one() {
    with_deadline(after(3), async {
        let bare = tokio::spawn(async { current_deadline() });
        assert_eq!(bare.await.unwrap(), None);
        let deadline = current_deadline().unwrap();
        let given = tokio::spawn(with_deadline(deadline, async { current_deadline() }));
        assert_eq!(given.await.unwrap(), Some(deadline));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_the_deadline_forbids_is_given_back_to_the_budget() {
    let budget = RetryBudget::with_capacity_and_refill(100, 0);
    let config = plain().build().unwrap();
    let call = Retry::new(|| async { Err::<(), _>(reset()) })
        .config(&config)
        .budget(&budget)
        .run();
    let deadline = Instant::now() + Duration::from_millis(500);
    with_deadline(deadline, call).await.unwrap_err();
    assert_eq!(budget.tokens(), 100);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_turn_ends_at_the_deadline() {
    let pacer = Pacer::new();
    let throttled = || {
        let kind = StorageErrorKind::RateLimited { retry_after: None };
        StorageError::new(kind)
    };
    let config = plain().max_retries(100).build().unwrap();
    let start = Instant::now();
    let call = Retry::new(|| async { Err::<(), _>(throttled()) })
        .config(&config)
        .pacer(&pacer)
        .run_with_report();
    let (result, report) = with_deadline(after(2), call).await;
    result.unwrap_err();
    assert_eq!(report.stop_reason(), Some(StopReason::CallerDeadline));
    assert!(start.elapsed() <= secs(2), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_within_a_deadline_leaves_nothing_behind() {
    let config = plain().build().unwrap();
    let call = with_deadline(after(60), with_retry(pending::<io::Result<()>>, &config));
    assert!(tokio::time::timeout(secs(1), call).await.is_err());
    assert_eq!(current_deadline(), None);
    let panics = std::panic::catch_unwind(|| {
        blocking::with_deadline(std::time::Instant::now(), || panic!("in the code"));
    });
    panics.unwrap_err();
    assert_eq!(current_deadline(), None);
}

#[test]
fn a_blocking_call_is_told_the_time_left_and_begins_nothing_after_the_deadline() {
    let passed = std::time::Instant::now();
    let attempts = Cell::new(0);
    let result: io::Result<()> = blocking::with_deadline(passed, || {
        blocking::with_retry(
            || {
                attempts.set(attempts.get() + 1);
                Ok(())
            },
            &RetryConfig::DEFAULT,
        )
    });
    let error = result.unwrap_err();
    assert!(matches!(timed_out(&error), Some(TimedOut::Deadline { .. })));
    assert_eq!(attempts.get(), 0);
    let deadline = passed + secs(60);
    blocking::with_deadline(deadline, || {
        blocking::Retry::new(|attempt| {
            assert!(attempt.time_left().unwrap() <= secs(60));
            Ok::<_, io::Error>(())
        })
        .run()
    })
    .unwrap();
}

#[test]
fn the_limit_is_an_error_of_every_type() {
    let limit = || TimedOut::Deadline { limit: secs(1) };
    assert!(limit().verdict().is_retryable());
    assert_eq!(limit().limit(), secs(1));
    assert_eq!(
        io::Error::timed_out(limit()).kind(),
        io::ErrorKind::TimedOut
    );
    assert_eq!(
        StorageError::timed_out(limit()).kind(),
        StorageErrorKind::Timeout
    );
}

#[tokio::test(start_paused = true)]
async fn calls_within_one_attempt_do_not_retry() {
    let config = plain().build().unwrap();
    let (outer, inner) = (Cell::new(0), RefCell::new(RetryReport::default()));
    let call = || async {
        outer.set(outer.get() + 1);
        let inner = Retry::new(|| async { Err::<(), _>(reset()) })
            .config(&config)
            .on_event(|event| inner.borrow_mut().record(event))
            .run();
        one_attempt(inner).await
    };
    with_retry(call, &config).await.unwrap_err();
    let inner = inner.into_inner();
    assert_eq!((outer.get(), inner.attempts()), (4, 4));
    assert_eq!(inner.stop_reason(), Some(StopReason::OneAttempt));
    assert!(inner.delays().is_empty());
    let blocked =
        blocking::one_attempt(|| blocking::Retry::new(|_| Err::<(), _>(reset())).run_with_report());
    assert_eq!(blocked.1.attempts(), 1);
}

/// A runtime whose tasks run in a scope that they were not spawned in.
#[test]
fn tasks_that_a_scope_only_drives_are_not_in_it() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let seen = || async {
        tokio::task::yield_now().await;
        let attempts = AtomicU32::new(0);
        let failing = || {
            attempts.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>(io::Error::from(io::ErrorKind::TimedOut)))
        };
        let config = plain().base_delay(Duration::ZERO).build().unwrap();
        with_retry(failing, &config).await.unwrap_err();
        (current_deadline(), attempts.into_inner())
    };
    let spawned = runtime.spawn(seen());
    let deadline = std::time::Instant::now() + secs(3600);
    let (own, task, local) = blocking::with_deadline(deadline, || {
        blocking::one_attempt(|| {
            runtime.block_on(async {
                let own = seen().await;
                let task = spawned.await.unwrap();
                let set = tokio::task::LocalSet::new();
                let local = set.run_until(async {
                    let in_set = tokio::task::spawn_local(seen());
                    (seen().await, in_set.await.unwrap())
                });
                (own, task, local.await)
            })
        })
    });
    let (by_set, in_set) = local;
    assert_eq!(own, (Some(deadline), 1));
    assert_eq!(by_set, (Some(deadline), 1));
    assert_eq!(task, (None, 4));
    assert_eq!(in_set, (None, 4));
}
