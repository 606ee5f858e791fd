//! What listeners are told, and what becomes of it in a report.

use std::cell::RefCell;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::sleep;
use undaunted::{
    AttemptOutcome, Event, Retry, RetryBudget, RetryMetrics, RetryReport, Session, StopReason,
    StorageError, StorageErrorKind, blocking,
};

use crate::support::{Flaky, missing, plain, reset, secs};

#[tokio::test(start_paused = true)]
async fn an_event_tells_attempt_and_time_since_the_call_began() {
    let told = RefCell::new(Vec::new());
    let config = plain().build().unwrap();
    let flaky = Flaky::failing(2);
    let call = Retry::new(|| async { flaky.call() })
        .config(&config)
        .name("get")
        .on_event(|event| {
            assert_eq!((event.operation, event.max_retries), ("get", 3));
            told.borrow_mut().push((event.attempt, event.elapsed));
        });
    call.run().await.unwrap();
    let expected = [(1, 0), (2, 1), (3, 3)].map(|(attempt, at)| (attempt, Some(secs(at))));
    assert_eq!(told.into_inner(), expected);
}

#[test]
fn a_blocking_call_tells_the_time_too() {
    let told = RefCell::new(Vec::new());
    let result: io::Result<()> = blocking::Retry::new(|_| Err(missing()))
        .on_event(|event| told.borrow_mut().push(event.elapsed))
        .run();
    result.unwrap_err();
    assert!(matches!(told.into_inner()[..], [Some(_)]));
}

#[tokio::test(start_paused = true)]
async fn the_time_runs_from_the_first_attempt_whatever_the_limit_runs_from() {
    let told = Mutex::new(Vec::new());
    let listener = |event: &Event<'_>| told.lock().unwrap().push(event.elapsed);
    let config = plain().total_timeout(Some(secs(5))).build().unwrap();
    let mut session = Session::<io::Error>::new(&config)
        .on_event(&listener)
        .clock_starts_at_failure();
    let slow_failure = || async {
        sleep(secs(100)).await;
        Err::<(), _>(reset())
    };
    let error = session.attempt(slow_failure()).await.unwrap_err();
    session.failed(error).await.unwrap();
    session.attempt(async { Ok(()) }).await.unwrap();
    session.progressed();
    let error = session.attempt(slow_failure()).await.unwrap_err();
    session.failed(error).await.unwrap();
    drop(session);
    let expected = [100, 101, 201].map(|at| Some(secs(at)));
    assert_eq!(told.into_inner().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn one_report_can_be_that_of_several_calls() {
    let report = RefCell::new(RetryReport::default());
    let config = plain().max_retries(1).build().unwrap();
    let flaky = Flaky::failing(1);
    let first = Retry::new(|| async { flaky.call() })
        .config(&config)
        .name("head")
        .on_event(|event| report.borrow_mut().record(event));
    first.run().await.unwrap();
    assert_eq!(report.borrow().stop_reason(), None);
    let second = Retry::new(|| async { Err::<(), _>(reset()) })
        .config(&config)
        .name("get")
        .on_event(|event| report.borrow_mut().record(event));
    second.run().await.unwrap_err();

    let report = report.into_inner();
    assert_eq!((report.operation(), report.attempts()), ("get", 4));
    assert_eq!(report.delays(), [secs(1), secs(1)]);
    assert_eq!(report.elapsed(), secs(2));
    assert_eq!(report.stop_reason(), Some(StopReason::RetriesExhausted));
    let failures: Vec<_> = report
        .failures()
        .iter()
        .map(|failure| (&*failure.operation, failure.attempt, failure.stop_reason))
        .collect();
    let exhausted = Some(StopReason::RetriesExhausted);
    assert_eq!(
        failures,
        [("head", 1, None), ("get", 1, None), ("get", 2, exhausted)]
    );
}

#[test]
fn texts_of_failures_say_their_causes() {
    let error = StorageError::new(StorageErrorKind::Connection)
        .with_key("a")
        .with_source(io::Error::other("refused"));
    assert_eq!(error.to_string(), "connection failed for a");
    let mut event = Event::new(
        "put",
        1,
        3,
        AttemptOutcome::Retrying {
            delay: Duration::from_secs(1),
            verdict: undaunted::Verdict::TRANSIENT,
            error: &error,
        },
    );
    event.subject = Some(&"a");
    let text = "connection failed for a: refused";
    assert_eq!(
        event.to_string(),
        format!("Retry attempt 1/3 for put a after 1.00s: {text}")
    );
    let mut report = RetryReport::default();
    report.record(&event);
    assert_eq!(report.failures()[0].error, text);
}

#[test]
fn counts_are_those_of_the_events() {
    let metrics = RetryMetrics::new();
    let config = plain().max_retries(2).build().unwrap();
    for failures in [0, 1, 2, 3] {
        let flaky = Flaky::failing(failures);
        let _ = blocking::Retry::new(|_| flaky.call())
            .config(&config)
            .sleep_with(|_| ())
            .on_event(|event| metrics.record(event))
            .run();
    }
    let _ = blocking::Retry::new(|_| Err::<(), _>(missing()))
        .on_event(|event| metrics.record(event))
        .run();
    assert_eq!((metrics.attempts(), metrics.retries()), (10, 5));
    assert_eq!((metrics.successes(), metrics.failures()), (3, 2));
    for reason in StopReason::ALL {
        let is_one = [StopReason::Permanent, StopReason::RetriesExhausted].contains(reason);
        assert_eq!(metrics.failures_for(*reason), u64::from(is_one), "{reason}");
    }
    assert_eq!(metrics.waited(), secs(1 + (1 + 2) + (1 + 2)));
    assert_eq!(
        metrics.to_string(),
        "10 attempts (5 retries), 3 successes, 2 failures, 7s waited"
    );
}

/// What its operation is called that was given no name, and what it is about.
#[tokio::test(start_paused = true)]
async fn a_call_is_called_what_its_function_is() {
    fn download() -> std::future::Ready<io::Result<()>> {
        std::future::ready(Err(reset()))
    }
    let told = Mutex::new(Vec::new());
    let tell = |event: &Event<'_>| told.lock().unwrap().push(event.to_string());
    let config = plain().max_retries(1).base_delay(Duration::ZERO).build();
    let config = config.unwrap();
    let call = Retry::new(download).config(&config).on_event(tell);
    call.run().await.unwrap_err();
    let subject = "a/b.bin";
    let mut session = Session::<io::Error>::new(&config)
        .name("put")
        .subject(&subject)
        .on_event(&tell);
    let error = session.attempt(download()).await.unwrap_err();
    session.failed(error).await.unwrap();
    assert_eq!(
        *told.lock().unwrap(),
        [
            "Retry attempt 1/1 for download after 0.00s: connection reset",
            "All 1 retries exhausted for download",
            "Retry attempt 1/1 for put a/b.bin after 0.00s: connection reset",
        ]
    );
}

/// Such as one that has found out that it had taken effect.
#[tokio::test(start_paused = true)]
async fn a_session_may_end_as_a_success_after_a_failure() {
    let budget = RetryBudget::with_capacity_and_refill(100, 0);
    let ends = Mutex::new(0);
    let count = |event: &Event<'_>| {
        *ends.lock().unwrap() += u32::from(matches!(event.outcome, AttemptOutcome::Succeeded));
    };
    let config = plain().build().unwrap();
    let mut session = Session::<io::Error>::new(&config)
        .budget(&budget)
        .on_event(&count);
    assert_eq!(session.retries(), 0);
    for retries in 1..=2 {
        let attempt = std::future::ready(Err::<(), _>(reset()));
        let error = session.attempt(attempt).await.unwrap_err();
        session.failed(error).await.unwrap();
        assert_eq!(session.retries(), retries);
    }
    let attempt = std::future::ready(Err::<(), _>(reset()));
    session.attempt(attempt).await.unwrap_err();
    session.succeed();
    assert_eq!(*ends.lock().unwrap(), 1);
    drop(session);
    assert_eq!(budget.tokens(), 100 - 14);
}

#[tokio::test]
async fn a_session_without_a_delay_lets_other_tasks_run() {
    let config = plain().base_delay(Duration::ZERO).build().unwrap();
    let has_run = std::sync::Arc::new(Mutex::new(false));
    let other = std::sync::Arc::clone(&has_run);
    let task = tokio::spawn(async move { *other.lock().unwrap() = true });
    let mut session = Session::<io::Error>::new(&config);
    let attempt = std::future::ready(Err::<(), _>(reset()));
    let error = session.attempt(attempt).await.unwrap_err();
    session.failed(error).await.unwrap();
    assert!(*has_run.lock().unwrap());
    task.await.unwrap();
}

#[test]
fn a_report_can_be_told_how_many_attempts_there_were() {
    let (_, mut report) = blocking::Retry::new(|_| Ok::<_, io::Error>(())).run_with_report();
    assert_eq!(report.attempts(), 1);
    report.set_attempts(3);
    assert_eq!(report.attempts(), 3);
}

/// What a log with every line says of a call that succeeds after so many failures.
#[cfg(feature = "tracing")]
fn logged(failures: u32) -> Vec<String> {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer({
            let log = log.clone();
            move || log.clone()
        })
        .without_time()
        .with_ansi(false)
        .finish();
    let flaky = Flaky::failing(failures);
    tracing::subscriber::with_default(subscriber, || {
        let call = blocking::Retry::new(|_| flaky.call()).name("get");
        call.sleep_with(|_| ()).run().unwrap();
    });
    let bytes = log.0.lock().unwrap().clone();
    let text = String::from_utf8(bytes).unwrap();
    let lines = text
        .lines()
        .filter(|line| line.contains("undaunted::retry"));
    lines.map(str::to_owned).collect()
}

#[cfg(feature = "tracing")]
#[test]
fn a_success_is_logged_if_it_took_a_retry() {
    assert_eq!(logged(0), [""; 0]);
    let lines = logged(1);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("Retry attempt 1/3 for get"), "{lines:?}");
    assert!(lines[1].contains("DEBUG"), "{lines:?}");
    assert!(lines[1].contains("attempts=2"), "{lines:?}");
}

/// Collects what is logged.
#[cfg(feature = "tracing")]
#[derive(Clone, Default)]
struct Log(std::sync::Arc<Mutex<Vec<u8>>>);

#[cfg(feature = "tracing")]
impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
