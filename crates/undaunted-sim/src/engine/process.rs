//! What the calls of a process share: the budget, the pacer, the hedges.

use undaunted::{Hedger, Pacer, RetryBudget};

use crate::peers::PeerState;
use crate::policy::{Budget, Policy};
use crate::random::Random;
use crate::time::Nanos;

/// The processes of a simulation. What a policy does not have takes no room.
pub(super) struct Processes<'r> {
    count: u32,
    budgets: Vec<RetryBudget>,
    peers: Vec<PeerState>,
    hedgers: Vec<Hedger>,
    pacers: &'r [Pacer],
    random: Random,
}

/// What gauges would show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) tokens: Option<f64>,
    pub(crate) pace: Option<f64>,
}

impl<'r> Processes<'r> {
    pub(super) fn new(policy: &Policy, count: u32, pacers: &'r [Pacer], random: Random) -> Self {
        let peer = match policy.budget {
            Budget::Peer(rule) => Some(PeerState::new(rule)),
            _ => None,
        };
        let all = 0..count;
        Self {
            count,
            budgets: all
                .clone()
                .filter_map(|_| policy.budget.shipped())
                .collect(),
            peers: all.clone().filter_map(|_| peer.clone()).collect(),
            hedgers: all.filter_map(|_| policy.hedge.map(Hedger::new)).collect(),
            pacers,
            random,
        }
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Whether decisions depend on the time, beside the limits of the configuration.
    pub(super) fn need_time(&self) -> bool {
        !self.budgets.is_empty() || !self.pacers.is_empty()
    }

    pub(super) fn pacer(&self, process: u32) -> Option<&'r Pacer> {
        self.pacers.get(process as usize)
    }

    pub(super) fn budget(&self, process: u32) -> Option<&RetryBudget> {
        self.budgets.get(process as usize)
    }

    pub(super) fn hedger(&self, process: u32) -> Option<&Hedger> {
        self.hedgers.get(process as usize)
    }

    /// A request has had no response for its delay.
    pub(super) fn on_overdue(&self, process: u32) {
        if let Some(hedger) = self.hedger(process) {
            hedger.on_overdue();
        }
    }

    /// Whether a request that is overdue is hedged.
    pub(super) fn may_hedge(&self, process: u32) -> bool {
        let (pacer, budget) = (self.pacer(process), self.budget(process));
        let hedger = self.hedger(process);
        hedger.is_some_and(|hedger| hedger.withdraw(pacer, budget))
    }

    pub(super) fn on_call(&mut self, process: u32, now: Nanos) {
        if let Some(peer) = self.peers.get_mut(process as usize) {
            peer.on_call(now);
        }
    }

    /// Whether the process sends the request.
    pub(super) fn admits(&mut self, process: u32, now: Nanos) -> bool {
        match self.peers.get_mut(process as usize) {
            Some(peer) => peer.admits(now, self.random.unit()),
            None => true,
        }
    }

    pub(super) fn on_sent(&mut self, process: u32, is_retry: bool) {
        if let Some(peer) = self.peers.get_mut(process as usize) {
            peer.on_sent(is_retry);
        }
    }

    pub(super) fn on_end(&mut self, process: u32, now: Nanos, is_retry: bool, is_success: bool) {
        if let Some(peer) = self.peers.get_mut(process as usize) {
            peer.on_end(now, is_retry, is_success);
        }
    }

    /// Whether another library's budget allows the retry. The shipped one is asked by the state.
    pub(super) fn withdraw(&mut self, process: u32, now: Nanos) -> bool {
        let peer = self.peers.get_mut(process as usize);
        peer.is_none_or(|peer| peer.withdraw(now))
    }

    /// The budgets' average, and the pacers' sum. Of many processes some are looked at.
    pub(super) fn gauges(&self) -> Gauges {
        let stride = (self.count as usize).div_ceil(MOST_LOOKED_AT);
        let shipped = self.budgets.iter().map(|budget| f64::from(budget.tokens()));
        let tokens = shipped.chain(self.peers.iter().map(PeerState::tokens));
        let paces: Vec<Option<f64>> = self
            .pacers
            .iter()
            .step_by(stride)
            .map(Pacer::rate)
            .collect();
        let is_limited = !paces.is_empty() && paces.iter().all(Option::is_some);
        let pace: f64 = paces.iter().flatten().sum();
        Gauges {
            tokens: mean(tokens.step_by(stride)),
            pace: is_limited.then(|| pace * f64::from(self.count) / paces.len() as f64),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

const MOST_LOOKED_AT: usize = 10_000;
