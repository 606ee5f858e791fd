//! Scenarios: who calls what, and what goes wrong.

pub(crate) mod builtin;
pub(crate) mod file;
mod scaled;
mod words;

use std::time::Duration;

use crate::clients::Clients;
use crate::fault::Fault;
use crate::service::Service;

/// Who calls a service, what the service does, and what goes wrong.
///
/// ```
/// use std::time::Duration;
/// use undaunted::RetryConfig;
/// use undaunted_sim::{Effect, Fault, Policy, Scenario};
///
/// let scenario = Scenario {
///     faults: vec![Fault::new(Effect::Outage, Duration::from_secs(60), Duration::from_secs(5))],
///     ..Scenario::default()
/// };
/// let outcome = scenario.run(&Policy::new("default", RetryConfig::default()));
/// // It rides out 5.25 s at least, and so loses nothing.
/// assert_eq!(outcome.totals.lost, 0);
/// let none = RetryConfig::builder().max_retries(0).build()?;
/// assert!(scenario.run(&Policy::new("none", none)).totals.lost > 400);
/// # Ok::<(), undaunted::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Who calls the service, and when.
    pub clients: Clients,
    /// The service.
    pub service: Service,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// For how long it is looked at.
    pub duration: Duration,
    /// The length of a step of the time axis; none: a 300th of the duration.
    pub step: Option<Duration>,
    /// Everything random comes from it. Policies that are run with the same seed meet the same
    /// arrivals.
    pub seed: u64,
}

impl Scenario {
    pub(crate) fn step(&self) -> Duration {
        let step = self.step.unwrap_or(self.duration / STEPS);
        step.max(self.duration / MOST_STEPS)
            .max(Duration::from_nanos(1))
    }
}

impl Default for Scenario {
    /// 100 calls a second for 3 minutes, of a service without limits.
    fn default() -> Self {
        Self {
            clients: Clients::default(),
            service: Service::default(),
            faults: Vec::new(),
            duration: Duration::from_secs(180),
            step: None,
            seed: 1,
        }
    }
}

const STEPS: u32 = 300;
/// More than a screen shows; as a table they are some megabytes.
const MOST_STEPS: u32 = 100_000;
