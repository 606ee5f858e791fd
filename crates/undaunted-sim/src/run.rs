//! A scenario with a policy: what comes of it.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::engine;
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::scenario::Scenario;

impl Scenario {
    /// Runs a policy. The same scenario and policy give the same outcome, always.
    #[must_use]
    pub fn run(&self, policy: &Policy) -> Outcome {
        engine::run(self, policy, |_| ControlFlow::Continue(()))
    }

    /// Runs a policy, and tells `watch` again and again how much of the time has passed. It may stop the
    /// run; the outcome is then that of the time until there.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use std::time::Duration;
    /// use undaunted::RetryConfig;
    /// use undaunted_sim::{Policy, Scenario};
    ///
    /// let scenario = Scenario { duration: Duration::from_secs(86_400), ..Scenario::default() };
    /// let policy = Policy::new("default", RetryConfig::default());
    /// let outcome = scenario.run_watched(&policy, |passed| {
    ///     if passed > Duration::from_secs(600) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    /// });
    /// assert!(outcome.seconds > 600.0 && outcome.seconds < 3600.0);
    /// ```
    #[must_use]
    pub fn run_watched(
        &self,
        policy: &Policy,
        watch: impl FnMut(Duration) -> ControlFlow<()>,
    ) -> Outcome {
        engine::run(self, policy, watch)
    }
}
