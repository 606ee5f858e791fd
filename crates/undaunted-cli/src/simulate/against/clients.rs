//! Clients of a scenario: stores that read an object, as often as the scenario says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};
use undaunted::{Pacer, RetryBudget};
use undaunted_object_store::{Operation, RetryStore, observe};
use undaunted_sim::{Arrivals, Budget, Live, Policy, Scenario};

use super::server::{KEY, Server};
use crate::error::CliError;

type Store = RetryStore<Arc<dyn ObjectStore>>;

/// All clients of one policy.
pub(super) struct Clients {
    arrivals: Arrivals,
    /// One for each process.
    stores: Arc<[Store]>,
    key: Path,
    /// Those that make calls, and the calls.
    tasks: JoinSet<()>,
}

impl Clients {
    pub(super) fn new(
        scenario: &Scenario,
        policy: &Policy,
        server: &Server,
    ) -> Result<Self, CliError> {
        let mut stores = Vec::new();
        for _ in 0..scenario.clients.processes.max(1) {
            stores.push(store(server.client()?, policy));
        }
        Ok(Self {
            arrivals: scenario.clients.arrivals,
            stores: stores.into(),
            key: Path::from(KEY),
            tasks: JoinSet::new(),
        })
    }

    /// Lets them call from this moment on.
    pub(super) fn begin(&mut self, live: &Arc<Live>, epoch: Instant) {
        let caller = Caller {
            live: Arc::clone(live),
            epoch,
            key: self.key.clone(),
        };
        match self.arrivals {
            Arrivals::Open { .. } => {
                let stores = Arc::clone(&self.stores);
                self.tasks.spawn(caller.arrive(stores));
            }
            Arrivals::Closed { clients, calls, .. } => {
                for (_, store) in (0..clients).zip(self.stores.iter().cycle()) {
                    let repeat = caller.clone().repeat(store.clone(), calls);
                    self.tasks.spawn(repeat);
                }
            }
        }
    }

    /// Notes what the gauges show.
    pub(super) fn look(&self, live: &Live, now: Duration) {
        let budgets = self.stores.iter().filter_map(|store| store.budget());
        let tokens: Vec<f64> = budgets.map(|budget| f64::from(budget.tokens())).collect();
        let pacers = self
            .stores
            .iter()
            .filter_map(|store| store.pacer(Operation::Get));
        let rates: Option<Vec<f64>> = pacers.map(Pacer::rate).collect();
        let rates = rates.filter(|rates| !rates.is_empty());
        let pace = rates.map(|rates| rates.iter().sum());
        live.gauges(now, mean(&tokens), pace);
    }

    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// What a call needs to know.
#[derive(Clone)]
struct Caller {
    live: Arc<Live>,
    epoch: Instant,
    key: Path,
}

impl Caller {
    /// Calls arrive from outside, whatever becomes of those before.
    async fn arrive(self, stores: Arc<[Store]>) {
        let mut calls = JoinSet::new();
        for number in 0_usize.. {
            let Some(at) = self.live.next_arrival() else {
                break;
            };
            sleep_until((self.epoch + at).into()).await;
            let store = stores[number % stores.len()].clone();
            let caller = self.clone();
            calls.spawn(async move { caller.call(&store).await });
            // Those that have ended take no room.
            while calls.try_join_next().is_some() {}
        }
        calls.join_all().await;
    }

    /// A client thinks, calls, waits for the result, and begins again.
    async fn repeat(self, store: Store, calls: Option<u32>) {
        let mut made = 0;
        while calls.is_none_or(|calls| made < calls) {
            sleep(self.live.thinks()).await;
            self.call(&store).await;
            made += 1;
        }
    }

    async fn call(&self, store: &Store) {
        let began = self.epoch.elapsed();
        self.live.call_begins(began);
        let read = async { store.get(&self.key).await?.bytes().await };
        let (result, observed) = observe(read).await;
        let result = match result {
            Ok(_) => Ok(()),
            Err(_) => Err(observed.report.stop_reason()),
        };
        self.live.call_ends(self.epoch.elapsed(), began, result);
    }
}

/// A store with the budget, the pacer and the window of the policy.
fn store(client: Arc<dyn ObjectStore>, policy: &Policy) -> Store {
    let builder = RetryStore::builder(client).config(policy.config.clone());
    let builder = match policy.budget {
        Budget::Shipped {
            capacity,
            per_second,
        } => {
            let budget = RetryBudget::with_capacity_and_refill(capacity, per_second);
            builder.budget(Arc::new(budget))
        }
        _ => builder.without_budget(),
    };
    let builder = match policy.max_in_flight {
        Some(most) => builder.max_in_flight(most),
        None => builder,
    };
    if policy.has_pacer {
        builder.build()
    } else {
        builder.without_pacer().build()
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
