//! Metrics that only a store knows, through the `metrics` facade, where that feature is on. The names
//! are the core's, in [`undaunted::metric`].

#[cfg(feature = "metrics")]
pub(crate) use enabled::{Call, IS_ON, bytes, hedge, time_to_first_byte};
#[cfg(feature = "metrics")]
mod enabled {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use tokio::time::Instant;
    use undaunted::__private::record_call;
    use undaunted::{AttemptOutcome, Event, StopReason, metric};

    use crate::operation::Operation;

    /// Whether anybody may listen.
    pub(crate) const IS_ON: bool = true;

    /// An operation as one call, however many parts it has. It is counted when it is dropped: a download
    /// may be given up in its body.
    #[derive(Debug)]
    pub(crate) struct Call {
        operation: Operation,
        began: Instant,
        end: Mutex<End>,
        was_retried: AtomicBool,
    }

    #[derive(Clone, Copy, Debug, Default)]
    enum End {
        /// It has not ended, or was dropped before it had.
        #[default]
        Open,
        Succeeded(Duration),
        Failed(StopReason, Duration),
    }

    impl Call {
        pub(crate) fn begin(operation: Operation) -> Self {
            Self {
                operation,
                began: Instant::now(),
                end: Mutex::default(),
                was_retried: AtomicBool::new(false),
            }
        }

        pub(crate) fn record(&self, event: &Event<'_>) {
            if matches!(event.outcome, AttemptOutcome::Retrying { .. }) {
                self.was_retried.store(true, Ordering::Relaxed);
            }
            let took = self.began.elapsed();
            let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            *end = match (event.outcome, *end) {
                (AttemptOutcome::Stopped { reason, .. }, _) => End::Failed(reason, took),
                (AttemptOutcome::Succeeded, End::Open) => End::Succeeded(took),
                (_, end) => end,
            };
        }

        /// It had succeeded when its last attempt failed.
        pub(crate) fn found_to_have_succeeded(&self) {
            let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            *end = End::Succeeded(self.began.elapsed());
        }

        pub(crate) fn succeed(&self) {
            let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(*end, End::Open) {
                *end = End::Succeeded(self.began.elapsed());
            }
        }
    }

    impl Drop for Call {
        fn drop(&mut self) {
            let operation = self.operation.as_str();
            let was_retried = *self.was_retried.get_mut();
            match *self.end.get_mut().unwrap_or_else(PoisonError::into_inner) {
                End::Open => {}
                End::Succeeded(took) => {
                    record_call(operation, None, Some(took), was_retried);
                }
                End::Failed(reason, took) => {
                    record_call(operation, Some(reason), Some(took), was_retried);
                }
            }
        }
    }

    /// The bytes of an operation that has ended.
    pub(crate) fn bytes(operation: Operation, sent: u64, received: u64) {
        for (metric, bytes) in [
            (&metric::BYTES_SENT, sent),
            (&metric::BYTES_RECEIVED, received),
        ] {
            if bytes > 0 {
                metric.count(bytes, &[("operation", operation.as_str().into())]);
            }
        }
    }

    /// A read was sent a second time, or the second request of one was answered first.
    pub(crate) fn hedge(is_won: bool) {
        let metric = if is_won {
            &metric::HEDGES_WON
        } else {
            &metric::HEDGES_ISSUED
        };
        metric.count(1, &[("operation", Operation::Get.as_str().into())]);
    }

    /// The time from sending a request to the head of its response.
    pub(crate) fn time_to_first_byte(operation: Operation, time: Duration) {
        let labels = [("operation", operation.as_str().into())];
        metric::TIME_TO_FIRST_BYTE.observe(time, &labels);
    }
}

#[cfg(not(feature = "metrics"))]
pub(crate) use disabled::{Call, IS_ON, bytes, hedge, time_to_first_byte};
#[cfg(not(feature = "metrics"))]
mod disabled {
    use std::time::Duration;

    use undaunted::Event;

    use crate::operation::Operation;

    #[derive(Debug)]
    pub(crate) struct Call;

    impl Call {
        pub(crate) const fn begin(_: Operation) -> Self {
            Self
        }

        #[allow(clippy::unused_self, reason = "as where metrics are on")]
        pub(crate) const fn record(&self, _: &Event<'_>) {}

        #[allow(clippy::unused_self, reason = "as where metrics are on")]
        pub(crate) const fn found_to_have_succeeded(&self) {}

        #[allow(clippy::unused_self, reason = "as where metrics are on")]
        pub(crate) const fn succeed(&self) {}
    }

    pub(crate) const IS_ON: bool = false;

    pub(crate) const fn bytes(_: Operation, _: u64, _: u64) {}

    pub(crate) const fn hedge(_: bool) {}

    pub(crate) const fn time_to_first_byte(_: Operation, _: Duration) {}
}
