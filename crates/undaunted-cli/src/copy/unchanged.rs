//! `--update`: finding out whether an object has to be copied.

use object_store::ObjectStoreExt;
use object_store::path::Path;
use tokio::task::spawn_blocking;

use super::copier::NotCopied;
use super::transfer::Transfer;
use crate::endpoint::Endpoint;
use crate::error::FailedObject;
use crate::request::request;
use crate::selection::{Existing, Found};
use crate::store_kind::StoreKind;
use crate::update::{Comparison, Known};

impl Transfer<'_> {
    /// Whether `--update` was given, and the destination has the content of the source.
    pub(super) async fn is_unchanged(
        &self,
        source: &Endpoint,
        from: &Path,
        found: Option<&Found>,
        existing: &Existing,
    ) -> Result<bool, NotCopied> {
        if !self.copier.settings.update {
            return Ok(false);
        }
        let Some(mut destination) = self.known_destination(existing).await? else {
            return Ok(false);
        };
        let known = match (source.file(from), found) {
            (Some(file), _) => Known::local_source(&file).ok(),
            (None, Some(found)) => Some(Known::listed(source.kind, found.meta())),
            (None, None) => None,
        };
        // Whoever copies it is told why it cannot be read.
        let Some(mut known) = known else {
            return Ok(false);
        };
        let part_size = self.part_size(known.size());
        let mut comparison = known.compare(&destination, part_size);
        if comparison == Comparison::Different && known.has_size_of(&destination) {
            // Some services have no ETags in their lists.
            if destination.lacks_tag()
                && let Some(asked) = self.known_destination(&Existing::Unknown).await?
            {
                destination = asked;
            }
            if known.lacks_tag() {
                let head = self.copier.unless_stopped(source.head(from)).await?;
                known = head.map_or(known, |head| Known::listed(source.kind, &head.meta));
            }
            comparison = known.compare(&destination, part_size);
        }
        let (file, tag) = match comparison {
            Comparison::Same => return Ok(true),
            Comparison::Different => return Ok(false),
            Comparison::SameIf(file, tag) => (file, tag),
        };
        let comparing = async {
            let _permit = self.copier.comparisons.acquire().await;
            spawn_blocking(move || tag.is_of(&file)).await
        };
        let compared = self.copier.unless_stopped(comparing).await?;
        Ok(compared.is_ok_and(Result::unwrap_or_default))
    }

    /// Whether there is an object at the destination, as far as the list of it says.
    async fn known_destination(&self, existing: &Existing) -> Result<Option<Known>, NotCopied> {
        let kind = self.destination.kind;
        if kind == StoreKind::Local {
            let file = self.destination.file(self.to);
            return Ok(file.and_then(|file| Known::local_destination(&file)));
        }
        match existing {
            Existing::Missing => return Ok(None),
            Existing::Object(meta) => return Ok(Some(Known::listed(kind, meta))),
            Existing::Unknown => {}
        }
        let head = request(self.destination.store.head(self.to));
        match self.copier.unless_stopped(head).await? {
            Ok(meta) => Ok(Some(Known::listed(kind, &meta))),
            Err(failed) if failed.is_not_found() => Ok(None),
            Err(failed) => Err(FailedObject::request(self.display_name(), &failed).into()),
        }
    }
}
