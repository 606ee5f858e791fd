//! Which objects are copied where. Whatever can be wrong with SRC and DST is found before anything
//! is written.

mod destination;
mod existing;
mod source;

use std::path::PathBuf;

use futures::TryStreamExt;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use tokio::sync::mpsc;
use undaunted_object_store::observe;

use crate::copy::ChaosAt;
use crate::endpoint::{Endpoint, EndpointConfig, Head};
use crate::error::{CliError, FailedObject, UsageError};
use crate::location::{Location, resolve};
use crate::request::request;
use crate::settings::CopySettings;
use crate::store_identity::StoreIdentity;
use crate::tree::{self, TreeEntry};
use destination::{Destination, MadeFolders};
pub(crate) use existing::Existing;
use existing::ExistingObjects;
use source::Source;

/// The objects to copy, with both ends open.
#[derive(Debug)]
pub(crate) struct Selection {
    /// None is stdin.
    pub(crate) source: Option<Endpoint>,
    /// None is stdout.
    pub(crate) destination: Option<Endpoint>,
    /// Whether `from` and `to` are prefixes of trees; otherwise they are the keys of one object.
    pub(crate) is_tree: bool,
    from: Path,
    to: Path,
    /// The object to copy, if it was looked at.
    head: Option<Head>,
    /// Directories made so that the destination could be opened.
    made: MadeFolders,
    overlap: Overlap,
}

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Task {
    Copy(CopyTask),
    /// Make this local directory.
    MakeFolder(PathBuf),
    /// Leave out an empty directory, as the destination has no directories.
    LeaveOutFolder,
    Fail(FailedObject),
}

/// An object to copy.
#[derive(Debug)]
pub(crate) struct CopyTask {
    pub(crate) from: Path,
    pub(crate) to: Path,
    pub(crate) found: Option<Found>,
    /// What is at the destination, if that was listed.
    pub(crate) existing: Existing,
}

/// What is known of an object before it is copied.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// By a list: it may be another one by now.
    Listed(ObjectMeta),
    /// By a request for it.
    Head(Box<Head>),
}

impl Found {
    pub(crate) fn size(&self) -> u64 {
        self.meta().size
    }

    pub(crate) fn meta(&self) -> &ObjectMeta {
        match self {
            Self::Listed(meta) => meta,
            Self::Head(head) => &head.meta,
        }
    }
}

/// Whether a copy could replace an object of the tree being copied.
#[derive(Debug)]
enum Overlap {
    Impossible,
    /// Both ends are local, and this is the source.
    Folder(PathBuf),
    /// Both ends are in one store, and this is the source.
    Prefix(Path),
}

impl Selection {
    pub(crate) async fn open(
        settings: &CopySettings,
        config: &EndpointConfig,
    ) -> Result<Self, CliError> {
        let config_of = |end: ChaosAt| EndpointConfig {
            faults: config
                .faults
                .clone()
                .filter(|_| [ChaosAt::Both, end].contains(&settings.chaos_at)),
            ..config.clone()
        };
        let source = Source::open(settings, config_of(ChaosAt::Source)).await?;
        let destination = Destination::find(settings, &source)?;
        let overlap = check_apart(settings, &source, &destination)?;
        let (destination, to, made) =
            destination.open(settings, config_of(ChaosAt::Destination))?;
        Ok(Self {
            source: source.endpoint,
            destination,
            is_tree: source.is_tree,
            from: source.key,
            to,
            head: source.head,
            made,
            overlap,
        })
    }

    /// All that is to be done. A tree is walked or listed while its objects are copied; with
    /// `update`, so is its destination.
    pub(crate) fn tasks(&self, update: bool) -> BoxStream<'_, Task> {
        match &self.destination {
            Some(destination) if update && self.is_tree && destination.kind.has_ordered_lists() => {
                let existing = ExistingObjects::new(&destination.store, &self.to);
                let tasks =
                    stream::unfold((self.all(), existing), |(mut all, mut existing)| async {
                        let mut task = all.next().await?;
                        if let Task::Copy(copy) = &mut task {
                            copy.existing = existing.find(&copy.to).await;
                        }
                        Some((task, (all, existing)))
                    });
                tasks.boxed()
            }
            _ => self.all(),
        }
    }

    fn all(&self) -> BoxStream<'static, Task> {
        let (from, to) = (self.from.clone(), self.to.clone());
        match &self.source {
            Some(source) if self.is_tree => match source.local_folder() {
                Some(folder) => {
                    let display_name = PathBuf::from(source.display_name(&Path::ROOT));
                    self.local_tree(folder.to_owned(), display_name)
                }
                None => listed_tree(source, from, to),
            },
            _ => {
                let found = self.head.clone().map(|head| Found::Head(Box::new(head)));
                let existing = Existing::Unknown;
                stream::iter([Task::Copy(CopyTask {
                    from,
                    to,
                    found,
                    existing,
                })])
                .boxed()
            }
        }
    }

    /// The name of an object in messages: that of its source, or of its destination if the source
    /// is stdin.
    pub(crate) fn display_name(&self, from: &Path, to: &Path) -> String {
        match (&self.source, &self.destination) {
            (Some(source), _) => source.display_name(from),
            (None, Some(destination)) => destination.display_name(to),
            (None, None) => "-".to_owned(),
        }
    }

    /// Whether this key is below the source itself, where it could replace an object to copy.
    pub(crate) fn hits_source(&self, to: &Path) -> bool {
        match &self.overlap {
            Overlap::Impossible => false,
            Overlap::Folder(source) => {
                // A link below DST may lead into SRC. The file itself is replaced, and not what it
                // may be a link to.
                let file = self.destination_file(to);
                file.is_some_and(|file| match (file.parent(), file.file_name()) {
                    (Some(folder), Some(name)) => resolve(folder).join(name).starts_with(source),
                    _ => false,
                })
            }
            Overlap::Prefix(source) => to.prefix_matches(source),
        }
    }

    /// The file of a key of the destination, if that is local.
    pub(crate) fn destination_file(&self, to: &Path) -> Option<PathBuf> {
        self.destination.as_ref()?.file(to)
    }

    /// Removes the directories that were made for the destination and are still empty.
    pub(crate) fn remove_empty_folders(&self) {
        self.made.remove_if_empty();
    }

    fn local_tree(&self, folder: PathBuf, display_name: PathBuf) -> BoxStream<'static, Task> {
        let (sender, mut receiver) = mpsc::channel(WALK_AHEAD);
        let target = self.destination.as_ref().and_then(Endpoint::local_folder);
        let target = target.map(ToOwned::to_owned);
        let to = self.to.clone();
        tokio::task::spawn_blocking(move || {
            tree::walk(&folder, &display_name, |entry| {
                let task = match (entry, &target) {
                    (TreeEntry::File(from), _) => Some(Task::Copy(CopyTask {
                        to: below(&to, &from, &Path::ROOT),
                        from,
                        found: None,
                        existing: Existing::Unknown,
                    })),
                    (TreeEntry::Folder { relative, .. }, Some(target)) => {
                        Some(Task::MakeFolder(target.join(relative)))
                    }
                    (TreeEntry::Folder { is_empty, .. }, None) => {
                        is_empty.then_some(Task::LeaveOutFolder)
                    }
                    (TreeEntry::Unusable(failed), _) => Some(Task::Fail(failed)),
                };
                task.is_none_or(|task| sender.blocking_send(task).is_ok())
            });
        });
        stream::poll_fn(move |cx| receiver.poll_recv(cx)).boxed()
    }
}

fn listed_tree(source: &Endpoint, from: Path, to: Path) -> BoxStream<'static, Task> {
    let name = source.display_name(&from);
    let list = source.store.list(Some(&from));
    let tasks = stream::unfold(Some(list), move |list| {
        let (from, to, name) = (from.clone(), to.clone(), name.clone());
        async move {
            let mut list = list?;
            let (entry, observed) = observe(request(list.try_next())).await;
            let skipped = observed.skipped_keys.iter();
            let mut tasks: Vec<Task> = skipped
                .map(|key| Task::Fail(FailedObject::new(&name, key.to_string())))
                .collect();
            let rest = match entry {
                Ok(Some(meta)) => {
                    tasks.push(Task::Copy(CopyTask {
                        to: below(&to, &meta.location, &from),
                        from: meta.location.clone(),
                        found: Some(Found::Listed(meta)),
                        existing: Existing::Unknown,
                    }));
                    Some(list)
                }
                Ok(None) => None,
                Err(failed) => {
                    tasks.push(Task::Fail(FailedObject::request(&name, &failed)));
                    None
                }
            };
            Some((stream::iter(tasks), rest))
        }
    });
    tasks.flatten().boxed()
}

/// The key below `to` for a key below `from`.
fn below(to: &Path, key: &Path, from: &Path) -> Path {
    let rest = key.prefix_match(from).into_iter().flatten();
    to.parts().chain(rest).collect()
}

/// Refuses to copy something onto or into itself.
fn check_apart(
    settings: &CopySettings,
    source: &Source,
    destination: &Destination,
) -> Result<Overlap, UsageError> {
    let (is_same, is_inside, overlap) = match (&source.real, &settings.source, destination) {
        (Some(real), _, Destination::Folder { folder, name, .. }) => {
            let target = name
                .as_ref()
                .map_or(folder.clone(), |name| folder.join(name));
            (
                *real == target || same_file::is_same_file(real, &target).unwrap_or(false),
                target.starts_with(real),
                Overlap::Folder(real.clone()),
            )
        }
        (_, Location::Store(from), Destination::Store { location, key })
            if StoreIdentity::of(from, &settings.source_options)
                == StoreIdentity::of(location, &settings.destination_options) =>
        {
            (
                source.key == *key,
                key.prefix_matches(&source.key),
                Overlap::Prefix(source.key.clone()),
            )
        }
        _ => return Ok(Overlap::Impossible),
    };
    if is_same {
        return Err(UsageError::SameObject {
            path: source.display_name.clone(),
        });
    }
    match (source.is_tree, is_inside) {
        (true, true) => Err(UsageError::IntoItself {
            source_path: source.display_name.clone(),
            destination: settings.destination.display_name(),
        }),
        (true, false) => Ok(overlap),
        (false, _) => Ok(Overlap::Impossible),
    }
}

/// Enough that copying small files never waits for the walk, in little memory.
const WALK_AHEAD: usize = 256;
