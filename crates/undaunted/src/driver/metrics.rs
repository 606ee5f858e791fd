//! Metrics through the `metrics` facade, where that feature is on. The names and labels are
//! listed in [`crate::guide::monitoring`]; they are part of the public interface.

#[cfg(feature = "metrics")]
pub(super) use enabled::{IS_ON, pacing_ended, record};
#[cfg(feature = "metrics")]
mod enabled {
    use metrics::{counter, gauge, histogram};

    use crate::budget::RetryBudget;
    use crate::event::{AttemptOutcome, Event};

    pub(in crate::driver) fn record(event: &Event<'_>, budget: Option<&RetryBudget>) {
        let operation = || event.operation.to_owned();
        counter!(ATTEMPTS, "operation" => operation()).increment(1);
        match event.outcome {
            AttemptOutcome::Retrying { delay, verdict, .. } => {
                let verdict = verdict.as_str();
                counter!(RETRIES, "operation" => operation(), "verdict" => verdict).increment(1);
                histogram!(DELAY, "operation" => operation()).record(delay);
            }
            AttemptOutcome::Stopped { reason, .. } => {
                let reason = reason.as_str();
                counter!(FAILURES, "operation" => operation(), "reason" => reason).increment(1);
            }
            AttemptOutcome::Succeeded => {
                counter!(SUCCESSES, "operation" => operation()).increment(1);
            }
        }
        if let Some(rule) = event.rule {
            let rule = rule.to_owned();
            counter!(BY_RULE, "operation" => operation(), "rule" => rule).increment(1);
        }
        if !event.queued.is_zero() {
            histogram!(QUEUED, "operation" => operation()).record(event.queued);
        }
        if let Some(rate) = event.pace {
            gauge!(PACE).set(rate);
        }
        if let Some(budget) = budget {
            gauge!(BUDGET).set(budget.tokens());
        }
    }

    /// Requests are no longer paced.
    pub(in crate::driver) fn pacing_ended() {
        gauge!(PACE).set(0.0);
    }

    /// Whether everything is counted, successes at the first attempt too.
    pub(in crate::driver) const IS_ON: bool = true;

    const ATTEMPTS: &str = "undaunted_attempts_total";
    const RETRIES: &str = "undaunted_retries_total";
    const SUCCESSES: &str = "undaunted_successes_total";
    const FAILURES: &str = "undaunted_failures_total";
    const BY_RULE: &str = "undaunted_failures_judged_by_rule_total";
    const DELAY: &str = "undaunted_delay_seconds";
    const QUEUED: &str = "undaunted_queue_seconds";
    const PACE: &str = "undaunted_pace_requests_per_second";
    const BUDGET: &str = "undaunted_budget_tokens";
}

#[cfg(not(feature = "metrics"))]
pub(super) use disabled::{IS_ON, pacing_ended, record};
#[cfg(not(feature = "metrics"))]
mod disabled {
    use crate::budget::RetryBudget;
    use crate::event::Event;

    pub(in crate::driver) fn record(_: &Event<'_>, _: Option<&RetryBudget>) {}

    pub(in crate::driver) const fn pacing_ended() {}

    pub(in crate::driver) const IS_ON: bool = false;
}
