//! When requests came, and which of them were admitted.

use crate::request::Request;

/// The requests of a server, or of some of its keys.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Seconds since the first request of the server, and whether it was admitted.
    requests: Vec<(f64, bool)>,
}

/// Requests a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    pub sent: f64,
    pub admitted: f64,
}

impl Timeline {
    pub fn of<'r>(requests: impl IntoIterator<Item = &'r Request>) -> Self {
        let requests = requests.into_iter();
        let requests = requests.map(|one| (one.at.as_secs_f64(), one.fault.is_none()));
        let mut requests: Vec<_> = requests.collect();
        // Requests of two connections may be recorded in another order than they came in.
        requests.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        Self { requests }
    }

    /// The mean rates from a second to another one.
    pub fn rates(&self, from: f64, until: f64) -> Rates {
        let within = self.requests.iter();
        let within = within.filter(|(at, _)| (from..until).contains(at));
        let admitted = within.clone().filter(|(_, admitted)| *admitted);
        let lasts = until - from;
        Rates {
            sent: within.count() as f64 / lasts,
            admitted: admitted.count() as f64 / lasts,
        }
    }

    /// The most requests of any second within a range.
    pub fn busiest_second(&self, from: f64, until: f64) -> usize {
        let within = self.requests.iter().map(|(at, _)| *at);
        let within: Vec<f64> = within.filter(|at| (from..until).contains(at)).collect();
        let seconds = within
            .iter()
            .enumerate()
            .map(|(first, start)| within[first..].partition_point(|at| *at < start + 1.0));
        seconds.max().unwrap_or(0)
    }

    /// The seconds after `from` at which the rates, each a mean of the next two seconds, are right
    /// for the first time, if that is before `until`.
    pub fn reached(&self, from: f64, until: f64, right: impl Fn(Rates) -> bool) -> Option<f64> {
        let steps = (0..).map(|step| f64::from(step) * STEP);
        let mut steps = steps.take_while(|step| from + step + MEAN <= until);
        steps.find(|step| right(self.rates(from + step, from + step + MEAN)))
    }
}

const STEP: f64 = 0.1;
/// At 100 requests a second, the burst of a service is less than half of what it admits then.
const MEAN: f64 = 2.0;

#[cfg(test)]
mod tests {
    use undaunted_chaos::Operation;

    use super::*;
    use crate::request::tests::request;

    /// Ten requests a second, admitted from the third second on.
    fn timeline() -> Timeline {
        let requests: Vec<_> = (0..60)
            .map(|number| {
                let fault = (number < 30).then_some("rate_limit of 0/s");
                request(Operation::Get, number * 100, fault, Some(200))
            })
            .collect();
        Timeline::of(&requests)
    }

    #[test]
    fn rates_are_means() {
        let rates = timeline().rates(2.0, 4.0);
        assert_eq!((rates.sent, rates.admitted), (10.0, 5.0));
    }

    #[test]
    fn the_busiest_second_is_found_wherever_it_begins() {
        assert_eq!(timeline().busiest_second(0.0, 6.0), 10);
        assert_eq!(timeline().busiest_second(5.5, 6.0), 5);
        assert_eq!(timeline().busiest_second(9.0, 10.0), 0);
    }

    #[test]
    fn a_rate_is_reached_when_the_next_two_seconds_have_it() {
        let reached = |until| timeline().reached(1.0, until, |rates| rates.admitted > 9.9);
        assert!((reached(6.0).unwrap() - 2.0).abs() < 0.11);
        assert_eq!(reached(4.5), None);
    }
}
