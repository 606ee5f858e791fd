//! The faults of a server at this moment, which can be exchanged while it runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::plan::FaultPlan;

/// A plan, and the text that it was written as. A clone shares it.
#[derive(Clone, Debug)]
pub(super) struct CurrentPlan(Arc<Mutex<Planned>>);

#[derive(Clone, Debug)]
struct Planned {
    plan: FaultPlan,
    /// A chaos file; none for a plan that code made.
    text: Option<String>,
}

impl CurrentPlan {
    pub(super) fn new(plan: FaultPlan, text: Option<String>) -> Self {
        Self(Arc::new(Mutex::new(Planned { plan, text })))
    }

    pub(super) fn plan(&self) -> FaultPlan {
        self.lock().plan.clone()
    }

    pub(super) fn text(&self) -> Option<String> {
        self.lock().text.clone()
    }

    /// Requests that came before keep the faults that were chosen for them.
    pub(super) fn set(&self, plan: FaultPlan, text: Option<String>) {
        *self.lock() = Planned { plan, text };
    }

    fn lock(&self) -> MutexGuard<'_, Planned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
