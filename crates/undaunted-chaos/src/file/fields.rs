//! The fields of one rule, and what is wrong with one that cannot be read.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{FileError, SourceText};
use crate::spec::duration;

/// The fields of a rule.
pub(super) struct RuleFields<'d, 'i> {
    source: SourceText<'d>,
    table: &'d DeTable<'i>,
    span: Range<usize>,
    /// The names that were read.
    read: Vec<&'static str>,
}

/// A field that was given.
#[derive(Clone)]
pub(super) struct RuleField<'d, 'i> {
    source: SourceText<'d>,
    name: &'static str,
    value: &'d Spanned<DeValue<'i>>,
}

impl<'d, 'i> RuleFields<'d, 'i> {
    pub(super) const fn new(
        source: SourceText<'d>,
        table: &'d DeTable<'i>,
        span: Range<usize>,
    ) -> Self {
        Self {
            source,
            table,
            span,
            read: Vec::new(),
        }
    }

    pub(super) fn get(&mut self, name: &'static str) -> Option<RuleField<'d, 'i>> {
        self.read.push(name);
        let value = self.table.get(name)?;
        let source = self.source;
        Some(RuleField {
            source,
            name,
            value,
        })
    }

    /// A field that must be given; `what` says what for.
    pub(super) fn need(
        &mut self,
        name: &'static str,
        what: impl Display,
    ) -> Result<RuleField<'d, 'i>, FileError> {
        self.get(name)
            .ok_or_else(|| self.problem(format!("a rule needs `{name}`: {what}")))
    }

    /// A field that was not read means nothing to the fault.
    pub(super) fn finish(self, fault: &str) -> Result<(), FileError> {
        let stray = self
            .table
            .iter()
            .filter(|(key, _)| !self.read.contains(&key.get_ref().as_ref()))
            .min_by_key(|(key, _)| key.span().start);
        let Some((key, _)) = stray else {
            return Ok(());
        };
        let mut known = self.read;
        known.sort_unstable();
        known.dedup();
        let problem = format!(
            "`{}` means nothing to the fault {fault}: its fields are {}",
            key.get_ref(),
            known.join(", ")
        );
        Err(self.source.error(key.span(), problem))
    }

    pub(super) fn problem(&self, problem: String) -> FileError {
        self.source.error(self.span.clone(), problem)
    }
}

impl RuleField<'_, '_> {
    /// A text, which `read` makes something of.
    pub(super) fn text<T>(
        &self,
        expected: impl Display,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, FileError> {
        let text = self.value.get_ref().as_str();
        text.and_then(read).ok_or_else(|| self.wrong(expected))
    }

    /// An array of texts, at least one.
    pub(super) fn texts(&self, expected: impl Display) -> Result<Vec<String>, FileError> {
        let array = self.value.get_ref().as_array();
        let texts = array.and_then(|array| {
            let texts = array.iter().map(|one| one.get_ref().as_str());
            texts
                .map(|text| text.map(ToOwned::to_owned))
                .collect::<Option<Vec<_>>>()
        });
        texts
            .filter(|texts| !texts.is_empty())
            .ok_or_else(|| self.wrong(expected))
    }

    /// A whole number within a range.
    pub(super) fn number<T>(&self, range: std::ops::RangeInclusive<T>) -> Result<T, FileError>
    where
        T: FromStr + PartialOrd + Display,
    {
        let number = match self.value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                self.wrong(format_args!(
                    "it is a whole number from {} to {}",
                    range.start(),
                    range.end()
                ))
            })
    }

    pub(super) fn duration(&self) -> Result<Duration, FileError> {
        let text = scalar(self.value.get_ref());
        let duration = text.and_then(|text| duration::read(&text));
        duration.ok_or_else(|| self.wrong(duration::EXPECTED))
    }

    pub(super) fn is_text(&self, text: &str) -> bool {
        self.value.get_ref().as_str() == Some(text)
    }

    pub(super) fn wrong(&self, expected: impl Display) -> FileError {
        let shown = match self.value.get_ref() {
            DeValue::String(text) => format!("{text:?}"),
            value => scalar(value).unwrap_or_else(|| type_name(value).to_owned()),
        };
        let name = self.name;
        self.source.error(
            self.value.span(),
            format!("`{name}` of a rule is {shown}: {expected}"),
        )
    }
}

/// A text or a number, as it is written.
pub(super) fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What a value is that is neither a text nor a number.
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
        _ => "a value",
    }
}
