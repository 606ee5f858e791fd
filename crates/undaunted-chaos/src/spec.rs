//! All settings of seeded faults, as a value and as a line of text.

pub(crate) mod duration;
pub(crate) mod error;
pub(crate) mod parse;
mod profile;
pub(crate) mod setting;

use std::fmt;
use std::time::Duration;

use crate::fault_kind::FaultKind;
use crate::plan::FaultPlan;
use crate::rates::{Family, Rates};
use crate::seeded::{DEFAULT_DELAY, DEFAULT_RETRY_AFTER, DEFAULT_STALL, SeededFaults};

/// Which seeded faults to inject, written as one line: a profile, then `key=value` pairs, with
/// commas between. Either may be left out.
///
/// | profile | what it does |
/// | --- | --- |
/// | `blackout` | no response comes for 5 s from the first call on |
/// | `flaky` | a bit of everything: broken connections, 5xx, lost responses, bodies that break or end short, broken lists; hits 30 % of writes, reads and lists |
/// | `lossy` | a bad network: broken connections, lost responses, bodies that break or end short, broken lists; hits 25 % of them |
/// | `throttled` | 30 % of all calls are told to slow down (429 or 503), half of them with a hint of 100 ms |
///
/// | key | value | default | meaning |
/// | --- | --- | --- | --- |
/// | `seed` | 0 to 2^64 - 1 | 42 | which faults are drawn |
/// | `rate` | 0 to 1 | the profile's | scales the profile's rates to this share of calls; `flaky`'s where no profile has any |
/// | `before` | 0 to 1 | 0 | the connection fails (refused, reset, closed, timeout), nothing is applied |
/// | `error` | 0 to 1 | 0 | 500, 502, 503 or 504, nothing is applied |
/// | `throttle` | 0 to 1 | 0 | 429 or 503 `SlowDown` |
/// | `after` | 0 to 1 | 0 | writes: applied, then the response is lost |
/// | `delay` | 0 to 1 | 0 | the call waits for `delay_for`, then continues |
/// | `break_body` | 0 to 1 | 0 | reads: the body breaks somewhere |
/// | `short_body` | 0 to 1 | 0 | reads: the body ends cleanly too soon |
/// | `stall_body` | 0 to 1 | 0 | reads: the body stops for `stall_for` somewhere, then continues |
/// | `corrupt_body` | 0 to 1 | 0 | reads: one byte arrives changed |
/// | `break_list` | 0 to 1 | 0 | lists: the list breaks after some entries |
/// | `cut_document` | 0 to 1 | 0 | lists, copies, bulk deletes, starts and completions of uploads: the XML document ends cleanly too soon; for a server only |
/// | `redirect` | 0 to 1 | 0 | 307 to the same address, nothing is applied |
/// | `max_in_a_row` | 0 to 2^32 - 1 | 3 | no more faults than this hit one operation on one key in a row |
/// | `delay_for` | a duration | 50ms | how long `delay` waits |
/// | `stall_for` | a duration | 1s | how long `stall_body` stops |
/// | `retry_after` | a duration | 100ms | the hint of every other throttled response |
/// | `blackout` | a duration | 0s | no response comes for so long from the first call on |
///
/// A duration is `500ms`, `2m`, `1h` or the like, or a number of seconds. A rate that is given takes
/// the place of the profile's, after `rate` has scaled that, wherever it stands.
///
/// ```
/// use undaunted_chaos::ChaosSpec;
///
/// let spec: ChaosSpec = "flaky,seed=7,rate=0.5,break_list=0".parse()?;
/// assert_eq!(spec.seed(), 7);
/// assert_eq!(spec.rates().break_list, 0.0);
///
/// // What it prints gives the same faults again.
/// let again: ChaosSpec = spec.to_string().parse()?;
/// assert_eq!(again, spec);
/// let plan = spec.plan();
///
/// let wrong = "flaky,before=2".parse::<ChaosSpec>().unwrap_err();
/// assert_eq!(wrong.to_string(), "`before=2`: a rate is a number from 0 to 1, such as 0.1");
/// # Ok::<(), undaunted_chaos::SpecError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ChaosSpec {
    pub(crate) seeded: SeededFaults,
    pub(crate) blackout: Duration,
}

impl ChaosSpec {
    /// The seed where none is given, so that a run without one can be repeated too.
    pub const DEFAULT_SEED: u64 = 42;

    /// These rates, and the default of everything else. Rates out of range are brought into
    /// it, as [`Rates`] says.
    #[must_use]
    pub fn new(seed: u64, rates: Rates) -> Self {
        Self {
            seeded: SeededFaults::new(seed, rates),
            blackout: Duration::ZERO,
        }
    }

    /// Sets the seed.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seeded.seed = seed;
        self
    }

    /// Sets how many faults in a row may hit one operation on one key (for a part also its
    /// number); the default is 3. Delays and stalls count. At 0 nothing is drawn at all.
    #[must_use]
    pub const fn with_max_in_a_row(mut self, max_in_a_row: u32) -> Self {
        self.seeded.max_in_a_row = max_in_a_row;
        self
    }

    /// Sets how long a delayed call waits; the default is 50 ms.
    #[must_use]
    pub const fn with_delay(mut self, lasts: Duration) -> Self {
        self.seeded.delay = lasts;
        self
    }

    /// Sets how long a stalled body stops; the default is 1 s.
    #[must_use]
    pub const fn with_stall(mut self, lasts: Duration) -> Self {
        self.seeded.stall = lasts;
        self
    }

    /// Sets the hint of every other throttled response; the default is 100 ms.
    #[must_use]
    pub const fn with_retry_after(mut self, hint: Duration) -> Self {
        self.seeded.retry_after = hint;
        self
    }

    /// Sets how long no response comes from the first call on; the default is zero, which is no
    /// blackout. Its failures come on top of `max_in_a_row`.
    #[must_use]
    pub const fn with_blackout(mut self, lasts: Duration) -> Self {
        self.blackout = lasts;
        self
    }

    /// The seed.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seeded.seed
    }

    /// The rates, each within 0 to 1.
    #[must_use]
    pub const fn rates(&self) -> Rates {
        self.seeded.rates
    }

    /// How many faults in a row may hit one operation on one key.
    #[must_use]
    pub const fn max_in_a_row(&self) -> u32 {
        self.seeded.max_in_a_row
    }

    /// How long no response comes from the first call on.
    #[must_use]
    pub const fn blackout(&self) -> Duration {
        self.blackout
    }

    /// The kind of its faults that only a server can carry out, if it has one.
    #[must_use]
    pub fn needs_server(&self) -> Option<FaultKind> {
        (self.rates().cut_document > 0.0).then_some(FaultKind::CutDocument)
    }

    /// A new plan, with no call counted yet.
    #[must_use]
    pub fn plan(&self) -> FaultPlan {
        FaultPlan::blackout(self.blackout).with_seeded(self.seeded.clone())
    }
}

/// Prints every setting out and no profile, so that the line keeps its meaning even if a later
/// version changes a profile.
impl fmt::Display for ChaosSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeded = &self.seeded;
        write!(f, "seed={}", seeded.seed)?;
        for family in Family::ALL {
            let rate = seeded.rates.rate(*family);
            if rate > 0.0 {
                write!(f, ",{}={rate}", family.name())?;
            }
        }
        if seeded.rates.is_zero() {
            f.write_str(",rate=0")?;
        }
        write!(f, ",max_in_a_row={}", seeded.max_in_a_row)?;
        let durations = [
            ("delay_for", seeded.delay, DEFAULT_DELAY),
            ("stall_for", seeded.stall, DEFAULT_STALL),
            ("retry_after", seeded.retry_after, DEFAULT_RETRY_AFTER),
            ("blackout", self.blackout, Duration::ZERO),
        ];
        for (key, lasts, default) in durations {
            if lasts != default {
                write!(f, ",{key}={}", duration::written(lasts))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::IncomingCall;
    use crate::operation::Operation;

    #[test]
    fn what_is_printed_reads_back_the_same() {
        let specs = [
            "flaky",
            "flaky,seed=7,rate=0.55",
            "lossy,max_in_a_row=1",
            "throttled,retry_after=7us",
            "blackout",
            "blackout,rate=0.1",
            "rate=0",
            "before=0.1,delay=0.25,delay_for=90s,stall_for=1ns",
        ];
        for text in specs {
            let spec: ChaosSpec = text.parse().unwrap();
            let again: ChaosSpec = spec.to_string().parse().unwrap();
            assert_eq!(again, spec, "{text} as {spec}");
        }
    }

    #[test]
    fn it_prints_what_it_will_do() {
        let spec: ChaosSpec = "throttled,blackout=120s,delay=0.5".parse().unwrap();
        assert_eq!(
            spec.to_string(),
            "seed=42,throttle=0.3,delay=0.5,max_in_a_row=3,blackout=2m"
        );
        let nothing: ChaosSpec = "flaky,rate=0".parse().unwrap();
        assert_eq!(nothing.to_string(), "seed=42,rate=0,max_in_a_row=3");
    }

    #[test]
    fn settings_reach_the_plan() {
        let spec = ChaosSpec::new(
            1,
            Rates {
                delay: 2.0,
                ..Rates::default()
            },
        )
        .with_seed(3)
        .with_max_in_a_row(1)
        .with_delay(Duration::from_secs(7))
        .with_stall(Duration::from_secs(8))
        .with_retry_after(Duration::from_secs(9))
        .with_blackout(Duration::from_secs(10));
        assert_eq!(
            spec.to_string(),
            "seed=3,delay=1,max_in_a_row=1,delay_for=7s,stall_for=8s,retry_after=9s,blackout=10s"
        );
        assert_eq!((spec.seed(), spec.max_in_a_row()), (3, 1));
        assert_eq!(spec.blackout(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn every_plan_counts_for_itself() {
        let spec: ChaosSpec = "before=1,max_in_a_row=1".parse().unwrap();
        for _ in 0..2 {
            let plan = spec.plan();
            let call = IncomingCall::new(Operation::Get, "k");
            let first = plan.begin(&call).before().await;
            let second = plan.begin(&call).before().await;
            assert!(first.is_err() && second.is_ok());
            assert_eq!(plan.injected(FaultKind::FailBefore), 1);
        }
    }
}
