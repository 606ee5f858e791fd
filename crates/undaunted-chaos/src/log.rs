//! What was injected.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use crate::{Fault, FaultKind, Operation};

/// A fault that took effect on a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Injection {
    /// What the call did.
    pub operation: Operation,
    /// On which key; [`Operation`] says what the key of a list, a copy or a rename is.
    pub key: String,
    /// Which part, from 0, if the call sent a part of a multipart upload.
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

/// The newest injections, and the number of all.
#[derive(Debug, Default)]
pub(crate) struct Log {
    newest: VecDeque<Injection>,
    counts: BTreeMap<FaultKind, u64>,
}

impl Log {
    pub(crate) fn push(&mut self, injection: Injection) {
        *self.counts.entry(injection.fault.kind()).or_default() += 1;
        if self.newest.len() == LOG_LENGTH {
            self.newest.pop_front();
        }
        self.newest.push_back(injection);
    }

    pub(crate) fn newest(&self) -> Vec<Injection> {
        self.newest.iter().cloned().collect()
    }

    pub(crate) fn count(&self, kind: FaultKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }
}

/// A few megabytes at most, and more than anyone reads.
pub(crate) const LOG_LENGTH: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Failure;

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
        let mut log = Log::default();
        let all = LOG_LENGTH as u64 + 5;
        for nth in 1..=all {
            log.push(injection(nth));
        }
        let newest = log.newest();
        assert_eq!(newest.len(), LOG_LENGTH);
        assert_eq!(newest[0].nth, 6);
        assert_eq!(newest[LOG_LENGTH - 1].nth, all);
        assert_eq!(log.count(FaultKind::FailAfter), all);
        assert_eq!(log.count(FaultKind::FailBefore), 0);
    }

    #[test]
    fn an_injection_reads_as_a_line() {
        assert_eq!(
            injection(3).to_string(),
            "put_part `a/b` part 2 call 3: fail_after (timeout)"
        );
    }
}
