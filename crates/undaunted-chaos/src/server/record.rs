//! What clients asked for and what they were told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Operation;

/// One request that a server answered, or did not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// When it came, from the first request on.
    pub at: Duration,
    /// The HTTP method.
    pub method: String,
    /// Bucket and key, as they stand in the URL.
    pub path: String,
    /// The operation that it is, as far as the fault vocabulary knows it.
    pub operation: Option<Operation>,
    /// The key.
    pub key: String,
    /// The number of the part, if it writes one; from 1, as S3 counts.
    pub part: Option<usize>,
    /// The `Range` header.
    pub range: Option<String>,
    /// `If-Match` or `If-None-Match`, with its name.
    pub condition: Option<String>,
    /// The bytes that its body announced.
    pub sent: u64,
    /// The fault that hit it, if one did.
    pub fault: Option<String>,
    /// The status that it was answered with; none if the connection ended without one.
    pub status: Option<u16>,
}

/// All requests of a server.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    start: Option<Instant>,
    all: Vec<RequestRecord>,
}

/// The place of a record that is not complete yet.
#[derive(Clone, Copy)]
pub(super) struct Slot(usize);

impl Records {
    pub(super) fn all(&self) -> Vec<RequestRecord> {
        self.lock().all.clone()
    }

    /// Keeps a request as it came in.
    pub(super) fn begin(&self, mut record: RequestRecord) -> Slot {
        let mut shared = self.lock();
        let now = Instant::now();
        record.at = now - *shared.start.get_or_insert(now);
        shared.all.push(record);
        Slot(shared.all.len() - 1)
    }

    pub(super) fn hit(&self, Slot(index): Slot, fault: String) {
        if let Some(record) = self.lock().all.get_mut(index) {
            record.fault = Some(fault);
        }
    }

    pub(super) fn answered(&self, Slot(index): Slot, status: u16) {
        if let Some(record) = self.lock().all.get_mut(index) {
            record.status = Some(status);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
