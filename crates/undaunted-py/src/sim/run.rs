//! Runs policies beside each other, on threads that Ctrl-C stops.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use undaunted_sim::{Outcome, Policy, Scenario};

/// Runs each policy through the scenario. It is called without the GIL, and takes it to ask for signals.
pub(super) fn policies(scenario: &Scenario, policies: &[Policy]) -> PyResult<Vec<Outcome>> {
    let work = Work {
        scenario,
        policies,
        next: AtomicUsize::new(0),
        is_stopped: AtomicBool::new(false),
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (done, results) = mpsc::channel();
    let mut outcomes: Vec<Option<Outcome>> = vec![None; policies.len()];
    thread::scope(|scope| {
        for _ in 0..cores.min(policies.len()) {
            let (work, done) = (&work, done.clone());
            let thread = thread::Builder::new().name("undaunted-sim".to_owned());
            if let Err(error) = thread.spawn_scoped(scope, move || work.run(&done)) {
                work.is_stopped.store(true, Ordering::Relaxed);
                let problem = format!("cannot start threads for a simulation: {error}");
                return Err(PyRuntimeError::new_err(problem));
            }
        }
        // The channel ends with the last thread.
        drop(done);
        loop {
            match results.recv_timeout(LOOK) {
                Ok((number, outcome)) => outcomes[number] = Some(outcome),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    #[expect(
                        clippy::redundant_closure_for_method_calls,
                        reason = "the method is not general enough in its lifetime"
                    )]
                    let asked = Python::attach(|py| py.check_signals());
                    if let Err(signal) = asked {
                        work.is_stopped.store(true, Ordering::Relaxed);
                        return Err(signal);
                    }
                }
            }
        }
    })?;
    Ok(outcomes.into_iter().flatten().collect())
}

/// What the threads share.
struct Work<'s> {
    scenario: &'s Scenario,
    policies: &'s [Policy],
    /// The first that has not begun.
    next: AtomicUsize,
    is_stopped: AtomicBool,
}

impl Work<'_> {
    /// Runs one policy after another, as long as there are any.
    fn run(&self, done: &Sender<(usize, Outcome)>) {
        while !self.is_stopped.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(policy) = self.policies.get(number) else {
                return;
            };
            let outcome = self.scenario.run_watched(policy, |_| {
                if self.is_stopped.load(Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            // Nobody wants it after a signal.
            let _ = done.send((number, outcome));
        }
    }
}

/// How long a person who presses Ctrl-C waits at most.
const LOOK: Duration = Duration::from_millis(50);
