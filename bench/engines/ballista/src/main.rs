//! Ballista 55: the queries of DataFusion, on a scheduler and two executors.

mod cluster;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista::prelude::{SessionConfigExt as _, SessionContextExt as _};
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use engine_datafusion::{QUERIES, ROWS, lines, store_of_their_own, write_rows};
use engines_common::{Engine, Result, Service, Store, bail, chain, ensure};
use undaunted::RetryConfig;
use undaunted_object_store_013::open_with;
use url::Url;

use cluster::{Cluster, Role};

/// The recipe: the client, the scheduler and the executors each have a runtime with the store.
fn runtime(options: Vec<(String, String)>) -> Result<Arc<RuntimeEnv>> {
    let (store, _) = open_with("s3://bucket", options, RetryConfig::storage())?;
    let runtime = RuntimeEnvBuilder::new().build_arc()?;
    runtime.register_object_store(&Url::parse("s3://bucket")?, Arc::new(store));
    Ok(runtime)
}

fn state(config: SessionConfig, runtime: &Arc<RuntimeEnv>) -> SessionState {
    SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_runtime_env(Arc::clone(runtime))
        .build()
}

async fn client(scheduler: &str, runtime: &Arc<RuntimeEnv>) -> Result<SessionContext> {
    let state = state(SessionConfig::new_with_ballista(), runtime);
    Ok(SessionContext::remote_with_state(scheduler, state).await?)
}

async fn scheduler(runtime: Arc<RuntimeEnv>, config: SchedulerConfig) -> Result<()> {
    let config = config.with_override_session_builder(Arc::new(move |config| {
        Ok::<_, DataFusionError>(state(config, &runtime))
    }));
    let address = format!("{}:{}", config.bind_host, config.bind_port).parse()?;
    let cluster = BallistaCluster::new_from_config(&config).await?;
    Ok(start_server(cluster, address, Arc::new(config)).await?)
}

async fn executor(runtime: Arc<RuntimeEnv>, mut config: ExecutorProcessConfig) -> Result<()> {
    config.override_runtime_producer = Some(Arc::new(move |_| Ok(Arc::clone(&runtime))));
    Ok(start_executor_process(Arc::new(config)).await?)
}

/// The same with the store that DataFusion's own documentation registers.
fn runtime_of_their_own(options: Vec<(String, String)>) -> Result<Arc<RuntimeEnv>> {
    let runtime = RuntimeEnvBuilder::new().build_arc()?;
    let store = store_of_their_own(options)?;
    runtime.register_object_store(&Url::parse("s3://bucket")?, Arc::new(store));
    Ok(runtime)
}

struct Ballista;

impl Engine for Ballista {
    const NAME: &'static str = "Ballista 55.0.0";
    const OWN: &'static str = "`AmazonS3` of object_store 0.13.2 with its default retries";

    async fn prepare(service: Service) -> Result<()> {
        let runtime = runtime_of_their_own(service.options())?;
        write_rows(&SessionContext::new_with_config_rt(
            SessionConfig::new(),
            runtime,
        ))
        .await
    }

    async fn run(service: Service, store: Store) -> Result<Vec<String>> {
        let mut cluster = Cluster::start(&service, store).await?;
        let client = client(&cluster.scheduler(), &runtime_of(&service, store)?).await?;
        let options = ParquetReadOptions::default();
        client.register_parquet("rows", ROWS, options).await?;
        let mut seen = Vec::new();
        for query in QUERIES {
            seen.extend(lines(client.sql(query).await?).await?);
        }

        let (again, killed) = (client.clone(), Instant::now());
        let long = tokio::spawn(async move { lines(again.sql(LONG).await?).await });
        tokio::time::sleep(MIDDLE).await;
        ensure!(
            !long.is_finished(),
            "the query was over before an executor was killed"
        );
        cluster.kill_an_executor().await?;
        // Right, or refused by Ballista for the executor: all else, and a hang, is wrong.
        let Ok(ended) = tokio::time::timeout(RECOVERY, long).await else {
            bail!("killed executor: the query is not at its end after {RECOVERY:?}");
        };
        match ended? {
            Ok(lines) => {
                ensure!(lines == [LONG_RESULT], "killed executor: {lines:?}");
                eprintln!("killed executor: right after {:?}", killed.elapsed());
            }
            Err(error) => {
                let error = chain(error.as_ref());
                ensure!(is_of_ballista(&error), "killed executor: {error}");
                eprintln!("killed executor: refused: {error}");
            }
        }
        Ok(seen)
    }

    async fn verify(_: Service) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// A process of the cluster, or the table.
fn main() -> Result<()> {
    let Some(role) = Role::of_this_process()? else {
        return engines_common::main::<Ballista>();
    };
    let main = async {
        let runtime = runtime_of(&role.service, role.store)?;
        match role.executor {
            None => scheduler(runtime, cluster::scheduler_config(&role)).await,
            Some(_) => executor(runtime, cluster::executor_config(&role)?).await,
        }
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK)
        .build()?
        .block_on(main)
}

/// Whether the error is the one of a job that Ballista gave up because of an executor.
fn is_of_ballista(error: &str) -> bool {
    let reason = error
        .split_once("Job ")
        .and_then(|(_, job)| job.split_once(" failed: "));
    reason.is_some_and(|(_, reason)| {
        let reason = reason.to_lowercase();
        reason.contains("executor") || reason.contains("fetch")
    })
}

fn runtime_of(service: &Service, store: Store) -> Result<Arc<RuntimeEnv>> {
    match store {
        Store::Own => runtime_of_their_own(service.options()),
        Store::Undaunted => runtime(service.options()),
    }
}

/// Takes some seconds, and reads every file twice.
const LONG: &str = "select count(*), sum(a.id) from rows a join rows b on a.id = b.id \
                    where a.city = b.city";
const LONG_RESULT: &str = "2000000 1999999000000";
const MIDDLE: Duration = Duration::from_millis(600);
/// Ballista gives an executor up after 8 s here, and its own time limits are of 20 s.
const RECOVERY: Duration = Duration::from_secs(60);
/// That of Ballista's own programs. Plans are encoded and decoded recursively.
const STACK: usize = 32 * 1024 * 1024;
