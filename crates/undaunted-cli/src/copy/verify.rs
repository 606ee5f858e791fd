//! Reading the destination again, to compare it with what was read from the source.

use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::Error;
use object_store::path::Path;

use super::write::{Part, digest};
use super::{Copier, Undone};
use crate::endpoint::Endpoint;
use crate::failure::Failure;

/// What a comparison found.
enum Difference {
    Missing,
    Size(u64),
    Bytes(Part),
}

/// Fails if what is at the destination is not what was written.
pub(super) async fn check(
    copier: &Copier,
    destination: &Endpoint,
    to: &Path,
    name: &str,
    parts: &[Part],
) -> Result<(), Undone> {
    let place = destination.shown(to);
    let reason = match compare(copier, destination, to, parts).await? {
        Ok(None) => return Ok(()),
        Ok(Some(Difference::Missing)) => {
            format!("verification failed: nothing is at {place}, although it was written")
        }
        Ok(Some(Difference::Size(size))) => format!(
            "verification failed: {place} has {size} bytes, but {} were written",
            parts.iter().map(Part::length).sum::<u64>()
        ),
        Ok(Some(Difference::Bytes(part))) => format!(
            "verification failed: bytes {} to {} of {place} are not what was read from the source",
            part.range.start, part.range.end
        ),
        Err(error) => {
            let failure = Failure::store(name, &error);
            return Err(failure
                .and("it was copied, but could not be verified")
                .into());
        }
    };
    Err(Failure::new(name, reason).into())
}

/// Whether what is at the destination is what was written. Cannot be read means no.
pub(super) async fn matches(
    copier: &Copier,
    destination: &Endpoint,
    to: &Path,
    parts: &[Part],
) -> Result<bool, Undone> {
    let compared = compare(copier, destination, to, parts).await?;
    Ok(matches!(compared, Ok(None)))
}

async fn compare(
    copier: &Copier,
    destination: &Endpoint,
    to: &Path,
    parts: &[Part],
) -> Result<Result<Option<Difference>, Error>, Undone> {
    let compared = async {
        let reader = match copier.open(destination, to, "verify").await {
            Ok(reader) => reader,
            Err(Error::NotFound { .. }) => return Ok(Ok(Some(Difference::Missing))),
            Err(error) => return Ok(Err(error)),
        };
        if reader.size() != parts.iter().map(Part::length).sum::<u64>() {
            return Ok(Ok(Some(Difference::Size(reader.size()))));
        }
        let differences = stream::iter(parts)
            .map(|part| {
                let reader = &reader;
                async move {
                    let _permit = copier.permit().await?;
                    Ok::<_, Undone>(match reader.range(part.range.clone()).await {
                        Ok(bytes) if digest(&bytes) == part.digest => Ok(None),
                        Ok(_) => Ok(Some(Difference::Bytes(part.clone()))),
                        Err(error) => Err(error),
                    })
                }
            })
            .buffer_unordered(copier.settings.concurrency);
        let mut differences = std::pin::pin!(differences);
        while let Some(found) = differences.try_next().await? {
            match found {
                Ok(None) => {}
                found => return Ok(found),
            }
        }
        Ok(Ok(None))
    };
    copier.unless_stopped(compared).await?
}
