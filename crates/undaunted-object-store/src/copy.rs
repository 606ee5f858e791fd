//! Copies and renames within the store.

use object_store::path::Path;
use object_store::{CopyMode, CopyOptions, ObjectStore, RenameOptions, Result};

use crate::conditional::{self, Questions};
use crate::operation::Operation;
use crate::policy::Policy;
use crate::resolve::{Outcome, Resolver};

/// Copies an object. Over whatever is there it is simply repeated.
pub(crate) async fn copy<S: ObjectStore>(
    inner: &S,
    policy: &Policy,
    from: &Path,
    to: &Path,
    options: CopyOptions,
) -> Result<()> {
    let attempt = || inner.copy_opts(from, to, options.clone());
    if matches!(options.mode, CopyMode::Overwrite) {
        return policy.retry(Operation::Copy, to, attempt).await;
    }
    let resolver = Resolver {
        inner,
        policy,
        location: to,
    };
    conditional::retry(
        policy,
        Operation::Copy,
        to,
        Questions::Conflicts,
        attempt,
        || resolver.copy(from),
        drop,
    )
    .await
}

/// Renames an object where that is one operation of the store. A rename leaves nothing by
/// which it could be known again, so after a lost answer an error is undecided.
pub(crate) async fn native_rename<S: ObjectStore>(
    inner: &S,
    policy: &Policy,
    from: &Path,
    to: &Path,
    options: RenameOptions,
) -> Result<()> {
    let reason = "a rename leaves nothing by which it could be known again";
    conditional::retry(
        policy,
        Operation::Rename,
        to,
        Questions::AllPermanent,
        || inner.rename_opts(from, to, options.clone()),
        || async { Outcome::Undecided(reason.to_owned()) },
        drop,
    )
    .await
}
