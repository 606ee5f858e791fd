//! What an attempt finds in the arguments.

use std::cell::Cell;
use std::io;

use bytes::Bytes;
use undaunted::retry;

use crate::Flaky;

struct Point {
    x: Vec<u32>,
    y: u32,
}

impl Clone for Point {
    fn clone(&self) -> Self {
        Self {
            x: self.x.clone(),
            y: self.y,
        }
    }
}

#[retry(jitter = "none")]
async fn consumed(flaky: &Flaky, data: Vec<u8>, name: String) -> io::Result<(Bytes, String)> {
    let sent = (Bytes::from(data), name);
    flaky.call()?;
    Ok(sent)
}

#[retry]
async fn changed(flaky: &Flaky, mut data: Vec<u8>, mut left: u32) -> io::Result<(Vec<u8>, u32)> {
    data.push(b'!');
    left -= 1;
    flaky.call()?;
    Ok((data, left))
}

#[retry]
async fn patterns(
    flaky: &Flaky,
    (mut bytes, text): (Vec<u8>, String),
    Point { x, .. }: Point,
    [first, _]: [u8; 2],
    (word, number): &(String, u32),
) -> io::Result<(Vec<u8>, String, Vec<u32>, u8, usize)> {
    bytes.push(1);
    let (x, text) = (x, text);
    flaky.call()?;
    Ok((bytes, text, x, first, word.len() + *number as usize))
}

#[retry]
async fn rest(flaky: &Flaky, mut rest: &[u8]) -> io::Result<usize> {
    while let [_, tail @ ..] = rest {
        rest = tail;
        if rest.len() == 2 {
            break;
        }
    }
    flaky.call()?;
    Ok(rest.len())
}

#[retry]
async fn exclusive(
    flaky: &Flaky,
    log: &mut Vec<u32>,
    mut window: &mut [u8],
    (count, _): &mut (u32, u32),
) -> io::Result<usize> {
    // Moves the reference, as a generic function would.
    let log = log;
    log.push(flaky.calls());
    *count += 1;
    if let [_, tail @ ..] = window {
        window = tail;
    }
    flaky.call()?;
    Ok(window.len())
}

/// Neither `Clone` nor named in the body.
struct Permit<'a>(&'a Cell<bool>);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

#[retry]
async fn held(
    flaky: &Flaky,
    released: &Cell<bool>,
    _permit: Permit<'_>,
    _: Permit<'_>,
    #[allow(unused_mut)] mut _other: Permit<'_>,
) -> io::Result<u32> {
    // `_` and `mut` are in the patterns above too, and are no names.
    let _ = released.get();
    let mut calls = 0;
    assert!(!released.get());
    calls += flaky.call()?;
    Ok(calls)
}

#[retry]
async fn formatted(flaky: &Flaky, name: String) -> io::Result<String> {
    flaky.call()?;
    Ok(format!("<{name}>"))
}

#[retry]
async fn impls(
    flaky: &Flaky,
    name: impl Into<String> + Clone,
    op: impl Fn(u32) -> u32 + Clone,
) -> io::Result<(String, u32)> {
    let name = name.into();
    Ok((name, op(flaky.call()?)))
}

#[tokio::test(start_paused = true)]
async fn every_attempt_gets_its_own_value() {
    let sent = consumed(&Flaky::new(2), b"abc".to_vec(), "key".to_owned()).await;
    assert_eq!(sent.unwrap(), (Bytes::from("abc"), "key".to_owned()));
    let changed = changed(&Flaky::new(3), b"abc".to_vec(), 7).await;
    assert_eq!(changed.unwrap(), (b"abc!".to_vec(), 6));
}

#[tokio::test(start_paused = true)]
async fn patterns_are_taken_apart_for_every_attempt() {
    let point = Point {
        x: vec![1, 2],
        y: 3,
    };
    assert_eq!(point.y, 3);
    let result = patterns(
        &Flaky::new(3),
        (vec![0], "b".to_owned()),
        point,
        [7, 8],
        &("four".to_owned(), 5),
    )
    .await;
    assert_eq!(
        result.unwrap(),
        (vec![0, 1], "b".to_owned(), vec![1, 2], 7, 9)
    );
}

#[tokio::test(start_paused = true)]
async fn a_reference_that_the_body_moves_on_starts_afresh() {
    assert_eq!(rest(&Flaky::new(3), b"abcdef").await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_an_attempt_did_through_mut_stays() {
    let (mut log, mut window, mut count) = (Vec::new(), [1, 2, 3], (0, 0));
    let left = exclusive(&Flaky::new(2), &mut log, &mut window, &mut count).await;
    assert_eq!(left.unwrap(), 2);
    assert_eq!(log, [0, 1, 2]);
    assert_eq!(count, (3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_is_not_named_in_the_body_is_held() {
    let released = Cell::new(false);
    let permit = Permit(&released);
    let other = Cell::new(false);
    let (second, third) = (Permit(&other), Permit(&other));
    held(&Flaky::new(2), &released, permit, second, third)
        .await
        .unwrap();
    assert!(released.get() && other.get());
    assert_eq!(
        formatted(&Flaky::new(1), "x".to_owned()).await.unwrap(),
        "<x>"
    );
}

#[tokio::test(start_paused = true)]
async fn impl_trait_arguments_are_cloned() {
    let result = impls(&Flaky::new(1), "name", |calls| calls * 10).await;
    assert_eq!(result.unwrap(), ("name".to_owned(), 20));
}
