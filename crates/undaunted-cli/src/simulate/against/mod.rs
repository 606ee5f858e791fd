//! `--against serve`: the same scenario for real, with stores as clients and an S3 server, over HTTP.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts are far below 2^53, and floats saturate where they become numbers"
)]

mod clients;
mod scale;
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use undaunted::Window;
use undaunted_sim::{Budget, Live, Outcome, Policy, Scenario};

use crate::error::CliError;
use crate::progress::Progress;
use crate::signals::Stop;
use clients::Clients;
pub(super) use scale::share;

/// The policy as a store follows it; an error says why none does.
pub(super) fn of_store(policy: &Policy) -> Result<Policy, &'static str> {
    if matches!(policy.budget, Budget::Peer(_)) {
        return Err("its budget is that of another library");
    }
    if policy.hedge.is_some() {
        return Err("it has hedges");
    }
    Ok(Policy {
        clock_starts_at_failure: true,
        max_in_flight: policy.max_in_flight.or(Some(Window::MOST)),
        ..policy.clone()
    })
}

/// What happened for real.
pub(super) struct Observed {
    pub(super) outcomes: Vec<Outcome>,
    /// How late things happened at most, because the machine was busy with others.
    pub(super) late: Duration,
}

impl Observed {
    /// What is predicted of the time until the measurement was stopped. What comes later has not been
    /// measured, and is no error of the prediction.
    pub(super) fn predicted_until_then(
        &self,
        scenario: &Scenario,
        policies: &[Policy],
    ) -> Vec<Outcome> {
        let Some(measured) = self.outcomes.first() else {
            return Vec::new();
        };
        let duration = Duration::from_secs_f64(measured.seconds);
        let duration = duration.clamp(SHORTEST, scenario.duration.max(SHORTEST));
        let mut begun = scenario.clone();
        begun.faults.retain(|fault| fault.from < duration);
        begun.step = Some(Duration::from_secs_f64(measured.step));
        begun.duration = duration;
        policies.iter().map(|policy| begun.run(policy)).collect()
    }
}

/// Runs all policies at the same time, each with a server of its own, until the end of the scenario or
/// until that is stopped.
pub(super) async fn measure(
    scenario: &Scenario,
    policies: &[Policy],
    progress: &Progress,
    stop: &Stop,
) -> Result<Observed, CliError> {
    let runs = policies.iter().map(|policy| Run::new(scenario, policy));
    let mut runs = try_join_all(runs).await?;
    // What was set up until here takes no time of the scenario.
    let epoch = Instant::now();
    for run in &mut runs {
        run.begin(epoch);
    }
    let end = tokio::time::Instant::from_std(epoch + scenario.duration);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut late = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            () = sleep_until(end) => break,
            _ = stop.requested() => break,
            due = ticks.tick() => {
                late = late.max(due.elapsed());
                let passed = epoch.elapsed();
                progress.show_share(passed.as_secs_f64() / scenario.duration.as_secs_f64());
                for run in &runs {
                    run.clients.look(&run.live, passed);
                }
            }
        }
    }
    let passed = epoch.elapsed();
    let outcomes = runs.iter().map(|run| run.live.finish(passed)).collect();
    for run in runs {
        run.clients.stop().await;
        run.server.stop().await;
    }
    Ok(Observed { outcomes, late })
}

/// One policy: its clients, and the server that they call.
struct Run {
    live: Arc<Live>,
    server: server::Server,
    clients: Clients,
}

impl Run {
    async fn new(scenario: &Scenario, policy: &Policy) -> Result<Self, CliError> {
        let live = Arc::new(Live::new(scenario, policy));
        let server = server::Server::start(Arc::clone(&live)).await;
        let server = server.map_err(CliError::Serve)?;
        let clients = Clients::new(scenario, policy, &server)?;
        Ok(Self {
            live,
            server,
            clients,
        })
    }

    fn begin(&mut self, epoch: Instant) {
        self.server.begin(epoch);
        self.clients.begin(&self.live, epoch);
    }
}

/// As often as gauges are looked at, and the bar moves.
const TICK: Duration = Duration::from_millis(100);
const SHORTEST: Duration = Duration::from_millis(1);
