//! The profiles: mixes of faults that have a name.

use std::time::Duration;

use crate::rates::Rates;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    pub(super) name: &'static str,
    pub(super) rates: Rates,
    pub(super) blackout: Duration,
}

impl Profile {
    pub(super) fn find(name: &str) -> Option<Self> {
        PROFILES.into_iter().find(|profile| profile.name == name)
    }

    /// The names of all, for messages.
    pub(super) fn names() -> String {
        PROFILES.map(|profile| profile.name).join(", ")
    }
}

/// Writes, reads and lists are each hit in 30 % of calls: often enough that hardly a copy of
/// ten objects gets through without retries, and rare enough for three retries to do.
pub(super) const FLAKY: Rates = Rates {
    before: 0.12,
    error: 0.06,
    after: 0.12,
    break_body: 0.08,
    short_body: 0.04,
    break_list: 0.12,
    ..Rates::NONE
};

/// The network only, and more often after the request than before: 25 % of each.
const LOSSY: Rates = Rates {
    before: 0.1,
    after: 0.15,
    break_body: 0.1,
    short_body: 0.05,
    break_list: 0.15,
    ..Rates::NONE
};

const THROTTLED: Rates = Rates {
    throttle: 0.3,
    ..Rates::NONE
};

/// In the order in which messages list them. Five seconds outlast immediate retries,
/// and the default policy's three delays (7 s, or 5.25 s with the worst of jitter) outlast them.
const PROFILES: [Profile; 4] = [
    Profile {
        name: "blackout",
        rates: Rates::NONE,
        blackout: Duration::from_secs(5),
    },
    Profile {
        name: "flaky",
        rates: FLAKY,
        blackout: Duration::ZERO,
    },
    Profile {
        name: "lossy",
        rates: LOSSY,
        blackout: Duration::ZERO,
    },
    Profile {
        name: "throttled",
        rates: THROTTLED,
        blackout: Duration::ZERO,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::spec::ChaosSpec;

    fn spec(text: &str) -> ChaosSpec {
        text.parse().unwrap()
    }

    #[test]
    fn profiles_do_what_the_table_says() {
        let close = |left: f64, right: f64| (left - right).abs() < 1e-12;
        for operation in [Operation::Put, Operation::Get, Operation::List] {
            assert!(close(spec("flaky").rates().total(operation), 0.3));
            assert!(close(spec("lossy").rates().total(operation), 0.25));
            assert!(close(spec("throttled").rates().total(operation), 0.3));
            assert!(close(spec("blackout").rates().total(operation), 0.0));
        }
        assert_eq!(spec("blackout").blackout(), Duration::from_secs(5));
        assert_eq!(spec("flaky").blackout(), Duration::ZERO);
        assert_eq!(spec("flaky").seed(), ChaosSpec::DEFAULT_SEED);
        assert_eq!(spec("flaky").max_in_a_row(), 3);
    }
}
