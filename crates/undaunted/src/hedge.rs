//! Hedged reads: when a second request is sent for a response that takes long.
//!
//! Of many requests a few take far longer than the others, for no reason that lasts: a second one
//! would have been answered long before. A [`Hedger`] says when that second one is sent, and keeps it
//! from being a load where the service as a whole is slow:
//!
//! - The delay is a live quantile of what responses take, so it moves with the service.
//! - Hedges have an allowance of their own: 10 at first and at most, a success adds a twentieth, and
//!   a hedge costs 1. So they are 5 % of all requests at most, in the long run.
//! - Where far more requests pass the delay than should it is the service that is slow, and not this
//!   request: then nothing is hedged. When all become slow at once, some ten hedges are sent in all.
//! - Nothing is hedged while the service throttles, or the budget for retries is low. A throttled
//!   response empties the allowance.
//!
//! With latencies as they are usually distributed, 5 % more requests bring the 99th percentile to
//! less than two thirds, and the 99.9th to less than half.

mod latencies;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::budget::RetryBudget;
use crate::config::{Hedge, HedgeAfter};
use crate::pacer::Pacer;
use latencies::Latencies;

/// When and to which of its requests a read got its response, for a [`Hedger`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HedgedResponse {
    /// Before it was overdue.
    InTime,
    /// To its first request, and [late](Hedger::on_overdue).
    Late,
    /// To its hedge.
    ByHedge,
}

/// Decides which reads are hedged, for all that share it: those of one store.
///
/// It is pure, as [`RetryState`](crate::RetryState) is: it is told what happened, and reads no clock.
///
/// ```
/// use std::time::Duration;
/// use undaunted::{Hedge, HedgedResponse, Hedger};
///
/// let hedger = Hedger::new(Hedge::default());
/// for _ in 0..100 {
///     // How long responses take is not known yet.
///     let _ = hedger.delay();
///     hedger.on_response(Duration::from_millis(5), HedgedResponse::InTime);
/// }
/// assert!(hedger.delay().is_some_and(|delay| delay < Duration::from_millis(12)));
/// // A request has waited for that long: a hedge may be sent.
/// hedger.on_overdue();
/// assert!(hedger.withdraw(None, None));
/// hedger.on_response(Duration::from_millis(16), HedgedResponse::ByHedge);
/// assert_eq!((hedger.issued(), hedger.won()), (1, 1));
/// ```
#[derive(Debug)]
pub struct Hedger {
    hedge: Hedge,
    state: Mutex<State>,
    issued: AtomicU64,
    won: AtomicU64,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    /// The share of the recent requests that passed the delay.
    overdue: f64,
    latencies: Option<Latencies>,
    delay: Option<Duration>,
}

impl Hedger {
    /// A hedger that has seen no response.
    #[must_use]
    pub fn new(hedge: Hedge) -> Self {
        let (latencies, delay) = match hedge.after() {
            HedgeAfter::Fixed(delay) => (None, Some(delay)),
            HedgeAfter::Quantile(_) => (Some(Latencies::new()), hedge.first_delay()),
        };
        Self {
            hedge,
            state: Mutex::new(State {
                tokens: BURST,
                overdue: 0.0,
                latencies,
                delay,
            }),
            issued: AtomicU64::new(0),
            won: AtomicU64::new(0),
        }
    }

    /// The policy.
    #[must_use]
    pub const fn hedge(&self) -> &Hedge {
        &self.hedge
    }

    /// After how long without a response a request that is sent now is overdue; `None` until enough
    /// responses have come to know.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        self.lock().delay
    }

    /// A request has had no response for its delay.
    pub fn on_overdue(&self) {
        self.lock().note(true);
    }

    /// Whether a request that is [overdue](Self::on_overdue) is sent a second time now, which is then
    /// paid for. The pacer and the budget are those of the request, if it has any.
    #[must_use]
    pub fn withdraw(&self, pacer: Option<&Pacer>, budget: Option<&RetryBudget>) -> bool {
        let mut state = self.lock();
        let is_allowed = state.tokens >= 1.0 || self.hedge.most() >= 1.0;
        let is_throttled = pacer.is_some_and(Pacer::is_active);
        let is_low = budget.is_some_and(|budget| budget.tokens() < budget.capacity() / 2);
        let all_are_slow = state.overdue > overload(&self.hedge);
        let may = is_allowed && !is_throttled && !is_low && !all_are_slow;
        if may {
            state.tokens -= 1.0;
            self.issued.fetch_add(1, Ordering::Relaxed);
        }
        may
    }

    /// A read was answered as it should be, so long after its first request was sent, whichever of its
    /// requests it was.
    pub fn on_response(&self, latency: Duration, response: HedgedResponse) {
        let mut state = self.lock();
        match response {
            HedgedResponse::InTime => state.note(false),
            HedgedResponse::Late => {}
            HedgedResponse::ByHedge => {
                self.won.fetch_add(1, Ordering::Relaxed);
            }
        }
        state.tokens = (state.tokens + self.hedge.most()).min(BURST);
        let HedgeAfter::Quantile(share) = self.hedge.after() else {
            return;
        };
        let Some(latencies) = &mut state.latencies else {
            return;
        };
        latencies.record(latency, response == HedgedResponse::ByHedge);
        let seen = latencies.seen();
        if seen >= FEWEST && seen % LOOK_EVERY == 0 {
            let median = latencies.quantile(0.5);
            let delay = latencies.quantile(share).max(median * 2);
            state.delay = Some(delay);
        }
    }

    /// The service said "slow down" to a request, or to a hedge.
    pub fn on_throttled(&self) {
        self.lock().tokens = 0.0;
    }

    /// How many hedges were sent.
    #[must_use]
    pub fn issued(&self) -> u64 {
        self.issued.load(Ordering::Relaxed)
    }

    /// How many hedges were answered first.
    #[must_use]
    pub fn won(&self) -> u64 {
        self.won.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything in here can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Each request is noted once: when it passes its delay, or else when it is answered. So what is
    /// slow is known when it is, and not when it ends.
    fn note(&mut self, is_overdue: bool) {
        self.overdue += (f64::from(u8::from(is_overdue)) - self.overdue) / MEMORY;
    }
}

/// The share of late requests above which it is the service that is slow. It is to be far above the
/// share that is late where nothing is wrong, and below all of them, so the odds are compared: with
/// 5 % that is a fifth, with a half five in six. Of the requests that are late by chance, one in 3,000
/// is not hedged for it.
fn overload(hedge: &Hedge) -> f64 {
    if hedge.most() >= 1.0 {
        // Whoever says so has every late read sent twice.
        return 1.0;
    }
    let expected = match hedge.after() {
        // The delay is at least twice the median, so half are in time, whatever the quantile.
        HedgeAfter::Quantile(share) => (1.0 - share).min(0.5),
        // Nobody knows better than who chose the delay.
        HedgeAfter::Fixed(_) => hedge.most(),
    };
    let expected = expected.max(FEW);
    let in_excess = OVERLOAD * expected;
    in_excess / (1.0 - expected + in_excess)
}

/// Hedges that may come together: a service that becomes slow suddenly is not met with more.
const BURST: f64 = 10.0;

/// How many times the odds that a request is late are those that are expected, where the service is slow.
const OVERLOAD: f64 = 4.75;

/// Where fewer are expected to be late, two or three that are late by chance would say too much.
const FEW: f64 = 0.05;

/// Requests over which that share is taken: the eighth slow one in a row is not hedged.
const MEMORY: f64 = 32.0;

/// Responses before a quantile of them means something: of 50, two or three are above the 95th.
const FEWEST: u64 = 50;

/// It takes half a microsecond.
const LOOK_EVERY: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn warm(hedge: Hedge) -> Hedger {
        let hedger = Hedger::new(hedge);
        for _ in 0..FEWEST {
            hedger.on_response(MILLISECOND, HedgedResponse::InTime);
        }
        hedger
    }

    fn hedges(hedger: &Hedger) -> bool {
        hedger.on_overdue();
        hedger.withdraw(None, None)
    }

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn nothing_is_known_before_enough_responses_have_come_unless_it_was_said() {
        let hedger = Hedger::new(Hedge::default());
        for _ in 1..FEWEST {
            hedger.on_response(MILLISECOND, HedgedResponse::InTime);
        }
        assert_eq!(hedger.delay(), None);
        hedger.on_response(MILLISECOND, HedgedResponse::InTime);
        // All take the same, so twice the median counts.
        let delay = hedger.delay().unwrap();
        assert!((2 * MILLISECOND..5 * MILLISECOND / 2).contains(&delay));
        let told = Hedger::new(Hedge::default().with_first_delay(MILLISECOND));
        assert_eq!(told.delay(), Some(MILLISECOND));
    }

    #[test]
    fn the_allowance_is_a_share_of_the_requests() {
        let hedge = Hedge::new(HedgeAfter::Quantile(0.95), 0.05).unwrap();
        let hedger = warm(hedge);
        // One in ten is overdue: twice what may be hedged, and no overload.
        for number in 0..10_000 {
            let is_overdue = number % 10 == 0;
            let _ = is_overdue && hedges(&hedger);
            hedger.on_response(
                MILLISECOND,
                if is_overdue {
                    HedgedResponse::Late
                } else {
                    HedgedResponse::InTime
                },
            );
        }
        assert!(
            (500..=510).contains(&hedger.issued()),
            "{}",
            hedger.issued()
        );
    }

    #[test]
    fn a_crowd_that_becomes_slow_at_once_is_hardly_hedged() {
        let hedger = warm(Hedge::default());
        let issued = (0..1000).filter(|_| hedges(&hedger)).count();
        assert_eq!(issued, 7);
        // Nor while they are answered one by one, and others follow them.
        for _ in 0..1000 {
            hedger.on_response(100 * MILLISECOND, HedgedResponse::Late);
            assert!(!hedges(&hedger));
        }
    }

    /// The allowance is no limit here, so it is the guard that ends them.
    #[test]
    fn an_overload_is_known_as_one_however_many_may_be_hedged() {
        let fixed = HedgeAfter::Fixed(MILLISECOND);
        for (after, most, expected) in [
            (HedgeAfter::Quantile(0.95), 0.25, 7),
            (HedgeAfter::Quantile(0.95), 0.99, 7),
            (HedgeAfter::Quantile(0.95), 1.0, 1000),
            (HedgeAfter::Quantile(0.99), 0.05, 7),
            (HedgeAfter::Quantile(0.5), 0.5, 55),
            (HedgeAfter::Quantile(0.01), 0.9, 55),
            (fixed, 0.01, 7),
            (fixed, 0.5, 55),
            (fixed, 1.0, 1000),
        ] {
            let hedger = warm(Hedge::new(after, most).unwrap());
            let allowed = (0..1000).filter(|_| {
                hedger.lock().tokens = BURST;
                hedges(&hedger)
            });
            assert_eq!(allowed.count(), expected, "{after:?}, {most}");
        }
    }

    #[test]
    fn what_is_late_by_chance_is_no_overload() {
        for quantile in [0.5, 0.75, 0.95, 0.99] {
            let hedger = warm(Hedge::new(HedgeAfter::Quantile(quantile), 0.9).unwrap());
            let mut random = crate::backoff::Rng::new(7);
            let (mut late, mut refused) = (0, 0);
            for _ in 0..100_000 {
                let share = f64::from(u32::try_from(random.next() % 1000).unwrap()) / 1000.0;
                if share < quantile {
                    hedger.on_response(MILLISECOND, HedgedResponse::InTime);
                } else {
                    hedger.lock().tokens = BURST;
                    late += 1;
                    refused += u32::from(!hedges(&hedger));
                }
            }
            assert!(refused * 1000 <= late, "{refused} of {late}: {quantile}");
        }
    }

    #[test]
    fn hedges_are_counted_and_what_they_took_is_not_what_the_first_request_took() {
        let hedger = Hedger::new(Hedge::new(HedgeAfter::Quantile(0.6), 0.05).unwrap());
        for number in 0..100 {
            // Three in ten are late, so six in ten take at most a millisecond.
            let late = number % 10 < 3;
            let latency = if late { 10 * MILLISECOND } else { MILLISECOND };
            hedger.on_response(
                latency,
                if late {
                    HedgedResponse::Late
                } else {
                    HedgedResponse::InTime
                },
            );
        }
        let delay = hedger.delay().unwrap();
        assert!(
            (2 * MILLISECOND..5 * MILLISECOND / 2).contains(&delay),
            "{delay:?}"
        );
        for _ in 0..2 {
            assert!(hedges(&hedger));
            hedger.on_response(MILLISECOND, HedgedResponse::ByHedge);
        }
        assert_eq!((hedger.issued(), hedger.won()), (2, 2));
    }

    #[test]
    fn a_budget_is_low_below_half() {
        let budget = RetryBudget::with_capacity_and_refill(20, 0);
        let hedger = warm(Hedge::default());
        #[allow(clippy::disallowed_methods)]
        let now = std::time::Instant::now();
        for expected in [true, true, false] {
            // 15 tokens are left, 10, and 5.
            budget.withdraw(crate::Verdict::THROTTLED, now);
            assert_eq!(hedger.withdraw(None, Some(&budget)), expected, "{budget:?}");
        }
    }

    #[test]
    fn nothing_is_hedged_under_a_throttle_or_with_a_low_budget() {
        let hedger = warm(Hedge::default());
        let budget = RetryBudget::with_capacity_and_refill(20, 0);
        let pacer = Pacer::new();
        assert!(hedger.withdraw(Some(&pacer), Some(&budget)));
        #[allow(clippy::disallowed_methods)]
        let now = std::time::Instant::now();
        budget.withdraw(crate::Verdict::TRANSIENT, now);
        assert!(!hedger.withdraw(None, Some(&budget)));
        crate::Turn::new(&pacer).throttled(now);
        assert!(!hedger.withdraw(Some(&pacer), None));
        let other = warm(Hedge::default());
        other.on_throttled();
        assert!(!other.withdraw(None, None));
    }
}
