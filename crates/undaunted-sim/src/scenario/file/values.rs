//! Values of fields: times, shares, latencies.

use std::fmt;
use std::time::Duration;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use undaunted::parse_duration;

use crate::latency::Latency;

/// A time: `"500ms"`, or a number of seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Duration);

/// A finite number above 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Positive(pub(super) f64);

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share(pub(super) f64);

/// A time, or a distribution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latencies(pub(super) Latency);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor).map(Self)
    }
}

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length of time such as \"500ms\", or a number of seconds")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        let time = parse_duration(text).map_err(|_| {
            E::custom(format_args!(
                "{text:?} is not a length of time such as \"500ms\", \"2m 30s\", or a number of \
                 seconds"
            ))
        })?;
        if time > LONGEST {
            return Err(E::custom(format_args!("{text:?} is longer than a year")));
        }
        Ok(time)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Duration, E> {
        self.visit_str(&seconds.to_string())
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Duration, E> {
        self.visit_str(&seconds.to_string())
    }
}

impl<'de> Deserialize<'de> for Positive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if number.is_finite() && number > 0.0 {
            return Ok(Self(number));
        }
        Err(de::Error::custom(format_args!(
            "{number} is not a number above 0"
        )))
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if (0.0..=1.0).contains(&number) {
            return Ok(Self(number));
        }
        Err(de::Error::custom(format_args!(
            "{number} is not a share from 0 to 1"
        )))
    }
}

impl<'de> Deserialize<'de> for Latencies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LatencyVisitor).map(Self)
    }
}

struct LatencyVisitor;

impl<'de> Visitor<'de> for LatencyVisitor {
    type Value = Latency;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a length of time such as \"20ms\", or {DISTRIBUTIONS}")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Latency, E> {
        TimeVisitor.visit_str(text).map(Latency::Constant)
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Latency, E> {
        TimeVisitor.visit_i64(seconds).map(Latency::Constant)
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Latency, E> {
        TimeVisitor.visit_f64(seconds).map(Latency::Constant)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Latency, A::Error> {
        let fields = LatencyFields::deserialize(MapAccessDeserializer::new(map))?;
        let time = |time: Option<Time>| time.map(|time| time.0);
        let (mean, deviation) = (time(fields.mean), time(fields.deviation));
        let (median, sigma) = (time(fields.median), fields.sigma);
        match (
            mean,
            deviation,
            median,
            sigma,
            time(fields.from),
            time(fields.to),
        ) {
            (Some(mean), None, None, None, None, None) => Ok(Latency::Exponential(mean)),
            (Some(mean), Some(deviation), None, None, None, None) => {
                Ok(Latency::Normal { mean, deviation })
            }
            (None, None, Some(median), Some(sigma), None, None) if sigma.0 <= MOST_SIGMA => {
                Ok(Latency::LogNormal {
                    median,
                    sigma: sigma.0,
                })
            }
            (None, None, None, None, Some(from), Some(to)) if from <= to => {
                Ok(Latency::Uniform(from, to))
            }
            _ => Err(de::Error::custom(format_args!(
                "a latency is a time, or {DISTRIBUTIONS}"
            ))),
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct LatencyFields {
    mean: Option<Time>,
    deviation: Option<Time>,
    median: Option<Time>,
    sigma: Option<Positive>,
    from: Option<Time>,
    to: Option<Time>,
}

const DISTRIBUTIONS: &str = "one of { mean }, { mean, deviation }, { median, sigma } with a sigma \
     up to 5, and { from, to }";
const MOST_SIGMA: f64 = 5.0;
/// A year.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);
