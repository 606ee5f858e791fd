//! The rules of a plan at work: how far each has come.

use std::time::Duration;

use tokio::time::Instant;

use crate::call::IncomingCall;
use crate::fault::Fault;
use crate::fault_kind::FaultKind;
use crate::rule::Rule;

/// The rules, in the order in which they are asked.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Vec<ScriptedRule>,
}

impl Script {
    pub(crate) fn add(&mut self, rule: Rule) {
        self.rules.push(ScriptedRule::new(rule));
    }

    /// The delays that are due, and the first other fault that is, each with the number of its
    /// rule. Every rule sees the call, so that each counts its own matching calls.
    pub(crate) fn choose(
        &mut self,
        call: &IncomingCall<'_>,
        now: Instant,
        since_first_call: Duration,
    ) -> Vec<(usize, Fault)> {
        let mut faults: Vec<(usize, Fault)> = Vec::new();
        let mut complete = false;
        let rules = self.rules.iter_mut().enumerate();
        for (number, rule) in rules.filter(|(_, one)| one.rule.is_in_force(since_first_call)) {
            if rule.see(call, now) && !complete {
                let fault = rule.take();
                complete = fault.kind() != FaultKind::Delay;
                faults.push((number, fault));
            }
        }
        faults
    }

    /// What never took effect, where `effects` says how often the rule of a number did.
    pub(crate) fn unused(&self, effects: impl Fn(usize) -> u64) -> Vec<Rule> {
        let rules = self.rules.iter().enumerate();
        rules
            .filter_map(|(number, scripted)| scripted.unused(effects(number)))
            .collect()
    }
}

#[derive(Debug)]
struct ScriptedRule {
    rule: Rule,
    /// Matching calls so far.
    seen: u64,
    /// Calls that were given the fault.
    taken: u64,
    /// What a rate limit still lets through.
    allowance: Option<Allowance>,
}

impl ScriptedRule {
    fn new(rule: Rule) -> Self {
        let allowance = match rule.fault() {
            Fault::RateLimit {
                per_second, burst, ..
            } => Some(Allowance::new(*per_second, *burst)),
            _ => None,
        };
        Self {
            rule,
            seen: 0,
            taken: 0,
            allowance,
        }
    }

    /// Counts the call if it matches, and says whether the rule is due at it.
    fn see(&mut self, call: &IncomingCall<'_>, now: Instant) -> bool {
        if !self.rule.matches(call) {
            return false;
        }
        self.seen += 1;
        if self.seen < self.rule.from_call
            || self.rule.count.is_some_and(|count| self.taken >= count)
        {
            return false;
        }
        match &mut self.allowance {
            Some(allowance) => !allowance.take(now),
            None => true,
        }
    }

    /// Gives the fault to the call that was seen last.
    fn take(&mut self) -> Fault {
        self.taken += 1;
        self.rule.fault().clone()
    }

    /// What is left of the rule after it took effect this often.
    fn unused(&self, effects: u64) -> Option<Rule> {
        let Some(count) = self.rule.count else {
            return (effects == 0).then(|| self.rule.clone());
        };
        let left = count.saturating_sub(effects);
        (left > 0).then(|| self.rule.clone().count(left))
    }
}

/// A bucket of tokens: they come in at a steady rate, and no more are kept than a burst.
#[derive(Debug)]
struct Allowance {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Option<Instant>,
}

impl Allowance {
    fn new(per_second: u32, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self {
            per_second: f64::from(per_second),
            burst,
            tokens: burst,
            at: None,
        }
    }

    /// Takes a token, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        let since = self.at.unwrap_or(now);
        let came_in = now.saturating_duration_since(since).as_secs_f64() * self.per_second;
        self.tokens = self.burst.min(self.tokens + came_in);
        self.at = Some(now);
        let is_there = self.tokens >= 1.0 - ROUNDING;
        if is_there {
            self.tokens -= 1.0;
        }
        is_there
    }
}

/// Tokens that came in by thirds and tenths add up to a little less than a whole one.
const ROUNDING: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::operation::Operation;

    const RESET: Fault = Fault::FailBefore(Failure::Reset);

    /// The numbers of the first six matching calls that the rule hits.
    fn hits(rule: Rule) -> Vec<u32> {
        let mut scripted = ScriptedRule::new(rule);
        (1..=6)
            .filter(|_| {
                let due = scripted.see(&IncomingCall::new(Operation::Get, "k"), Instant::now());
                if due {
                    scripted.take();
                }
                due
            })
            .collect()
    }

    #[test]
    fn the_window_is_what_the_table_says() {
        let rule = || Rule::new(Operation::Get, RESET);
        assert_eq!(hits(rule()), [1]);
        assert_eq!(hits(rule().count(3)), [1, 2, 3]);
        assert_eq!(hits(rule().from_call(3)), [3]);
        assert_eq!(hits(rule().from_call(3).count(2)), [3, 4]);
        assert_eq!(hits(rule().from_call(4).always()), [4, 5, 6]);
        assert_eq!(hits(rule().always()), [1, 2, 3, 4, 5, 6]);
        assert!(hits(rule().count(0)).is_empty());
    }

    #[test]
    fn a_rule_is_in_force_from_its_start_until_its_end() {
        let seconds = Duration::from_secs;
        let mut script = Script::default();
        let window = Rule::any(RESET)
            .starts_after(seconds(10))
            .ends_after(seconds(20));
        script.add(window.from_call(2).always());
        let start = Instant::now();
        let call = IncomingCall::new(Operation::Get, "k");
        let due = [0, 9, 10, 11, 19, 20, 21].map(|at| {
            let faults = script.choose(&call, start + seconds(at), seconds(at));
            !faults.is_empty()
        });
        // Calls outside the window are not counted.
        assert_eq!(due, [false, false, false, true, true, false, false]);
    }

    #[test]
    fn a_rate_limit_is_due_beyond_the_rate_only() {
        let limit = Fault::RateLimit {
            per_second: 2,
            burst: 3,
            retry_after: None,
        };
        let mut scripted = ScriptedRule::new(Rule::any(limit).always());
        let start = Instant::now();
        let mut due = |millis| {
            let now = start + Duration::from_millis(millis);
            scripted.see(&IncomingCall::new(Operation::Get, "k"), now)
        };
        assert_eq!(
            [0, 0, 0, 0, 499].map(&mut due),
            [false, false, false, true, true]
        );
        assert_eq!([500, 500, 1000].map(&mut due), [false, true, false]);
        // A long pause gives the burst again and no more.
        assert_eq!([9_000; 4].map(&mut due), [false, false, false, true]);
    }

    #[test]
    fn unused_counts_effects_and_not_intentions() {
        let rule = Rule::new(Operation::Get, RESET).count(3);
        let mut scripted = ScriptedRule::new(rule.clone());
        assert_eq!(scripted.unused(0), Some(rule.clone()));
        for _ in 0..3 {
            assert!(scripted.see(&IncomingCall::new(Operation::Get, "k"), Instant::now()));
            scripted.take();
        }
        assert_eq!(scripted.unused(0), Some(rule.clone()));
        assert_eq!(scripted.unused(1), Some(rule.clone().count(2)));
        assert_eq!(scripted.unused(3), None);

        let endless = ScriptedRule::new(rule.clone().always());
        assert_eq!(endless.unused(0), Some(rule.always()));
        assert_eq!(endless.unused(1), None);
    }
}
