//! What the code around a call has to say of it: the deadline of its caller, that there is to be one
//! attempt, and that it is a part of another's retry.

use std::fmt::Display;
use std::time::{Duration, Instant};

use super::Call;
use crate::driver::context::{Classify, Context};
use crate::driver::log;
use crate::driver::scope::{self, Change, Entered, Outer, current_deadline};
use crate::driver::timer::Timer;
use crate::state::{Cut, Decision, StopReason};
use crate::verdict::TimedOut;

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    C: Classify<E>,
    X: Context<'c>,
    S: Timer,
    E: Display,
{
    /// The first attempt, which began freely, has to wait: it is cut at the caller's deadline.
    #[cold]
    #[inline(never)]
    pub(in crate::driver) fn cap_first_attempt(&mut self) {
        let now = self.timer.now();
        self.start(now);
        let cut = earliest(None, Some(now), current_deadline(), self.began());
        if let Some(Cut { after, because }) = cut {
            let sleep = (!after.is_zero()).then(|| self.timer.sleep(after));
            self.timed.set(sleep, Some(because), None);
        }
    }

    /// The decision, within what the code around the call allows.
    pub(super) fn capped(
        &mut self,
        decision: Decision,
        now: Option<Instant>,
        deadline: Option<Instant>,
    ) -> Decision {
        let reason = match decision {
            Decision::Retry { .. } if scope::is_one_attempt() => StopReason::OneAttempt,
            Decision::Retry { delay } if is_over(now, delay, deadline) => {
                StopReason::CallerDeadline
            }
            Decision::Retry { .. } => {
                // Finding out the name of a call takes longer than all the rest.
                if let Some(outer) = scope::outer() {
                    outer.warn_of(self.context.name(), self.config.max_retries());
                }
                return decision;
            }
            Decision::Stop(reason)
                if reason != StopReason::Permanent && is_over(now, Duration::ZERO, deadline) =>
            {
                return Decision::Stop(StopReason::CallerDeadline);
            }
            Decision::Stop(_) => return decision,
        };
        // The retry that was granted is given back.
        self.state.on_drop(self.context.budget());
        Decision::Stop(reason)
    }
}

impl<'c, E, C, X, S> Call<'c, E, C, X, S>
where
    X: Context<'c>,
    S: Timer,
{
    /// While an attempt runs that is a retry: calls in it are told so, if anybody reads what they log.
    pub(in crate::driver) fn as_outer(&self) -> Option<Entered> {
        (self.state.retries() > 0 && log::is_on()).then(|| {
            let outer = Outer::new(self.context.name(), self.config.max_retries());
            Entered::new(Change::Within(outer))
        })
    }
}

/// The earlier of a cut and the caller's deadline, under which the call has been since it began.
pub(super) fn earliest(
    cut: Option<Cut>,
    now: Option<Instant>,
    deadline: Option<Instant>,
    began: Option<Instant>,
) -> Option<Cut> {
    let (Some(now), Some(deadline)) = (now, deadline) else {
        return cut;
    };
    let left = deadline.saturating_duration_since(now);
    match cut {
        Some(cut) if cut.after <= left => Some(cut),
        _ => Some(Cut {
            after: left,
            because: TimedOut::Deadline {
                limit: deadline.saturating_duration_since(began.unwrap_or(now)),
            },
        }),
    }
}

/// Whether a wait that begins now would end at the deadline or after it.
fn is_over(now: Option<Instant>, delay: Duration, deadline: Option<Instant>) -> bool {
    let left = deadline
        .zip(now)
        .map(|(deadline, now)| deadline.saturating_duration_since(now));
    left.is_some_and(|left| delay >= left)
}
