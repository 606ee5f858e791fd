//! Reading a specification from text.

use std::str::FromStr;
use std::time::Duration;

use super::profile::{FLAKY, Profile};
use super::{ChaosSpec, SpecError, duration};
use crate::Rates;
use crate::rates::Family;

impl FromStr for ChaosSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let pieces: Vec<&str> = text.split(',').map(str::trim).collect();
        if pieces.contains(&"") {
            let spec = text.to_owned();
            return Err(SpecError::EmptyPiece { spec });
        }
        let (profile, pairs) = match pieces.split_first() {
            Some((first, rest)) if !first.contains('=') => (Some(*first), rest),
            _ => (None, pieces.as_slice()),
        };
        let profile = profile.map(Profile::find).transpose()?;
        let pairs = pairs
            .iter()
            .map(|piece| pair(piece))
            .collect::<Result<Vec<_>, _>>()?;
        Self::from_settings(profile, &pairs)?.ok_or_else(|| SpecError::NoFaults {
            spec: text.to_owned(),
        })
    }
}

impl ChaosSpec {
    /// What these settings make of the profile; none if they inject nothing.
    pub(crate) fn from_settings(
        profile: Option<Profile>,
        pairs: &[(&str, &str)],
    ) -> Result<Option<Self>, SpecError> {
        let settings = settings(pairs)?;
        let mut spec = Self::new(Self::DEFAULT_SEED, Rates::default());
        let mut injects = profile.is_some();
        if let Some(profile) = profile {
            spec.seeded.rates = profile.rates;
            spec.blackout = profile.blackout;
        }
        if let Some((key, value)) = settings.iter().find(|(key, _)| *key == Key::Rate) {
            if spec.seeded.rates.is_zero() {
                spec.seeded.rates = FLAKY;
            }
            spec.seeded.rates = spec.seeded.rates.scaled_to(key.rate(value)?);
        }
        for (key, value) in settings {
            injects |= matches!(key, Key::Rate | Key::Of(_) | Key::Blackout);
            key.set(value, &mut spec)?;
        }
        Ok(injects.then_some(spec))
    }
}

fn pair(piece: &str) -> Result<(&str, &str), SpecError> {
    if let Some((name, value)) = piece.split_once('=') {
        return Ok((name.trim(), value.trim()));
    }
    let name = Profile::find(piece)?.name.to_owned();
    Err(SpecError::ProfileNotFirst { name })
}

fn settings<'a>(pairs: &[(&str, &'a str)]) -> Result<Vec<(Key, &'a str)>, SpecError> {
    let mut settings: Vec<(Key, &str)> = Vec::new();
    for (name, value) in pairs {
        let key = Key::find(name)?;
        if settings.iter().any(|(known, _)| *known == key) {
            let key = key.name().to_owned();
            return Err(SpecError::Repeated { key });
        }
        settings.push((key, value));
    }
    Ok(settings)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Seed,
    Rate,
    Of(Family),
    MaxInARow,
    DelayFor,
    StallFor,
    RetryAfter,
    Blackout,
}

impl Key {
    fn all() -> impl Iterator<Item = Self> {
        [Self::Seed, Self::Rate]
            .into_iter()
            .chain(Family::ALL.into_iter().map(Self::Of))
            .chain([
                Self::MaxInARow,
                Self::DelayFor,
                Self::StallFor,
                Self::RetryAfter,
                Self::Blackout,
            ])
    }

    fn find(name: &str) -> Result<Self, SpecError> {
        Self::all()
            .find(|key| key.name() == name)
            .ok_or_else(|| SpecError::UnknownKey {
                key: name.to_owned(),
            })
    }

    const fn name(self) -> &'static str {
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

    fn set(self, value: &str, spec: &mut ChaosSpec) -> Result<(), SpecError> {
        let seeded = &mut spec.seeded;
        match self {
            Self::Seed => seeded.seed = self.number(value, u64::MAX)?,
            // Done before all others, because it must not scale them.
            Self::Rate => {}
            Self::Of(family) => *seeded.rates.rate_mut(family) = self.rate(value)?,
            Self::MaxInARow => seeded.max_in_a_row = self.number(value, u32::MAX)?,
            Self::DelayFor => seeded.delay = self.duration(value)?,
            Self::StallFor => seeded.stall = self.duration(value)?,
            Self::RetryAfter => seeded.retry_after = self.duration(value)?,
            Self::Blackout => spec.blackout = self.duration(value)?,
        }
        Ok(())
    }

    fn rate(self, value: &str) -> Result<f64, SpecError> {
        match value.parse::<f64>() {
            Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
            _ => Err(SpecError::Rate {
                key: self.name().to_owned(),
                value: value.to_owned(),
            }),
        }
    }

    fn number<T: FromStr + Into<u64>>(self, value: &str, max: T) -> Result<T, SpecError> {
        value.parse().map_err(|_| SpecError::Number {
            key: self.name().to_owned(),
            value: value.to_owned(),
            max: max.into(),
        })
    }

    fn duration(self, value: &str) -> Result<Duration, SpecError> {
        duration::read(value).ok_or_else(|| SpecError::Duration {
            key: self.name().to_owned(),
            value: value.to_owned(),
        })
    }
}

/// The names of all settings.
pub(crate) fn keys() -> String {
    Key::all().map(Key::name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> ChaosSpec {
        text.parse().unwrap()
    }

    #[test]
    fn a_given_rate_takes_the_profiles_place_after_scaling() {
        for text in [
            "flaky,rate=0.6,before=0.5",
            "flaky, before=0.5 , rate = 0.6",
        ] {
            let want = Rates {
                before: 0.5,
                ..FLAKY.scaled_to(0.6)
            };
            assert_eq!(spec(text).rates(), want, "{text}");
        }
    }

    #[test]
    fn without_a_profile_only_what_is_given_happens() {
        assert_eq!(
            spec("before=0.1,blackout=5s").rates(),
            Rates {
                before: 0.1,
                ..Rates::default()
            }
        );
        assert_eq!(spec("rate=0.3").rates(), FLAKY.scaled_to(0.3));
        assert_eq!(spec("rate=0.3,blackout=1s").rates(), FLAKY.scaled_to(0.3));
        assert_eq!(spec("blackout,rate=0.3").rates(), FLAKY.scaled_to(0.3));
        assert!(spec("flaky,rate=0").rates().is_zero());
    }
}
