//! The report of a plan or a simulation: as a page, as a part of another page, and as text.

use pyo3::prelude::*;
use undaunted_sim::Report;

/// A report.
#[pyclass(frozen, module = "undaunted._undaunted")]
#[derive(Debug)]
pub(crate) struct Page {
    pub(super) report: Report,
}

#[pymethods]
impl Page {
    /// The whole page.
    fn html(&self, py: Python<'_>) -> String {
        py.detach(|| self.report.to_string())
    }

    /// An element for another page, with a style that changes nothing around it.
    fn fragment(&self, py: Python<'_>) -> String {
        py.detach(|| self.report.fragment())
    }

    /// The words and the tables.
    fn text(&self) -> String {
        self.report.text()
    }

    /// The result in words, a paragraph each.
    fn sentences(&self) -> Vec<String> {
        self.report.summary().to_vec()
    }
}
