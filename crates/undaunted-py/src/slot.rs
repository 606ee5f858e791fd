//! The place of an open store, from which it is taken when it is closed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use undaunted_object_store::{OpenError, redacted};

use crate::errors::{not_opened, storage_error};
use crate::open_store::{OpenStore, Settings, StoreKind};

/// A store, open until it is closed, and what it takes to open it again.
pub(crate) struct Slot {
    pub(crate) settings: Settings,
    /// None once it is closed. Locked under the GIL only, so that no fork finds it locked.
    opened: Mutex<Option<Arc<OpenStore>>>,
}

impl Slot {
    pub(crate) fn open(py: Python<'_>, settings: Settings) -> PyResult<Self> {
        let opened = py
            .detach(|| settings.open())
            .map_err(|error| not_opened(py, &error))?;
        Ok(Self {
            settings,
            opened: Mutex::new(Some(Arc::new(opened))),
        })
    }

    /// The open store. In a forked child it is opened again, since connections stay with the
    /// parent; a store in memory is not, since its content would be lost.
    pub(crate) fn opened(&self, py: Python<'_>) -> PyResult<Arc<OpenStore>> {
        // Exceptions are made after the lock is released: making one runs Python, which may
        // release the GIL, and the next thread must not wait for the lock while it has the GIL.
        match self.open_again() {
            Some(Ok(opened)) => Ok(opened),
            Some(Err(error)) => Err(not_opened(py, &error)),
            None => {
                let message = format!("the storage {} is closed", redacted(&self.settings.url));
                Err(storage_error(py, "StorageClosedError", message, None))
            }
        }
    }

    /// Closes it: what was open, if this process had opened it.
    pub(crate) fn close(&self) -> Option<Arc<OpenStore>> {
        let opened = self.lock().take();
        opened.filter(|opened| opened.process == std::process::id())
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_none()
    }

    fn open_again(&self) -> Option<Result<Arc<OpenStore>, OpenError>> {
        let mut slot = self.lock();
        let opened = slot.as_ref()?;
        if opened.process == std::process::id() || self.settings.kind() == StoreKind::Memory {
            return Some(Ok(Arc::clone(opened)));
        }
        let again = self.settings.open().map(Arc::new);
        if let Ok(again) = &again {
            *slot = Some(Arc::clone(again));
        }
        Some(again)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<OpenStore>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
