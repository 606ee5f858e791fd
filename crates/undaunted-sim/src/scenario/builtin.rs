//! Scenarios that answer the usual questions, each a file that can be copied and changed.

use super::file::{ScenarioError, ScenarioFile};

/// A scenario that comes with the library.
///
/// ```
/// use undaunted_sim::Builtin;
///
/// let outage = Builtin::find("outage").unwrap();
/// assert!(outage.summary.contains("service fails"));
/// let file = outage.file()?;
/// assert!(file.policies.len() > 1);
/// # Ok::<(), undaunted_sim::ScenarioError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// What happens in it, in a sentence.
    pub summary: &'static str,
    /// The file.
    pub text: &'static str,
}

impl Builtin {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self {
            name: "outage",
            summary: "A service fails for 20 s while 100 calls a second arrive.",
            text: include_str!("builtin/outage.toml"),
        },
        Self {
            name: "throttle",
            summary: "600 clients come together to a service that takes 100 requests a second.",
            text: include_str!("builtin/throttle.toml"),
        },
        Self {
            name: "overload",
            summary: "For a minute twice as many calls arrive as a service can work off.",
            text: include_str!("builtin/overload.toml"),
        },
        Self {
            name: "metastable",
            summary: "A service at half of its capacity stalls for 5 s, and retries keep it overloaded.",
            text: include_str!("builtin/metastable.toml"),
        },
        Self {
            name: "tail",
            summary: "A few responses take ten times as long as usual; then all of them do.",
            text: include_str!("builtin/tail.toml"),
        },
    ];

    /// The one of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|builtin| builtin.name == name)
            .copied()
    }

    /// The scenario and its policies.
    ///
    /// # Errors
    ///
    /// None: a test reads them all. The result is that of any file.
    pub fn file(&self) -> Result<ScenarioFile, ScenarioError> {
        self.text.parse()
    }
}
