//! What only undaunted is measured for: how it finds a rate, keeps it and lets go of it.

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::time::Duration;

use serde::Serialize;
use tempfile::TempDir;
use undaunted_chaos::server::S3Server;
use undaunted_chaos::{ChaosSpec, Failure, Fault, FaultPlan, Rule};

use super::demand::{Demand, Ended};
use super::timeline::{Rates, Timeline};
use super::wave::{KILOBYTE, PER_SECOND, Wave, limit, throttled};
use crate::cell::settled;
use crate::clients::Client;
use crate::clients::bare::Bare;
use crate::clients::undaunted::Undaunted;
use crate::folder;
use crate::many;
use crate::request::Request;

/// Something to measure.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    RetryAfter,
    TwoProcesses { second_later: bool },
    RefusesAll { from_the_first: bool },
    RateChanges { from: u32, to: u32 },
    Health { latency: Duration },
    RefusesAtRandom,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub measured: String,
    pub target: &'static str,
    pub met: bool,
}

impl Pace {
    pub const ALL: [Self; 10] = [
        Self::RetryAfter,
        Self::TwoProcesses {
            second_later: false,
        },
        Self::TwoProcesses { second_later: true },
        Self::RefusesAll {
            from_the_first: true,
        },
        Self::RefusesAll {
            from_the_first: false,
        },
        Self::RateChanges { from: 100, to: 200 },
        Self::RateChanges { from: 100, to: 50 },
        Self::Health {
            latency: Duration::ZERO,
        },
        Self::Health {
            latency: Duration::from_millis(30),
        },
        Self::RefusesAtRandom,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::RetryAfter => "1,000 gets, each 503 with `Retry-After: 1`",
            Self::TwoProcesses {
                second_later: false,
            } => "two processes of 200 workers",
            Self::TwoProcesses { second_later: true } => {
                "two processes of 200 workers, the second 10 s later"
            }
            Self::RefusesAll {
                from_the_first: true,
            } => "200 workers, everything refused in the first 20 s",
            Self::RefusesAll {
                from_the_first: false,
            } => "200 workers, everything refused from 5 s to 25 s",
            Self::RateChanges { from, to } if to > from => "200 workers, the rate doubles",
            Self::RateChanges { .. } => "200 workers, the rate halves",
            Self::Health { latency } if latency.is_zero() => {
                "1,000 gets without throttling, with and without pacer"
            }
            Self::Health { .. } => {
                "1,000 gets without throttling, a response after 30 ms, with and without pacer"
            }
            Self::RefusesAtRandom => "1,000 gets, 30 % refused at random",
        }
    }

    pub async fn measure(self) -> io::Result<Row> {
        let (measured, target, met) = match self {
            Self::RetryAfter => retry_after().await?,
            Self::TwoProcesses { second_later } => two_processes(second_later).await?,
            Self::RefusesAll { from_the_first } => refuses_all(from_the_first).await?,
            Self::RateChanges { from, to } => rate_changes(from, to).await?,
            Self::Health { latency } => health(latency).await?,
            Self::RefusesAtRandom => refuses_at_random().await?,
        };
        Ok(Row {
            name: self.name(),
            measured,
            target,
            met,
        })
    }
}

/// What was measured, the target, and whether it is met.
type Measured = (String, &'static str, bool);

async fn retry_after() -> io::Result<Measured> {
    let hint = Some(Duration::from_secs(1));
    let faults = FaultPlan::scripted([limit(PER_SECOND, hint)]);
    let figures = Wave::gets(1000)
        .run(&Undaunted::PACED, faults, hint)
        .await?;
    let measured = format!("{figures}; {} early", figures.early);
    let met = figures.failed == 0 && figures.early == 0;
    Ok((measured, "none fails, none is early", met))
}

async fn two_processes(second_later: bool) -> io::Result<Measured> {
    let service = Service::start(throttled()).await?;
    let pause = if second_later {
        TEN_SECONDS
    } else {
        Duration::ZERO
    };
    let first = service.demand(0..WORKERS, TEN_SECONDS * 2 + pause);
    let second = service.demand(WORKERS..2 * WORKERS, TEN_SECONDS * 2);
    let (first, second) = tokio::try_join!(first.run_apart(), async {
        tokio::time::sleep(pause).await;
        second.run_apart().await
    })?;
    let requests = service.requests().await;
    let from = 10.0 + pause.as_secs_f64();
    let rates = |objects| timeline_of(&requests, objects).rates(from, from + 10.0);
    let (one, other) = (rates(0..WORKERS), rates(WORKERS..2 * WORKERS));
    let share = 100.0 * one.admitted / (one.admitted + other.admitted);
    let measured = format!(
        "{share:.0} : {:.0} in the ten seconds after ten, {:.0}/s and {:.0}/s admitted of \
         {:.0}/s and {:.0}/s; {} failed",
        100.0 - share,
        one.admitted,
        other.admitted,
        one.sent,
        other.sent,
        first.failed + second.failed,
    );
    let met = (40.0..=60.0).contains(&share) && first.failed + second.failed == 0;
    Ok((measured, "40 : 60 after 10 s", met))
}

async fn refuses_all(from_the_first: bool) -> io::Result<Measured> {
    let start = Duration::from_secs(if from_the_first { 0 } else { 5 });
    let end = start + TEN_SECONDS * 2;
    let refuses = Rule::any(Fault::FailBefore(Failure::slow_down()));
    let refuses = refuses.always().starts_after(start).ends_after(end);
    let (timeline, ended) = alone([refuses, limit(PER_SECOND, None)], end + TEN_SECONDS).await?;
    let (start, end) = (start.as_secs_f64(), end.as_secs_f64());
    let mean = timeline.rates(start + 1.0, end).sent;
    let busiest = timeline.busiest_second(start + 1.0, end);
    let back = timeline.reached(end, end + 10.0 + 2.0, |rates| rates.admitted >= 80.0);
    let measured = format!(
        "{mean:.1} requests a second after the first second, at most {busiest}; then {} until 80/s, \
         {:.0}/s admitted from 2 s to 10 s; {} failed",
        after(back),
        timeline.rates(end + 2.0, end + 10.0).admitted,
        ended.failed,
    );
    let met = busiest <= 5 && back.is_some() && ended.failed == 0;
    Ok((
        measured,
        "at most 5 requests a second, 80/s within 10 s",
        met,
    ))
}

async fn rate_changes(from: u32, to: u32) -> io::Result<Measured> {
    let change = Duration::from_secs(15);
    let faults = [
        limit(from, None).ends_after(change),
        limit(to, None).starts_after(change),
    ];
    let (timeline, ended) = alone(faults, change + TEN_SECONDS * 2).await?;
    let change = change.as_secs_f64();
    let rate = f64::from(to);
    let follows = |rates: Rates| rates.admitted >= 0.8 * rate && rates.sent <= 1.25 * rate;
    let followed = timeline.reached(change, change + 20.0, follows);
    let (before, later) = (
        timeline.rates(change - 5.0, change),
        timeline.rates(change + 5.0, change + 15.0),
    );
    let measured = format!(
        "{}; before {:.0}/s of {:.0}/s admitted, from 5 s to 15 s after it {:.0}/s of {:.0}/s; {} \
         failed",
        after(followed),
        before.admitted,
        before.sent,
        later.admitted,
        later.sent,
        ended.failed,
    );
    let met = followed.is_some_and(|after| after <= 5.0) && ended.failed == 0;
    let target = "within 5 s at least 80 % of the new rate admitted, at most 125 % sent";
    Ok((measured, target, met))
}

/// Rounds of three clients, each new and with a new server. With a pacer a store begins with few
/// requests in flight.
async fn health(latency: Duration) -> io::Result<Measured> {
    let faults = || {
        let latency = (!latency.is_zero()).then(|| Rule::any(Fault::Delay(latency)).always());
        FaultPlan::scripted(latency)
    };
    let clients: [&dyn Client; 3] = [&Undaunted::PACED, &Undaunted::UNPACED, &Bare];
    let mut seconds: [Vec<f64>; 3] = Default::default();
    for round in 0..ROUNDS {
        for turn in 0..clients.len() {
            // None is always the first of its round.
            let which = (round + turn) % clients.len();
            let wave = Wave::gets(1000);
            let wave = wave.run(clients[which], faults(), None).await?;
            seconds[which].push(wave.seconds);
        }
    }
    for seconds in &mut seconds {
        seconds.sort_by(f64::total_cmp);
    }
    let least = |which: usize| seconds[which][0];
    let median = |which: usize| seconds[which][ROUNDS / 2];
    let ratio = least(0) / least(1);
    let measured = format!(
        "{ratio:.2} x: {:.3} s with, {:.3} s without, {:.3} s by object_store at least; {:.3}, \
         {:.3} and {:.3} s in the median of {ROUNDS} alternating rounds",
        least(0),
        least(1),
        least(2),
        median(0),
        median(1),
        median(2),
    );
    Ok((measured, "at most 1.05 x", ratio <= 1.05))
}

async fn refuses_at_random() -> io::Result<Measured> {
    let spec: ChaosSpec = "throttled".parse().map_err(io::Error::other)?;
    let paced = Wave::gets(1000)
        .run(&Undaunted::PACED, spec.plan(), None)
        .await?;
    let unpaced = Wave::gets(1000)
        .run(&Undaunted::UNPACED, spec.plan(), None)
        .await?;
    let measured = format!(
        "{} failed, {} requests, {:.1} s; without pacer {} failed, {} requests, {:.1} s",
        paced.failed,
        paced.requests,
        paced.seconds,
        unpaced.failed,
        unpaced.requests,
        unpaced.seconds,
    );
    Ok((measured, "none fails", paced.failed == 0))
}

/// One process with a steady demand on a service with these faults.
async fn alone<const N: usize>(rules: [Rule; N], lasts: Duration) -> io::Result<(Timeline, Ended)> {
    let service = Service::start(FaultPlan::scripted(rules)).await?;
    let ended = service.demand(0..WORKERS, lasts).run_apart().await?;
    let requests = service.requests().await;
    Ok((Timeline::of(&requests), ended))
}

/// A server with objects for all workers.
struct Service {
    server: S3Server,
    _root: TempDir,
}

impl Service {
    async fn start(faults: FaultPlan) -> io::Result<Self> {
        let root = tempfile::tempdir()?;
        folder::put_many(root.path(), many::keys(2 * WORKERS), KILOBYTE)?;
        let server = S3Server::builder()
            .root(root.path())
            .plan(faults)
            .keep(KEEP);
        Ok(Self {
            server: server.start().await?,
            _root: root,
        })
    }

    fn demand(&self, objects: Range<usize>, lasts: Duration) -> Demand {
        Demand::new(self.server.endpoint(), objects, lasts)
    }

    async fn requests(&self) -> Vec<Request> {
        settled(&self.server).await
    }
}

fn timeline_of(requests: &[Request], objects: Range<usize>) -> Timeline {
    let keys: HashSet<&str> = many::keys(objects.end)[objects].iter().copied().collect();
    Timeline::of(
        requests
            .iter()
            .filter(|one| keys.contains(one.key.as_str())),
    )
}

fn after(seconds: Option<f64>) -> String {
    match seconds {
        Some(seconds) => format!("{seconds:.1} s"),
        None => "too long".to_owned(),
    }
}

const WORKERS: usize = 200;
const TEN_SECONDS: Duration = Duration::from_secs(10);
const ROUNDS: usize = 15;
/// More than a minute of workers that do not wait.
const KEEP: usize = 1_000_000;
