//! What all operations of a store share, as plain data: the policies, the budget, the pacers, the
//! listener.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::Error;
use undaunted::{
    Hedger, HttpFailure, Judgement, Pacer, RetryBudget, RetryConfig, Retryable, Rules, Verdict,
    Window,
};

use crate::credentials::Generation;
use crate::error::{Ambiguous, Corrupt, cause};
use crate::in_flight::InFlight;
use crate::operation::{Operation, StoreEvent};
use crate::responded::fits;
use crate::skipped::SkippedKey;

#[derive(Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, which the builder switches"
)]
pub(crate) struct Policy {
    pub(crate) read: RetryConfig,
    pub(crate) write: RetryConfig,
    pub(crate) list: RetryConfig,
    pub(crate) delete: RetryConfig,
    /// What comes before an error's own verdict.
    pub(crate) rules: Rules,
    pub(crate) budget: Option<Arc<RetryBudget>>,
    pub(crate) pacers: Pacers,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) max_in_flight: usize,
    /// Of the credentials, where they can be fetched anew.
    pub(crate) credentials: Option<Arc<Generation>>,
    pub(crate) listener: Option<Listener>,
    /// The bucket, where the store is S3: for spans.
    pub(crate) s3_bucket: Option<String>,
    pub(crate) skipped_key_listener: Option<SkippedKeyListener>,
    /// Whether conditional writes and uploads carry a token to be known by.
    pub(crate) put_token: bool,
    /// Whether a write of the same content counts as ours where no token can tell.
    pub(crate) resolve_by_content: bool,
    /// Whether whole objects are compared with the CRC that the service says.
    pub(crate) checksums: bool,
    /// Whether whole objects are compared with the MD5 that their ETag is.
    pub(crate) verify_reads: bool,
    /// Which reads are sent a second time, if any are.
    pub(crate) hedger: Option<Arc<Hedger>>,
    /// How long a body may bring nothing while it is waited for.
    pub(crate) stall_timeout: Duration,
}

/// The pacers of a store's operations: one for all, unless they were set apart.
#[derive(Clone)]
pub(crate) struct Pacers {
    pub(crate) read: Option<Arc<Pacer>>,
    pub(crate) write: Option<Arc<Pacer>>,
    pub(crate) list: Option<Arc<Pacer>>,
    pub(crate) delete: Option<Arc<Pacer>>,
}

impl Pacers {
    pub(crate) const fn are_any(&self) -> bool {
        self.read.is_some() || self.write.is_some() || self.list.is_some() || self.delete.is_some()
    }

    pub(crate) fn one(pacer: Option<Arc<Pacer>>) -> Self {
        Self {
            read: pacer.clone(),
            write: pacer.clone(),
            list: pacer.clone(),
            delete: pacer,
        }
    }
}

/// A function that is told what happens.
pub(crate) type Listener = Arc<dyn Fn(&StoreEvent<'_>) + Send + Sync>;

/// A function that is told of keys that a list leaves out.
pub(crate) type SkippedKeyListener = Arc<dyn Fn(&SkippedKey) + Send + Sync>;

impl Policy {
    pub(crate) fn new(config: RetryConfig) -> Self {
        Self {
            read: config.clone(),
            write: config.clone(),
            list: config.clone(),
            delete: config,
            rules: Rules::NONE,
            budget: Some(Arc::new(RetryBudget::new())),
            pacers: Pacers::one(Some(Arc::new(Pacer::new()))),
            in_flight: Arc::new(InFlight::growing_to(Window::MOST)),
            max_in_flight: Window::MOST,
            credentials: None,
            listener: None,
            s3_bucket: None,
            skipped_key_listener: None,
            put_token: true,
            resolve_by_content: false,
            checksums: true,
            verify_reads: false,
            hedger: None,
            stall_timeout: STALL_TIMEOUT,
        }
    }

    pub(crate) const fn config(&self, operation: Operation) -> &RetryConfig {
        match operation {
            Operation::Get => &self.read,
            Operation::List => &self.list,
            Operation::Delete => &self.delete,
            _ => &self.write,
        }
    }

    /// What a failure means: what a rule says of it, or else its own verdict. `response` is what the
    /// service said, where object_store keeps only its text.
    ///
    /// No rule sees a write of which it could not be told whether it was applied, nor an object that
    /// arrived changed: for neither is another attempt the cure.
    pub(crate) fn judge(&self, error: &Error, response: Option<&HttpFailure>) -> Judgement {
        let is_final = || cause::<Ambiguous>(error).is_some() || cause::<Corrupt>(error).is_some();
        if self.rules.is_empty() || is_final() {
            return error.verdict().into();
        }
        let response = response.filter(|response| fits(error, response.status()));
        let judged = self.rules.judge_with(error, response);
        judged.unwrap_or_else(|| error.verdict().into())
    }

    /// Whether a failure may be retried.
    pub(crate) fn is_retryable(&self, error: &Error, response: Option<&HttpFailure>) -> bool {
        self.judge(error, response).verdict != Verdict::Permanent
    }

    /// The pacer at which attempts of this operation wait for their turns.
    pub(crate) fn pacer(&self, operation: Operation) -> Option<&Pacer> {
        let pacers = &self.pacers;
        let pacer = match operation {
            Operation::Get => &pacers.read,
            Operation::List => &pacers.list,
            Operation::Delete => &pacers.delete,
            _ => &pacers.write,
        };
        pacer.as_deref()
    }

    /// Which credentials are in use, where they can be fetched anew.
    pub(crate) fn current_credentials(&self) -> Option<u64> {
        self.credentials.as_deref().map(Generation::current)
    }

    /// Has the credentials fetched anew that a request failed with.
    pub(crate) fn renew_credentials(&self, seen: Option<u64>) {
        if let Some((credentials, seen)) = self.credentials.as_deref().zip(seen) {
            credentials.renew(seen);
        }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("read", &self.read)
            .field("write", &self.write)
            .field("list", &self.list)
            .field("delete", &self.delete)
            .field("rules", &self.rules)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// As long as the head of a response may take.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_operation_has_its_own_pacer() {
        let pacers = [(); 4].map(|()| Arc::new(Pacer::new()));
        let mut policy = Policy::new(RetryConfig::storage());
        let [read, write, list, delete] = pacers.clone().map(Some);
        policy.pacers = Pacers {
            read,
            write,
            list,
            delete,
        };
        for (operation, own) in [
            (Operation::Get, 0),
            (Operation::Put, 1),
            (Operation::PutPart, 1),
            (Operation::List, 2),
            (Operation::Delete, 3),
        ] {
            let found = policy.pacer(operation).unwrap();
            let own = Arc::as_ptr(&pacers[own]);
            assert!(std::ptr::eq(found, own), "{operation}");
        }
    }

    #[test]
    fn no_rule_sees_what_is_final() {
        let mut policy = Policy::new(RetryConfig::storage());
        let rules = Rules::builder().retryable_status([423]);
        policy.rules = rules.build().unwrap();
        let path = object_store::path::Path::from("a");
        let refused = || Box::new(HttpFailure::new(423));
        let plain = crate::error::generic(*refused());
        assert!(policy.is_retryable(&plain, None));
        let ambiguous = Ambiguous::error(Operation::Put, &path, "nobody knows", refused());
        assert!(!policy.is_retryable(&ambiguous, None));
    }
}
