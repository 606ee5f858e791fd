//! One object on its way to a destination, and the put that writes it in one request.

use object_store::path::Path;
use object_store::{
    Attributes, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};

use super::copier::{Copier, NotCopied};
use super::part::{LoadedPart, Part, Written};
use crate::endpoint::Endpoint;
use crate::error::FailedObject;
use crate::request::request;
use crate::store_kind::StoreKind;
use crate::update::ContentTag;

/// One object on its way to a destination.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer<'a> {
    pub(super) copier: &'a Copier,
    pub(super) destination: &'a Endpoint,
    pub(super) to: &'a Path,
    /// The object's name in messages.
    pub(super) name: &'a str,
}

impl Transfer<'_> {
    /// Ends the transfer if the object exists at the destination and `--no-clobber` keeps it.
    pub(super) async fn skip_existing(&self) -> Result<(), NotCopied> {
        if !self.copier.settings.no_clobber {
            return Ok(());
        }
        let head = request(self.destination.store.head(self.to));
        match self.copier.unless_stopped(head).await? {
            Ok(_) => Err(NotCopied::Skipped),
            Err(failed) if failed.is_not_found() => Ok(()),
            Err(failed) => Err(FailedObject::request(self.display_name(), &failed).into()),
        }
    }

    /// Whether the destination is an object with this tag.
    pub(super) async fn has_tag(&self, tag: Option<ContentTag>) -> Result<bool, NotCopied> {
        let head = request(self.destination.store.head(self.to));
        let found = self.copier.unless_stopped(head).await?;
        let found = found.ok().and_then(|meta| ContentTag::parse(&meta.e_tag?));
        Ok(tag.is_some() && found == tag)
    }

    /// Writes the object in one request.
    pub(super) async fn put(
        &self,
        attributes: Attributes,
        loaded: Vec<LoadedPart>,
    ) -> Result<Written, NotCopied> {
        let only_if_new = self.copier.settings.no_clobber && self.destination.kind.has_create();
        let options = PutOptions {
            mode: if only_if_new {
                PutMode::Create
            } else {
                PutMode::Overwrite
            },
            attributes,
            ..PutOptions::default()
        };
        let parts: Vec<Part> = loaded.iter().map(LoadedPart::part).collect();
        let payload = self.payload(&loaded);
        let put = request(self.destination.store.put_opts(self.to, payload, options));
        match self.copier.unless_stopped(put).await? {
            Ok(_) => {
                self.copier.progress.advance(Part::total(&parts));
                Ok(Written {
                    parts,
                    ..Written::default()
                })
            }
            Err(failed) if only_if_new && matches!(failed.error, Error::AlreadyExists { .. }) => {
                Err(NotCopied::Skipped)
            }
            Err(failed) => Err(FailedObject::request(self.name, &failed).into()),
        }
    }

    /// The content of these parts, to be written. For a small write to a file the kernel takes
    /// memory that was in use before; for a large one it takes a large piece that was not, which
    /// costs several times as much.
    pub(super) fn payload<'p>(
        &self,
        parts: impl IntoIterator<Item = &'p LoadedPart>,
    ) -> PutPayload {
        let size = match self.destination.kind {
            StoreKind::Local => FILE_WRITE,
            _ => usize::MAX,
        };
        let slices = parts.into_iter().flat_map(|part| part.slices(size));
        slices.collect()
    }

    /// The size of the parts of an object of this size.
    pub(super) fn part_size(&self, size: u64) -> u64 {
        let requested = self.copier.settings.part_size;
        self.destination.kind.part_size(requested, size)
    }

    /// The name of the destination in messages.
    pub(super) fn display_name(&self) -> String {
        self.destination.display_name(self.to)
    }
}

/// Bytes that are written to a file by one call: a gigabyte in larger ones took up to three times as
/// long.
const FILE_WRITE: usize = 64 << 10;
