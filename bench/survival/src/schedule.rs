//! The order in which results are measured: several at a time, calls that mostly wait apart, and
//! crowds after all others.

use std::io;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;

use crate::cell::{self, Cell};
use crate::clients::Client;
use crate::provider::Provider;
use crate::scenario::Scenario;

/// Runs every client in every scenario, and passes each result to `report` as it ends.
///
/// # Errors
///
/// The first failure of the bench itself.
pub async fn run(
    clients: &[Arc<dyn Client>],
    scenarios: &[Scenario],
    provider: &Arc<Provider>,
    mut report: impl FnMut(&Cell),
) -> io::Result<Vec<Cell>> {
    let mut done = Vec::new();
    for crowds in [false, true] {
        let mut cells = start(clients, scenarios, provider, crowds);
        while let Some(cell) = cells.next().await {
            let cell = cell.map_err(io::Error::other)??;
            report(&cell);
            done.push(cell);
        }
    }
    Ok(done)
}

type Running = FuturesUnordered<tokio::task::JoinHandle<io::Result<Cell>>>;

/// Starts every client in every scenario that is a crowd, or in all the others.
fn start(
    clients: &[Arc<dyn Client>],
    scenarios: &[Scenario],
    provider: &Arc<Provider>,
    crowds: bool,
) -> Running {
    let long = Arc::new(Semaphore::new(LONG));
    let short = Arc::new(Semaphore::new(SHORT));
    let crowd = Arc::new(Semaphore::new(CROWDS));
    let cells = FuturesUnordered::new();
    for scenario in scenarios.iter().filter(|one| one.crowd == crowds) {
        let lane = match scenario {
            Scenario { crowd: true, .. } => &crowd,
            Scenario { long: true, .. } => &long,
            _ => &short,
        };
        for client in clients.iter().filter(|client| client.missing().is_none()) {
            let lane = Arc::clone(lane);
            let client = Arc::clone(client);
            let scenario = scenario.clone();
            let provider = Arc::clone(provider);
            cells.push(tokio::spawn(async move {
                let _permit = lane.acquire_owned().await.map_err(io::Error::other)?;
                let cell = cell::run(&*client, &scenario, &provider).await;
                cell.map_err(|error| {
                    let (client, scenario) = (client.name(), &scenario.name);
                    io::Error::other(format!("{client}, {scenario}: {error}"))
                })
            }));
        }
    }
    cells
}

/// Concurrent calls that mostly wait: they hardly use the processor.
const LONG: usize = 24;

/// Concurrent calls that use the processor: with more, two cores would slow each other down.
const SHORT: usize = 4;

/// Concurrent crowds: a crowd begins with a second of work, and waits for most of the rest.
const CROWDS: usize = 2;
