//! What goes wrong, and when.

use std::time::Duration;

use crate::time::{Nanos, nanos};

/// Something that goes wrong for a time.
///
/// ```
/// use std::time::Duration;
/// use undaunted_sim::{Effect, Fault};
///
/// let fault = Fault::new(Effect::Outage, Duration::from_secs(60), Duration::from_secs(12));
/// assert_eq!(fault.ends(), Duration::from_secs(72));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub effect: Effect,
    /// When it begins.
    pub from: Duration,
    /// For how long.
    pub lasts: Duration,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// Of its capacity and its rate limit the service has this share.
    BrownOut(f64),
    /// This share of the requests fails, beside the service's error rate.
    Errors(f64),
    /// Requests get no response, and leave no work behind.
    Hang,
    /// Every request fails, after the usual latency.
    Outage,
    /// Latencies are so many times as long.
    Slow(f64),
    /// The service works nothing off. Requests wait in its queue, and it catches up with them later.
    Stall,
    /// Calls arrive at so many times the rate. Clients that wait for their own calls are not
    /// affected.
    Surge(f64),
}

impl Fault {
    /// What goes wrong, when it begins, and for how long.
    #[must_use]
    pub const fn new(effect: Effect, from: Duration, lasts: Duration) -> Self {
        Self {
            effect,
            from,
            lasts,
        }
    }

    /// When it ends.
    #[must_use]
    pub const fn ends(&self) -> Duration {
        self.from.saturating_add(self.lasts)
    }
}

/// What of the faults is in effect, from a moment until the next change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    pub(crate) from: Nanos,
    pub(crate) until: Nanos,
    pub(crate) is_out: bool,
    pub(crate) hangs: bool,
    /// What is left of the capacity: 0 in a stall.
    pub(crate) speed: f64,
    pub(crate) error_rate: f64,
    pub(crate) slowness: f64,
    pub(crate) surge: f64,
}

/// The whole time, cut where something begins or ends.
pub(crate) fn phases(faults: &[Fault]) -> Vec<Phase> {
    let ends = |fault: &Fault| [nanos(fault.from), nanos(fault.ends())];
    let mut cuts: Vec<Nanos> = faults.iter().flat_map(ends).collect();
    cuts.extend([0, Nanos::MAX]);
    cuts.sort_unstable();
    cuts.dedup();
    let pairs = cuts.windows(2);
    pairs.map(|pair| phase(faults, pair[0], pair[1])).collect()
}

fn phase(faults: &[Fault], from: Nanos, until: Nanos) -> Phase {
    let mut phase = Phase {
        from,
        until,
        is_out: false,
        hangs: false,
        speed: 1.0,
        error_rate: 0.0,
        slowness: 1.0,
        surge: 1.0,
    };
    let is_on = |fault: &&Fault| nanos(fault.from) <= from && from < nanos(fault.ends());
    for fault in faults.iter().filter(is_on) {
        match fault.effect {
            Effect::BrownOut(share) => phase.speed *= share,
            Effect::Errors(rate) => {
                phase.error_rate = 1.0 - (1.0 - phase.error_rate) * (1.0 - rate);
            }
            Effect::Hang => phase.hangs = true,
            Effect::Outage => phase.is_out = true,
            Effect::Slow(factor) => phase.slowness *= factor,
            Effect::Stall => phase.speed = 0.0,
            Effect::Surge(factor) => phase.surge *= factor,
        }
    }
    phase
}

/// The phase of a time that only grows.
#[derive(Debug)]
pub(crate) struct Phases {
    all: Vec<Phase>,
    current: usize,
}

impl Phases {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self {
            all: phases(faults),
            current: 0,
        }
    }

    #[inline]
    pub(crate) fn at(&mut self, now: Nanos) -> &Phase {
        while now >= self.all[self.current].until && self.current + 1 < self.all.len() {
            self.current += 1;
        }
        &self.all[self.current]
    }

    /// The phases from the one of this time on.
    pub(crate) fn from(&self, time: Nanos) -> impl Iterator<Item = &Phase> {
        let rest = self.all[self.current..].iter();
        rest.skip_while(move |phase| phase.until <= time && phase.until != Nanos::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_may_overlap() {
        let fault = |effect, from, lasts| {
            Fault::new(
                effect,
                Duration::from_nanos(from),
                Duration::from_nanos(lasts),
            )
        };
        let mut phases = Phases::new(&[
            fault(Effect::BrownOut(0.5), 10, 20),
            fault(Effect::BrownOut(0.5), 20, 20),
            fault(Effect::Outage, 25, 5),
        ]);
        let mut speeds = Vec::new();
        for now in [0, 9, 10, 20, 25, 30, 40, 41] {
            let phase = phases.at(now);
            speeds.push((phase.speed, phase.is_out));
        }
        let expected = [
            (1.0, false),
            (1.0, false),
            (0.5, false),
            (0.25, false),
            (0.25, true),
            (0.5, false),
            (1.0, false),
            (1.0, false),
        ];
        assert_eq!(speeds, expected);
    }
}
