//! Faults in the upload that a store hands out.

use async_trait::async_trait;
use futures::future::{self, FutureExt};
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use crate::call::IncomingCall;
use crate::operation::Operation;
use crate::plan::FaultPlan;

/// The upload that [`FaultyStore`](crate::FaultyStore) hands out.
#[derive(Debug)]
pub(crate) struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    plan: FaultPlan,
    key: String,
    /// How many parts were handed over.
    parts: usize,
}

impl FaultyUpload {
    pub(crate) fn new(inner: Box<dyn MultipartUpload>, plan: FaultPlan, key: &Path) -> Self {
        Self {
            inner,
            plan,
            key: key.to_string(),
            parts: 0,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl MultipartUpload for FaultyUpload {
    /// The fault is chosen here and not when the part is first polled, so that it does not
    /// depend on the order in which the parts are polled.
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let faults = self
            .plan
            .begin(&IncomingCall::of_part(&self.key, self.parts));
        self.parts += 1;
        // Some stores take the bytes in immediately and not when the future runs.
        let upload = if faults.refuse_the_call() {
            future::ready(Ok(())).boxed()
        } else {
            self.inner.put_part(data)
        };
        faults.around(upload).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let call = IncomingCall::new(Operation::CompleteMultipart, &self.key);
        self.plan.run(call, self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        let call = IncomingCall::new(Operation::AbortMultipart, &self.key);
        self.plan.run(call, self.inner.abort()).await
    }
}
