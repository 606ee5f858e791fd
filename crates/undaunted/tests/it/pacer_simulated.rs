//! A service that throttles, and calls of the shipped state and pacer, in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use undaunted::{Admission, Decision, Pacer, RetryConfig, RetryState, Turn, Verdict};

/// A token bucket behind a network.
struct Service {
    /// Requests a second from these seconds on.
    rates: Vec<(f64, f64)>,
    burst: f64,
    tokens: f64,
    seen: f64,
    retry_after: Option<Duration>,
    /// The share that is refused by chance, whatever the rate.
    refused: f64,
    noise: u32,
}

impl Service {
    fn new(rates: &[(f64, f64)]) -> Self {
        Self {
            rates: rates.to_vec(),
            burst: 100.0,
            tokens: 100.0,
            seen: 0.0,
            retry_after: None,
            refused: 0.0,
            noise: 0,
        }
    }

    fn seeded(self, seed: u32) -> Self {
        Self {
            noise: seed * 7919,
            ..self
        }
    }

    fn refusing(self, refused: f64) -> Self {
        Self { refused, ..self }
    }

    fn rate(&self, at: f64) -> f64 {
        let current = self.rates.iter().rfind(|(from, _)| *from <= at);
        current.map_or(0.0, |(_, rate)| *rate)
    }

    fn admits(&mut self, at: f64) -> bool {
        // In steps, since the rate may change in between.
        let steps = 20.0;
        for step in 0..20 {
            let from = self.seen + (at - self.seen) * f64::from(step) / steps;
            self.tokens += self.rate(from) * (at - self.seen) / steps;
        }
        self.tokens = self.tokens.min(self.burst);
        if self.rate(at) == 0.0 {
            self.tokens = 0.0;
        }
        self.seen = at;
        self.noise = self
            .noise
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let is_refused = f64::from(self.noise) / f64::from(u32::MAX) < self.refused;
        let is_admitted = self.tokens >= 1.0 && !is_refused;
        if is_admitted {
            self.tokens -= 1.0;
        }
        is_admitted
    }
}

/// One request that the service recorded.
#[derive(Clone, Copy, Debug)]
struct Request {
    at: f64,
    process: usize,
    is_admitted: bool,
}

#[derive(Debug, Default)]
struct Outcome {
    requests: Vec<Request>,
    failed: usize,
    seconds: f64,
    early: usize,
}

impl Outcome {
    fn count(&self, from: f64, to: f64, is_counted: impl Fn(&Request) -> bool) -> f64 {
        let requests = self.requests.iter();
        let counted =
            requests.filter(|request| (from..to).contains(&request.at) && is_counted(request));
        f64::from(u32::try_from(counted.count()).unwrap())
    }

    fn admitted(&self, from: f64, to: f64) -> f64 {
        self.count(from, to, |request| request.is_admitted) / (to - from)
    }
}

struct Call<'p> {
    process: usize,
    state: RetryState,
    turn: Turn<&'p Pacer>,
    not_before: f64,
    is_admitted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Ask,
    Arrive,
    Hear,
}

/// Calls that begin at these seconds, by process.
fn simulate(mut service: Service, starts: &[Vec<f64>], round_trip: f64, until: f64) -> Outcome {
    let epoch = Instant::now();
    let config = RetryConfig::storage();
    let pacers: Vec<Pacer> = starts.iter().map(|_| Pacer::new()).collect();
    let mut outcome = Outcome::default();
    let mut calls = Vec::new();
    let mut events = BinaryHeap::new();
    let nanos = |seconds: f64| Duration::from_secs_f64(seconds).as_nanos();
    for (process, starts) in starts.iter().enumerate() {
        for start in starts {
            events.push(Reverse((nanos(*start), calls.len(), Step::Ask)));
            calls.push(Call {
                process,
                state: RetryState::new(None, calls.len() as u64),
                turn: Turn::new(&pacers[process]),
                not_before: 0.0,
                is_admitted: false,
            });
        }
    }
    let mut jitter = service.noise;
    let mut service_is_free = 0.0_f64;
    while let Some(Reverse((at, index, step))) = events.pop() {
        let at = Duration::from_nanos(u64::try_from(at).unwrap());
        let now = epoch + at;
        let seconds = at.as_secs_f64();
        if seconds > until {
            break;
        }
        let call = &mut calls[index];
        jitter = jitter.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let half = round_trip / 2.0 * (0.8 + 0.4 * f64::from(jitter) / f64::from(u32::MAX));
        match step {
            Step::Ask => {
                match call.turn.poll(now) {
                    Admission::Go => {
                        outcome.early += usize::from(seconds < call.not_before);
                        call.state.on_attempt(&config, Some(now));
                        // The service reads 2,500 requests a second.
                        service_is_free = service_is_free.max(seconds + half) + 0.0004;
                        events.push(Reverse((nanos(service_is_free), index, Step::Arrive)));
                    }
                    Admission::WaitUntil(then) => {
                        // Timers go by milliseconds and are late.
                        let then = (then - epoch).as_secs_f64() * 1000.0;
                        events.push(Reverse((
                            nanos((then.floor() + 1.0) / 1000.0),
                            index,
                            Step::Ask,
                        )));
                    }
                }
            }
            Step::Arrive => {
                call.is_admitted = service.admits(seconds);
                outcome.requests.push(Request {
                    at: seconds,
                    process: call.process,
                    is_admitted: call.is_admitted,
                });
                events.push(Reverse((nanos(seconds + half), index, Step::Hear)));
            }
            Step::Hear if call.is_admitted => {
                call.turn.succeeded(now);
                outcome.seconds = seconds;
            }
            Step::Hear => {
                call.turn.throttled(now);
                let verdict = Verdict::Throttled {
                    retry_after: service.retry_after,
                };
                if call.state.retries() == 0 {
                    call.state.start_clock(now);
                }
                match call.state.on_paced_failure(
                    &config,
                    Some(now),
                    verdict,
                    &pacers[call.process],
                ) {
                    Decision::Retry { delay } => {
                        call.not_before =
                            seconds + service.retry_after.unwrap_or_default().as_secs_f64();
                        events.push(Reverse((
                            nanos((at + delay).as_secs_f64()),
                            index,
                            Step::Ask,
                        )));
                    }
                    Decision::Stop(_) => outcome.failed += 1,
                }
            }
        }
    }
    outcome
}

/// So many calls of one process, at the same moment.
fn simultaneous(calls: usize) -> [Vec<f64>; 1] {
    [vec![0.0; calls]]
}

const SEEDS: [u32; 6] = [1, 2, 3, 4, 5, 6];

/// Round trips in seconds: a server in the house, in the region, and far away.
const ROUND_TRIPS: [f64; 3] = [0.002, 0.02, 0.2];

#[test]
fn a_crowd_is_served_at_the_services_rate_and_none_fails() {
    for round_trip in ROUND_TRIPS {
        for calls in [200, 500, 1000, 3000] {
            let service = Service::new(&[(0.0, 100.0)]);
            let outcome = simulate(service, &simultaneous(calls), round_trip, 300.0);
            assert_eq!(outcome.failed, 0, "{calls} calls, {round_trip} s");
            let requests = outcome.requests.len();
            assert!(
                requests * 10 <= calls * 21,
                "{calls} calls, {round_trip} s: {requests}"
            );
            let ideal = f64::from(u32::try_from(calls - 100).unwrap()) / 100.0;
            let took = outcome.seconds;
            assert!(
                took <= 1.5 * ideal + 1.0,
                "{calls} calls, {round_trip} s: {took} s"
            );
        }
    }
}

#[test]
fn nothing_is_sent_before_the_time_that_the_service_named() {
    for round_trip in ROUND_TRIPS {
        let mut service = Service::new(&[(0.0, 100.0)]);
        service.retry_after = Some(Duration::from_secs(1));
        let outcome = simulate(service, &simultaneous(1000), round_trip, 300.0);
        assert_eq!((outcome.failed, outcome.early), (0, 0));
        assert!(outcome.seconds <= 14.5, "{}", outcome.seconds);
    }
}

#[test]
fn two_processes_share_a_service_without_talking() {
    for round_trip in ROUND_TRIPS {
        for second in [0.0, 0.5, 10.0] {
            let starts = [vec![0.0; 4000], vec![second; 4000]];
            let (from, to) = (second + 10.0, second + 30.0);
            let shares = SEEDS.map(|seed| {
                let service = Service::new(&[(0.0, 100.0)]).seeded(seed);
                let outcome = simulate(service, &starts, round_trip, second + 40.0);
                assert!(outcome.admitted(from, to) >= 95.0);
                let first = outcome.count(from, to, |request| {
                    request.is_admitted && request.process == 0
                });
                first / outcome.count(from, to, |request| request.is_admitted)
            });
            let mean = shares.iter().sum::<f64>() / 6.0;
            let is_fair = |share: f64, most: f64| (1.0 - most..=most).contains(&share);
            assert!(
                is_fair(mean, 0.6) && shares.iter().all(|share| is_fair(*share, 0.75)),
                "{shares:.2?}, {round_trip} s, {second} s later"
            );
        }
    }
}

#[test]
fn a_rate_that_changes_is_followed_within_5_seconds() {
    for round_trip in ROUND_TRIPS {
        let doubles = Service::new(&[(0.0, 100.0), (15.0, 200.0)]);
        let outcome = simulate(doubles, &simultaneous(6000), round_trip, 25.0);
        assert!(
            outcome.admitted(19.0, 24.0) >= 160.0,
            "{}",
            outcome.admitted(19.0, 24.0)
        );

        let halves = Service::new(&[(0.0, 200.0), (15.0, 100.0)]);
        let outcome = simulate(halves, &simultaneous(6000), round_trip, 25.0);
        assert!(outcome.admitted(16.0, 20.0) >= 80.0);
        let sent = outcome.count(17.0, 22.0, |_| true) / 5.0;
        assert!(sent <= 120.0, "{sent} sent a second, {round_trip} s");
    }
}

#[test]
fn a_service_that_refuses_everything_gets_a_trickle_and_is_found_again() {
    for round_trip in ROUND_TRIPS {
        for calls in [1, 5, 2500] {
            let service = Service::new(&[(0.0, 100.0), (6.0, 0.0), (26.0, 100.0)]);
            let starts: Vec<f64> = (0..calls).map(|call| f64::from(call % 10)).collect();
            let outcome = simulate(service, &[starts], round_trip, 60.0);
            assert_eq!(outcome.failed, 0, "{calls} calls, {round_trip} s");
            for second in 7..26 {
                // The wave of a second is still on its way in its first moments.
                if second < 10 {
                    continue;
                }
                let from = f64::from(second) + 0.3;
                let sent = outcome.count(from, from + 1.0, |_| true);
                assert!(
                    sent <= 5.0,
                    "{sent} in second {second}, {calls} calls, {round_trip} s"
                );
            }
            if calls == 2500 {
                assert!(
                    outcome.admitted(28.0, 36.0) >= 80.0,
                    "{}",
                    outcome.admitted(28.0, 36.0)
                );
            }
        }
    }
}

#[test]
fn refusals_that_do_not_depend_on_the_rate_do_not_hold_it_down() {
    for round_trip in ROUND_TRIPS {
        for seed in SEEDS {
            for (share, longest) in [(0.05, 4.0), (0.15, 6.0), (0.3, 15.0)] {
                let service = Service::new(&[(0.0, 1e6)]).seeded(seed).refusing(share);
                let outcome = simulate(service, &simultaneous(1000), round_trip, 300.0);
                assert_eq!(outcome.failed, 0, "{share}, {round_trip} s, {seed}");
                let took = outcome.seconds;
                assert!(took <= longest, "{took} s, {share}, {round_trip} s, {seed}");
            }
        }
    }
}

#[test]
fn a_limit_is_kept_to_where_some_are_refused_by_chance() {
    for round_trip in ROUND_TRIPS {
        for seed in SEEDS {
            let service = Service::new(&[(0.0, 100.0)]).seeded(seed).refusing(0.3);
            let outcome = simulate(service, &simultaneous(1000), round_trip, 300.0);
            assert_eq!(outcome.failed, 0, "{round_trip} s, {seed}");
            // 900 of the first wave, and 1.43 for each that is admitted.
            let requests = outcome.requests.len();
            assert!(requests <= 3600, "{requests}, {round_trip} s, {seed}");
            let took = outcome.seconds;
            assert!(took <= 45.0, "{took} s, {round_trip} s, {seed}");
        }
    }
}

#[test]
fn it_lets_go_when_throttling_ends() {
    let pacer = Pacer::new();
    let start = Instant::now();
    let mut turn = Turn::new(&pacer);
    assert_eq!(turn.poll(start), Admission::Go);
    turn.throttled(start);
    let mut now = start;
    while let Admission::WaitUntil(then) = turn.poll(now) {
        now = then;
    }
    turn.succeeded(now);
    assert!(pacer.is_active());
    now = start + Duration::from_secs(5);
    assert_eq!(turn.poll(now), Admission::Go);
    assert!(!pacer.is_active());
    assert_eq!(pacer.rate(), None);
}
