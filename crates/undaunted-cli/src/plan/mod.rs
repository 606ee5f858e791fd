//! `plan`: what a policy does, before it ships.

mod args;
mod document;
mod shown;

use std::io::{self, Write};
use std::time::Duration;

use undaunted_sim::{Plan, Policy, Report, Usage};

use crate::error::{CliError, UsageError};
use crate::html;
use crate::policies;
use crate::replace;
use crate::terminal::Terminal;
use crate::text;
pub(crate) use args::PlanArgs;
use document::PlanDocument;
use shown::ShownPlan;

/// Says what a policy does, and returns the exit status.
pub(crate) fn run(args: &PlanArgs) -> Result<u8, CliError> {
    if let Some(path) = &args.html {
        replace::check("--html", path, args.inputs())?;
    }
    let planned = Planned::new(args)?;
    let text = if args.json {
        let document = PlanDocument::new(&planned);
        serde_json::to_string_pretty(&document).map_err(|error| CliError::Stdout(error.into()))?
    } else {
        ShownPlan::new(&planned, Terminal::of_stdout()).to_string()
    };
    if let Some(path) = &args.html {
        html::write(planned.report(), path)?;
    }
    match writeln!(io::stdout(), "{text}") {
        // Whoever closed the pipe has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        printed => printed.map(|()| 0).map_err(CliError::Stdout),
    }
}

/// The plan of a policy, and that of another beside it.
struct Planned {
    policy: Policy,
    plan: Plan,
    other: Option<Other>,
}

/// The policy of `--compare`.
struct Other {
    policy: Policy,
    /// With delays that are as long as those of the first policy on average.
    plan: Plan,
    /// Whether its delays were changed for that.
    is_scaled: bool,
}

impl Planned {
    fn new(args: &PlanArgs) -> Result<Self, UsageError> {
        let policy = escaped(args.policy.policy()?);
        let usage = args.usage();
        let other = args.compare.as_deref().map(policies::named).transpose()?;
        let other = other.map(escaped);
        Ok(Self {
            plan: Plan::new(&policy, &usage),
            other: other.map(|other| Other::new(other, &policy, &usage)),
            policy,
        })
    }

    fn report(&self) -> Report {
        let other = self.other.as_ref().map(|other| other.plan.clone());
        let plans: Vec<Plan> = std::iter::once(self.plan.clone()).chain(other).collect();
        Report::of_plans(&plans)
    }
}

impl Other {
    fn new(other: Policy, policy: &Policy, usage: &Usage) -> Self {
        let base = other.config.base_delay();
        let mut scaled = other.with_mean_wait_of(&policy.config);
        let found = scaled.config.base_delay();
        let rounded = if found == base {
            base
        } else {
            three_digits(found)
        };
        if let Ok(config) = scaled.config.to_builder().base_delay(rounded).build() {
            scaled.config = config;
        }
        Self {
            plan: Plan::new(&scaled, usage),
            is_scaled: scaled.config.base_delay() != base,
            policy: scaled,
        }
    }
}

/// With nothing in its name that a terminal would obey.
fn escaped(mut policy: Policy) -> Policy {
    policy.name = text::escaped(&policy.name).into_owned();
    policy
}

/// About the same, as a person would write it.
fn three_digits(delay: Duration) -> Duration {
    let nanos = delay.as_nanos();
    let unit = 10_u128.pow(nanos.checked_ilog10().unwrap_or(0).saturating_sub(2));
    let rounded = (nanos + unit / 2) / unit * unit;
    u64::try_from(rounded).map_or(delay, Duration::from_nanos)
}
