//! The configuration: checked by the core's own builder, so that Rust and Python refuse the same.

use std::time::Duration;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use undaunted::{Decision, Jitter, RetryConfig, RetryState, Rules, Verdict};

use crate::seconds::{duration, number, whole};

/// A valid configuration.
#[pyclass(frozen, module = "undaunted")]
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) inner: RetryConfig,
    /// What failures mean.
    pub(crate) rules: Rules,
}

#[pymethods]
impl Config {
    #[new]
    #[allow(clippy::too_many_arguments)] // one for each field
    fn new(
        max_retries: Bound<'_, PyAny>,
        base_delay: Bound<'_, PyAny>,
        max_delay: Bound<'_, PyAny>,
        exponential_base: Bound<'_, PyAny>,
        jitter: Bound<'_, PyAny>,
        total_timeout: Option<Bound<'_, PyAny>>,
        attempt_timeout: Option<Bound<'_, PyAny>>,
        throttled_base_delay: Option<Bound<'_, PyAny>>,
        max_retry_after: Bound<'_, PyAny>,
        rules: Vec<(String, Vec<Bound<'_, PyAny>>)>,
    ) -> PyResult<Self> {
        let optional = |name, value: Option<Bound<'_, PyAny>>| {
            value.map(|value| duration(name, &value)).transpose()
        };
        let limit = |name, value: Option<Bound<'_, PyAny>>| match optional(name, value)? {
            Some(Duration::ZERO) => Err(PyValueError::new_err(format!(
                "{name} is 0, but must be a number of seconds above 0; leave it out for no limit"
            ))),
            limit => Ok(limit),
        };
        let inner = RetryConfig::builder()
            .max_retries(whole("max_retries", &max_retries, u32::MAX)?)
            .base_delay(duration("base_delay", &base_delay)?)
            .max_delay(duration("max_delay", &max_delay)?)
            .exponential_base(number("exponential_base", &exponential_base)?)
            .jitter(parse_jitter(&jitter)?)
            .total_timeout(limit("total_timeout", total_timeout)?)
            .attempt_timeout(limit("attempt_timeout", attempt_timeout)?)
            .throttled_base_delay(optional("throttled_base_delay", throttled_base_delay)?)
            .max_retry_after(duration("max_retry_after", &max_retry_after)?)
            .build()
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let rules = crate::rules::rules(&rules)?;
        Ok(Self { inner, rules })
    }

    /// The configuration of a preset of the core; `default` is one, too.
    #[staticmethod]
    fn preset(name: &str) -> PyResult<Self> {
        let inner = match name {
            "background" => RetryConfig::background(),
            "default" => RetryConfig::default(),
            "interactive" => RetryConfig::interactive(),
            "storage" => RetryConfig::storage(),
            _ => {
                return Err(PyValueError::new_err(format!(
                    "no preset is named {name:?}"
                )));
            }
        };
        Ok(Self {
            inner,
            rules: Rules::NONE,
        })
    }

    /// All fields by name, as the constructor takes them.
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let config = &self.inner;
        let seconds = |limit: Option<Duration>| limit.map(|limit| limit.as_secs_f64());
        let fields = PyDict::new(py);
        fields.set_item("max_retries", config.max_retries())?;
        fields.set_item("base_delay", config.base_delay().as_secs_f64())?;
        fields.set_item("max_delay", config.max_delay().as_secs_f64())?;
        fields.set_item("exponential_base", config.exponential_base())?;
        match config.jitter() {
            jitter if jitter == RetryConfig::DEFAULT.jitter() => fields.set_item("jitter", true)?,
            Jitter::None => fields.set_item("jitter", false)?,
            Jitter::Proportional(fraction) => fields.set_item("jitter", fraction)?,
            other => {
                let kind = KINDS.iter().find(|(_, kind)| *kind == other);
                fields.set_item("jitter", kind.map(|(name, _)| name))?;
            }
        }
        fields.set_item("total_timeout", seconds(config.total_timeout()))?;
        fields.set_item("attempt_timeout", seconds(config.attempt_timeout()))?;
        let throttled = seconds(config.throttled_base_delay());
        fields.set_item("throttled_base_delay", throttled)?;
        let longest_hint = config.max_retry_after().as_secs_f64();
        fields.set_item("max_retry_after", longest_hint)?;
        Ok(fields)
    }

    /// The nominal delays of all retries, or of the first ones where nobody could hold all.
    fn schedule(&self) -> Vec<f64> {
        let delays = self.inner.schedule().take(MOST_DELAYS);
        delays.map(|delay| delay.as_secs_f64()).collect()
    }

    /// One delay, jittered: before retry `attempt`, where 0 is the first.
    fn jittered_delay(&self, attempt: u32) -> f64 {
        if self.inner.jitter() == Jitter::Decorrelated {
            // Each delay is drawn from the one before.
            return last_draw(&self.inner, attempt.min(FORGOTTEN));
        }
        let constant = self
            .inner
            .to_builder()
            .base_delay(self.inner.delay(attempt))
            .exponential_base(1.0)
            .build();
        constant.map_or(0.0, |config| last_draw(&config, 0))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.inner == other.inner && self.rules == other.rules
    }

    /// The configuration in a sentence.
    fn __str__(&self) -> String {
        if self.rules.is_empty() {
            return self.inner.to_string();
        }
        format!("{}; {}", self.inner, self.rules)
    }
}

/// The delay that a call draws after `earlier` others.
fn last_draw(config: &RetryConfig, earlier: u32) -> f64 {
    let endless = config.to_builder().max_retries(u32::MAX).build();
    let Ok(config) = endless else {
        return 0.0;
    };
    let mut state = RetryState::new(None, undaunted::__private::seed());
    let mut drawn = Duration::ZERO;
    for _ in 0..=earlier {
        if let Decision::Retry { delay } = state.on_failure(&config, None, Verdict::TRANSIENT, None)
        {
            drawn = delay;
        }
    }
    drawn.as_secs_f64()
}

/// `True` is the default jitter and `False` none. A string names a kind, a number is a fraction.
fn parse_jitter(value: &Bound<'_, PyAny>) -> PyResult<Jitter> {
    if let Ok(on) = value.cast::<PyBool>() {
        return Ok(if on.is_true() {
            RetryConfig::DEFAULT.jitter()
        } else {
            Jitter::None
        });
    }
    if let Ok(name) = value.cast::<PyString>() {
        let name = name.to_str()?;
        let kind = KINDS.iter().find(|(known, _)| *known == name);
        return kind.map(|(_, kind)| *kind).ok_or_else(|| {
            PyValueError::new_err(format!("jitter is {name:?}, but must be {JITTER}"))
        });
    }
    match number("jitter", value) {
        Ok(fraction) => Ok(Jitter::Proportional(fraction)),
        Err(_) => Err(PyTypeError::new_err(format!(
            "jitter must be {JITTER}, not {}",
            value.get_type().name()?
        ))),
    }
}

/// The kinds of jitter by name.
const KINDS: [(&str, Jitter); 5] = [
    ("decorrelated", Jitter::Decorrelated),
    ("equal", Jitter::Equal),
    ("full", Jitter::Full),
    ("none", Jitter::None),
    ("proportional", RetryConfig::DEFAULT.jitter()),
];

const JITTER: &str = "True, False, \"full\", \"equal\", \"decorrelated\", \"proportional\", \
                      \"none\", or a fraction from 0 to 1";

/// More than any list that is of use; a policy that retries for ever would have 34 GB of them.
const MOST_DELAYS: usize = 100_000;

/// After this many decorrelated draws, the first has no effect on the next.
const FORGOTTEN: u32 = 200;
