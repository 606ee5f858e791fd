//! `cp`: copies the selected objects, several at a time, and reports on them.

mod args;
mod buffers;
mod copier;
mod dry_run;
mod kept;
mod leftovers;
mod memory;
mod multipart;
mod object;
mod open_body;
mod part;
mod pieces;
mod read;
mod staged;
mod stdio;
mod transfer;
mod unchanged;
mod verify;

use std::sync::Arc;

use futures::StreamExt;
use futures::future::join;
use undaunted::MetricsInProcess;
use undaunted_object_store::observe;

use crate::chaos::Chaos;
use crate::endpoint::EndpointConfig;
use crate::error::{CliError, FailedObject, UsageError};
use crate::log;
use crate::progress::Progress;
use crate::replace::replace;
use crate::report::{Report, Tally};
use crate::selection::{CopyTask, Selection, Task};
use crate::settings::CopySettings;
use crate::signals::Stop;
use crate::slots::Waiting;
use crate::stats::Stats;
use crate::text;
pub(crate) use args::{ChaosAt, CpArgs};
use copier::{Copier, NotCopied};
use transfer::Transfer;

/// Copies, reports, and returns the exit status.
pub(crate) async fn run(settings: CopySettings) -> Result<u8, CliError> {
    let progress = if settings.dry_run {
        Progress::hidden(settings.common.quiet)
    } else {
        Progress::new(settings.common.quiet, settings.common.verbose)
    };
    log::start(settings.common.log, &progress);
    let metrics = MetricsInProcess::default();
    // Fails only if another is set, and there is none.
    let _ = metrics::set_global_recorder(metrics.clone());
    let stop = Stop::new();
    stop.listen(&progress).map_err(UsageError::Signals)?;
    let faults = settings.common.chaos.as_ref().map(Chaos::plan);
    let stats = Stats::new(progress.clone());
    let waiting = Waiting::new();
    let config = EndpointConfig {
        retry: settings.common.retry.clone(),
        rules: settings.common.rules.clone(),
        stats: stats.clone(),
        faults: faults.clone(),
        concurrency: settings.concurrency,
        hedge: settings.hedge,
        waiting: waiting.clone(),
    };
    let settings = Arc::new(settings);
    let copying = async {
        let selection = tokio::select! {
            selection = Selection::open(&settings, &config) => selection,
            _ = stop.requested() => return Ok(Tally::default()),
        };
        match selection {
            Ok(selection) => {
                let settings = Arc::clone(&settings);
                let (progress, stop) = (progress.clone(), stop.clone());
                let copier = Copier::new(settings, selection, progress, stop, waiting);
                copy_all(&copier).await;
                Ok(copier.into_tally())
            }
            Err(CliError::Failed(failed)) => {
                progress.error(&failed.to_string());
                Ok(Tally::of(failed))
            }
            Err(error) => Err(error),
        }
    };
    let (tally, observed) = observe(copying).await;
    progress.finish();
    let report = Report::new(
        &settings,
        tally?,
        &stats.counts(),
        &observed,
        stop.signal(),
        faults.as_ref(),
        &metrics,
    );
    report.print().map_err(CliError::Stdout)?;
    if let Some(path) = &settings.metrics {
        let written = replace(path, metrics.to_string().as_bytes());
        written.map_err(|source| CliError::Metrics {
            path: path.display().to_string(),
            source,
        })?;
    }
    Ok(report.exit_code())
}

async fn copy_all(copier: &Copier) {
    if copier.settings.dry_run {
        return dry_run::tell_all(copier).await;
    }
    let forgotten = async {
        if copier.settings.resume {
            leftovers::abort_forgotten(copier).await;
        }
    };
    let copying = copier
        .selection
        .tasks(copier.settings.update)
        .then(|task| async {
            copier.is_ready().await;
            task
        })
        .take_until(copier.stop.requested())
        .for_each_concurrent(copier.settings.objects_at_a_time(), |task| {
            perform(copier, task)
        });
    join(copying, forgotten).await;
    let (is_tree, tally) = (copier.selection.is_tree, copier.tally());
    // The directories of an empty tree are its copy.
    if tally.objects.copied == 0 && !(is_tree && tally.failures.is_empty()) {
        copier.selection.remove_empty_folders();
    }
}

async fn perform(copier: &Copier, task: Task) {
    match task {
        Task::Copy(task) => copy(copier, &task).await,
        Task::LeaveOutFolder => copier.tally().objects.empty_directories_left_out += 1,
        Task::Fail(failed) => copier.failed(failed),
        Task::MakeFolder(folder) => {
            if let Err(error) = std::fs::create_dir_all(&folder) {
                copier.failed(FailedObject::io(folder.display().to_string(), &error));
            }
        }
    }
}

async fn copy(copier: &Copier, task: &CopyTask) {
    if copier.stop.cause().is_some() {
        return;
    }
    let CopyTask {
        from,
        to,
        found,
        existing,
    } = task;
    let selection = &copier.selection;
    let found = found.as_ref();
    let name = &selection.display_name(from, to);
    let transfer = |destination| Transfer {
        copier,
        destination,
        to,
        name,
    };
    let copying = async {
        match (&selection.source, &selection.destination) {
            (Some(source), Some(destination)) => {
                let transfer = transfer(destination);
                object::copy(&transfer, source, from, found, existing).await
            }
            (Some(source), None) => stdio::to_stdout(copier, source, from, found, name).await,
            (None, Some(destination)) => stdio::from_stdin(transfer(destination)).await,
            // The settings exclude it.
            (None, None) => Err(NotCopied::Skipped),
        }
    };
    let (result, observed) = observe(copying).await;
    match result {
        Ok(done) => {
            let retries = match observed.report.delays().len() as u64 {
                0 => String::new(),
                retries => format!(", {}", text::count(retries, "retry")),
            };
            let size = text::size(done.bytes);
            let verified = if done.is_verified { ", verified" } else { "" };
            let resumed = match done.resumed_bytes {
                0 => String::new(),
                bytes => format!(", {} of it earlier", text::size(bytes)),
            };
            let line = format!("copied {name} ({size}{resumed}{verified}{retries})");
            copier.progress.object(&line);
            let (bytes, resumed) = (done.bytes, done.resumed_bytes);
            copier.tally().copied(bytes, resumed, done.is_verified);
        }
        Err(NotCopied::Skipped) => {
            copier.tally().objects.skipped += 1;
            let line = format!("skipped {name} (it exists already)");
            copier.progress.object(&line);
        }
        Err(NotCopied::Unchanged) => {
            copier.tally().objects.unchanged += 1;
            copier.progress.object(&format!("unchanged {name}"));
        }
        Err(NotCopied::Failed(failed)) => copier.failed(failed),
        Err(NotCopied::Interrupted(not_undone)) => {
            copier.tally().objects.interrupted += 1;
            if let Some(failed) = not_undone {
                copier.failed(failed);
            }
        }
    }
}
