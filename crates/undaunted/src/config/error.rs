//! Why a policy is refused.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A value that a [`RetryConfig`](crate::RetryConfig) cannot have. Its text names the field, the
/// value and what would be right.
///
/// ```
/// use undaunted::RetryConfig;
///
/// let error = RetryConfig::builder().exponential_base(0.5).build().unwrap_err();
/// assert_eq!(error.field(), "exponential_base");
/// assert_eq!(
///     error.to_string(),
///     "exponential_base is 0.5, but must be a finite number of at least 1",
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigError {
    pub(super) field: &'static str,
    pub(super) value: Value,
    pub(super) expected: &'static str,
}

/// The value that was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Time(Duration),
}

impl ConfigError {
    /// The field that has the bad value.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            value,
            expected,
        } = self;
        write!(f, "{field} is {value}, but must be {expected}")
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Time(time) => write!(f, "{time:?}"),
        }
    }
}

impl Error for ConfigError {}

pub(super) const fn zero_limit(field: &'static str) -> ConfigError {
    ConfigError {
        field,
        value: Value::Time(Duration::ZERO),
        expected: "longer than zero; leave it out for no limit",
    }
}
