//! Chaos files: rates and rules as TOML, where one line is not enough.

pub(crate) mod error;
mod fields;
mod rule;

use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault_kind::FaultKind;
use crate::plan::FaultPlan;
use crate::rule::Rule;
use crate::spec::ChaosSpec;
use crate::spec::error::SpecError;
use crate::spec::parse::find_profile;
use crate::spec::setting::Setting;
use error::{FileError, SourceText};
use fields::{scalar, type_name};

/// Which faults to inject, written as a TOML file.
///
/// At the top stand the settings of a [`ChaosSpec`], `profile` for its profile among them.
/// Below, each `[[rule]]` is a [`Rule`]. Either may be left out. The rules come before the
/// seed, in the order in which they stand.
///
/// | field of a rule | value | default | for which faults |
/// | --- | --- | --- | --- |
/// | `fault` | the name of a fault, see below | | all |
/// | `operation` | the name of an [`Operation`](crate::Operation) | every one that the fault can hit | all |
/// | `method` | DELETE, GET, HEAD, POST or PUT | any; only requests to a server have one | all |
/// | `key` | a pattern, in which `*` is any run of characters | `"*"` | all |
/// | `from_call` | the matching call to begin with, from 1 | 1 | all |
/// | `count` | how many calls to hit, or `"always"` | 1; for `rate_limit` always | all |
/// | `starts_after` | a duration, from the first call of all on | `"0s"` | all |
/// | `ends_after` | a duration, from the first call of all on | never | all |
/// | `failure` | `"closed"`, `"connect"`, `"reset"` or `"timeout"` | | all that fail |
/// | `status` | an HTTP status, in the place of `failure` | | `fail_before`, `fail_after` |
/// | `status` | 301 or 400 | 301 | `wrong_region` |
/// | `code` | the service's code, such as `"SlowDown"` | the usual one of the status | with `status` |
/// | `retry_after` | a duration | none | with `status`, and `rate_limit`, `retry_after_date` |
/// | `clock_ahead` or `clock_behind` | a duration | the clock is right | `retry_after_date` |
/// | `at` | a number of bytes | | `break_body`, `corrupt_body`, `cut_document`, `replace_object`, `short_body`, `stall_body` |
/// | `percent` | 0 to 100, in the place of `at` | | `cut_document` |
/// | `length` | a number of bytes | | `decompress_body` |
/// | `headers` | `"kept"` or `"removed"`: `Content-Length` and `Content-Encoding` | `"removed"` | `decompress_body` |
/// | `names` | the keys to insert, as an array | | `insert_keys` |
/// | `size` | the size that each is said to have | 0 | `insert_keys` |
/// | `location` | a URL; after host and port the path and query of the request are appended | where the request was sent | `temporary_redirect` |
/// | `region` | the region that the bucket is said to be in | | `wrong_region` |
/// | `after` | a number of entries | 0 | `break_list` |
/// | `lasts` | a duration | | `delay`, `stall_body` |
/// | `per_second` | calls a second | | `rate_limit` |
/// | `burst` | calls together | the same as `per_second` | `rate_limit` |
///
/// The faults are `break_body`, `break_list`, `corrupt_body`, `cut_document`,
/// `decompress_body`, `delay`, `fail_after`, `fail_before`, `html_page`, `ignore_range`,
/// `insert_keys`, `no_etag`, `rate_limit`, `repeat_token`, `replace_object`, `retry_after_date`,
/// `short_body`, `stall_body`, `temporary_redirect`, `truncated_without_token` and
/// `wrong_region`; what they do is in the [table of the crate](crate#the-faults). A duration is `"500ms"`,
/// `"2m 30s"` or the like, or a number of seconds.
///
/// A full disk is `fail_before` with `status = 507`, and a stale credential with `status = 400`
/// and `code = "ExpiredToken"`, which a HEAD gets without its code.
///
/// This is `examples/chaos.toml`:
///
/// ```toml
#[doc = include_str!("../../examples/chaos.toml")]
/// ```
///
/// ```
/// use undaunted_chaos::ChaosFile;
///
/// let file: ChaosFile = include_str!("../../examples/chaos.toml").parse()?;
/// assert_eq!(file.rules().len(), 8);
/// let plan = file.plan();
///
/// let wrong = "seed = 7\n[[rule]]\nfault = \"delay\"\nlasts = \"soon\"".parse::<ChaosFile>();
/// assert_eq!(
///     wrong.unwrap_err().to_string(),
///     "line 4: `lasts` of a rule is \"soon\": a duration is a number and a unit, such as 500ms, \
///      2m or 1h, or a number of seconds"
/// );
/// # Ok::<(), undaunted_chaos::FileError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ChaosFile {
    spec: Option<ChaosSpec>,
    rules: Vec<Rule>,
}

impl ChaosFile {
    /// What is drawn from the seed, if anything is.
    #[must_use]
    pub const fn spec(&self) -> Option<&ChaosSpec> {
        self.spec.as_ref()
    }

    /// The rules, in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The kind of its faults that only a server can carry out, if it has one.
    #[must_use]
    pub fn needs_server(&self) -> Option<FaultKind> {
        let kinds = self.rules.iter().map(|rule| rule.fault().kind());
        kinds
            .chain(self.spec.iter().filter_map(ChaosSpec::needs_server))
            .find(|kind| kind.needs_server())
    }

    /// A new plan, with no call counted yet.
    #[must_use]
    pub fn plan(&self) -> FaultPlan {
        let plan = self
            .spec
            .as_ref()
            .map_or_else(FaultPlan::none, ChaosSpec::plan);
        for rule in &self.rules {
            plan.add(rule.clone());
        }
        plan
    }
}

impl FromStr for ChaosFile {
    type Err = FileError;

    fn from_str(text: &str) -> Result<Self, FileError> {
        let source = SourceText(text);
        let document = DeTable::parse(text).map_err(|error| source.broken(&error))?;
        let mut settings = Vec::new();
        let mut rules = Vec::new();
        for (key, value) in document.get_ref() {
            if key.get_ref() == "rule" {
                rules = read_rules(source, value)?;
            } else {
                settings.push((key, value));
            }
        }
        let spec = read_spec(source, &settings)?;
        if spec.is_none() && rules.is_empty() {
            return Err(FileError::nothing());
        }
        Ok(Self { spec, rules })
    }
}

type Entry<'d, 'i> = (
    &'d Spanned<std::borrow::Cow<'i, str>>,
    &'d Spanned<DeValue<'i>>,
);

fn read_spec(
    source: SourceText<'_>,
    settings: &[Entry<'_, '_>],
) -> Result<Option<ChaosSpec>, FileError> {
    let mut profile = None;
    let mut pairs = Vec::new();
    for (key, value) in settings {
        let name = key.get_ref().as_ref();
        let text = scalar(value.get_ref()).ok_or_else(|| {
            let problem = format!(
                "`{name}` is {}: the settings are profile, {}, each with a text or a number; \
                 rules are written [[rule]]",
                type_name(value.get_ref()),
                Setting::names()
            );
            source.error(key.span(), problem)
        })?;
        if name == "profile" {
            let found = find_profile(&text);
            profile = Some(found.map_err(|error| source.error(value.span(), error.to_string()))?);
        } else {
            pairs.push((name, text));
        }
    }
    let borrowed: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    ChaosSpec::from_settings(profile, &borrowed).map_err(|error| {
        let at = settings
            .iter()
            .find(|(key, _)| Some(key.get_ref().as_ref()) == error.key());
        let span = at.map_or(0..0, |(key, _)| key.span());
        let mut problem = error.to_string();
        if matches!(error, SpecError::UnknownKey { .. }) {
            problem.push_str(", and profile; rules are written [[rule]]");
        }
        source.error(span, problem)
    })
}

fn read_rules(
    source: SourceText<'_>,
    value: &Spanned<DeValue<'_>>,
) -> Result<Vec<Rule>, FileError> {
    let misplaced = || {
        source.error(
            value.span(),
            "rules are written as tables, each below a line [[rule]]".to_owned(),
        )
    };
    let rules = value.get_ref().as_array().ok_or_else(misplaced)?;
    rules
        .iter()
        .map(|rule| {
            let table = rule.get_ref().as_table().ok_or_else(misplaced)?;
            rule::read(source, table, rule.span())
        })
        .collect()
}

#[cfg(test)]
mod tests;
