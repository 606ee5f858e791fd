//! Nanoseconds per call: medians of many rounds in which all variants take turns, so that a change
//! of the machine affects all of them.

use std::time::{Duration, Instant};

use gate::Variant;
use gate::measure::median;

const ROUNDS: usize = 41;
const ROUND: Duration = Duration::from_micros(1500);

pub fn medians(variants: &[&Variant]) -> Vec<f64> {
    let runs: Vec<_> = variants.iter().map(|variant| variant.run).collect();
    medians_of(&runs)
}

pub fn medians_of(runs: &[fn(u64)]) -> Vec<f64> {
    let counts: Vec<u64> = runs.iter().map(|run| count_for_a_round(*run)).collect();
    let mut samples = vec![Vec::new(); runs.len()];
    for round in 0..ROUNDS {
        for turn in 0..runs.len() {
            let index = (round + turn) % runs.len();
            let start = Instant::now();
            runs[index](counts[index]);
            samples[index].push(start.elapsed().as_nanos() as f64 / counts[index] as f64);
        }
    }
    samples.into_iter().map(median).collect()
}

fn count_for_a_round(run: fn(u64)) -> u64 {
    let mut count = 100;
    loop {
        let start = Instant::now();
        run(count);
        if start.elapsed() >= ROUND {
            return count;
        }
        count *= 2;
    }
}
