//! What the async and the blocking builder let a caller set: one list for both, so that no
//! setting exists in one of them only.

use std::fmt;
use std::marker::PhantomData;

use super::call::Call;
use super::context::{ByTrait, Context, name_of};
use super::pace::Paced;
use super::timer::Timer;
use crate::budget::RetryBudget;
use crate::config::RetryConfig;
use crate::event::Event;
use crate::pacer::Pacer;
use crate::report::RetryReport;

/// What gets a call's events.
pub trait Listener {
    /// Whether events are wanted at all.
    fn is_listening(&self) -> bool;

    /// An attempt has ended.
    fn on_event(&mut self, event: &Event<'_>);
}

/// No listener.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoListener;

impl Listener for NoListener {
    fn is_listening(&self) -> bool {
        false
    }

    fn on_event(&mut self, _: &Event<'_>) {}
}

/// A function is the listener.
pub struct OnEvent<F>(pub(super) F);

impl<F: FnMut(&Event<'_>)> Listener for OnEvent<F> {
    fn is_listening(&self) -> bool {
        true
    }

    fn on_event(&mut self, event: &Event<'_>) {
        (self.0)(event);
    }
}

impl<F> fmt::Debug for OnEvent<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnEvent")
    }
}

/// Writes a report while it passes events on.
pub(super) struct Recorded<'r, L> {
    inner: L,
    report: &'r mut RetryReport,
}

impl<L: Listener> Listener for Recorded<'_, L> {
    fn is_listening(&self) -> bool {
        true
    }

    fn on_event(&mut self, event: &Event<'_>) {
        self.report.record(event);
        self.inner.on_event(event);
    }
}

/// The settings of a builder.
#[derive(Debug)]
pub(super) struct Settings<'c, C, L> {
    pub(super) config: &'c RetryConfig,
    pub(super) name: Option<&'c str>,
    pub(super) budget: Option<&'c RetryBudget>,
    pub(super) pacer: Option<&'c Pacer>,
    pub(super) seed: Option<u64>,
    pub(super) classifier: C,
    pub(super) listener: L,
}

impl Settings<'_, ByTrait, NoListener> {
    pub(super) const fn new() -> Self {
        Self {
            config: &RetryConfig::DEFAULT,
            name: None,
            budget: None,
            pacer: None,
            seed: None,
            classifier: ByTrait,
            listener: NoListener,
        }
    }
}

impl<'c, C, L> Settings<'c, C, L> {
    pub(super) fn map_classifier<D>(self, map: impl FnOnce(C) -> D) -> Settings<'c, D, L> {
        Settings {
            config: self.config,
            name: self.name,
            budget: self.budget,
            pacer: self.pacer,
            seed: self.seed,
            classifier: map(self.classifier),
            listener: self.listener,
        }
    }

    pub(super) fn map_listener<M>(self, map: impl FnOnce(L) -> M) -> Settings<'c, C, M> {
        Settings {
            config: self.config,
            name: self.name,
            budget: self.budget,
            pacer: self.pacer,
            seed: self.seed,
            classifier: self.classifier,
            listener: map(self.listener),
        }
    }

    /// The same, and a report is written.
    pub(super) fn recorded_in<'r>(
        self,
        report: &'r mut RetryReport,
    ) -> Settings<'c, C, Recorded<'r, L>> {
        self.map_listener(|inner| Recorded { inner, report })
    }

    /// The call that these settings make of `Op`.
    #[inline]
    pub(super) fn into_call<Op, E, S>(
        self,
        timer: S,
    ) -> Call<'c, E, C, BuilderContext<'c, Op, L>, S>
    where
        L: Listener,
        S: Timer,
    {
        let context = BuilderContext {
            name: self.name,
            budget: self.budget,
            paced: self.pacer.map(Paced::new),
            listener: self.listener,
            op: PhantomData,
        };
        let mut call = Call::new(self.config, self.classifier, context, timer);
        if let Some(seed) = self.seed {
            call.state.seed_with(|| seed);
        }
        call
    }
}

/// What a call made by a builder is given.
pub(super) struct BuilderContext<'c, Op, L> {
    name: Option<&'c str>,
    budget: Option<&'c RetryBudget>,
    paced: Option<Paced<'c>>,
    listener: L,
    op: PhantomData<fn() -> Op>,
}

impl<'c, Op, L: Listener> Context<'c> for BuilderContext<'c, Op, L> {
    fn name(&self) -> &'c str {
        self.name.unwrap_or_else(|| name_of::<Op>())
    }

    fn budget(&self) -> Option<&'c RetryBudget> {
        self.budget
    }

    fn paced(&mut self) -> Option<&mut Paced<'c>> {
        self.paced.as_mut()
    }

    fn has_listener(&self) -> bool {
        self.listener.is_listening()
    }

    fn on_event(&mut self, event: &Event<'_>) {
        self.listener.on_event(event);
    }
}

/// The setters of a builder `$Retry<'c, Op, C, L, S>` with the fields `op`, `settings` and
/// `timer`, whose operation has the bounds that are given.
macro_rules! setters {
    ($Retry:ident, operation<$($param:ident),*> where $($bound:tt)*) => {
        impl<'c, Op, C, L, S> $Retry<'c, Op, C, L, S> {
            /// The policy. Default: [`RetryConfig::DEFAULT`](crate::RetryConfig::DEFAULT).
            pub fn config(mut self, config: &'c $crate::config::RetryConfig) -> Self {
                self.settings.config = config;
                self
            }

            /// The operation's name, for logs and events. Default: the function that the
            /// operation is, or was written in.
            pub fn name(mut self, name: &'c str) -> Self {
                self.settings.name = Some(name);
                self
            }

            /// The budget that retries are paid from. Default: none.
            pub fn budget(mut self, budget: &'c $crate::budget::RetryBudget) -> Self {
                self.settings.budget = Some(budget);
                self
            }

            /// The pacer at which attempts wait for their turns once the service throttles.
            /// Default: none. A throttled attempt then costs nothing of the budget, and is
            /// made again when its turn comes.
            pub fn pacer(mut self, pacer: &'c $crate::pacer::Pacer) -> Self {
                self.settings.pacer = Some(pacer);
                self
            }

            /// Makes the jitter repeatable. Default: a stream of its own for every call.
            pub fn seed(mut self, seed: u64) -> Self {
                self.settings.seed = Some(seed);
                self
            }

            /// Retries only the errors that `predicate` accepts. One that it accepts keeps
            /// its own verdict and hint, or is transient if it calls itself permanent.
            pub fn when<P, $($param),*>(
                self,
                predicate: P,
            ) -> $Retry<'c, Op, $crate::driver::context::When<P, C>, L, S>
            where
                P: FnMut(&E) -> bool,
                $($bound)*
            {
                $Retry {
                    op: self.op,
                    settings: self.settings.map_classifier(|inner| $crate::driver::context::When { predicate, inner }),
                    timer: self.timer,
                }
            }

            /// Lets [`Rules`](crate::Rules) of your own decide first: by status, code, text or
            /// type. What they say nothing of has the verdict that it had.
            ///
            /// The error is an [`Error`](std::error::Error), or a boxed one.
            pub fn rules<W, $($param),*>(
                self,
                rules: &'c $crate::rules::Rules,
            ) -> $Retry<'c, Op, $crate::driver::context::Ruled<'c, C, W>, L, S>
            where
                E: $crate::driver::context::AsError<W>,
                $($bound)*
            {
                $Retry {
                    op: self.op,
                    settings: self.settings.map_classifier(|inner| $crate::driver::context::Ruled {
                        rules,
                        inner,
                        way: ::std::marker::PhantomData,
                    }),
                    timer: self.timer,
                }
            }

            /// Calls `on_event` once per retry, before its wait, and once at the end.
            pub fn on_event<F>(
                self,
                on_event: F,
            ) -> $Retry<'c, Op, C, $crate::driver::settings::OnEvent<F>, S>
            where
                F: FnMut(&$crate::event::Event<'_>),
            {
                $Retry {
                    op: self.op,
                    settings: self.settings.map_listener(|_| $crate::driver::settings::OnEvent(on_event)),
                    timer: self.timer,
                }
            }
        }

        impl<'c, Op, L, S> $Retry<'c, Op, $crate::driver::context::ByTrait, L, S> {
            /// For an error that is not [`Retryable`](crate::Retryable): gives the verdict
            /// on one, and makes one for a time limit that ran out. It comes before `when` and
            /// `rules`, which add to it: after one of them there is no such method, as it would take
            /// away what they said.
            pub fn classify<V, M, $($param),*>(
                self,
                verdict: V,
                timed_out: M,
            ) -> $Retry<'c, Op, $crate::driver::context::ByFunctions<V, M>, L, S>
            where
                V: FnMut(&E) -> $crate::verdict::Verdict,
                M: FnMut($crate::verdict::TimedOut) -> E,
                $($bound)*
            {
                $Retry {
                    op: self.op,
                    settings: self.settings.map_classifier(|_| $crate::driver::context::ByFunctions { verdict, timed_out }),
                    timer: self.timer,
                }
            }
        }
    };
}
pub(super) use setters;
