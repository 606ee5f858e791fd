//! What a scenario is: everything about it is data.

use std::time::Duration;

use undaunted_chaos::{FaultPlan, Rule};

use crate::call::{Call, Kind};
use crate::content::Content;

/// One thing that can go wrong, and what right is then.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    /// What right is, in a sentence of the report.
    pub says: &'static str,
    pub right: Right,
    pub prepared: Vec<Prepared>,
    pub faults: Faults,
    pub call: Call,
    /// A call that has not ended by then hangs.
    pub limit: Duration,
    /// The wait that the server asks for with its 503 or 429.
    pub hint: Option<Duration>,
    /// Clients that can verify what they read are told to.
    pub verified: bool,
    /// Why undaunted needs more here than another client that survives, where it does and is
    /// to.
    pub price: Option<&'static str>,
    /// It mostly waits.
    pub long: bool,
    /// One of the forty that were measured before there was a matrix.
    pub of_the_forty: bool,
}

/// What a client must bring about to be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// It succeeds; what it read is what is there, and what it wrote is there and nothing else.
    Success,
    /// As before, or an error: but no wrong bytes as a success.
    SuccessOrError,
    /// One whole version of the object, or an error: but no mixture.
    OneVersionOrError,
    /// This error, and all is as before. With `at_once`, after one request.
    Failure { kind: Kind, at_once: bool },
    /// An error that is not taken for a statement about the object, and all is as before.
    GivesUp,
}

/// What is there before the call.
#[derive(Clone, Copy, Debug)]
pub enum Prepared {
    /// An object that the client under test itself has put, with the checksums it likes.
    Object(&'static str, Content),
    /// This many objects below a prefix, put into the server's folder.
    Files(&'static str, usize),
}

/// What goes wrong.
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
            of_the_forty: false,
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

    /// A fault without end: clients may take as long to give up as they say they do.
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

    pub fn of_the_forty(mut self) -> Self {
        self.of_the_forty = true;
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

/// What takes longer is a hang to whoever waits for it.
const LIMIT: Duration = Duration::from_secs(60);

/// object_store and undaunted both say that they give up within 180 s; a call that is within
/// its stated limit does not hang.
const ENDLESS_LIMIT: Duration = Duration::from_secs(200);
