//! The scenario and the policies, from files, by name, and with what flags change.

use std::path::Path;
use std::time::Duration;

use undaunted_sim::{Builtin, Fault, Policy, Scenario, ScenarioFile};

use super::{SimulateArgs, recording};
use crate::error::UsageError;
use crate::policies;
use crate::text;

/// What is simulated.
pub(super) struct Setup {
    /// What the scenario is called.
    pub(super) name: String,
    /// The file.
    pub(super) text: String,
    pub(super) scenario: Scenario,
    pub(super) policies: Vec<Policy>,
    /// The names of the scenario's own policies.
    pub(super) own: Vec<String>,
    /// What of the input is not in it.
    pub(super) note: Option<String>,
}

impl Setup {
    pub(super) fn new(args: &SimulateArgs) -> Result<Self, UsageError> {
        let (name, text, note) = match (&args.from, args.scenario.as_deref()) {
            (Some(path), _) => {
                let recorded = recording::scenario(path)?;
                (stem(path), recorded.text, recorded.left_out)
            }
            (None, given) => {
                let (name, text) = found(given.unwrap_or_default())?;
                (name, text, None)
            }
        };
        let file: ScenarioFile = text.parse().map_err(|error| UsageError::File {
            path: args.scenario.clone().unwrap_or_else(|| name.clone()),
            error,
        })?;
        let own = file
            .policies
            .iter()
            .map(|policy| policy.name.clone())
            .collect();
        let policies = chosen(&args.policy, file.policies)?;
        let mut scenario = file.scenario;
        scenario.seed = args.seed.unwrap_or(scenario.seed);
        if let Some(duration) = args.duration {
            check_duration(duration, &scenario.faults)?;
            scenario.duration = duration;
        }
        Ok(Self {
            name,
            text,
            scenario,
            policies,
            own,
            note,
        })
    }

    /// With nothing in its names that a terminal would obey.
    pub(super) fn escaped(mut self) -> Self {
        self.name = text::escaped(&self.name).into_owned();
        for policy in &mut self.policies {
            policy.name = text::escaped(&policy.name).into_owned();
        }
        self
    }
}

/// The name and the text of a scenario.
fn found(given: &str) -> Result<(String, String), UsageError> {
    if let Some(builtin) = Builtin::find(given) {
        return Ok((given.to_owned(), builtin.text.to_owned()));
    }
    if !policies::is_file(given) {
        return Err(UsageError::UnknownScenario {
            name: given.to_owned(),
        });
    }
    Ok((stem(Path::new(given)), policies::read(given)?))
}

fn stem(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The named policies, or else those of the file.
fn chosen(names: &[String], own: Vec<Policy>) -> Result<Vec<Policy>, UsageError> {
    if names.is_empty() {
        return Ok(own);
    }
    let mut chosen: Vec<Policy> = Vec::new();
    for name in names {
        let found = match own.iter().find(|policy| policy.name == *name) {
            Some(policy) => vec![policy.clone()],
            None => policies::all_named(name)?,
        };
        for policy in found {
            if chosen.iter().any(|other| other.name == policy.name) {
                return Err(UsageError::PolicyTwice { name: policy.name });
            }
            chosen.push(policy);
        }
    }
    Ok(chosen)
}

fn check_duration(duration: Duration, faults: &[Fault]) -> Result<(), UsageError> {
    if duration.is_zero() || duration > LONGEST {
        return Err(UsageError::Duration);
    }
    match faults.iter().find(|fault| fault.from >= duration) {
        Some(fault) => Err(UsageError::FaultBeyondEnd {
            fault: fault.to_string(),
        }),
        None => Ok(()),
    }
}

/// A year, as in a file.
const LONGEST: Duration = Duration::from_hours(366 * 24);
