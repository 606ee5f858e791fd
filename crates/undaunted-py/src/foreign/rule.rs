//! How exceptions of a class are judged, and how to get at what they have.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// The names of attributes, keys or positions that lead to a value.
pub(super) type Path = &'static [&'static str];

/// How a class is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// No row has it: it means what its cause means.
    Unknown,
    Transient,
    Permanent,
    /// It has a `retry_after`, perhaps.
    Hinted {
        is_throttled: bool,
    },
    /// By status, code and headers.
    Response(Path, Path, Path),
    /// By the number of the operating system.
    Errno,
    /// By the exception at this place, its cause, or, if neither says anything, by whether it is
    /// transient.
    Inner(Path, bool),
    /// By a flag that says that it is transient, or as by `Inner`.
    Flag(&'static str, bool),
    /// By all exceptions in it.
    Group,
    /// Permanent, unless litestar-storages made the error while it handled another.
    Slip,
    /// By the reason that OpenSSL gives.
    Ssl,
    /// By the number of the resolver.
    Dns,
    /// By the status of the responses that were too many.
    TooMany,
    /// By the text of obstore's generic error.
    Debugged,
}

/// What is at this place, unless it is missing or None.
pub(super) fn at<'py>(from: &Bound<'py, PyAny>, path: &[&str]) -> Option<Bound<'py, PyAny>> {
    let mut here = from.clone();
    for name in path {
        here = if let Ok(mapping) = here.cast::<PyDict>() {
            mapping.get_item(name).ok()??
        } else if let (Ok(tuple), Ok(position)) = (here.cast::<PyTuple>(), name.parse()) {
            tuple.get_item(position).ok()?
        } else {
            here.getattr_opt(*name).ok()??
        };
    }
    (!here.is_none()).then_some(here)
}
