//! The value of `--chaos`: which faults to inject.

use std::fmt;
use std::fs;
use std::path::Path;

use undaunted_chaos::{ChaosFile, ChaosSpec, FaultPlan};

/// Faults on one line, or in a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Chaos {
    Line(ChaosSpec),
    File {
        path: String,
        text: String,
        file: ChaosFile,
    },
}

impl Chaos {
    /// Parses the flag's value. One that ends in `.toml` is the path of a file.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let extension = Path::new(text).extension();
        if extension.is_none_or(|extension| !extension.eq_ignore_ascii_case("toml")) {
            let line = text.parse::<ChaosSpec>();
            return line.map(Self::Line).map_err(|error| error.to_string());
        }
        let content = fs::read_to_string(text)
            .map_err(|error| format!("the file cannot be read: {error}"))?;
        let file = content.parse::<ChaosFile>();
        Ok(Self::File {
            path: text.to_owned(),
            file: file.map_err(|error| error.to_string())?,
            text: content,
        })
    }

    /// The same for faults of a store, which can't have those of HTTP alone.
    pub(crate) fn parse_for_store(text: &str) -> Result<Self, String> {
        let chaos = Self::parse(text)?;
        let kind = match &chaos {
            Self::Line(spec) => spec.needs_server(),
            Self::File { file, .. } => file.needs_server(),
        };
        match kind {
            Some(kind) => Err(format!(
                "{kind} changes responses of HTTP and is for `undaunted serve --chaos`; the \
                 faults of this command hit the calls to a store"
            )),
            None => Ok(chaos),
        }
    }

    /// The same as a chaos file.
    pub(crate) fn text(&self) -> String {
        let spec = match self {
            Self::Line(spec) => spec.to_string(),
            Self::File { text, .. } => return text.clone(),
        };
        let lines = spec.split(',').filter_map(|setting| {
            let (name, value) = setting.split_once('=')?;
            Some(match value.parse::<f64>() {
                Ok(_) => format!("{name} = {value}\n"),
                Err(_) => format!("{name} = \"{value}\"\n"),
            })
        });
        lines.collect()
    }

    /// A new plan that has not counted any call.
    pub(crate) fn plan(&self) -> FaultPlan {
        match self {
            Self::Line(spec) => spec.plan(),
            Self::File { file, .. } => file.plan(),
        }
    }
}

/// The value of `--chaos` that repeats the run.
impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(spec) => write!(f, "{spec}"),
            Self::File { path, .. } => f.write_str(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_cannot_have_the_faults_of_http_alone() {
        assert!(Chaos::parse("cut_document=0.1").is_ok());
        let problem = Chaos::parse_for_store("cut_document=0.1").unwrap_err();
        assert!(problem.starts_with("cut_document changes responses of HTTP"));
        assert!(Chaos::parse_for_store("redirect=0.1").is_ok());
    }

    #[test]
    fn a_line_is_a_chaos_file_too() {
        for line in ["flaky,seed=7,delay_for=9s", "blackout=2m", "rate=0"] {
            let Chaos::Line(spec) = Chaos::parse(line).unwrap() else {
                unreachable!("{line}")
            };
            let file: ChaosFile = Chaos::Line(spec.clone()).text().parse().unwrap();
            assert_eq!(file.spec(), Some(&spec));
        }
    }

    #[test]
    fn the_example_in_the_help_parses() {
        let file: ChaosFile = include_str!("serve/example.toml").parse().unwrap();
        assert_eq!(file.rules().len(), 3);
        assert!(file.spec().is_some());
    }
}
