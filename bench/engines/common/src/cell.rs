//! One cell of the table: a run through faults, and what it saw and left behind beside what is right.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Serialize;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::timeout;

use crate::command::{CLEAN, SERVICE, Step, StepResult};
use crate::directory;
use crate::server::{Server, Traffic};
use crate::{Service, Store};

/// What all runs have in common.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) undaunted: PathBuf,
    pub(crate) limit: Duration,
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) profile: String,
    pub(crate) seed: u64,
    pub(crate) store: Store,
    /// What went wrong, if anything.
    pub(crate) wrong: Option<String>,
    /// Of the run only.
    pub(crate) seconds: f64,
    pub(crate) traffic: Traffic,
}

impl Schedule {
    /// A directory with what every run needs.
    pub(crate) async fn prepare(&self) -> Result<TempDir> {
        let directory = TempDir::new()?;
        let server = Server::start(&self.undaunted, directory.path(), None).await?;
        let result = self.step(&server.service, Step::Prepare, "prepare").await;
        server.stop().await?;
        if let Some(error) = result?.error {
            bail!("the preparation, which has no faults, failed: {error}");
        }
        Ok(directory)
    }

    /// What a run without faults sees, with the engine's own store. An engine can fail without any fault,
    /// which is a cell of the table and no reason to have no table.
    pub(crate) async fn right(&self, prepared: &TempDir) -> Result<Vec<String>> {
        for _ in 1..TRIES {
            match self.try_right(prepared).await {
                Ok(right) => return Ok(right),
                Err(error) => eprintln!("{error:#}"),
            }
        }
        self.try_right(prepared).await
    }

    async fn try_right(&self, prepared: &TempDir) -> Result<Vec<String>> {
        let directory = directory::copied(prepared.path())?;
        let server = Server::start(&self.undaunted, directory.path(), None).await?;
        let run = Step::Run { store: Store::Own };
        let run = self.step(&server.service, run, "right-run").await?;
        let left = self
            .step(&server.service, Step::Verify, "right-verify")
            .await?;
        server.stop().await?;
        if let Some(error) = run.error.or(left.error) {
            bail!("a run without faults and with the engine's own store failed: {error}");
        }
        Ok([run.seen, left.seen].concat())
    }

    pub(crate) async fn cell(
        &self,
        prepared: &TempDir,
        right: &[String],
        profile: &str,
        seed: u64,
        store: Store,
    ) -> Result<Cell> {
        let directory = directory::copied(prepared.path())?;
        let chaos = (profile != CLEAN).then(|| format!("{profile},seed={seed}"));
        let name = format!("{profile}-{seed}-{store:?}").to_lowercase();

        let server = Server::start(&self.undaunted, directory.path(), chaos.as_deref()).await?;
        let run = self
            .step(&server.service, Step::Run { store }, &format!("{name}-run"))
            .await;
        let traffic = server.stop().await?;
        self.keep_record(&traffic, &name)?;
        let run = run?;

        let wrong = if run.error.is_some() {
            run.error
        } else {
            let server = Server::start(&self.undaunted, directory.path(), None).await?;
            let left = self
                .step(&server.service, Step::Verify, &format!("{name}-verify"))
                .await;
            server.stop().await?;
            let left = left?;
            left.error
                .map(|error| format!("what it left behind is not readable: {error}"))
                .or_else(|| difference(right, &[run.seen, left.seen].concat()))
        };
        Ok(Cell {
            profile: profile.to_owned(),
            seed,
            store,
            wrong,
            seconds: run.seconds,
            traffic,
        })
    }

    /// Runs a step in a process of its own, with all that it starts ended at the limit.
    async fn step(&self, service: &Service, step: Step, name: &str) -> Result<StepResult> {
        let output = TempDir::new()?;
        let (stdout, stderr) = (output.path().join("stdout"), output.path().join("stderr"));
        let mut child = Command::new(std::env::current_exe()?)
            .args(step.arguments())
            .env(SERVICE, serde_json::to_string(service)?)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&stdout)?)
            .stderr(std::fs::File::create(&stderr)?)
            .process_group(0)
            .spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let ended = tokio::select! {
            ended = timeout(self.limit, child.wait()) => Some(ended),
            // The signal does not reach a group of its own.
            _ = tokio::signal::ctrl_c() => None,
        };
        if let Some(group) = group {
            // What the step has started goes with it, and there may be nothing left.
            let _ = kill_process_group(group, Signal::KILL);
        }
        if let Some(keep) = &self.keep {
            std::fs::create_dir_all(keep)?;
            std::fs::copy(&stderr, keep.join(format!("{name}.stderr")))?;
        }
        let Ok(status) = ended.context("interrupted")? else {
            let _ = child.wait().await;
            return Ok(StepResult {
                seconds: self.limit.as_secs_f64(),
                seen: Vec::new(),
                error: Some(format!("not at its end after {} s", self.limit.as_secs())),
            });
        };
        let printed = std::fs::read_to_string(&stdout).context("the output of a step")?;
        let result = printed.lines().last().map(serde_json::from_str);
        if let Some(Ok(result)) = result {
            return Ok(result);
        }
        let errors = std::fs::read_to_string(&stderr).unwrap_or_default();
        let panic = errors.find("panicked at").unwrap_or_default();
        Ok(StepResult {
            seconds: f64::NAN,
            seen: Vec::new(),
            error: Some(format!("{}: {}", status?, &errors[panic..])),
        })
    }

    fn keep_record(&self, traffic: &Traffic, name: &str) -> Result<()> {
        if let Some(keep) = &self.keep {
            std::fs::create_dir_all(keep)?;
            std::fs::write(keep.join(format!("{name}.jsonl")), &traffic.record)?;
        }
        Ok(())
    }
}

/// The first line that differs, if any.
fn difference(right: &[String], seen: &[String]) -> Option<String> {
    if right == seen {
        return None;
    }
    let at = (0..).find(|&line| right.get(line) != seen.get(line))?;
    let line = |lines: &[String]| lines.get(at).map_or("nothing", |line| line).to_owned();
    Some(format!("{}, and not {}", line(seen), line(right)))
}

/// Of the run without faults.
const TRIES: u32 = 3;
