//! Metrics through the `metrics` facade, where that feature is on. Names and labels are those of
//! [`crate::metric`]; they are part of the public interface.

#[cfg(feature = "metrics")]
pub use enabled::record_call;
#[cfg(feature = "metrics")]
pub(super) use enabled::{AttemptClock, IS_ON, pacing_ended, record};
#[cfg(feature = "metrics")]
mod enabled {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use metrics::{Key, Label, Level, Metadata, Recorder, SharedString, Unit, with_recorder};

    use crate::budget::RetryBudget;
    use crate::event::{AttemptOutcome, Event};
    use crate::metric::{self, Metric, MetricKind, MetricUnit};
    use crate::state::StopReason;

    /// How long an attempt takes.
    #[derive(Debug)]
    pub(in crate::driver) enum AttemptClock {
        /// There is no attempt.
        Idle,
        /// One runs, which began then.
        Running(Instant),
        /// One has ended, after this time, and nobody has heard of it yet.
        Ended(Duration),
    }

    impl AttemptClock {
        pub(in crate::driver) const fn new() -> Self {
            Self::Idle
        }

        pub(in crate::driver) fn start(&mut self, now: Option<Instant>) {
            *self = now.map_or(Self::Idle, Self::Running);
        }

        /// The attempt has ended.
        pub(in crate::driver) fn stop(&mut self, now: Option<Instant>) {
            if let (Self::Running(began), Some(now)) = (&*self, now) {
                *self = Self::Ended(now.saturating_duration_since(*began));
            }
        }

        /// How long the attempt took that has ended, if one did.
        pub(in crate::driver) fn take(&mut self) -> Option<Duration> {
            match std::mem::replace(self, Self::Idle) {
                Self::Ended(took) => Some(took),
                Self::Idle | Self::Running(_) => None,
            }
        }
    }

    /// What has ended: `attempt` is how long it took, and none where no attempt began. The call is
    /// counted unless its caller does.
    pub(in crate::driver) fn record(
        event: &Event<'_>,
        budget: Option<&RetryBudget>,
        attempt: Option<Duration>,
        error_type: &str,
        counts_call: bool,
    ) {
        let operation: SharedString = event.operation.to_owned().into();
        let operation = || ("operation", operation.clone());
        if let Some(attempt) = attempt {
            metric::ATTEMPTS.count(1, &[operation()]);
            metric::ATTEMPT_DURATION.observe(attempt, &[operation()]);
        }
        let verdict = match event.outcome {
            AttemptOutcome::Retrying { delay, verdict, .. } => {
                let labels = [operation(), ("verdict", verdict.as_str().into())];
                metric::RETRIES.count(1, &labels);
                metric::DELAY.observe(delay, &[operation()]);
                Some(verdict)
            }
            AttemptOutcome::Stopped { verdict, .. } => Some(verdict),
            AttemptOutcome::Succeeded => None,
        };
        if let Some(verdict) = verdict {
            let error_type = ("error_type", error_type.to_owned().into());
            let labels = [
                operation(),
                error_type,
                ("verdict", verdict.as_str().into()),
            ];
            metric::ERRORS.count(1, &labels);
        }
        let stopped = match event.outcome {
            AttemptOutcome::Retrying { .. } => None,
            AttemptOutcome::Stopped { reason, .. } => Some(Some(reason)),
            AttemptOutcome::Succeeded => Some(None),
        };
        if let Some(stopped) = stopped.filter(|_| counts_call) {
            record_call(event.operation, stopped, event.elapsed, event.attempt > 1);
        }
        if let Some(rule) = event.rule {
            let labels = [operation(), ("rule", rule.to_owned().into())];
            metric::JUDGED_BY_RULE.count(1, &labels);
        }
        if !event.queued.is_zero() {
            metric::QUEUE.observe(event.queued, &[operation()]);
        }
        if let Some(rate) = event.pace {
            metric::PACE.set(rate);
        }
        if let Some(budget) = budget {
            metric::BUDGET.set(f64::from(budget.tokens()));
        }
    }

    /// A call has ended, for this reason if it failed.
    pub fn record_call(
        operation: &str,
        stopped: Option<StopReason>,
        elapsed: Option<Duration>,
        is_recovered: bool,
    ) {
        let operation: SharedString = operation.to_owned().into();
        let operation = || ("operation", operation.clone());
        match stopped {
            Some(reason) => {
                metric::FAILURES.count(1, &[operation(), ("reason", reason.as_str().into())]);
            }
            None => metric::SUCCESSES.count(1, &[operation()]),
        }
        if stopped.is_none() && is_recovered {
            metric::RECOVERIES.count(1, &[operation()]);
        }
        metric::CALLS.count(1, &[operation()]);
        if let Some(elapsed) = elapsed {
            metric::CALL_DURATION.observe(elapsed, &[operation()]);
        }
    }

    /// Requests are no longer paced.
    pub(in crate::driver) fn pacing_ended() {
        metric::PACE.set(0.0);
    }

    /// Whether everything is counted, successes at the first attempt too.
    pub(in crate::driver) const IS_ON: bool = true;

    /// For the crates that know what the core does not.
    impl Metric {
        /// Counts so many.
        #[doc(hidden)]
        pub fn count(&self, number: u64, labels: &[(&'static str, SharedString)]) {
            let key = self.key(labels);
            with(|recorder| recorder.register_counter(&key, &METADATA).increment(number));
        }

        /// Adds a duration to a distribution.
        #[doc(hidden)]
        pub fn observe(&self, duration: Duration, labels: &[(&'static str, SharedString)]) {
            let key = self.key(labels);
            let seconds = duration.as_secs_f64();
            with(|recorder| recorder.register_histogram(&key, &METADATA).record(seconds));
        }

        fn set(&self, value: f64) {
            let key = self.key(&[]);
            with(|recorder| recorder.register_gauge(&key, &METADATA).set(value));
        }

        fn key(&self, labels: &[(&'static str, SharedString)]) -> Key {
            debug_assert!(
                labels.iter().map(|(label, _)| label).eq(self.labels),
                "{} has other labels",
                self.name
            );
            let labels = labels.iter();
            let labels: Vec<_> = labels
                .map(|(label, value)| Label::new(*label, value.clone()))
                .collect();
            Key::from_parts(self.name, labels)
        }
    }

    fn with(record: impl FnOnce(&dyn Recorder)) {
        with_recorder(|recorder| {
            describe_once(recorder);
            record(recorder);
        });
    }

    /// Tells a recorder the units and what the metrics are, when it gets the first of them. A program
    /// has one, and it may be set after this code has run.
    fn describe_once(recorder: &dyn Recorder) {
        if !DESCRIBED.is_new(recorder) {
            return;
        }
        for metric in metric::ALL {
            let unit = Some(match metric.unit {
                MetricUnit::Count => Unit::Count,
                MetricUnit::Bytes => Unit::Bytes,
                MetricUnit::Seconds => Unit::Seconds,
            });
            let name = metric.name.into();
            let help = metric.help.into();
            match metric.kind {
                MetricKind::Counter => recorder.describe_counter(name, unit, help),
                MetricKind::Gauge => recorder.describe_gauge(name, unit, help),
                MetricKind::Histogram => recorder.describe_histogram(name, unit, help),
            }
        }
    }

    /// The recorder that knows them, by its address.
    struct Described(AtomicUsize);

    impl Described {
        /// Whether this recorder is another one, which knows them from now on.
        fn is_new(&self, recorder: &dyn Recorder) -> bool {
            let address = std::ptr::from_ref(recorder).cast::<()>().addr();
            self.0.swap(address, Ordering::Relaxed) != address
        }
    }

    static DESCRIBED: Described = Described(AtomicUsize::new(0));

    static METADATA: Metadata<'static> =
        Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

    #[cfg(test)]
    mod tests {
        use metrics_util::debugging::DebuggingRecorder;

        use super::*;

        #[test]
        fn each_recorder_is_told_once_what_the_metrics_are() {
            let recorders = [DebuggingRecorder::new(), DebuggingRecorder::new()];
            let described = Described(AtomicUsize::new(0));
            for recorder in &recorders {
                assert!(described.is_new(recorder));
                assert!(!described.is_new(recorder));
            }
        }
    }
}

#[cfg(not(feature = "metrics"))]
pub(super) use disabled::{AttemptClock, IS_ON, pacing_ended, record};
#[cfg(not(feature = "metrics"))]
#[allow(clippy::unused_self, reason = "as where they are on")]
mod disabled {
    use std::time::{Duration, Instant};

    use crate::budget::RetryBudget;
    use crate::event::Event;

    #[derive(Debug)]
    pub(in crate::driver) struct AttemptClock;

    impl AttemptClock {
        pub(in crate::driver) const fn new() -> Self {
            Self
        }

        #[inline]
        pub(in crate::driver) const fn start(&mut self, _: Option<Instant>) {}

        pub(in crate::driver) const fn stop(&mut self, _: Option<Instant>) {}

        pub(in crate::driver) const fn take(&mut self) -> Option<Duration> {
            None
        }
    }

    pub(in crate::driver) const fn record(
        _: &Event<'_>,
        _: Option<&RetryBudget>,
        _: Option<Duration>,
        _: &str,
        _: bool,
    ) {
    }

    pub(in crate::driver) const fn pacing_ended() {}

    pub(in crate::driver) const IS_ON: bool = false;
}
