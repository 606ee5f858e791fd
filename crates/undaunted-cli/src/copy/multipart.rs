//! Writing an object in parts, which become an object in one step. If anything fails, what has
//! arrived is kept for a later run that can continue there, or nothing remains.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::multipart::{MultipartStore, PartId};
use object_store::{Attributes, Error, MultipartId, PutMultipartOptions};
use tokio::time::timeout;
use undaunted::{HttpFailure, Retryable};
use undaunted_object_store::{Ambiguous, cause, full_text};

use super::copier::NotCopied;
use super::kept::KeptUpload;
use super::part::{LoadedPart, Part, Written};
use super::transfer::Transfer;
use crate::error::FailedObject;
use crate::request::{FailedRequest, request};
use crate::text;
use crate::update::ContentTag;

/// Why parts did not become an object.
pub(super) enum NotWritten {
    NotCopied(NotCopied),
    /// The upload that was to be continued no longer exists: the object can be written anew.
    Gone,
}

impl Transfer<'_> {
    /// Writes the object in parts, so many at a time. What an earlier run has sent is in `kept`,
    /// and what this one sends is noted there. They become the object if `check` succeeds then.
    pub(super) async fn put_parts<F>(
        &self,
        attributes: Attributes,
        parts: BoxStream<'_, (usize, F)>,
        at_a_time: usize,
        kept: &mut Option<KeptUpload>,
        check: impl Future<Output = Result<(), NotCopied>>,
    ) -> Result<Written, NotWritten>
    where
        F: Future<Output = Result<LoadedPart, NotCopied>>,
    {
        let upload = Upload::begin(self, attributes, kept).await;
        let upload = upload.map_err(NotWritten::NotCopied)?;
        match upload.fill(parts, at_a_time, check).await {
            Ok(written) => {
                upload.ended();
                Ok(written)
            }
            Err(Unfinished { is_gone: true, .. }) => {
                let lost = upload.advanced.load(Ordering::Relaxed);
                self.copier.progress.take_back(lost);
                Err(NotWritten::Gone)
            }
            Err(unfinished) => Err(NotWritten::NotCopied(upload.leave(unfinished).await)),
        }
    }
}

/// A multipart upload that was begun, and so must be completed, kept or aborted.
struct Upload<'a> {
    transfer: &'a Transfer<'a>,
    id: MultipartId,
    kept: Option<&'a KeptUpload>,
    /// Whether an earlier run has begun it.
    is_resumed: bool,
    /// Bytes that the progress has counted.
    advanced: AtomicU64,
}

/// A part that the destination has.
struct Sent {
    index: usize,
    part: Part,
    id: PartId,
    /// Whether an earlier run has sent it.
    is_resumed: bool,
}

impl<'a> Upload<'a> {
    async fn begin(
        transfer: &'a Transfer<'a>,
        attributes: Attributes,
        kept: &'a mut Option<KeptUpload>,
    ) -> Result<Self, NotCopied> {
        if let Some(id) = kept.as_ref().and_then(KeptUpload::upload) {
            return Ok(Self {
                transfer,
                id: id.clone(),
                kept: kept.as_ref(),
                is_resumed: true,
                advanced: AtomicU64::new(0),
            });
        }
        let options = PutMultipartOptions {
            attributes,
            extensions: kept
                .as_ref()
                .map(KeptUpload::extensions)
                .unwrap_or_default(),
            ..PutMultipartOptions::default()
        };
        let store = &transfer.destination.store;
        let create = request(store.create_multipart_opts(transfer.to, options));
        let created = transfer.copier.unless_stopped_for_long(create).await;
        let created = created.and_then(|created| {
            created.map_err(|failed| FailedObject::request(transfer.name, &failed).into())
        });
        let id = match (created, kept.as_mut()) {
            (Ok(id), Some(begun)) => {
                if let Err(error) = begun.begun(&id) {
                    transfer.cannot_note(&error);
                }
                id
            }
            (Ok(id), None) => id,
            (Err(not_copied), begun) => {
                if let Some(begun) = begun {
                    begun.ended();
                }
                return Err(not_copied);
            }
        };
        Ok(Self {
            transfer,
            id,
            kept: kept.as_ref(),
            is_resumed: false,
            advanced: AtomicU64::new(0),
        })
    }

    fn advance(&self, bytes: u64) {
        self.advanced.fetch_add(bytes, Ordering::Relaxed);
        self.transfer.copier.progress.advance(bytes);
    }

    async fn fill<F>(
        &self,
        parts: BoxStream<'_, (usize, F)>,
        at_a_time: usize,
        check: impl Future<Output = Result<(), NotCopied>>,
    ) -> Result<Written, Unfinished>
    where
        F: Future<Output = Result<LoadedPart, NotCopied>>,
    {
        let mut sent: Vec<Sent> = Vec::new();
        for (index, part, id) in self.kept.map(KeptUpload::skipped).unwrap_or_default() {
            self.advance(part.length());
            sent.push(Sent {
                index,
                part,
                id,
                is_resumed: true,
            });
        }
        let new: Vec<Sent> = parts
            .map(|(index, part)| self.send(index, part))
            .buffer_unordered(at_a_time)
            .try_collect()
            .await?;
        sent.extend(new);
        sent.sort_unstable_by_key(|sent| sent.index);
        let mut written = Written::default();
        let mut ids = Vec::with_capacity(sent.len());
        for sent in sent {
            if sent.is_resumed {
                written.resumed_bytes += sent.part.length();
            }
            written.parts.push(sent.part);
            ids.push(sent.id);
        }
        check.await?;
        self.complete(&written.parts, ids).await?;
        Ok(written)
    }

    async fn send(
        &self,
        index: usize,
        loaded: impl Future<Output = Result<LoadedPart, NotCopied>>,
    ) -> Result<Sent, Unfinished> {
        let loaded = loaded.await?;
        let part = loaded.part();
        let earlier = self.kept.and_then(|kept| kept.sent_earlier(index, &part));
        let is_resumed = earlier.is_some();
        let id = if let Some(id) = earlier {
            id
        } else {
            let id = self.put(index, &part, &loaded).await?;
            loaded.end();
            id
        };
        self.advance(part.length());
        Ok(Sent {
            index,
            part,
            id,
            is_resumed,
        })
    }

    async fn put(
        &self,
        index: usize,
        part: &Part,
        loaded: &LoadedPart,
    ) -> Result<PartId, Unfinished> {
        let transfer = self.transfer;
        let payload = transfer.payload([loaded]);
        let store = &transfer.destination.store;
        let put = request(store.put_part(transfer.to, &self.id, index, payload));
        let id = match transfer.copier.unless_stopped(put).await? {
            Ok(id) => id,
            Err(failed) => {
                let is_gone = self.is_resumed && says_gone(&failed);
                let not_copied = NotCopied::from(FailedObject::request(transfer.name, &failed));
                return Err(Unfinished {
                    is_gone,
                    ..Unfinished::from(not_copied)
                });
            }
        };
        if let Some(kept) = self.kept
            && let Err(error) = kept.arrived(index, part, &id).await
        {
            transfer.cannot_note(&error);
        }
        Ok(id)
    }

    async fn complete(&self, parts: &[Part], ids: Vec<PartId>) -> Result<(), Unfinished> {
        let transfer = self.transfer;
        transfer.flush().await.map_err(NotCopied::from)?;
        let store = &transfer.destination.store;
        let tag = ContentTag::of_parts(ids.iter().map(|id| id.content_id.as_str()));
        let complete = request(store.complete_multipart(transfer.to, &self.id, ids));
        let completed = transfer.copier.unless_stopped_for_long(complete).await;
        let Err(failed) = completed.map_err(Unfinished::maybe_completed)? else {
            return Ok(());
        };
        let not_copied = NotCopied::from(FailedObject::request(transfer.name, &failed));
        let is_lost =
            cause::<Ambiguous>(&failed.error).is_some() || failed.error.verdict().is_retryable();
        if !is_lost {
            // The earlier run may have been killed when the service had completed it: services
            // respond to a second completion with 404, or with 403.
            if self.is_resumed && transfer.has_tag(tag).await? {
                return Ok(());
            }
            return Err(Unfinished {
                is_gone: self.is_resumed && says_gone(&failed),
                ..Unfinished::from(not_copied)
            });
        }
        // After a lost response, what is at the destination tells whether it was a success.
        let matches = transfer.matches(parts).await;
        if matches.map_err(Unfinished::maybe_completed)? {
            return Ok(());
        }
        Err(Unfinished::maybe_completed(not_copied))
    }

    /// Keeps the upload for a later run, if that can continue it, or else aborts it.
    async fn leave(&self, unfinished: Unfinished) -> NotCopied {
        let kept = self.kept.filter(|_| !unfinished.source_changed());
        let Some((kept, arrived)) = kept.and_then(|kept| Some((kept, kept.kept_bytes()?))) else {
            let not_copied = self.abort(unfinished).await;
            self.ended();
            return not_copied;
        };
        let transfer = self.transfer;
        let (arrived, all) = (text::size(arrived), text::size(kept.size()));
        transfer.copier.tally().objects.uploads_kept += 1;
        let place = transfer.display_name();
        let kept = if unfinished.maybe_completed {
            format!(
                "it is not known whether {place} is the copy: the response to the upload's \
                 completion was lost; the same command finds out, and resumes if it is not"
            )
        } else {
            format!("{arrived} of {all} have arrived, and the same command resumes there")
        };
        match unfinished.not_copied {
            NotCopied::Failed(failed) => NotCopied::Failed(failed.and(&kept)),
            not_copied => {
                let line = format!("unfinished copy to {place}: {kept}");
                transfer.copier.progress.note(&line);
                not_copied
            }
        }
    }

    /// Removes the journal.
    fn ended(&self) {
        if let Some(kept) = self.kept {
            kept.ended();
        }
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
            NotCopied::Interrupted(_) | NotCopied::Skipped | NotCopied::Unchanged => {
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
    /// Whether the service does not know the upload, or not its parts.
    is_gone: bool,
}

impl Unfinished {
    const fn source_changed(&self) -> bool {
        matches!(&self.not_copied, NotCopied::Failed(failed) if failed.source_changed)
    }

    const fn maybe_completed(not_copied: NotCopied) -> Self {
        Self {
            not_copied,
            maybe_completed: true,
            is_gone: false,
        }
    }
}

impl From<NotCopied> for Unfinished {
    fn from(not_copied: NotCopied) -> Self {
        Self {
            not_copied,
            maybe_completed: false,
            is_gone: false,
        }
    }
}

/// Whether the service has no such upload, or not the parts that it was said to have. Some respond
/// with 403 to an upload that they do not know. If it is permission that is missing, the new upload
/// that follows is refused too, and says so.
fn says_gone(failed: &FailedRequest) -> bool {
    let code = cause::<HttpFailure>(&failed.error).and_then(HttpFailure::code);
    failed.is_not_found()
        || matches!(failed.error, Error::PermissionDenied { .. })
        || code.is_some_and(|code| PARTS_GONE.contains(&code))
}

fn not_aborted(place: &str, trouble: &str) -> String {
    format!("its upload to {place} could not be aborted, and its parts may remain there: {trouble}")
}

/// What S3 and Azure say of parts that they do not have.
const PARTS_GONE: [&str; 3] = ["InvalidBlockList", "InvalidPart", "NoSuchUpload"];

/// As long as a person waits for a command to end after Ctrl-C; a second one ends it immediately.
pub(super) const ABORT_TIMEOUT: Duration = Duration::from_secs(30);
