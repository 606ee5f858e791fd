//! Which cells run when: several at a time, the long ones first.

use std::io;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;

use crate::cell::{self, Cell};
use crate::clients::Client;
use crate::scenario::Scenario;

/// Runs every client in every scenario, and tells of each cell as it ends.
///
/// # Errors
///
/// The first fault of the bench itself.
pub async fn run(
    clients: &[Arc<dyn Client>],
    scenarios: &[Scenario],
    mut tell: impl FnMut(&Cell),
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
            cells.push(tokio::spawn(async move {
                let _permit = lane.acquire_owned().await.map_err(io::Error::other)?;
                cell::run(&*client, &scenario).await.map_err(|error| {
                    let (client, scenario) = (client.name(), &scenario.name);
                    io::Error::other(format!("{client}, {scenario}: {error}"))
                })
            }));
        }
    }
    let mut done = Vec::new();
    while let Some(cell) = cells.next().await {
        let cell = cell.map_err(io::Error::other)??;
        tell(&cell);
        done.push(cell);
    }
    Ok(done)
}

/// Cells that mostly wait: they hardly use the machine.
const LONG: usize = 24;

/// Cells that mostly work: with more, what is measured on two cores is their number.
const SHORT: usize = 4;
