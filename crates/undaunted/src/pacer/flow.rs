//! The rate of a pacer: how it rises and falls, and when the next request may be sent.

use std::time::{Duration, Instant};

use super::probe::{Probe, Sent};
use super::queue::Queue;

/// The rate, and when the next request may be sent.
pub(super) struct Flow {
    pub(super) rate: f64,
    /// Nothing is known of the service's rate yet.
    is_searching: bool,
    /// Throttled responses since the last success.
    refusals: u16,
    /// When the first of these came.
    refusing_since: Option<Instant>,
    next: Option<Instant>,
    last_throttled: Option<Instant>,
    /// When the service last took a request that the pacer had let go.
    pub(super) last_success: Option<Instant>,
    pub(super) noise: u64,
    probe: Probe,
    pub(super) queue: Queue,
}

impl Flow {
    pub(super) const fn new() -> Self {
        Self {
            rate: START,
            is_searching: true,
            refusals: 0,
            refusing_since: None,
            next: None,
            last_throttled: None,
            last_success: None,
            noise: 0,
            probe: Probe::new(),
            queue: Queue::new(),
        }
    }

    /// The first throttled response, or the first after a time without.
    pub(super) fn start(&mut self, now: Instant) {
        let is_known = self.since_throttled(now) < MEMORY && self.rate > START;
        self.is_searching = !is_known;
        self.rate = if is_known {
            (self.rate * KNOWN).max(START)
        } else {
            START
        };
        self.refusals = 0;
        self.next = None;
        self.probe = Probe::new();
    }

    /// A request leaves.
    pub(super) fn send(&self, has_waited: bool) -> Sent {
        Sent {
            rate: self.rate,
            has_waited,
            trial: self.probe.number(),
        }
    }

    /// Whether throttling has ended.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.since_throttled(now) >= LET_GO && self.queue.is_idle()
    }

    fn since_throttled(&self, now: Instant) -> Duration {
        self.last_throttled
            .map_or(Duration::MAX, |last| now.saturating_duration_since(last))
    }

    /// Lets one with so many ahead go, or says when to ask again.
    pub(super) fn admit(&mut self, ahead: usize, now: Instant) -> Option<Instant> {
        // A slot that nobody used is kept for a moment, since timers are late.
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        let next = self.next.map_or(now, |next| next.max(earliest));
        #[allow(clippy::cast_precision_loss)]
        let ahead = ahead as f64;
        if next + seconds(ahead / self.rate) <= now {
            self.next = Some(next + seconds(self.gap() / self.rate));
            return None;
        }
        // The rate may rise until then, so ask when the turn can come if it rises as it can.
        let growth = self.growth(now + LONGEST_WAIT);
        let wait = seconds((growth * ahead / self.rate).ln_1p() / growth);
        let turn = next.max(now) + wait.min(LONGEST_WAIT);
        Some(turn.max(now + SHORTEST_WAIT))
    }

    /// The next gap, of mean 1. Gaps are random as those of independent callers are: with regular
    /// ones, the larger of two processes fits into the gaps of a service that counts regularly,
    /// and the smaller meets all of the throttled responses and stays small.
    #[allow(clippy::cast_precision_loss)]
    fn gap(&mut self) -> f64 {
        self.noise = self.noise.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        if self.rate <= FLOOR {
            return 1.0;
        }
        let uniform = (self.noise >> 32) as f64 / f64::from(u32::MAX);
        (-uniform.ln()).min(LONGEST_GAP)
    }

    pub(super) fn meets_refusal(&self) -> bool {
        let refuses = self.refusals >= REFUSALS
            && self.refusing_since.is_some_and(|since| {
                self.last_throttled
                    .is_some_and(|last| last.saturating_duration_since(since) >= REFUSING)
            });
        refuses || self.rate <= FLOOR
    }

    /// What a success adds to the rate; relative growth a second, therefore.
    fn growth(&self, now: Instant) -> f64 {
        if self.is_searching {
            return SEARCH_GROWTH;
        }
        let calm = self.since_throttled(now).as_secs_f64();
        (GROWTH + ADDITION / self.rate + ACCELERATION * calm).min(SEARCH_GROWTH)
    }

    pub(super) fn on_success(&mut self, sent: Sent, now: Instant) {
        self.refusals = 0;
        self.last_success = Some(now);
        if let Some(rate) = self.probe.observe(sent, false, self.rate, now) {
            self.rate = rate.min(CEILING);
        }
        if self.probe.is_trial(sent) {
            return;
        }
        // Who did not have to wait proves nothing about a higher rate.
        if sent.has_waited {
            self.rate = (self.rate + self.growth(now)).min(CEILING);
        }
    }

    pub(super) fn on_throttled(&mut self, sent: Option<Sent>, now: Instant) {
        self.last_throttled = Some(now);
        let Some(sent) = sent else {
            // Of a wave that was sent before there was a pace: what is left of it will take all
            // that the service admits.
            self.next = self.next.max(Some(now + SETTLE));
            return;
        };
        if std::mem::take(&mut self.is_searching) && sent.rate >= UNREFUSED {
            self.probe.wait();
        }
        if let Some(rate) = self.probe.observe(sent, true, self.rate, now) {
            self.rate = rate.min(CEILING);
            return;
        }
        if self.probe.is_trial(sent) {
            return;
        }
        let least = sent.rate * MOST_OF_ONE_ROUND;
        if self.rate > least {
            if self.refusals == 0 {
                self.refusing_since = Some(now);
            }
            self.refusals = self.refusals.saturating_add(1);
            let step =
                (STEP * f64::from(self.refusals)).min(LONGEST_STEP) * self.probe.due_to_rate();
            self.rate = (self.rate * (1.0 - step)).max(least);
        }
        if self.rate <= FLOOR {
            self.rate = FLOOR;
            self.is_searching = true;
        }
    }
}

/// A wait of finite length, whatever the rate.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_WAIT)
}

/// Requests a second: where the search begins.
pub(super) const START: f64 = 20.0;
/// The least and the most there is.
const FLOOR: f64 = 3.0;
const CEILING: f64 = 1e6;

/// Doubles the rate every 250 ms: ln 2 / 0.25 s.
const SEARCH_GROWTH: f64 = 2.77;
/// Relative growth a second. Little: it leaves the shares of two processes as they are.
const GROWTH: f64 = 0.02;
/// Requests a second, and second. The same for all, so that shares become equal: two processes
/// of which one starts 10 s later are mostly within 40 : 60 in the 10 s after the next 10.
const ADDITION: f64 = 24.0;
/// Added for each second without a throttled response, so that a doubled rate is reached in 3 s.
const ACCELERATION: f64 = 0.1;

/// A search that was refused nothing up to here met a limit, and not chance.
const UNREFUSED: f64 = 2.0 * START;

/// Small, so that a steady rate stays steady: at 100/s, 4 throttled responses a second.
const STEP: f64 = 0.06;
const LONGEST_STEP: f64 = 0.5;
const MOST_OF_ONE_ROUND: f64 = 0.5;
/// What is taken of a rate that was known when throttling begins again.
const KNOWN: f64 = 0.7;

/// Timers are late by a millisecond or two, and a busy runtime by more.
const CATCH_UP: Duration = Duration::from_millis(20);
/// How long after a response of the first wave the next may still come.
const SETTLE: Duration = Duration::from_millis(50);
const LET_GO: Duration = Duration::from_secs(5);
const MEMORY: Duration = Duration::from_secs(60);

/// Who waits asks at least so often, since others may leave the queue; shorter than the period in
/// which the queue expects it.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// So many in a row, for so long, show an outage: even far above its rate a service admits a
/// request every few milliseconds.
const REFUSALS: u16 = 3;
const REFUSING: Duration = Duration::from_millis(150);

/// One gap in fifty would be longer.
const LONGEST_GAP: f64 = 4.0;

/// Knuth's generator.
const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const INCREMENT: u64 = 1_442_695_040_888_963_407;
