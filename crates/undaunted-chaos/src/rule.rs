//! The rules of a script: which calls a fault is meant for.

use tokio::time::Instant;

use crate::allowance::Allowance;
use crate::{Fault, Operation};

/// One fault of a script, and the calls it is meant for.
///
/// A new rule hits the first matching call, once, whatever the key. A call *matches* when the
/// operation, the key and the method fit; matching calls are counted from 1, hit or not, by this rule or
/// by another.
///
/// | which calls | how |
/// | --- | --- |
/// | the first | `Rule::new(..)` |
/// | the first n | `.count(n)` |
/// | only the n-th | `.from_call(n)` |
/// | all from the n-th on | `.from_call(n).always()` |
/// | all | `.always()` |
///
/// A rule whose fault cannot hit its operation ([`Fault::applies_to`]) matches nothing and so
/// stays in [`FaultPlan::unused`](crate::FaultPlan::unused).
///
/// ```
/// use undaunted_chaos::{Failure, Fault, FaultPlan, Operation, Rule};
///
/// // The second and third write below `logs/` are applied, but their answers are lost.
/// let rule = Rule::new(Operation::Put, Fault::FailAfter(Failure::Reset))
///     .key("logs/*")
///     .from_call(2)
///     .count(2);
/// let plan = FaultPlan::scripted([rule.clone()]);
/// assert_eq!(plan.unused(), [rule]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    operation: Option<Operation>,
    key: String,
    method: Option<String>,
    from_call: u64,
    /// No limit where none.
    count: Option<u64>,
    fault: Fault,
}

impl Rule {
    /// A rule that hits the first call of this operation, on any key.
    #[must_use]
    pub fn new(operation: Operation, fault: Fault) -> Self {
        Self {
            operation: Some(operation),
            ..Self::any(fault)
        }
    }

    /// A rule that hits the first call of any operation that the fault applies to.
    #[must_use]
    pub fn any(fault: Fault) -> Self {
        Self {
            operation: None,
            key: "*".to_owned(),
            method: None,
            from_call: 1,
            count: Some(1),
            fault,
        }
    }

    /// Hits only keys that fit `pattern`, in which `*` stands for any run of characters, `/`
    /// included, and all else for itself. The default is `*`. [`Operation`] says what the key
    /// of a list, a copy or a rename is.
    #[must_use]
    pub fn key(mut self, pattern: impl Into<String>) -> Self {
        self.key = pattern.into();
        self
    }

    /// Hits only requests of this HTTP method, in capitals or not. Calls that are no requests,
    /// which is those of a [`FaultyStore`](crate::FaultyStore), are not hit then.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Spares the matching calls before the `nth`, which is counted from 1. The default is 1.
    #[must_use]
    pub const fn from_call(mut self, nth: u64) -> Self {
        self.from_call = nth;
        self
    }

    /// Hits this many calls. The default is 1.
    #[must_use]
    pub const fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Hits every matching call, without end.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.count = None;
        self
    }

    /// The fault that the rule brings.
    #[must_use]
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    fn matches(&self, call: &Call<'_>) -> bool {
        self.operation.is_none_or(|wanted| wanted == call.operation)
            && self.fault.applies_to(call.operation)
            && self
                .method
                .as_deref()
                .is_none_or(|wanted| call.method == Some(wanted))
            && fits(&self.key, call.key)
    }
}

/// What a plan is told of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'c> {
    pub(crate) operation: Operation,
    pub(crate) key: &'c str,
    /// Which part, from 0, if it sends one.
    pub(crate) part: Option<usize>,
    /// The HTTP method, if it is a request.
    pub(crate) method: Option<&'c str>,
}

impl<'c> Call<'c> {
    /// A call that is no request and sends no part.
    pub(crate) const fn new(operation: Operation, key: &'c str) -> Self {
        Self {
            operation,
            key,
            part: None,
            method: None,
        }
    }
}

/// A rule at work: how far it has come.
#[derive(Debug)]
pub(crate) struct ScriptedRule {
    rule: Rule,
    /// Matching calls so far.
    seen: u64,
    /// Calls that were given the fault.
    taken: u64,
    /// Calls in which the fault then took effect.
    fired: u64,
    /// What a rate limit still lets through.
    allowance: Option<Allowance>,
}

impl ScriptedRule {
    pub(crate) fn new(rule: Rule) -> Self {
        let allowance = match rule.fault {
            Fault::RateLimit {
                per_second, burst, ..
            } => Some(Allowance::new(per_second, burst)),
            _ => None,
        };
        Self {
            allowance,
            rule,
            seen: 0,
            taken: 0,
            fired: 0,
        }
    }

    /// Counts the call if it matches, and says whether the rule is due at it.
    pub(crate) fn see(&mut self, call: &Call<'_>, now: Instant) -> bool {
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
    pub(crate) fn take(&mut self) -> Fault {
        self.taken += 1;
        self.rule.fault.clone()
    }

    pub(crate) const fn fired(&mut self) {
        self.fired += 1;
    }

    /// What of the rule never took effect.
    pub(crate) fn unused(&self) -> Option<Rule> {
        let Some(count) = self.rule.count else {
            return (self.fired == 0).then(|| self.rule.clone());
        };
        let left = count.saturating_sub(self.fired);
        (left > 0).then(|| self.rule.clone().count(left))
    }
}

/// Whether `text` fits `pattern`. The last `*` met is the only one that ever needs another
/// try, so this takes no more than the product of both lengths.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star_at, covered)) = star {
            star = Some((star_at, covered + 1));
            p = star_at + 1;
            t = covered + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Failure;

    const RESET: Fault = Fault::FailBefore(Failure::Reset);

    /// The numbers of the first six matching calls that the rule hits.
    fn hits(rule: Rule) -> Vec<u32> {
        let mut scripted = ScriptedRule::new(rule);
        (1..=6)
            .filter(|_| {
                let due = scripted.see(&Call::new(Operation::Get, "k"), Instant::now());
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
    fn a_rule_matches_its_operation_and_key() {
        let rule = Rule::new(Operation::Get, RESET).key("a/*");
        assert!(rule.matches(&Call::new(Operation::Get, "a/b/c")));
        assert!(!rule.matches(&Call::new(Operation::Put, "a/b/c")));
        assert!(!rule.matches(&Call::new(Operation::Get, "b/a/c")));
        assert!(Rule::any(RESET).matches(&Call::new(Operation::Rename, "x")));
    }

    #[test]
    fn a_method_is_one_that_a_request_has() {
        let rule = Rule::any(RESET).method("put");
        let request = |method| Call {
            method: Some(method),
            ..Call::new(Operation::Put, "k")
        };
        assert!(rule.matches(&request("PUT")));
        assert!(!rule.matches(&request("POST")));
        assert!(!rule.matches(&Call::new(Operation::Put, "k")));
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
            let now = start + std::time::Duration::from_millis(millis);
            scripted.see(&Call::new(Operation::Get, "k"), now)
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
    fn a_fault_that_cannot_hit_the_operation_matches_nothing() {
        let rule = Rule::new(Operation::Put, Fault::ShortBody { at: 1 });
        assert!(!rule.matches(&Call::new(Operation::Put, "k")));
        let any = Rule::any(Fault::ShortBody { at: 1 });
        assert!(any.matches(&Call::new(Operation::Get, "k")));
        assert!(!any.matches(&Call::new(Operation::Head, "k")));
    }

    #[test]
    fn unused_counts_effects_and_not_intentions() {
        let rule = Rule::new(Operation::Get, RESET).count(3);
        let mut scripted = ScriptedRule::new(rule.clone());
        assert_eq!(scripted.unused(), Some(rule.clone()));
        for _ in 0..3 {
            assert!(scripted.see(&Call::new(Operation::Get, "k"), Instant::now()));
            scripted.take();
        }
        assert_eq!(scripted.unused(), Some(rule.clone()));
        scripted.fired();
        assert_eq!(scripted.unused(), Some(rule.clone().count(2)));
        scripted.fired();
        scripted.fired();
        assert_eq!(scripted.unused(), None);

        let mut endless = ScriptedRule::new(rule.clone().always());
        assert_eq!(endless.unused(), Some(rule.always()));
        endless.fired();
        assert_eq!(endless.unused(), None);
    }

    #[test]
    fn patterns() {
        let cases = [
            ("*", "", true),
            ("*", "a/b", true),
            ("", "", true),
            ("", "a", false),
            ("a/b", "a/b", true),
            ("a/b", "a/bc", false),
            ("a/*", "a/", true),
            ("a/*", "a", false),
            ("*.bin", "x/y.bin", true),
            ("*.bin", "x/y.bin.tmp", false),
            ("a*b*c", "a--b--b--c", true),
            ("a*b*c", "a--c--b", false),
            ("**a", "ba", true),
            ("*aab", "aaab", true),
        ];
        for (pattern, text, want) in cases {
            assert_eq!(fits(pattern, text), want, "{pattern} on {text}");
        }
    }
}
