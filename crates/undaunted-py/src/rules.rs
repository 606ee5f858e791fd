//! Rules of the caller's own, for functions and for stores: what a status, a code or a text means.

use std::error::Error;
use std::fmt;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString};
use undaunted::{ParseConfigError, Rules, RulesBuilder};

/// The rules of fields such as `retryable_status`, each with its values.
pub(crate) fn rules(fields: &[(String, Vec<Bound<'_, PyAny>>)]) -> PyResult<Rules> {
    let mut rules = Rules::builder();
    for (field, values) in fields {
        rules = if field.ends_with("status") {
            statuses(rules, field, values)?
        } else {
            words(rules, field, values)?
        };
    }
    rules.build().map_err(|error| refused(&error))
}

/// Numbers, which become ranges where they follow each other, and text such as `520-527`.
fn statuses(
    mut rules: RulesBuilder,
    field: &str,
    values: &[Bound<'_, PyAny>],
) -> PyResult<RulesBuilder> {
    let mut numbers = Vec::new();
    for value in values {
        if let Ok(text) = value.cast::<PyString>() {
            let read = rules.field(field, text.to_str()?);
            rules = read.map_err(|error| refused(&error))?;
        } else if value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>() {
            let number = value.extract::<u16>().map_err(|_| {
                let expected = "a status from 300 to 599, or a range such as 520-527";
                PyValueError::new_err(format!("{field} is {value}, but must be {expected}"))
            })?;
            numbers.push(number);
        } else {
            return Err(wrong_type(
                field,
                value,
                "a status such as 423 or \"520-527\"",
            ));
        }
    }
    Ok(match field {
        "retryable_status" => rules.retryable_status(numbers),
        "throttled_status" => rules.throttled_status(numbers),
        _ => rules.permanent_status(numbers),
    })
}

/// Codes and texts. They are taken whole: a text may have commas.
fn words(rules: RulesBuilder, field: &str, values: &[Bound<'_, PyAny>]) -> PyResult<RulesBuilder> {
    let mut words = Vec::new();
    for value in values {
        let Ok(text) = value.cast::<PyString>() else {
            return Err(wrong_type(field, value, "a str"));
        };
        words.push(text.to_str()?.to_owned());
    }
    Ok(match field {
        "retryable_codes" => rules.retryable_codes(words),
        "throttled_codes" => rules.throttled_codes(words),
        "permanent_codes" => rules.permanent_codes(words),
        "retryable_text" => rules.retryable_text(words),
        "throttled_text" => rules.throttled_text(words),
        _ => rules.permanent_text(words),
    })
}

fn wrong_type(field: &str, value: &Bound<'_, PyAny>, expected: &str) -> PyErr {
    let given = value.get_type();
    let given = given.name().map(|name| name.to_string());
    PyTypeError::new_err(format!(
        "{field} has {value}, a {}, but must have {expected}",
        given.unwrap_or_default()
    ))
}

fn refused(error: &ParseConfigError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The text of an exception and of what caused it, for rules by text.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) cause: Option<Box<Said>>,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Said {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.cause.as_ref()?;
        Some(&**cause)
    }
}
