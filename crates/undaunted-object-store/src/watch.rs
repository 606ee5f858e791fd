//! Who watches an operation: the store's listener, and the report that its result carries.

use std::sync::{Mutex, PoisonError};

use object_store::path::Path;
use object_store::{Extensions, GetResult, ListResult, PutResult};
use undaunted::{AttemptOutcome, Event, RetryReport};

use crate::operation::Operation;
use crate::policy::Policy;

/// Watches one operation.
pub(crate) struct Watch<'c> {
    policy: &'c Policy,
    operation: Operation,
    location: &'c Path,
    /// Made at the first failure: a success at the first attempt has nothing to report.
    report: Mutex<Option<RetryReport>>,
}

impl<'c> Watch<'c> {
    pub(crate) fn new(policy: &'c Policy, operation: Operation, location: &'c Path) -> Self {
        Self {
            policy,
            operation,
            location,
            report: Mutex::new(None),
        }
    }

    /// Something happened.
    pub(crate) fn see(&self, event: &Event<'_>) {
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut *report, event.outcome) {
            (None, AttemptOutcome::Succeeded) => {}
            (report, _) => report.get_or_insert_default().record(event),
        }
        drop(report);
        self.policy.tell(self.operation, self.location, event);
    }

    /// Puts the report into what the operation returns.
    pub(crate) fn report_in<T: Reported>(self, mut result: T) -> T {
        let report = self
            .report
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if let (Some(report), Some(extensions)) = (report, result.extensions()) {
            extensions.insert(report);
        }
        result
    }
}

/// A result that may carry a report.
pub(crate) trait Reported {
    fn extensions(&mut self) -> Option<&mut Extensions>;
}

impl Reported for PutResult {
    fn extensions(&mut self) -> Option<&mut Extensions> {
        Some(&mut self.extensions)
    }
}

impl Reported for GetResult {
    fn extensions(&mut self) -> Option<&mut Extensions> {
        Some(&mut self.extensions)
    }
}

impl Reported for ListResult {
    fn extensions(&mut self) -> Option<&mut Extensions> {
        Some(&mut self.extensions)
    }
}

/// A copy and a rename return nothing that could carry one.
impl Reported for () {
    fn extensions(&mut self) -> Option<&mut Extensions> {
        None
    }
}
