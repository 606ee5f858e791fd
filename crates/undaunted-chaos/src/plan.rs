//! Which fault hits which call.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use object_store::Result;
use tokio::time::Instant;

use crate::call::IncomingCall;
use crate::failure::Failure;
use crate::fault::Fault;
use crate::fault_kind::FaultKind;
use crate::injection::{Injection, InjectionLog};
use crate::operation::Operation;
use crate::pending::{PendingFault, PendingFaults, Returned};
use crate::rates::Rates;
use crate::rule::Rule;
use crate::script::Script;
use crate::seeded::SeededFaults;

/// Decides which fault hits which call, and keeps account of it.
///
/// A clone is cheap and shares everything with its original: one plan can stand behind several
/// stores, and a test keeps a clone to read afterwards what happened.
///
/// For each call these are asked in turn, and the first fault is it (a [`Fault::Delay`] lets
/// the next be asked as well):
///
/// 1. the blackout, in which every call fails with [`Failure::Connect`];
/// 2. the script: the first of its rules that is due, in the order in which they were given;
/// 3. the seed;
/// 4. what [`decided_by`](Self::decided_by) was given.
///
/// ```
/// use std::sync::Arc;
/// use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
/// use undaunted_chaos::{Failure, Fault, FaultKind, FaultPlan, FaultyStore, Operation, Rule};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let plan = FaultPlan::scripted([
///     Rule::new(Operation::Put, Fault::FailBefore(Failure::slow_down())).count(2),
///     Rule::new(Operation::Put, Fault::FailAfter(Failure::Reset)),
/// ]);
/// let store = FaultyStore::new(InMemory::new(), plan.clone());
///
/// let key = Path::from("a");
/// for _ in 0..3 {
///     assert!(store.put(&key, "x".into()).await.is_err());
/// }
/// assert!(store.head(&key).await.is_ok(), "the third was applied");
/// assert!(plan.unused().is_empty());
/// assert_eq!(plan.calls(Operation::Put), 3);
/// assert_eq!(plan.injected(FaultKind::FailBefore), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    state: Arc<Mutex<PlanState>>,
    log: InjectionLog,
}

impl FaultPlan {
    /// No faults: every call goes through, and is counted.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Exactly these faults.
    #[must_use]
    pub fn scripted(rules: impl IntoIterator<Item = Rule>) -> Self {
        let plan = Self::none();
        for rule in rules {
            plan.add(rule);
        }
        plan
    }

    /// Faults drawn from a seed at these rates.
    ///
    /// A draw is a pure function of the seed, the operation, the key (for a part also its
    /// number) and how often that operation was called on that key before. The order in which
    /// concurrent calls on different keys arrive changes nothing, nor do the machine and the
    /// version of this crate.
    ///
    /// No more than three faults in a row hit one operation on one key (and part), so an
    /// operation gets through on its fourth attempt;
    /// [`ChaosSpec::with_max_in_a_row`](crate::ChaosSpec::with_max_in_a_row) sets another
    /// bound. Where several callers use the same key at the same time, one of them may take the
    /// other's free call.
    #[must_use]
    pub fn seeded(seed: u64, rates: Rates) -> Self {
        Self::none().with_seeded(SeededFaults::new(seed, rates))
    }

    /// A blackout: from the first call on, every call fails with [`Failure::Connect`] for this
    /// long; after that none does. Time is tokio's, so a paused clock works.
    #[must_use]
    pub fn blackout(lasts: Duration) -> Self {
        let plan = Self::none();
        if !lasts.is_zero() {
            plan.lock().blackout = Some(Blackout { lasts, since: None });
        }
        plan
    }

    /// Faults that a function decides for each call: any number of delays, then at most one other
    /// fault. For a service that is modelled, with a queue or a capacity.
    ///
    /// It is asked in the order in which calls arrive, while no other call is: it must be quick, must
    /// not block, and must not use this plan.
    ///
    /// ```
    /// use object_store::{ObjectStoreExt, memory::InMemory};
    /// use undaunted_chaos::{Failure, Fault, FaultPlan, FaultyStore, Operation};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let plan = FaultPlan::decided_by(|operation, key| {
    ///     let is_locked = operation == Operation::Put && key.starts_with("locked/");
    ///     let fault = is_locked.then(|| Fault::FailBefore(Failure::status(423)));
    ///     fault.into_iter().collect()
    /// });
    /// let store = FaultyStore::new(InMemory::new(), plan);
    /// assert!(store.put(&"locked/a".into(), "x".into()).await.is_err());
    /// assert!(store.put(&"b".into(), "x".into()).await.is_ok());
    /// # }
    /// ```
    #[must_use]
    pub fn decided_by(decide: impl FnMut(Operation, &str) -> Vec<Fault> + Send + 'static) -> Self {
        let plan = Self::none();
        plan.lock().decider = Some(Decider(Box::new(decide)));
        plan
    }

    pub(crate) fn with_seeded(self, seeded: SeededFaults) -> Self {
        self.lock().seeded = Some(seeded);
        self
    }

    /// Appends a rule to the script. It counts its matching calls from now on.
    pub fn add(&self, rule: Rule) {
        self.lock().script.add(rule);
    }

    /// The scripted faults that never took effect: each rule that has some, with its
    /// [`count`](Rule::count) set to how many are left. An endless rule is listed if it never
    /// took effect at all.
    ///
    /// A fault that was chosen for a call counts as used only if it took effect: not if the
    /// call failed by itself first, or if nobody read a body as far as its break.
    #[must_use]
    pub fn unused(&self) -> Vec<Rule> {
        self.lock().script.unused(|rule| self.log.of_rule(rule))
    }

    /// The faults that took effect, oldest first. Only the newest 10,000 are kept; the counts
    /// of [`injected`](Self::injected) are of all.
    #[must_use]
    pub fn log(&self) -> Vec<Injection> {
        self.log.newest()
    }

    /// How many faults of this kind took effect.
    #[must_use]
    pub fn injected(&self, kind: FaultKind) -> u64 {
        self.log.of_kind(kind)
    }

    /// How many calls of this operation came in, hit or not. A list is counted when it is
    /// first polled, a part of an upload when it is handed over.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u64 {
        let state = self.lock();
        state.calls.get(&operation).copied().unwrap_or_default()
    }

    /// Counts a call and chooses what hits it.
    pub(crate) fn begin(&self, call: &IncomingCall<'_>) -> PendingFaults {
        let (nth, faults) = self.lock().choose(call);
        let pending = faults.into_iter().map(|chosen| PendingFault {
            injection: Injection {
                operation: call.operation,
                key: call.key.to_owned(),
                part: call.part,
                nth,
                fault: chosen.fault,
            },
            rule: chosen.rule,
            random_position: chosen.random_position,
            log: self.log.clone(),
            is_counted: false,
        });
        PendingFaults(pending.collect())
    }

    /// Makes a call that has one response and no body, with what hits it.
    pub(crate) async fn run<T: Returned>(
        &self,
        call: IncomingCall<'_>,
        inner: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        self.begin(&call).around(inner).await
    }

    /// Nothing panics while it holds the lock, and if it did, counts would still be counts.
    fn lock(&self) -> MutexGuard<'_, PlanState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct PlanState {
    /// When the first call came.
    start: Option<Instant>,
    blackout: Option<Blackout>,
    script: Script,
    seeded: Option<SeededFaults>,
    decider: Option<Decider>,
    calls: BTreeMap<Operation, u64>,
    /// By the hash of operation, key and part: a soak over millions of keys must not keep them.
    series: HashMap<u64, Series>,
}

/// A function that decides which faults hit a call.
struct Decider(Box<Decide>);

type Decide = dyn FnMut(Operation, &str) -> Vec<Fault> + Send;

impl fmt::Debug for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decider")
    }
}

#[derive(Debug)]
struct Blackout {
    lasts: Duration,
    since: Option<Instant>,
}

/// The calls of one operation on one key (and part).
#[derive(Debug, Default)]
struct Series {
    calls: u64,
    faults_in_a_row: u32,
}

#[derive(Debug)]
struct ChosenFault {
    fault: Fault,
    rule: Option<usize>,
    random_position: bool,
}

impl PlanState {
    /// The number of this call in its series, and the faults that hit it.
    fn choose(&mut self, call: &IncomingCall<'_>) -> (u64, Vec<ChosenFault>) {
        let now = Instant::now();
        let since_first_call = now - *self.start.get_or_insert(now);
        let is_dark = self.is_dark(now);
        *self.calls.entry(call.operation).or_default() += 1;
        let identity = call.series();
        let series = self.series.entry(identity).or_default();
        series.calls += 1;
        let nth = series.calls;
        if is_dark {
            let refused = ChosenFault {
                fault: Fault::FailBefore(Failure::Connect),
                rule: None,
                random_position: false,
            };
            return (nth, vec![refused]);
        }

        let scripted = self.script.choose(call, now, since_first_call).into_iter();
        let mut faults: Vec<_> = scripted
            .map(|(rule, fault)| ChosenFault {
                fault,
                rule: Some(rule),
                random_position: false,
            })
            .collect();
        let may_be_drawn = faults
            .last()
            .is_none_or(|chosen| chosen.fault.kind() == FaultKind::Delay);
        if let (true, Some(seeded)) = (may_be_drawn, &self.seeded) {
            let in_a_row = &mut series.faults_in_a_row;
            let drawn = seeded.draw(call.operation, identity, nth, in_a_row);
            faults.extend(drawn.map(|fault| ChosenFault {
                fault,
                rule: None,
                random_position: true,
            }));
        }
        if let Some(decider) = &mut self.decider {
            let decided = (decider.0)(call.operation, call.key).into_iter();
            faults.extend(decided.map(|fault| ChosenFault {
                fault,
                rule: None,
                random_position: false,
            }));
        }
        (nth, faults)
    }

    /// Whether the blackout lasts. The first call starts it.
    fn is_dark(&mut self, now: Instant) -> bool {
        let Some(blackout) = &mut self.blackout else {
            return false;
        };
        let since = *blackout.since.get_or_insert(now);
        let is_dark = now.duration_since(since) < blackout.lasts;
        if !is_dark {
            self.blackout = None;
        }
        is_dark
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pending::PendingFaults;

    fn reset() -> Fault {
        Fault::FailBefore(Failure::Reset)
    }

    fn delay() -> Fault {
        Fault::Delay(Duration::from_secs(1))
    }

    /// The faults chosen for the next call, by kind.
    fn next(plan: &FaultPlan, operation: Operation, key: &str) -> Vec<FaultKind> {
        let PendingFaults(faults) = plan.begin(&IncomingCall::new(operation, key));
        faults.iter().map(|fault| fault.fault().kind()).collect()
    }

    #[test]
    fn rules_are_consumed_in_order() {
        let plan = FaultPlan::scripted([
            Rule::new(Operation::Get, reset()).count(2),
            Rule::new(Operation::Get, Fault::ShortBody { at: 0 }),
        ]);
        let kinds: Vec<_> = (0..4).map(|_| next(&plan, Operation::Get, "k")).collect();
        assert_eq!(
            kinds,
            [
                vec![FaultKind::FailBefore],
                vec![FaultKind::FailBefore],
                vec![FaultKind::ShortBody],
                vec![],
            ]
        );
    }

    #[test]
    fn calls_hit_by_another_rule_are_counted_too() {
        let plan = FaultPlan::scripted([
            Rule::new(Operation::Get, reset()),
            Rule::new(Operation::Get, Fault::ShortBody { at: 0 }).from_call(2),
        ]);
        assert_eq!(next(&plan, Operation::Get, "k"), [FaultKind::FailBefore]);
        assert_eq!(next(&plan, Operation::Get, "k"), [FaultKind::ShortBody]);
    }

    #[test]
    fn a_delay_lets_another_fault_hit_the_same_call() {
        let plan = FaultPlan::scripted([
            Rule::new(Operation::Get, delay()),
            Rule::new(Operation::Get, reset()),
            Rule::new(Operation::Get, reset()),
        ]);
        let first = next(&plan, Operation::Get, "k");
        assert_eq!(first, [FaultKind::Delay, FaultKind::FailBefore]);
        assert_eq!(next(&plan, Operation::Get, "k"), [FaultKind::FailBefore]);
    }

    #[test]
    fn the_script_comes_before_the_seed() {
        let rates = Rates {
            before: 1.0,
            ..Rates::default()
        };
        let plan = FaultPlan::seeded(1, rates);
        plan.add(Rule::new(Operation::Put, Fault::FailAfter(Failure::Reset)));
        assert_eq!(next(&plan, Operation::Put, "k"), [FaultKind::FailAfter]);
        assert_eq!(next(&plan, Operation::Put, "k"), [FaultKind::FailBefore]);
    }

    #[test]
    fn an_added_rule_counts_from_then_on() {
        let plan = FaultPlan::none();
        assert!(next(&plan, Operation::Get, "k").is_empty());
        plan.add(Rule::new(Operation::Get, reset()).from_call(2));
        assert!(next(&plan, Operation::Get, "k").is_empty());
        assert_eq!(next(&plan, Operation::Get, "k"), [FaultKind::FailBefore]);
        assert_eq!(plan.calls(Operation::Get), 3);
        assert_eq!(plan.calls(Operation::Put), 0);
    }

    #[test]
    fn calls_are_numbered_by_operation_key_and_part() {
        let plan = FaultPlan::none();
        let nth = |operation, key, part| {
            let call = IncomingCall {
                part,
                ..IncomingCall::new(operation, key)
            };
            plan.lock().choose(&call).0
        };
        assert_eq!(nth(Operation::PutPart, "k", Some(0)), 1);
        assert_eq!(nth(Operation::PutPart, "k", Some(1)), 1);
        assert_eq!(nth(Operation::PutPart, "k", Some(0)), 2);
        assert_eq!(nth(Operation::Put, "k", None), 1);
        assert_eq!(nth(Operation::Put, "l", None), 1);
        assert_eq!(nth(Operation::Put, "k", None), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_blackout_starts_with_the_first_call_and_ends_by_the_clock() {
        let plan = FaultPlan::blackout(Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(next(&plan, Operation::Get, "k"), [FaultKind::FailBefore]);
        tokio::time::advance(Duration::from_millis(4_999)).await;
        assert_eq!(next(&plan, Operation::Put, "l"), [FaultKind::FailBefore]);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(next(&plan, Operation::Get, "k").is_empty());
    }
}
