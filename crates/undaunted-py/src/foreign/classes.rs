//! The rule for a class: that of the nearest class in its method resolution order that has one.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyString, PyType, PyWeakrefMethods, PyWeakrefReference};

use super::rule::Rule;
use super::table::ROWS;

/// The rule for a class. It is looked up once.
pub(super) fn rule_of(cls: &Bound<'_, PyType>) -> PyResult<Rule> {
    let address = cls.as_ptr() as usize;
    if let Some(rule) = known(cls, address) {
        return Ok(rule);
    }
    let rule = find(cls)?;
    let class = PyWeakrefReference::new(cls)?.unbind();
    let forgotten = remember(cls.py(), address, Known { class, rule });
    // Not under the lock, since it runs code of Python.
    drop(forgotten);
    Ok(rule)
}

/// Whether a class is this one, or one derived from it.
pub(super) fn is_a(cls: &Bound<'_, PyType>, module: &str, name: &str) -> bool {
    cls.mro().iter().any(|base| {
        let has = |attribute, text: &str| {
            let found = base.getattr(attribute);
            found.is_ok_and(|found| found.eq(text).unwrap_or(false))
        };
        has("__qualname__", name) && has("__module__", module)
    })
}

/// What is known of a class. Another may have its address once it is gone.
struct Known {
    class: Py<PyWeakrefReference>,
    rule: Rule,
}

fn known(cls: &Bound<'_, PyType>, address: usize) -> Option<Rule> {
    let cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let found = cache.get(&address)?;
    let class = found.class.bind(cls.py()).upgrade()?;
    class.is(cls).then_some(found.rule)
}

/// Remembers what is known of a class, and hands back what need not be remembered any longer.
fn remember(py: Python<'_>, address: usize, known: Known) -> Vec<Known> {
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut forgotten = Vec::new();
    if cache.len() >= 64 && cache.len().is_power_of_two() {
        let gone = |known: &Known| known.class.bind(py).upgrade().is_none();
        let entries = cache.iter().filter(|(_, known)| gone(known));
        let addresses: Vec<_> = entries.map(|(address, _)| *address).collect();
        forgotten.extend(addresses.iter().filter_map(|gone| cache.remove(gone)));
    }
    forgotten.extend(cache.insert(address, known));
    forgotten
}

fn find(cls: &Bound<'_, PyType>) -> PyResult<Rule> {
    for base in cls.mro() {
        let module = base.getattr(pyo3::intern!(cls.py(), "__module__"))?;
        let name = base.getattr(pyo3::intern!(cls.py(), "__qualname__"))?;
        let (Ok(module), Ok(name)) = (module.cast::<PyString>(), name.cast::<PyString>()) else {
            continue;
        };
        let (module, name) = (module.to_cow()?, name.to_cow()?);
        let package = module
            .split_once('.')
            .map_or(&*module, |(package, _)| package);
        if let Some(rule) = RULES.get(&(package, &*name)) {
            return Ok(*rule);
        }
    }
    Ok(Rule::Unknown)
}

static CACHE: LazyLock<Mutex<HashMap<usize, Known>>> = LazyLock::new(Mutex::default);

static RULES: LazyLock<HashMap<(&str, &str), Rule>> = LazyLock::new(|| {
    let rows = ROWS.iter();
    rows.map(|(package, name, rule)| ((*package, *name), *rule))
        .collect()
});
