//! Reading the destination again, to compare it with what was read from the source.

use std::pin::pin;

use futures::stream::{self, StreamExt, TryStreamExt};

use super::copier::{Copied, NotCopied};
use super::part::{Part, Written};
use super::read::Reader;
use super::transfer::Transfer;
use crate::error::FailedObject;
use crate::request::FailedRequest;

/// How the destination differs from what was written.
enum Difference {
    Missing,
    Size(u64),
    Content(Part),
    Unknown(FailedRequest),
}

impl Transfer<'_> {
    /// Verifies what was written, if that is wanted.
    pub(super) async fn finish(&self, written: &Written) -> Result<Copied, NotCopied> {
        let is_verified = self.copier.settings.verify;
        if is_verified {
            self.verify(&written.parts).await?;
        }
        Ok(Copied {
            bytes: Part::total(&written.parts),
            is_verified,
            resumed_bytes: written.resumed_bytes,
        })
    }

    /// Fails if the destination does not have what was written.
    async fn verify(&self, parts: &[Part]) -> Result<(), NotCopied> {
        let place = self.display_name();
        let reason = match self.difference(parts).await? {
            None => return Ok(()),
            Some(Difference::Missing) => format!("{place} does not exist, although it was written"),
            Some(Difference::Size(size)) => format!(
                "{place} has {size} bytes, but {} were written",
                Part::total(parts)
            ),
            Some(Difference::Content(part)) => format!(
                "bytes {} to {} of {place} differ from those of the source",
                part.range.start, part.range.end
            ),
            Some(Difference::Unknown(failed)) => {
                let failed = FailedObject::request(self.name, &failed);
                return Err(failed
                    .and("it was copied, but could not be verified")
                    .into());
            }
        };
        Err(FailedObject::new(self.name, format!("verification failed: {reason}")).into())
    }

    /// Whether the destination is known to have what was written.
    pub(super) async fn matches(&self, parts: &[Part]) -> Result<bool, NotCopied> {
        Ok(self.difference(parts).await?.is_none())
    }

    async fn difference(&self, parts: &[Part]) -> Result<Option<Difference>, NotCopied> {
        let compare = async {
            let opened = Reader::open(self.copier, self.destination, self.to, self.name).await;
            let reader = match opened {
                Ok(reader) => reader,
                Err(failed) if failed.is_not_found() => return Ok(Some(Difference::Missing)),
                Err(failed) => return Ok(Some(Difference::Unknown(failed))),
            };
            if reader.size() != Part::total(parts) {
                return Ok(Some(Difference::Size(reader.size())));
            }
            let differences = stream::iter(parts)
                .map(|part| self.difference_of(&reader, part))
                .buffer_unordered(self.copier.settings.parts_at_a_time())
                .try_filter_map(|difference| async { Ok(difference) });
            pin!(differences).try_next().await
        };
        self.copier.unless_stopped(compare).await?
    }

    async fn difference_of(
        &self,
        reader: &Reader<'_>,
        part: &Part,
    ) -> Result<Option<Difference>, NotCopied> {
        let _room = self.copier.room(part.length()).await?;
        Ok(match reader.verify_range(part.range.clone()).await {
            Ok(bytes) if part.has_content(&bytes) => None,
            Ok(_) => Some(Difference::Content(part.clone())),
            Err(failed) => Some(Difference::Unknown(failed)),
        })
    }
}
