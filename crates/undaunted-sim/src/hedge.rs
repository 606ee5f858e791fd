//! Hedges: a second request when the response to the first takes long.
//!
//! The decision only: after how long, and whether there is an allowance for it. The core does not
//! hedge yet; when it does, its decision takes the place of this one.

use std::time::Duration;

use crate::time::{Nanos, nanos};

/// When a second request is sent, and how many of them.
///
/// Only for operations that may be repeated. The first response counts.
///
/// ```
/// use undaunted_sim::{Hedge, HedgeAfter};
///
/// let hedge = Hedge { after: HedgeAfter::Quantile(0.95), most: 0.05 };
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hedge {
    /// The time without a response after which it is sent.
    pub after: HedgeAfter,
    /// The share of requests that may be hedged, in the long run.
    pub most: f64,
}

/// The time without a response after which a hedge is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HedgeAfter {
    /// Always the same. When the service as a whole becomes slow, it is a load.
    Fixed(Duration),
    /// What this share of the recent responses took at most. It moves with the service.
    Quantile(f64),
}

/// The hedges of a process.
#[derive(Clone, Debug)]
pub(crate) struct Hedger {
    hedge: Hedge,
    tokens: f64,
    /// Counts of recent latencies, in buckets that grow by an eighth of a power of two.
    counts: Vec<u32>,
    total: u32,
    /// The quantile, as of the last look.
    delay: Option<Nanos>,
    since_look: u32,
}

impl Hedger {
    pub(crate) fn new(hedge: Hedge) -> Self {
        let is_live = matches!(hedge.after, HedgeAfter::Quantile(_));
        Self {
            hedge,
            tokens: BURST,
            counts: vec![0; if is_live { BUCKETS } else { 0 }],
            total: 0,
            delay: match hedge.after {
                HedgeAfter::Fixed(delay) => Some(nanos(delay)),
                HedgeAfter::Quantile(_) => None,
            },
            since_look: 0,
        }
    }

    /// A first request is sent: after how long a hedge follows, if the delay is known.
    pub(crate) fn on_request(&mut self) -> Option<Nanos> {
        self.tokens = (self.tokens + self.hedge.most).min(BURST);
        self.delay
    }

    /// Whether the allowance has room for a hedge, which it then takes.
    pub(crate) fn withdraw(&mut self) -> bool {
        let has_room = self.tokens >= 1.0;
        if has_room {
            self.tokens -= 1.0;
        }
        has_room
    }

    /// A response took so long, with the hedge's help or without.
    pub(crate) fn observe(&mut self, latency: Nanos) {
        let HedgeAfter::Quantile(quantile) = self.hedge.after else {
            return;
        };
        self.counts[bucket(latency)] += 1;
        self.total += 1;
        self.since_look += 1;
        if self.since_look >= LOOK_EVERY {
            self.since_look = 0;
            self.delay = Some(self.quantile(quantile));
        }
        if self.total >= RECENT {
            for count in &mut self.counts {
                *count /= 2;
            }
            self.total = self.counts.iter().sum();
        }
    }

    fn quantile(&self, quantile: f64) -> Nanos {
        let wanted = quantile * f64::from(self.total);
        let mut below = 0.0;
        for (bucket, count) in self.counts.iter().enumerate() {
            let count = f64::from(*count);
            if count > 0.0 && below + count >= wanted {
                let (low, high) = (lower_bound(bucket), lower_bound(bucket + 1));
                let within = (wanted - below) / count;
                return low + crate::time::from_seconds((high - low) as f64 * within / 1e9);
            }
            below += count;
        }
        Nanos::MAX
    }
}

fn bucket(latency: Nanos) -> usize {
    let latency = latency.max(EIGHTHS);
    let power = latency.ilog2();
    let eighth = (latency >> (power - 3)) - EIGHTHS;
    (power as usize - 3) * 8 + usize::try_from(eighth).unwrap_or(0)
}

fn lower_bound(bucket: usize) -> Nanos {
    let (power, eighth) = (bucket / 8, bucket as u64 % 8);
    if bucket < BUCKETS {
        (EIGHTHS + eighth) << power
    } else {
        Nanos::MAX
    }
}

const EIGHTHS: u64 = 8;
const BUCKETS: usize = 61 * 8;
/// Hedges that may come together: a service that becomes slow suddenly is not met with more.
const BURST: f64 = 10.0;
/// The quantile is that of so many responses, of which older ones count half.
const RECENT: u32 = 10_000;
const LOOK_EVERY: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_all_latencies() {
        for latency in [0, 8, 9, 15, 16, 1_000_003, u64::MAX] {
            let bucket = bucket(latency);
            assert!(bucket < BUCKETS);
            assert!(lower_bound(bucket) <= latency.max(8));
            assert!(latency <= lower_bound(bucket + 1) || bucket == BUCKETS - 1);
        }
    }

    #[test]
    fn the_delay_follows_the_latencies() {
        let mut hedger = Hedger::new(Hedge {
            after: HedgeAfter::Quantile(0.95),
            most: 0.05,
        });
        assert_eq!(hedger.on_request(), None);
        for milliseconds in (1..=1000).cycle().take(10_000) {
            hedger.observe(milliseconds * 1_000_000);
        }
        let delay = hedger.on_request().unwrap();
        assert!((940_000_000..=960_000_000).contains(&delay), "{delay}");
    }

    #[test]
    fn the_allowance_is_a_share_of_the_requests() {
        let mut hedger = Hedger::new(Hedge {
            after: HedgeAfter::Fixed(Duration::ZERO),
            most: 0.05,
        });
        let sent = (0..10_000).filter(|_| {
            hedger.on_request();
            hedger.withdraw()
        });
        let sent = sent.count();
        assert!((500..=510).contains(&sent), "{sent}");
    }
}
