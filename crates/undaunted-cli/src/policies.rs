//! Policies by name, from files and from the environment.

use std::fs;
use std::path::Path;

use clap::{Args, ValueEnum};
use undaunted::{RetryConfig, RetrySettings};
use undaunted_sim::{Budget, Policy};

use crate::args::{Preset, RetryArgs};
use crate::error::UsageError;
use crate::settings::retry_config;

/// Where a policy comes from, and what of it is changed.
#[derive(Args, Debug)]
pub(crate) struct PolicyArgs {
    /// Read the policy from a TOML file: the fields of a table [retry], those at the top of the file,
    /// or a [[policy]] as in the files of simulate.
    #[arg(long, value_name = "FILE.toml", conflicts_with_all = ["preset", "env"], help_heading = POLICY)]
    policy: Option<String>,

    /// Read the policy from environment variables of this prefix, as RetryConfig::from_env does:
    /// UNDAUNTED reads UNDAUNTED_MAX_RETRIES and so on.
    #[arg(long, value_name = "PREFIX", conflicts_with = "preset", help_heading = POLICY)]
    env: Option<String>,

    /// Who follows it: a store (with budget and pacer, and its total timeout counts from a failure), or
    /// a call by with_retry or #[retry] [default: store with the preset storage, otherwise call].
    #[arg(long = "as", value_name = "KIND", value_enum, help_heading = POLICY)]
    user: Option<PolicyUser>,

    /// The budget that the calls of a process share: none, shipped, or that of another library (aws,
    /// grpc, finagle, envoy, sre).
    #[arg(long, value_name = "NAME", value_parser = budget, help_heading = POLICY)]
    budget: Option<Budget>,

    #[command(flatten)]
    retry: RetryArgs,
}

/// Who follows a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PolicyUser {
    /// One call, or many that share nothing.
    Call,
    /// A RetryStore, as that of open().
    Store,
}

impl PolicyArgs {
    /// The file that it is read from.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.policy.as_deref().map(Path::new)
    }

    /// The policy. It is called by where it comes from.
    pub(crate) fn policy(&self) -> Result<Policy, UsageError> {
        let mut policy = match (&self.policy, &self.env) {
            (Some(path), _) => single(path, of_file(path)?)?,
            (None, Some(prefix)) => {
                let settings = RetrySettings::from_env(prefix)?;
                Policy::new(prefix, settings.config)
            }
            (None, None) => of_preset(self.retry.preset),
        };
        if let Some(user) = self.user {
            let base = match user {
                PolicyUser::Call => Policy::new("", RetryConfig::default()),
                PolicyUser::Store => Policy::store("", RetryConfig::storage()),
            };
            policy.budget = base.budget;
            policy.has_pacer = base.has_pacer;
            policy.max_in_flight = base.max_in_flight;
            policy.clock_starts_at_failure = base.clock_starts_at_failure;
        }
        if let Some(budget) = self.budget {
            policy.budget = budget;
        }
        let config = retry_config(&self.retry, &policy.config)?;
        if config != policy.config {
            policy.name.push_str(", changed");
            policy.config = config;
        }
        Ok(policy)
    }
}

/// The policy of a preset's name, or that of a file.
pub(crate) fn named(name: &str) -> Result<Policy, UsageError> {
    single(name, all_named(name)?)
}

/// The policy of a preset's name, or those of a file.
pub(crate) fn all_named(name: &str) -> Result<Vec<Policy>, UsageError> {
    if let Ok(preset) = Preset::from_str(name, true) {
        return Ok(vec![of_preset(preset)]);
    }
    if !is_file(name) {
        return Err(UsageError::UnknownPolicy {
            name: name.to_owned(),
        });
    }
    of_file(name)
}

/// How a policy is written in a scenario.
pub(crate) enum PolicyText {
    /// The fields of a preset.
    Preset(&'static str),
    /// A file of policies.
    File(String),
}

/// The policy of a preset's name, or those of a file, as text.
pub(crate) fn text_of(name: &str) -> Result<PolicyText, UsageError> {
    Ok(match Preset::from_str(name, true) {
        Ok(Preset::Default) => PolicyText::Preset(""),
        Ok(Preset::Interactive) => PolicyText::Preset("preset = \"interactive\""),
        Ok(Preset::Background) => PolicyText::Preset("preset = \"background\""),
        Ok(Preset::Storage) => PolicyText::Preset("preset = \"storage\"\nstore = true"),
        Err(_) => PolicyText::File(read(name)?),
    })
}

/// Whether a name is the path of a file and not one that is built in.
pub(crate) fn is_file(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) || name.contains('/')
}

/// The text of a file.
pub(crate) fn read(path: &str) -> Result<String, UsageError> {
    fs::read_to_string(path).map_err(|source| UsageError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

fn single(path: &str, all: Vec<Policy>) -> Result<Policy, UsageError> {
    let number = all.len();
    let mut all = all.into_iter();
    match (all.next(), number) {
        (Some(policy), 1) => Ok(policy),
        _ => Err(UsageError::SeveralPolicies {
            path: path.to_owned(),
            number,
        }),
    }
}

fn of_file(path: &str) -> Result<Vec<Policy>, UsageError> {
    let name = Path::new(path).file_stem().unwrap_or_default();
    let text = read(path)?;
    Policy::from_toml(&name.to_string_lossy(), &text).map_err(|error| UsageError::File {
        path: path.to_owned(),
        error,
    })
}

/// What `open` does with the preset storage, and a call with the others.
fn of_preset(preset: Preset) -> Policy {
    let name = preset.to_possible_value();
    let name = name.as_ref().map_or("", |value| value.get_name());
    match preset {
        Preset::Storage => Policy::store(name, preset.config()),
        _ => Policy::new(name, preset.config()),
    }
}

fn budget(name: &str) -> Result<Budget, String> {
    Budget::named(name).ok_or_else(|| {
        let names: Vec<&str> = Budget::names().collect();
        format!("it is one of {}", names.join(", "))
    })
}

const POLICY: &str = "Policy";
