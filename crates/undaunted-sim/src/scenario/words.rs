//! A scenario in sentences.

use std::fmt;
use std::time::Duration;

use super::Scenario;
use crate::clients::{Arrivals, Clients};
use crate::fault::{Effect, Fault};
use crate::latency::Latency;
use crate::service::{Expired, Service};
use crate::text::{count, digits, percent, span};

/// Who calls, what the service does, and what goes wrong: a line for each.
///
/// ```
/// use undaunted_sim::Builtin;
///
/// let text = Builtin::find("outage").unwrap().file()?.scenario.to_string();
/// let expected = "\
/// For 3 min 100 calls a second arrive, in 20 processes.
/// The service responds in 20 ms in the median.
/// An outage from 60 s to 80 s.";
/// assert_eq!(text, expected);
/// # Ok::<(), undaunted_sim::ScenarioError>(())
/// ```
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lasts = shown(self.duration);
        write!(f, "For {lasts} {}.\n{}.", self.clients, self.service)?;
        let mut faults: Vec<&Fault> = self.faults.iter().collect();
        faults.sort_by_key(|fault| fault.from);
        for fault in faults {
            write!(f, "\n{fault}.")?;
        }
        Ok(())
    }
}

/// Who calls, as the end of a sentence.
impl fmt::Display for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.arrivals {
            Arrivals::Open {
                per_second,
                is_random,
            } => {
                write!(f, "{} calls a second arrive", digits(per_second))?;
                if !is_random {
                    f.write_str(" at equal distances")?;
                }
            }
            Arrivals::Closed {
                clients,
                think,
                calls,
            } => {
                let calls = match calls {
                    None => "calls again and again".to_owned(),
                    Some(1) => "makes one call".to_owned(),
                    Some(calls) => format!("makes {} calls", count(u64::from(calls))),
                };
                write!(f, "each of {} clients {calls}", count(u64::from(clients)))?;
                if think != Latency::ZERO {
                    write!(f, ", with {think} before each")?;
                }
            }
        }
        match self.processes {
            0 | 1 => f.write_str(", in one process"),
            processes => write!(f, ", in {} processes", count(u64::from(processes))),
        }
    }
}

/// What it does, as a sentence without its full stop.
impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The service responds ")?;
        if self.latency == Latency::ZERO {
            f.write_str("immediately")?;
        } else {
            write!(f, "in {}", self.latency)?;
        }
        if let Some(capacity) = self.capacity {
            write!(f, ", works off {} requests a second", digits(capacity))?;
            if let Some(longest) = self.longest_queue {
                write!(
                    f,
                    ", refuses what would wait for more than {}",
                    shown(longest)
                )?;
            }
            f.write_str(match self.expired {
                Expired::Executed => "",
                Expired::DroppedIfExpired => ", drops what has expired when its turn comes",
                Expired::DroppedIfLate => ", drops what would expire before it is done",
            })?;
        }
        if let Some(limit) = self.rate_limit {
            let (rate, burst) = (digits(limit.per_second), digits(limit.burst));
            write!(f, ", takes {rate} requests a second and {burst} together")?;
        }
        if let Some(delay) = self.retry_after {
            write!(f, ", asks those it refuses to wait for {}", shown(delay))?;
        }
        if self.error_rate > 0.0 {
            write!(f, ", fails {} of the requests", percent(self.error_rate))?;
        }
        Ok(())
    }
}

/// What goes wrong and when, as a sentence without its full stop.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = match self.effect {
            Effect::Outage => "An ",
            Effect::Errors(_) | Effect::Slow(_) => "",
            _ => "A ",
        };
        let words = format!("{article}{}", self.effect);
        let mut letters = words.chars();
        let first: String = letters
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .collect();
        let (from, ends) = (shown(self.from), shown(self.ends()));
        write!(f, "{first}{} from {from} to {ends}", letters.as_str())
    }
}

/// In a word or a few.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BrownOut(share) => write!(f, "brown-out to {}", percent(*share)),
            Self::Errors(share) => write!(f, "errors of {}", percent(*share)),
            Self::Hang => f.write_str("hang"),
            Self::Outage => f.write_str("outage"),
            Self::Slow(factor) => write!(f, "slow by {}", digits(*factor)),
            Self::Stall => f.write_str("stall"),
            Self::Surge(factor) => write!(f, "surge by {}", digits(*factor)),
        }
    }
}

/// As the object of a sentence.
impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Constant(duration) => f.write_str(&shown(duration)),
            Self::Exponential(mean) | Self::Normal { mean, .. } => {
                write!(f, "{} on average", shown(mean))
            }
            Self::LogNormal { median, .. } => write!(f, "{} in the median", shown(median)),
            Self::Uniform(from, to) => write!(f, "{} to {}", shown(from), shown(to)),
        }
    }
}

fn shown(duration: Duration) -> String {
    span(duration.as_secs_f64())
}
