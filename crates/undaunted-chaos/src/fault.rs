//! What goes wrong with a call.

use std::fmt;
use std::time::Duration;

use undaunted::HttpFailure;

use crate::failure::Failure;
use crate::fault_kind::FaultKind;
use crate::operation::Operation;

/// One fault. The [table of the crate](crate#the-faults) says what each does and where.
///
/// A position `at` counts the bytes of the response, which for a range is not the whole object.
/// A body that ends at or before `at` is not hit: its length was announced before, so a client
/// has what it asked for by then.
///
/// ```
/// use undaunted_chaos::{Failure, Fault, Operation};
///
/// let fault = Fault::BreakBody { at: 5, failure: Failure::Reset };
/// assert!(fault.applies_to(Operation::Get));
/// assert!(!fault.applies_to(Operation::Put));
/// assert_eq!(fault.to_string(), "break_body at 5 (connection reset)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The body delivers exactly `at` bytes, then fails.
    BreakBody {
        /// How many bytes arrive.
        at: u64,
        /// The failure that the reader sees then.
        failure: Failure,
    },
    /// A list delivers up to `after` entries, then fails. A list that has no more than that
    /// fails where it would have ended. A call that gives all its entries together
    /// (`list_with_delimiter`, a page) fails as a whole.
    BreakList {
        /// How many entries arrive at most.
        after: usize,
        /// The failure that the reader sees then.
        failure: Failure,
    },
    /// One byte of the body arrives with all its bits inverted.
    CorruptBody {
        /// Which byte, from 0.
        at: u64,
    },
    /// The call waits this long, then goes on. Another fault may hit the same call after it.
    /// Waiting needs a tokio runtime with its timer on.
    Delay(Duration),
    /// The call is applied in full, then its response is lost and this failure comes instead.
    /// A call that fails by itself keeps its own error.
    ///
    /// [`Failure::Connect`] and throttled responses say that nothing was applied, which here
    /// would be false; seeded faults never say so.
    FailAfter(Failure),
    /// The call fails and the inner store never hears of it.
    FailBefore(Failure),
    /// Calls come through at this rate; those beyond it are told to slow down, and the inner
    /// store never hears of them. A rule counts the calls that it refuses: with
    /// [`Rule::always`](crate::Rule::always) the limit stays.
    RateLimit {
        /// How many calls a second come through in the long run; 0 lets none through once the
        /// burst is over.
        per_second: u32,
        /// How many come through together after a pause, at least 1.
        burst: u32,
        /// The hint that the refusal carries.
        retry_after: Option<Duration>,
    },
    /// The body delivers exactly `at` bytes, then the object is replaced by another one of the
    /// same length, every bit of it inverted, and the body fails. A client that resumes without
    /// asking for the same object gets a mixture of both.
    ReplaceObject {
        /// How many bytes of the old object arrive.
        at: u64,
        /// The failure that the reader sees then.
        failure: Failure,
    },
    /// The body ends cleanly after exactly `at` bytes, as if that were all.
    ShortBody {
        /// How many bytes arrive.
        at: u64,
    },
    /// The body stops for a while after `at` bytes, then goes on. Waiting needs a tokio
    /// runtime with its timer on.
    StallBody {
        /// How many bytes arrive before the stall.
        at: u64,
        /// How long it lasts.
        lasts: Duration,
    },
}

impl Fault {
    /// Which kind of fault this is.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::BreakBody { .. } => FaultKind::BreakBody,
            Self::BreakList { .. } => FaultKind::BreakList,
            Self::CorruptBody { .. } => FaultKind::CorruptBody,
            Self::Delay(_) => FaultKind::Delay,
            Self::FailAfter(_) => FaultKind::FailAfter,
            Self::FailBefore(_) => FaultKind::FailBefore,
            Self::RateLimit { .. } => FaultKind::RateLimit,
            Self::ReplaceObject { .. } => FaultKind::ReplaceObject,
            Self::ShortBody { .. } => FaultKind::ShortBody,
            Self::StallBody { .. } => FaultKind::StallBody,
        }
    }

    /// Whether this fault can hit this operation: faults of bodies hit reads, faults of lists
    /// hit lists, all others hit anything.
    #[must_use]
    pub const fn applies_to(&self, operation: Operation) -> bool {
        match self {
            Self::BreakBody { .. }
            | Self::CorruptBody { .. }
            | Self::ReplaceObject { .. }
            | Self::ShortBody { .. }
            | Self::StallBody { .. } => operation.has_body(),
            Self::BreakList { .. } => matches!(operation, Operation::List),
            Self::Delay(_) | Self::FailAfter(_) | Self::FailBefore(_) | Self::RateLimit { .. } => {
                true
            }
        }
    }

    /// What the caller is told in the place of the call, if the call is never made.
    pub(crate) fn refusal(&self) -> Option<Failure> {
        match self {
            Self::FailBefore(failure) => Some(failure.clone()),
            Self::RateLimit { retry_after, .. } => {
                let failure = HttpFailure::new(503).with_code("SlowDown");
                Some(Failure::Status(match retry_after {
                    Some(hint) => failure.with_retry_after(*hint),
                    None => failure,
                }))
            }
            _ => None,
        }
    }

    /// The failure that the caller is told of, for the faults that bring one.
    #[cfg(feature = "server")]
    pub(crate) const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::BreakBody { failure, .. }
            | Self::BreakList { failure, .. }
            | Self::FailAfter(failure)
            | Self::FailBefore(failure)
            | Self::ReplaceObject { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// The position in the body, for the faults that have one.
    pub(crate) const fn at_mut(&mut self) -> Option<&mut u64> {
        match self {
            Self::BreakBody { at, .. }
            | Self::CorruptBody { at }
            | Self::ReplaceObject { at, .. }
            | Self::ShortBody { at }
            | Self::StallBody { at, .. } => Some(at),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Self::BreakBody { at, failure } | Self::ReplaceObject { at, failure } => {
                write!(f, " at {at} ({failure})")
            }
            Self::BreakList { after, failure } => write!(f, " after {after} ({failure})"),
            Self::CorruptBody { at } | Self::ShortBody { at } => write!(f, " at {at}"),
            Self::Delay(lasts) => write!(f, " of {lasts:?}"),
            Self::FailAfter(failure) | Self::FailBefore(failure) => write!(f, " ({failure})"),
            Self::RateLimit { per_second, .. } => write!(f, " of {per_second}/s"),
            Self::StallBody { at, lasts } => write!(f, " at {at} of {lasts:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Vec<Fault> {
        let failure = Failure::Reset;
        let lasts = Duration::from_millis(20);
        vec![
            Fault::BreakBody {
                at: 1,
                failure: failure.clone(),
            },
            Fault::BreakList {
                after: 2,
                failure: failure.clone(),
            },
            Fault::CorruptBody { at: 3 },
            Fault::Delay(lasts),
            Fault::FailAfter(failure),
            Fault::FailBefore(Failure::slow_down()),
            Fault::RateLimit {
                per_second: 10,
                burst: 5,
                retry_after: None,
            },
            Fault::ReplaceObject {
                at: 6,
                failure: Failure::Closed,
            },
            Fault::ShortBody { at: 4 },
            Fault::StallBody { at: 5, lasts },
        ]
    }

    #[test]
    fn a_fault_says_what_it_is() {
        let texts: Vec<_> = one_of_each().iter().map(Fault::to_string).collect();
        assert_eq!(
            texts,
            [
                "break_body at 1 (connection reset)",
                "break_list after 2 (connection reset)",
                "corrupt_body at 3",
                "delay of 20ms",
                "fail_after (connection reset)",
                "fail_before (HTTP status 503 SlowDown)",
                "rate_limit of 10/s",
                "replace_object at 6 (connection closed)",
                "short_body at 4",
                "stall_body at 5 of 20ms",
            ]
        );
    }

    #[test]
    fn every_kind_has_a_fault() {
        let kinds: Vec<_> = one_of_each().iter().map(Fault::kind).collect();
        assert_eq!(kinds, FaultKind::ALL);
    }

    #[test]
    fn only_faults_of_bodies_have_a_position() {
        for mut fault in one_of_each() {
            let of_body = fault.applies_to(Operation::Get) && !fault.applies_to(Operation::Put);
            assert_eq!(fault.at_mut().is_some(), of_body, "{fault}");
        }
    }

    #[test]
    fn faults_of_lists_hit_lists_only() {
        let fault = Fault::BreakList {
            after: 0,
            failure: Failure::Closed,
        };
        let hit: Vec<_> = Operation::ALL
            .iter()
            .filter(|op| fault.applies_to(**op))
            .collect();
        assert_eq!(hit, [&Operation::List]);
    }
}
