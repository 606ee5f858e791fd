//! A plan in sentences.

use std::fmt;

use undaunted::Verdict;

use super::{Endurance, Plan};
use crate::text::{bytes, count, digits, percent, span};

/// What it does in a few sentences, and what will hurt below.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = Verdict::THROTTLED;
        if self.schedule.is_empty() {
            f.write_str("It never retries: a call fails with its first attempt.")?;
        } else {
            write!(f, "It rides out an outage of {}.", endurance(&self.outage))?;
            if let Some(throttling) = &self.throttling {
                let what = verdict.as_str();
                write!(f, " Where it is {what}, that is {}.", endurance(throttling))?;
            }
            write!(
                f,
                "\nAt worst a call makes {} requests, and sends {} again.",
                digits(self.requests_at_worst),
                bytes(self.bytes_resent_at_worst)
            )?;
            if let Some(above) = self.vulnerable_above {
                let load = percent(above);
                write!(
                    f,
                    " A service that is loaded above {load} may stay overloaded by that."
                )?;
            }
            write!(f, "\n{}", self.crowd_sentence())?;
        }
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}

impl Plan {
    fn crowd_sentence(&self) -> String {
        let crowd = &self.crowd;
        let clients = count(u64::from(crowd.clients));
        let peak = digits(crowd.peak);
        let pauses: Vec<f64> = crowd.waves.iter().map(|wave| wave.pause).collect();
        let longest = pauses.iter().copied().fold(0.0, f64::max);
        match crowd.merges_from {
            _ if crowd.waves.len() < 2 => format!(
                "{clients} clients that fail together come back once, up to {peak} of them in 10 ms."
            ),
            Some(1) => format!(
                "{clients} clients that fail together come back spread out, up to {peak} of them in \
                 10 ms, and without pauses."
            ),
            Some(wave) => format!(
                "{clients} clients that fail together come back in waves, up to {peak} of them in 10 ms. \
                 The waves merge from retry {wave} on."
            ),
            None => format!(
                "{clients} clients that fail together come back in waves, up to {peak} of them in 10 ms. \
                 The waves never merge: between them the service has nothing to do, for {} at most.",
                span(longest)
            ),
        }
    }
}

fn endurance(endurance: &Endurance) -> String {
    let seconds = &endurance.seconds;
    if endurance.is_open {
        return format!("{} and more", span(seconds.p50));
    }
    if seconds.max - seconds.min < ROUNDING {
        return span(seconds.max);
    }
    format!(
        "{} in the median, {} at least and {} at most",
        span(seconds.p50),
        span(seconds.min),
        span(seconds.max)
    )
}

const ROUNDING: f64 = 1e-6;
