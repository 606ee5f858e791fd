//! How much of a scenario a machine can do for real.

use undaunted_sim::Outcome;

/// The share of the load that is sent, so that all policies together stay within what clients and servers
/// in one process can do: the rest of the time they would measure the machine.
pub(in crate::simulate) fn share(predicted: &[Outcome]) -> f64 {
    let rates: f64 = predicted.iter().map(rate).sum();
    let calls: f64 = predicted.iter().map(under_way).sum();
    // The sum of nothing is a negative zero.
    let shares = [MOST_REQUESTS / rates.abs(), MOST_CALLS / calls.abs()];
    let share = shares.into_iter().fold(1.0, f64::min);
    if share >= 1.0 {
        return 1.0;
    }
    // In round numbers: a whole percent, or two digits of less.
    let digits = (1.0 - share.log10().floor()).clamp(2.0, MOST_DIGITS);
    let scale = 10_f64.powf(digits);
    (share * scale).floor().max(1.0) / scale
}

/// The most requests a second, over some seconds: a burst is no load.
fn rate(outcome: &Outcome) -> f64 {
    let width = ((SECONDS / outcome.step).round() as usize).clamp(1, outcome.ticks.len().max(1));
    let windows = outcome.ticks.windows(width);
    let most = windows.map(|window| window.iter().map(|tick| tick.requests).sum::<u64>());
    most.max().unwrap_or(0) as f64 / (width as f64 * outcome.step)
}

/// The most calls at the same time. Each may have a connection.
fn under_way(outcome: &Outcome) -> f64 {
    let (mut now, mut most) = (0_i64, 0);
    for tick in &outcome.ticks {
        let begun = i64::try_from(tick.calls).unwrap_or(i64::MAX);
        // All of them may have begun before one of them ended.
        most = most.max(now + begun);
        let ended = i64::try_from(tick.succeeded + tick.lost).unwrap_or(i64::MAX);
        now = now + begun - ended;
    }
    most as f64
}

/// A second, of client and server together. An unloaded machine of two cores does several times as many.
const MOST_REQUESTS: f64 = 600.0;
/// With both ends of each connection that is less than the 1,024 files that a process may have open on
/// most systems.
const MOST_CALLS: f64 = 400.0;
const SECONDS: f64 = 5.0;
/// After the point: a billionth of ten million clients is none.
const MOST_DIGITS: f64 = 9.0;

#[cfg(test)]
mod tests {
    use undaunted::RetryConfig;
    use undaunted_sim::{Arrivals, Clients, Policy, Scenario};

    use super::*;

    fn outcome(arrivals: Arrivals) -> Outcome {
        let scenario = Scenario {
            clients: Clients {
                arrivals,
                processes: 1,
            },
            ..Scenario::default()
        };
        scenario.run(&Policy::new("default", RetryConfig::default()))
    }

    #[test]
    fn what_a_machine_can_do_is_not_scaled_down() {
        let (rate, crowd) = (Arrivals::open(100.0), Arrivals::together(100));
        assert!((share(&[outcome(rate), outcome(crowd)]) - 1.0).abs() < 1e-9);
        assert!((share(&[]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn more_is_scaled_down_to_what_it_can_do() {
        let rate = outcome(Arrivals::open(6000.0));
        let of_rate = share(std::slice::from_ref(&rate));
        assert!((0.08..=0.1).contains(&of_rate), "{of_rate}");
        assert!(share(&[rate.clone(), rate]) < of_rate * 0.6);
        let crowd = share(&[outcome(Arrivals::together(4000))]);
        assert!((crowd - 0.1).abs() < 1e-9, "{crowd}");
        // However many there are.
        let crowd = share(&[outcome(Arrivals::together(1_000_000))]);
        assert!((crowd - 0.0004).abs() < 1e-9, "{crowd}");
    }
}
