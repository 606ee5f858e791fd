//! A quantile of what recent responses took, as they come in.
//!
//! Counts in buckets that grow by a thirty-second of a power of two. Older counts fade: each time that
//! enough have come, all are halved.
//!
//! Where a hedge was answered first, the response to the first request is never seen; it is only known
//! to have taken longer. To take the time of the hedge for it would draw the quantile down, so that
//! more would be hedged, and so on: measured, 5.8 % instead of 5 %. So it counts as what it is, an
//! observation that was cut short, and the quantile is that of Kaplan and Meier.

use std::time::Duration;

/// Recent latencies.
#[derive(Clone, Debug)]
pub(super) struct Latencies {
    counts: Vec<Count>,
    total: u32,
    seen: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    answered: u32,
    /// Not answered yet, and no longer looked at.
    cut: u32,
}

impl Latencies {
    pub(super) fn new() -> Self {
        Self {
            counts: vec![Count::default(); BUCKETS],
            total: 0,
            seen: 0,
        }
    }

    /// A response took so long, or longer if it was `cut`.
    pub(super) fn record(&mut self, latency: Duration, was_cut: bool) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        let count = &mut self.counts[bucket(nanos)];
        if was_cut {
            count.cut += WEIGHT;
        } else {
            count.answered += WEIGHT;
        }
        self.total += WEIGHT;
        self.seen += 1;
        if self.total >= RECENT * WEIGHT {
            self.total = 0;
            for count in &mut self.counts {
                count.answered /= 2;
                count.cut /= 2;
                self.total += count.answered + count.cut;
            }
        }
    }

    /// How many have been recorded.
    pub(super) const fn seen(&self) -> u64 {
        self.seen
    }

    /// What this share of them took at most; zero if there are none.
    pub(super) fn quantile(&self, share: f64) -> Duration {
        let mut longest = Duration::ZERO;
        // The share of those that take longer than the buckets so far, and how many that are known of.
        let (mut longer, mut known) = (1.0, f64::from(self.total));
        for (bucket, count) in self.counts.iter().enumerate() {
            let (answered, cut) = (f64::from(count.answered), f64::from(count.cut));
            if answered + cut == 0.0 {
                continue;
            }
            let (low, high) = (lower_bound(bucket), lower_bound(bucket + 1));
            let (low, width) = (Duration::from_nanos(low), Duration::from_nanos(high - low));
            let rest = longer * (1.0 - answered / (known - cut / 2.0));
            if rest <= 1.0 - share {
                let within = (longer - (1.0 - share)) / (longer - rest);
                return low + width.mul_f64(within.clamp(0.0, 1.0));
            }
            longest = low + width;
            longer = rest;
            known -= answered + cut;
        }
        longest
    }
}

fn bucket(nanos: u64) -> usize {
    let nanos = nanos.clamp(SHORTEST, LONGEST);
    let power = nanos.ilog2();
    let step = (nanos >> (power - STEPS.ilog2())) - STEPS;
    let whole = u64::from(power - SHORTEST.ilog2()) * STEPS;
    usize::try_from(whole + step).unwrap_or(BUCKETS - 1)
}

fn lower_bound(bucket: usize) -> u64 {
    let (power, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    (STEPS + step) << power << (SHORTEST.ilog2() - STEPS.ilog2())
}

/// Buckets in each power of two.
const STEPS: u64 = 32;
/// A microsecond and 18 minutes, in nanoseconds: no response takes less, and no one waits for more.
const SHORTEST: u64 = 1 << 10;
const LONGEST: u64 = (1 << 40) - 1;
const BUCKETS: usize = 30 * 32;
/// The quantile is that of 2,500 to 5,000 responses, of which 125 to 250 are above the 95th percentile:
/// so many must be slow for it to move. With fewer it is less exact, and more of the hedges that are
/// wanted come when the allowance is used up.
const RECENT: u32 = 5000;
/// Of one response, so that halving leaves something of buckets with few of them.
const WEIGHT: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_all_latencies() {
        for latency in [
            0,
            1024,
            1055,
            1056,
            2047,
            2048,
            1_000_003,
            LONGEST,
            u64::MAX,
        ] {
            let (bucket, latency) = (bucket(latency), latency.clamp(SHORTEST, LONGEST));
            assert!(bucket < BUCKETS);
            assert!(lower_bound(bucket) <= latency, "{latency}");
            assert!(latency < lower_bound(bucket + 1), "{latency}");
        }
        let mut latencies = Latencies::new();
        assert_eq!(latencies.quantile(0.5), Duration::ZERO);
        latencies.record(Duration::MAX, false);
        assert!(latencies.quantile(0.95) > Duration::from_secs(1000));
    }

    #[test]
    fn quantiles_follow_the_latencies_and_forget_old_ones() {
        let mut latencies = Latencies::new();
        let mut record = |factor: u64| {
            for latency in (1..=1000).cycle().step_by(7).take(20_000) {
                latencies.record(Duration::from_millis(latency * factor), false);
            }
            [0.5, 0.95].map(|share| latencies.quantile(share).as_millis())
        };
        let [median, high] = record(1);
        assert!((490..=510).contains(&median), "{median}");
        assert!((940..=960).contains(&high), "{high}");
        let [median, high] = record(5);
        assert!((2450..=2550).contains(&median), "{median}");
        assert!((4700..=4800).contains(&high), "{high}");
    }

    /// A quantile is found within a bucket, by its share of those in it.
    #[test]
    fn a_bucket_is_divided_evenly() {
        let (first, second) = (Duration::from_nanos(2048), Duration::from_nanos(1 << 20));
        let mut latencies = Latencies::new();
        for _ in 0..100 {
            latencies.record(first, false);
            latencies.record(second, false);
        }
        // A bucket is as wide as a thirty-second of where its power of two begins.
        for (share, expected) in [
            (0.125, first + first / 32 / 4),
            (0.25, first + first / 32 / 2),
            (0.75, second + second / 32 / 2),
        ] {
            assert_eq!(latencies.quantile(share), expected, "{share}");
        }
    }

    /// Kaplan and Meier's estimate, by hand: those cut in a bucket are at risk in half of it.
    #[test]
    fn a_bucket_with_as_many_cut_as_answered_counts() {
        let at = |millis| Duration::from_millis(millis);
        let mut latencies = Latencies::new();
        for (millis, was_cut) in [(1, false), (1, true), (8, false), (8, false), (64, false)] {
            for _ in 0..20 {
                latencies.record(at(millis), was_cut);
            }
        }
        // Of 5 parts, 1 of 4.5 is answered in the first bucket: 7/9 take longer. Then 2 of 3 are
        // answered: 7/27 take longer.
        assert!(latencies.quantile(0.22) < at(2));
        assert!(latencies.quantile(0.23) > at(7));
        assert!(latencies.quantile(0.74) < at(9));
        assert!(latencies.quantile(0.75) > at(60));
    }

    /// Half of the latencies above 500 are cut there: the others show what they would have been.
    #[test]
    fn what_was_cut_short_would_have_taken_longer() {
        let mut latencies = Latencies::new();
        for latency in (1..=1000).cycle().step_by(7).take(10_000) {
            let was_cut = latency > 500 && latency % 2 == 0;
            let seen = if was_cut { 500 } else { latency };
            latencies.record(Duration::from_millis(seen), was_cut);
        }
        let high = latencies.quantile(0.8).as_millis();
        assert!((770..=830).contains(&high), "{high}");
        for _ in 0..5000 {
            latencies.record(Duration::from_secs(1), true);
        }
        assert!(latencies.quantile(0.95) >= Duration::from_secs(1));
    }
}
