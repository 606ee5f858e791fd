//! Dropping a call at every await: nothing runs afterwards, nothing is left behind.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tokio::time::{advance, sleep};
use undaunted::{Retry, RetryBudget, Session, with_retry};

use crate::support::{plain, reset, secs};

/// Counts how many of it are alive.
struct Alive(Rc<Cell<u32>>);

impl Alive {
    fn one(count: &Rc<Cell<u32>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_at_any_await_leaves_nothing() {
    let config = plain().build().unwrap();
    // Polls: attempt pending, wait pending, second attempt pending, wait pending, …
    for polls in 1..8 {
        let alive = Rc::new(Cell::new(0));
        let attempts = Rc::new(Cell::new(0_u16));
        let budget = RetryBudget::with_capacity_and_refill(100, 0);
        {
            let op = || {
                let alive = Alive::one(&alive);
                let attempts = Rc::clone(&attempts);
                async move {
                    let _alive = alive;
                    attempts.set(attempts.get() + 1);
                    sleep(secs(1)).await;
                    Err::<(), _>(reset())
                }
            };
            let mut call = pin!(Retry::new(op).config(&config).budget(&budget).run());
            let mut cx = Context::from_waker(Waker::noop());
            for _ in 0..polls {
                if call.as_mut().poll(&mut cx).is_ready() {
                    break;
                }
                advance(secs(1)).await;
            }
        }
        let begun = attempts.get();
        assert_eq!(
            alive.get(),
            0,
            "after {polls} polls an attempt is still there"
        );
        advance(secs(600)).await;
        assert_eq!(attempts.get(), begun, "something ran after the drop");
        // A retry that began is spent; one that was waiting is given back.
        let retries = begun.saturating_sub(1);
        assert_eq!(budget.tokens(), 100 - 14 * retries, "after {polls} polls");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_dropped_while_it_waits_gives_its_tokens_back() {
    let config = plain().build().unwrap();
    let budget = RetryBudget::with_capacity_and_refill(100, 0);
    {
        let mut session = Session::<io::Error>::new(&config).budget(&budget);
        let mut wait = pin!(session.failed(reset()));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        assert_eq!(budget.tokens(), 86);
    }
    assert_eq!(budget.tokens(), 100);
}

#[tokio::test(start_paused = true)]
async fn the_failed_attempt_is_dropped_before_the_wait() {
    let alive = Rc::new(Cell::new(0));
    let op = || {
        let alive = Alive::one(&alive);
        async move {
            let _alive = alive;
            Err::<(), _>(reset())
        }
    };
    let config = plain().build().unwrap();
    let mut call = pin!(with_retry(op, &config));
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(call.as_mut().poll(&mut cx).map(drop), Poll::Pending);
    assert_eq!(
        alive.get(),
        0,
        "a connection would be held through the wait"
    );
}
