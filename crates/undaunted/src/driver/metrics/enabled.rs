//! Metrics through the `metrics` facade. The names and labels are listed in
//! [`crate::guide::monitoring`]; they are part of the public interface.

use metrics::{counter, gauge, histogram};

use crate::budget::RetryBudget;
use crate::event::Event;

pub(in crate::driver) fn record(event: &Event<'_>, budget: Option<&RetryBudget>) {
    match *event {
        Event::Retry {
            operation,
            delay,
            verdict,
            ..
        } => {
            counter!(ATTEMPTS, "operation" => operation.to_owned()).increment(1);
            counter!(
                RETRIES,
                "operation" => operation.to_owned(),
                "verdict" => verdict.as_str()
            )
            .increment(1);
            histogram!(DELAY, "operation" => operation.to_owned()).record(delay);
        }
        Event::Stopped {
            operation, reason, ..
        } => {
            counter!(ATTEMPTS, "operation" => operation.to_owned()).increment(1);
            counter!(
                FAILURES,
                "operation" => operation.to_owned(),
                "reason" => reason.as_str()
            )
            .increment(1);
        }
        Event::Succeeded { operation, .. } => {
            counter!(ATTEMPTS, "operation" => operation.to_owned()).increment(1);
            counter!(SUCCESSES, "operation" => operation.to_owned()).increment(1);
        }
    }
    if let Some(budget) = budget {
        gauge!(BUDGET).set(budget.tokens());
    }
}

/// Whether everything is counted, successes at the first attempt included.
pub(in crate::driver) const IS_ON: bool = true;

const ATTEMPTS: &str = "undaunted_attempts_total";
const RETRIES: &str = "undaunted_retries_total";
const SUCCESSES: &str = "undaunted_successes_total";
const FAILURES: &str = "undaunted_failures_total";
const DELAY: &str = "undaunted_delay_seconds";
const BUDGET: &str = "undaunted_budget_tokens";
