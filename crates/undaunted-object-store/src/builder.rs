//! What can be set for a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use undaunted::{Hedge, Hedger, Pacer, RetryBudget, RetryConfig, Rules};

use crate::capabilities::Capabilities;
use crate::in_flight::InFlight;
use crate::multipart::Multipart;
use crate::operation::StoreEvent;
use crate::policy::{Pacers, Policy};
use crate::skipped::SkippedKey;
use crate::store::RetryStore;

/// Builds a [`RetryStore`].
///
/// ```
/// use object_store::memory::InMemory;
/// use undaunted::RetryConfig;
/// use undaunted_object_store::RetryStore;
///
/// let store = RetryStore::builder(InMemory::new())
///     .config(RetryConfig::storage())
///     .list_config(RetryConfig::interactive())
///     .on_event(|event| eprintln!("{} {}: {}", event.operation, event.location, event.event))
///     .build();
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct RetryStoreBuilder<S> {
    inner: S,
    policy: Policy,
    capabilities: Capabilities,
}

impl<S: ObjectStore> RetryStoreBuilder<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self {
            inner,
            policy: Policy::new(RetryConfig::storage()),
            capabilities: Capabilities::none(),
        }
    }

    /// The policy of all operations, also of those that were given one of their own before.
    /// Default: [`RetryConfig::storage`].
    pub fn config(mut self, config: RetryConfig) -> Self {
        self.policy.read = config.clone();
        self.policy.write = config.clone();
        self.policy.list = config.clone();
        self.policy.delete = config;
        self
    }

    /// The policy of reads. Default: that of all operations.
    pub fn read_config(mut self, config: RetryConfig) -> Self {
        self.policy.read = config;
        self
    }

    /// The policy of puts, copies, renames and multipart uploads. Default: that of all
    /// operations.
    pub fn write_config(mut self, config: RetryConfig) -> Self {
        self.policy.write = config;
        self
    }

    /// The policy of lists. Default: that of all operations.
    pub fn list_config(mut self, config: RetryConfig) -> Self {
        self.policy.list = config;
        self
    }

    /// The policy of deletes. Default: that of all operations.
    pub fn delete_config(mut self, config: RetryConfig) -> Self {
        self.policy.delete = config;
        self
    }

    /// Rules of your own, which come before what an error means by itself: by status, code, text or
    /// type. They apply to every operation, and to each key of a bulk delete; of a store that deletes
    /// key by key, a 401, 403, 404, 409 or 412 is known in bulk by its status only. Default: none.
    ///
    /// For a store as [`open`](crate::open) makes it, `let (backend, path) = Backend::open(url)?` gives
    /// the builder: `backend.builder().config(config).classify(rules).build()`.
    ///
    /// ```
    /// use object_store::memory::InMemory;
    /// use undaunted::Rules;
    /// use undaunted_object_store::RetryStore;
    ///
    /// let rules = Rules::builder()
    ///     .retryable_status([423])
    ///     .permanent_codes(["QuotaExceeded"])
    ///     .build()?;
    /// let store = RetryStore::builder(InMemory::new()).classify(rules).build();
    /// # Ok::<(), undaunted::ParseConfigError>(())
    /// ```
    ///
    /// What no rule changes is said at [`Rules`]; in a store neither [`Ambiguous`](crate::Ambiguous)
    /// nor [`Corrupt`](crate::Corrupt) either. A rule is no evidence: after an attempt that a rule
    /// lets be made again, a conflict is resolved by reading the object.
    ///
    /// Statuses and codes are known from a [`RetryConnector`](crate::RetryConnector), which
    /// [`open`](crate::open) installs. A `RetryConnector` whose requests are spawned by an outer
    /// connector passes on only those of failures that are retried by default.
    pub fn classify(mut self, rules: Rules) -> Self {
        self.policy.rules = rules;
        self
    }

    /// The budget that the store's operations share, perhaps with other stores. Default: one of
    /// its own.
    pub fn budget(mut self, budget: Arc<RetryBudget>) -> Self {
        self.policy.budget = Some(budget);
        self
    }

    /// Lets every operation retry as often as its policy says, however many others fail.
    pub fn without_budget(mut self) -> Self {
        self.policy.budget = None;
        self
    }

    /// The pacer at which all operations wait for their turns once the service throttles, perhaps
    /// with those of other stores of the same service. Default: one of its own.
    pub fn pacer(mut self, pacer: Arc<Pacer>) -> Self {
        self.policy.pacers = Pacers::one(Some(pacer));
        self
    }

    /// A pacer for reads, for a service that limits them apart from writes. Default: that of all
    /// operations.
    pub fn read_pacer(mut self, pacer: Arc<Pacer>) -> Self {
        self.policy.pacers.read = Some(pacer);
        self
    }

    /// A pacer for puts, copies, renames and multipart uploads. Default: that of all operations.
    pub fn write_pacer(mut self, pacer: Arc<Pacer>) -> Self {
        self.policy.pacers.write = Some(pacer);
        self
    }

    /// A pacer for lists. Default: that of all operations.
    pub fn list_pacer(mut self, pacer: Arc<Pacer>) -> Self {
        self.policy.pacers.list = Some(pacer);
        self
    }

    /// A pacer for deletes. Default: that of all operations.
    pub fn delete_pacer(mut self, pacer: Arc<Pacer>) -> Self {
        self.policy.pacers.delete = Some(pacer);
        self
    }

    /// Treats a throttled operation as any other failure: it backs off, and its retries are paid
    /// from the budget.
    pub fn without_pacer(mut self) -> Self {
        self.policy.pacers = Pacers::one(None);
        self
    }

    /// How many attempts may run at the same time, at least 1. Others wait, first come, first
    /// served. Default 512, so that a process that may have 1,024 files open does not run out of
    /// connections. A store with a pacer begins with 64, and doubles that with each round trip
    /// while more operations wait.
    ///
    /// A response with a body counts until its head has come: open bodies are not limited. Where
    /// none of them ends for a quarter of a second, one more may enter, so operations that nobody
    /// polls cannot keep others back for ever.
    pub fn max_in_flight(mut self, max_in_flight: usize) -> Self {
        self.policy.max_in_flight = max_in_flight;
        self
    }

    /// Writes no token into the metadata of objects. Lost responses to conditional writes are
    /// then resolved by size and content, which may end [`Ambiguous`](crate::Ambiguous).
    pub fn without_put_token(mut self) -> Self {
        self.policy.put_token = false;
        self
    }

    /// Counts a write as applied where no token can tell and the content is the same: right
    /// where it does not matter who wrote it, as with content-addressed objects.
    pub fn resolve_by_content(mut self) -> Self {
        self.policy.resolve_by_content = true;
        self
    }

    /// How long a body may bring nothing before it is resumed from where it stopped. Default
    /// 30 s. Only the time in which somebody waits for the body counts.
    pub fn stall_timeout(mut self, stall_timeout: Duration) -> Self {
        self.policy.stall_timeout = stall_timeout;
        self
    }

    /// Sends a GET a second time when the head of its response takes longer than those of most others,
    /// takes the response that comes first, and drops the other request. Default: off.
    ///
    /// By [`Hedge::default`] that is when 95 % of recent responses took less, for at most 5 % of the
    /// reads, once an operation, and never while the service throttles, the budget is below half, or
    /// the store has no room for another attempt. A service that is slow as a whole gets hardly more
    /// requests. Only reads of objects and ranges are hedged: never a HEAD, a list, a write or a
    /// delete. Ranges of `get_ranges` are read by a request each then, up to 10 at the same time,
    /// joined where they are close.
    ///
    /// The attempt goes on with the response that was first, which gives the ETag that the rest is
    /// pinned to. The other connection is closed: over HTTP/1.1, which is object_store's default, the
    /// two never share one, so a connection that is stuck is worked around too.
    ///
    /// [`RetryStore::hedger`] counts the hedges and those that were first;
    /// [`Observed::hedges`](crate::Observed::hedges) those within a future.
    ///
    /// ```
    /// use object_store::memory::InMemory;
    /// use undaunted::Hedge;
    /// use undaunted_object_store::RetryStore;
    ///
    /// let store = RetryStore::builder(InMemory::new()).hedge(Hedge::default()).build();
    /// assert_eq!(store.hedger().map(|hedger| hedger.issued()), Some(0));
    /// ```
    pub fn hedge(mut self, hedge: Hedge) -> Self {
        self.policy.hedger = Some(Arc::new(Hedger::new(hedge)));
        self
    }

    /// Believes what arrives, also where the service says a checksum of it, and asks S3 for none.
    ///
    /// By default the CRC of a whole object is compared with the one that the service says: S3 and
    /// Google Cloud Storage do. An MD5 costs more, and is compared where it is wanted: see
    /// [`verify_reads`](Self::verify_reads).
    ///
    /// An object that arrived changed is read again once; if it is wrong again, or what was handed over
    /// already was, the read fails with [`Corrupt`](crate::Corrupt) before the last bytes are handed
    /// over. It takes a [`RetryConnector`](crate::RetryConnector), and of S3 a header that
    /// [`open`](crate::open) sends. Ranges have no checksum; an object of a multipart upload has one only
    /// if the service has it of the whole, and not of the checksums of its parts.
    pub fn without_checksums(mut self) -> Self {
        self.policy.checksums = false;
        self
    }

    /// Compares the MD5 of whole objects that have no CRC (see
    /// [`without_checksums`](Self::without_checksums)): the one that Azure says, or else the one that the
    /// ETag is. A client may have set Azure's, and a wrong one. Fails with
    /// [`Corrupt`](crate::Corrupt) as with a CRC if they differ. Default: off.
    ///
    /// It needs the whole object in one body, so ranges are not verified. Of ETags it needs one that is
    /// an MD5: S3 gives one to objects that were put in one request and are not encrypted, or are
    /// with S3's own keys. Objects of multipart uploads and those encrypted with SSE-KMS or SSE-C
    /// pass unverified. Leave it off for services that make ETags of other kinds which look like
    /// an MD5.
    ///
    /// It costs the MD5 of every byte on the task that reads: some 1.7 s a GiB.
    pub fn verify_reads(mut self) -> Self {
        self.policy.verify_reads = true;
        self
    }

    /// What the store can do beyond the trait. Default: nothing.
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Tells `on_event` what happens in the store's operations: once per retry, before its
    /// wait, and once at the end.
    pub fn on_event(mut self, on_event: impl Fn(&StoreEvent<'_>) + Send + Sync + 'static) -> Self {
        self.policy.listener = Some(Arc::new(on_event));
        self
    }

    /// Calls `on_skipped_key` for each key that a list leaves out, because no
    /// [`Path`](object_store::path::Path) can hold it. A WARN line names it too. It takes a
    /// [`RetryConnector`](crate::RetryConnector), which [`open`](crate::open) installs.
    pub fn on_skipped_key(
        mut self,
        on_skipped_key: impl Fn(&SkippedKey) + Send + Sync + 'static,
    ) -> Self {
        self.policy.skipped_key_listener = Some(Arc::new(on_skipped_key));
        self
    }

    /// The store.
    pub fn build(self) -> RetryStore<S> {
        let mut policy = self.policy;
        policy.put_token &= self.capabilities.attributes;
        let most = policy.max_in_flight;
        // Begin small, since a limit is not known yet. Without a pacer it is never learned.
        policy.in_flight = Arc::new(if policy.pacers.are_any() {
            InFlight::growing_to(most)
        } else {
            InFlight::fixed(most)
        });
        policy
            .credentials
            .clone_from(&self.capabilities.credentials);
        policy.s3_bucket = bucket_of_s3(&self.inner.to_string());
        let policy = Arc::new(policy);
        let inner = Arc::new(self.inner);
        let multipart = self.capabilities.parts.clone().map(|parts| {
            let store: Arc<dyn ObjectStore> = inner.clone();
            Multipart::new(parts, store, Arc::clone(&policy))
        });
        RetryStore {
            inner,
            policy,
            capabilities: self.capabilities,
            multipart,
        }
    }
}

/// The bucket of a store that is S3. It says so nowhere but in its `Display`. One that is around
/// another may have other keys than the bucket.
fn bucket_of_s3(shown: &str) -> Option<String> {
    let bucket = shown.strip_prefix("AmazonS3(")?.strip_suffix(')')?;
    Some(bucket.to_owned())
}

impl<S: ObjectStore> fmt::Debug for RetryStoreBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryStoreBuilder")
            .field("inner", &format_args!("{}", self.inner))
            .field("policy", &self.policy)
            .field("capabilities", &self.capabilities)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_store_around_s3_are_not_taken_for_those_of_the_bucket() {
        assert_eq!(bucket_of_s3("AmazonS3(data)").as_deref(), Some("data"));
        assert_eq!(bucket_of_s3("PrefixObjectStore(AmazonS3(data))"), None);
        assert_eq!(bucket_of_s3("InMemory"), None);
    }
}
