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
//! - Every success of a request that had to wait raises the rate: by 24/s each second in all, and
//!   by more the longer nothing was throttled. Every throttled response takes 6 % from it,
//!   and more when several come one after another without a success, down to 3 a second: a
//!   service that refuses everything gets a trickle. Steps of this kind, relative and one for each
//!   response, bring all processes that call a service to the same rate, since all meet the same
//!   share of throttled responses.
//! - A request that was sent at 200/s and throttled proves that 200/s is too much, not that
//!   100/s is. So the responses of one round trip never take more than half of the rate at which
//!   their requests were sent, however many they are.
//! - A service that refuses a share of all requests whatever the rate does not get better by a
//!   lower one. So a pace that meets refusals is raised now and then for a moment, and if no
//!   larger share is refused then, the rate goes on rising and that share counts no more.
//! - It lets go when nobody waits and nothing was throttled for 5 s, and keeps the rate for the
//!   next time within a minute.

mod flow;
mod probe;
mod queue;

use std::fmt;
use std::ops::Deref;
use std::time::Instant;

// loom's where a model of this file is checked (`--cfg loom`).
#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering};
#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard};

use flow::Flow;
use probe::Sent;

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
    refusals: u8,
    /// The request on its way, if it was paced.
    sent: Option<Sent>,
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
            self.lock().queue.length()
        } else {
            0
        }
    }

    /// Whether the service seems to refuse everything.
    pub(crate) fn meets_refusal(&self) -> bool {
        self.is_active() && self.lock().meets_refusal()
    }

    /// Makes the gaps of this pacer differ from those of other processes. Drivers call it when
    /// pacing begins; without it they are the same in every run.
    #[doc(hidden)]
    pub fn seed(&self, seed: u64) {
        self.lock().noise = seed;
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
            refusals: 0,
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

    /// Whether the next request may be sent without asking. Drivers ask this first: it takes no lock.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn is_free(&self) -> bool {
        !self.pacer.is_active() && self.since.is_none()
    }

    /// When the service last took a paced request of any call. Stores start their clock again then.
    #[doc(hidden)]
    #[must_use]
    pub fn last_taken(&self) -> Option<Instant> {
        self.pacer.lock().last_success
    }

    /// Whether the pacer is to hear what became of the request.
    #[inline]
    pub(crate) const fn is_sent(&self) -> bool {
        self.sent.is_some()
    }

    /// Whether the next request may be sent. `now` must not run backwards. A call that waits keeps
    /// its place as long as it asks at the times that it is given; others pass one that does not.
    pub fn poll(&mut self, now: Instant) -> Admission {
        self.poll_and_tell(now).0
    }

    /// [`poll`](Self::poll), and whether pacing has ended with it.
    pub(crate) fn poll_and_tell(&mut self, now: Instant) -> (Admission, bool) {
        self.sent = None;
        if !self.pacer.is_active() {
            self.leave();
            return (Admission::Go, false);
        }
        let mut flow = self.pacer.lock();
        let is_new = self.since.is_none();
        if is_new && flow.is_over(now) {
            let was_active = self.pacer.is_active.swap(false, Ordering::Relaxed);
            return (Admission::Go, was_active);
        }
        let number = match self.number {
            Some(number) if !is_new || flow.queue.insert(number) => number,
            _ => flow.queue.push(),
        };
        self.number = Some(number);
        let ahead = flow.queue.ask(number, now);
        if let Some(then) = flow.admit(ahead, now) {
            self.since.get_or_insert(now);
            return (Admission::WaitUntil(then), false);
        }
        flow.queue.remove(number);
        self.sent = Some(flow.send(!is_new));
        self.since = None;
        (Admission::Go, false)
    }

    /// The service took the request, whatever it made of it. The result is whether pacing has
    /// ended with it.
    pub fn succeeded(&mut self, now: Instant) -> bool {
        let Some(sent) = self.sent.take() else {
            return false;
        };
        let mut flow = self.pacer.lock();
        flow.on_success(sent, now);
        flow.is_over(now) && self.pacer.is_active.swap(false, Ordering::Relaxed)
    }

    /// The service throttled the request. The result is whether pacing began with it.
    pub fn throttled(&mut self, now: Instant) -> bool {
        self.leave();
        let mut flow = self.pacer.lock();
        let is_first = !self.pacer.is_active();
        if is_first {
            flow.start(now);
            self.pacer.is_active.store(true, Ordering::Relaxed);
        }
        flow.on_throttled(self.sent.take(), now);
        self.refusals = self.refusals.saturating_add(1);
        if flow.meets_refusal() || self.refusals >= MOST_IN_PLACE {
            // The same few calls must not use up their retries on a service that refuses many.
            self.number = None;
        }
        is_first
    }

    /// Waits no longer, and frees its place.
    #[doc(hidden)]
    pub fn leave(&mut self) {
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

/// So often a throttled call is sent before those that came later.
const MOST_IN_PLACE: u8 = 3;

#[cfg(all(test, loom))]
mod model {
    //! Every interleaving of the pacer's flag and lock. Run it with
    //! `RUSTFLAGS="--cfg loom" cargo test -p undaunted --no-default-features --lib model`.

    use loom::sync::Arc;
    use loom::thread;

    use std::time::Duration;

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
            assert_eq!(pacer.rate(), Some(flow::START));
        });
    }
}
