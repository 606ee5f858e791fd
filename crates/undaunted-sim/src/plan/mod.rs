//! What a policy does, before it ships.

mod compare;
mod crowd;
mod outage;
mod schedule;
mod sentences;
mod warning;

use std::time::Duration;

use serde::Serialize;

use crate::policy::Policy;
pub use compare::{Comparison, ComparisonRow};
pub use crowd::{Crowd, Wave};
pub use outage::{Endurance, Spread};
pub use schedule::PlannedRetry;
pub use warning::Warning;

/// What a policy does, before it ships: its delays, what it rides out, what it costs at worst, and
/// what of it will hurt.
///
/// Everything is found by running the shipped state thousands of times. As text it is a few
/// sentences.
///
/// ```
/// use undaunted::RetryConfig;
/// use undaunted_sim::{Plan, Policy, Usage};
///
/// let policy = Policy::new("default", RetryConfig::default());
/// let plan = Plan::new(&policy, &Usage::default());
/// assert_eq!(plan.requests_at_worst, 4.0);
/// assert!((plan.outage.seconds.p50 - 7.0).abs() < 0.1);
/// let text = plan.to_string();
/// assert!(text.contains("5.25 s at least and 8.75 s at most"), "{text}");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The name of the policy.
    pub policy: String,
    /// Retries that a call may make at most: those that `total_timeout` leaves time for.
    pub retries: u32,
    /// The delays of these, in order; at most 1,000 of them.
    pub schedule: Vec<PlannedRetry>,
    /// The outage that it rides out.
    pub outage: Endurance,
    /// The throttling that it rides out, if that differs: throttled failures may have delays of
    /// their own.
    pub throttling: Option<Endurance>,
    /// Requests for a call at worst, other layers included.
    pub requests_at_worst: f64,
    /// Bytes that are sent again at worst.
    pub bytes_resent_at_worst: f64,
    /// The load above which a service that was overloaded once may stay so; none with a budget.
    pub vulnerable_above: Option<f64>,
    /// How clients that fail together come back.
    pub crowd: Crowd,
    /// What will hurt.
    pub warnings: Vec<Warning>,
    /// The mean of all delays together, whatever `total_timeout` is.
    #[serde(skip)]
    pub(crate) mean_wait: f64,
}

/// How a policy is used: what a plan has to know beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// Whether a person waits for the result.
    pub person_waits: bool,
    /// After how long the caller stops waiting.
    pub caller_timeout: Option<Duration>,
    /// The retries of other layers, above or below: of an SDK, of a proxy, of a job.
    pub other_layers: Vec<u32>,
    /// Calls that may fail together, in one process.
    pub crowd: u32,
    /// Bytes that a request sends.
    pub payload: u64,
    /// How long an attempt takes to fail.
    pub failing_takes: Duration,
}

impl Default for Usage {
    /// Nobody waits, no other layer retries, 1,000 calls fail together and immediately, and a
    /// request sends 1 MB.
    fn default() -> Self {
        Self {
            person_waits: false,
            caller_timeout: None,
            other_layers: Vec::new(),
            crowd: 1000,
            payload: 1_000_000,
            failing_takes: Duration::ZERO,
        }
    }
}

impl Plan {
    /// What a policy does when it is used like this.
    #[must_use]
    pub fn new(policy: &Policy, usage: &Usage) -> Self {
        let config = &policy.config;
        let limits = schedule::Limits::new(policy, usage.failing_takes);
        let endurance = |verdict| outage::endurance(policy, verdict, limits);
        let delays = schedule::delays(config);
        let mean_wait = delays.iter().map(|retry| retry.mean).sum();
        let (retries, rows) = schedule::possible(config, delays, limits);
        let layers = usage.other_layers.iter();
        let others: f64 = layers.map(|retries| 1.0 + f64::from(*retries)).product();
        let attempts = 1.0 + f64::from(retries);
        let mut plan = Self {
            policy: policy.name.clone(),
            retries,
            schedule: rows,
            outage: endurance(undaunted::Verdict::TRANSIENT),
            throttling: config
                .throttled_base_delay()
                .filter(|base| *base != config.base_delay())
                .map(|_| endurance(undaunted::Verdict::THROTTLED)),
            requests_at_worst: attempts * others,
            bytes_resent_at_worst: (attempts * others - 1.0) * usage.payload as f64,
            vulnerable_above: matches!(policy.budget, crate::policy::Budget::None)
                .then(|| 1.0 / (attempts * others)),
            crowd: crowd::crowd(policy, usage.crowd, limits),
            warnings: Vec::new(),
            mean_wait,
        };
        plan.warnings = warning::warnings(&plan, policy, usage, limits);
        plan
    }

    /// This plan beside another.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Comparison {
        compare::compare(self, other)
    }
}
