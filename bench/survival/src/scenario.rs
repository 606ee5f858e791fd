//! A scenario, as data: the objects, the faults, the call, and the right outcome.

use std::time::Duration;

use undaunted_chaos::{FaultPlan, Rule};

use crate::call::{Call, Kind};
use crate::content::Content;

/// A fault in one call, and the right outcome.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    /// The right outcome, as a sentence of the report.
    pub says: &'static str,
    pub right: Right,
    pub prepared: Vec<Prepared>,
    pub faults: Faults,
    pub call: Call,
    /// A call that takes longer hangs.
    pub limit: Duration,
    /// The delay that the server asks for with its 503 or 429.
    pub hint: Option<Duration>,
    /// Clients that can verify their reads do so.
    pub verified: bool,
    /// The reason why undaunted needs more than another client that survives, if it does.
    pub price: Option<&'static str>,
    /// The call mostly waits.
    pub long: bool,
}

/// The outcome that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The call succeeds; it read the object that exists, or the written object exists, and
    /// nothing else has changed.
    Success,
    /// Success or an error, but no success with wrong bytes.
    SuccessOrError,
    /// One whole version of the object, or an error, but no mixture.
    OneVersionOrError,
    /// This error, and no object has changed. With `immediately`, after one request.
    Failure { kind: Kind, immediately: bool },
    /// An error that is no statement about the object, and no object has changed.
    OtherError,
}

/// An object that exists before the call.
#[derive(Clone, Copy, Debug)]
pub enum Prepared {
    /// An object that the same client has put, with the checksums that it prefers.
    Object(&'static str, Content),
    /// This many objects below a prefix, put into the server's folder.
    Files(&'static str, usize),
}

/// The faults that the server injects.
#[derive(Clone, Debug)]
pub enum Faults {
    Rules(Vec<Rule>),
    /// Every connection is reset for this long from the first request on.
    Blackout(Duration),
}

impl Scenario {
    /// A scenario without faults whose right outcome is success.
    pub fn new(name: &str, says: &'static str, call: Call) -> Self {
        Self {
            name: name.to_owned(),
            says,
            right: Right::Success,
            prepared: Vec::new(),
            faults: Faults::Rules(Vec::new()),
            call,
            limit: LIMIT,
            hint: None,
            verified: false,
            price: None,
            long: false,
        }
    }

    pub fn says(mut self, says: &'static str) -> Self {
        self.says = says;
        self
    }

    pub fn right(mut self, right: Right) -> Self {
        self.right = right;
        self
    }

    pub fn prepared(mut self, prepared: impl IntoIterator<Item = Prepared>) -> Self {
        self.prepared.extend(prepared);
        self
    }

    pub fn rules(mut self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.faults = Faults::Rules(rules.into_iter().collect());
        self
    }

    pub fn blackout(mut self, lasts: Duration) -> Self {
        self.faults = Faults::Blackout(lasts);
        self.long()
    }

    pub fn hint(mut self, hint: Duration) -> Self {
        self.hint = Some(hint);
        self
    }

    pub fn verified(mut self) -> Self {
        self.verified = true;
        self
    }

    /// A fault without end: clients may take as long as their own limit to fail.
    pub fn endless(mut self) -> Self {
        self.limit = ENDLESS_LIMIT;
        self.long()
    }

    pub fn price(mut self, price: &'static str) -> Self {
        self.price = Some(price);
        self
    }

    pub fn long(mut self) -> Self {
        self.long = true;
        self
    }
}

impl Faults {
    pub fn plan(&self) -> FaultPlan {
        match self {
            Self::Rules(rules) => FaultPlan::scripted(rules.iter().cloned()),
            Self::Blackout(lasts) => FaultPlan::blackout(*lasts),
        }
    }
}

/// A caller takes a longer call for a hang.
const LIMIT: Duration = Duration::from_secs(60);

/// object_store and undaunted state a limit of 180 s; a call within its stated limit does not
/// hang.
const ENDLESS_LIMIT: Duration = Duration::from_secs(200);
