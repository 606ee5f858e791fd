//! A plan as `--json` prints it.

use serde::Serialize;
use undaunted::RetryConfig;
use undaunted_sim::{Comparison, Plan};

use super::Planned;

#[derive(Serialize)]
pub(super) struct PlanDocument<'p> {
    #[serde(flatten)]
    policy: PlannedPolicy<'p>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<PlannedPolicy<'p>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<Comparison>,
}

#[derive(Serialize)]
struct PlannedPolicy<'p> {
    config: &'p RetryConfig,
    plan: &'p Plan,
    sentences: Vec<String>,
    /// The warnings of the plan as text.
    warnings: Vec<String>,
}

impl<'p> PlanDocument<'p> {
    pub(super) fn new(planned: &'p Planned) -> Self {
        let other = planned.other.as_ref();
        Self {
            policy: PlannedPolicy::new(&planned.policy.config, &planned.plan),
            other: other.map(|other| PlannedPolicy::new(&other.policy.config, &other.plan)),
            comparison: other.map(|other| planned.plan.compare(&other.plan)),
        }
    }
}

impl<'p> PlannedPolicy<'p> {
    fn new(config: &'p RetryConfig, plan: &'p Plan) -> Self {
        Self {
            config,
            plan,
            sentences: plan.sentences(),
            warnings: plan.warnings.iter().map(ToString::to_string).collect(),
        }
    }
}
