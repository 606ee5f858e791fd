//! Rules of the caller's own, through every way to make a call.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::io;

use undaunted::{
    Event, HttpFailure, Judgement, Retry, RetryConfig, RetryReport, Retryable, Rules, Session,
    StopReason, StorageError, StorageErrorKind, TimedOut, Verdict, blocking,
};

use crate::support::plain;

fn rules() -> Rules {
    Rules::builder()
        .retryable_status([423])
        .permanent_codes(["QuotaExceeded"])
        .build()
        .unwrap()
}

fn locked() -> StorageError {
    let kind = StorageErrorKind::PermissionDenied;
    StorageError::new(kind).with_source(HttpFailure::new(423))
}

/// An error that is not `Retryable`.
#[derive(Debug)]
struct Mine(HttpFailure);

impl fmt::Display for Mine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mine")
    }
}

impl Error for Mine {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn full() -> HttpFailure {
    HttpFailure::new(503).with_code("QuotaExceeded")
}

/// The rules that decided about the failures of a report.
fn decided(report: &RetryReport) -> Vec<Option<&str>> {
    let failures = report.failures().iter();
    failures.map(|failure| failure.rule.as_deref()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_rule_makes_a_permanent_failure_transient_and_is_named() {
    let (rules, config) = (rules(), plain().max_retries(1).build().unwrap());
    let lines = RefCell::new(Vec::new());
    let (result, report) = Retry::new(|| async { Err::<(), _>(locked()) })
        .config(&config)
        .name("put")
        .rules(&rules)
        .on_event(|event| lines.borrow_mut().push(event.to_string()))
        .run_with_report()
        .await;
    result.unwrap_err();
    let rule = Some("retryable_status 423");
    assert_eq!(decided(&report), [rule, rule]);
    assert_eq!(report.stop_reason(), Some(StopReason::RetriesExhausted));
    assert_eq!(
        lines.into_inner()[0],
        "Retry attempt 1/1 for put after 1.00s (by the rule retryable_status 423): \
         permission denied: HTTP status 423"
    );
}

#[test]
fn a_rule_makes_a_transient_failure_permanent_in_a_blocking_call() {
    let rules = rules();
    let lines = RefCell::new(Vec::new());
    let (result, report) = blocking::Retry::new(|_| Err::<(), _>(full()))
        .name("put")
        .rules(&rules)
        .on_event(|event| lines.borrow_mut().push(event.to_string()))
        .run_with_report();
    result.unwrap_err();
    assert_eq!(report.attempts(), 1);
    assert_eq!(decided(&report), [Some("permanent_codes QuotaExceeded")]);
    assert_eq!(
        lines.into_inner(),
        [
            "Gave up on put after attempt 1, the last failure is not retryable (by the rule \
          permanent_codes QuotaExceeded): HTTP status 503 QuotaExceeded"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_and_boxed_errors_take_rules() {
    type Boxed = Box<dyn Error + Send + Sync>;
    let (rules, config) = (rules(), RetryConfig::DEFAULT);
    let named = std::sync::Mutex::new(Vec::new());
    let listener = |event: &Event<'_>| {
        let rule = event.rule.map(str::to_owned);
        named.lock().unwrap().push(rule);
    };
    let mut session = Session::<Boxed>::new(&config)
        .rules(&rules)
        .on_event(&listener);
    session.failed(Box::new(locked())).await.unwrap();
    session.failed(Box::new(full())).await.unwrap_err();
    drop(session);
    assert_eq!(
        named.into_inner().unwrap(),
        [
            Some("retryable_status 423".to_owned()),
            Some("permanent_codes QuotaExceeded".to_owned())
        ]
    );
    let attempts = std::cell::Cell::new(0);
    let call = Retry::new(|| async {
        attempts.set(attempts.get() + 1);
        Err::<(), Box<dyn Error>>(Box::new(locked()))
    });
    call.rules(&rules).run().await.unwrap_err();
    assert_eq!(attempts.get(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_caller_of_a_session_can_name_its_own_rule() {
    let config = RetryConfig::DEFAULT;
    let named = std::sync::Mutex::new(Vec::new());
    let listener = |event: &Event<'_>| named.lock().unwrap().push(event.rule.map(str::to_owned));
    let mut session = Session::<io::Error>::new(&config).on_event(&listener);
    let error = || io::Error::from(io::ErrorKind::NotFound);
    let judged = Judgement {
        verdict: Verdict::TRANSIENT,
        rule: Some("mine".into()),
    };
    session.failed_as(error(), judged).await.unwrap();
    session
        .failed_as(error(), Verdict::Permanent)
        .await
        .unwrap_err();
    drop(session);
    assert_eq!(named.into_inner().unwrap(), [Some("mine".to_owned()), None]);
}

#[tokio::test(start_paused = true)]
async fn a_predicate_stands_above_rules_and_rules_above_functions() {
    let rules = rules();
    let (_, report) = Retry::new(|| async { Err::<(), _>(locked()) })
        .rules(&rules)
        .when(|_| false)
        .run_with_report()
        .await;
    assert_eq!((report.attempts(), decided(&report)), (1, vec![None]));

    let (_, report) = Retry::new(|| async { Err::<(), _>(Mine(HttpFailure::new(423))) })
        .classify(
            |_: &Mine| Verdict::Permanent,
            |limit| Mine(HttpFailure::timed_out(limit)),
        )
        .rules(&rules)
        .run_with_report()
        .await;
    assert_eq!(report.attempts(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_is_judged_like_any_failure() {
    // Cut attempts are judged too, and have no status.
    let rules = Rules::builder()
        .permanent_text(["attempt timed out"])
        .build()
        .unwrap();
    let config = plain()
        .attempt_timeout(Some(std::time::Duration::from_secs(1)))
        .build()
        .unwrap();
    let (result, report) = Retry::new(std::future::pending::<Result<(), TimedOut>>)
        .config(&config)
        .rules(&rules)
        .run_with_report()
        .await;
    result.unwrap_err();
    assert_eq!(report.attempts(), 1);
    assert_eq!(
        decided(&report),
        [Some("permanent_text \"attempt timed out\"")]
    );
}

#[test]
fn rules_hold_within_a_predicate_and_beside_other_rules() {
    let other = Rules::builder().permanent_status(503).build().unwrap();
    let mine = rules();
    let decided_by =
        |status: u16, report: RetryReport| (status, decided(&report)[0].map(str::to_owned));
    let config = plain().max_retries(1).build().unwrap();
    let fails = |status: u16| move |_: &blocking::Attempt| Err::<(), _>(HttpFailure::new(status));
    for status in [423, 503] {
        let call = blocking::Retry::new(fails(status))
            .config(&config)
            .sleep_with(|_| ());
        let (_, report) = call
            .when(|_| true)
            .rules(&mine)
            .rules(&other)
            .run_with_report();
        let expected = match status {
            503 => "permanent_status 503",
            _ => "retryable_status 423",
        };
        assert_eq!(
            decided_by(status, report),
            (status, Some(expected.to_owned()))
        );
    }
}
