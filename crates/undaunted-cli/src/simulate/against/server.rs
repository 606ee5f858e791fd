//! An S3 server whose responses are those of a scenario's service.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use object_store::aws::AmazonS3Builder;
use object_store::client::ReqwestConnector;
use object_store::{ObjectStore, RetryConfig};
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{Failure, Fault, FaultPlan, HttpFailure};
use undaunted_object_store::RetryConnector;
use undaunted_sim::{Live, LiveResponse, LiveResult};

use crate::error::CliError;

/// The server of one policy.
pub(super) struct Server {
    server: S3Server,
    /// When the scenario began.
    epoch: Arc<OnceLock<Instant>>,
}

impl Server {
    /// Starts it with the object that clients read. Until the beginning of the scenario it has no faults.
    pub(super) async fn start(live: Arc<Live>) -> io::Result<Self> {
        let epoch = Arc::new(OnceLock::<Instant>::new());
        let began = Arc::clone(&epoch);
        let plan = FaultPlan::decided_by(move |_, _| match began.get() {
            Some(epoch) => faults(live.request(epoch.elapsed())),
            None => Vec::new(),
        });
        let server = S3Server::builder().plan(plan).keep(0).hang(HANG);
        let server = server.start().await?;
        std::fs::write(server.root().join(BUCKET).join(KEY), CONTENT)?;
        Ok(Self { server, epoch })
    }

    pub(super) fn begin(&self, epoch: Instant) {
        // It begins once.
        let _ = self.epoch.set(epoch);
    }

    /// A client without retries and limits of its own. Variables of the environment change nothing of it.
    pub(super) fn client(&self) -> Result<Arc<dyn ObjectStore>, CliError> {
        let failed = |error: object_store::Error| CliError::Serve(io::Error::other(error));
        let connector = RetryConnector::new(ReqwestConnector::default());
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(BUCKET)
            .with_http_connector(connector.head_timeout(HANG))
            .with_retry(RetryConfig {
                max_retries: 0,
                ..RetryConfig::default()
            });
        for (key, value) in self.server.object_store_options() {
            builder = builder.with_config(key.parse().map_err(failed)?, value);
        }
        Ok(Arc::new(builder.build().map_err(failed)?))
    }

    pub(super) async fn stop(self) {
        self.server.stop().await;
    }
}

/// The response as S3 sends it, when it is due.
fn faults(response: LiveResponse) -> Vec<Fault> {
    let Some(after) = response.after else {
        return vec![Fault::FailBefore(Failure::Timeout)];
    };
    let failure = match response.result {
        LiveResult::Throttled { retry_after } => {
            let slow_down = HttpFailure::new(503).with_code("SlowDown");
            Some(match retry_after {
                Some(delay) => slow_down.with_retry_after(delay),
                None => slow_down,
            })
        }
        LiveResult::Success => None,
        _ => Some(HttpFailure::new(500).with_code("InternalError")),
    };
    let delay = (!after.is_zero()).then_some(Fault::Delay(after));
    let failure = failure.map(|failure| Fault::FailBefore(Failure::Status(failure)));
    delay.into_iter().chain(failure).collect()
}

const BUCKET: &str = "bucket";
/// The object that clients read.
pub(super) const KEY: &str = "object";
const CONTENT: &[u8] = b"what is read";
/// Longer than a client waits that has a limit, and short enough to end those that have none.
const HANG: Duration = Duration::from_hours(1);
