//! Log lines through `tracing`, target `undaunted::retry`, where that feature is on.
//!
//! WARN for a retry; ERROR when a call that was retryable, or had been retried, is given up;
//! DEBUG for the rest, but nothing for a success at the first attempt.

#[cfg(feature = "tracing")]
pub(super) use enabled::{is_on, nested, pacing_began, pacing_ended, write};
#[cfg(feature = "tracing")]
mod enabled {
    use tracing::field::display;
    use tracing::level_filters::LevelFilter;
    use tracing::{debug, error, info, warn};

    use crate::event::{AttemptOutcome, Event};
    use crate::state::StopReason;

    pub(in crate::driver) fn write(event: &Event<'_>) {
        let Event {
            operation,
            attempt,
            max_retries,
            ..
        } = *event;
        let subject = event.subject.map(display);
        match event.outcome {
            AttemptOutcome::Retrying {
                delay,
                verdict,
                error,
            } => warn!(
                target: TARGET,
                operation,
                subject,
                attempt,
                max_retries,
                delay = delay.as_secs_f64(),
                verdict = verdict.as_str(),
                retry_after = verdict.retry_after().map(|hint| hint.as_secs_f64()),
                rule = event.rule,
                error = %error,
                "{event}"
            ),
            // A permanent failure may be just what the caller wanted to know: does this object exist?
            AttemptOutcome::Stopped {
                reason: StopReason::Permanent,
                error,
                ..
            } => {
                debug!(target: TARGET, operation, subject, rule = event.rule, error = %error, "{event}");
            }
            AttemptOutcome::Stopped {
                reason,
                verdict,
                error,
            } => error!(
                target: TARGET,
                operation,
                subject,
                attempts = attempt,
                max_retries,
                reason = reason.as_str(),
                verdict = verdict.as_str(),
                retry_after = verdict.retry_after().map(|hint| hint.as_secs_f64()),
                rule = event.rule,
                error = %error,
                "{event}"
            ),
            AttemptOutcome::Succeeded if attempt == 1 => {}
            AttemptOutcome::Succeeded => {
                debug!(target: TARGET, operation, subject, attempts = attempt, "{event}");
            }
        }
    }

    /// The service throttles, and requests are paced from now on.
    pub(in crate::driver) fn pacing_began(operation: &str) {
        warn!(
            target: TARGET,
            operation,
            "{operation} is throttled: requests to this service are paced from now on"
        );
    }

    /// Throttling has ended.
    pub(in crate::driver) fn pacing_ended(operation: &str) {
        info!(
            target: TARGET,
            operation,
            "Throttling has ended: requests to this service are no longer paced"
        );
    }

    /// A call is retried within a retry of another.
    pub(in crate::driver) fn nested(
        outer: &str,
        outer_retries: u32,
        operation: &str,
        max_retries: u32,
    ) {
        let (inner, around) = (
            max_retries.saturating_add(1),
            outer_retries.saturating_add(1),
        );
        warn!(
            target: TARGET,
            operation,
            outer,
            "{operation} is retried within a retry of {outer}: up to {inner} attempts for each of \
             {around}. Retry in one of the two, or put undaunted::one_attempt around {operation}"
        );
    }

    /// Whether there is a subscriber.
    #[inline]
    pub(in crate::driver) fn is_on() -> bool {
        LevelFilter::current() != LevelFilter::OFF
    }

    const TARGET: &str = "undaunted::retry";
}

#[cfg(not(feature = "tracing"))]
pub(super) use disabled::{is_on, nested, pacing_began, pacing_ended, write};
#[cfg(not(feature = "tracing"))]
mod disabled {
    use crate::event::Event;

    pub(in crate::driver) fn write(_: &Event<'_>) {}

    pub(in crate::driver) const fn pacing_began(_: &str) {}

    pub(in crate::driver) const fn pacing_ended(_: &str) {}

    pub(in crate::driver) const fn nested(_: &str, _: u32, _: &str, _: u32) {}

    pub(in crate::driver) const fn is_on() -> bool {
        false
    }
}
