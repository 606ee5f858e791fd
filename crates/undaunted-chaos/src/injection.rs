//! What was injected.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fault::Fault;
use crate::fault_kind::FaultKind;
use crate::operation::Operation;

/// A fault that took effect on a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Injection {
    /// What the call did.
    pub operation: Operation,
    /// On which key; [`Operation`] says what the key of a list, a copy or a rename is.
    pub key: String,
    /// Which part, if the call sent a part of a multipart upload: from 0 in a
    /// [`FaultyStore`](crate::FaultyStore), from 1 on a server, as S3 counts.
    pub part: Option<usize>,
    /// Which call it was of this operation on this key (and part), from 1.
    pub nth: u64,
    /// What went wrong, with the position that it really had.
    pub fault: Fault,
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.operation, self.key)?;
        if let Some(part) = self.part {
            write!(f, " part {part}")?;
        }
        write!(f, " call {}: {}", self.nth, self.fault)
    }
}

/// The account of a plan: its newest injections, and the number of all. A clone shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct InjectionLog {
    entries: Arc<Mutex<Entries>>,
}

#[derive(Debug, Default)]
struct Entries {
    newest: VecDeque<Injection>,
    by_kind: BTreeMap<FaultKind, u64>,
    by_rule: BTreeMap<usize, u64>,
}

impl InjectionLog {
    /// Adds an injection; `rule` is the number of the scripted rule that it came from.
    pub(crate) fn add(&self, rule: Option<usize>, injection: Injection) {
        let mut entries = self.lock();
        *entries.by_kind.entry(injection.fault.kind()).or_default() += 1;
        if let Some(rule) = rule {
            *entries.by_rule.entry(rule).or_default() += 1;
        }
        if entries.newest.len() == LOG_LENGTH {
            entries.newest.pop_front();
        }
        entries.newest.push_back(injection);
    }

    pub(crate) fn newest(&self) -> Vec<Injection> {
        self.lock().newest.iter().cloned().collect()
    }

    pub(crate) fn of_kind(&self, kind: FaultKind) -> u64 {
        self.lock().by_kind.get(&kind).copied().unwrap_or_default()
    }

    pub(crate) fn of_rule(&self, rule: usize) -> u64 {
        self.lock().by_rule.get(&rule).copied().unwrap_or_default()
    }

    /// Nothing panics while it holds the lock, and if it did, counts would still be counts.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A few megabytes at most, and more than anyone reads.
const LOG_LENGTH: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    fn injection(nth: u64) -> Injection {
        Injection {
            operation: Operation::PutPart,
            key: "a/b".to_owned(),
            part: Some(2),
            nth,
            fault: Fault::FailAfter(Failure::Timeout),
        }
    }

    #[test]
    fn the_log_is_bounded_and_the_counts_are_exact() {
        let log = InjectionLog::default();
        let all = LOG_LENGTH as u64 + 5;
        for nth in 1..=all {
            log.add(Some(3), injection(nth));
        }
        let newest = log.newest();
        assert_eq!(newest.len(), LOG_LENGTH);
        assert_eq!(newest[0].nth, 6);
        assert_eq!(newest[LOG_LENGTH - 1].nth, all);
        assert_eq!(log.of_kind(FaultKind::FailAfter), all);
        assert_eq!(log.of_kind(FaultKind::FailBefore), 0);
        assert_eq!([log.of_rule(3), log.of_rule(0)], [all, 0]);
    }

    #[test]
    fn an_injection_reads_as_a_line() {
        assert_eq!(
            injection(3).to_string(),
            "put_part `a/b` part 2 call 3: fail_after (timeout)"
        );
    }
}
