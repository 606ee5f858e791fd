//! Which objects go where: everything that can be wrong with SRC and DST is found here, before
//! anything is touched.

mod destination;
mod source;

use std::path::PathBuf;

use futures::stream::{self, BoxStream, StreamExt};
use object_store::ObjectStore;
use object_store::path::Path;
use tokio::sync::mpsc;

use crate::args::ChaosAt;
use crate::endpoint::{Endpoint, Setup};
use crate::error::{CliError, UsageError};
use crate::error::FailedObject;
use crate::location::Location;
use crate::options;
use crate::tree::{self, Found};
use destination::Goal;
pub(crate) use destination::MadeFolders;
use source::Origin;

/// A copy that is ready to be made.
#[derive(Debug)]
pub(crate) struct Plan {
    /// None is stdin.
    pub(crate) source: Option<Endpoint>,
    /// None is stdout.
    pub(crate) destination: Option<Endpoint>,
    pub(crate) work: Work,
    /// Directories that were made so that the destination could be opened.
    pub(crate) made: MadeFolders,
    overlap: Overlap,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    One { from: Path, to: Path },
    Tree { from: Path, to: Path },
}

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Step {
    Copy {
        from: Path,
        to: Path,
    },
    /// Make this local directory.
    Folder(PathBuf),
    /// Leave out a directory that cannot be kept.
    EmptyFolder,
    Failed(Failure),
}

/// Whether a copy could hit the tree that is being copied.
#[derive(Debug)]
enum Overlap {
    Impossible,
    /// Both ends are local, and this is the source.
    Folder(PathBuf),
    /// Both ends are in one store, and this is the source.
    Prefix(Path),
}

impl Plan {
    pub(crate) async fn make(settings: &CopySettings, setup: &Setup) -> Result<Self, CliError> {
        let setup_of = |end: ChaosAt| Setup {
            faults: setup
                .faults
                .clone()
                .filter(|_| [ChaosAt::Both, end].contains(&settings.chaos_at)),
            ..setup.clone()
        };
        let origin = source::find(settings, setup_of(ChaosAt::Source)).await?;
        let goal = destination::find(settings, &origin)?;
        let overlap = check_apart(settings, &origin, &goal)?;
        let (destination, to, made) = goal.open(
            &settings.destination_options,
            setup_of(ChaosAt::Destination),
        )?;
        let Origin {
            endpoint,
            key,
            is_tree,
            ..
        } = origin;
        let work = if is_tree {
            Work::Tree { from: key, to }
        } else {
            Work::One { from: key, to }
        };
        Ok(Self {
            source: endpoint,
            destination,
            work,
            made,
            overlap,
        })
    }

    /// All that is to be done, found while it is being done.
    pub(crate) fn steps(&self) -> BoxStream<'static, Step> {
        match (&self.work, &self.source) {
            (Work::One { from, to }, _) => {
                let (from, to) = (from.clone(), to.clone());
                stream::iter([Step::Copy { from, to }]).boxed()
            }
            (Work::Tree { from, to }, Some(source)) => match source.local_folder() {
                Some(folder) => {
                    let display_name = PathBuf::from(source.display_name(&Path::ROOT));
                    self.local_tree(folder.to_owned(), display_name, to)
                }
                None => listed_tree(source, from, to),
            },
            // A stream is never a tree.
            (Work::Tree { .. }, None) => stream::empty().boxed(),
        }
    }

    /// Whether this is a key below the source itself, where it would be in the way of the copy.
    pub(crate) fn hits_source(&self, to: &Path) -> bool {
        match &self.overlap {
            Overlap::Impossible => false,
            Overlap::Folder(source) => self
                .destination
                .as_ref()
                .and_then(|destination| destination.file(to))
                .is_some_and(|file| file.starts_with(source)),
            Overlap::Prefix(source) => to.prefix_matches(source),
        }
    }

    fn local_tree(&self, folder: PathBuf, display_name: PathBuf, to: &Path) -> BoxStream<'static, Step> {
        let (sender, mut receiver) = mpsc::channel(FOUND_AHEAD);
        let target = self
            .destination
            .as_ref()
            .and_then(Endpoint::local_folder)
            .map(ToOwned::to_owned);
        let to = to.clone();
        tokio::task::spawn_blocking(move || {
            tree::walk(&folder, &display_name, |found| {
                let step = match (found, &target) {
                    (Found::File(from), _) => Some(Step::Copy {
                        to: below(&to, &from, &Path::ROOT),
                        from,
                    }),
                    (Found::Folder { relative, .. }, Some(target)) => {
                        Some(Step::Folder(target.join(relative)))
                    }
                    (Found::Folder { is_empty, .. }, None) => is_empty.then_some(Step::EmptyFolder),
                    (Found::Problem(failure), _) => Some(Step::Failed(failure)),
                };
                step.is_none_or(|step| sender.blocking_send(step).is_ok())
            });
        });
        stream::poll_fn(move |cx| receiver.poll_recv(cx)).boxed()
    }
}

fn listed_tree(source: &Endpoint, from: &Path, to: &Path) -> BoxStream<'static, Step> {
    let (from, to) = (from.clone(), to.clone());
    let name = source.display_name(&from);
    source
        .store
        .list(Some(&from))
        .map(move |entry| match entry {
            Ok(meta) => Step::Copy {
                to: below(&to, &meta.location, &from),
                from: meta.location,
            },
            Err(error) => Step::Failed(FailedObject::store(&name, &error)),
        })
        .boxed()
}

/// Where a key below `from` goes below `to`.
fn below(to: &Path, key: &Path, from: &Path) -> Path {
    let rest = key.prefix_match(from).into_iter().flatten();
    to.parts().chain(rest).collect()
}

/// Refuses to copy something onto or into itself.
fn check_apart(
    settings: &CopySettings,
    origin: &Origin,
    goal: &Goal,
) -> Result<Overlap, UsageError> {
    let same = || UsageError::SameObject {
        path: origin.display_name.clone(),
    };
    let into_itself = || UsageError::IntoItself {
        source_path: origin.display_name.clone(),
        destination: settings.destination.display_name(),
    };
    match (&origin.real, &settings.source, goal) {
        (Some(source), _, Goal::Folder { folder, name, .. }) => {
            let target = name
                .as_ref()
                .map_or(folder.clone(), |name| folder.join(name));
            let is_same = *source == target
                || same_file::is_same_file(source, &target).is_ok_and(|same| same);
            match (is_same, origin.is_tree) {
                (true, _) => Err(same()),
                (false, true) if target.starts_with(source) => Err(into_itself()),
                (false, true) => Ok(Overlap::Folder(source.clone())),
                (false, false) => Ok(Overlap::Impossible),
            }
        }
        (_, Location::Store(source), Goal::Store { location, key })
            if source.same_store(location)
                && settings.source_options == settings.destination_options =>
        {
            match (origin.key == *key, origin.is_tree) {
                (true, _) => Err(same()),
                (false, true) if key.prefix_matches(&origin.key) => Err(into_itself()),
                (false, true) => Ok(Overlap::Prefix(origin.key.clone())),
                (false, false) => Ok(Overlap::Impossible),
            }
        }
        _ => Ok(Overlap::Impossible),
    }
}

/// Enough that the walk never waits for small files, and little memory.
const FOUND_AHEAD: usize = 256;
