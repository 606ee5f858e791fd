//! Ranges of an object, whole or not at all.
//!
//! What has arrived of a range that breaks is kept where the service can be asked for the same
//! object, and the rest is asked for; otherwise the range is read again. A server may know no
//! ranges: then an object that is wanted whole is read whole.

use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Error, GetRange, GetResult, OBJECT_STORE_COALESCE_DEFAULT, ObjectStore, Result, coalesce_ranges,
};

use crate::call::{Attempts, Recorder};
use crate::checked_body::CheckedBody;
use crate::error::{arrived_changed, generic};
use crate::hedged::HedgedOnce;
use crate::open::local;
use crate::operation::Operation;
use crate::pin::ObjectPin;
use crate::policy::Policy;
use crate::store::RetryStore;
use crate::trace::Trace;
use crate::verify::Verifier;

impl<S: ObjectStore> RetryStore<S> {
    /// Reads these bytes of the object that `pin` stands for: all of them, or an error.
    ///
    /// A read that breaks, stalls or ends short is retried, and resumed where it broke if the
    /// service can be asked for the same object by a strong ETag or a version; every byte that
    /// arrives then renews the retries. A read of the whole object, by its size in `pin`, sends
    /// no range, for servers that know none.
    ///
    /// # Errors
    ///
    /// [`Error::Precondition`] if the object was changed or replaced; [`Error::NotFound`] if it
    /// is gone; [`Error::Generic`] if the range reaches beyond the object's end, and for whatever
    /// is not over when the retries are.
    pub async fn read_range(
        &self,
        location: &Path,
        range: Range<u64>,
        pin: &ObjectPin,
    ) -> Result<Bytes> {
        let mut buffer = Vec::new();
        self.read_range_into(location, range, pin, &mut buffer)
            .await?;
        Ok(buffer.into())
    }

    /// [`read_range`](Self::read_range) into memory of the caller's, whose content it replaces.
    /// No more is allocated than the range takes. The buffer is empty after an error.
    ///
    /// # Errors
    ///
    /// As for [`read_range`](Self::read_range).
    pub async fn read_range_into(
        &self,
        location: &Path,
        range: Range<u64>,
        pin: &ObjectPin,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        buffer.clear();
        if range.start == range.end {
            return Ok(());
        }
        let size = pin.size().unwrap_or(u64::MAX);
        if range.start > range.end || range.end > size {
            return Err(out_of_bounds(&range, location));
        }
        let pin = match pin.size() {
            Some(_) => OnceLock::from(pin.clone()),
            None => OnceLock::new(),
        };
        let operation = ReadOperation::begin(self, location);
        let read = RangeRead::new(self, location, &pin, range.clone(), &operation);
        if let Err(error) = read.read(buffer).await {
            buffer.clear();
            return Err(error);
        }
        if (buffer.len() as u64) < range.end - range.start {
            buffer.clear();
            return Err(out_of_bounds(&range, location));
        }
        operation.trace.succeed();
        Ok(())
    }

    /// Reads these ranges in the store's own way, which may be a cheap one. What it could not
    /// bring, or not in full, is read by range, and each range resumed where it breaks.
    ///
    /// Ranges that object_store would join are joined before it sees them: it panics where a joined
    /// range ends short of the beginning of one that it was joined of.
    pub(crate) async fn retry_ranges(
        &self,
        location: &Path,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>> {
        let joined = joined(ranges);
        let operation = ReadOperation::begin(self, location);
        let parts = self.retry_apart(location, &joined, &operation).await?;
        let parts: Result<Vec<Bytes>> = ranges
            .iter()
            .map(|range| part_of(range, &joined, &parts, location))
            .collect();
        if parts.is_ok() {
            operation.trace.succeed();
        }
        parts
    }

    /// [`retry_ranges`](Self::retry_ranges) of ranges that object_store does not join.
    async fn retry_apart(
        &self,
        location: &Path,
        ranges: &[Range<u64>],
        operation: &ReadOperation,
    ) -> Result<Vec<Bytes>> {
        let trace = operation.trace.clone();
        let recorder = Recorder::of_part(&self.policy, Operation::Get, location, trace);
        let on_event = recorder.on_event();
        let mut attempts = recorder.attempts(&on_event);
        // The store's own way shows no single responses, so nothing in it can be hedged.
        if self.policy.hedger.is_none() {
            match attempts
                .attempt((*self.inner).get_ranges(location, ranges))
                .await
            {
                Ok(parts) if all_complete(&parts, ranges) => return Ok(parts),
                Ok(_) => {}
                Err(error) => attempts.failed(error).await?,
            }
        }
        // All of one object: that of the first response.
        let pin = OnceLock::new();
        let read = |range| async {
            let mut buffer = Vec::new();
            let read = RangeRead::new(self, location, &pin, range, operation);
            read.read(&mut buffer).await?;
            Ok::<_, Error>(Bytes::from(buffer))
        };
        coalesce_ranges(ranges, read, OBJECT_STORE_COALESCE_DEFAULT).await
    }
}

/// One operation, however many ranges it reads.
struct ReadOperation {
    trace: Trace,
    once: HedgedOnce,
}

impl ReadOperation {
    fn begin<S>(store: &RetryStore<S>, location: &Path) -> Self {
        Self {
            trace: Trace::begin(&store.policy, Operation::Get, location),
            once: HedgedOnce::default(),
        }
    }
}

/// One range on its way.
struct RangeRead<'a, S> {
    inner: &'a S,
    policy: &'a Policy,
    location: &'a Path,
    /// That of the first response, if the caller has none.
    pin: &'a OnceLock<ObjectPin>,
    range: Range<u64>,
    /// The server has refused to give a part of the object.
    has_no_ranges: bool,
    verifier: Option<Verifier>,
    /// What the caller gets if reading again does not help.
    corrupt: Option<Error>,
    /// What the range is read for, perhaps with others.
    operation: &'a ReadOperation,
}

impl<'a, S: ObjectStore> RangeRead<'a, S> {
    fn new(
        store: &'a RetryStore<S>,
        location: &'a Path,
        pin: &'a OnceLock<ObjectPin>,
        range: Range<u64>,
        operation: &'a ReadOperation,
    ) -> Self {
        Self {
            inner: &store.inner,
            policy: &store.policy,
            location,
            pin,
            range,
            has_no_ranges: false,
            verifier: None,
            corrupt: None,
            operation,
        }
    }

    /// Fills `buffer`, which is empty, with as much of the range as the object has.
    async fn read(mut self, buffer: &mut Vec<u8>) -> Result<()> {
        let trace = self.operation.trace.clone();
        let recorder = Recorder::of_part(self.policy, Operation::Get, self.location, trace);
        let on_event = recorder.on_event();
        let mut broken = None;
        loop {
            // Every byte that arrived has renewed the retries.
            let mut attempts = recorder.attempts(&on_event);
            if let Some(error) = broken {
                self.failed(&mut attempts, error).await?;
            }
            let rest = loop {
                match attempts.attempt(self.attempt(buffer)).await {
                    Ok(rest) => break rest,
                    Err(error) => self.failed(&mut attempts, error).await?,
                }
            };
            let Err(error) = self.finish(rest, buffer).await else {
                return Ok(());
            };
            broken = Some(error);
        }
    }

    /// Waits for the next attempt, if there is one.
    async fn failed(&mut self, attempts: &mut Attempts<'_>, error: Error) -> Result<()> {
        let failed = attempts.failed(error).await;
        failed.map_err(|error| self.corrupt.take().unwrap_or(error))
    }

    /// Asks for what is missing, and adds the first bytes of it to the buffer. Returns where the
    /// others come from, unless what breaks has to be read anew: then all is in the attempt.
    async fn attempt(&mut self, buffer: &mut Vec<u8>) -> Result<Option<CheckedBody>> {
        if !self.can_resume() {
            buffer.clear();
        }
        let result = match self.get(buffer.len() as u64).await {
            Err(Error::NotSupported { .. }) if self.is_whole() && !buffer.is_empty() => {
                self.has_no_ranges = true;
                buffer.clear();
                self.get(0).await?
            }
            result => result?,
        };
        let range = result.range.clone();
        let missing = range.end.saturating_sub(range.start);
        let room = usize::try_from(missing).unwrap_or(usize::MAX);
        buffer.try_reserve_exact(room).map_err(generic)?;
        let Some(stream) = local::read_file(result, buffer).await? else {
            return Ok(None);
        };
        let mut body = CheckedBody::new(stream, range, self.policy.stall_timeout);
        if let Some(chunk) = body.next().await? {
            buffer.extend_from_slice(&chunk);
        }
        if !self.can_resume() {
            self.finish(Some(body), buffer).await?;
            return Ok(None);
        }
        Ok(Some(body))
    }

    async fn finish(&mut self, rest: Option<CheckedBody>, buffer: &mut Vec<u8>) -> Result<()> {
        if let Some(mut body) = rest {
            while let Some(chunk) = body.next().await? {
                buffer.extend_from_slice(&chunk);
            }
        }
        if let Some(mut verifier) = self.verifier.take() {
            verifier.update(buffer);
            if let Err(corrupt) = verifier.finish(self.location) {
                if self.corrupt.is_some() {
                    return Err(corrupt);
                }
                // It is read again once.
                buffer.clear();
                let error = arrived_changed(&corrupt);
                self.corrupt = Some(corrupt);
                return Err(error);
            }
        }
        Ok(())
    }

    fn can_resume(&self) -> bool {
        !self.has_no_ranges && self.pin.get().is_some_and(ObjectPin::is_certain)
    }

    /// Asks for the range from this byte of it on.
    async fn get(&mut self, offset: u64) -> Result<GetResult> {
        let wanted = self.range.start + offset..self.range.end;
        let mut options = self.pin.get().map(ObjectPin::options).unwrap_or_default();
        if offset > 0 || !self.is_whole() {
            options.range = Some(GetRange::Bounded(wanted.clone()));
        }
        let (inner, location) = (self.inner, self.location);
        let get = self
            .policy
            .get(inner, location, options.clone(), &self.operation.once);
        let result = get.await;
        let result = result.map_err(|error| ObjectPin::explain(self.location, error))?;
        let pin = self.pin.get_or_init(|| ObjectPin::of(&result.meta));
        pin.check(self.location, &result.meta)?;
        if result.range != (wanted.start..wanted.end.min(result.meta.size)) {
            return Err(generic(format!(
                "bytes {wanted:?} of {} were asked for, and {:?} came",
                self.location, result.range
            )));
        }
        if offset == 0 {
            self.verifier = Verifier::of(&result, &options, self.policy);
        }
        Ok(result)
    }

    /// Whether the range is the whole object, which can be asked for without a range.
    fn is_whole(&self) -> bool {
        let size = self.pin.get().and_then(ObjectPin::size);
        self.range.start == 0 && Some(self.range.end) == size
    }
}

/// Ranges that cover these, in order, and no two of which object_store joins.
fn joined(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match joined.last_mut() {
            Some(last) if range.start.saturating_sub(last.end) <= OBJECT_STORE_COALESCE_DEFAULT => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range),
        }
    }
    joined
}

/// What `parts` of the `joined` ranges have of this one. One that reaches past the end of the
/// object is cut there, as object_store's are, and one that begins past it is an error.
fn part_of(
    range: &Range<u64>,
    joined: &[Range<u64>],
    parts: &[Bytes],
    location: &Path,
) -> Result<Bytes> {
    let within = |at: u64, whole: &Range<u64>, part: &Bytes| {
        let at = usize::try_from(at.saturating_sub(whole.start)).unwrap_or(usize::MAX);
        at.min(part.len())
    };
    let found = joined
        .iter()
        .zip(parts)
        .rfind(|(whole, _)| whole.start <= range.start);
    match found {
        Some((whole, part)) if range.start <= range.end => {
            let cut = within(range.start, whole, part)..within(range.end, whole, part);
            if cut.is_empty() && range.start < range.end {
                return Err(out_of_bounds(range, location));
            }
            Ok(part.slice(cut))
        }
        _ => Err(out_of_bounds(range, location)),
    }
}

/// Whether every range came in full. One that reaches past the end of the object does not,
/// and rightly so: reading it by itself tells.
fn all_complete(parts: &[Bytes], ranges: &[Range<u64>]) -> bool {
    parts.len() == ranges.len()
        && parts
            .iter()
            .zip(ranges)
            .all(|(part, range)| part.len() as u64 == range.end.saturating_sub(range.start))
}

fn out_of_bounds(range: &Range<u64>, location: &Path) -> Error {
    generic(format!("bytes {range:?} are not all within {location}"))
}
