//! A shared pace for calls of a service that throttles.
//!
//! Why a pace and not only a budget? A service that throttles is healthy: it says how much it
//! takes. Retries after backoff offer it more than that, again and again, until they are used up
//! or the budget is. A pacer sends what the service takes, first come, first served, and calls
//! wait for their turn in place of failing.
//!
//! It is passive, and costs one relaxed load, until a response says "slow down". Then:
//!
//! - It sends 20 requests a second, and doubles that every 250 ms until one is throttled. A first
//!   wave says nothing about the rate: how much of it was admitted is the service's burst, and how
//!   much was sent is the caller's.
//! - Every success of a request that had to wait adds 0.2/s to the rate, more where the rate is
//!   low, and more the longer nothing was throttled. Every throttled response takes 5 % from it, and more when several come
//!   one after another without a success, down to 3 a second: a service that refuses everything
//!   gets a trickle.
//!   Steps of this kind, relative and one for each response, bring all processes that call a
//!   service to the same rate, since all meet the same share of throttled responses.
//! - A request that was sent at 200/s and throttled proves that 200/s is too much, not that
//!   100/s is. So the responses of one round trip never take more than half of the rate at which
//!   their requests were sent, however many they are.
//! - It lets go when nobody waits and nothing was throttled for 5 s, and keeps the rate for the
//!   next time within a minute.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::time::{Duration, Instant};

// loom's where a model of this file is checked (`--cfg loom`).
#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering};
#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard};

/// The rate at which a service is sent requests once it throttles, shared by reference or in an
/// `Arc` by all calls of that service.
///
/// It has no settings: the service says what it takes. It is pure: time is an argument, and who
/// must wait is told until when.
///
/// ```
/// use std::time::{Duration, Instant};
/// use undaunted::{Admission, Pacer, Turn};
///
/// static PACER: Pacer = Pacer::new();
/// let now = Instant::now();
///
/// // Passive: whoever asks may go.
/// let mut turn = Turn::new(&PACER);
/// assert_eq!(turn.poll(now), Admission::Go);
/// assert_eq!(PACER.rate(), None);
///
/// // From the first throttled response on, everybody waits for a turn.
/// turn.throttled(now);
/// assert_eq!(PACER.rate(), Some(20.0));
/// let Admission::WaitUntil(turn_comes) = turn.poll(now) else { unreachable!() };
/// assert!(turn_comes > now);
/// assert_eq!(PACER.waiting(), 1);
/// ```
pub struct Pacer {
    is_active: AtomicBool,
    flow: Mutex<Flow>,
}

/// Whether a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Now.
    Go,
    /// Not before then. Ask again then; until the turn has come there may be another wait.
    WaitUntil(Instant),
}

/// One call's turns at a [`Pacer`].
///
/// Before each request [`poll`](Self::poll) says whether it may be sent; after it,
/// [`succeeded`](Self::succeeded) or [`throttled`](Self::throttled) says what came of it. A call
/// whose request was throttled keeps its place: it is sent again before calls that came later.
/// Dropping a turn frees its place.
#[derive(Debug)]
pub struct Turn<P: Deref<Target = Pacer>> {
    pacer: P,
    /// The place in the queue, as long as the call lives.
    number: Option<u64>,
    /// Since when it has been waiting.
    since: Option<Instant>,
    /// The request on its way, if it was paced.
    sent: Option<Sent>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    /// The rate at that time.
    rate: f64,
    has_waited: bool,
}

impl Pacer {
    /// A pacer that has seen no throttled response.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            is_active: AtomicBool::new(false),
            flow: Mutex::new(Flow::new()),
        }
    }

    /// The same, where atomics cannot be made in a constant.
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            is_active: AtomicBool::new(false),
            flow: Mutex::new(Flow::new()),
        }
    }

    /// Whether requests are paced now.
    #[inline]
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.is_active.load(Ordering::Relaxed)
    }

    /// Requests a second, or `None` while it is passive.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        self.is_active().then(|| self.lock().rate)
    }

    /// How many calls wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        if self.is_active() {
            self.lock().queue.length
        } else {
            0
        }
    }

    /// Whether the service seems to refuse everything.
    pub(crate) fn meets_refusal(&self) -> bool {
        self.is_active() && self.lock().meets_refusal()
    }

    fn lock(&self) -> MutexGuard<'_, Flow> {
        // Every change is complete before anything in here can panic.
        self.flow
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(not(loom))]
impl Default for Pacer {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Pacer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pacer")
            .field("rate", &self.rate())
            .field("waiting", &self.waiting())
            .finish()
    }
}

impl<P: Deref<Target = Pacer>> Turn<P> {
    /// A call that has sent nothing yet.
    #[inline]
    pub const fn new(pacer: P) -> Self {
        Self {
            pacer,
            number: None,
            since: None,
            sent: None,
        }
    }

    /// The pacer.
    #[inline]
    pub fn pacer(&self) -> &Pacer {
        &self.pacer
    }

    /// Since when the call has been waiting for its turn, if it is.
    #[must_use]
    pub const fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Whether the next request may be sent. `now` must not run backwards.
    pub fn poll(&mut self, now: Instant) -> Admission {
        self.sent = None;
        if !self.pacer.is_active() {
            self.leave();
            return Admission::Go;
        }
        let mut flow = self.pacer.lock();
        let is_new = self.since.is_none();
        if is_new && flow.is_over(now) {
            self.pacer.is_active.store(false, Ordering::Relaxed);
            return Admission::Go;
        }
        let number = match self.number {
            Some(number) if !is_new || flow.queue.insert(number) => number,
            _ => flow.queue.push(),
        };
        self.number = Some(number);
        let ahead = flow.queue.ahead_of(number);
        let admission = flow.admit(ahead, now);
        match admission {
            Admission::Go => {
                flow.queue.remove(number);
                self.sent = Some(Sent {
                    rate: flow.rate,
                    has_waited: !is_new,
                });
                self.since = None;
            }
            Admission::WaitUntil(_) if is_new => self.since = Some(now),
            Admission::WaitUntil(_) => {}
        }
        admission
    }

    /// The service took the request, whatever it made of it.
    pub fn succeeded(&mut self, now: Instant) {
        if let Some(sent) = self.sent.take() {
            let mut flow = self.pacer.lock();
            flow.on_success(sent, now);
            if flow.is_over(now) {
                self.pacer.is_active.store(false, Ordering::Relaxed);
            }
        }
    }

    /// The service throttled the request.
    pub fn throttled(&mut self, now: Instant) {
        let mut flow = self.pacer.lock();
        if !self.pacer.is_active() {
            flow.start(now);
            self.pacer.is_active.store(true, Ordering::Relaxed);
        }
        flow.on_throttled(self.sent.take(), now);
        if flow.meets_refusal() {
            // The same few calls must not use up their retries on a service that is down.
            self.number = None;
        }
    }

    /// Waits no longer.
    fn leave(&mut self) {
        if let (Some(_), Some(number)) = (self.since.take(), self.number) {
            self.pacer.lock().queue.remove(number);
        }
    }
}

impl<P: Deref<Target = Pacer>> Drop for Turn<P> {
    #[inline]
    fn drop(&mut self) {
        if self.since.is_some() {
            self.leave();
        }
    }
}

/// The rate, and when the next request may be sent.
struct Flow {
    rate: f64,
    /// Nothing is known of the service's rate yet.
    is_searching: bool,
    /// Throttled responses since the last success.
    refusals: u16,
    /// When the first of these came.
    refusing_since: Option<Instant>,
    next: Option<Instant>,
    last_throttled: Option<Instant>,
    noise: u64,
    queue: Queue,
}

impl Flow {
    const fn new() -> Self {
        Self {
            rate: START,
            is_searching: true,
            refusals: 0,
            refusing_since: None,
            next: None,
            last_throttled: None,
            noise: 0,
            queue: Queue::new(),
        }
    }

    /// The first throttled response, or the first after a time without.
    fn start(&mut self, now: Instant) {
        let is_known = self.since_throttled(now) < MEMORY && self.rate > START;
        self.is_searching = !is_known;
        self.rate = if is_known {
            (self.rate * KNOWN).max(START)
        } else {
            START
        };
        self.refusals = 0;
        self.next = None;
    }

    /// Whether throttling has ended.
    fn is_over(&self, now: Instant) -> bool {
        self.queue.length == 0 && self.since_throttled(now) >= LET_GO
    }

    fn since_throttled(&self, now: Instant) -> Duration {
        self.last_throttled
            .map_or(Duration::MAX, |last| now.saturating_duration_since(last))
    }

    /// Whether one with so many ahead may go.
    fn admit(&mut self, ahead: usize, now: Instant) -> Admission {
        // A slot that nobody used is kept for a moment, since timers are late.
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        let next = self.next.map_or(now, |next| next.max(earliest));
        #[allow(clippy::cast_precision_loss)]
        let ahead = ahead as f64;
        if next + seconds(ahead / self.rate) <= now {
            self.next = Some(next + seconds(self.gap() / self.rate));
            return Admission::Go;
        }
        // The rate may rise until then, so ask when the turn can come if it rises as it can.
        let growth = self.growth(now + LONGEST_WAIT);
        let wait = seconds((growth * ahead / self.rate).ln_1p() / growth);
        let turn = next.max(now) + wait.min(LONGEST_WAIT);
        Admission::WaitUntil(turn.max(now + SHORTEST_WAIT))
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

    fn meets_refusal(&self) -> bool {
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

    fn on_success(&mut self, sent: Sent, now: Instant) {
        self.refusals = 0;
        // Who did not have to wait proves nothing about a higher rate.
        if sent.has_waited {
            self.rate = (self.rate + self.growth(now)).min(CEILING);
        }
    }

    fn on_throttled(&mut self, sent: Option<Sent>, now: Instant) {
        self.last_throttled = Some(now);
        let Some(sent) = sent else {
            // Of a wave that was sent before there was a pace: what is left of it will take all
            // that the service admits.
            self.next = self.next.max(Some(now + SETTLE));
            return;
        };
        self.is_searching = false;
        let least = sent.rate * MOST_OF_ONE_ROUND;
        if self.rate > least {
            if self.refusals == 0 {
                self.refusing_since = Some(now);
            }
            self.refusals = self.refusals.saturating_add(1);
            let step = (STEP * f64::from(self.refusals)).min(LONGEST_STEP);
            self.rate = (self.rate * (1.0 - step)).max(least);
        }
        if self.rate <= FLOOR {
            self.rate = FLOOR;
            self.is_searching = true;
        }
    }
}

/// Who waits: a bit for each place, of which the first belongs to `first`.
struct Queue {
    bits: VecDeque<u64>,
    /// The number of the first bit, a multiple of 64.
    first: u64,
    /// The next number to be given.
    end: u64,
    length: usize,
}

impl Queue {
    const fn new() -> Self {
        Self {
            bits: VecDeque::new(),
            first: 0,
            end: 0,
            length: 0,
        }
    }

    /// A new place, the last.
    fn push(&mut self) -> u64 {
        let number = self.end;
        self.end += 1;
        self.insert(number);
        number
    }

    /// Takes a place again. Not one from very long ago, which would need a bit for each since.
    fn insert(&mut self, number: u64) -> bool {
        if self.end.saturating_sub(number) > FARTHEST {
            return false;
        }
        if self.bits.is_empty() {
            self.first = number - number % BITS;
        }
        while number < self.first {
            self.bits.push_front(0);
            self.first -= BITS;
        }
        let (word, bit) = self.locate(number);
        while self.bits.len() <= word {
            self.bits.push_back(0);
        }
        self.bits[word] |= bit;
        self.length += 1;
        true
    }

    fn remove(&mut self, number: u64) {
        let (word, bit) = self.locate(number);
        if let Some(bits) = self.bits.get_mut(word).filter(|bits| **bits & bit != 0) {
            *bits &= !bit;
            self.length -= 1;
        }
        while self.bits.front() == Some(&0) {
            self.bits.pop_front();
            self.first += BITS;
        }
    }

    /// How many wait before this place.
    fn ahead_of(&self, number: u64) -> usize {
        let (word, bit) = self.locate(number);
        let whole: u32 = self
            .bits
            .iter()
            .take(word)
            .map(|bits| bits.count_ones())
            .sum();
        let part = self
            .bits
            .get(word)
            .map_or(0, |bits| (bits & (bit - 1)).count_ones());
        (whole + part) as usize
    }

    fn locate(&self, number: u64) -> (usize, u64) {
        let offset = number.saturating_sub(self.first);
        let word = usize::try_from(offset / BITS).unwrap_or(usize::MAX);
        (word, 1 << (offset % BITS))
    }
}

/// A wait of finite length, whatever the rate.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_WAIT)
}

/// Requests a second: where the search begins.
const START: f64 = 20.0;
/// The least and the most there is.
const FLOOR: f64 = 3.0;
const CEILING: f64 = 1e6;

/// Doubles the rate every 250 ms: ln 2 / 0.25 s.
const SEARCH_GROWTH: f64 = 2.77;
/// Two processes that start at 80 : 20 are within 60 : 40 after 9 s.
const GROWTH: f64 = 0.2;
/// Requests a second, and second: brings a process with a small share forward faster.
const ADDITION: f64 = 4.0;
/// Added for each second without a throttled response, so that a doubled rate is reached in 3 s.
const ACCELERATION: f64 = 0.1;

/// Small, so that a steady rate stays steady: with `GROWTH`, 5 throttled responses a second.
const STEP: f64 = 0.05;
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

/// Who waits asks at least so often, since others may leave the queue.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// So many in a row, for so long, are no chance: of a rate that is far too high, the service still
/// takes something every few milliseconds.
const REFUSALS: u16 = 3;
const REFUSING: Duration = Duration::from_millis(150);

/// One gap in fifty would be longer.
const LONGEST_GAP: f64 = 4.0;

/// Knuth's generator.
const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
const INCREMENT: u64 = 1_442_695_040_888_963_407;

const BITS: u64 = 64;
/// A million places, which are 128 kB.
const FARTHEST: u64 = 1 << 20;

#[cfg(all(test, loom))]
mod model {
    //! Every interleaving of the pacer's flag and lock. Run it with
    //! `RUSTFLAGS="--cfg loom" cargo test -p undaunted --no-default-features --lib model`.

    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[allow(clippy::disallowed_methods)]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn two_callers_never_get_the_same_slot() {
        loom::model(|| {
            let pacer = Arc::new(Pacer::new());
            let now = now();
            Turn::new(&*pacer).throttled(now);
            let later = now + Duration::from_secs(1);
            // One slot is free, and another that nobody used is kept for 20 ms, not for 50.
            let go = move |pacer: &Pacer| Turn::new(pacer).poll(later) == Admission::Go;
            let other = {
                let pacer = Arc::clone(&pacer);
                thread::spawn(move || go(&pacer))
            };
            let mine = go(&pacer);
            let theirs = other.join().unwrap();
            assert!(mine != theirs, "exactly one of the two goes");
            assert_eq!(pacer.waiting(), 0, "who is dropped waits no longer");
        });
    }

    #[test]
    fn two_first_throttled_responses_start_it_once() {
        loom::model(|| {
            let pacer = Arc::new(Pacer::new());
            let now = now();
            let other = {
                let pacer = Arc::clone(&pacer);
                thread::spawn(move || Turn::new(&*pacer).throttled(now))
            };
            Turn::new(&*pacer).throttled(now);
            other.join().unwrap();
            assert_eq!(pacer.rate(), Some(START));
        });
    }
}
