//! Retries within retries.

use undaunted::{Decision, RetryConfig, RetryState, Verdict};

use crate::support::{Dice, assert_near, immediate};

/// One call through so many layers, each of which retries. Whether it succeeded.
fn call(layers: u32, config: &RetryConfig, p: f64, dice: &mut Dice, leaves: &mut u64) -> bool {
    if layers == 0 {
        *leaves += 1;
        return dice.unit() >= p;
    }
    let mut state = RetryState::new(None, 0);
    loop {
        state.on_attempt(config, None);
        if call(layers - 1, config, p, dice, leaves) {
            return true;
        }
        match state.on_failure(config, None, Verdict::TRANSIENT, None) {
            Decision::Retry { .. } => {}
            Decision::Stop(_) => return false,
        }
    }
}

/// Closed form: with `k` layers of `n` attempts, `(1 - p^(n^k)) / (1 - p)` requests reach the service
/// for each of the user, and `n^k` in an outage: 4^3 = 64 (SRE), 3^5 = 243 (Amazon's Builders'
/// Library). Where half of the attempts fail, three layers cost 2, not 64.
#[test]
fn layers_multiply_in_an_outage() {
    for (layers, retries, p, expected, tolerance) in [
        (3, 3, 1.0, 64.0, 0.0),
        (5, 2, 1.0, 243.0, 0.0),
        (3, 3, 0.9, 9.988, 0.15),
        (3, 3, 0.5, 2.0, 0.03),
        (1, 3, 0.9, 3.439, 0.05),
    ] {
        let calls = if p < 1.0 { 100_000 } else { 10 };
        let (mut dice, mut leaves) = (Dice::new(3), 0);
        for _ in 0..calls {
            call(layers, &immediate(retries), p, &mut dice, &mut leaves);
        }
        assert_near(leaves as f64 / f64::from(calls), expected, tolerance);
    }
}
