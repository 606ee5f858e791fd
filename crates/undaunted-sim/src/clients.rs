//! Who calls the service, and when.

use std::time::Duration;

use crate::fault::{Fault, Phases};
use crate::latency::Latency;
use crate::random::Random;
use crate::time::{Nanos, from_seconds};

/// Who calls the service. The calls of one process share their budget and their pacer.
///
/// ```
/// use std::time::Duration;
/// use undaunted_sim::{Arrivals, Clients, Latency};
///
/// // Each of 1,000 clients in 10 processes calls, thinks for 5 s, and calls again.
/// let clients = Clients {
///     arrivals: Arrivals::Closed {
///         clients: 1000,
///         think: Latency::Exponential(Duration::from_secs(5)),
///         calls: None,
///     },
///     processes: 10,
/// };
/// // 140 calls arrive a second, whatever became of those before.
/// let web = Clients { arrivals: Arrivals::open(140.0), processes: 10 };
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clients {
    /// When calls begin.
    pub arrivals: Arrivals,
    /// Over so many processes the calls are spread, each with a budget and a pacer of its own.
    /// At least 1.
    pub processes: u32,
}

/// When calls begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// Each client makes a call, waits for its result, thinks, and makes the next: a slow service
    /// is called less often.
    Closed {
        /// How many there are.
        clients: u32,
        /// The time from the end of a call to the beginning of the next. The first call comes after
        /// such a time too, so without one all clients begin together.
        think: Latency,
        /// Each makes so many calls; none: as many as it has time for.
        calls: Option<u32>,
    },
    /// Calls arrive from outside, at this rate whatever the service does.
    Open {
        /// Calls a second.
        per_second: f64,
        /// At random, as those of independent users; or else at equal distances.
        is_random: bool,
    },
}

impl Arrivals {
    /// Calls from outside that arrive at random.
    #[must_use]
    pub const fn open(per_second: f64) -> Self {
        Self::Open {
            per_second,
            is_random: true,
        }
    }

    /// Clients that begin together and make one call each.
    #[must_use]
    pub const fn together(clients: u32) -> Self {
        Self::Closed {
            clients,
            think: Latency::ZERO,
            calls: Some(1),
        }
    }

    /// The calls that arrive a second, if they come from outside; of clients that think, what
    /// they would make if calls took no time.
    #[must_use]
    pub fn per_second(&self) -> Option<f64> {
        match *self {
            Self::Open { per_second, .. } => Some(per_second),
            Self::Closed { clients, think, .. } => {
                let think: Duration = think.mean();
                (!think.is_zero()).then(|| f64::from(clients) / think.as_secs_f64())
            }
        }
    }
}

impl Default for Clients {
    fn default() -> Self {
        Self {
            arrivals: Arrivals::open(100.0),
            processes: 1,
        }
    }
}

/// The times at which calls arrive from outside.
#[derive(Debug)]
pub(crate) struct Source {
    per_second: f64,
    is_random: bool,
    phases: Phases,
    random: Random,
}

impl Source {
    pub(crate) fn new(per_second: f64, is_random: bool, faults: &[Fault], random: Random) -> Self {
        Self {
            per_second,
            is_random,
            phases: Phases::new(faults),
            random,
        }
    }

    /// The arrival after that of `now`. The rate may change until then: a gap in progress is
    /// stretched or shortened, so that a surge begins when it should.
    #[inline]
    pub(crate) fn next(&mut self, now: Nanos) -> Nanos {
        let mut left = if self.is_random {
            self.random.exponential()
        } else {
            1.0
        };
        let mut time = now;
        loop {
            let phase = *self.phases.at(time);
            // Not below 0, and no number is 0.
            let rate = (self.per_second * phase.surge).max(0.0);
            let at = time.saturating_add(from_seconds(left / rate).max(1));
            if at <= phase.until {
                return at;
            }
            left -= (phase.until - time) as f64 / 1e9 * rate;
            time = phase.until;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Effect;

    #[test]
    fn a_surge_lasts_as_long_as_it_should() {
        let surge = Fault::new(
            Effect::Surge(3.0),
            Duration::from_secs(10),
            Duration::from_secs(10),
        );
        for is_random in [false, true] {
            let mut source = Source::new(100.0, is_random, &[surge], Random::new(1, 0));
            let mut counts = [0_i32; 3];
            let mut now = 0;
            while now < 30_000_000_000 {
                counts[usize::try_from(now / 10_000_000_000).unwrap()] += 1;
                now = source.next(now);
            }
            for (count, expected) in counts.iter().zip([1000, 3000, 1000]) {
                // Four standard deviations.
                let most = if is_random { expected / 8 } else { 2 };
                assert!((count - expected).abs() <= most, "{counts:?}");
            }
        }
    }
}
