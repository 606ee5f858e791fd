//! A steady demand: workers that each get an object again and again without a pause.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::time::Instant;

use super::wave::call;
use crate::clients::undaunted::Undaunted;
use crate::clients::{Client, Endpoint, Session};

/// The demand of one process that uses undaunted.
#[derive(Clone, Debug, clap::Args)]
pub struct Demand {
    /// The URL of the server.
    #[arg(long)]
    url: String,
    /// The number of the first object, which the first worker gets.
    #[arg(long)]
    first: usize,
    #[arg(long)]
    workers: usize,
    #[arg(long)]
    seconds: u64,
}

/// The gets that ended.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Ended {
    pub succeeded: usize,
    pub failed: usize,
}

impl Demand {
    /// The demand for these objects, each by one worker.
    pub fn new(url: String, objects: Range<usize>, lasts: Duration) -> Self {
        Self {
            url,
            first: objects.start,
            workers: objects.len(),
            seconds: lasts.as_secs(),
        }
    }

    pub async fn run(&self) -> io::Result<Ended> {
        let session = Undaunted::PACED.connect(&Endpoint::at(&self.url)).await;
        let session = session.map_err(|failure| io::Error::other(failure.text))?;
        let session: Arc<dyn Session> = Arc::from(session);
        let until = Instant::now() + Duration::from_secs(self.seconds);
        let workers = (self.first..self.first + self.workers).map(|number| {
            let session = Arc::clone(&session);
            tokio::spawn(async move {
                let mut ended = Ended::default();
                // A get that is on its way at the end counts for nothing.
                while let Ok(result) =
                    tokio::time::timeout_at(until, call(&*session, number, false)).await
                {
                    ended.succeeded += usize::from(result.is_ok());
                    ended.failed += usize::from(result.is_err());
                }
                ended
            })
        });
        let mut all = Ended::default();
        for worker in join_all(workers).await {
            let worker = worker.map_err(io::Error::other)?;
            all.succeeded += worker.succeeded;
            all.failed += worker.failed;
        }
        Ok(all)
    }

    /// Runs it in a process of its own.
    pub async fn run_apart(&self) -> io::Result<Ended> {
        let output = Command::new(std::env::current_exe()?)
            .arg("crowd-process")
            .args(["--url", &self.url])
            .args(["--first", &self.first.to_string()])
            .args(["--workers", &self.workers.to_string()])
            .args(["--seconds", &self.seconds.to_string()])
            .kill_on_drop(true)
            .output()
            .await?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(io::Error::other(format!("{}: {stderr}", output.status)));
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// The whole of a process that a parent has started.
pub async fn process(demand: Demand) -> io::Result<()> {
    println!("{}", serde_json::to_string(&demand.run().await?)?);
    Ok(())
}
