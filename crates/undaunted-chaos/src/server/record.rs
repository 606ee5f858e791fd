//! The newest requests of a server, and who is told of them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::metrics::Metrics;
use super::request_record::RequestRecord;

/// Told of every request at its end.
pub(super) type Observer = Arc<dyn Fn(&RequestRecord) + Send + Sync>;

/// The newest requests of a server.
#[derive(Clone)]
pub(super) struct Records {
    newest: Arc<Mutex<Newest>>,
    metrics: Metrics,
    observer: Option<Observer>,
}

struct Newest {
    start: Option<Instant>,
    records: VecDeque<RequestRecord>,
    /// How many older ones are gone.
    gone: u64,
    keep: usize,
}

impl Records {
    pub(super) fn new(keep: usize, observer: Option<Observer>) -> Self {
        Self {
            newest: Arc::new(Mutex::new(Newest {
                start: None,
                records: VecDeque::new(),
                gone: 0,
                keep,
            })),
            metrics: Metrics::default(),
            observer,
        }
    }

    pub(super) fn all(&self) -> Vec<RequestRecord> {
        self.lock().records.iter().cloned().collect()
    }

    /// What all requests came to, those that are gone included.
    pub(super) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Forgets the requests so far. One that is in progress is not kept any more.
    pub(super) fn clear(&self) {
        let mut newest = self.lock();
        newest.gone += newest.records.len() as u64;
        newest.records.clear();
    }

    /// Keeps a request as it came in.
    pub(super) fn begin(&self, mut record: RequestRecord) -> OpenRecord {
        let began = Instant::now();
        let mut newest = self.lock();
        record.at = began - *newest.start.get_or_insert(began);
        newest.records.push_back(record.clone());
        let number = newest.gone + newest.records.len() as u64 - 1;
        if newest.records.len() > newest.keep {
            newest.records.pop_front();
            newest.gone += 1;
        }
        drop(newest);
        OpenRecord {
            records: self.clone(),
            number,
            began,
            record,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let newest = self.lock();
        f.debug_struct("Records")
            .field("kept", &newest.records.len())
            .field("gone", &newest.gone)
            .finish_non_exhaustive()
    }
}

/// The record of a request in progress. It ends when this is dropped, for whatever reason.
pub(super) struct OpenRecord {
    records: Records,
    number: u64,
    began: Instant,
    record: RequestRecord,
}

impl OpenRecord {
    /// Names a fault that hit the request.
    pub(super) fn hit(&mut self, fault: &str) {
        self.change(|record| match &mut record.fault {
            Some(faults) => {
                faults.push_str("; ");
                faults.push_str(fault);
            }
            none => *none = Some(fault.to_owned()),
        });
    }

    pub(super) fn responded(&mut self, status: u16) {
        self.change(|record| record.status = Some(status));
    }

    pub(super) fn went_out(&mut self, bytes: u64) {
        self.change(|record| record.bytes_out += bytes);
    }

    /// Changes this record and the one that is kept, as long as it is.
    fn change(&mut self, change: impl Fn(&mut RequestRecord)) {
        change(&mut self.record);
        let mut newest = self.records.lock();
        let place = self.number.checked_sub(newest.gone);
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(record) = place.and_then(|place| newest.records.get_mut(place)) {
            change(record);
        }
    }
}

impl Drop for OpenRecord {
    fn drop(&mut self) {
        let lasted = self.began.elapsed();
        self.change(|record| record.lasted = lasted);
        self.records.metrics.count(&self.record);
        if let Some(observer) = &self.records.observer {
            observer(&self.record);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::operation::Operation;

    fn record(key: &str) -> RequestRecord {
        RequestRecord {
            at: Duration::ZERO,
            lasted: Duration::ZERO,
            method: "GET".to_owned(),
            path: format!("/bucket/{key}"),
            operation: Operation::Get,
            key: key.to_owned(),
            part: None,
            range: None,
            condition: None,
            bytes_in: 0,
            bytes_out: 0,
            fault: None,
            status: None,
        }
    }

    #[test]
    fn the_newest_are_kept_and_every_end_is_told() {
        let ended = Arc::new(Mutex::new(Vec::new()));
        let observer: Observer = {
            let ended = Arc::clone(&ended);
            Arc::new(move |record| {
                let line = (record.key.clone(), record.bytes_out, record.fault.clone());
                ended.lock().unwrap().push(line);
            })
        };
        let records = Records::new(2, Some(observer));
        let mut first = records.begin(record("a"));
        let second = records.begin(record("b"));
        let mut third = records.begin(record("c"));
        first.went_out(3);
        third.hit("delay");
        third.hit("reset");
        third.responded(200);
        let kept = records.all();
        assert_eq!([kept[0].key.as_str(), kept[1].key.as_str()], ["b", "c"]);
        assert_eq!(kept[1].status, Some(200));
        assert_eq!(kept[1].fault.as_deref(), Some("delay; reset"));

        drop((third, first, second));
        assert_eq!(
            *ended.lock().unwrap(),
            [
                ("c".to_owned(), 0, Some("delay; reset".to_owned())),
                ("a".to_owned(), 3, None),
                ("b".to_owned(), 0, None)
            ]
        );
    }
}
