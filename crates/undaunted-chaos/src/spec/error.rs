//! What can be wrong with a specification.

use thiserror::Error;

use super::profile::Profile;
use super::setting::Setting;

/// What is wrong with a specification of chaos, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SpecError {
    /// There is nothing in it, or nothing between two commas.
    #[error(
        "an empty piece in `{spec}`: write a profile ({}) or key=value pairs, with single commas between",
        Profile::names()
    )]
    EmptyPiece {
        /// The whole specification.
        spec: String,
    },
    /// A piece that is neither a profile nor a pair.
    #[error(
        "unknown profile `{name}`: the profiles are {}; a setting is written key=value",
        Profile::names()
    )]
    UnknownProfile {
        /// The piece.
        name: String,
    },
    /// A profile behind something else.
    #[error("profile `{name}` must stand first, and only one may be given")]
    ProfileNotFirst {
        /// The profile.
        name: String,
    },
    /// A pair whose key means nothing.
    #[error("unknown key `{key}`: the keys are {}", Setting::names())]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A key that is given twice.
    #[error("`{key}` is given twice")]
    Repeated {
        /// The key.
        key: String,
    },
    /// A rate that is not a number from 0 to 1.
    #[error("`{key}={value}`: a rate is a number from 0 to 1, such as 0.1")]
    Rate {
        /// The key.
        key: String,
        /// What was given for it.
        value: String,
    },
    /// A number that is not whole, or too large.
    #[error("`{key}={value}`: {key} is a whole number from 0 to {max}")]
    Number {
        /// The key.
        key: String,
        /// What was given for it.
        value: String,
        /// The largest number that is taken.
        max: u64,
    },
    /// A duration that cannot be read, or is too long.
    #[error(
        "`{key}={value}`: a duration is a number and a unit, such as 500ms, 2m or 1h, or a number of seconds"
    )]
    Duration {
        /// The key.
        key: String,
        /// What was given for it.
        value: String,
    },
    /// No profile, no rate and no blackout: nothing would ever happen.
    #[error(
        "`{spec}` injects nothing: name a profile ({}) or give a rate, such as before=0.1",
        Profile::names()
    )]
    NoFaults {
        /// The whole specification.
        spec: String,
    },
}

#[cfg(feature = "file")]
impl SpecError {
    /// The key that it is about, if it is about one.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::UnknownKey { key }
            | Self::Repeated { key }
            | Self::Rate { key, .. }
            | Self::Number { key, .. }
            | Self::Duration { key, .. } => Some(key),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::spec::ChaosSpec;

    #[test]
    fn every_mistake_has_its_words() {
        let keys = "seed, rate, before, error, throttle, after, delay, break_body, short_body, \
                    stall_body, corrupt_body, break_list, cut_document, redirect, max_in_a_row, \
                    delay_for, stall_for, \
                    retry_after, blackout";
        let profiles = "blackout, flaky, lossy, throttled";
        let cases = [
            (
                "",
                format!(
                    "an empty piece in ``: write a profile ({profiles}) or key=value pairs, with single commas between"
                ),
            ),
            (
                "flaky,,seed=1",
                format!(
                    "an empty piece in `flaky,,seed=1`: write a profile ({profiles}) or key=value pairs, with single commas between"
                ),
            ),
            (
                "flakey",
                format!(
                    "unknown profile `flakey`: the profiles are {profiles}; a setting is written key=value"
                ),
            ),
            (
                "flaky,fast",
                format!(
                    "unknown profile `fast`: the profiles are {profiles}; a setting is written key=value"
                ),
            ),
            (
                "seed=1,lossy",
                "profile `lossy` must stand first, and only one may be given".to_owned(),
            ),
            (
                "flaky,lossy",
                "profile `lossy` must stand first, and only one may be given".to_owned(),
            ),
            (
                "flaky,sed=1",
                format!("unknown key `sed`: the keys are {keys}"),
            ),
            (
                "seed=1,before=0.1,seed=2",
                "`seed` is given twice".to_owned(),
            ),
            (
                "before=1.5",
                "`before=1.5`: a rate is a number from 0 to 1, such as 0.1".to_owned(),
            ),
            (
                "flaky,rate=30%",
                "`rate=30%`: a rate is a number from 0 to 1, such as 0.1".to_owned(),
            ),
            (
                "after=NaN",
                "`after=NaN`: a rate is a number from 0 to 1, such as 0.1".to_owned(),
            ),
            (
                "flaky,seed=-1",
                "`seed=-1`: seed is a whole number from 0 to 18446744073709551615".to_owned(),
            ),
            (
                "flaky,max_in_a_row=4294967296",
                "`max_in_a_row=4294967296`: max_in_a_row is a whole number from 0 to 4294967295"
                    .to_owned(),
            ),
            (
                "blackout=soon",
                "`blackout=soon`: a duration is a number and a unit, such as 500ms, 2m or 1h, or a number of seconds"
                    .to_owned(),
            ),
            (
                "flaky,delay_for=-1s",
                "`delay_for=-1s`: a duration is a number and a unit, such as 500ms, 2m or 1h, or a number of seconds"
                    .to_owned(),
            ),
            (
                "seed=1",
                format!(
                    "`seed=1` injects nothing: name a profile ({profiles}) or give a rate, such as before=0.1"
                ),
            ),
        ];
        for (text, want) in cases {
            let error = text.parse::<ChaosSpec>().unwrap_err();
            assert_eq!(error.to_string(), want, "{text}");
        }
    }
}
