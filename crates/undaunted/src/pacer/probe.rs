//! Whether a service refuses more because it is sent more.
//!
//! A rate limit does: at twice its rate it refuses every second request. Other refusals
//! come by chance (from one overloaded partition of many, for example), and their share stays the
//! same at any rate: a lower rate helps nobody then. So now and then, and briefly, a pace that
//! meets refusals is raised, and the share of the refused is compared with that before.

use std::time::{Duration, Instant};

/// The refusals before and during the trials of a higher rate.
///
/// ```text
///          enough responses, some refused, and the pause is over
///  resting ─────────────────────────────────────────────────────► trying, at twice the rate
///     ▲                                                             │  ▲         │
///     └──── a larger share refused: below the rate before ──────────┘  └─────────┘
///                                              the same share refused: twice that rate
/// ```
pub(super) struct Probe {
    resting: Tally,
    resting_rate: f64,
    resting_since: Option<Instant>,
    trying: Tally,
    trying_since: Option<Instant>,
    /// The rate to go back to, while a higher one is tried.
    rate_before: Option<f64>,
    /// The rate of the trial, in multiples of that at which the series began.
    multiple: f64,
    /// The trial whose requests are counted now.
    number: u32,
    pause: Duration,
    not_before: Option<Instant>,
    /// The share that the service refuses at any rate.
    share_by_chance: f64,
    /// The share refused lately.
    share: f64,
}

impl Probe {
    pub(super) const fn new() -> Self {
        Self {
            resting: Tally::new(),
            resting_rate: 0.0,
            resting_since: None,
            trying: Tally::new(),
            trying_since: None,
            rate_before: None,
            multiple: 1.0,
            number: 0,
            pause: Duration::ZERO,
            not_before: None,
            share_by_chance: 0.0,
            share: 0.0,
        }
    }

    /// The trial that requests which are sent now belong to.
    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    /// There is reason to believe that refusals depend on the rate: after a trial that fails there is
    /// none for long.
    pub(super) const fn wait(&mut self) {
        self.pause = LONG_PAUSE;
    }

    /// Whether the request was sent for the current trial.
    pub(super) fn is_trial(&self, sent: Sent) -> bool {
        self.rate_before.is_some() && sent.trial == self.number
    }

    /// The part of a refusal that is due to the rate, from 0 to 1.
    pub(super) fn due_to_rate(&self) -> f64 {
        if self.share_by_chance <= 0.0 {
            return 1.0;
        }
        let expected = self.share_by_chance * USUAL;
        ((self.share - expected) / self.share.max(f64::EPSILON)).clamp(0.0, 1.0)
    }

    /// A response came. The result is the rate to go on with, if it changes.
    pub(super) fn observe(
        &mut self,
        sent: Sent,
        is_refused: bool,
        rate: f64,
        now: Instant,
    ) -> Option<f64> {
        self.share += (f64::from(u8::from(is_refused)) - self.share) * RECENCY;
        if self.share < self.share_by_chance {
            self.share_by_chance += (self.share - self.share_by_chance) * RECENCY;
        }
        // A request that did not wait was not sent at the pace's rate.
        if !sent.has_waited {
            return None;
        }
        if self.is_trial(sent) {
            self.trying.add(is_refused);
            return self.judge(rate, now);
        }
        if self.rate_before.is_some() {
            return None;
        }
        self.rest(sent, is_refused, now);
        let not_before = *self.not_before.get_or_insert(now + self.pause);
        let is_worth_it = self.resting.refused >= FEWEST_REFUSED
            && self.resting.total >= RESTING_RESPONSES
            && is_past(self.resting_since, REST, now)
            && self.resting.share() <= LARGEST_SHARE;
        if now < not_before || !is_worth_it {
            return None;
        }
        self.multiple = FIRST_STEP;
        self.rate_before = Some(rate);
        Some(self.try_rate(rate * FIRST_STEP, now))
    }

    /// Counts a response at the resting rate; the count begins anew when that has changed.
    fn rest(&mut self, sent: Sent, is_refused: bool, now: Instant) {
        let change = sent.rate / self.resting_rate;
        if !(1.0 / STEADY..=STEADY).contains(&change) {
            self.resting = Tally::new();
            self.resting_rate = sent.rate;
            self.resting_since = Some(now);
        }
        self.resting.add(is_refused);
    }

    fn judge(&mut self, rate: f64, now: Instant) -> Option<f64> {
        let resting = self.resting.share();
        // With a limit, `1 - resting` of the rate before is all that is taken.
        let by_limit = 1.0 - (1.0 - resting) / self.multiple;
        let most = resting + (by_limit - resting) * TOLERANCE;
        let responses = self.trying.total.max(RESPONSES);
        if f64::from(self.trying.refused) > most * f64::from(responses) {
            // The share that was taken for chance may be too large: halve it.
            if self.multiple <= PROOF {
                self.share_by_chance /= 2.0;
            }
            self.pause = (self.pause * 3).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
            self.not_before = Some(now + self.pause);
            self.resting_rate = 0.0;
            return self.rate_before.take().map(|rate| rate * AFTER);
        }
        let is_long_enough = is_past(self.trying_since, TRIAL, now);
        if self.trying.total < RESPONSES || !is_long_enough {
            return None;
        }
        // One or two may pass by luck, or because the limit is shared by others who take most of it.
        if self.multiple >= PROOF {
            self.share_by_chance = resting;
            self.pause = SHORTEST_PAUSE;
            self.rate_before = Some(rate / STEP);
        }
        self.multiple *= STEP;
        Some(self.try_rate(rate * STEP, now))
    }

    fn try_rate(&mut self, rate: f64, now: Instant) -> f64 {
        self.trying_since = Some(now);
        self.number = self.number.wrapping_add(1);
        self.trying = Tally::new();
        rate
    }
}

/// A request on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    /// The rate at that time.
    pub(super) rate: f64,
    pub(super) has_waited: bool,
    /// The trial of a higher rate that it belongs to.
    pub(super) trial: u32,
}

fn is_past(since: Option<Instant>, least: Duration, now: Instant) -> bool {
    since.is_some_and(|since| now.saturating_duration_since(since) >= least)
}

/// Responses, and how many of them were refusals.
struct Tally {
    total: u32,
    refused: u32,
}

impl Tally {
    const fn new() -> Self {
        Self {
            total: 0,
            refused: 0,
        }
    }

    fn add(&mut self, is_refused: bool) {
        self.total = self.total.saturating_add(1);
        self.refused = self.refused.saturating_add(u32::from(is_refused));
    }

    fn share(&self) -> f64 {
        f64::from(self.refused) / f64::from(self.total.max(1))
    }
}

/// A rate is the same as long as it stays within this factor.
const STEADY: f64 = 1.5;
/// A rate that falls from far above a limit stays steady for a shorter time.
const REST: Duration = Duration::from_millis(300);
const RESTING_RESPONSES: u32 = 16;
const FEWEST_REFUSED: u32 = 3;
/// A service that refuses more is down, or nearly.
const LARGEST_SHARE: f64 = 0.6;

/// Of 16 responses at twice a limit 8 are refusals, and 3 or fewer in one case of 100.
const RESPONSES: u32 = 16;
/// Long enough to empty what a limit had saved up, and for responses that are late.
const TRIAL: Duration = Duration::from_millis(100);
const FIRST_STEP: f64 = 2.0;
const STEP: f64 = 2.0;
/// A trial passes with less than this part of what a limit would add.
const TOLERANCE: f64 = 0.4;
/// Trials of so many times the rate prove that refusals come by chance.
const PROOF: f64 = 8.0;
/// What is left of the rate after a trial that failed: others who share the limit lose as much by it.
const AFTER: f64 = 0.7;

/// So much more than the share by chance is chance as well.
const USUAL: f64 = 1.2;
/// The share lately is that of some 32 responses.
const RECENCY: f64 = 1.0 / 32.0;

/// Longer after each trial that failed: a trial costs some refusals, and other processes that
/// share a limit meet them too.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONG_PAUSE: Duration = Duration::from_secs(8);
const LONGEST_PAUSE: Duration = Duration::from_secs(32);
