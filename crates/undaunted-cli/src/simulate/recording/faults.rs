//! When a recorded service failed, and how.

use super::lines::{Fate, Request};

/// What went wrong in a recording.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Faults {
    pub(super) all: Vec<RecordedFault>,
    /// The share of requests that failed at other times.
    pub(super) error_rate: f64,
    /// Requests a second that were taken while others were throttled.
    pub(super) rate_limit: Option<f64>,
}

/// A time in which many requests failed, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RecordedFault {
    pub(super) kind: Kind,
    pub(super) from: f64,
    pub(super) until: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Outage,
    Hang,
    /// This share of the requests failed.
    Errors(f64),
}

/// Consecutive requests.
#[derive(Clone, Copy, Debug)]
struct Window<'r>(&'r [Request]);

impl Faults {
    /// The faults of requests in the order of their arrival.
    pub(super) fn of(requests: &[Request]) -> Self {
        let Some(first) = requests.first() else {
            return Self::default();
        };
        let windows: Vec<Window<'_>> = requests.chunks(WINDOW).map(Window).collect();
        let mut shares: Vec<f64> = windows.iter().map(Window::share).collect();
        shares.sort_unstable_by(f64::total_cmp);
        let usual = shares[shares.len() / 2];
        // Where most of the recording is a fault, that is what it is.
        let usual = if usual > MOST_USUAL { 0.0 } else { usual };
        let is_fault = |window: &Window<'_>| window.share() > usual + MARGIN;
        let runs = windows.chunk_by(|a, b| is_fault(a) == is_fault(b));
        let (faulty, usual): (Vec<_>, Vec<_>) = runs.partition(|run| run.iter().any(is_fault));
        let all = faulty.iter().filter_map(|run| fault(run, first.at));
        let (failed, number) = usual
            .iter()
            .copied()
            .flatten()
            .fold((0, 0), |sums, window| {
                (sums.0 + window.failed().count(), sums.1 + window.0.len())
            });
        Self {
            all: all.collect(),
            error_rate: failed as f64 / number.max(1) as f64,
            rate_limit: rate_limit(requests),
        }
    }

    /// The time in which the service did nothing.
    pub(super) fn seconds(&self) -> f64 {
        let lasted = self.all.iter().map(|fault| {
            let share = match fault.kind {
                Kind::Errors(share) => share,
                _ => 1.0,
            };
            (fault.until - fault.from) * share
        });
        lasted.sum()
    }
}

impl<'r> Window<'r> {
    fn failed(self) -> impl Iterator<Item = &'r Request> {
        let is_failed = |fate| matches!(fate, Fate::Failed | Fate::NoResponse);
        self.0.iter().filter(move |request| is_failed(request.fate))
    }

    fn share(&self) -> f64 {
        self.failed().count() as f64 / self.0.len().max(1) as f64
    }
}

/// One fault, from the first request that failed to the last.
fn fault(run: &[Window<'_>], begin: f64) -> Option<RecordedFault> {
    let failed: Vec<&Request> = run.iter().flat_map(|window| window.failed()).collect();
    let (from, until) = (failed.first()?.at, failed.last()?.at);
    let during = run.iter().flat_map(|window| window.0);
    let during = during.filter(|request| (from..=until).contains(&request.at));
    let share = failed.len() as f64 / during.count().max(1) as f64;
    let unanswered = failed
        .iter()
        .filter(|request| request.fate == Fate::NoResponse);
    let hung = unanswered.filter(|request| request.seconds > HANGS).count();
    let kind = if share < WHOLE {
        Kind::Errors(share)
    } else if hung * 2 > failed.len() {
        Kind::Hang
    } else {
        Kind::Outage
    };
    Some(RecordedFault {
        kind,
        from: from - begin,
        until: until.max(from + SHORTEST) - begin,
    })
}

/// The rate of the requests that were taken, between the first and the last that was throttled.
fn rate_limit(requests: &[Request]) -> Option<f64> {
    let is_throttled = |request: &&Request| request.fate == Fate::Throttled;
    let first = requests.iter().find(is_throttled)?.at;
    let last = requests.iter().rev().find(is_throttled)?.at;
    let taken = requests
        .iter()
        .filter(|request| request.fate == Fate::CarriedOut && (first..=last).contains(&request.at));
    let rate = taken.count() as f64 / (last - first).max(SHORTEST);
    (rate > 0.0).then_some(rate)
}

/// Requests that are looked at together: of so many that are independent, a share is known to a tenth.
const WINDOW: usize = 20;
/// So much more than usual is no chance.
const MARGIN: f64 = 0.35;
const MOST_USUAL: f64 = 0.5;
const WHOLE: f64 = 0.97;
/// Seconds without a response: shorter ones are connections that were reset.
const HANGS: f64 = 1.0;
/// Seconds.
const SHORTEST: f64 = 0.1;

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten requests a second, of which those fail that `fate` says so of.
    fn recorded(seconds: u32, fate: impl Fn(f64) -> Fate) -> Vec<Request> {
        let request = |number: u32| {
            let at = f64::from(number) / 10.0;
            Request {
                at,
                seconds: 0.02,
                fate: fate(at),
                is_delayed: false,
            }
        };
        (0..seconds * 10).map(request).collect()
    }

    #[test]
    fn an_outage_is_from_the_first_failure_to_the_last() {
        let is_out = |at| (20.0..32.0).contains(&at);
        let requests = recorded(60, |at| {
            if is_out(at) {
                Fate::Failed
            } else {
                Fate::CarriedOut
            }
        });
        let faults = Faults::of(&requests);
        assert!(faults.error_rate.abs() < 1e-9);
        assert_eq!(faults.rate_limit, None);
        let [outage] = faults.all[..] else {
            panic!("{faults:?}");
        };
        assert_eq!(outage.kind, Kind::Outage);
        assert!((outage.from - 20.0).abs() < 1e-9 && (outage.until - 31.9).abs() < 1e-9);
    }

    #[test]
    fn failures_here_and_there_are_a_rate() {
        let is_tenth = |at: f64| (at * 10.0).round() as u32 % 10 == 3;
        let requests = recorded(60, |at| {
            if is_tenth(at) {
                Fate::Failed
            } else {
                Fate::CarriedOut
            }
        });
        let faults = Faults::of(&requests);
        assert_eq!(faults.all, []);
        assert!((faults.error_rate - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_limit_is_the_rate_that_is_taken() {
        let is_taken = |at: f64| ((at * 10.0).round() as u32).is_multiple_of(4);
        let requests = recorded(60, |at| {
            if is_taken(at) {
                Fate::CarriedOut
            } else {
                Fate::Throttled
            }
        });
        let limit = Faults::of(&requests).rate_limit.unwrap();
        assert!((limit - 2.5).abs() < 0.1, "{limit}");
    }

    #[test]
    fn what_is_empty_has_no_faults() {
        assert_eq!(Faults::of(&[]), Faults::default());
        let requests = recorded(1, |_| Fate::NoResponse);
        assert_eq!(Faults::of(&requests).all.len(), 1);
    }
}
