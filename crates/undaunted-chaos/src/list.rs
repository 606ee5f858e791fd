//! Faults in lists, and the paged lists of a store behind them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::{ObjectMeta, Result};

use crate::hit::Hit;
use crate::{Fault, FaultPlan, Operation};

/// A [`PaginatedListStore`] behind faults, for where its type is not known.
///
/// A page fails before or after it was read, is delayed, or breaks; each page is one call of
/// [`Operation::List`]. [`FaultyStore`](crate::FaultyStore) does the same for a store whose
/// type is known.
///
/// ```no_run
/// use std::sync::Arc;
/// use object_store::list::{PaginatedListOptions, PaginatedListStore};
/// use undaunted_chaos::{FaultPlan, FaultyPages};
///
/// # async fn example(s3: Arc<dyn PaginatedListStore>, plan: FaultPlan) -> object_store::Result<()> {
/// let pages = FaultyPages::new(s3, plan);
/// let page = pages.list_paginated(Some("logs/"), PaginatedListOptions::default()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FaultyPages {
    inner: Arc<dyn PaginatedListStore>,
    plan: FaultPlan,
}

impl FaultyPages {
    /// Puts `inner` behind the faults of `plan`.
    #[must_use]
    pub fn new(inner: Arc<dyn PaginatedListStore>, plan: FaultPlan) -> Self {
        Self { inner, plan }
    }

    /// The store without faults.
    #[must_use]
    pub fn inner(&self) -> &Arc<dyn PaginatedListStore> {
        &self.inner
    }

    /// The plan, to see what was injected.
    #[must_use]
    pub const fn plan(&self) -> &FaultPlan {
        &self.plan
    }
}

impl fmt::Debug for FaultyPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyPages")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl PaginatedListStore for FaultyPages {
    async fn list_paginated(
        &self,
        prefix: Option<&str>,
        opts: PaginatedListOptions,
    ) -> Result<PaginatedListResult> {
        let planned = self
            .plan
            .begin(Operation::List, prefix.unwrap_or_default(), None);
        planned
            .around(self.inner.list_paginated(prefix, opts))
            .await
    }
}

type Entries = BoxStream<'static, Result<ObjectMeta>>;

/// A list under a plan. The call counts when the stream is first polled: before that, no
/// client sends anything.
pub(crate) fn spoil_list(
    plan: FaultPlan,
    prefix: String,
    call: impl FnOnce() -> Entries + Send + 'static,
) -> Entries {
    let entries = async move {
        let planned = plan.begin(Operation::List, &prefix, None);
        match planned.before().await {
            Ok(Some(hit)) => break_off(call(), hit),
            Ok(None) => call(),
            Err(error) => stream::once(future::ready(Err(error))).boxed(),
        }
    };
    stream::once(entries).flatten().boxed()
}

/// Ends a list with an error after some entries, or after none if its whole answer is lost.
fn break_off(entries: Entries, hit: Hit) -> Entries {
    let after = match hit.fault() {
        Fault::BreakList { after, .. } => *after,
        _ => 0,
    };
    let failure = stream::once(async move { hit.lost_answer().map(Err) });
    entries
        .take(after)
        .map(Some)
        .chain(failure)
        .filter_map(future::ready)
        // An error of the list's own ends it too: then the break never comes.
        .scan(false, |failed, entry| {
            let goes_on = !*failed;
            *failed = entry.is_err();
            future::ready(goes_on.then_some(entry))
        })
        .boxed()
}
