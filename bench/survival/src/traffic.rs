//! What a call cost: requests, payload beyond what was needed, haste.

use std::collections::HashMap;
use std::time::Duration;

use undaunted_chaos::Operation;
use undaunted_chaos::server::RequestRecord;

/// The traffic of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    pub requests: usize,
    /// Bytes of objects that went over the wire, beyond those that had to.
    pub again: u64,
    /// Requests that came before the time that the server had asked for.
    pub early: usize,
}

impl Traffic {
    /// Of these requests, for a call that moves `needed` bytes of objects.
    pub fn of(records: &[RequestRecord], needed: u64, hint: Option<Duration>) -> Self {
        let moved: u64 = records.iter().map(payload).sum();
        Self {
            requests: records.len(),
            again: moved.saturating_sub(needed),
            early: hint.map_or(0, |hint| early(records, hint)),
        }
    }
}

/// The bytes of objects that a request moved, in either direction.
fn payload(record: &RequestRecord) -> u64 {
    match record.operation {
        Operation::Put | Operation::PutPart => record.sent,
        Operation::Get if matches!(record.status, Some(200 | 206)) => record.answered,
        _ => 0,
    }
}

/// How many requests came too soon after a refusal of the same operation on the same key.
fn early(records: &[RequestRecord], hint: Duration) -> usize {
    let mut not_before = HashMap::new();
    let mut early = 0;
    for record in records {
        let place = (record.operation, &record.key, record.part);
        let allowed = not_before.get(&place);
        early += usize::from(allowed.is_some_and(|allowed| record.at < *allowed));
        if record.fault.is_some() && matches!(record.status, Some(429 | 503)) {
            not_before.insert(place, record.at + hint);
        }
    }
    early
}
