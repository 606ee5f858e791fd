//! Faults drawn from a seed: the same seed draws the same faults, whatever the order of calls.

use std::time::Duration;

use undaunted::HttpFailure;

use crate::failure::Failure;
use crate::fault::{CutAt, Fault};
use crate::operation::Operation;
use crate::random::Random;
use crate::rates::{Family, Rates};

/// The settings that a seeded plan draws its faults from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SeededFaults {
    pub(crate) seed: u64,
    pub(crate) rates: Rates,
    pub(crate) max_in_a_row: u32,
    pub(crate) delay: Duration,
    pub(crate) stall: Duration,
    pub(crate) retry_after: Duration,
}

impl SeededFaults {
    pub(crate) fn new(seed: u64, rates: Rates) -> Self {
        Self {
            seed,
            rates: rates.clamped(),
            max_in_a_row: DEFAULT_MAX_IN_A_ROW,
            delay: DEFAULT_DELAY,
            stall: DEFAULT_STALL,
            retry_after: DEFAULT_RETRY_AFTER,
        }
    }

    /// Draws for the `nth` call of a series, and keeps count of the faults in a row.
    ///
    /// The draw depends on nothing but its arguments. The position of a body fault is any
    /// number: the body's length is not known yet, so it is brought within it later.
    pub(crate) fn draw(
        &self,
        operation: Operation,
        series: u64,
        nth: u64,
        in_a_row: &mut u32,
    ) -> Option<Fault> {
        let mut random = Random::new(self.seed, series, nth);
        let family = self.family(operation, random.unit());
        match family {
            Some(family) if *in_a_row < self.max_in_a_row => {
                *in_a_row += 1;
                Some(self.fault(family, &mut random))
            }
            _ => {
                *in_a_row = 0;
                None
            }
        }
    }

    /// The family whose share of the unit interval holds `unit`.
    fn family(&self, operation: Operation, unit: f64) -> Option<Family> {
        let total = self.rates.total(operation).max(1.0);
        let mut share = 0.0;
        self.rates.of(operation).find_map(|(family, rate)| {
            share += rate / total;
            (unit < share).then_some(family)
        })
    }

    fn fault(&self, family: Family, random: &mut Random) -> Fault {
        match family {
            Family::Before => Fault::FailBefore(random.pick(&[
                Failure::Connect,
                Failure::Reset,
                Failure::Closed,
                Failure::Timeout,
            ])),
            Family::Error => Fault::FailBefore(random.pick(&[
                failed(500, "InternalError"),
                Failure::status(502),
                failed(503, "ServiceUnavailable"),
                Failure::status(504),
            ])),
            Family::Throttle => Fault::FailBefore(self.throttled(random)),
            Family::After => Fault::FailAfter(random.pick(&[
                Failure::Reset,
                Failure::Closed,
                Failure::Timeout,
                failed(500, "InternalError"),
                Failure::status(504),
            ])),
            Family::Delay => Fault::Delay(self.delay),
            Family::BreakBody => Fault::BreakBody {
                failure: break_off(random),
                at: random.next(),
            },
            Family::ShortBody => Fault::ShortBody { at: random.next() },
            Family::StallBody => Fault::StallBody {
                at: random.next(),
                lasts: self.stall,
            },
            Family::CorruptBody => Fault::CorruptBody { at: random.next() },
            Family::BreakList => Fault::BreakList {
                failure: break_off(random),
                after: list_length(random),
            },
            Family::CutDocument => Fault::CutDocument {
                at: CutAt::Byte(random.next()),
            },
            Family::Redirect => Fault::TemporaryRedirect { location: None },
        }
    }

    fn throttled(&self, random: &mut Random) -> Failure {
        let failure = random.pick(&[
            HttpFailure::new(503).with_code("SlowDown"),
            HttpFailure::new(429).with_code("TooManyRequests"),
        ]);
        let with_hint = random.pick(&[false, true]);
        Failure::Status(if with_hint {
            failure.with_retry_after(self.retry_after)
        } else {
            failure
        })
    }
}

/// How something breaks in the middle of a response.
fn break_off(random: &mut Random) -> Failure {
    random.pick(&[Failure::Reset, Failure::Closed, Failure::Timeout])
}

/// How many entries a broken list has at most: 0 to 1023, low numbers far more often, so that
/// short lists and long ones both break somewhere inside.
fn list_length(random: &mut Random) -> usize {
    let most = 1_u64 << (random.next() % 11);
    usize::try_from(random.next() % most).unwrap_or_default()
}

fn failed(status: u16, code: &str) -> Failure {
    Failure::Status(HttpFailure::new(status).with_code(code))
}

/// The default policy, three retries, still succeeds after three faults in a row.
pub(crate) const DEFAULT_MAX_IN_A_ROW: u32 = 3;
/// Long enough to reorder concurrent calls, short enough for a soak of thousands.
pub(crate) const DEFAULT_DELAY: Duration = Duration::from_millis(50);
/// Well above a healthy pause, and below the stall limits that clients set.
pub(crate) const DEFAULT_STALL: Duration = Duration::from_secs(1);
/// Long enough to tell a client that waits for the hint from one that does not.
pub(crate) const DEFAULT_RETRY_AFTER: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::call::IncomingCall;
    use crate::fault_kind::FaultKind;

    fn seeded(rates: Rates) -> SeededFaults {
        SeededFaults::new(7, rates)
    }

    fn draws(seeded: &SeededFaults, operation: Operation, key: &str, n: u64) -> Vec<Option<Fault>> {
        let series = IncomingCall::new(operation, key).series();
        let mut in_a_row = 0;
        (1..=n)
            .map(|nth| seeded.draw(operation, series, nth, &mut in_a_row))
            .collect()
    }

    #[test]
    fn a_draw_depends_on_seed_operation_key_and_number() {
        let rates = Rates {
            before: 0.5,
            ..Rates::default()
        };
        let base = draws(&seeded(rates), Operation::Get, "a", 64);
        assert_eq!(base, draws(&seeded(rates), Operation::Get, "a", 64));
        assert_ne!(base, draws(&seeded(rates), Operation::Get, "b", 64));
        assert_ne!(base, draws(&seeded(rates), Operation::Put, "a", 64));
        assert_ne!(
            base,
            draws(&SeededFaults::new(8, rates), Operation::Get, "a", 64)
        );
    }

    /// If this fails, every seed that anybody wrote down has changed its meaning.
    #[test]
    fn a_seed_means_the_same_for_ever() {
        let rates = Rates {
            before: 0.2,
            throttle: 0.2,
            after: 0.2,
            break_body: 0.2,
            ..Rates::default()
        };
        let texts = |operation| -> Vec<String> {
            draws(&seeded(rates), operation, "a/b", 5)
                .iter()
                .map(|fault| fault.as_ref().map_or("-".to_owned(), Fault::to_string))
                .collect()
        };
        assert_eq!(
            texts(Operation::Put),
            [
                "-",
                "fail_before (connection closed)",
                "fail_after (connection closed)",
                "fail_before (HTTP status 429 TooManyRequests)",
                "-"
            ]
        );
        assert_eq!(
            texts(Operation::Get),
            [
                "fail_before (connection refused)",
                "fail_before (connection refused)",
                "-",
                "fail_before (timeout)",
                "break_body at 7628782699605758335 (connection closed)"
            ]
        );
    }

    #[test]
    fn the_rates_are_kept() {
        let rates = Rates {
            before: 0.1,
            after: 0.2,
            ..Rates::default()
        };
        let mut unbounded = seeded(rates);
        unbounded.max_in_a_row = u32::MAX;
        let all = draws(&unbounded, Operation::Put, "k", 20_000);
        let count = |kind| {
            all.iter()
                .flatten()
                .filter(|fault| fault.kind() == kind)
                .count()
        };
        // Five standard deviations are 212 and 283.
        assert!(count(FaultKind::FailBefore).abs_diff(2_000) < 212);
        assert!(count(FaultKind::FailAfter).abs_diff(4_000) < 283);
    }

    #[test]
    fn rates_above_one_in_all_share_the_calls() {
        let mut both = seeded(Rates {
            before: 1.0,
            delay: 1.0,
            ..Rates::default()
        });
        both.max_in_a_row = u32::MAX;
        let all = draws(&both, Operation::Head, "k", 1000);
        let delays = all
            .iter()
            .filter(|fault| matches!(fault, Some(Fault::Delay(_))))
            .count();
        assert!(all.iter().all(Option::is_some));
        assert!((400..=600).contains(&delays), "{delays}");
    }

    #[test]
    fn faults_in_a_row_are_bounded() {
        let mut always = seeded(Rates {
            before: 1.0,
            ..Rates::default()
        });
        always.max_in_a_row = 2;
        let hit: Vec<_> = draws(&always, Operation::Get, "k", 7)
            .iter()
            .map(Option::is_some)
            .collect();
        assert_eq!(hit, [true, true, false, true, true, false, true]);
        always.max_in_a_row = 0;
        assert_eq!(draws(&always, Operation::Get, "k", 1), [None]);
    }

    #[test]
    fn every_family_draws_all_its_ways_to_fail() {
        let ways = |rates: Rates, operation| -> BTreeSet<String> {
            draws(&seeded(rates), operation, "k", 400)
                .into_iter()
                .flatten()
                .map(|fault| match fault {
                    Fault::BreakBody { failure, .. } | Fault::BreakList { failure, .. } => {
                        failure.to_string()
                    }
                    Fault::FailBefore(Failure::Status(failure)) => {
                        format!("{failure} {:?}", failure.retry_after())
                    }
                    Fault::FailBefore(failure) | Fault::FailAfter(failure) => failure.to_string(),
                    fault => fault.kind().to_string(),
                })
                .collect()
        };
        let one = |set: fn(&mut Rates)| {
            let mut rates = Rates::default();
            set(&mut rates);
            rates
        };
        assert_eq!(ways(one(|r| r.before = 1.0), Operation::Put).len(), 4);
        assert_eq!(ways(one(|r| r.error = 1.0), Operation::Put).len(), 4);
        assert_eq!(ways(one(|r| r.after = 1.0), Operation::Put).len(), 5);
        assert_eq!(ways(one(|r| r.break_body = 1.0), Operation::Get).len(), 3);
        assert_eq!(ways(one(|r| r.break_list = 1.0), Operation::List).len(), 3);
        assert_eq!(
            ways(one(|r| r.throttle = 1.0), Operation::Put),
            BTreeSet::from([
                "HTTP status 429 TooManyRequests None".to_owned(),
                "HTTP status 429 TooManyRequests Some(100ms)".to_owned(),
                "HTTP status 503 SlowDown None".to_owned(),
                "HTTP status 503 SlowDown Some(100ms)".to_owned(),
            ])
        );
    }

    #[test]
    fn lost_responses_never_claim_that_nothing_was_applied() {
        let rates = Rates {
            after: 1.0,
            ..Rates::default()
        };
        for fault in draws(&seeded(rates), Operation::Put, "k", 400)
            .into_iter()
            .flatten()
        {
            let Fault::FailAfter(failure) = fault else {
                panic!("{fault}")
            };
            let honest = match &failure {
                Failure::Connect => false,
                Failure::Status(failure) => !failure.proves_not_applied(),
                _ => true,
            };
            assert!(honest, "{failure}");
        }
    }
}
