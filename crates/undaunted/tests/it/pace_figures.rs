//! The figures of a pacer that its documentation names: where it starts, how fast it rises, what a
//! throttled response takes from it, and when it lets go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use undaunted::{Admission, Decision, Pacer, RetryState, Turn, Verdict};

use crate::support::{plain, secs};

/// A service, and callers who always have more requests than the pacer lets go.
struct Line {
    pacer: Arc<Pacer>,
    now: Instant,
}

impl Line {
    /// It has just met its first throttled response.
    fn throttled() -> Self {
        let line = Self {
            pacer: Arc::new(Pacer::new()),
            now: Instant::now(),
        };
        line.turn().throttled(line.now);
        line
    }

    /// It has searched for so long without being throttled, and then was, once.
    fn found(search: Duration) -> Self {
        let mut line = Self::throttled();
        line.serve(search);
        let mut last = line.send();
        last.throttled(line.now);
        line
    }

    fn turn(&self) -> Turn<Arc<Pacer>> {
        Turn::new(Arc::clone(&self.pacer))
    }

    fn rate(&self) -> f64 {
        self.pacer.rate().unwrap()
    }

    /// A request that had to wait for its turn, and is on its way.
    fn send(&mut self) -> Turn<Arc<Pacer>> {
        let mut turn = self.turn();
        while let Admission::WaitUntil(then) = turn.poll(self.now) {
            self.now = then;
        }
        turn
    }

    /// For so long every request is taken, with an immediate response. How many there were.
    fn serve(&mut self, time: Duration) -> u32 {
        let end = self.now + time;
        let mut requests = 0;
        while self.now < end {
            let mut turn = self.send();
            turn.succeeded(self.now);
            requests += 1;
        }
        requests
    }
}

#[track_caller]
fn assert_near(actual: f64, expected: f64) {
    assert!(
        (actual / expected - 1.0).abs() < 1e-9,
        "{actual}, not {expected}"
    );
}

#[test]
fn it_begins_at_20_a_second_and_doubles_every_250_ms() {
    let mut line = Line::throttled();
    assert_near(line.rate(), 20.0);
    let rates: Vec<f64> = (0..6)
        .map(|_| {
            line.serve(Duration::from_millis(250));
            line.rate()
        })
        .collect();
    // The first is short of a turn: what was sent before there was a pace is let through first.
    let grew: Vec<f64> = rates.windows(2).map(|pair| pair[1] / pair[0]).collect();
    assert!(
        grew.iter().all(|grew| (1.6..2.5).contains(grew)),
        "{rates:.1?}, {grew:.2?}"
    );
}

#[test]
fn requests_are_sent_at_the_rate() {
    let mut line = Line::found(Duration::from_millis(600));
    let (mut sent, mut expected) = (0, 0.0);
    for _ in 0..40 {
        let (start, before) = (line.now, line.rate());
        sent += line.serve(Duration::from_millis(100));
        expected += f64::midpoint(before, line.rate()) * (line.now - start).as_secs_f64();
    }
    let share = f64::from(sent) / expected;
    assert!((0.93..1.07).contains(&share), "{sent} sent, {expected} due");
}

#[test]
fn successes_raise_it_by_24_each_second_and_faster_the_longer_nothing_is_throttled() {
    let mut line = Line::found(Duration::from_millis(400));
    let mut rate = line.rate();
    for calm in [0.5, 1.5, 2.5] {
        let before = rate;
        line.serve(secs(1));
        rate = line.rate();
        // And 2 % of the rate, and 10 % of it for each second without a throttled response.
        let expected = 24.0 + (0.02 + 0.1 * calm) * f64::midpoint(before, rate);
        let rose = rate - before;
        assert!(
            (0.85..1.15).contains(&(rose / expected)),
            "{rose}, not {expected}"
        );
    }
}

#[test]
fn a_request_that_did_not_wait_raises_nothing() {
    let mut line = Line::throttled();
    line.now += secs(2);
    let mut turn = line.turn();
    assert_eq!(turn.poll(line.now), Admission::Go);
    turn.succeeded(line.now);
    assert_near(line.rate(), 20.0);
}

#[test]
fn a_throttled_response_takes_6_percent_and_more_in_a_row_but_one_round_trip_at_most_half() {
    let mut line = Line::throttled();
    line.serve(secs(1));
    let mut sent: Vec<_> = (0..12).map(|_| line.send()).collect();
    let before = line.rate();
    let mut expected = before;
    for (step, turn) in [0.06, 0.12, 0.18, 0.24, 0.30].into_iter().zip(&mut sent) {
        turn.throttled(line.now);
        expected *= 1.0 - step;
        assert_near(line.rate(), expected.max(before / 2.0));
    }
    for turn in &mut sent[5..] {
        turn.throttled(line.now);
        assert_near(line.rate(), before / 2.0);
    }
    // Those of the round trip that took nothing more do not count for the row.
    line.send().throttled(line.now);
    assert_near(line.rate(), before / 2.0 * (1.0 - 0.36));
    // A success ends the row.
    let mut turn = line.send();
    turn.succeeded(line.now);
    let before = line.rate();
    line.send().throttled(line.now);
    assert_near(line.rate(), before * 0.94);
}

#[test]
fn a_service_that_takes_nothing_is_sent_3_a_second() {
    let mut line = Line::throttled();
    for _ in 0..100 {
        let mut turn = line.send();
        turn.throttled(line.now);
    }
    assert_near(line.rate(), 3.0);
    let start = line.now;
    for _ in 0..30 {
        let mut turn = line.send();
        turn.throttled(line.now);
    }
    // At the floor the gaps are even.
    let took = (line.now - start).as_secs_f64();
    assert!((9.6..10.1).contains(&took), "{took}");
    // Once it takes requests again, the search begins anew.
    line.serve(Duration::from_millis(1500));
    assert!(line.rate() > 40.0, "{}", line.rate());
}

/// Regular gaps would leave the smaller of two processes all of the throttled responses.
#[test]
fn gaps_are_random_and_differ_between_processes() {
    let sent = |seed| {
        let mut line = Line::found(Duration::from_millis(400));
        line.pacer.seed(seed);
        let start = line.now;
        let times = (0..200).map(|_| {
            drop(line.send());
            (line.now - start).as_secs_f64() * line.rate()
        });
        times.collect::<Vec<_>>()
    };
    let times = sent(1);
    assert_ne!(times, sent(2));
    let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let share = |is_counted: &dyn Fn(f64) -> bool| {
        let count = gaps.iter().filter(|gap| is_counted(**gap)).count();
        f64::from(u32::try_from(count).unwrap()) / 199.0
    };
    // Of independent callers 39 % come within half of the mean gap, and 14 % after twice of it.
    assert!((0.3..0.5).contains(&share(&|gap| gap < 0.5)), "{gaps:.1?}");
    assert!((0.07..0.2).contains(&share(&|gap| gap > 2.0)), "{gaps:.1?}");
    assert!(share(&|gap| gap > 4.2) < f64::EPSILON, "{gaps:.1?}");
}

#[test]
fn who_asks_goes_if_there_are_turns_enough_for_those_ahead() {
    let mut line = Line::throttled();
    line.serve(secs(1));
    let mut waiting: Vec<_> = (0..3).map(|_| line.turn()).collect();
    for turn in &mut waiting {
        assert_ne!(turn.poll(line.now), Admission::Go);
    }
    // Nobody asked for 20 ms, which are some ten turns.
    line.now += Duration::from_millis(40);
    assert_eq!(waiting[2].poll(line.now), Admission::Go);
    assert_eq!(waiting[0].poll(line.now), Admission::Go);
}

#[test]
fn it_lets_go_after_5_seconds_without_a_throttled_response() {
    let mut line = Line::throttled();
    line.now += Duration::from_millis(4999);
    let mut turn = line.turn();
    assert_eq!(turn.poll(line.now), Admission::Go);
    assert!(line.pacer.is_active());
    // The success of the last request on its way ends it too.
    line.now += Duration::from_millis(1);
    assert!(turn.succeeded(line.now) && !line.pacer.is_active());
    assert!(!turn.succeeded(line.now), "it is told once");
}

#[test]
fn it_does_not_let_go_while_somebody_waits() {
    let mut line = Line::found(secs(1));
    line.now += secs(4);
    let mut waiting: Vec<_> = (0..10).map(|_| line.turn()).collect();
    for turn in &mut waiting {
        let _ = turn.poll(line.now);
    }
    line.now += secs(1);
    let mut other = line.turn();
    other.poll(line.now);
    assert!(line.pacer.is_active());
}

#[test]
fn the_rate_is_remembered_for_a_minute() {
    for (later, is_known) in [(59_999, true), (60_000, false)] {
        let mut line = Line::found(Duration::from_millis(600));
        let throttled = line.now;
        let known = line.rate();
        line.now += secs(5);
        assert_eq!(line.turn().poll(line.now), Admission::Go);
        assert!(!line.pacer.is_active());
        line.now = throttled + Duration::from_millis(later);
        assert!(line.turn().throttled(line.now), "pacing begins with it");
        assert_near(line.rate(), if is_known { known * 0.7 } else { 20.0 });
    }
    // One below where a search begins is not worth it.
    let mut line = Line::throttled();
    for _ in 0..3 {
        line.send().throttled(line.now);
    }
    assert!(line.rate() < 15.0);
    line.now += secs(5);
    assert_eq!(line.turn().poll(line.now), Admission::Go);
    line.turn().throttled(line.now);
    assert_near(line.rate(), 20.0);
    // Nor is that rate itself: the search begins anew.
    line.now += secs(5);
    assert_eq!(line.turn().poll(line.now), Admission::Go);
    line.turn().throttled(line.now);
    line.serve(Duration::from_millis(600));
    assert!(line.rate() > 50.0, "{}", line.rate());
}

/// A call that is throttled backs off besides its turns, if the service seems to refuse everything.
#[test]
fn three_refusals_in_a_row_over_150_ms_show_an_outage() {
    let config = plain().build().unwrap();
    let backs_off = |line: &Line| {
        let mut state = RetryState::new(None, 1);
        let now = Some(line.now);
        match state.on_paced_failure(&config, now, Verdict::THROTTLED, &line.pacer) {
            Decision::Retry { delay } => delay > Duration::ZERO,
            Decision::Stop(reason) => panic!("{reason}"),
        }
    };
    for (apart, count, expected) in [
        (75, 3, true),
        (74, 3, false),
        (150, 2, false),
        (38, 5, true),
    ] {
        // Too few responses for a trial of a higher rate, which would be another story.
        let mut line = Line::throttled();
        line.serve(Duration::from_millis(350));
        let mut sent: Vec<_> = (0..count).map(|_| line.send()).collect();
        for (number, turn) in sent.iter_mut().enumerate() {
            assert!(!backs_off(&line), "{number} of {count}");
            line.now += Duration::from_millis(apart);
            turn.throttled(line.now);
        }
        assert_eq!(backs_off(&line), expected, "{count}, each after {apart} ms");
        line.send().succeeded(line.now);
        assert!(!backs_off(&line), "a success shows that there is none");
    }
}
