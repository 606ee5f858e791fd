//! How fast the simulator is: decisions and requests a second on one core, and a million clients
//! through an hour with an outage.

use std::hint::black_box;
use std::time::{Duration, Instant};

use undaunted::{Decision, RetryConfig, RetryState, Verdict};
use undaunted_sim::{
    Arrivals, Budget, Clients, Effect, Fault, Latency, Policy, Scenario, Service,
};

fn main() {
    decisions();
    requests();
    million();
}

/// Calls that fail until their retries are used up, without a queue and a service.
fn decisions() {
    let config = RetryConfig::storage().to_builder().total_timeout(None).build().unwrap();
    let run = || {
        let began = Instant::now();
        let mut decisions = 0_u64;
        for seed in 0..2_000_000 {
            let mut state = RetryState::new(None, seed);
            loop {
                decisions += 1;
                state.on_attempt(&config, None);
                match state.on_failure(&config, None, Verdict::TRANSIENT, None) {
                    Decision::Retry { delay } => black_box(delay),
                    Decision::Stop(_) => break,
                };
            }
        }
        decisions as f64 / began.elapsed().as_secs_f64() / 1e6
    };
    let best = (0..5).map(|_| run()).fold(0.0, f64::max);
    println!("decisions of the core: {best:.0} million a second (best of 5)");
}

/// Requests through queue, service and state.
fn requests() {
    for (name, clients) in [("1,000", 1000), ("100,000", 100_000)] {
        let scenario = Scenario {
            clients: Clients {
                arrivals: Arrivals::Closed {
                    clients,
                    think: Latency::Exponential(Duration::from_secs(1)),
                    calls: None,
                },
                processes: 100,
            },
            service: Service {
                error_rate: 0.5,
                latency: Latency::constant(Duration::from_millis(20)),
                ..Service::default()
            },
            duration: Duration::from_secs(u64::from(10_000_000 / clients)),
            ..Scenario::default()
        };
        let policy = Policy::new("storage", RetryConfig::storage()).with_budget(Budget::SHIPPED);
        let run = || {
            let began = Instant::now();
            let totals = scenario.run(&policy).totals;
            totals.requests as f64 / began.elapsed().as_secs_f64() / 1e6
        };
        let best = (0..3).map(|_| run()).fold(0.0, f64::max);
        println!("requests of {name} clients: {best:.1} million a second (best of 3)");
    }
}

/// A million clients that call once a minute, each a process of its own with budget, for an hour with an
/// outage of five minutes.
fn million() {
    let scenario = Scenario {
        clients: Clients {
            arrivals: Arrivals::Closed {
                clients: 1_000_000,
                think: Latency::Exponential(Duration::from_secs(60)),
                calls: None,
            },
            processes: 1_000_000,
        },
        service: Service {
            latency: Latency::constant(Duration::from_millis(20)),
            ..Service::default()
        },
        faults: vec![Fault::new(
            Effect::Outage,
            Duration::from_secs(1200),
            Duration::from_secs(300),
        )],
        duration: Duration::from_secs(3600),
        ..Scenario::default()
    };
    let policy = Policy::new("storage", RetryConfig::storage()).with_budget(Budget::SHIPPED);
    let began = Instant::now();
    let totals = scenario.run(&policy).totals;
    println!(
        "a million clients for an hour: {:.1} s, {} MiB; {} calls, {} requests, {} lost",
        began.elapsed().as_secs_f64(),
        peak_memory().unwrap_or_default() / 1024,
        totals.calls,
        totals.requests,
        totals.lost
    );
}

/// In KiB, where the system says it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
