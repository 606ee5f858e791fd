//! `ls`: what is in a store.

use std::io::{self, BufWriter, Write};
use std::path::Path as FsPath;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ListResult, ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::Serialize;

use crate::chaos::Chaos;
use crate::endpoint::{Endpoint, Setup};
use crate::error::{CliError, FAILED, UsageError};
use crate::failure::Failure;
use crate::location::{Location, resolve};
use crate::log;
use crate::options;
use crate::progress::Progress;
use crate::shown;
use crate::signals::{Signal, Stop};
use crate::stats::{CALLS, Calls, Stats};

/// Lists, and returns the exit status.
pub(crate) async fn run(settings: options::List) -> Result<u8, CliError> {
    let progress = Progress::hidden(settings.common.quiet);
    log::start(settings.common.log, &progress);
    let stop = Stop::new();
    stop.listen(&progress).map_err(UsageError::Signals)?;
    let setup = Setup {
        config: settings.common.config.clone(),
        stats: Stats::new(progress),
        faults: settings.common.chaos.as_ref().map(Chaos::plan),
    };
    tokio::select! {
        listed = CALLS.scope(Calls::default(), list(&settings, setup)) => match listed {
            // Whoever reads it has read enough.
            Err(CliError::Stdout(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
            listed => listed?,
        },
        _ = stop.requested() => return Ok(stop.signal().map_or(FAILED, Signal::exit_code)),
    }
    Ok(0)
}

async fn list(settings: &options::List, setup: Setup) -> Result<(), CliError> {
    let target = Target::open(settings, setup)?;
    let mut output = Output {
        json: settings.common.json,
        out: BufWriter::new(io::stdout()),
    };
    let below = if settings.recursive {
        target.list_all(&mut output).await?
    } else {
        target.list_directly_below(&mut output).await?
    };
    if below == 0 {
        target.list_itself(&mut output).await?;
    }
    output.out.flush().map_err(CliError::Stdout)
}

/// What is listed.
struct Target {
    endpoint: Endpoint,
    prefix: Path,
    shown: String,
    /// Whether the name can only be that of something which has others below it.
    is_folder: bool,
}

impl Target {
    fn open(settings: &options::List, setup: Setup) -> Result<Self, CliError> {
        let shown = settings.location.shown();
        match &settings.location {
            Location::Local(local) => {
                let fail = |error: io::Error| Failure::io(&shown, &error);
                let is_folder = std::fs::metadata(&local.path).map_err(fail)?.is_dir();
                let real = resolve(&local.path);
                let (folder, prefix) = match (is_folder, real.parent(), real.file_name()) {
                    (false, Some(parent), Some(name)) => {
                        let key = crate::tree::key_of(FsPath::new(name));
                        let key = key.map_err(|reason| Failure::new(&shown, reason))?;
                        (parent.to_owned(), key)
                    }
                    _ => (real, Path::ROOT),
                };
                Ok(Self {
                    endpoint: Endpoint::folder(folder, local.path.clone(), setup)?,
                    prefix,
                    shown,
                    is_folder,
                })
            }
            Location::Store(store) => Ok(Self {
                endpoint: Endpoint::store(store, &settings.options, setup)?,
                prefix: store.path.clone(),
                shown,
                is_folder: store.slash || store.path.is_root(),
            }),
            Location::Stream => Err(UsageError::ListStream.into()),
        }
    }

    /// Lists everything below, as it comes. Returns how much it was.
    async fn list_all(&self, output: &mut Output) -> Result<u64, CliError> {
        if self.is_local_file() {
            return Ok(0);
        }
        let mut entries = self.endpoint.store.list(Some(&self.prefix));
        let mut number = 0;
        loop {
            let entry = entries.try_next().await;
            let Some(meta) = entry.map_err(|error| self.failure(&error))? else {
                return Ok(number);
            };
            number += 1;
            output.object(&self.relative(&meta.location), &meta)?;
        }
    }

    /// Lists what is directly below, sorted. Returns how much it was.
    async fn list_directly_below(&self, output: &mut Output) -> Result<u64, CliError> {
        if self.is_local_file() {
            return Ok(0);
        }
        let listed = self
            .endpoint
            .store
            .list_with_delimiter(Some(&self.prefix))
            .await;
        let ListResult {
            common_prefixes,
            objects,
            ..
        } = listed.map_err(|error| self.failure(&error))?;
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

    /// Lists the object of this very name. An empty directory has none, and is no error.
    async fn list_itself(&self, output: &mut Output) -> Result<(), CliError> {
        let may_be_empty = self.prefix.is_root();
        if may_be_empty {
            return Ok(());
        }
        if self.is_folder {
            return Err(Failure::new(&self.shown, "there is nothing below it").into());
        }
        match self.endpoint.store.head(&self.prefix).await {
            Ok(meta) => output.object(self.prefix.filename().unwrap_or_default(), &meta),
            Err(Error::NotFound { .. }) => {
                let reason = "there is no such object, and nothing below it";
                Err(Failure::new(&self.shown, reason).into())
            }
            Err(error) => Err(self.failure(&error).into()),
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

    fn failure(&self, error: &Error) -> Failure {
        Failure::store(&self.shown, error)
    }
}

struct Output {
    json: bool,
    out: BufWriter<io::Stdout>,
}

/// An entry as `--json` prints it.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<&'a str>,
}

impl Output {
    fn object(&mut self, name: &str, meta: &ObjectMeta) -> Result<(), CliError> {
        let modified = time(meta.last_modified);
        if self.json {
            return self.json(&Entry {
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
            return self.json(&Entry {
                name: &name,
                r#type: "directory",
                size: None,
                last_modified: None,
                e_tag: None,
            });
        }
        self.line("-", "-", &name)
    }

    fn json(&mut self, entry: &Entry<'_>) -> Result<(), CliError> {
        let text = serde_json::to_string(entry).map_err(|error| CliError::Stdout(error.into()))?;
        writeln!(self.out, "{text}").map_err(CliError::Stdout)
    }

    fn line(&mut self, size: &str, modified: &str, name: &str) -> Result<(), CliError> {
        let name = shown::escaped(name);
        writeln!(self.out, "{size:>14}  {modified:>20}  {name}").map_err(CliError::Stdout)
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
