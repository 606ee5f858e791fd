//! Copying one object between two stores, local files included.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use futures::stream::StreamExt;
use object_store::path::Path;
use object_store::{Attribute, Attributes};

use super::copier::{Copied, Copier, NotCopied};
use super::kept::KeptUpload;
use super::multipart::NotWritten;
use super::part::{LoadedPart, Written};
use super::pieces::Pieces;
use super::read::Reader;
use super::transfer::Transfer;
use crate::endpoint::Endpoint;
use crate::error::FailedObject;
use crate::selection::{Existing, Found};
use crate::store_kind::StoreKind;
use crate::tree;

/// Copies the object at `from`, with its attributes and permissions.
pub(super) async fn copy(
    transfer: &Transfer<'_>,
    source: &Endpoint,
    from: &Path,
    found: Option<&Found>,
    existing: &Existing,
) -> Result<Copied, NotCopied> {
    let Transfer {
        copier, to, name, ..
    } = *transfer;
    check_destination(copier, source, from, to)
        .map_err(|reason| FailedObject::new(name, reason))?;
    transfer.skip_existing().await?;
    transfer.name_stray_file();
    if transfer.is_unchanged(source, from, found, existing).await? {
        transfer.remove_leftovers().await;
        return Err(NotCopied::Unchanged);
    }
    let replaced = copier.selection.destination_file(to);
    // A local source has permission bits of its own.
    let replaced = replaced.filter(|_| source.kind != StoreKind::Local);
    let replaced = replaced.and_then(|file| fs::metadata(file).ok());
    let part_size = transfer.part_size(found.map_or(0, Found::size));
    // The first part may have arrived: then the object is opened without reading it.
    let found = found.filter(|_| !transfer.has_journal());
    let mut attempt = 1;
    let written = loop {
        let began = SystemTime::now();
        let opened = Reader::open_source(copier, source, from, found, part_size, name);
        let mut reader = opened.await?;
        let written = write(transfer, &mut reader).await?;
        transfer.date(began);
        if source.kind != StoreKind::Local {
            break written;
        }
        // The file may have been written to after the check of its last part.
        match reader.check_unchanged().await {
            Ok(()) => break written,
            Err(NotCopied::Failed(failed)) if failed.source_changed => {
                let is_small = written.parts.len() <= 1;
                if attempt == ATTEMPTS || !is_small || copier.settings.no_clobber {
                    return Err(failed.and(STALE).into());
                }
                attempt += 1;
            }
            Err(not_copied) => return Err(not_copied),
        }
    };

    keep_permissions(copier, source, from, to, replaced.as_ref()).map_err(|error| {
        FailedObject::io(name, &error).and("it was copied, but without its permissions")
    })?;
    transfer.finish(&written).await
}

async fn write(transfer: &Transfer<'_>, reader: &mut Reader<'_>) -> Result<Written, NotCopied> {
    let Transfer {
        copier,
        destination,
        ..
    } = *transfer;
    let settings = &copier.settings;
    let attributes = attributes(transfer, reader);
    let part_size = transfer.part_size(reader.size());
    let is_one_part = reader.size() <= part_size;
    let at_a_time = settings.parts_at_a_time();
    if !is_one_part && destination.has_parts {
        return write_parts(transfer, reader, attributes, part_size).await;
    }
    transfer.remove_leftovers().await;
    let reads = reader.parts(part_size, BTreeSet::new()).await?;
    let reads = reads.map(|(_, read)| read);
    let mut reads = reads.buffered(at_a_time).boxed();
    let mut loaded: Vec<LoadedPart> = Vec::new();
    while let Some(mut part) = reads.next().await.transpose()? {
        if !is_one_part {
            // All parts have to be in memory at the same time: with their room, they could wait
            // for each other for ever.
            part.release_room();
        }
        loaded.push(part);
    }
    drop(reads);
    transfer.put(attributes, loaded).await
}

/// Writes the parts that have not arrived in an earlier run.
async fn write_parts(
    transfer: &Transfer<'_>,
    reader: &mut Reader<'_>,
    attributes: Attributes,
    part_size: u64,
) -> Result<Written, NotCopied> {
    let pieces = pieces(transfer, reader, part_size);
    let mut at_a_time = transfer.copier.settings.parts_at_a_time();
    if let Some(pieces) = pieces {
        at_a_time = at_a_time.saturating_mul(pieces.in_a_part);
    }
    let mut kept = None;
    if let Some(version) = reader.version() {
        let size = pieces.map_or(part_size, |pieces| pieces.size);
        let head = KeptUpload::head(transfer, version, size, &attributes);
        kept = Box::pin(transfer.keep(head, reader)).await?;
    } else {
        transfer.remove_leftovers().await;
    }
    loop {
        let skip = kept.as_ref().map(KeptUpload::skips).unwrap_or_default();
        // What has changed is better not published.
        let check = reader.check_local();
        let reads = match pieces {
            Some(pieces) => Ok(reader.read_pieces(part_size, pieces, skip)),
            None => reader.parts(part_size, skip).await,
        };
        let reads = match reads {
            Ok(reads) => reads,
            Err(not_copied) => {
                if let Some(unused) = kept.filter(|kept| kept.upload().is_none()) {
                    unused.ended();
                }
                return Err(not_copied);
            }
        };
        let put = transfer.put_parts(attributes.clone(), reads, at_a_time, &mut kept, check);
        match put.await {
            Ok(written) => return Ok(written),
            Err(NotWritten::NotCopied(not_copied)) => return Err(not_copied),
            // At most once: an upload that this run has begun is not gone.
            Err(NotWritten::Gone) => {
                let place = transfer.display_name();
                let line = format!("the unfinished copy to {place} is gone: it begins anew");
                transfer.copier.progress.note(&line);
                kept.iter_mut().for_each(KeptUpload::forget);
            }
        }
    }
}

/// The pieces of parts that a local file takes, each of which is a part of its own there.
pub(super) fn pieces(
    transfer: &Transfer<'_>,
    reader: &Reader<'_>,
    part_size: u64,
) -> Option<Pieces> {
    let is_local = transfer.destination.kind == StoreKind::Local;
    reader.pieces(part_size).filter(|_| is_local)
}

/// The attributes of the copy of what is read.
pub(super) fn attributes(transfer: &Transfer<'_>, reader: &Reader<'_>) -> Attributes {
    let requested = &transfer.copier.settings.attributes;
    kept_attributes(transfer.destination.kind, reader.attributes(), requested)
}

/// Those of the source that the destination can store, and the requested ones, which override
/// them.
fn kept_attributes(kind: StoreKind, of_source: &Attributes, requested: &Attributes) -> Attributes {
    let kept = of_source.iter().filter(|(attribute, _)| match attribute {
        // The storage classes of one store mean nothing to another.
        Attribute::StorageClass => false,
        Attribute::Metadata(_) => kind.has_metadata(),
        _ => kind.has_attributes(),
    });
    kept.chain(requested)
        .map(|(attribute, value)| (attribute.clone(), value.clone()))
        .collect()
}

/// Checks that the copy can be written to its place, as far as that can be seen beforehand.
pub(super) fn check_destination(
    copier: &Copier,
    source: &Endpoint,
    from: &Path,
    to: &Path,
) -> Result<(), String> {
    if copier.selection.hits_source(to) {
        return Err(
            "its copy would be inside SRC, where it could replace an object to be copied"
                .to_owned(),
        );
    }
    let Some(file) = copier.selection.destination_file(to) else {
        return Ok(());
    };
    tree::check_name(to)?;
    let Ok(existing) = fs::metadata(&file) else {
        // Nothing is there, or the write will tell what is wrong.
        return Ok(());
    };
    let display_name = file.display();
    if existing.is_dir() {
        return Err(format!("{display_name} is a directory"));
    }
    if !existing.is_file() {
        return Err(format!(
            "{display_name} is neither a file nor a directory, and would be replaced"
        ));
    }
    match source.file(from) {
        Some(original) if same_file::is_same_file(&original, &file).unwrap_or(false) => {
            Err(format!("{display_name} is the same file"))
        }
        _ => Ok(()),
    }
}

impl Transfer<'_> {
    /// Gives a local copy the time at which its reading began: a later change of the source must
    /// not look older than the copy.
    fn date(&self, began: SystemTime) {
        let Some(file) = self.destination.file(self.to) else {
            return;
        };
        let dated = File::open(&file).and_then(|file| file.set_modified(began));
        if let Err(error) = dated {
            self.copier.warn_once(&format!(
                "the time of {} cannot be set ({error}): --update would take a source that was \
                 changed while it was copied for unchanged",
                file.display()
            ));
        }
    }
}

/// Gives a local copy the permission bits of the local file that it is of, or else of the file that it
/// replaced: what is private stays private, and a program can be run.
fn keep_permissions(
    copier: &Copier,
    source: &Endpoint,
    from: &Path,
    to: &Path,
    replaced: Option<&Metadata>,
) -> io::Result<()> {
    let Some(copy) = copier.selection.destination_file(to) else {
        return Ok(());
    };
    let permissions = match (source.file(from), replaced) {
        (Some(original), _) => fs::metadata(original)?.permissions(),
        (None, Some(replaced)) => replaced.permissions(),
        (None, None) => return Ok(()),
    };
    let mode = permissions.mode() & PERMISSION_BITS;
    fs::set_permissions(copy, Permissions::from_mode(mode))
}

/// How often a small file is read that changes whenever it is copied.
const ATTEMPTS: u32 = 3;

/// What to do if a file was changed after it was read, and its copy was written.
const STALE: &str = "what was read before is the copy now, so copy it without --update, which could \
                     take the two for the same";

/// Without the bits that let a program run as its owner.
const PERMISSION_BITS: u32 = 0o777;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_attributes_it_can_keep_and_those_requested() {
        let owner = || Attribute::Metadata("owner".into());
        let of_source = Attributes::from_iter([
            (Attribute::ContentType, "text/plain"),
            (Attribute::CacheControl, "no-store"),
            (Attribute::StorageClass, "GLACIER"),
            (owner(), "me"),
        ]);
        let requested = Attributes::from_iter([(Attribute::ContentType, "text/csv")]);

        let kept = kept_attributes(StoreKind::S3, &of_source, &requested);
        assert_eq!(kept.len(), 3);
        assert_eq!(kept.get(&owner()).map(AsRef::as_ref), Some("me"));
        let content_type = kept.get(&Attribute::ContentType);
        assert_eq!(content_type.map(AsRef::as_ref), Some("text/csv"));

        let kept = kept_attributes(StoreKind::Http, &of_source, &Attributes::new());
        assert_eq!(kept.len(), 2);
        assert!(kept_attributes(StoreKind::Local, &of_source, &Attributes::new()).is_empty());
    }
}
