//! The decision: what happens after a failure. Pure, so that every driver decides the same.

use std::fmt;
use std::time::{Duration, Instant};

use crate::backoff::Backoff;
use crate::budget::{FIRST_ATTEMPT_DEPOSIT, RetryBudget};
use crate::config::RetryConfig;
use crate::pacer::Pacer;
use crate::verdict::{TimedOut, Verdict};

/// What one call's retries have come to, without input or output.
///
/// Time, policy and budget are arguments, a decision comes out, randomness is a seed. The state
/// reads no clock, does not sleep, log or spawn, and borrows nothing. Async and blocking calls,
/// `#[retry]`, stores, Python and simulations all drive this one type.
///
/// ```text
///        on_attempt         on_failure: Retry
///  new ────────────► attempt ────────────────► wait ──┐
///                    │  ▲  │                    │     │ on_attempt
///         on_success │  └──┼────────────────────┼─────┘
///                    ▼     ▼ on_failure: Stop   ▼ on_drop
///                   end   end                  end
/// ```
///
/// A driver does this, in this order, with the same policy and budget each time:
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
/// let mut state = RetryState::new(None, 42);
/// let mut fail = || state.on_failure(&config, None, Verdict::TRANSIENT, None);
/// assert_eq!(fail(), Decision::Retry { delay: Duration::from_secs(1) });
/// assert_eq!(fail(), Decision::Retry { delay: Duration::from_secs(2) });
/// assert_eq!(fail(), Decision::Stop(StopReason::RetriesExhausted));
/// # Ok::<(), undaunted::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RetryState {
    /// What `total_timeout` runs from.
    start: Option<Instant>,
    backoff: Backoff,
    retries: u32,
    /// Tokens that the last retry cost.
    charge: u16,
    phase: Phase,
}

/// What a driver does after a failed attempt.
///
/// Exhaustive on purpose: a driver must handle every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Wait this long, then make another attempt. A delay of zero still lets other tasks run once.
    Retry {
        /// The wait before the next attempt.
        delay: Duration,
    },
    /// Return the error to the caller.
    Stop(StopReason),
}

/// Why there was no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// The shared [`RetryBudget`] had not enough left.
    BudgetExhausted,
    /// The next attempt could not begin before the deadline of the caller, which
    /// [`with_deadline`](crate::with_deadline) sets.
    CallerDeadline,
    /// The next attempt could not begin within `total_timeout`.
    DeadlineExceeded,
    /// The code around the call lets it make one attempt, by [`one_attempt`](crate::one_attempt).
    OneAttempt,
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

impl RetryState {
    /// A call that is about to make its first attempt.
    ///
    /// `start` is what `total_timeout` runs from; without one it is not enforced until
    /// [`start_clock`](Self::start_clock). `seed` makes the jitter: two calls with the same
    /// seed, policy and failures wait equally long.
    #[must_use]
    pub const fn new(start: Option<Instant>, seed: u64) -> Self {
        let mut state = Self::unseeded();
        state.start = start;
        state.backoff = Backoff::new(seed);
        state.phase = Phase::Attempting;
        state
    }

    /// A call whose seed is drawn only if it fails.
    #[inline]
    pub(crate) const fn unseeded() -> Self {
        Self {
            start: None,
            backoff: Backoff::new(0),
            retries: 0,
            charge: 0,
            phase: Phase::Unseeded,
        }
    }

    /// Draws the seed, if there is none yet.
    pub(crate) fn seed_with(&mut self, seed: impl FnOnce() -> u64) {
        if self.phase == Phase::Unseeded {
            self.backoff = Backoff::new(seed());
            self.phase = Phase::Attempting;
        }
    }

    /// Lets `total_timeout` run from `start`, whatever it ran from before. Stores use it:
    /// their clock starts at the first failure, and starts again after progress.
    pub const fn start_clock(&mut self, start: Instant) {
        self.start = Some(start);
    }

    /// An attempt begins at `now`: the tokens of a retry are spent, and the result says when
    /// the attempt must be cut, if ever. `now` may be `None` where no time limit is set.
    #[inline]
    pub fn on_attempt(&mut self, config: &RetryConfig, now: Option<Instant>) -> Option<Cut> {
        if self.phase == Phase::Waiting {
            self.phase = Phase::Attempting;
        }
        let attempt = config.attempt_timeout().map(|limit| Cut {
            after: limit,
            because: TimedOut::Attempt { limit },
        });
        let Some(left) = self.time_left(config, now) else {
            return attempt;
        };
        match attempt {
            Some(attempt) if attempt.after <= left => Some(attempt),
            _ => Some(Cut {
                after: left,
                because: TimedOut::Total {
                    limit: config.total_timeout().unwrap_or_default(),
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
        config: &RetryConfig,
        now: Option<Instant>,
        verdict: Verdict,
        budget: Option<&RetryBudget>,
    ) -> Decision {
        let delay = match self.judge(config, now, verdict, Some(self.retries)) {
            Ok(delay) => delay,
            Err(reason) => return Decision::Stop(reason),
        };
        self.charge = 0;
        if let (Some(budget), Some(now)) = (budget, now) {
            match budget.withdraw(verdict, now) {
                Some(cost) => self.charge = cost,
                None => return Decision::Stop(StopReason::BudgetExhausted),
            }
        }
        self.retry_after(delay)
    }

    /// An attempt was throttled at `now`, and the pacer has been told. The retry waits for its
    /// turn there, so it costs no budget, and there is no backoff before it unless the service
    /// refuses everything. A hint of the service is kept to, and `max_retries` and
    /// `total_timeout` end the call as ever.
    pub fn on_paced_failure(
        &mut self,
        config: &RetryConfig,
        now: Option<Instant>,
        verdict: Verdict,
        pacer: &Pacer,
    ) -> Decision {
        let refused = if pacer.meets_refusal() {
            Some(self.retries)
        } else {
            self.retries.checked_sub(PACED_ONLY)
        };
        match self.judge(config, now, verdict, refused) {
            Ok(delay) => {
                self.charge = 0;
                self.retry_after(delay)
            }
            Err(reason) => Decision::Stop(reason),
        }
    }

    /// The wait before the next attempt, if the policy allows one. `backoff` is the number of the
    /// retry that it counts as, from 0, if there is a backoff.
    fn judge(
        &mut self,
        config: &RetryConfig,
        now: Option<Instant>,
        verdict: Verdict,
        backoff: Option<u32>,
    ) -> Result<Duration, StopReason> {
        let (base, hint) = match verdict {
            Verdict::Permanent => return Err(StopReason::Permanent),
            Verdict::Transient { retry_after } => (config.base_delay(), retry_after),
            Verdict::Throttled { retry_after } => {
                let base = config.throttled_base_delay();
                (base.unwrap_or(config.base_delay()), retry_after)
            }
        };
        let time_left = self.time_left(config, now);
        if time_left.is_some_and(|left| left.is_zero()) {
            return Err(StopReason::DeadlineExceeded);
        }
        if self.retries >= config.max_retries() {
            return Err(StopReason::RetriesExhausted);
        }
        let mut delay = backoff.map_or(Duration::ZERO, |retry| {
            self.backoff.draw(config, base, retry)
        });
        // A hint of zero is none.
        if let Some(hint) = hint.filter(|hint| !hint.is_zero()) {
            if hint > config.max_retry_after() {
                return Err(StopReason::RetryAfterTooLong);
            }
            delay = self.backoff.spread_upwards(delay.max(hint));
        }
        if time_left.is_some_and(|left| delay >= left) {
            return Err(StopReason::DeadlineExceeded);
        }
        Ok(delay)
    }

    const fn retry_after(&mut self, delay: Duration) -> Decision {
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
    /// runs from the next [`start_clock`](Self::start_clock). The random stream continues.
    pub const fn on_progress(&mut self) {
        self.retries = 0;
        self.start = None;
    }

    /// Retries granted so far, since the last progress.
    #[must_use]
    pub const fn retries(&self) -> u32 {
        self.retries
    }

    /// What `total_timeout` runs from, if its clock was started.
    #[must_use]
    pub const fn start(&self) -> Option<Instant> {
        self.start
    }

    /// When `total_timeout` ends, if it is set and its clock was started.
    #[must_use]
    pub fn deadline(&self, config: &RetryConfig) -> Option<Instant> {
        // An end beyond what an `Instant` can hold is no end.
        self.start?.checked_add(config.total_timeout()?)
    }

    fn time_left(&self, config: &RetryConfig, now: Option<Instant>) -> Option<Duration> {
        let deadline = self.deadline(config)?;
        Some(deadline.saturating_duration_since(now?))
    }
}

impl StopReason {
    /// Every reason, in order.
    pub const ALL: &'static [Self] = &[
        Self::BudgetExhausted,
        Self::CallerDeadline,
        Self::DeadlineExceeded,
        Self::OneAttempt,
        Self::Permanent,
        Self::RetriesExhausted,
        Self::RetryAfterTooLong,
    ];

    /// The reason in one word, for logs and metrics: `budget_exhausted`, `caller_deadline`,
    /// `deadline_exceeded`, `one_attempt`, `permanent`, `retries_exhausted` or
    /// `retry_after_too_long`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BudgetExhausted => "budget_exhausted",
            Self::CallerDeadline => "caller_deadline",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::OneAttempt => "one_attempt",
            Self::Permanent => "permanent",
            Self::RetriesExhausted => "retries_exhausted",
            Self::RetryAfterTooLong => "retry_after_too_long",
        }
    }
}

/// The reason in words that complete "gave up, …".
impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BudgetExhausted => "the retry budget is exhausted",
            Self::CallerDeadline => "the caller's deadline leaves no time for another",
            Self::OneAttempt => "`one_attempt` allows no other",
            Self::DeadlineExceeded => "total_timeout leaves no time for another",
            Self::Permanent => "the last failure is not retryable",
            Self::RetriesExhausted => "all retries are used",
            Self::RetryAfterTooLong => "the service asked for a wait beyond max_retry_after",
        })
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

/// So often a throttled call waits only for its turn. One that is refused more often than that
/// meets more than a rate limit, and backs off besides.
const PACED_ONLY: u32 = 5;

#[cfg(test)]
mod tests;
