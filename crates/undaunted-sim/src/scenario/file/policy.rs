//! A policy of a scenario file: fields of the configuration over those of a preset, and a few more.

use std::ops::Range;

use serde::Deserialize;
use toml::{Spanned, Table, Value};
use undaunted::{Hedge, HedgeAfter, RetryConfig, Rules};

use super::error::{ScenarioError, Source};
use crate::policy::{Budget, Policy};

pub(super) fn read(source: Source<'_>, table: Spanned<Table>) -> Result<Policy, ScenarioError> {
    let mut fields = Fields {
        source,
        span: block(source, table.span()),
        name: String::new(),
        table: table.into_inner(),
    };
    let name = fields.text("name")?;
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(fields.problem("name", "a policy needs a name"));
    };
    fields.name.clone_from(&name);
    let preset = match fields.text("preset")?.as_deref() {
        None | Some("default") => RetryConfig::default(),
        Some("interactive") => RetryConfig::interactive(),
        Some("background") => RetryConfig::background(),
        Some("storage") => RetryConfig::storage(),
        Some(_) => return Err(fields.one_of("preset", PRESETS)),
    };
    let is_store = fields.flag("store")?.unwrap_or(false);
    let mut policy = if is_store {
        Policy::store(name, preset.clone())
    } else {
        Policy::new(name, preset.clone())
    };
    if let Some(budget) = fields.text("budget")? {
        let Some(budget) = Budget::named(&budget) else {
            let names: Vec<&str> = Budget::names().collect();
            return Err(fields.one_of("budget", &names));
        };
        policy.budget = budget;
    }
    if let Some(has_pacer) = fields.flag("pacer")? {
        policy.has_pacer = has_pacer;
    }
    if let Some(most) = fields.max_in_flight()? {
        policy.max_in_flight = Some(most);
    }
    policy.hedge = fields.hedge()?;
    fields.rules()?;
    policy.config = fields.config(&preset)?;
    Ok(policy)
}

struct Fields<'t> {
    source: Source<'t>,
    span: Range<usize>,
    name: String,
    table: Table,
}

impl Fields<'_> {
    fn text(&mut self, field: &str) -> Result<Option<String>, ScenarioError> {
        match self.table.remove(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.problem(field, "it is a text in quotes")),
        }
    }

    fn flag(&mut self, field: &str) -> Result<Option<bool>, ScenarioError> {
        match self.table.remove(field) {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.problem(field, "it is true or false")),
        }
    }

    fn max_in_flight(&mut self) -> Result<Option<usize>, ScenarioError> {
        match self.table.remove("max_in_flight") {
            None => Ok(None),
            Some(Value::Integer(most @ 1..)) => Ok(usize::try_from(most).ok()),
            Some(_) => Err(self.problem("max_in_flight", "it is a whole number from 1")),
        }
    }

    fn hedge(&mut self) -> Result<Option<Hedge>, ScenarioError> {
        let most = match self.table.remove("hedge_most") {
            None => None,
            Some(Value::Float(share)) if (0.0..=1.0).contains(&share) => Some(share),
            Some(Value::Integer(share @ (0 | 1))) => Some(share as f64),
            Some(_) => return Err(self.problem("hedge_most", "it is a share from 0 to 1")),
        };
        let Some(after) = self.table.remove("hedge_after") else {
            return match most {
                Some(_) => {
                    Err(self.problem("hedge_most", "it is for `hedge_after`, which is not set"))
                }
                None => Ok(None),
            };
        };
        let text = match after {
            Value::String(text) => text,
            Value::Integer(seconds) => seconds.to_string(),
            Value::Float(seconds) => seconds.to_string(),
            _ => String::new(),
        };
        let expected = "it is a time such as \"100ms\", or a quantile such as \"95 %\"";
        let after = text.parse::<HedgeAfter>();
        let after = after.map_err(|_| self.problem("hedge_after", expected))?;
        let most = most.unwrap_or(Hedge::default().most());
        let hedge = Hedge::new(after, most);
        hedge
            .map(Some)
            .map_err(|error| self.problem("hedge_after", &error.to_string()))
    }

    /// Rules are checked and left out: all failures of a simulation are transient or throttled.
    fn rules(&mut self) -> Result<(), ScenarioError> {
        let names: Vec<String> = self.table.keys().cloned().collect();
        for name in names.iter().filter(|name| is_rule(name)) {
            if let Some(value) = self.table.remove(name) {
                let rule = Table::from_iter([(name.clone(), value)]);
                Rules::deserialize(rule).map_err(|error| self.problem(name, error.message()))?;
            }
        }
        Ok(())
    }

    /// What is left are fields of the configuration.
    fn config(&self, preset: &RetryConfig) -> Result<RetryConfig, ScenarioError> {
        let written = Table::try_from(preset);
        let mut merged = written.map_err(|error| self.problem("preset", &error.to_string()))?;
        merged.extend(self.table.clone());
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(merged, &mut track);
        RetryConfig::deserialize(tracked).map_err(|error| {
            let path = track.path().to_string();
            let message = error.message();
            // An error of the configuration as a whole names its field: it begins with it, or has it
            // in ticks.
            let named = message.split_whitespace().next();
            let named = named.into_iter().chain(message.split('`').nth(1));
            let field = match named
                .into_iter()
                .find(|name| self.table.contains_key(*name))
            {
                Some(named) if path == "." => named,
                _ => path.as_str(),
            };
            self.problem(field.trim_matches('.'), message)
        })
    }

    fn one_of(&self, field: &str, names: &[&str]) -> ScenarioError {
        self.problem(field, &format!("it is one of {}", names.join(", ")))
    }

    fn problem(&self, field: &str, problem: &str) -> ScenarioError {
        let span = self.source.find(&self.span, field);
        let name = match (field, self.name.as_str()) {
            ("", name) => format!("policy {name:?}"),
            (field, "") => format!("{field} of a policy"),
            (field, name) => format!("{field} of policy {name:?}"),
        };
        self.source.at(&span, &name, problem.to_owned())
    }
}

fn is_rule(field: &str) -> bool {
    let verdict = ["retryable_", "throttled_", "permanent_"];
    let mut lists = verdict
        .iter()
        .filter_map(|verdict| field.strip_prefix(verdict));
    lists.any(|list| matches!(list, "status" | "codes" | "text"))
}

/// A table's lines, of which the parser names the first.
fn block(source: Source<'_>, span: Range<usize>) -> Range<usize> {
    let text = source.0.get(span.start..).unwrap_or_default();
    let first = text.find('\n').unwrap_or(text.len());
    let next = text[first..]
        .find("\n[")
        .map_or(text.len(), |next| first + next);
    span.start..span.start + next
}

const PRESETS: &[&str] = &["default", "interactive", "background", "storage"];
