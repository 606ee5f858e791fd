//! Rules of the caller's own, applied to exceptions: the first response among an exception and what
//! it stands for is what they are compared with.

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use undaunted::{HttpFailure, Verdict};

use super::rule::{Path, Rule, at};
use super::{DEEPEST, cause, classes, handled, obstore, response};
use crate::config::Config;
use crate::rules::Said;
use crate::seconds::hint;
use crate::state::State;

/// What the rules of a configuration say of an exception: the verdict, the wait in seconds that the
/// service asked for, and the rule. None if they say nothing.
#[pyfunction]
pub(crate) fn judge_by_rules<'py>(
    config: &Config,
    error: &Bound<'py, PyBaseException>,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let found = response_of(error, 0);
    let Some(judged) = config.rules.judge_with(&said(error, 0), found.as_ref()) else {
        return Ok(None);
    };
    let verdict = match judged.verdict {
        Verdict::Transient { .. } => State::TRANSIENT,
        Verdict::Throttled { .. } => State::THROTTLED,
        Verdict::Permanent => State::PERMANENT,
    };
    // Rules read the wait from the response; an exception may have it beside.
    let given = || at(error, &["retry_after"]).and_then(|given| hint(given.extract().ok()));
    let wait = judged.verdict.retry_after().or_else(given);
    let wait = wait.map(|wait| wait.as_secs_f64());
    let rule = judged.rule.as_deref();
    Ok(Some((verdict, wait, rule).into_pyobject(error.py())?))
}

/// The response that an exception has, or that one has for which it stands.
fn response_of(error: &Bound<'_, PyBaseException>, depth: u8) -> Option<HttpFailure> {
    if depth > DEEPEST {
        return None;
    }
    let own = match classes::rule_of(&error.get_type()).ok()? {
        Rule::Response(status, code, headers) => response::failure(error, status, code, headers),
        Rule::Inner(path, _) => inner(error, path, depth),
        Rule::TooMany => response::too_many(error),
        Rule::Debugged => {
            match obstore::said(&at(error, &["args", "0"])?.extract::<String>().ok()?) {
                Some(obstore::Said::Status(failure)) => Some(failure),
                _ => None,
            }
        }
        _ => None,
    };
    own.or_else(|| response_of(&behind(error)?, depth + 1))
}

fn inner(error: &Bound<'_, PyBaseException>, path: Path, depth: u8) -> Option<HttpFailure> {
    if path.is_empty() {
        return None;
    }
    let inner = at(error, path)?.cast_into::<PyBaseException>().ok()?;
    response_of(&inner, depth + 1)
}

/// The texts of an exception and of those for which it stands.
fn said(error: &Bound<'_, PyBaseException>, depth: u8) -> Said {
    let deeper = behind(error).filter(|_| depth < DEEPEST);
    Said {
        // That of a class whose `__str__` raises says nothing.
        text: error.str().map(|text| text.to_string()).unwrap_or_default(),
        cause: deeper.map(|cause| Box::new(said(&cause, depth + 1))),
    }
}

/// The cause of an exception, or the one whose handler raised it.
fn behind<'py>(error: &Bound<'py, PyBaseException>) -> Option<Bound<'py, PyBaseException>> {
    if let Some(cause) = cause(error) {
        return Some(cause);
    }
    let is_suppressed = at(error, &["__suppress_context__"])?;
    if is_suppressed.is_truthy().unwrap_or(true) {
        return None;
    }
    handled(error)
}
