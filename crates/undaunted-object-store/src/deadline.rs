//! The deadline of the caller, where something is waited for that is no attempt.

use std::future::Future;
use std::time::Duration;

use object_store::{Error, Result};
use tokio::time::{Instant, timeout_at};
use undaunted::{Retryable, TimedOut, current_deadline};

/// The deadline of the caller, by the clock of tokio.
pub(crate) fn of_caller() -> Option<Instant> {
    current_deadline().map(Instant::from_std)
}

/// Waits for `future`, but not beyond the deadline of the caller. Once that has passed, nothing is
/// begun.
pub(crate) async fn within_deadline<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(deadline) = of_caller() else {
        return future.await;
    };
    let limit = deadline.saturating_duration_since(Instant::now());
    if limit.is_zero() {
        return Err(Error::timed_out(TimedOut::Deadline { limit }));
    }
    let result = timeout_at(deadline, future).await;
    result.unwrap_or_else(|_| Err(Error::timed_out(TimedOut::Deadline { limit })))
}

/// The deadline for cleaning up, where the caller has one: that, or a little after now if it is about
/// to pass or has passed.
pub(crate) fn for_cleaning_up() -> Option<Instant> {
    let deadline = of_caller()?;
    Some(deadline.max(Instant::now() + CLEANING_UP))
}

/// A few attempts to a service that responds; more would be felt by who set the deadline.
const CLEANING_UP: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use undaunted::with_deadline;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_after_the_deadline() {
        let has_begun = Cell::new(false);
        let deadline = Instant::now();
        let begins = within_deadline(async {
            has_begun.set(true);
            Ok(())
        });
        let result = with_deadline(deadline, begins).await;
        assert!(result.unwrap_err().to_string().contains("has passed"));
        assert!(!has_begun.get());
    }
}
