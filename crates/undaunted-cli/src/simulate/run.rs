//! Runs policies beside each other, with a progress bar, until they are done or stopped.

#![allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::task::JoinSet;
use undaunted_sim::{Outcome, Policy, Scenario};

use crate::progress::Progress;
use crate::signals::Stop;

/// Runs each policy through the scenario. After a request to stop there is less of those that run, and
/// nothing of those that have not begun.
pub(super) async fn policies(
    scenario: &Scenario,
    policies: &[Policy],
    progress: &Progress,
    stop: &Stop,
) -> Vec<Outcome> {
    let work = Arc::new(Work {
        scenario: scenario.clone(),
        policies: policies.to_vec(),
        next: Mutex::new(0),
        passed: policies.iter().map(|_| AtomicU64::new(0)).collect(),
        progress: progress.clone(),
        stop: stop.clone(),
    });
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut workers = JoinSet::new();
    for _ in 0..threads.min(policies.len()) {
        let work = Arc::clone(&work);
        workers.spawn_blocking(move || work.run());
    }
    let mut outcomes: Vec<(usize, Outcome)> = workers.join_all().await.concat();
    outcomes.sort_by_key(|(number, _)| *number);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// What the threads share.
struct Work {
    scenario: Scenario,
    policies: Vec<Policy>,
    /// The first that has not begun.
    next: Mutex<usize>,
    /// Milliseconds that have passed for each policy.
    passed: Vec<AtomicU64>,
    progress: Progress,
    stop: Stop,
}

impl Work {
    /// Runs one policy after another, as long as there are any.
    fn run(&self) -> Vec<(usize, Outcome)> {
        let mut outcomes = Vec::new();
        while let Some((number, policy)) = self.take() {
            let outcome = self.scenario.run_watched(policy, |passed| {
                let passed = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
                self.show(number, passed);
                match self.stop.cause() {
                    Some(_) => ControlFlow::Break(()),
                    None => ControlFlow::Continue(()),
                }
            });
            let all = u64::try_from(self.scenario.duration.as_millis()).unwrap_or(u64::MAX);
            self.show(number, all);
            outcomes.push((number, outcome));
        }
        outcomes
    }

    fn take(&self) -> Option<(usize, &Policy)> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop.cause().is_some() {
            return None;
        }
        let number = *next;
        let policy = self.policies.get(number)?;
        *next += 1;
        Some((number, policy))
    }

    /// Moves the bar to the share of all time that has passed.
    fn show(&self, number: usize, passed: u64) {
        if let Some(own) = self.passed.get(number) {
            own.store(passed, Ordering::Relaxed);
        }
        let all = self
            .passed
            .iter()
            .map(|passed| passed.load(Ordering::Relaxed));
        let whole = self.scenario.duration.as_secs_f64() * 1e3 * self.passed.len() as f64;
        self.progress.show_share(all.sum::<u64>() as f64 / whole);
    }
}
