//! The settings of a specification, by name.

use crate::rates::Family;

/// What can be set beside the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Seed,
    Rate,
    Of(Family),
    MaxInARow,
    DelayFor,
    StallFor,
    RetryAfter,
    Blackout,
}

impl Setting {
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::all().find(|setting| setting.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Rate => "rate",
            Self::Of(family) => family.name(),
            Self::MaxInARow => "max_in_a_row",
            Self::DelayFor => "delay_for",
            Self::StallFor => "stall_for",
            Self::RetryAfter => "retry_after",
            Self::Blackout => "blackout",
        }
    }

    /// The names of all, for messages.
    pub(crate) fn names() -> String {
        Self::all().map(Self::name).collect::<Vec<_>>().join(", ")
    }

    fn all() -> impl Iterator<Item = Self> {
        [Self::Seed, Self::Rate]
            .into_iter()
            .chain(Family::ALL.iter().copied().map(Self::Of))
            .chain([
                Self::MaxInARow,
                Self::DelayFor,
                Self::StallFor,
                Self::RetryAfter,
                Self::Blackout,
            ])
    }
}
