//! Logging through `tracing`, target `undaunted::retry`: WARN for a retry, ERROR when a call
//! that was retryable, or had been retried, is given up, DEBUG for the rest.

use tracing::level_filters::LevelFilter;
use tracing::{debug, error, warn};

use crate::event::Event;
use crate::state::StopReason;

pub(in crate::driver) fn write(event: &Event<'_>) {
    match event {
        Event::Retry {
            operation,
            subject,
            retry,
            max_retries,
            delay,
            verdict,
            error,
        } => warn!(
            target: TARGET,
            operation,
            subject = subject.map(display),
            attempt = retry,
            max_retries,
            delay = delay.as_secs_f64(),
            verdict = verdict.as_str(),
            retry_after = verdict.retry_after().map(|hint| hint.as_secs_f64()),
            error = %error,
            "{event}"
        ),
        // A first attempt that fails for good is an answer, which its caller may well have
        // been asking for: does this object exist?
        Event::Stopped {
            operation,
            subject,
            attempts: 1,
            reason: StopReason::Permanent,
            error,
            ..
        } => {
            debug!(target: TARGET, operation, subject = subject.map(display), error = %error, "{event}");
        }
        Event::Stopped {
            operation,
            subject,
            attempts,
            max_retries,
            reason,
            verdict,
            error,
        } => error!(
            target: TARGET,
            operation,
            subject = subject.map(display),
            attempts,
            max_retries,
            reason = reason.as_str(),
            verdict = verdict.as_str(),
            retry_after = verdict.retry_after().map(|hint| hint.as_secs_f64()),
            error = %error,
            "{event}"
        ),
        Event::Succeeded {
            operation,
            subject,
            attempts,
        } => debug!(target: TARGET, operation, subject = subject.map(display), attempts, "{event}"),
    }
}

/// Whether anyone reads logs.
#[inline]
pub(in crate::driver) fn is_on() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

const TARGET: &str = "undaunted::retry";
