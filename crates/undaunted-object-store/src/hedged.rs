//! Reads that are sent a second time when their response takes long.
//!
//! [`Hedger`] of the core decides; here is what waits, sends and takes the first response. The other
//! request is dropped before anything of its body is read, so two responses are never mixed: what is
//! pinned, resumed and checked afterwards is the one that was first.

use std::fmt;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::{Either, select};
use object_store::path::Path;
use object_store::{Error, GetOptions, GetResult, ObjectStore, Result};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use undaunted::{HedgedResponse, Hedger, Verdict};

use crate::observe;
use crate::operation::Operation;
use crate::policy::Policy;
use crate::verify::Unchecked;

/// In the extensions of a read that may be hedged: when its request is sent. A store beneath a
/// [`RetryStore`](crate::RetryStore) that lets requests wait says so, since a request that has not
/// been sent is not answered late.
///
/// ```
/// use object_store::GetOptions;
/// use undaunted_object_store::HedgeClock;
///
/// # async fn slot() {}
/// # async fn get_opts(options: GetOptions) {
/// match HedgeClock::of(&options) {
///     // A second request is not to wait behind others.
///     Some(clock) if clock.is_of_hedge() => {}
///     Some(clock) => clock.stopped_during(slot()).await,
///     None => slot().await,
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct HedgeClock {
    /// Since when the request has been on its way, if it is.
    sent: Arc<watch::Sender<Option<Instant>>>,
    is_of_hedge: bool,
}

impl HedgeClock {
    /// That of a read, if it may be hedged or is a hedge.
    #[must_use]
    pub fn of(options: &GetOptions) -> Option<&Self> {
        options.extensions.get()
    }

    /// Whether this is a second request, sent because the first has not been answered.
    #[must_use]
    pub const fn is_of_hedge(&self) -> bool {
        self.is_of_hedge
    }

    /// Waits for something without which the request cannot be sent. The clock starts after it.
    pub async fn stopped_during<T>(&self, future: impl Future<Output = T>) -> T {
        self.sent.send_replace(None);
        let done = future.await;
        self.sent.send_replace(Some(Instant::now()));
        done
    }

    fn started(is_of_hedge: bool) -> Self {
        Self {
            sent: Arc::new(watch::Sender::new(Some(Instant::now()))),
            is_of_hedge,
        }
    }

    /// Waits until the request has been on its way for `delay`.
    async fn overdue(&self, delay: Duration) {
        let mut sent = self.sent.subscribe();
        loop {
            let since = *sent.borrow_and_update();
            let changed = sent.changed();
            // The sender is this clock's, so it is there.
            match since.map(|since| since.checked_add(delay)) {
                Some(Some(due)) => {
                    if timeout_at(due, changed).await.is_err() {
                        return;
                    }
                }
                Some(None) => pending().await,
                None => {
                    let _ = changed.await;
                }
            }
        }
    }

    fn elapsed(&self) -> Duration {
        let sent = *self.sent.borrow();
        sent.map_or_else(Default::default, |sent| sent.elapsed())
    }
}

impl fmt::Debug for HedgeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HedgeClock")
            .field("is_of_hedge", &self.is_of_hedge)
            .finish_non_exhaustive()
    }
}

/// Whether an operation has been hedged, which happens once.
#[derive(Debug, Default)]
pub(crate) struct HedgedOnce(AtomicBool);

impl Policy {
    /// Asks the store for an object or a range of it, twice where that is worth it.
    pub(crate) async fn get<S: ObjectStore + ?Sized>(
        &self,
        store: &S,
        location: &Path,
        mut options: GetOptions,
        once: &HedgedOnce,
    ) -> Result<GetResult> {
        if !self.checksums && !self.verify_reads {
            options.extensions.insert(Unchecked);
        }
        match &self.hedger {
            Some(hedger) if !options.head => {
                let read = HedgedRead {
                    policy: self,
                    hedger,
                    store,
                    location,
                    options,
                };
                read.run(once).await
            }
            _ => store.get_opts(location, options).await,
        }
    }
}

struct HedgedRead<'a, S: ?Sized> {
    policy: &'a Policy,
    hedger: &'a Hedger,
    store: &'a S,
    location: &'a Path,
    options: GetOptions,
}

impl<S: ObjectStore + ?Sized> HedgedRead<'_, S> {
    async fn run(&self, once: &HedgedOnce) -> Result<GetResult> {
        let clock = HedgeClock::started(false);
        let mut first = pin!(self.send(clock.clone()));
        let Some(delay) = self.hedger.delay() else {
            let result = first.await;
            return self.seen(result, &clock, HedgedResponse::InTime);
        };
        if let Either::Left((result, _)) = select(&mut first, pin!(clock.overdue(delay))).await {
            return self.seen(result, &clock, HedgedResponse::InTime);
        }
        self.hedger.on_overdue();
        // Whoever waits for room is not overtaken: the store is busy then, and not this request slow.
        let room = self.policy.in_flight.try_enter();
        let pacer = self.policy.pacer(Operation::Get);
        let budget = self.policy.budget.as_deref();
        let is_first = !once.0.load(Ordering::Relaxed);
        if !(is_first && room.is_some() && self.hedger.withdraw(pacer, budget)) {
            // It is for others, who may wait for it.
            drop(room);
            let result = first.await;
            return self.seen(result, &clock, HedgedResponse::Late);
        }
        once.0.store(true, Ordering::Relaxed);
        observe::record_hedge(false);
        tracing::debug!(target: "undaunted::retry", "get {} is sent a second time", self.location);
        let second = pin!(self.send(HedgeClock::started(true)));
        match select(first, second).await {
            Either::Left((Err(error), second)) if self.may_be_outdone(&error) => {
                // Now: the other one may take long, or be dropped, and others must not be sent unpaced.
                self.unused(&error);
                match second.await {
                    // Of two failures the one that is final, or else the first.
                    Err(other) if self.may_be_outdone(&other) => {
                        self.unused(&other);
                        Err(error)
                    }
                    result => self.seen(result, &clock, HedgedResponse::ByHedge),
                }
            }
            Either::Right((Err(error), first)) => {
                drop(room);
                self.unused(&error);
                let result = first.await;
                self.seen(result, &clock, HedgedResponse::Late)
            }
            Either::Left((result, _)) => self.seen(result, &clock, HedgedResponse::Late),
            Either::Right((result, _)) => self.seen(result, &clock, HedgedResponse::ByHedge),
        }
    }

    fn send(&self, clock: HedgeClock) -> impl Future<Output = Result<GetResult>> {
        let mut options = self.options.clone();
        options.extensions.insert(clock);
        self.store.get_opts(self.location, options)
    }

    /// Whether a failure is not the last word while another request is on its way.
    fn may_be_outdone(&self, error: &Error) -> bool {
        self.policy.is_retryable(error, None)
    }

    fn seen(
        &self,
        result: Result<GetResult>,
        clock: &HedgeClock,
        response: HedgedResponse,
    ) -> Result<GetResult> {
        if let Err(error) = &result {
            self.note_throttle(error);
        } else {
            self.hedger.on_response(clock.elapsed(), response);
            if response == HedgedResponse::ByHedge {
                observe::record_hedge(true);
            }
        }
        result
    }

    /// The failure of a request of which the call is not told, since the other one counts. The pacer
    /// is told here, or it would hear of a success only.
    fn unused(&self, error: &Error) {
        if let (true, Some(pacer)) = (self.note_throttle(error), self.policy.pacer(Operation::Get))
        {
            let now = Instant::now().into_std();
            undaunted::__private::throttled(pacer, Operation::Get.as_str(), now);
        }
    }

    fn note_throttle(&self, error: &Error) -> bool {
        let verdict = self.policy.judge(error, None).verdict;
        let is_throttle = matches!(verdict, Verdict::Throttled { .. });
        if is_throttle {
            self.hedger.on_throttled();
        }
        is_throttle
    }
}
