//! What the async and the blocking builder let a caller set: one list for both, so that no
//! setting exists in one front only.

use std::fmt;
use std::marker::PhantomData;

use super::call::Call;
use super::extras::Extras;
use super::judge::ByTrait;
use super::name;
use super::timer::Timer;
use crate::budget::RetryBudget;
use crate::config::RetryConfig;
use crate::event::Event;

/// Someone who may want to be told what happens.
pub trait Hook {
    /// Whether anyone listens.
    fn is_watching(&self) -> bool;

    /// Something happened.
    fn observe(&mut self, event: &Event<'_>);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHook;

impl Hook for NoHook {
    fn is_watching(&self) -> bool {
        false
    }

    fn observe(&mut self, _: &Event<'_>) {}
}

/// A function listens.
pub struct OnEvent<F>(pub(super) F);

impl<F: FnMut(&Event<'_>)> Hook for OnEvent<F> {
    fn is_watching(&self) -> bool {
        true
    }

    fn observe(&mut self, event: &Event<'_>) {
        (self.0)(event);
    }
}

impl<F> fmt::Debug for OnEvent<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnEvent")
    }
}

/// The settings of a builder.
#[derive(Debug)]
pub(super) struct Settings<'c, C, H> {
    pub(super) config: &'c RetryConfig,
    pub(super) name: Option<&'c str>,
    pub(super) budget: Option<&'c RetryBudget>,
    pub(super) seed: Option<u64>,
    pub(super) judge: C,
    pub(super) hook: H,
}

impl Settings<'_, ByTrait, NoHook> {
    pub(super) const fn new() -> Self {
        Self {
            config: &RetryConfig::DEFAULT,
            name: None,
            budget: None,
            seed: None,
            judge: ByTrait,
            hook: NoHook,
        }
    }
}

impl<'c, C, H> Settings<'c, C, H> {
    pub(super) fn map_judge<D>(self, map: impl FnOnce(C) -> D) -> Settings<'c, D, H> {
        Settings {
            config: self.config,
            name: self.name,
            budget: self.budget,
            seed: self.seed,
            judge: map(self.judge),
            hook: self.hook,
        }
    }

    pub(super) fn map_hook<G>(self, map: impl FnOnce(H) -> G) -> Settings<'c, C, G> {
        Settings {
            config: self.config,
            name: self.name,
            budget: self.budget,
            seed: self.seed,
            judge: self.judge,
            hook: map(self.hook),
        }
    }
}

impl<'c, C, H: Hook> Settings<'c, C, H> {
    /// The call that these settings make of `Op`.
    #[inline]
    pub(super) fn into_call<Op, E, S>(self, timer: S) -> Call<'c, E, C, Carried<'c, Op, H>, S>
    where
        S: Timer,
    {
        let carried = Carried {
            name: self.name,
            budget: self.budget,
            hook: self.hook,
            op: PhantomData,
        };
        let mut call = Call::new(self.config, self.judge, carried, timer);
        if let Some(seed) = self.seed {
            call.seed(seed);
        }
        call
    }
}

/// What a call made by a builder brings along.
pub(super) struct Carried<'c, Op, H> {
    name: Option<&'c str>,
    budget: Option<&'c RetryBudget>,
    pub(super) hook: H,
    op: PhantomData<fn() -> Op>,
}

impl<'c, Op, H: Hook> Extras<'c> for Carried<'c, Op, H> {
    fn name(&self) -> &'c str {
        self.name.unwrap_or_else(|| name::of::<Op>())
    }

    fn budget(&self) -> Option<&RetryBudget> {
        self.budget
    }

    fn is_watched(&self) -> bool {
        self.hook.is_watching()
    }

    fn observe(&mut self, event: &Event<'_>) {
        self.hook.observe(event);
    }
}

/// The setters of a builder `$Retry<'c, Op, C, H, S>` with the fields `op`, `settings` and
/// `timer`, whose operation has the bounds that are given.
macro_rules! setters {
    ($Retry:ident, operation<$($param:ident),*> where $($bound:tt)*) => {
        impl<'c, Op, C, H, S> $Retry<'c, Op, C, H, S> {
            /// The policy. Default: [`RetryConfig::DEFAULT`](crate::RetryConfig::DEFAULT).
            pub fn config(mut self, config: &'c crate::RetryConfig) -> Self {
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
            pub fn budget(mut self, budget: &'c crate::RetryBudget) -> Self {
                self.settings.budget = Some(budget);
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
            ) -> $Retry<'c, Op, $crate::driver::judge::When<P, C>, H, S>
            where
                P: FnMut(&E) -> bool,
                $($bound)*
            {
                $Retry {
                    op: self.op,
                    settings: self.settings.map_judge(|inner| $crate::driver::judge::When { predicate, inner }),
                    timer: self.timer,
                }
            }

            /// For an error that is not [`Retryable`](crate::Retryable): gives the verdict
            /// on one, and makes one for a time limit that ran out.
            pub fn classify<V, M, $($param),*>(
                self,
                verdict: V,
                timed_out: M,
            ) -> $Retry<'c, Op, $crate::driver::judge::ByFunctions<V, M>, H, S>
            where
                V: FnMut(&E) -> crate::Verdict,
                M: FnMut(crate::TimedOut) -> E,
                $($bound)*
            {
                $Retry {
                    op: self.op,
                    settings: self.settings.map_judge(|_| $crate::driver::judge::ByFunctions { verdict, timed_out }),
                    timer: self.timer,
                }
            }

            /// Tells `on_event` what happens: once per retry, before its wait, and once at
            /// the end.
            pub fn on_event<F>(
                self,
                on_event: F,
            ) -> $Retry<'c, Op, C, $crate::driver::settings::OnEvent<F>, S>
            where
                F: FnMut(&crate::Event<'_>),
            {
                $Retry {
                    op: self.op,
                    settings: self.settings.map_hook(|_| $crate::driver::settings::OnEvent(on_event)),
                    timer: self.timer,
                }
            }
        }
    };
}
pub(super) use setters;
