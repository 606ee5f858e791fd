//! Which calls a fault is meant for.

use std::time::Duration;

use crate::call::IncomingCall;
use crate::fault::Fault;
use crate::operation::Operation;

/// One fault of a script, and the calls it is meant for.
///
/// A new rule hits the first matching call, once, whatever the key. A call *matches* when the
/// operation, the key and the method fit; matching calls are counted from 1, whether this rule,
/// another one or none hits them.
///
/// | which calls | how |
/// | --- | --- |
/// | the first | `Rule::new(..)` |
/// | the first n | `.count(n)` |
/// | only the n-th | `.from_call(n)` |
/// | all from the n-th on | `.from_call(n).always()` |
/// | all | `.always()` |
/// | all of the second ten seconds | `.starts_after(10 s).ends_after(20 s).always()` |
///
/// A rule whose fault cannot hit its operation ([`Fault::applies_to`]) matches nothing and so
/// stays in [`FaultPlan::unused`](crate::FaultPlan::unused).
///
/// ```
/// use undaunted_chaos::{Failure, Fault, FaultPlan, Operation, Rule};
///
/// // The second and third write below `logs/` are applied, but their responses are lost.
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
    pub(crate) from_call: u64,
    /// How many calls to hit; all of them where none.
    pub(crate) count: Option<u64>,
    starts_after: Duration,
    ends_after: Duration,
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
            starts_after: Duration::ZERO,
            ends_after: Duration::MAX,
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

    /// Hits only requests of this HTTP method, in capitals or not. The calls of a
    /// [`FaultyStore`](crate::FaultyStore) are no requests, and are not hit then.
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

    /// Spares the calls until this long after the first call of the plan; they do not match. Time
    /// is tokio's. The default is zero.
    #[must_use]
    pub const fn starts_after(mut self, pause: Duration) -> Self {
        self.starts_after = pause;
        self
    }

    /// Spares the calls from this long after the first call of the plan on; they do not match.
    /// The default is never.
    #[must_use]
    pub const fn ends_after(mut self, lasts: Duration) -> Self {
        self.ends_after = lasts;
        self
    }

    /// The fault that the rule brings.
    #[must_use]
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Whether it is the rule's time, this long after the first call of the plan.
    pub(crate) fn is_in_force(&self, since_first_call: Duration) -> bool {
        (self.starts_after..self.ends_after).contains(&since_first_call)
    }

    pub(crate) fn matches(&self, call: &IncomingCall<'_>) -> bool {
        self.operation.is_none_or(|wanted| wanted == call.operation)
            && self.fault.applies_to(call.operation)
            && self
                .method
                .as_deref()
                .is_none_or(|wanted| call.method == Some(wanted))
            && fits(&self.key, call.key)
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
    use crate::failure::Failure;

    const RESET: Fault = Fault::FailBefore(Failure::Reset);

    #[test]
    fn a_rule_matches_its_operation_and_key() {
        let rule = Rule::new(Operation::Get, RESET).key("a/*");
        assert!(rule.matches(&IncomingCall::new(Operation::Get, "a/b/c")));
        assert!(!rule.matches(&IncomingCall::new(Operation::Put, "a/b/c")));
        assert!(!rule.matches(&IncomingCall::new(Operation::Get, "b/a/c")));
        assert!(Rule::any(RESET).matches(&IncomingCall::new(Operation::Rename, "x")));
    }

    #[test]
    fn a_method_is_one_that_a_request_has() {
        let rule = Rule::any(RESET).method("put");
        let request = |method| IncomingCall {
            method: Some(method),
            ..IncomingCall::new(Operation::Put, "k")
        };
        assert!(rule.matches(&request("PUT")));
        assert!(!rule.matches(&request("POST")));
        assert!(!rule.matches(&IncomingCall::new(Operation::Put, "k")));
    }

    #[test]
    fn a_fault_that_cannot_hit_the_operation_matches_nothing() {
        let rule = Rule::new(Operation::Put, Fault::ShortBody { at: 1 });
        assert!(!rule.matches(&IncomingCall::new(Operation::Put, "k")));
        let any = Rule::any(Fault::ShortBody { at: 1 });
        assert!(any.matches(&IncomingCall::new(Operation::Get, "k")));
        assert!(!any.matches(&IncomingCall::new(Operation::Head, "k")));
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
