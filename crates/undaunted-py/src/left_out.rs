//! What lists leave out, on its way to Python's `logging`: a list without it looks complete.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use undaunted_object_store::SkippedKey;

use crate::events::Record;
use crate::process::Process;

/// The keys that a list has left out so far. They are told when it ends, and when nobody reads on.
#[derive(Debug)]
pub(crate) struct LeftOut {
    /// What is listed, as the log has it.
    place: String,
    prefix: String,
    first: Vec<SkippedKey>,
    count: usize,
}

impl LeftOut {
    /// Of the list of a prefix in the store with this URL, which has no secrets.
    pub(crate) fn new(url: &str, prefix: &str) -> Self {
        Self {
            place: if prefix.is_empty() {
                url.to_owned()
            } else {
                format!("{prefix:?} in {url}")
            },
            prefix: prefix.to_owned(),
            first: Vec::new(),
            count: 0,
        }
    }

    pub(crate) fn add(&mut self, keys: Vec<SkippedKey>) {
        self.count += keys.len();
        let room = NAMED.saturating_sub(self.first.len());
        self.first.extend(keys.into_iter().take(room));
    }

    /// Tells what was left out until now.
    pub(crate) fn tell(&mut self) {
        let count = std::mem::take(&mut self.count);
        let first = std::mem::take(&mut self.first);
        if let (1.., Some(process)) = (count, Process::current()) {
            process.events.push(Told {
                text: text(&self.place, &first, count),
                prefix: self.prefix.clone(),
                keys: first.iter().map(|key| key.key().to_owned()).collect(),
                count,
            });
        }
    }
}

impl Drop for LeftOut {
    fn drop(&mut self) {
        self.tell();
    }
}

struct Told {
    text: String,
    prefix: String,
    keys: Vec<String>,
    count: usize,
}

impl Record for Told {
    fn log(self: Box<Self>, py: Python<'_>) -> PyResult<()> {
        let log = LOG.import(py, "undaunted._log", "tell_left_out")?;
        let fields = PyDict::new(py);
        fields.set_item("operation", "list")?;
        fields.set_item("key", self.prefix)?;
        fields.set_item("left_out", self.count)?;
        fields.set_item("keys", self.keys)?;
        log.call1((self.text, fields))?;
        Ok(())
    }
}

fn text(place: &str, first: &[SkippedKey], count: usize) -> String {
    let plural = if count == 1 { "" } else { "s" };
    let named: Vec<_> = first
        .iter()
        .map(|key| format!("{:?} ({})", key.key(), key.reason()))
        .collect();
    let more = match count - first.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!(
        "{count} key{plural} left out of the list of {place}, which can be neither read nor \
         deleted here: {}{more}",
        named.join(", "),
    )
}

static LOG: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// So many keys are named: enough to find their kind.
const NAMED: usize = 5;
