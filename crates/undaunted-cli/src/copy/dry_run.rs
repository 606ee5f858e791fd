//! `--dry-run`: what a copy would do, found out without changing anything.

use std::fmt;
use std::fs::File;
use std::path::{Path as FsPath, PathBuf};

use futures::StreamExt;
use object_store::path::Path;
use serde::Serialize;

use super::copier::{Copier, NotCopied};
use super::kept::KeptUpload;
use super::object;
use super::read::Reader;
use super::transfer::Transfer;
use crate::endpoint::Endpoint;
use crate::error::FailedObject;
use crate::report;
use crate::selection::{CopyTask, Found, Task};
use crate::text;

/// One thing that would be done, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Step {
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    destination: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Bytes that arrived in an earlier run.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_arrived: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Copy,
    MakeDirectory,
    Resume,
    SkipExisting,
    SkipUnchanged,
}

/// Prints what would be done, in the order of the source.
pub(super) async fn tell_all(copier: &Copier) {
    let steps = copier
        .selection
        .tasks(copier.settings.update)
        .take_until(copier.stop.requested())
        .map(|task| find_out(copier, task))
        .buffered(copier.settings.parts_at_a_time());
    let mut steps = std::pin::pin!(steps);
    while let Some(step) = steps.next().await {
        match step {
            Ok(Some(step)) => step.tell(copier),
            Ok(None) => {}
            Err(failed) => copier.failed(failed),
        }
        if copier.stop.cause().is_some() {
            return;
        }
    }
}

async fn find_out(copier: &Copier, task: Task) -> Result<Option<Step>, FailedObject> {
    match task {
        Task::Copy(task) => copy(copier, &task).await,
        Task::Fail(failed) => Err(failed),
        Task::LeaveOutFolder => {
            copier.tally().objects.empty_directories_left_out += 1;
            Ok(None)
        }
        Task::MakeFolder(folder) if folder.is_dir() => Ok(None),
        Task::MakeFolder(folder) => Ok(Some(Step {
            action: Action::MakeDirectory,
            source: None,
            destination: display_name(copier, &folder),
            bytes: None,
            bytes_arrived: None,
        })),
    }
}

/// The name of a directory in messages.
fn display_name(copier: &Copier, folder: &FsPath) -> String {
    let destination = copier.selection.destination.as_ref();
    let name = destination.and_then(|destination| {
        let below = folder.strip_prefix(destination.local_folder()?).ok()?;
        Some(PathBuf::from(destination.display_name(&Path::ROOT)).join(below))
    });
    name.as_deref().unwrap_or(folder).display().to_string()
}

async fn copy(copier: &Copier, task: &CopyTask) -> Result<Option<Step>, FailedObject> {
    let selection = &copier.selection;
    let name = &selection.display_name(&task.from, &task.to);
    let mut step = Step {
        action: Action::Copy,
        source: selection.source.is_some().then(|| name.clone()),
        destination: "-".to_owned(),
        bytes: task.found.as_ref().map(Found::size),
        bytes_arrived: None,
    };
    let file = selection
        .source
        .as_ref()
        .and_then(|source| source.file(&task.from));
    if let Some(file) = file {
        let size = File::open(file).and_then(|file| Ok(file.metadata()?.len()));
        step.bytes = Some(size.map_err(|error| FailedObject::io(name, &error))?);
    }
    let Some(destination) = &selection.destination else {
        return Ok(Some(step));
    };
    let transfer = Transfer {
        copier,
        destination,
        to: &task.to,
        name,
    };
    step.destination = transfer.display_name();
    let found = match &selection.source {
        Some(source) => compare(&transfer, source, task, &mut step).await,
        None => transfer.skip_existing().await,
    };
    match found {
        Ok(()) => {}
        Err(NotCopied::Skipped) => step.action = Action::SkipExisting,
        Err(NotCopied::Unchanged) => step.action = Action::SkipUnchanged,
        Err(NotCopied::Failed(failed)) => return Err(failed),
        Err(NotCopied::Interrupted(_)) => {
            copier.tally().objects.interrupted += 1;
            return Ok(None);
        }
    }
    Ok(Some(step))
}

/// Compares source and destination, and adds what is there of an unfinished copy.
async fn compare(
    transfer: &Transfer<'_>,
    source: &Endpoint,
    task: &CopyTask,
    step: &mut Step,
) -> Result<(), NotCopied> {
    let Transfer { copier, name, .. } = *transfer;
    let CopyTask { from, found, .. } = task;
    let found = found.as_ref();
    object::check_destination(copier, source, from, transfer.to)
        .map_err(|reason| FailedObject::new(name, reason))?;
    match transfer.destination.file(transfer.to) {
        Some(file) if copier.settings.no_clobber && file.exists() => {
            return Err(NotCopied::Skipped);
        }
        // The directory that it would be in may not exist yet.
        Some(_) => {}
        None => transfer.skip_existing().await?,
    }
    if transfer
        .is_unchanged(source, from, found, &task.existing)
        .await?
    {
        return Err(NotCopied::Unchanged);
    }
    if !copier.settings.resume || !transfer.has_journal() {
        return Ok(());
    }
    let part_size = transfer.part_size(step.bytes.unwrap_or_default());
    let reader = Reader::open_source(copier, source, from, None, part_size, name).await?;
    let Some(version) = reader.version() else {
        return Ok(());
    };
    let attributes = object::attributes(transfer, &reader);
    let pieces = object::pieces(transfer, &reader, part_size);
    let size = pieces.map_or(part_size, |pieces| pieces.size);
    let head = KeptUpload::head(transfer, version, size, &attributes);
    let journal = transfer
        .peek(&head)
        .filter(|journal| !journal.parts.is_empty());
    if let Some(journal) = journal {
        step.action = Action::Resume;
        step.bytes_arrived = Some(journal.parts.values().map(|part| part.length).sum());
    }
    Ok(())
}

impl Step {
    /// Counts and prints it.
    fn tell(&self, copier: &Copier) {
        let bytes = self.bytes.unwrap_or_default();
        let mut tally = copier.tally();
        match self.action {
            Action::Copy => tally.copied(bytes, 0, false),
            Action::Resume => {
                tally.copied(bytes, self.bytes_arrived.unwrap_or_default(), false);
            }
            Action::SkipExisting => tally.objects.skipped += 1,
            Action::SkipUnchanged => tally.objects.unchanged += 1,
            Action::MakeDirectory => {}
        }
        drop(tally);
        let common = &copier.settings.common;
        let line = if common.json {
            serde_json::to_string(self).unwrap_or_default()
        } else {
            text::escaped(&self.to_string()).into_owned()
        };
        if common.json || !common.quiet {
            // Whoever closed the pipe does not want to know.
            let _ = report::print_line(&copier.settings, &line);
        }
    }
}

/// The step for people.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destination, .. } = self;
        let source = self.source.as_deref().unwrap_or("-");
        match self.action {
            Action::MakeDirectory => return write!(f, "would make directory {destination}"),
            Action::SkipExisting => {
                return write!(f, "would skip {source}: {destination} exists already");
            }
            Action::SkipUnchanged => return write!(f, "would skip {source}, unchanged"),
            Action::Copy => write!(f, "would copy {source} -> {destination}")?,
            Action::Resume => write!(f, "would resume {source} -> {destination}")?,
        }
        let size = self.bytes.map(text::size);
        match (size, self.bytes_arrived.map(text::size)) {
            (Some(size), Some(arrived)) => write!(f, " ({arrived} of {size} have arrived)"),
            (Some(size), None) => write!(f, " ({size})"),
            (None, _) => Ok(()),
        }
    }
}
