//! What of a policy will hurt.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use undaunted::Jitter;

use super::crowd::{merging_jitter, retrying};
use super::schedule::Limits;
use super::{Plan, Usage};
use crate::policy::{Budget, Policy};
use crate::text::{count, digits, percent, span};

/// Something about a policy that will hurt its callers or the service. As text it says what, and what
/// to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Warning {
    /// `attempt_timeout` leaves `total_timeout` no room for a retry.
    AttemptAsLongAsAll {
        /// Seconds.
        attempt_timeout: f64,
        /// Seconds.
        total_timeout: f64,
    },
    /// Retries begin after the caller has stopped waiting.
    BeyondCaller {
        /// Seconds.
        caller_timeout: f64,
        /// The median of the time until the last attempt begins, in seconds.
        last_attempt: f64,
    },
    /// The budget is too small for the calls that fail together.
    BudgetTooSmall {
        /// How many of them.
        calls: u32,
        /// How many of these get a first retry.
        retried: u32,
    },
    /// A deadline ends most calls before their retries are used up.
    DeadlineBeforeRetries {
        /// The share of calls.
        share: f64,
        /// Attempts that a call makes, on average.
        attempts: f64,
    },
    /// Several layers retry.
    NestedLayers {
        /// Requests for a call at worst.
        requests: f64,
    },
    /// Nothing ends an attempt that hangs.
    NoTimeout,
    /// A person waits, and no `total_timeout` ends the wait.
    NoTotalTimeout {
        /// The longest wait for delays alone, in seconds.
        longest: f64,
    },
    /// A person waits, and `total_timeout` is longer than a person does.
    LongTotalTimeout {
        /// Seconds.
        total_timeout: f64,
    },
    /// Nothing keeps an overload from lasting for ever.
    Vulnerable {
        /// The load from which on it can.
        above: f64,
    },
    /// Clients that fail together come back in waves that never merge.
    Waves {
        /// The most within 10 ms.
        peak: f64,
        /// The jitter from which on they would; none if only full jitter helps.
        #[serde(skip_serializing_if = "Option::is_none")]
        needed: Option<f64>,
    },
}

pub(super) fn warnings(
    plan: &Plan,
    policy: &Policy,
    usage: &Usage,
    limits: Limits,
) -> Vec<Warning> {
    let config = &policy.config;
    let mut found = Vec::new();
    if !usage.other_layers.is_empty() && config.max_retries() > 0 {
        found.push(Warning::NestedLayers {
            requests: plan.requests_at_worst,
        });
    }
    match (config.attempt_timeout(), config.total_timeout()) {
        (Some(attempt), Some(total)) if attempt >= total && config.max_retries() > 0 => {
            found.push(Warning::AttemptAsLongAsAll {
                attempt_timeout: attempt.as_secs_f64(),
                total_timeout: total.as_secs_f64(),
            });
        }
        (_, None) if usage.person_waits => found.push(Warning::NoTotalTimeout {
            longest: plan.outage.seconds.max,
        }),
        (None, None) => found.push(Warning::NoTimeout),
        _ => {}
    }
    if let Some(total) = config.total_timeout().filter(|total| *total > PATIENCE) {
        if usage.person_waits {
            found.push(Warning::LongTotalTimeout {
                total_timeout: total.as_secs_f64(),
            });
        }
    }
    if let Some(caller) = usage.caller_timeout.map(|timeout| timeout.as_secs_f64()) {
        if plan.outage.seconds.p50 > caller {
            found.push(Warning::BeyondCaller {
                caller_timeout: caller,
                last_attempt: plan.outage.seconds.p50,
            });
        }
    }
    if plan.outage.ended_by_deadline > MOST_BY_DEADLINE {
        found.push(Warning::DeadlineBeforeRetries {
            share: plan.outage.ended_by_deadline,
            attempts: plan.outage.attempts,
        });
    }
    let retried = first_retries(policy, usage.crowd);
    if retried < usage.crowd && plan.retries > 0 {
        found.push(Warning::BudgetTooSmall {
            calls: usage.crowd,
            retried,
        });
    }
    if let Some(above) = plan.vulnerable_above.filter(|above| *above < 1.0) {
        found.push(Warning::Vulnerable { above });
    }
    if plan.crowd.merges_from.is_none()
        && usage.crowd > 1
        && plan.crowd.waves.len() > 1
        && matches!(config.jitter(), Jitter::None | Jitter::Proportional(_))
        && !config.base_delay().is_zero()
    {
        found.push(Warning::Waves {
            peak: plan.crowd.peak,
            needed: merging_jitter(config, limits),
        });
    }
    found
}

/// How many of so many calls that fail together get a first retry from a full budget.
fn first_retries(policy: &Policy, calls: u32) -> u32 {
    match policy.budget {
        Budget::None => calls,
        _ => retrying(policy, calls),
    }
}

/// What is wrong, and what to do.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AttemptAsLongAsAll {
                attempt_timeout,
                total_timeout,
            } => write!(
                f,
                "An attempt may take {}, and all of them together {}: one that hangs is never \
                 retried. Make attempt_timeout a third of total_timeout or less.",
                span(attempt_timeout),
                span(total_timeout)
            ),
            Self::BeyondCaller {
                caller_timeout,
                last_attempt,
            } => write!(
                f,
                "The caller stops waiting after {}, but half of the calls still retry after {}: that \
                 is work for nobody. Set total_timeout to the caller's timeout.",
                span(caller_timeout),
                span(last_attempt)
            ),
            Self::BudgetTooSmall { calls, retried } => write!(
                f,
                "Of {} calls of a process that fail together, the budget allows {} to retry; the \
                 others fail immediately. If all of them are to ride out an outage, give the process \
                 a larger budget.",
                count(u64::from(calls)),
                count(u64::from(retried))
            ),
            Self::DeadlineBeforeRetries { share, attempts } => write!(
                f,
                "total_timeout ends {} of the calls before their retries are used up, after {} \
                 attempts on average. Allow fewer retries, or a longer total_timeout.",
                percent(share),
                digits(attempts)
            ),
            Self::NestedLayers { requests } => write!(
                f,
                "Retries within retries multiply: a call makes up to {} requests in an outage. Retry \
                 at one layer, and switch the others off.",
                digits(requests)
            ),
            Self::NoTimeout => write!(
                f,
                "Nothing ends an attempt that gets no response: it may wait for ever. Set \
                 attempt_timeout or total_timeout."
            ),
            Self::NoTotalTimeout { longest } => write!(
                f,
                "A person waits up to {} for the delays alone, and for ever if an attempt gets no \
                 response. Set total_timeout to what a person waits for, a few seconds.",
                span(longest)
            ),
            Self::LongTotalTimeout { total_timeout } => write!(
                f,
                "A person may wait up to {} for the result. Set total_timeout to what a person waits for, \
                 a few seconds.",
                span(total_timeout)
            ),
            Self::Vulnerable { above } => write!(
                f,
                "There is no budget: a service that is loaded above {} when it fails may stay \
                 overloaded by retries after its fault has gone. No delay and no jitter prevents that; \
                 a budget does.",
                percent(above)
            ),
            Self::Waves { peak, needed } => write!(
                f,
                "Clients that fail together come back together, up to {} of them in 10 ms, in waves \
                 that never merge. They do with full jitter{}.",
                digits(peak),
                needed.map_or_else(String::new, |needed| {
                    format!(", or with ±{} or more", percent(needed))
                })
            ),
        }
    }
}

/// A few that come late are what a deadline is for.
const MOST_BY_DEADLINE: f64 = 0.5;
/// After so long people do something else.
const PATIENCE: Duration = Duration::from_secs(10);
