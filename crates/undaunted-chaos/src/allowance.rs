//! How many calls a rate limit lets through: a bucket of tokens.

use tokio::time::Instant;

/// Tokens come in at a steady rate, and no more are kept than a burst.
#[derive(Debug)]
pub(crate) struct Allowance {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Option<Instant>,
}

impl Allowance {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self {
            per_second: f64::from(per_second),
            burst,
            tokens: burst,
            at: None,
        }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let since = self.at.unwrap_or(now);
        let came_in = now.saturating_duration_since(since).as_secs_f64() * self.per_second;
        self.tokens = self.burst.min(self.tokens + came_in);
        self.at = Some(now);
        let there = self.tokens >= 1.0 - ROUNDING;
        if there {
            self.tokens -= 1.0;
        }
        there
    }
}

/// Tokens that came in by thirds and tenths add up to a little less than a whole one.
const ROUNDING: f64 = 1e-6;
