//! A scenario, as data: the objects, the faults, the call, and the right outcome.

use std::time::Duration;

use undaunted_chaos::{Fault, FaultPlan, Operation, Rule};

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
    /// The keys of the client are temporary and come from a provider, which has new ones.
    pub temporary_keys: bool,
    /// The most entries of a page of a list, if not as many as S3's.
    pub page_size: Option<u16>,
    /// The reason why undaunted needs more than another client that survives, if it does.
    pub price: Option<&'static str>,
    /// The call mostly waits.
    pub long: bool,
    /// The call has hundreds of requests at the same time, and the outcome depends on how quickly
    /// they are sent.
    pub crowd: bool,
}

/// The outcome that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The call succeeds; it read the object that exists, or the written object exists, and
    /// nothing else has changed.
    Success,
    /// Success or an error, but no success with wrong bytes.
    SuccessOrError,
    /// Success, or an error that is no statement about the object after which no object has
    /// changed.
    SuccessOrOtherError,
    /// One whole version of the object, or an error, but no mixture.
    OneVersionOrError,
    /// This error, and no object has changed. With `immediately`, after one request.
    Failure { kind: Kind, immediately: bool },
    /// An error that is no statement about the object, and no object has changed.
    OtherError,
    /// Such an error, whose text names the cause: it has one of these words, in capitals or not.
    /// It comes after this many requests at most.
    NamedError {
        words: &'static [&'static str],
        requests: usize,
    },
}

/// An object that exists before the call.
#[derive(Clone, Copy, Debug)]
pub enum Prepared {
    /// An object that the same client has put, with the checksums that it prefers.
    Object(&'static str, Content),
    /// Objects with the [numbered](Content::numbered) content of their place, put into the
    /// server's folder.
    Many(&'static [&'static str], Content),
    /// This many objects below a prefix, put into the server's folder.
    Files(&'static str, usize),
}

/// The faults that the server injects.
#[derive(Clone, Debug)]
pub enum Faults {
    Rules(Vec<Rule>),
    /// Every connection is reset for this long from the first request on.
    Blackout(Duration),
    /// The first request of this operation is redirected to the same server by another name.
    Redirect(Operation),
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
            temporary_keys: false,
            page_size: None,
            price: None,
            long: false,
            crowd: false,
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

    pub fn redirect(mut self, operation: Operation) -> Self {
        self.faults = Faults::Redirect(operation);
        self
    }

    pub fn hint(mut self, hint: Duration) -> Self {
        self.hint = Some(hint);
        self
    }

    pub fn temporary_keys(mut self) -> Self {
        self.temporary_keys = true;
        self
    }

    pub fn page_size(mut self, entries: u16) -> Self {
        self.page_size = Some(entries);
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

    pub fn crowd(mut self) -> Self {
        self.crowd = true;
        self
    }

    /// The keys that the server lists and does not have.
    pub fn inserted_keys(&self) -> impl Iterator<Item = &str> {
        let rules: &[Rule] = match &self.faults {
            Faults::Rules(rules) => rules,
            Faults::Blackout(_) | Faults::Redirect(_) => &[],
        };
        let names = rules.iter().filter_map(|rule| match rule.fault() {
            Fault::InsertKeys { names, .. } => Some(names),
            _ => None,
        });
        names.flatten().map(String::as_str)
    }
}

impl Faults {
    /// The plan of a server before it listens.
    pub fn plan(&self) -> FaultPlan {
        match self {
            Self::Rules(rules) => FaultPlan::scripted(rules.iter().cloned()),
            Self::Blackout(lasts) => FaultPlan::blackout(*lasts),
            Self::Redirect(_) => FaultPlan::none(),
        }
    }

    /// The rule that depends on the port of the server.
    pub fn rule_for(&self, port: u16) -> Option<Rule> {
        let Self::Redirect(operation) = self else {
            return None;
        };
        let location = Some(format!("http://localhost:{port}"));
        let redirect = Fault::TemporaryRedirect { location };
        Some(Rule::new(*operation, redirect))
    }
}

/// A caller takes a longer call for a hang.
const LIMIT: Duration = Duration::from_secs(60);

/// object_store and undaunted state a limit of 180 s; a call within its stated limit does not
/// hang.
const ENDLESS_LIMIT: Duration = Duration::from_secs(200);
