//! What a client does about failures: the shipped configuration, budget and pacer, and those of
//! others to compare with.

use std::time::Duration;

use undaunted::{Hedge, RetryBudget, RetryConfig, Window};

use crate::peers::PeerBudget;

/// What a client does about failures.
///
/// ```
/// use undaunted::RetryConfig;
/// use undaunted_sim::{Budget, Policy};
///
/// let policy = Policy {
///     budget: Budget::SHIPPED,
///     ..Policy::new("default", RetryConfig::default())
/// };
/// assert_eq!(policy.config.max_retries(), 3);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// What it is called in results.
    pub name: String,
    /// How often and how patiently it retries.
    pub config: RetryConfig,
    /// The allowance for retries that the calls of a process share.
    pub budget: Budget,
    /// Whether the calls of a process share a [`Pacer`](undaunted::Pacer).
    pub has_pacer: bool,
    /// How many attempts of a process may run at the same time; none: any number. With a pacer it begins
    /// with 64 and grows while others wait, as that of a store.
    pub max_in_flight: Option<usize>,
    /// Whether `total_timeout` runs from the first failure, as in stores, and starts again while a
    /// call waits for its turn and the service takes requests of others.
    pub clock_starts_at_failure: bool,
    /// Whether it sends a second request when a response takes long.
    pub hedge: Option<Hedge>,
}

/// The allowance for retries that the calls of a process share.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Budget {
    /// No limit.
    None,
    /// The shipped [`RetryBudget`](undaunted::RetryBudget).
    Shipped {
        /// Tokens when full.
        capacity: u16,
        /// Tokens that it refills by a second.
        per_second: u16,
    },
    /// One that another library has.
    Peer(PeerBudget),
}

impl Budget {
    /// `RetryBudget::new()`: 500 tokens, and one more each second.
    pub const SHIPPED: Self = Self::Shipped {
        capacity: 500,
        per_second: 1,
    };

    /// The names of all budgets with their usual settings.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// The budget of this name with its usual settings: `none`, `shipped`, or that of another library.
    ///
    /// ```
    /// use undaunted_sim::Budget;
    ///
    /// assert_eq!(Budget::named("shipped"), Some(Budget::SHIPPED));
    /// assert_eq!(Budget::named("large"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = NAMED.iter().find(|(known, _)| *known == name);
        found.map(|(_, budget)| *budget)
    }

    pub(crate) const fn shipped(&self) -> Option<RetryBudget> {
        match *self {
            Self::Shipped {
                capacity,
                per_second,
            } => Some(RetryBudget::with_capacity_and_refill(capacity, per_second)),
            _ => None,
        }
    }
}

impl Policy {
    /// Retries as configured, without budget, pacer and hedges: what `with_retry` does.
    pub fn new(name: impl Into<String>, config: RetryConfig) -> Self {
        Self {
            name: name.into(),
            config,
            budget: Budget::None,
            has_pacer: false,
            max_in_flight: None,
            clock_starts_at_failure: false,
            hedge: None,
        }
    }

    /// What a `RetryStore` does: with budget, pacer and a window of attempts in flight, and a clock that starts at a failure.
    pub fn store(name: impl Into<String>, config: RetryConfig) -> Self {
        Self {
            budget: Budget::SHIPPED,
            has_pacer: true,
            max_in_flight: Some(Window::MOST),
            clock_starts_at_failure: true,
            ..Self::new(name, config)
        }
    }

    /// The window of each process, if they have any.
    pub(crate) fn windows(&self, processes: u32) -> impl Iterator<Item = Window> {
        let new = if self.has_pacer {
            Window::growing_to
        } else {
            Window::fixed
        };
        let most = self.max_in_flight;
        (0..processes).filter_map(move |_| most.map(new))
    }

    /// With this budget.
    #[must_use]
    pub fn with_budget(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }
}

/// The shipped budget, and those of other libraries with their defaults.
const NAMED: &[(&str, Budget)] = &[
    ("none", Budget::None),
    ("shipped", Budget::SHIPPED),
    (
        "aws",
        Budget::Peer(PeerBudget::Aws {
            capacity: 500.0,
            cost: 14.0,
        }),
    ),
    (
        "grpc",
        Budget::Peer(PeerBudget::Grpc {
            most: 10.0,
            ratio: 0.1,
        }),
    ),
    (
        "finagle",
        Budget::Peer(PeerBudget::Window {
            share: 0.2,
            per_second: 10.0,
            ttl: Duration::from_secs(10),
        }),
    ),
    (
        "envoy",
        Budget::Peer(PeerBudget::Concurrency {
            share: 0.2,
            least: 3,
        }),
    ),
    (
        "sre",
        Budget::Peer(PeerBudget::AdaptiveThrottle {
            k: 2.0,
            window: Duration::from_secs(120),
            counts_rejected: true,
        }),
    ),
];
