//! Rules as text: read from variables, flags and files.

use std::ops::RangeInclusive;

use super::builder::{CODE, RulesBuilder, STATUS, TEXT};
use super::rule::Outcome;
use crate::config::ParseConfigError;

impl RulesBuilder {
    /// Adds the rules of a field of the configuration, such as `retryable_status`, from text. Statuses
    /// and codes are a list with commas, statuses also as ranges (`423, 520-527`). A text is one, with
    /// the commas in it.
    ///
    /// The fields are `retryable_`, `throttled_` and `permanent_`, each with `status`, `codes` and
    /// `text`.
    ///
    /// # Errors
    ///
    /// [`ParseConfigError`] for another field. A value that cannot be used is refused by
    /// [`build`](Self::build).
    ///
    /// ```
    /// use undaunted::Rules;
    ///
    /// let rules = Rules::builder().field("retryable_status", "423, 520-527")?.build()?;
    /// assert_eq!(rules.to_string(), "retryable_status 423; retryable_status 520-527");
    /// # Ok::<(), undaunted::ParseConfigError>(())
    /// ```
    pub fn field(self, field: &str, text: &str) -> Result<Self, ParseConfigError> {
        let field = Field::named(field).ok_or_else(|| {
            let known = Field::ALL.map(|field| field.name).join(", ");
            ParseConfigError::new("the field", field, format!("one of {known}"))
        })?;
        Ok(self.items(field, text))
    }

    /// Adds the values of a list with commas, or one text.
    pub(super) fn items(self, field: Field, text: &str) -> Self {
        if matches!(field.kind, Kind::Text) {
            return self.item(field, text);
        }
        // A comma at the end is none too many; nothing at all is.
        if text
            .trim_matches(|c: char| c == ',' || c.is_whitespace())
            .is_empty()
        {
            return self.refuse(field.name, text, field.expected());
        }
        let items = text.split(',').map(str::trim);
        items
            .filter(|item| !item.is_empty())
            .fold(self, |builder, item| builder.item(field, item))
    }

    /// Adds one value of a list.
    pub(super) fn item(self, field: Field, item: &str) -> Self {
        match field.kind {
            Kind::Status => match statuses(item) {
                Some(statuses) => self.status(field.name, field.outcome, statuses),
                None => self.refuse(field.name, item, field.expected()),
            },
            Kind::Code => self.code(field.name, field.outcome, item),
            Kind::Text => self.text(field.name, field.outcome, item.to_owned()),
        }
    }
}

/// A list of rules in a configuration.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    outcome: Outcome,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Status,
    Code,
    Text,
}

impl Field {
    pub(super) const ALL: [Self; 9] = [
        Self::new("retryable_status", Outcome::Transient, Kind::Status),
        Self::new("retryable_codes", Outcome::Transient, Kind::Code),
        Self::new("retryable_text", Outcome::Transient, Kind::Text),
        Self::new("throttled_status", Outcome::Throttled, Kind::Status),
        Self::new("throttled_codes", Outcome::Throttled, Kind::Code),
        Self::new("throttled_text", Outcome::Throttled, Kind::Text),
        Self::new("permanent_status", Outcome::Permanent, Kind::Status),
        Self::new("permanent_codes", Outcome::Permanent, Kind::Code),
        Self::new("permanent_text", Outcome::Permanent, Kind::Text),
    ];

    const fn new(name: &'static str, outcome: Outcome, kind: Kind) -> Self {
        Self {
            name,
            outcome,
            kind,
        }
    }

    /// What one value of the list must be.
    pub(super) const fn expected(self) -> &'static str {
        match self.kind {
            Kind::Status => STATUS,
            Kind::Code => CODE,
            Kind::Text => TEXT,
        }
    }

    /// Whether a value may be given as a number.
    #[cfg(feature = "serde")]
    pub(super) const fn has_numbers(self) -> bool {
        matches!(self.kind, Kind::Status)
    }

    /// Whether a value is a text, which may have any character.
    pub(super) const fn is_text(self) -> bool {
        matches!(self.kind, Kind::Text)
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name == name)
    }
}

/// `423`, or `520-527`.
fn statuses(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
}
