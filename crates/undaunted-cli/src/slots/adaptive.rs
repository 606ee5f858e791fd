//! How many requests to have in flight: more while that helps, fewer when it does not.
//!
//! Pure: time comes in as an argument, and a number goes out. A service that has room does more
//! work a second with more requests at the same time. One that is busy does the same work, and
//! every request takes longer. So the number is raised while the work a second grows with it, and
//! goes back when only the latency grows.
//!
//! ```text
//!            the work grows             the work does not grow
//!  ┌─────────┐ ◄────┐      ┌─────────┐ ──► back to the number before ──► ┌─────────┐
//!  │ Raised  │ ─────┘      │ Raised  │                                   │ Settled │
//!  └─────────┘ twice       └─────────┘                                   └─────────┘
//!       ▲                                                                  │     ▲
//!       └──────────── every tenth window: half as many again ──────────────┤     │
//!                     every other time: a third fewer ──► Lowered ─────────┴─────┘
//! ```
//!
//! A throttled response lowers it immediately, by a quarter, once a window.

use std::time::Duration;

/// The controller of one store.
#[derive(Debug)]
pub(super) struct Adaptive {
    bounds: Bounds,
    limit: usize,
    phase: Phase,
    window: Window,
    /// Whether the next trial is one with fewer requests.
    try_fewer: bool,
}

/// The numbers that are possible.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) first: usize,
    pub(super) least: usize,
    pub(super) most: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// More than `from.limit` are tried; none before the first window.
    Raised { from: Option<Measured> },
    /// Fewer than `from.limit` are tried.
    Lowered { from: Measured },
    /// Nothing is tried for this many windows.
    Settled { windows: u32 },
}

/// The work a second with so many requests in flight.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Measured {
    limit: usize,
    rate: f64,
}

/// What happened since it began.
#[derive(Debug, Default)]
struct Window {
    began: Option<Duration>,
    requests: usize,
    work: f64,
    /// Whether a request had to wait because the limit was reached. Otherwise the limit has not
    /// determined the rate.
    was_full: bool,
    was_throttled: bool,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It brought or took this many bytes.
    Done {
        bytes: u64,
    },
    Failed,
    Throttled,
}

impl Adaptive {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            limit: bounds.first,
            phase: Phase::Raised { from: None },
            window: Window::default(),
            try_fewer: false,
        }
    }

    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// A request has to wait, since as many as the limit are in flight.
    pub(super) const fn on_full(&mut self) {
        self.window.was_full = true;
    }

    /// A request ended.
    pub(super) fn on_end(&mut self, now: Duration, outcome: Outcome) {
        let began = *self.window.began.get_or_insert(now);
        self.window.requests += 1;
        match outcome {
            #[expect(clippy::cast_precision_loss, reason = "a measurement")]
            Outcome::Done { bytes } => self.window.work += REQUEST + bytes as f64,
            Outcome::Failed => {}
            Outcome::Throttled => self.on_throttled(),
        }
        let elapsed = now.saturating_sub(began);
        // Each place was used once on average, so what is measured is an effect of the limit.
        let is_representative = self.window.requests > self.limit || elapsed >= LONGEST_WINDOW;
        if elapsed < SHORTEST_WINDOW || !is_representative {
            return;
        }
        let rate = self.window.work / elapsed.as_secs_f64();
        let window = std::mem::replace(
            &mut self.window,
            Window {
                began: Some(now),
                ..Window::default()
            },
        );
        if window.was_full && !window.was_throttled {
            self.on_window(rate);
        }
    }

    fn on_throttled(&mut self) {
        if !self.window.was_throttled {
            self.window.was_throttled = true;
            self.limit = (self.limit * 3 / 4).max(self.bounds.least.min(self.limit));
            self.settle();
        }
    }

    /// A window ended in which the limit has determined the rate.
    fn on_window(&mut self, rate: f64) {
        let now = Measured {
            limit: self.limit,
            rate,
        };
        match self.phase {
            Phase::Raised { from: None } => self.raise(now, self.limit * 2),
            Phase::Raised { from: Some(before) } => {
                if rate > before.rate * NOTICEABLE {
                    self.raise(now, self.limit * 2);
                } else {
                    self.limit = before.limit;
                    self.settle();
                }
            }
            Phase::Lowered { from } => {
                if rate * NOTICEABLE.sqrt() < from.rate {
                    self.limit = from.limit;
                }
                self.settle();
            }
            Phase::Settled {
                windows: left @ 1..,
            } => {
                self.phase = Phase::Settled { windows: left - 1 };
            }
            Phase::Settled { .. } => {
                let fewer = (self.limit * 2 / 3).max(self.bounds.least.min(self.limit));
                if self.try_fewer && fewer < self.limit {
                    self.phase = Phase::Lowered { from: now };
                    self.limit = fewer;
                } else {
                    self.raise(now, self.limit + self.limit.div_ceil(2));
                }
                self.try_fewer = !self.try_fewer;
            }
        }
    }

    fn raise(&mut self, from: Measured, limit: usize) {
        self.limit = limit.min(self.bounds.most);
        if self.limit == from.limit {
            self.settle();
        } else {
            self.phase = Phase::Raised { from: Some(from) };
        }
    }

    const fn settle(&mut self) {
        self.phase = Phase::Settled { windows: PAUSE };
    }
}

/// The growth of the work that is worth more requests in flight: more than measurements differ by.
const NOTICEABLE: f64 = 1.1;

/// The work of a request without content, in bytes: what a connection moves in the time of a
/// round trip, roughly.
const REQUEST: f64 = 65_536.0;

/// Shorter ones measure chance.
const SHORTEST_WINDOW: Duration = Duration::from_millis(100);

/// Longer ones adapt too late.
const LONGEST_WINDOW: Duration = Duration::from_secs(2);

/// Windows between two trials: a trial that does not help costs a tenth of little.
const PAUSE: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: usize = 16;
    const LEAST: usize = 8;
    const MOST: usize = 256;

    fn control() -> Adaptive {
        Adaptive::new(Bounds {
            first: FIRST,
            least: LEAST,
            most: MOST,
        })
    }

    /// A service that takes `latency` for a request and can do `capacity` requests at a time.
    struct Service {
        latency: f64,
        capacity: u32,
    }

    impl Service {
        /// Keeps the service as busy as the controller allows for some seconds.
        fn run(&self, control: &mut Adaptive, clock: &mut f64, seconds: f64) {
            let end = *clock + seconds;
            while *clock < end {
                // All places in turn: with too many the requests wait for each other.
                let limit = u32::try_from(control.limit()).unwrap();
                let rate = f64::from(limit.min(self.capacity)) / self.latency;
                *clock += 1.0 / rate;
                control.on_full();
                control.on_end(at(*clock), Outcome::Done { bytes: 10_000 });
            }
        }
    }

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn it_rises_to_the_most_where_latency_is_all_there_is() {
        let service = Service {
            latency: 0.03,
            capacity: 10_000,
        };
        let (mut control, mut clock) = (control(), 0.0);
        service.run(&mut control, &mut clock, 1.0);
        assert_eq!(control.limit(), MOST);
        service.run(&mut control, &mut clock, 20.0);
        assert!(control.limit() > MOST / 2);
    }

    #[test]
    fn it_stays_near_what_a_busy_service_can_do_at_a_time() {
        for capacity in [20, 40, 100] {
            let service = Service {
                latency: 0.03,
                capacity,
            };
            let (mut control, mut clock) = (control(), 0.0);
            service.run(&mut control, &mut clock, 3.0);
            for _ in 0..200 {
                service.run(&mut control, &mut clock, 0.1);
                let limit = u32::try_from(control.limit()).unwrap();
                assert!(
                    limit * 3 / 2 >= capacity && limit <= capacity * 3,
                    "{limit} of {capacity}"
                );
            }
        }
    }

    #[test]
    fn it_follows_a_service_that_gets_faster() {
        let (mut control, mut clock) = (control(), 0.0);
        let service = |capacity| Service {
            latency: 0.03,
            capacity,
        };
        service(10).run(&mut control, &mut clock, 10.0);
        assert!(control.limit() <= 24, "{}", control.limit());
        service(1_000).run(&mut control, &mut clock, 10.0);
        assert!(control.limit() >= 128, "{}", control.limit());
    }

    #[test]
    fn without_demand_it_stays() {
        let mut control = control();
        for request in 0..1_000 {
            let now = at(f64::from(request) * 0.01);
            control.on_end(now, Outcome::Done { bytes: 1 });
        }
        assert_eq!(control.limit(), FIRST);
    }

    #[test]
    fn a_throttled_response_lowers_it_once_a_window_and_never_below_the_least() {
        let mut control = control();
        for _ in 0..5 {
            control.on_full();
            control.on_end(at(0.0), Outcome::Throttled);
        }
        assert_eq!(control.limit(), FIRST * 3 / 4);
        for request in 0..1_000 {
            control.on_full();
            control.on_end(at(f64::from(request) * 0.05), Outcome::Throttled);
        }
        assert_eq!(control.limit(), LEAST);
    }

    #[test]
    fn failures_are_no_work() {
        let mut control = control();
        for request in 0..10_000 {
            control.on_full();
            control.on_end(at(f64::from(request) * 0.001), Outcome::Failed);
        }
        assert!(control.limit() <= 2 * FIRST, "{}", control.limit());
    }
}
