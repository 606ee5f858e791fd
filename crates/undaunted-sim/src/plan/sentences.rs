//! A plan in sentences.

use std::fmt;

use undaunted::Verdict;

use super::{Endurance, Plan};
use crate::text::{bytes, count, digits, percent, span};

/// What it does in a few sentences, and what will hurt below.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentences().join("\n"))?;
        for warning in &self.warnings {
            write!(f, "\nwarning: {warning}")?;
        }
        Ok(())
    }
}

impl Plan {
    /// What it does in a few sentences, a line for each subject: what it rides out, what it costs at
    /// worst, and how a crowd comes back.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        if self.schedule.is_empty() {
            let why = if self.outage.ended_by_deadline > 0.0 {
                "total_timeout leaves no time for a retry: "
            } else {
                "It never retries: "
            };
            return vec![format!("{why}a call fails with its first attempt.")];
        }
        let mut sentences = vec![self.outage_sentence(), self.cost_sentence()];
        sentences.extend(self.crowd_sentence());
        sentences
    }

    fn outage_sentence(&self) -> String {
        let outage = endurance(&self.outage);
        let Some(throttling) = &self.throttling else {
            return format!("It rides out an outage of {outage}.");
        };
        format!(
            "It rides out an outage of {outage}. Where it is {}, that is {}.",
            Verdict::THROTTLED.as_str(),
            endurance(throttling)
        )
    }

    fn cost_sentence(&self) -> String {
        let cost = format!(
            "At worst a call makes {} requests, and sends {} again.",
            digits(self.requests_at_worst),
            bytes(self.bytes_resent_at_worst)
        );
        match self.vulnerable_above.map(percent) {
            None => cost,
            Some(load) => {
                format!("{cost} A service that is loaded above {load} may stay overloaded by that.")
            }
        }
    }

    /// None if one client is alone.
    fn crowd_sentence(&self) -> Option<String> {
        let crowd = &self.crowd;
        if crowd.clients < 2 {
            return None;
        }
        let clients = count(u64::from(crowd.clients));
        // Several retries of each may be as close together.
        let whose = if crowd.peak > f64::from(crowd.clients) {
            "of their retries"
        } else {
            "of them"
        };
        let peak = format!("{} {whose}", digits(crowd.peak));
        let pauses: Vec<f64> = crowd.waves.iter().map(|wave| wave.pause).collect();
        let longest = pauses.iter().copied().fold(0.0, f64::max);
        Some(match crowd.merges_from {
            _ if crowd.waves.iter().all(|wave| wave.until <= 0.0) => format!(
                "{clients} clients that fail together come back together, immediately, with all of their \
                 retries."
            ),
            _ if crowd.waves.len() < 2 => format!(
                "{clients} clients that fail together come back once, up to {peak} in 10 ms."
            ),
            Some(1) => format!(
                "{clients} clients that fail together come back spread out, up to {peak} in \
                 10 ms, and without pauses."
            ),
            Some(wave) => format!(
                "{clients} clients that fail together come back in waves, up to {peak} in 10 ms. \
                 The waves merge from retry {wave} on."
            ),
            None => format!(
                "{clients} clients that fail together come back in waves, up to {peak} in 10 ms. \
                 The waves never merge: between them the service has nothing to do, for {} at most.",
                span(longest)
            ),
        })
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
