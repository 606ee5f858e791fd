//! Turns at a pacer, for any order of events.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use undaunted::{Admission, Pacer, Turn};

/// What happens next to one of the calls.
#[derive(Clone, Copy, Debug)]
enum Step {
    Come,
    Throttled,
    Succeeded,
    Leave,
    Later(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Come),
        3 => Just(Step::Throttled),
        3 => Just(Step::Succeeded),
        1 => Just(Step::Leave),
        5 => (0..2000_u16).prop_map(Step::Later),
    ]
}

proptest! {
    #[test]
    fn the_rate_stays_within_its_range_and_no_place_is_lost(
        steps in prop::collection::vec((step(), any::<prop::sample::Index>()), 1..300),
    ) {
        let pacer = Pacer::new();
        let mut now = Instant::now();
        let mut waiting: Vec<Turn<&Pacer>> = Vec::new();
        let mut sent: Vec<Turn<&Pacer>> = Vec::new();
        for (step, index) in steps {
            match step {
                Step::Come => waiting.push(Turn::new(&pacer)),
                Step::Throttled if !sent.is_empty() => {
                    let mut turn = sent.remove(index.index(sent.len()));
                    turn.throttled(now);
                    waiting.push(turn);
                }
                Step::Succeeded if !sent.is_empty() => {
                    sent.remove(index.index(sent.len())).succeeded(now);
                }
                Step::Leave if !waiting.is_empty() => {
                    waiting.remove(index.index(waiting.len()));
                }
                Step::Later(ms) => now += Duration::from_millis(u64::from(ms)),
                _ => {}
            }
            for mut turn in std::mem::take(&mut waiting) {
                match turn.poll(now) {
                    Admission::Go => sent.push(turn),
                    Admission::WaitUntil(then) => {
                        prop_assert!(then > now && then <= now + Duration::from_secs(2));
                        waiting.push(turn);
                    }
                }
            }
            if let Some(rate) = pacer.rate() {
                prop_assert!((3.0..=1e6).contains(&rate), "{rate}");
            }
            prop_assert_eq!(pacer.waiting(), waiting.len());
        }
        // Nobody starves: whoever waits gets a turn, even at the lowest rate.
        let mut slots = 0;
        while !waiting.is_empty() {
            now += Duration::from_millis(500);
            waiting.retain_mut(|turn| turn.poll(now) != Admission::Go);
            slots += 1;
            prop_assert!(slots < 2000);
        }
        drop(sent);
        prop_assert_eq!(pacer.waiting(), 0);
    }

    #[test]
    fn first_come_first_served(calls in 2..200_usize) {
        let start = Instant::now();
        let pacer = throttled(start);
        let mut calls: Vec<(usize, Turn<&Pacer>, Instant)> =
            (0..calls).map(|number| (number, Turn::new(&pacer), start)).collect();
        let mut served = Vec::new();
        while !calls.is_empty() {
            // The call that asks next is the one whose wait ends first.
            calls.sort_by_key(|(number, _, then)| (*then, *number));
            let now = calls[0].2;
            match calls[0].1.poll(now) {
                Admission::WaitUntil(then) => calls[0].2 = then,
                Admission::Go => served.push(calls.remove(0).0),
            }
        }
        prop_assert!(served.is_sorted(), "{served:?}");
    }
}

#[test]
fn whoever_is_dropped_frees_the_place() {
    let start = Instant::now();
    let pacer = throttled(start);
    let mut turns: Vec<_> = (0..100).map(|_| Turn::new(&pacer)).collect();
    let waits = |turn: &mut Turn<&Pacer>, now| match turn.poll(now) {
        Admission::Go => Duration::ZERO,
        Admission::WaitUntil(then) => then - now,
    };
    for turn in &mut turns {
        assert!(waits(turn, start) > Duration::ZERO);
    }
    assert_eq!(pacer.waiting(), 100);
    let mut last = turns.pop().unwrap();
    let before = waits(&mut last, start);
    drop(turns);
    assert_eq!(pacer.waiting(), 1);
    assert!(waits(&mut last, start) < before);
    assert_eq!(last.poll(start + Duration::from_millis(200)), Admission::Go);
}

#[test]
fn a_throttled_call_keeps_its_place() {
    let start = Instant::now();
    let pacer = throttled(start);
    let mut first = Turn::new(&pacer);
    let mut second = Turn::new(&pacer);
    assert_ne!(first.poll(start), Admission::Go);
    assert_ne!(second.poll(start), Admission::Go);
    let now = start + Duration::from_millis(60);
    assert_eq!(first.poll(now), Admission::Go);
    first.throttled(now);
    let Admission::WaitUntil(firsts) = first.poll(now) else {
        panic!("it has just sent one")
    };
    let Admission::WaitUntil(seconds) = second.poll(now) else {
        panic!("the slot was the first's")
    };
    assert!(firsts < seconds);
}

#[test]
fn a_call_that_is_throttled_three_times_goes_behind_those_who_came_later() {
    let mut now = Instant::now();
    let pacer = throttled(now);
    let go = |turn: &mut Turn<&Pacer>, now: &mut Instant| {
        while let Admission::WaitUntil(then) = turn.poll(*now) {
            *now = then;
        }
    };
    let mut unlucky = Turn::new(&pacer);
    assert!(std::ptr::eq(unlucky.pacer(), &raw const pacer));
    let mut later: Option<Turn<&Pacer>> = None;
    for refusals in 1..=3 {
        go(&mut unlucky, &mut now);
        let later = later.get_or_insert_with(|| Turn::new(&pacer));
        assert_ne!(later.poll(now), Admission::Go);
        unlucky.throttled(now);
        // Others are served meanwhile, so the service does not refuse everything.
        let mut other = Turn::new(&pacer);
        go(&mut other, &mut now);
        other.succeeded(now);
        let (Admission::WaitUntil(of_unlucky), Admission::WaitUntil(of_later)) =
            (unlucky.poll(now), later.poll(now))
        else {
            panic!("a slot has just been used")
        };
        assert_eq!(of_unlucky < of_later, refusals < 3, "{refusals}");
    }
}

/// A pacer that has just met its first throttled response.
fn throttled(now: Instant) -> Pacer {
    let pacer = Pacer::new();
    Turn::new(&pacer).throttled(now);
    pacer
}

#[test]
fn a_call_that_nobody_polls_keeps_nobody_back() {
    let pacer = Pacer::new();
    let mut now = Instant::now();
    Turn::new(&pacer).throttled(now);
    let mut parked: Vec<_> = (0..16).map(|_| Turn::new(&pacer)).collect();
    for turn in &mut parked {
        assert!(matches!(turn.poll(now), Admission::WaitUntil(_)));
    }
    let mut other = Turn::new(&pacer);
    let start = now;
    while let Admission::WaitUntil(then) = other.poll(now) {
        now = then;
    }
    assert!(now - start <= Duration::from_secs(2), "{:?}", now - start);
    // Once they ask again, they go first.
    let mut late = Turn::new(&pacer);
    assert!(matches!(late.poll(now), Admission::WaitUntil(_)));
    let mut first = parked.remove(0);
    while let Admission::WaitUntil(then) = first.poll(now) {
        assert!(matches!(late.poll(now), Admission::WaitUntil(_)));
        now = then;
    }
}

#[test]
fn a_turn_that_is_throttled_while_it_waits_leaves_no_place_behind() {
    let pacer = Pacer::new();
    let now = Instant::now();
    let mut turn = Turn::new(&pacer);
    turn.throttled(now);
    for _ in 0..5 {
        assert!(matches!(turn.poll(now), Admission::WaitUntil(_)));
        turn.throttled(now);
    }
    drop(turn);
    assert_eq!(pacer.waiting(), 0);
}
