//! A scheduler and two executors, each a process of this program.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_executor::executor_process::ExecutorProcessConfig;
use ballista_scheduler::config::SchedulerConfig;
use engines_common::{Context as _, Result, Service, Store};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

#[derive(Debug)]
pub(crate) struct Cluster {
    scheduler: Child,
    port: u16,
    executors: Vec<Child>,
    /// Where the executors have what they hand to each other.
    _work: TempDir,
}

/// What a process of the cluster is told.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) service: Service,
    pub(crate) store: Store,
    scheduler: u16,
    pub(crate) executor: Option<ExecutorRole>,
}

#[derive(Clone, Debug)]
pub(crate) struct ExecutorRole {
    flight: u16,
    grpc: u16,
    work: String,
}

impl Cluster {
    pub(crate) async fn start(service: &Service, store: Store) -> Result<Self> {
        let work = TempDir::new()?;
        let port = free_port()?;
        let mut role = Role {
            service: service.clone(),
            store,
            scheduler: port,
            executor: None,
        };
        let scheduler = role.start()?;
        listening(port).await?;
        let mut executors = Vec::new();
        for _ in 0..EXECUTORS {
            let (flight, grpc) = (free_port()?, free_port()?);
            let directory = work.path().join(flight.to_string());
            std::fs::create_dir(&directory)?;
            role.executor = Some(ExecutorRole {
                flight,
                grpc,
                work: directory.display().to_string(),
            });
            executors.push(role.start()?);
            listening(flight).await?;
        }
        Ok(Self {
            scheduler,
            port,
            executors,
            _work: work,
        })
    }

    pub(crate) fn scheduler(&self) -> String {
        format!("df://{HOST}:{}", self.port)
    }

    pub(crate) async fn kill_an_executor(&mut self) -> Result<()> {
        let mut executor = self.executors.pop().context("no executor is left")?;
        Ok(executor.kill().await?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for process in self.executors.iter_mut().chain([&mut self.scheduler]) {
            // It may have ended by itself.
            let _ = process.start_kill();
        }
    }
}

impl Role {
    pub(crate) fn of_this_process() -> Result<Option<Self>> {
        let Ok(role) = std::env::var(ROLE) else {
            return Ok(None);
        };
        let (service, store, scheduler, executor): (_, _, _, Option<(u16, u16, String)>) =
            serde_json::from_str(&role)?;
        Ok(Some(Self {
            service,
            store,
            scheduler,
            executor: executor.map(|(flight, grpc, work)| ExecutorRole { flight, grpc, work }),
        }))
    }

    fn start(&self) -> Result<Child> {
        let executor = self.executor.clone().map(|executor| {
            let ExecutorRole { flight, grpc, work } = executor;
            (flight, grpc, work)
        });
        let role = (&self.service, self.store, self.scheduler, executor);
        Ok(Command::new(std::env::current_exe()?)
            .env(ROLE, serde_json::to_string(&role)?)
            .stdin(Stdio::null())
            // The table reads the output of the step that started this.
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?)
    }
}

pub(crate) fn scheduler_config(role: &Role) -> SchedulerConfig {
    SchedulerConfig {
        bind_host: HOST.to_owned(),
        external_host: HOST.to_owned(),
        bind_port: role.scheduler,
        scheduling_policy: TaskSchedulingPolicy::PullStaged,
        executor_timeout_seconds: TIMEOUT,
        no_executors_grace_period_seconds: TIMEOUT,
        expire_dead_executor_interval_seconds: 1,
        ..SchedulerConfig::default()
    }
}

pub(crate) fn executor_config(role: &Role) -> Result<ExecutorProcessConfig> {
    let executor = role.executor.clone().context("this is no executor")?;
    Ok(ExecutorProcessConfig {
        bind_host: HOST.to_owned(),
        external_host: Some(HOST.to_owned()),
        port: executor.flight,
        grpc_port: executor.grpc,
        scheduler_host: HOST.to_owned(),
        scheduler_port: role.scheduler,
        scheduler_connect_timeout_seconds: 20,
        vcores: 2,
        task_scheduling_policy: TaskSchedulingPolicy::PullStaged,
        work_dir: Some(executor.work),
        executor_heartbeat_interval_seconds: 1,
        ..ExecutorProcessConfig::default()
    })
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((HOST, 0))?.local_addr()?.port())
}

async fn listening(port: u16) -> Result<()> {
    let until_it_does = async {
        while TcpStream::connect((HOST, port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), until_it_does).await;
    waited.with_context(|| format!("nothing listens on port {port} after 20 s"))
}

const EXECUTORS: usize = 2;
const HOST: &str = "127.0.0.1";
/// The environment variable that makes this program a process of a cluster.
const ROLE: &str = "ENGINE_BALLISTA_ROLE";
/// Seconds without a sign of life after which an executor is lost. Ballista's default is 180.
const TIMEOUT: u64 = 8;
