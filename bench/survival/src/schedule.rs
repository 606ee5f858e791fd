//! The order in which results are measured: several at a time, calls that mostly wait apart.

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
    let long = Arc::new(Semaphore::new(LONG));
    let short = Arc::new(Semaphore::new(SHORT));
    let mut cells = FuturesUnordered::new();
    for scenario in scenarios {
        let lane = if scenario.long { &long } else { &short };
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
    let mut done = Vec::new();
    while let Some(cell) = cells.next().await {
        let cell = cell.map_err(io::Error::other)??;
        report(&cell);
        done.push(cell);
    }
    Ok(done)
}

/// Concurrent calls that mostly wait: they hardly use the processor.
const LONG: usize = 24;

/// Concurrent calls that use the processor: with more, two cores would slow each other down.
const SHORT: usize = 4;
