//! How often each family of faults hits.

use crate::operation::Operation;

/// Declares the rates and their families: a family is a rate's field and has its name.
macro_rules! rates {
    ($($(#[$documentation:meta])* $family:ident: $field:ident,)*) => {
        /// How often each family of seeded faults hits a call that it can hit, from 0 (never,
        /// the default) to 1 (always).
        ///
        /// A call is hit by one fault at most, so the rates that can hit it add up. Where they
        /// add up to more than 1, each is taken in proportion. A value below 0 or not a number
        /// counts as 0, a value above 1 as 1.
        ///
        /// ```
        /// use undaunted_chaos::Rates;
        ///
        /// let rates = Rates { before: 0.1, after: 0.1, ..Rates::default() };
        /// assert_eq!(rates.break_body, 0.0);
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct Rates {
            $($(#[$documentation])* pub $field: f64,)*
        }

        impl Rates {
            pub(crate) const NONE: Self = Self { $($field: 0.0,)* };

            pub(crate) const fn rate_mut(&mut self, family: Family) -> &mut f64 {
                match family {
                    $(Family::$family => &mut self.$field,)*
                }
            }
        }

        /// A family of seeded faults: one rate, several ways to fail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Family {
            $($family,)*
        }

        impl Family {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$family,)*];

            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$family => stringify!($field),)*
                }
            }
        }
    };
}

// In the order in which a specification prints them. The order is also part of what a seed
// means: a new family goes to the end.
rates! {
    /// Any call: the connection is refused, reset, closed or too slow, and nothing is applied.
    Before: before,
    /// Any call: the service responds with 500, 502, 503 or 504, and nothing is applied.
    Error: error,
    /// Any call: the service responds with 429 or 503 `SlowDown`, every other time with a hint.
    Throttle: throttle,
    /// Writes: applied in full, then the response is lost or comes as a 5xx.
    After: after,
    /// Any call: it waits first, then continues.
    Delay: delay,
    /// Reads of bytes: the body breaks at some byte.
    BreakBody: break_body,
    /// Reads of bytes: the body ends cleanly before its end.
    ShortBody: short_body,
    /// Reads of bytes: the body stops for a while at some byte.
    StallBody: stall_body,
    /// Reads of bytes: one byte arrives changed. No retry can notice it; it is for what checks
    /// content.
    CorruptBody: corrupt_body,
    /// Lists: the list breaks after some entries.
    BreakList: break_list,
    /// Lists, copies, bulk deletes, starts and completions of uploads: the XML document ends
    /// cleanly too soon. For a server only.
    CutDocument: cut_document,
    /// Any call: 307, to be sent again to the same address. Nothing is applied.
    Redirect: redirect,
}

impl Rates {
    /// The same rates with every value in range.
    pub(crate) fn clamped(mut self) -> Self {
        for family in Family::ALL {
            let rate = self.rate_mut(*family);
            // `clamp` would keep what is not a number.
            *rate = if rate.is_nan() {
                0.0
            } else {
                rate.clamp(0.0, 1.0)
            };
        }
        self
    }

    /// The families that can hit an operation, with their rates.
    pub(crate) fn of(self, operation: Operation) -> impl Iterator<Item = (Family, f64)> {
        Family::ALL
            .iter()
            .filter(move |family| family.applies_to(operation))
            .map(move |family| (*family, self.rate(*family)))
    }

    /// How often an operation is hit by any family.
    pub(crate) fn total(self, operation: Operation) -> f64 {
        self.of(operation).map(|(_, rate)| rate).sum()
    }

    /// The same mix, scaled so that the operation that is hit most is hit at this rate.
    /// Rates that are all 0 stay so.
    pub(crate) fn scaled_to(mut self, rate: f64) -> Self {
        let busiest = Operation::ALL
            .iter()
            .map(|operation| self.total(*operation))
            .fold(0.0, f64::max);
        if busiest > 0.0 {
            for family in Family::ALL {
                *self.rate_mut(*family) *= rate / busiest;
            }
        }
        self.clamped()
    }

    pub(crate) fn is_zero(self) -> bool {
        self == Self::NONE
    }

    pub(crate) const fn rate(mut self, family: Family) -> f64 {
        *self.rate_mut(family)
    }
}

impl Family {
    const fn applies_to(self, operation: Operation) -> bool {
        match self {
            Self::Before | Self::Error | Self::Throttle | Self::Delay | Self::Redirect => true,
            // To a read, a lost response and a failure before are the same.
            Self::After => operation.is_write(),
            Self::BreakBody | Self::ShortBody | Self::StallBody | Self::CorruptBody => {
                operation.has_body()
            }
            Self::BreakList => matches!(operation, Operation::List),
            Self::CutDocument => operation.has_document(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIX: Rates = Rates {
        before: 0.1,
        throttle: 0.1,
        after: 0.2,
        break_body: 0.1,
        short_body: 0.1,
        break_list: 0.1,
        ..Rates::NONE
    };

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-12
    }

    #[test]
    fn totals_take_only_what_can_hit_the_operation() {
        assert!(close(MIX.total(Operation::Put), 0.4));
        assert!(close(MIX.total(Operation::Get), 0.4));
        assert!(close(MIX.total(Operation::List), 0.3));
        assert!(close(MIX.total(Operation::Head), 0.2));
    }

    #[test]
    fn scaling_keeps_the_mix() {
        let scaled = MIX.scaled_to(0.8);
        assert!(close(scaled.total(Operation::Put), 0.8));
        assert!(close(scaled.after, 0.4));
        assert!(close(scaled.break_list, 0.2));
        assert!(MIX.scaled_to(0.0).is_zero());
        assert!(Rates::default().scaled_to(0.5).is_zero());
    }

    #[test]
    fn values_out_of_range_are_brought_into_it() {
        let rates = Rates {
            before: -1.0,
            error: f64::NAN,
            throttle: 7.0,
            after: 0.5,
            delay: f64::INFINITY,
            ..Rates::default()
        }
        .clamped();
        let want = Rates {
            throttle: 1.0,
            after: 0.5,
            delay: 1.0,
            ..Rates::default()
        };
        assert_eq!(rates, want);
    }

    #[test]
    fn every_family_has_a_rate_of_its_own() {
        for family in Family::ALL {
            let mut rates = Rates::default();
            *rates.rate_mut(*family) = 1.0;
            let set: Vec<_> = Family::ALL
                .iter()
                .filter(|other| rates.rate(**other) > 0.0)
                .collect();
            assert_eq!(set, [family]);
        }
    }
}
