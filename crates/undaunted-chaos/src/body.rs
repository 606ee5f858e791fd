//! Faults in the bytes of a response.

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::{GetResult, GetResultPayload, Result, collect_bytes};

use crate::fault::Fault;
use crate::pending::PendingFault;

/// Puts another object in the place of the one that is being read.
pub(crate) type Replace = Box<dyn FnOnce() -> BoxFuture<'static, Result<()>> + Send>;

/// Lets a fault hit the response to a read. One that it does not touch stays what it was: a
/// file stays a file.
///
/// # Errors
///
/// The failure in the place of the response, if it is lost as a whole.
pub(crate) fn hit_body(
    result: GetResult,
    mut fault: PendingFault,
    replace: Replace,
) -> Result<GetResult> {
    let result = fault.after(result)?;
    let length = result.range.end.saturating_sub(result.range.start);
    let Some(at) = fault.position_in(length) else {
        return Ok(result);
    };
    Ok(GetResult {
        meta: result.meta.clone(),
        range: result.range.clone(),
        attributes: result.attributes.clone(),
        extensions: result.extensions.clone(),
        payload: GetResultPayload::Stream(hit_stream(result.into_stream(), at, fault, replace)),
    })
}

/// Lets a fault hit the response to a read of several ranges, as if they were one body.
///
/// # Errors
///
/// The failure, if the response is lost or breaks anywhere.
pub(crate) async fn hit_ranges(
    ranges: Vec<Bytes>,
    mut fault: PendingFault,
    replace: Replace,
) -> Result<Vec<Bytes>> {
    fault.after(())?;
    let lengths: Vec<usize> = ranges.iter().map(Bytes::len).collect();
    let length = lengths.iter().sum::<usize>() as u64;
    let Some(at) = fault.position_in(length) else {
        return Ok(ranges);
    };
    let whole = stream::iter(ranges.into_iter().map(Ok)).boxed();
    let mut left = collect_bytes(hit_stream(whole, at, fault, replace), Some(length)).await?;
    Ok(lengths
        .into_iter()
        .map(|length| left.split_to(length.min(left.len())))
        .collect())
}

/// Lets a fault hit a body after `at` bytes.
pub(crate) fn hit_stream(
    inner: BoxStream<'static, Result<Bytes>>,
    at: u64,
    fault: PendingFault,
    replace: Replace,
) -> BoxStream<'static, Result<Bytes>> {
    let body = FaultyBody {
        inner,
        rest: Bytes::new(),
        before: at,
        fault: Some((fault, replace)),
    };
    stream::unfold(Some(body), |body| async move { body?.step().await })
        .fuse()
        .boxed()
}

struct FaultyBody {
    inner: BoxStream<'static, Result<Bytes>>,
    /// What of the last chunk lies behind the fault.
    rest: Bytes,
    /// How many bytes still come before the fault.
    before: u64,
    fault: Option<(PendingFault, Replace)>,
}

/// What to yield, and the body after it if there is more.
type Step = Option<(Result<Bytes>, Option<FaultyBody>)>;

impl FaultyBody {
    async fn step(mut self) -> Step {
        if self.before > 0 {
            return self.step_before().await;
        }
        let Some((fault, replace)) = self.fault.take() else {
            let chunk = self.chunk().await?;
            return Some((chunk, Some(self)));
        };
        match fault.fault() {
            Fault::BreakBody { failure, .. } | Fault::BreakList { failure, .. } => {
                Some((Err(fault.fail(failure)), None))
            }
            Fault::CorruptBody { .. } => {
                let chunk = self.chunk().await?.map(|chunk| {
                    fault.take_effect();
                    invert_first(&chunk)
                });
                Some((chunk, Some(self)))
            }
            Fault::DecompressBody { length, .. } => {
                fault.take_effect();
                self.rest = Bytes::new();
                self.inner = decompressed(*length);
                Some((self.chunk().await?, Some(self)))
            }
            Fault::ReplaceObject { failure, .. } => {
                let error = replace().await.err();
                Some((Err(error.unwrap_or_else(|| fault.fail(failure))), None))
            }
            Fault::StallBody { lasts, .. } => {
                let lasts = *lasts;
                fault.take_effect();
                tokio::time::sleep(lasts).await;
                let chunk = self.chunk().await?;
                Some((chunk, Some(self)))
            }
            _ => {
                fault.take_effect();
                None
            }
        }
    }

    async fn step_before(mut self) -> Step {
        let mut chunk = match self.chunk().await? {
            Ok(chunk) => chunk,
            Err(error) => return Some((Err(error), Some(self))),
        };
        let length = chunk.len() as u64;
        if let Some(behind) = length.checked_sub(self.before) {
            // `behind` is no longer than the chunk, so it fits.
            let split = chunk.len() - usize::try_from(behind).unwrap_or_default();
            self.rest = chunk.split_off(split);
        }
        self.before = self.before.saturating_sub(length);
        Some((Ok(chunk), Some(self)))
    }

    /// The next bytes, none of them empty.
    async fn chunk(&mut self) -> Option<Result<Bytes>> {
        if !self.rest.is_empty() {
            return Some(Ok(std::mem::take(&mut self.rest)));
        }
        loop {
            match self.inner.next().await? {
                Ok(chunk) if chunk.is_empty() => {}
                chunk => return Some(chunk),
            }
        }
    }
}

/// So many bytes, which are not those of any object that a test is likely to write.
fn decompressed(length: u64) -> BoxStream<'static, Result<Bytes>> {
    stream::unfold(length, |left| async move {
        let size = left.min(DECOMPRESSED.len() as u64);
        let chunk = DECOMPRESSED.get(..usize::try_from(size).ok()?)?;
        (size > 0).then(|| (Ok(Bytes::from_static(chunk)), left - size))
    })
    .boxed()
}

/// Other bytes of the same length.
pub(crate) fn inverted(bytes: &[u8]) -> Bytes {
    bytes.iter().map(|byte| !byte).collect()
}

fn invert_first(chunk: &Bytes) -> Bytes {
    let mut changed = chunk.to_vec();
    if let Some(byte) = changed.first_mut() {
        *byte = !*byte;
    }
    changed.into()
}

/// As large as what a client reads at a time.
static DECOMPRESSED: [u8; 8192] = [b'~'; 8192];
