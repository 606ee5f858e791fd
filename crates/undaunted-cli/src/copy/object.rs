//! One object: looked at, read, written, and read again if that is wanted.

use std::fs;
use std::future::Future;
use std::ops::Range;

use futures::stream::{self, Stream, StreamExt};
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, ObjectStoreExt};

use super::read::Reader;
use super::write::{Chunk, Part, Put};
use super::{Copier, Outcome, Undone, keep_permissions, stdio, verify, write};
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::location::Kind;
use crate::stats::Calls;
use crate::tree;

pub(super) async fn copy(copier: &Copier, from: &Path, to: &Path) -> Result<Outcome, Undone> {
    match (&copier.plan.source, &copier.plan.destination) {
        (Some(source), None) => stdio::to_stdout(copier, source, from).await,
        (None, Some(destination)) => stdio::from_stdin(copier, destination, to).await,
        (Some(source), Some(destination)) => between(copier, source, from, destination, to).await,
        (None, None) => Ok(Outcome::Skipped),
    }
}

async fn between(
    copier: &Copier,
    source: &Endpoint,
    from: &Path,
    destination: &Endpoint,
    to: &Path,
) -> Result<Outcome, Undone> {
    check_place(copier, source, from, to)?;
    if exists(copier, destination, to).await? {
        return Ok(Outcome::Skipped);
    }
    let name = source.shown(from);
    let reader = open(copier, source, from, &name).await?;
    let size = reader.size();
    let asked_for = &copier.settings.attributes;
    let attributes = attributes(destination.kind, reader.attributes(), asked_for);

    let part_size = write::part_size(copier.settings.part_size, size, destination.kind);
    let parts = if size <= part_size || !destination.has_parts {
        match in_one_piece(copier, &reader, &name, to, attributes, part_size).await? {
            Put::Written(parts) => parts,
            Put::Exists => return Ok(Outcome::Skipped),
        }
    } else {
        let chunks = reads(copier, &reader, &name, part_size).boxed();
        write::in_parts(copier, destination, to, attributes, &name, chunks).await?
    };

    if source.kind == Kind::Local {
        // Between the check and the read of the last range it may have been written to.
        check_unchanged(copier, &reader, &name).await?;
        if let Some(file) = copier.file(to) {
            keep_permissions(source, from, &file).map_err(|error| {
                Failure::io(&name, &error).and("it was copied, but without its permissions")
            })?;
        }
    }
    finish(copier, destination, to, &name, &parts).await
}

/// Looks at the source, and counts its bytes among those that are to arrive.
pub(super) async fn open<'a>(
    copier: &Copier,
    source: &'a Endpoint,
    from: &Path,
    name: &str,
) -> Result<Reader<'a>, Undone> {
    let opened = copier
        .unless_stopped(copier.open(source, from, "get"))
        .await?;
    let reader = opened.map_err(|error| read_failure(name, &error))?;
    copier.progress.expect(reader.size());
    Ok(reader)
}

/// Whether the source is still what was read.
pub(super) async fn check_unchanged(
    copier: &Copier,
    reader: &Reader<'_>,
    name: &str,
) -> Result<(), Undone> {
    let unchanged = copier.unless_stopped(reader.check_unchanged()).await?;
    Ok(unchanged.map_err(|error| read_failure(name, &error))?)
}

/// What follows when everything is written.
pub(super) async fn finish(
    copier: &Copier,
    destination: &Endpoint,
    to: &Path,
    name: &str,
    parts: &[Part],
) -> Result<Outcome, Undone> {
    if copier.settings.verify {
        verify::check(copier, destination, to, name, parts).await?;
    }
    Ok(Outcome::Copied {
        bytes: parts.iter().map(Part::length).sum(),
        is_verified: copier.settings.verify,
    })
}

async fn in_one_piece(
    copier: &Copier,
    reader: &Reader<'_>,
    name: &str,
    to: &Path,
    attributes: Attributes,
    part_size: u64,
) -> Result<Put, Undone> {
    let mut read = reads(copier, reader, name, part_size)
        .buffered(copier.settings.concurrency)
        .boxed();
    let mut chunks: Vec<Chunk> = Vec::new();
    while let Some(mut chunk) = read.next().await.transpose()? {
        if reader.size() > part_size {
            // All of it has to be held at once, so that the others would wait for ever.
            chunk.release();
        }
        chunks.push(chunk);
    }
    drop(read);
    write::put(copier, to, attributes, name, chunks).await
}

/// The reads of all ranges, in order. Each begins when there is room in memory.
pub(super) fn reads<'a>(
    copier: &'a Copier,
    reader: &'a Reader<'a>,
    name: &'a str,
    part_size: u64,
) -> impl Stream<Item = impl Future<Output = Result<Chunk, Undone>> + 'a> + 'a {
    stream::iter(ranges(reader.size(), part_size))
        .then(move |range| async move { (copier.permit().await, range) })
        .map(move |(permit, range)| async move {
            let permit = permit?;
            let bytes = copier.unless_stopped(reader.range(range.clone())).await?;
            let bytes = bytes.map_err(|error| read_failure(name, &error))?;
            Ok(Chunk::new(range.start, bytes, permit))
        })
}

/// The ranges of an object, at least one.
fn ranges(size: u64, part_size: u64) -> impl Iterator<Item = Range<u64>> + Send {
    let count = size.div_ceil(part_size).max(1);
    (0..count).map(move |index| {
        let start = index * part_size;
        start..size.min(start.saturating_add(part_size))
    })
}

fn read_failure(name: &str, error: &Error) -> Failure {
    let failure = Failure::store(name, error);
    match error {
        Error::Precondition { .. } => {
            failure.and("the source was changed while it was being copied: copy it again")
        }
        _ => failure,
    }
}

/// Whether it is there and is to stay.
pub(super) async fn exists(
    copier: &Copier,
    destination: &Endpoint,
    to: &Path,
) -> Result<bool, Undone> {
    if !copier.settings.no_clobber {
        return Ok(false);
    }
    match copier.unless_stopped(destination.store.head(to)).await? {
        Ok(_) => Ok(true),
        Err(Error::NotFound { .. }) => {
            // An answer, and not what a later failure is to be counted by.
            Calls::last_stopped();
            Ok(false)
        }
        Err(error) => Err(Failure::store(destination.shown(to), &error).into()),
    }
}

/// What the copy gets: what the source has and the destination can keep, and what was asked for.
fn attributes(kind: Kind, of_source: &Attributes, asked_for: &Attributes) -> Attributes {
    let kept = of_source.iter().filter(|(attribute, _)| match attribute {
        // A class of one store means nothing to another, and a default is what one expects.
        Attribute::StorageClass => false,
        Attribute::Metadata(_) => kind.has_metadata(),
        _ => kind.has_attributes(),
    });
    kept.chain(asked_for)
        .map(|(attribute, value)| (attribute.clone(), value.clone()))
        .collect()
}

/// Whether the copy can be where it is to be, as far as a local destination shows.
fn check_place(copier: &Copier, source: &Endpoint, from: &Path, to: &Path) -> Result<(), Failure> {
    let fail = |reason: &str| Err(Failure::new(source.shown(from), reason));
    if copier.plan.hits_source(to) {
        return fail("its copy would be inside SRC, where it could replace what is to be copied");
    }
    let Some(file) = copier.file(to) else {
        return Ok(());
    };
    if let Err(reason) = tree::check_name(to) {
        return fail(reason);
    }
    let shown = file.display();
    match fs::metadata(&file) {
        Ok(there) if there.is_dir() => fail(&format!("{shown} is a directory")),
        Ok(there) if !there.is_file() => fail(&format!(
            "{shown} is neither a file nor a directory, and would be replaced"
        )),
        Ok(_) => match source.file(from) {
            Some(original) if same_file::is_same_file(&original, &file).unwrap_or(false) => {
                fail(&format!("{shown} is the same file"))
            }
            _ => Ok(()),
        },
        // Nothing is there, or what is wrong with it will show when it is written.
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_the_object_without_gaps() {
        let ends = |size, part| ranges(size, part).map(|range| (range.start, range.end));
        assert!(ends(0, 4).eq([(0, 0)]));
        assert!(ends(4, 4).eq([(0, 4)]));
        assert!(ends(9, 4).eq([(0, 4), (4, 8), (8, 9)]));
        assert!(ends(9, u64::MAX).eq([(0, 9)]));
    }

    #[test]
    fn a_copy_keeps_what_it_can_and_gets_what_was_asked_for() {
        let owner = || Attribute::Metadata("owner".into());
        let of_source = Attributes::from_iter([
            (Attribute::ContentType, "text/plain"),
            (Attribute::CacheControl, "no-store"),
            (Attribute::StorageClass, "GLACIER"),
            (owner(), "me"),
        ]);
        let asked_for = Attributes::from_iter([(Attribute::ContentType, "text/csv")]);

        let kept = attributes(Kind::S3, &of_source, &asked_for);
        assert_eq!(kept.len(), 3);
        assert_eq!(kept.get(&owner()).map(AsRef::as_ref), Some("me"));
        let content_type = kept.get(&Attribute::ContentType);
        assert_eq!(content_type.map(AsRef::as_ref), Some("text/csv"));

        let kept = attributes(Kind::Http, &of_source, &Attributes::new());
        assert_eq!(kept.len(), 2);
        assert!(attributes(Kind::Local, &of_source, &Attributes::new()).is_empty());
    }
}
