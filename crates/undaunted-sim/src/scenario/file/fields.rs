//! The fields of a scenario file, and what they make together.

use serde::Deserialize;
use toml::Spanned;

use super::error::{ScenarioError, Source};
use super::values::{Latencies, Positive, Share, Time};
use crate::clients::{Arrivals, Clients};
use crate::fault::{Effect, Fault};
use crate::latency::Latency;
use crate::scenario::{MOST_STEPS, Scenario};
use crate::service::{Expired, RateLimit, Service};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileFields {
    duration: Option<Time>,
    step: Option<Time>,
    seed: Option<u64>,
    clients: Option<Spanned<ClientFields>>,
    service: Option<Spanned<ServiceFields>>,
    #[serde(default)]
    fault: Vec<Spanned<FaultFields>>,
    #[serde(default)]
    pub(super) policy: Vec<Spanned<toml::Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientFields {
    count: Option<u32>,
    think: Option<Latencies>,
    calls: Option<u32>,
    per_second: Option<Positive>,
    regular: Option<bool>,
    processes: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceFields {
    capacity: Option<Positive>,
    longest_queue: Option<Time>,
    expired: Option<ExpiredField>,
    rate_limit: Option<Positive>,
    burst: Option<Positive>,
    retry_after: Option<Time>,
    error_rate: Option<Share>,
    latency: Option<Latencies>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ExpiredField {
    Executed,
    DroppedIfExpired,
    DroppedIfLate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultFields {
    kind: FaultKind,
    from: Time,
    lasts: Time,
    share: Option<Share>,
    factor: Option<Positive>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultKind {
    BrownOut,
    Errors,
    Hang,
    Outage,
    Slow,
    Stall,
    Surge,
}

impl FileFields {
    pub(super) fn scenario(&self, source: Source<'_>) -> Result<Scenario, ScenarioError> {
        let default = Scenario::default();
        let mut scenario = Scenario {
            duration: self.duration.map_or(default.duration, |time| time.0),
            step: self.step.map(|time| time.0),
            seed: self.seed.unwrap_or(default.seed),
            ..default
        };
        let top = |field: &str, problem| {
            let all = 0..source.0.len();
            source.at(&source.find(&all, field), "", problem)
        };
        if scenario.duration.is_zero() {
            return Err(top("duration", "duration is 0: nothing happens".to_owned()));
        }
        let least = scenario.duration / MOST_STEPS;
        if let Some(step) = scenario.step.filter(|step| *step < least) {
            let problem = format!(
                "step is {step:?}: the time axis has {MOST_STEPS} steps at most, so {least:?} is \
                 the least here"
            );
            return Err(top("step", problem));
        }
        if let Some(clients) = &self.clients {
            let problem = |problem| source.at(&clients.span(), "clients", problem);
            scenario.clients = clients.get_ref().clients().map_err(problem)?;
        }
        if let Some(service) = &self.service {
            let problem = |problem| source.at(&service.span(), "service", problem);
            scenario.service = service.get_ref().service().map_err(problem)?;
        }
        for (number, fault) in (1..).zip(&self.fault) {
            let field = format!("fault {number}");
            let read = fault.get_ref().fault();
            let read = read.and_then(|read| scenario.feels(&read).map(|()| read));
            let read = read.map_err(|problem| source.at(&fault.span(), &field, problem))?;
            if read.from >= scenario.duration {
                let problem = "it begins after the end of the scenario".to_owned();
                return Err(source.at(&fault.span(), &field, problem));
            }
            scenario.faults.push(read);
        }
        Ok(scenario)
    }
}

impl Scenario {
    /// An error if the fault would change nothing.
    fn feels(&self, fault: &Fault) -> Result<(), String> {
        let service = &self.service;
        let has_limit = service.capacity.is_some() || service.rate_limit.is_some();
        let problem = match fault.effect {
            Effect::Stall | Effect::BrownOut(_) if !has_limit => {
                "it has no effect on a service without a limit: set its `capacity` or `rate_limit`"
            }
            Effect::Slow(_) if service.latency == Latency::ZERO => {
                "it has no effect on a service that responds immediately: set its `latency`"
            }
            Effect::Surge(_) if matches!(self.clients.arrivals, Arrivals::Closed { .. }) => {
                "it has no effect on clients that wait for their own calls (`count`): set `per_second`"
            }
            _ => return Ok(()),
        };
        Err(problem.to_owned())
    }
}

impl ClientFields {
    fn clients(&self) -> Result<Clients, String> {
        let arrivals = match (self.count, self.per_second) {
            (Some(_), Some(_)) => {
                return Err(
                    "calls come from clients (`count`) or from outside (`per_second`), not \
                            from both"
                        .to_owned(),
                );
            }
            (Some(clients), None) => {
                if self.regular.is_some() {
                    return Err("`regular` is for `per_second`, not for `count`".to_owned());
                }
                if !(1..=MOST_CLIENTS).contains(&clients) {
                    return Err(format!(
                        "`count` is {clients}: it is from 1 to {MOST_CLIENTS}"
                    ));
                }
                let think = self.think.map_or(Latency::ZERO, |think| think.0);
                if think.mean().is_zero() && self.calls.is_none() {
                    return Err(
                        "clients that neither think nor stop call without a pause: set \
                                `think` or `calls`"
                            .to_owned(),
                    );
                }
                Arrivals::Closed {
                    clients,
                    think,
                    calls: self.calls,
                }
            }
            (None, per_second) => {
                if self.think.is_some() || self.calls.is_some() {
                    return Err(
                        "`think` and `calls` are for `count`, not for `per_second`".to_owned()
                    );
                }
                let per_second = per_second.map_or(100.0, |rate| rate.0);
                if per_second > f64::from(MOST_CLIENTS) {
                    return Err(format!(
                        "`per_second` is {per_second}: it is {MOST_CLIENTS} at most"
                    ));
                }
                Arrivals::Open {
                    per_second,
                    is_random: !self.regular.unwrap_or(false),
                }
            }
        };
        let processes = self.processes.unwrap_or(1);
        if !(1..=MOST_CLIENTS).contains(&processes) {
            return Err(format!(
                "`processes` is {processes}: it is from 1 to {MOST_CLIENTS}"
            ));
        }
        Ok(Clients {
            arrivals,
            processes,
        })
    }
}

impl ServiceFields {
    fn service(&self) -> Result<Service, String> {
        if self.burst.is_some() && self.rate_limit.is_none() {
            return Err("`burst` is for `rate_limit`, which is not set".to_owned());
        }
        if self.longest_queue.is_some() && self.capacity.is_none() {
            return Err("without `capacity` there is no queue: remove `longest_queue`".to_owned());
        }
        if self.burst.is_some_and(|burst| burst.0 < 1.0) {
            return Err("a `burst` below 1 admits nothing".to_owned());
        }
        Ok(Service {
            capacity: self.capacity.map(|capacity| capacity.0),
            longest_queue: self.longest_queue.map(|time| time.0),
            expired: match self.expired.unwrap_or(ExpiredField::Executed) {
                ExpiredField::Executed => Expired::Executed,
                ExpiredField::DroppedIfExpired => Expired::DroppedIfExpired,
                ExpiredField::DroppedIfLate => Expired::DroppedIfLate,
            },
            rate_limit: self.rate_limit.map(|rate| RateLimit {
                per_second: rate.0,
                burst: self.burst.map_or(rate.0.max(1.0), |burst| burst.0),
            }),
            error_rate: self.error_rate.map_or(0.0, |rate| rate.0),
            latency: self.latency.map_or(Latency::ZERO, |latency| latency.0),
            retry_after: self.retry_after.map(|time| time.0),
        })
    }
}

impl FaultFields {
    fn fault(&self) -> Result<Fault, String> {
        let share = || {
            self.share
                .map(|share| share.0)
                .ok_or("it needs a `share` from 0 to 1")
        };
        let factor = || {
            self.factor
                .map(|factor| factor.0)
                .filter(|factor| *factor <= MOST_FACTOR)
                .ok_or(format!(
                    "it needs a `factor` above 0, {MOST_FACTOR} at most"
                ))
        };
        let effect = match self.kind {
            FaultKind::BrownOut => Effect::BrownOut(share()?),
            FaultKind::Errors => Effect::Errors(share()?),
            FaultKind::Hang => Effect::Hang,
            FaultKind::Outage => Effect::Outage,
            FaultKind::Slow => Effect::Slow(factor()?),
            FaultKind::Stall => Effect::Stall,
            FaultKind::Surge => Effect::Surge(factor()?),
        };
        let has_share = matches!(effect, Effect::BrownOut(_) | Effect::Errors(_));
        let has_factor = matches!(effect, Effect::Slow(_) | Effect::Surge(_));
        if self.share.is_some() && !has_share {
            return Err("`share` is for brown_out and errors".to_owned());
        }
        if self.factor.is_some() && !has_factor {
            return Err("`factor` is for slow and surge".to_owned());
        }
        if self.lasts.0.is_zero() {
            return Err("`lasts` is 0: nothing happens".to_owned());
        }
        Ok(Fault::new(effect, self.from.0, self.lasts.0))
    }
}

/// Ten million need a gigabyte. As many calls a second are simulated in about a second, so a scenario
/// of minutes has its end.
const MOST_CLIENTS: u32 = 10_000_000;
/// More is an outage, and its times and rates are no numbers that mean anything.
const MOST_FACTOR: f64 = 1_000_000.0;
