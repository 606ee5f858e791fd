//! What became of one operation's attempts, for the note on the exception that ends it.

use std::cell::RefCell;
use std::time::Duration;

use undaunted::{AttemptOutcome, Event};

/// The waits of an operation, and why it ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    pub(crate) waits: Vec<Duration>,
    pub(crate) reason: Option<&'static str>,
}

tokio::task_local! {
    static TRACE: RefCell<Trace>;
}

/// Runs an operation, and returns what was recorded beside its result.
pub(crate) async fn traced<T>(operation: impl Future<Output = T>) -> (T, Trace) {
    let traced = async {
        let result = operation.await;
        (result, TRACE.with(RefCell::take))
    };
    TRACE.scope(RefCell::default(), traced).await
}

/// Records an event of the operation that is running.
pub(crate) fn record(event: &Event<'_>) {
    // An operation that nobody traces has nobody to tell.
    let _ = TRACE.try_with(|trace| {
        let mut trace = trace.borrow_mut();
        match event.outcome {
            AttemptOutcome::Retrying { delay, .. } => trace.waits.push(delay),
            AttemptOutcome::Stopped { reason, .. } => trace.reason = Some(reason.as_str()),
            AttemptOutcome::Succeeded => *trace = Trace::default(),
            _ => {}
        }
    });
}
