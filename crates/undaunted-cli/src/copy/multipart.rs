//! Writing an object in parts, which become an object in one step. If anything fails, nothing
//! remains.

use std::future::Future;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::multipart::{MultipartStore, PartId};
use object_store::{Attributes, Error, MultipartId, PutMultipartOptions};
use tokio::time::timeout;
use undaunted::Retryable;
use undaunted_object_store::{Ambiguous, cause, full_text};

use super::copier::NotCopied;
use super::part::{LoadedPart, Part};
use super::transfer::Transfer;
use crate::error::FailedObject;
use crate::request::request;
use crate::text;

impl Transfer<'_> {
    /// Writes the object in parts, so many at a time.
    pub(super) async fn put_parts<F>(
        &self,
        attributes: Attributes,
        parts: BoxStream<'_, F>,
        at_a_time: usize,
    ) -> Result<Vec<Part>, NotCopied>
    where
        F: Future<Output = Result<LoadedPart, NotCopied>>,
    {
        let upload = Upload::begin(self, attributes).await?;
        match upload.fill(parts, at_a_time).await {
            Ok(parts) => Ok(parts),
            Err(unfinished) => Err(upload.abort(unfinished).await),
        }
    }
}

/// A multipart upload that was begun, and so must be completed or aborted.
struct Upload<'a> {
    transfer: &'a Transfer<'a>,
    id: MultipartId,
}

impl<'a> Upload<'a> {
    async fn begin(transfer: &'a Transfer<'a>, attributes: Attributes) -> Result<Self, NotCopied> {
        let options = PutMultipartOptions {
            attributes,
            ..PutMultipartOptions::default()
        };
        let store = &transfer.destination.store;
        let create = request(store.create_multipart_opts(transfer.to, options));
        match transfer.copier.unless_stopped_for_long(create).await? {
            Ok(id) => Ok(Self { transfer, id }),
            Err(failed) => Err(FailedObject::request(transfer.name, &failed).into()),
        }
    }

    async fn fill<F>(
        &self,
        parts: BoxStream<'_, F>,
        at_a_time: usize,
    ) -> Result<Vec<Part>, Unfinished>
    where
        F: Future<Output = Result<LoadedPart, NotCopied>>,
    {
        let mut sent: Vec<(usize, Part, PartId)> = parts
            .enumerate()
            .map(|(index, part)| self.send(index, part))
            .buffer_unordered(at_a_time)
            .try_collect()
            .await?;
        sent.sort_unstable_by_key(|(index, ..)| *index);
        let (parts, ids): (Vec<Part>, Vec<PartId>) =
            sent.into_iter().map(|(_, part, id)| (part, id)).unzip();
        self.complete(&parts, ids).await?;
        Ok(parts)
    }

    async fn send(
        &self,
        index: usize,
        loaded: impl Future<Output = Result<LoadedPart, NotCopied>>,
    ) -> Result<(usize, Part, PartId), NotCopied> {
        let transfer = self.transfer;
        let loaded = loaded.await?;
        let part = loaded.part();
        let payload = transfer.payload([&loaded]);
        let store = &transfer.destination.store;
        let put = store.put_part(transfer.to, &self.id, index, payload);
        let id = transfer.request(put).await?;
        loaded.end();
        transfer.copier.progress.advance(part.length());
        Ok((index, part, id))
    }

    async fn complete(&self, parts: &[Part], ids: Vec<PartId>) -> Result<(), Unfinished> {
        let transfer = self.transfer;
        let store = &transfer.destination.store;
        let complete = request(store.complete_multipart(transfer.to, &self.id, ids));
        let completed = transfer.copier.unless_stopped_for_long(complete).await;
        let Err(failed) = completed.map_err(Unfinished::maybe_completed)? else {
            return Ok(());
        };
        let not_copied = FailedObject::request(transfer.name, &failed).into();
        let is_lost =
            cause::<Ambiguous>(&failed.error).is_some() || failed.error.verdict().is_retryable();
        if !is_lost {
            return Err(Unfinished::from(not_copied));
        }
        // After a lost response, what is at the destination tells whether it was a success.
        let matches = transfer.matches(parts).await;
        if matches.map_err(Unfinished::maybe_completed)? {
            return Ok(());
        }
        Err(Unfinished::maybe_completed(not_copied))
    }

    /// Aborts the upload, so that nothing remains of it.
    async fn abort(&self, unfinished: Unfinished) -> NotCopied {
        let transfer = self.transfer;
        let store = &transfer.destination.store;
        let place = transfer.display_name();
        let abort = store.abort_multipart(transfer.to, &self.id);
        let note = match timeout(ABORT_TIMEOUT, abort).await {
            // A completed upload is gone as well.
            Ok(Err(Error::NotFound { .. })) if unfinished.maybe_completed => format!(
                "it is not known whether {place} is the copy: the response to the upload's \
                 completion was lost, and the upload no longer exists; check {place}, or copy it \
                 again"
            ),
            // An upload that does not exist need not be aborted.
            Ok(Ok(()) | Err(Error::NotFound { .. })) => {
                transfer.copier.tally().objects.uploads_aborted += 1;
                return unfinished.not_copied;
            }
            Ok(Err(error)) => not_aborted(&place, &full_text(&error)),
            Err(_) => {
                let limit = text::seconds(ABORT_TIMEOUT);
                not_aborted(&place, &format!("no response within {limit}"))
            }
        };
        match unfinished.not_copied {
            NotCopied::Failed(failed) => NotCopied::Failed(failed.and(&note)),
            NotCopied::Interrupted(_) | NotCopied::Skipped => {
                NotCopied::Interrupted(Some(FailedObject::new(transfer.name, note)))
            }
        }
    }
}

/// Why an upload was not completed, as far as is known.
struct Unfinished {
    not_copied: NotCopied,
    /// Whether its completion was requested, and what became of that is not known.
    maybe_completed: bool,
}

impl Unfinished {
    const fn maybe_completed(not_copied: NotCopied) -> Self {
        Self {
            not_copied,
            maybe_completed: true,
        }
    }
}

impl From<NotCopied> for Unfinished {
    fn from(not_copied: NotCopied) -> Self {
        Self {
            not_copied,
            maybe_completed: false,
        }
    }
}

fn not_aborted(place: &str, trouble: &str) -> String {
    format!("its upload to {place} could not be aborted, and its parts may remain there: {trouble}")
}

/// As long as a person waits for a command to end after Ctrl-C; a second one ends it immediately.
const ABORT_TIMEOUT: Duration = Duration::from_secs(30);
