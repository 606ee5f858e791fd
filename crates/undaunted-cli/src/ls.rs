//! `ls`: lists the contents of a store.

use std::io::{self, BufWriter, Write};
use std::path::Path as FsPath;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::Serialize;
use undaunted_object_store::observe;

use crate::chaos::Chaos;
use crate::endpoint::{Endpoint, EndpointConfig};
use crate::error::{CliError, FAILED, FailedObject, UsageError};
use crate::location::{Location, resolve};
use crate::log;
use crate::progress::Progress;
use crate::request::{FailedRequest, request};
use crate::settings::ListSettings;
use crate::signals::{Signal, Stop};
use crate::slots::{Concurrency, Waiting};
use crate::stats::Stats;
use crate::{text, tree};

/// Lists, and returns the exit status.
pub(crate) async fn run(settings: ListSettings) -> Result<u8, CliError> {
    let progress = Progress::hidden(settings.common.quiet);
    log::start(settings.common.log, &progress);
    let stop = Stop::new();
    stop.listen(&progress).map_err(UsageError::Signals)?;
    let config = EndpointConfig {
        retry: settings.common.retry.clone(),
        rules: settings.common.rules.clone(),
        stats: Stats::new(progress.clone()),
        faults: settings.common.chaos.as_ref().map(Chaos::plan),
        concurrency: Concurrency::Auto,
        hedge: None,
        waiting: Waiting::new(),
    };
    tokio::select! {
        listed = list(&settings, config, &progress) => match listed {
            // Whoever closed the pipe has read enough.
            Err(CliError::Stdout(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
            listed => listed,
        },
        _ = stop.requested() => Ok(stop.signal().map_or(FAILED, Signal::exit_code)),
    }
}

/// Lists, and names what cannot be listed.
async fn list(
    settings: &ListSettings,
    config: EndpointConfig,
    progress: &Progress,
) -> Result<u8, CliError> {
    let listing = Listing::open(settings, config)?;
    let mut output = ListOutput {
        json: settings.common.json,
        out: BufWriter::new(io::stdout()),
    };
    let (listed, observed) = observe(async {
        if settings.recursive {
            listing.list_all(&mut output).await
        } else {
            listing.list_directly_below(&mut output).await
        }
    })
    .await;
    // Whatever was listed before a failure is worth reading too.
    let flushed = output.out.flush();
    for key in &observed.skipped_keys {
        let failed = FailedObject::new(&listing.display_name, key.to_string());
        progress.error(&failed.to_string());
    }
    flushed.map_err(CliError::Stdout)?;
    if listed? == 0 && observed.skipped_keys.is_empty() && observed.folder_markers == 0 {
        listing.list_itself(&mut output).await?;
        output.out.flush().map_err(CliError::Stdout)?;
    }
    Ok(if observed.skipped_keys.is_empty() {
        0
    } else {
        FAILED
    })
}

/// What is listed.
struct Listing {
    endpoint: Endpoint,
    prefix: Path,
    display_name: String,
    /// Whether it cannot be an object itself.
    is_folder: bool,
}

impl Listing {
    fn open(settings: &ListSettings, config: EndpointConfig) -> Result<Self, CliError> {
        let display_name = settings.location.display_name();
        match &settings.location {
            Location::Local(local) => {
                let fail = |error: io::Error| FailedObject::io(&display_name, &error);
                let is_folder = std::fs::metadata(&local.path).map_err(fail)?.is_dir();
                let real = resolve(&local.path);
                let (folder, prefix) = match (is_folder, real.parent(), real.file_name()) {
                    (false, Some(parent), Some(name)) => {
                        let key = tree::key_of(FsPath::new(name));
                        let key = key.map_err(|reason| FailedObject::new(&display_name, reason))?;
                        (parent.to_owned(), key)
                    }
                    _ => (real, Path::ROOT),
                };
                Ok(Self {
                    endpoint: Endpoint::folder(folder, local.path.clone(), config)?,
                    prefix,
                    display_name,
                    is_folder,
                })
            }
            Location::Store(store) => Ok(Self {
                endpoint: Endpoint::store(store, &settings.options, config)?,
                prefix: store.path.clone(),
                display_name,
                is_folder: store.has_slash || store.path.is_root(),
            }),
            Location::Stream => Err(UsageError::ListStream.into()),
        }
    }

    /// Lists everything below, in the order of the store. Returns the number of entries.
    async fn list_all(&self, output: &mut ListOutput) -> Result<u64, CliError> {
        if self.is_local_file() {
            return Ok(0);
        }
        let mut entries = self.endpoint.store.list(Some(&self.prefix));
        let mut number = 0;
        loop {
            let entry = request(entries.try_next()).await;
            let Some(meta) = entry.map_err(|failed| self.failure(&failed))? else {
                return Ok(number);
            };
            number += 1;
            output.object(&self.relative(&meta.location), &meta)?;
        }
    }

    /// Lists what is directly below, sorted. Returns the number of entries.
    async fn list_directly_below(&self, output: &mut ListOutput) -> Result<u64, CliError> {
        if self.is_local_file() {
            return Ok(0);
        }
        let list = self.endpoint.store.list_with_delimiter(Some(&self.prefix));
        let listed = request(list).await;
        let ListResult {
            common_prefixes,
            objects,
            ..
        } = listed.map_err(|failed| self.failure(&failed))?;
        let folders = common_prefixes
            .iter()
            .map(|prefix| (self.relative(prefix), None));
        let objects = objects
            .iter()
            .map(|meta| (self.relative(&meta.location), Some(meta)));
        let mut entries: Vec<_> = folders.chain(objects).collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, meta) in &entries {
            match meta {
                Some(meta) => output.object(name, meta)?,
                None => output.folder(name)?,
            }
        }
        Ok(entries.len() as u64)
    }

    /// Lists the object of this name. An empty directory or store has none, which is no error.
    async fn list_itself(&self, output: &mut ListOutput) -> Result<(), CliError> {
        if self.prefix.is_root() {
            return Ok(());
        }
        if self.is_folder {
            return Err(FailedObject::new(&self.display_name, "no objects below it").into());
        }
        match request(self.endpoint.store.head(&self.prefix)).await {
            Ok(meta) => output.object(self.prefix.filename().unwrap_or_default(), &meta),
            Err(failed) if failed.is_not_found() => {
                let reason = "no such object, and no objects below it";
                Err(FailedObject::new(&self.display_name, reason).into())
            }
            Err(failed) => Err(self.failure(&failed).into()),
        }
    }

    fn is_local_file(&self) -> bool {
        self.endpoint.local_folder().is_some() && !self.is_folder
    }

    fn relative(&self, key: &Path) -> String {
        match key.prefix_match(&self.prefix) {
            Some(parts) => parts.collect::<Path>().to_string(),
            None => key.to_string(),
        }
    }

    fn failure(&self, failed: &FailedRequest) -> FailedObject {
        FailedObject::request(&self.display_name, failed)
    }
}

struct ListOutput {
    json: bool,
    out: BufWriter<io::Stdout>,
}

/// An entry as `--json` prints it.
#[derive(Serialize)]
struct ListEntry<'a> {
    name: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<&'a str>,
}

impl ListOutput {
    fn object(&mut self, name: &str, meta: &ObjectMeta) -> Result<(), CliError> {
        let modified = time(meta.last_modified);
        if self.json {
            return self.json(&ListEntry {
                name,
                r#type: "object",
                size: Some(meta.size),
                last_modified: Some(modified),
                e_tag: meta.e_tag.as_deref(),
            });
        }
        self.line(&meta.size.to_string(), &modified, name)
    }

    fn folder(&mut self, name: &str) -> Result<(), CliError> {
        let name = format!("{name}/");
        if self.json {
            return self.json(&ListEntry {
                name: &name,
                r#type: "directory",
                size: None,
                last_modified: None,
                e_tag: None,
            });
        }
        self.line("-", "-", &name)
    }

    fn json(&mut self, entry: &ListEntry<'_>) -> Result<(), CliError> {
        let text = serde_json::to_string(entry).map_err(|error| CliError::Stdout(error.into()))?;
        writeln!(self.out, "{text}").map_err(CliError::Stdout)
    }

    fn line(&mut self, size: &str, modified: &str, name: &str) -> Result<(), CliError> {
        let name = text::escaped(name);
        writeln!(self.out, "{size:>14}  {modified:>20}  {name}").map_err(CliError::Stdout)
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
