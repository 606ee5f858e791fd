//! A scenario with fewer clients and a smaller service.

use super::Scenario;
use crate::clients::Arrivals;

impl Scenario {
    /// With this share of its load and of what the service takes: clients or arrivals, processes, capacity,
    /// rate limit and burst. Times stay as they are, so that a small machine can do for real what
    /// happens. What belongs to one process, its budget and its pacer, stays as it is too, and so there
    /// are fewer processes, at least one.
    ///
    /// ```
    /// use undaunted_sim::{Builtin, Scenario};
    ///
    /// let outage = Builtin::find("outage").unwrap().file()?.scenario;
    /// let small = outage.scaled(0.1);
    /// assert_eq!(small.clients.arrivals.per_second(), Some(10.0));
    /// assert_eq!(small.clients.processes, 2);
    /// # Ok::<(), undaunted_sim::ScenarioError>(())
    /// ```
    #[must_use]
    pub fn scaled(&self, share: f64) -> Self {
        let number = |number: u32| ((f64::from(number) * share).round() as u32).max(1);
        let mut scaled = self.clone();
        scaled.clients.processes = number(self.clients.processes);
        scaled.clients.arrivals = match self.clients.arrivals {
            Arrivals::Open {
                per_second,
                is_random,
            } => Arrivals::Open {
                per_second: per_second * share,
                is_random,
            },
            Arrivals::Closed {
                clients,
                think,
                calls,
            } => Arrivals::Closed {
                clients: number(clients),
                think,
                calls,
            },
        };
        let service = &mut scaled.service;
        service.capacity = service.capacity.map(|capacity| capacity * share);
        if let Some(limit) = &mut service.rate_limit {
            limit.per_second *= share;
            // A bucket that never holds a token admits nothing.
            limit.burst = (limit.burst * share).max(1.0);
        }
        scaled
    }
}
