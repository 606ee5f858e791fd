//! Reading a specification from text.

use std::str::FromStr;
use std::time::Duration;

use super::ChaosSpec;
use super::duration;
use super::error::SpecError;
use super::profile::{FLAKY, Profile};
use super::setting::Setting;
use crate::rates::Rates;

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
        let profile = profile.map(find_profile).transpose()?;
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
        let mut spec = Self::new(Self::DEFAULT_SEED, Rates::NONE);
        let mut injects = profile.is_some();
        if let Some(profile) = profile {
            spec.seeded.rates = profile.rates;
            spec.blackout = profile.blackout;
        }
        if let Some((setting, value)) = settings.iter().find(|(one, _)| *one == Setting::Rate) {
            if spec.seeded.rates.is_zero() {
                spec.seeded.rates = FLAKY;
            }
            spec.seeded.rates = spec.seeded.rates.scaled_to(rate(*setting, value)?);
        }
        for (setting, value) in settings {
            injects |= matches!(setting, Setting::Rate | Setting::Of(_) | Setting::Blackout);
            spec.set(setting, value)?;
        }
        Ok(injects.then_some(spec))
    }

    fn set(&mut self, setting: Setting, value: &str) -> Result<(), SpecError> {
        let seeded = &mut self.seeded;
        match setting {
            Setting::Seed => seeded.seed = number(setting, value, u64::MAX)?,
            // Done before all others, because it must not scale them.
            Setting::Rate => {}
            Setting::Of(family) => *seeded.rates.rate_mut(family) = rate(setting, value)?,
            Setting::MaxInARow => seeded.max_in_a_row = number(setting, value, u32::MAX)?,
            Setting::DelayFor => seeded.delay = duration(setting, value)?,
            Setting::StallFor => seeded.stall = duration(setting, value)?,
            Setting::RetryAfter => seeded.retry_after = duration(setting, value)?,
            Setting::Blackout => self.blackout = duration(setting, value)?,
        }
        Ok(())
    }
}

/// The profile of this name.
pub(crate) fn find_profile(name: &str) -> Result<Profile, SpecError> {
    Profile::find(name).ok_or_else(|| SpecError::UnknownProfile {
        name: name.to_owned(),
    })
}

fn pair(piece: &str) -> Result<(&str, &str), SpecError> {
    if let Some((name, value)) = piece.split_once('=') {
        return Ok((name.trim(), value.trim()));
    }
    let name = find_profile(piece)?.name.to_owned();
    Err(SpecError::ProfileNotFirst { name })
}

fn settings<'a>(pairs: &[(&str, &'a str)]) -> Result<Vec<(Setting, &'a str)>, SpecError> {
    let mut settings: Vec<(Setting, &str)> = Vec::new();
    for (name, value) in pairs {
        let key = (*name).to_owned();
        let Some(setting) = Setting::find(name) else {
            return Err(SpecError::UnknownKey { key });
        };
        if settings.iter().any(|(known, _)| *known == setting) {
            return Err(SpecError::Repeated { key });
        }
        settings.push((setting, value));
    }
    Ok(settings)
}

fn rate(setting: Setting, value: &str) -> Result<f64, SpecError> {
    match value.parse::<f64>() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err(SpecError::Rate {
            key: setting.name().to_owned(),
            value: value.to_owned(),
        }),
    }
}

fn number<T: FromStr + Into<u64>>(setting: Setting, value: &str, max: T) -> Result<T, SpecError> {
    value.parse().map_err(|_| SpecError::Number {
        key: setting.name().to_owned(),
        value: value.to_owned(),
        max: max.into(),
    })
}

fn duration(setting: Setting, value: &str) -> Result<Duration, SpecError> {
    duration::read(value).ok_or_else(|| SpecError::Duration {
        key: setting.name().to_owned(),
        value: value.to_owned(),
    })
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
