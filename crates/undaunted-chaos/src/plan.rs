//! Which fault hits which call.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::hit::{Hit, Planned};
use crate::log::Log;
use crate::random::identity;
use crate::rule::{Call, ScriptedRule};
use crate::seeded::Seeded;
use crate::{ChaosSpec, Failure, Fault, FaultKind, Injection, Operation, Rates, Rule};

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
/// 3. the seed.
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
    state: Arc<Mutex<State>>,
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
        plan.lock().script = rules.into_iter().map(ScriptedRule::new).collect();
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
    /// operation that is tried four times gets through;
    /// [`ChaosSpec::with_max_in_a_row`] sets another bound. Where several callers use the same
    /// key at once, one of them may take the other's free call.
    #[must_use]
    pub fn seeded(seed: u64, rates: Rates) -> Self {
        ChaosSpec::new(seed, rates).plan()
    }

    /// A blackout: from the first call on, every call fails with [`Failure::Connect`] for this
    /// long; after that none does. Time is tokio's, so a paused clock works.
    #[must_use]
    pub fn blackout(lasts: Duration) -> Self {
        let plan = Self::none();
        plan.lock().blackout = Some(Blackout { lasts, since: None });
        plan
    }

    pub(crate) fn from_seeded(seeded: Seeded, blackout: Duration) -> Self {
        let plan = if blackout.is_zero() {
            Self::none()
        } else {
            Self::blackout(blackout)
        };
        plan.lock().seeded = Some(seeded);
        plan
    }

    /// Appends a rule to the script. It counts its matching calls from now on.
    pub fn add(&self, rule: Rule) {
        self.lock().script.push(ScriptedRule::new(rule));
    }

    /// The scripted faults that never took effect: each rule that has some, with its
    /// [`count`](Rule::count) set to how many are left. An endless rule is listed if it never
    /// took effect at all.
    ///
    /// A fault that was chosen for a call counts as used only if it took effect: not if the
    /// call failed by itself first, or if nobody read a body as far as its break.
    #[must_use]
    pub fn unused(&self) -> Vec<Rule> {
        self.lock()
            .script
            .iter()
            .filter_map(ScriptedRule::unused)
            .collect()
    }

    /// The faults that took effect, oldest first. Only the newest 10,000 are kept; the counts
    /// of [`injected`](Self::injected) are of all.
    #[must_use]
    pub fn log(&self) -> Vec<Injection> {
        self.lock().log.newest()
    }

    /// How many faults of this kind took effect.
    #[must_use]
    pub fn injected(&self, kind: FaultKind) -> u64 {
        self.lock().log.count(kind)
    }

    /// How many calls of this operation came in, hit or not. A list is counted when it is
    /// first polled, a part of an upload when it is handed over.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> u64 {
        self.lock()
            .calls
            .get(&operation)
            .copied()
            .unwrap_or_default()
    }

    /// Counts a call and chooses what hits it.
    pub(crate) fn begin(&self, operation: Operation, key: &str, part: Option<usize>) -> Planned {
        self.begin_call(&Call {
            part,
            ..Call::new(operation, key)
        })
    }

    pub(crate) fn begin_call(&self, call: &Call<'_>) -> Planned {
        let (nth, choices) = self.lock().choose(call);
        let hits = choices.into_iter().map(|choice| Hit {
            plan: self.clone(),
            rule: choice.rule,
            scattered: choice.scattered,
            injection: Injection {
                operation: call.operation,
                key: call.key.to_owned(),
                part: call.part,
                nth,
                fault: choice.fault,
            },
        });
        Planned::new(hits.collect())
    }

    pub(crate) fn record(&self, rule: Option<usize>, injection: Injection) {
        let mut state = self.lock();
        if let Some(rule) = rule.and_then(|rule| state.script.get_mut(rule)) {
            rule.fired();
        }
        state.log.push(injection);
    }

    /// Nothing panics while it holds the lock, and if it did, counts would still be counts.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct State {
    blackout: Option<Blackout>,
    script: Vec<ScriptedRule>,
    seeded: Option<Seeded>,
    calls: BTreeMap<Operation, u64>,
    /// By the hash of operation, key and part: a soak over millions of keys must not keep them.
    histories: HashMap<u64, History>,
    log: Log,
}

#[derive(Debug)]
struct Blackout {
    lasts: Duration,
    since: Option<Instant>,
}

#[derive(Debug, Default)]
struct History {
    calls: u64,
    faults_in_a_row: u32,
}

#[derive(Debug)]
struct Choice {
    fault: Fault,
    rule: Option<usize>,
    scattered: bool,
}

impl State {
    /// The number of this call on its key, and the faults that hit it.
    fn choose(&mut self, call: &Call<'_>) -> (u64, Vec<Choice>) {
        let operation = call.operation;
        *self.calls.entry(operation).or_default() += 1;
        let identity = identity(operation, call.key, call.part);
        let dark = self.is_dark();
        let history = self.histories.entry(identity).or_default();
        history.calls += 1;
        let nth = history.calls;
        if dark {
            let refused = Choice {
                fault: Fault::FailBefore(Failure::Connect),
                rule: None,
                scattered: false,
            };
            return (nth, vec![refused]);
        }

        let mut choices = scripted(&mut self.script, call);
        let goes_on = choices
            .last()
            .is_none_or(|choice| choice.fault.kind() == FaultKind::Delay);
        if let (true, Some(seeded)) = (goes_on, &self.seeded) {
            let fault = seeded.draw(operation, identity, nth, &mut history.faults_in_a_row);
            choices.extend(fault.map(|fault| Choice {
                fault,
                rule: None,
                scattered: true,
            }));
        }
        (nth, choices)
    }

    /// Whether the blackout lasts. The first call starts it.
    fn is_dark(&mut self) -> bool {
        let Some(blackout) = &mut self.blackout else {
            return false;
        };
        let now = Instant::now();
        let since = *blackout.since.get_or_insert(now);
        let dark = now.duration_since(since) < blackout.lasts;
        if !dark {
            self.blackout = None;
        }
        dark
    }
}

/// The delays that are due, and the first other rule that is. Every rule sees the call, so
/// that each counts its own matching calls.
fn scripted(script: &mut [ScriptedRule], call: &Call<'_>) -> Vec<Choice> {
    let now = Instant::now();
    let mut choices: Vec<Choice> = Vec::new();
    let mut taken = false;
    for (index, rule) in script.iter_mut().enumerate() {
        if rule.see(call, now) && !taken {
            let fault = rule.take();
            taken = fault.kind() != FaultKind::Delay;
            choices.push(Choice {
                fault,
                rule: Some(index),
                scattered: false,
            });
        }
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset() -> Fault {
        Fault::FailBefore(Failure::Reset)
    }

    fn delay() -> Fault {
        Fault::Delay(Duration::from_secs(1))
    }

    /// The faults chosen for the next call, by kind.
    fn next(plan: &FaultPlan, operation: Operation, key: &str) -> Vec<FaultKind> {
        let (_, choices) = plan.lock().choose(&Call::new(operation, key));
        choices.iter().map(|choice| choice.fault.kind()).collect()
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
            let call = Call {
                part,
                ..Call::new(operation, key)
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
