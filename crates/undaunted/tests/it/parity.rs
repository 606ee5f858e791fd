//! Every front decides the same: whole traces of events through async, session, blocking and
//! the bare state, for scripted failures under seeded policies.

use std::cell::RefCell;
use std::time::Duration;

use undaunted::{
    Decision, Jitter, Retry, RetryConfig, RetryState, Retryable, Session, StorageError,
    StorageErrorKind, blocking,
};

use crate::support::secs;

/// One attempt's outcome.
#[derive(Clone, Copy, Debug)]
enum Step {
    Fails(StorageErrorKind),
    Succeeds,
}

const TRANSIENT: Step = Step::Fails(StorageErrorKind::Connection);
const PERMANENT: Step = Step::Fails(StorageErrorKind::NotFound);

const fn throttled(hint: u64) -> Step {
    Step::Fails(StorageErrorKind::RateLimited {
        retry_after: Some(Duration::from_secs(hint)),
    })
}

fn scripts() -> Vec<Vec<Step>> {
    vec![
        vec![Step::Succeeds],
        vec![PERMANENT],
        vec![TRANSIENT, Step::Succeeds],
        vec![TRANSIENT, PERMANENT],
        vec![TRANSIENT, throttled(5), TRANSIENT, Step::Succeeds],
        vec![TRANSIENT; 20],
        vec![throttled(1); 20],
        vec![throttled(4000); 2],
    ]
}

fn configs() -> Vec<RetryConfig> {
    let jitters = [
        Jitter::None,
        Jitter::Proportional(0.25),
        Jitter::Full,
        Jitter::Equal,
        Jitter::Decorrelated,
    ];
    let with = |jitter, throttled| {
        RetryConfig::builder()
            .max_retries(6)
            .jitter(jitter)
            .throttled_base_delay(throttled)
            .build()
            .unwrap()
    };
    jitters
        .into_iter()
        .flat_map(|jitter| [with(jitter, None), with(jitter, Some(secs(3)))])
        .collect()
}

fn outcome(script: &[Step], attempt: usize) -> Result<(), StorageError> {
    match script[attempt.min(script.len() - 1)] {
        Step::Succeeds => Ok(()),
        Step::Fails(kind) => Err(StorageError::new(kind).with_key("k")),
    }
}

async fn through_the_builder(config: &RetryConfig, script: &[Step], seed: u64) -> Vec<String> {
    let trace = RefCell::new(Vec::new());
    let attempts = RefCell::new(0);
    let _ = Retry::new(|| async {
        let attempt = attempts.replace_with(|n| *n + 1);
        outcome(script, attempt)
    })
    .config(config)
    .name("op")
    .seed(seed)
    .on_event(|event| trace.borrow_mut().push(event.to_string()))
    .run()
    .await;
    trace.into_inner()
}

async fn through_a_session(config: &RetryConfig, script: &[Step], seed: u64) -> Vec<String> {
    let trace = std::sync::Mutex::new(Vec::new());
    let listener = |event: &undaunted::Event<'_>| trace.lock().unwrap().push(event.to_string());
    let mut session = Session::new(config)
        .name("op")
        .seed(seed)
        .on_event(&listener);
    for attempt in 0.. {
        match session.attempt(async { outcome(script, attempt) }).await {
            Ok(()) => break,
            Err(error) => {
                if session.failed(error).await.is_err() {
                    break;
                }
            }
        }
    }
    drop(session);
    trace.into_inner().unwrap()
}

fn through_a_thread(config: &RetryConfig, script: &[Step], seed: u64) -> Vec<String> {
    let trace = RefCell::new(Vec::new());
    let _ = blocking::Retry::new(|attempt| outcome(script, attempt.number() as usize - 1))
        .config(config)
        .name("op")
        .seed(seed)
        .sleep_with(|_| ())
        .on_event(|event| trace.borrow_mut().push(event.to_string()))
        .run();
    trace.into_inner()
}

/// The delays that the bare state decides on.
fn through_the_state(config: &RetryConfig, script: &[Step], seed: u64) -> Vec<Duration> {
    let mut state = RetryState::new(None, seed);
    let mut delays = Vec::new();
    for attempt in 0.. {
        let Err(error) = outcome(script, attempt) else {
            break;
        };
        match state.on_failure(config, None, error.verdict(), None) {
            Decision::Retry { delay } => delays.push(delay),
            Decision::Stop(_) => break,
        }
    }
    delays
}

async fn delays_of_the_builder(config: &RetryConfig, script: &[Step], seed: u64) -> Vec<Duration> {
    let attempts = RefCell::new(0);
    let (_, report) = Retry::new(|| async {
        let attempt = attempts.replace_with(|n| *n + 1);
        outcome(script, attempt)
    })
    .config(config)
    .seed(seed)
    .run_with_report()
    .await;
    report.delays().to_vec()
}

#[tokio::test(start_paused = true)]
async fn all_fronts_tell_the_same_story() {
    for config in configs() {
        for script in scripts() {
            for seed in [0, 1, 42] {
                let expected = through_the_builder(&config, &script, seed).await;
                assert!(!expected.is_empty());
                assert_eq!(through_a_session(&config, &script, seed).await, expected);
                assert_eq!(through_a_thread(&config, &script, seed), expected);
                assert_eq!(
                    delays_of_the_builder(&config, &script, seed).await,
                    through_the_state(&config, &script, seed)
                );
            }
        }
    }
}
