//! The decision: what happens after a failure. Pure, so that every front decides the same.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::budget::{FIRST_ATTEMPT_DEPOSIT, RetryBudget};
use crate::classify::{TimedOut, Verdict};
use crate::config::RetryConfig;

/// One call's way through its retries, without input or output.
///
/// Time comes in, a decision goes out, randomness is a seed, and the budget is an argument.
/// The state reads no clock, does not sleep, log or spawn. Async and blocking calls,
/// `#[retry]`, stores, Python and simulations all drive this one type.
///
/// A driver does this, in this order:
///
/// 1. before each attempt, [`on_attempt`](Self::on_attempt), and it cuts the attempt when
///    the [`Cut`] says so;
/// 2. after a failed attempt, [`on_failure`](Self::on_failure), once, and it obeys;
/// 3. after a success, [`on_success`](Self::on_success);
/// 4. when the call is dropped, [`on_drop`](Self::on_drop).
///
/// ```
/// use std::time::Duration;
/// use undaunted::{Decision, Jitter, RetryConfig, RetryState, StopReason, Verdict};
///
/// let config = RetryConfig::builder().max_retries(2).jitter(Jitter::None).build()?;
/// let mut state = RetryState::new(&config, None, 42);
/// let mut fail = || state.on_failure(None, Verdict::TRANSIENT, None);
/// assert_eq!(fail(), Decision::Retry { delay: Duration::from_secs(1) });
/// assert_eq!(fail(), Decision::Retry { delay: Duration::from_secs(2) });
/// assert_eq!(fail(), Decision::Stop(StopReason::RetriesExhausted));
/// # Ok::<(), undaunted::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RetryState<'a> {
    config: &'a RetryConfig,
    deadline: Option<Instant>,
    backoff: Backoff,
    retries: u32,
    /// Tokens that the last retry cost.
    charge: u16,
    phase: Phase,
}

/// What a driver does after a failed attempt.
///
/// Deliberately exhaustive: a driver must handle all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Wait this long, then try again. A delay of zero still lets others run once.
    Retry {
        /// The wait before the next attempt.
        delay: Duration,
    },
    /// Give the caller its error.
    Stop(StopReason),
}

/// Why a call was not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The shared [`RetryBudget`] had not enough left.
    BudgetExhausted,
    /// The next attempt could not begin within `total_timeout`.
    DeadlineExceeded,
    /// The failure was permanent.
    Permanent,
    /// All of `max_retries` were used.
    RetriesExhausted,
    /// The service asked for a longer wait than `max_retry_after`.
    RetryAfterTooLong,
}

/// When an attempt must be cut, and what its error then says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// How long the attempt may run from now. Zero: the deadline has passed, do not begin.
    pub after: Duration,
    /// The limit that runs out then.
    pub because: TimedOut,
}

impl StopReason {
    /// Every reason, in order.
    pub const ALL: [Self; 5] = [
        Self::BudgetExhausted,
        Self::DeadlineExceeded,
        Self::Permanent,
        Self::RetriesExhausted,
        Self::RetryAfterTooLong,
    ];
}

impl<'a> RetryState<'a> {
    /// A call that is about to make its first attempt.
    ///
    /// `start` is when its time limits begin to run; without one, `total_timeout` is not
    /// enforced until [`start_clock`](Self::start_clock). `seed` makes its jitter: two calls
    /// with the same seed and the same failures wait equally long.
    #[must_use]
    pub fn new(config: &'a RetryConfig, start: Option<Instant>, seed: u64) -> Self {
        let mut state = Self::unseeded(config);
        state.seed_with(|| seed);
        if let Some(start) = start {
            state.start_clock(start);
        }
        state
    }

    /// A call whose seed is drawn only if it fails.
    #[inline]
    pub(crate) const fn unseeded(config: &'a RetryConfig) -> Self {
        Self {
            config,
            deadline: None,
            backoff: Backoff::new(0),
            retries: 0,
            charge: 0,
            phase: Phase::Unseeded,
        }
    }

    /// Draws the seed, if there is none yet.
    #[inline]
    pub(crate) fn seed_with(&mut self, seed: impl FnOnce() -> u64) {
        if self.phase == Phase::Unseeded {
            self.backoff = Backoff::new(seed());
            self.phase = Phase::Attempting;
        }
    }

    /// Lets `total_timeout` run from `start`, whatever it ran from before. Stores use it:
    /// their clock starts at the first failure and starts anew with progress.
    pub fn start_clock(&mut self, start: Instant) {
        // An end beyond what an `Instant` can hold is no end.
        self.deadline = self
            .config
            .total_timeout()
            .and_then(|timeout| start.checked_add(timeout));
    }

    /// An attempt begins at `now`: the tokens of a retry are spent, and the answer says when
    /// the attempt must be cut, if ever. `now` may be `None` where no time limit is set.
    #[inline]
    pub fn on_attempt(&mut self, now: Option<Instant>) -> Option<Cut> {
        if self.phase == Phase::Waiting {
            self.phase = Phase::Attempting;
        }
        let attempt = self.config.attempt_timeout().map(|limit| Cut {
            after: limit,
            because: TimedOut::Attempt { limit },
        });
        let (Some(deadline), Some(now)) = (self.deadline, now) else {
            return attempt;
        };
        let left = deadline.saturating_duration_since(now);
        match attempt {
            Some(attempt) if attempt.after <= left => Some(attempt),
            _ => Some(Cut {
                after: left,
                because: TimedOut::Total {
                    limit: self.config.total_timeout().unwrap_or_default(),
                },
            }),
        }
    }

    /// An attempt failed at `now`. Call it once for each failure, and obey.
    ///
    /// `now` may be `None` where there is no deadline and no budget: neither can then be
    /// judged. A budget is charged only when everything else allows the retry.
    pub fn on_failure(
        &mut self,
        now: Option<Instant>,
        verdict: Verdict,
        budget: Option<&RetryBudget>,
    ) -> Decision {
        self.decide(now, verdict, budget)
    }

    /// [`on_failure`](Self::on_failure), in place: a driver without a budget or a deadline
    /// leaves half of it out.
    #[inline(always)]
    #[allow(clippy::inline_always)] // measured: 50 instructions a failure
    pub(crate) fn decide(
        &mut self,
        now: Option<Instant>,
        verdict: Verdict,
        budget: Option<&RetryBudget>,
    ) -> Decision {
        let (base, hint) = match verdict {
            Verdict::Permanent => return Decision::Stop(StopReason::Permanent),
            Verdict::Transient { retry_after } => (self.config.base_delay(), retry_after),
            Verdict::Throttled { retry_after } => {
                let base = self.config.throttled_base_delay();
                (base.unwrap_or(self.config.base_delay()), retry_after)
            }
        };
        if self.passes_deadline(now, Duration::ZERO) {
            return Decision::Stop(StopReason::DeadlineExceeded);
        }
        if self.retries >= self.config.max_retries() {
            return Decision::Stop(StopReason::RetriesExhausted);
        }
        let mut delay = self.backoff.draw(self.config, base, self.retries);
        if let Some(hint) = hint {
            if hint > self.config.max_retry_after() {
                return Decision::Stop(StopReason::RetryAfterTooLong);
            }
            // A hint of zero asks for nothing.
            if !hint.is_zero() {
                delay = self.backoff.spread_upwards(delay.max(hint));
            }
        }
        if self.passes_deadline(now, delay) {
            return Decision::Stop(StopReason::DeadlineExceeded);
        }
        if let (Some(budget), Some(now)) = (budget, now) {
            match budget.withdraw(verdict, now) {
                Some(cost) => self.charge = cost,
                None => return Decision::Stop(StopReason::BudgetExhausted),
            }
        }
        self.retries += 1;
        self.phase = Phase::Waiting;
        Decision::Retry { delay }
    }

    /// The call succeeded: the budget gets back what the last retry cost, or a deposit if
    /// there was none.
    pub fn on_success(&mut self, budget: Option<&RetryBudget>) {
        if let Some(budget) = budget {
            budget.deposit(if self.retries == 0 {
                FIRST_ATTEMPT_DEPOSIT
            } else {
                self.charge
            });
        }
        self.charge = 0;
    }

    /// The call was dropped: a retry that was granted and will not begin is given back.
    pub fn on_drop(&mut self, budget: Option<&RetryBudget>) {
        if self.phase == Phase::Waiting {
            self.retries -= 1;
            if let Some(budget) = budget {
                budget.deposit(self.charge);
            }
            self.charge = 0;
            self.phase = Phase::Attempting;
        }
    }

    /// The call made progress: what follows gets all retries again and a deadline that
    /// runs from the next [`start_clock`](Self::start_clock). The random stream goes on.
    pub fn on_progress(&mut self) {
        self.retries = 0;
        self.deadline = None;
    }

    /// Lets go of the policy: for a driver that cannot borrow it from one failure to the
    /// next, such as one in another language. [`SavedState::resume`] goes on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use undaunted::{Decision, Jitter, RetryConfig, RetryState, Verdict};
    ///
    /// let config = RetryConfig::builder().jitter(Jitter::None).build()?;
    /// let mut state = RetryState::new(&config, None, 42);
    /// state.on_failure(None, Verdict::TRANSIENT, None);
    /// let saved = state.save();
    ///
    /// let mut state = saved.resume(&config);
    /// let second = state.on_failure(None, Verdict::TRANSIENT, None);
    /// assert_eq!(second, Decision::Retry { delay: Duration::from_secs(2) });
    /// # Ok::<(), undaunted::ConfigError>(())
    /// ```
    #[must_use]
    pub fn save(self) -> SavedState {
        SavedState {
            deadline: self.deadline,
            backoff: self.backoff,
            retries: self.retries,
            charge: self.charge,
            phase: self.phase,
        }
    }

    /// The policy that decides.
    #[must_use]
    pub const fn config(&self) -> &'a RetryConfig {
        self.config
    }

    /// Retries granted so far.
    #[must_use]
    pub const fn retries(&self) -> u32 {
        self.retries
    }

    /// When `total_timeout` ends, if it is set and its clock was started.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    #[inline]
    fn passes_deadline(&self, now: Option<Instant>, delay: Duration) -> bool {
        match (self.deadline, now) {
            (Some(deadline), Some(now)) => delay >= deadline.saturating_duration_since(now),
            _ => false,
        }
    }
}

/// A call's way so far without its policy, from [`RetryState::save`].
#[derive(Clone, Debug)]
pub struct SavedState {
    deadline: Option<Instant>,
    backoff: Backoff,
    retries: u32,
    charge: u16,
    phase: Phase,
}

impl SavedState {
    /// Goes on with the call. The policy must be the one it was saved from: a deadline and
    /// the retries so far are kept as they are.
    #[must_use]
    pub fn resume(self, config: &RetryConfig) -> RetryState<'_> {
        RetryState {
            config,
            deadline: self.deadline,
            backoff: self.backoff,
            retries: self.retries,
            charge: self.charge,
            phase: self.phase,
        }
    }
}

/// Where the call stands; one byte beside the retry count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No failure yet, and no seed.
    Unseeded,
    Attempting,
    /// A retry is granted and paid for, and has not begun.
    Waiting,
}

#[cfg(test)]
mod tests;
