//! A deposit and a withdrawal by two threads, each on a processor of its own.
//!
//! undaunted goes through `RetryState`, as every driver does: a failure that withdraws, the attempt,
//! and a success that refunds, with a delay of zero and `now` passed in. The control shares nothing:
//! if its two threads are slower than one, the machine had no two free processors, and the rows
//! beside it are meaningless.

use std::hint::black_box;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gate::measure::median;
use tower::retry::budget::{Budget as _, TpsBudget};
use undaunted::{Jitter, RetryBudget, RetryConfig, RetryState, Verdict};

const ROUNDS: usize = 21;
const PAIRS: u32 = 50_000;

type Pair<'a> = &'a (dyn Fn(usize) + Sync);

pub fn report() {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if cores.len() < 2 {
        println!("| budget | not measured: it takes two processors | | | |");
        return;
    }
    let config = RetryConfig::builder()
        .max_retries(u32::MAX)
        .base_delay(Duration::ZERO)
        .jitter(Jitter::None);
    let config = config.build().expect("a valid policy");
    let now = Instant::now();
    let (own, shared) = (
        [Apart(RetryBudget::new()), Apart(RetryBudget::new())],
        RetryBudget::new(),
    );
    let ours = |budget: &RetryBudget| {
        let mut state = RetryState::new(None, 0);
        for _ in 0..PAIRS {
            black_box(state.on_failure(&config, Some(now), Verdict::TRANSIENT, Some(budget)));
            state.on_attempt(&config, None);
            state.on_success(Some(budget));
        }
    };
    let tower = TpsBudget::new(Duration::from_secs(10), 1_000_000, 2.0);
    let plain = AtomicIsize::new(500);

    let cases: [(&str, Pair<'_>); 4] = [
        ("undaunted, nothing shared (control)", &|thread| {
            ours(&own[thread].0)
        }),
        ("undaunted", &|_| ours(&shared)),
        ("tower TpsBudget", &|_| {
            for _ in 0..PAIRS {
                tower.deposit();
                black_box(tower.withdraw());
            }
        }),
        ("a plain atomic, no cap and no clock", &|_| {
            for _ in 0..PAIRS {
                black_box(plain.fetch_add(1, Ordering::AcqRel));
                black_box(plain.fetch_sub(1, Ordering::AcqRel));
            }
        }),
    ];
    let mut alone = vec![Vec::new(); cases.len()];
    let mut together = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for (index, (_, pair)) in cases.iter().enumerate() {
            alone[index].push(nanos_a_pair(*pair, &cores[..1]));
            together[index].push(nanos_a_pair(*pair, &cores[..2]));
        }
    }
    let together: Vec<f64> = together.into_iter().map(median).collect();
    for (index, (name, _)) in cases.iter().enumerate() {
        let (alone, shared) = (median(alone[index].clone()), together[index]);
        println!("| budget, deposit and withdrawal, 1 thread, ns | {name} | {alone:.1} | | |");
        println!(
            "| budget, deposit and withdrawal, 2 threads, ns each | {name} | {shared:.1} | {:.2} x | |",
            shared / together[0]
        );
    }
}

/// Aligned so that no two of them share a cache line.
#[repr(align(128))]
struct Apart<T>(T);

/// The nanoseconds per pair of the slowest thread. All threads start together.
fn nanos_a_pair(pair: Pair<'_>, cores: &[core_affinity::CoreId]) -> f64 {
    let ready = AtomicUsize::new(0);
    let run = |thread: usize, core| {
        core_affinity::set_for_current(core);
        ready.fetch_add(1, Ordering::SeqCst);
        while ready.load(Ordering::SeqCst) < cores.len() {
            std::hint::spin_loop();
        }
        let start = Instant::now();
        pair(thread);
        start.elapsed().as_nanos() as f64 / f64::from(PAIRS)
    };
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = cores
            .iter()
            .enumerate()
            .map(|(thread, core)| scope.spawn(move || run(thread, *core)))
            .collect();
        let nanos = threads
            .into_iter()
            .map(|thread| thread.join().expect("a thread"));
        nanos.fold(0.0, f64::max)
    })
}
