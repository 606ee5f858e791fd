//! Scenario files: who calls what, what goes wrong, and the policies to compare, as TOML.

mod error;
mod fields;
mod policies;
mod policy;
mod values;

use std::str::FromStr;

use serde::Deserialize;

use super::Scenario;
use crate::outcome::Outcome;
use crate::policy::Policy;
pub use error::ScenarioError;
use error::Source;
use fields::FileFields;

/// A scenario and the policies that are run through it, written as a TOML file.
///
/// At the top:
///
/// | field | value | default |
/// |---|---|---|
/// | `duration` | a time | `"3m"` |
/// | `step` | a time: the step of the time axis, of which there are 100,000 at most | a 300th of the duration |
/// | `seed` | a whole number | 1 |
///
/// `[clients]`, with `count` or with `per_second`:
///
/// | field | value | default |
/// |---|---|---|
/// | `count` | clients that call, wait for the result, think, and call again | |
/// | `think` | a latency: the time between their calls | `"0s"` |
/// | `calls` | how many calls each makes | as many as it has time for |
/// | `per_second` | calls that arrive from outside, whatever becomes of them; 10,000,000 at most | 100 |
/// | `regular` | whether these arrive at equal distances | false: at random |
/// | `processes` | over how many processes the calls are spread, each with budget and pacer | 1 |
///
/// `[service]`:
///
/// | field | value | default |
/// |---|---|---|
/// | `capacity` | requests a second that it works off, one after another | any number |
/// | `longest_queue` | a time: the longest wait that it accepts | any wait |
/// | `expired` | `"executed"`, `"dropped_if_expired"` or `"dropped_if_late"`: what it does with requests whose client has stopped waiting | `"executed"` |
/// | `rate_limit` | requests a second; those beyond are throttled | none |
/// | `burst` | requests that may come together | those of a second |
/// | `retry_after` | a time that throttled responses ask for | none |
/// | `error_rate` | a share from 0 to 1 | 0 |
/// | `latency` | a latency | `"0s"` |
///
/// Each `[[fault]]` has `kind`, `from` and `lasts`. The kinds are `outage` and `hang`; `stall`;
/// `brown_out` and `errors` with a `share`; `slow` and `surge` with a `factor`, 1,000,000 at most.
/// They do what [`Effect`](crate::Effect) says. One that would change nothing is an error, such as a stall
/// of a service without a limit.
///
/// Each `[[policy]]` has a `name`, and may have
///
/// | field | value | default |
/// |---|---|---|
/// | `preset` | `"default"`, `"interactive"`, `"background"` or `"storage"` | `"default"` |
/// | `max_retries`, `base_delay` and so on | the fields of [`RetryConfig`](undaunted::RetryConfig) | those of the preset |
/// | `store` | whether it is a `RetryStore`, with budget and pacer | false |
/// | `budget` | `"shipped"`, `"none"`, `"aws"`, `"grpc"`, `"finagle"`, `"envoy"` or `"sre"` | `"none"` |
/// | `pacer` | whether it has one | false |
/// | `hedge_after` | a time, or a quantile of the latency such as `"95 %"`, after which a second request is sent | none |
/// | `hedge_most` | the share of requests that may be hedged | 0.05 |
///
/// A time is `"500ms"`, `"2m 30s"`, or a number of seconds. A latency is a time, or
/// `{ mean = .. }` (exponential), `{ mean = .., deviation = .. }` (normal),
/// `{ median = .., sigma = .. }` (lognormal) or `{ from = .., to = .. }` (uniform).
///
/// ```
/// use undaunted_sim::ScenarioFile;
///
/// let file: ScenarioFile = r#"
///     duration = "2m"
///
///     [clients]
///     per_second = 140
///
///     [service]
///     capacity = 200
///     latency = { median = "20ms", sigma = 0.5 }
///
///     [[fault]]
///     kind = "outage"
///     from = "30s"
///     lasts = "12s"
///
///     [[policy]]
///     name = "ours"
///     preset = "storage"
///     store = true
/// "#
/// .parse()?;
/// let outcomes = file.run();
/// assert_eq!(outcomes[0].policy, "ours");
///
/// let wrong = "duration = \"2m\"\n[service]\ncapacity = -5".parse::<ScenarioFile>();
/// assert_eq!(
///     wrong.unwrap_err().to_string(),
///     "line 3: capacity of service: -5 is not a number above 0"
/// );
/// # Ok::<(), undaunted_sim::ScenarioError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioFile {
    /// The scenario.
    pub scenario: Scenario,
    /// The policies, in the order of the file; at least one.
    pub policies: Vec<Policy>,
}

impl ScenarioFile {
    /// Runs each policy through the scenario.
    #[must_use]
    pub fn run(&self) -> Vec<Outcome> {
        let policies = self.policies.iter();
        policies.map(|policy| self.scenario.run(policy)).collect()
    }
}

impl FromStr for ScenarioFile {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, ScenarioError> {
        let source = Source(text);
        let document = toml::Deserializer::parse(text).map_err(|error| source.broken(&error))?;
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(document, &mut track);
        let read = FileFields::deserialize(tracked);
        let fields = read.map_err(|error| source.wrong(&error, &track.path()))?;
        let scenario = fields.scenario(source)?;
        let mut policies = Vec::new();
        for table in fields.policy {
            let span = table.span();
            let policy = policy::read(source, table)?;
            if policies
                .iter()
                .any(|other: &Policy| other.name == policy.name)
            {
                let problem = format!("two policies have the name {:?}", policy.name);
                let field = format!("policy {}", policies.len() + 1);
                return Err(source.at(&span, &field, problem));
            }
            policies.push(policy);
        }
        if policies.is_empty() {
            policies.push(Policy::new("default", undaunted::RetryConfig::default()));
        }
        Ok(Self { scenario, policies })
    }
}
