//! The cost of a call: requests, bytes beyond those that were needed, early requests.

use std::collections::HashMap;
use std::time::Duration;

use crate::request::Request;

/// The traffic of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    pub requests: usize,
    /// Bytes of objects that were sent beyond those that were needed.
    pub again: u64,
    /// Requests before the time that the server asked for.
    pub early: usize,
}

impl Traffic {
    /// The traffic of these requests, for a call that needs `needed` bytes of objects.
    pub fn of(requests: &[Request], needed: u64, hint: Option<Duration>) -> Self {
        let moved: u64 = requests.iter().map(Request::payload).sum();
        Self {
            requests: requests.len(),
            again: moved.saturating_sub(needed),
            early: hint.map_or(0, |hint| early(requests, hint)),
        }
    }
}

/// The number of requests too soon after a refusal of the same operation on the same key.
fn early(requests: &[Request], hint: Duration) -> usize {
    let mut not_before = HashMap::new();
    let mut early = 0;
    for request in requests {
        let place = (request.operation, &request.key, request.part);
        let allowed = not_before.get(&place);
        early += usize::from(allowed.is_some_and(|allowed| request.at < *allowed));
        if request.was_refused() {
            not_before.insert(place, request.at + hint);
        }
    }
    early
}

#[cfg(test)]
mod tests {
    use undaunted_chaos::Operation;

    use super::*;
    use crate::request::tests::request;

    const SLOW: Option<&str> = Some("fail_before (HTTP status 503 SlowDown)");
    const HINT: Option<Duration> = Some(Duration::from_secs(1));

    #[test]
    fn a_request_before_the_asked_delay_is_early() {
        let get = |at, fault, status| request(Operation::Get, at, fault, Some(status));
        let early = [get(0, SLOW, 503), get(999, SLOW, 503), get(1500, None, 200)];
        assert_eq!(Traffic::of(&early, 100, HINT).early, 2);
        assert_eq!(Traffic::of(&early, 100, None).early, 0);
        let patient = [
            get(0, SLOW, 503),
            get(1000, None, 200),
            get(1001, None, 200),
        ];
        assert_eq!(Traffic::of(&patient, 100, HINT).early, 0);
        let other = request(Operation::Head, 1, None, Some(200));
        assert_eq!(Traffic::of(&[get(0, SLOW, 503), other], 0, HINT).early, 0);
    }

    #[test]
    fn only_the_bytes_of_objects_count() {
        let requests = [
            request(Operation::Put, 0, None, None),
            request(Operation::Put, 1, None, Some(200)),
            request(Operation::Get, 2, None, Some(503)),
            request(Operation::List, 3, None, Some(200)),
        ];
        let traffic = Traffic::of(&requests, 100, None);
        assert_eq!((traffic.requests, traffic.again), (4, 100));
    }
}
