//! Files that hold policies and no scenario: those that an application reads its policy from.

use serde::Deserialize;
use toml::{Spanned, Table, Value};

use super::error::{ScenarioError, Source};
use super::policy;
use crate::policy::Policy;

impl Policy {
    /// The policies of a TOML file: its `[[policy]]` tables, as in a scenario; or the one of its
    /// table `[retry]`, whatever else an application keeps in the file; or else the one whose fields
    /// are at the top. The latter two are called `name`, unless they have a name.
    ///
    /// Rules ([`Rules`](undaunted::Rules)) are allowed and change nothing: all failures of a simulation
    /// are transient or throttled.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] names the line and the field.
    ///
    /// ```
    /// use undaunted_sim::Policy;
    ///
    /// let file = r#"
    ///     [retry]
    ///     preset = "storage"
    ///     max_retries = 5
    /// "#;
    /// let policies = Policy::from_toml("app", file)?;
    /// assert_eq!(policies[0].config.max_retries(), 5);
    ///
    /// let wrong = Policy::from_toml("app", "max_retries = 5\nbase_delay = \"soon\"");
    /// assert!(wrong.unwrap_err().to_string().starts_with("line 2: base_delay of policy \"app\": "));
    /// # Ok::<(), undaunted_sim::ScenarioError>(())
    /// ```
    pub fn from_toml(name: &str, text: &str) -> Result<Vec<Self>, ScenarioError> {
        let source = Source(text);
        let broken = |error: toml::de::Error| source.broken(&error);
        let all: Table = toml::from_str(text).map_err(broken)?;
        let tables = match (all.get("policy"), all.get("retry")) {
            (Some(Value::Array(_)), _) => {
                let found: Several = toml::from_str(text).map_err(broken)?;
                found.policy
            }
            (_, Some(Value::Table(_))) => {
                let found: Single = toml::from_str(text).map_err(broken)?;
                vec![found.retry]
            }
            _ => vec![Spanned::new(0..text.len(), all)],
        };
        let read = |mut table: Spanned<Table>| {
            let fields = table.get_mut();
            if !fields.contains_key("name") {
                fields.insert("name".to_owned(), Value::String(name.to_owned()));
            }
            policy::read(source, table)
        };
        tables.into_iter().map(read).collect()
    }
}

#[derive(Deserialize)]
struct Several {
    policy: Vec<Spanned<Table>>,
}

#[derive(Deserialize)]
struct Single {
    retry: Spanned<Table>,
}
