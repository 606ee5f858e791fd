//! Faults in lists.

use futures::future;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::{ObjectMeta, Result};

use crate::call::IncomingCall;
use crate::fault::Fault;
use crate::operation::Operation;
use crate::pending::PendingFault;
use crate::plan::FaultPlan;

type Entries = BoxStream<'static, Result<ObjectMeta>>;

/// A list under a plan. The call counts when the stream is first polled: before that, no
/// client sends anything.
pub(crate) fn list(
    plan: FaultPlan,
    prefix: String,
    call: impl FnOnce() -> Entries + Send + 'static,
) -> Entries {
    let entries = async move {
        let faults = plan.begin(&IncomingCall::new(Operation::List, &prefix));
        match faults.before().await {
            Ok(Some(fault)) => break_off(call(), fault),
            Ok(None) => call(),
            Err(error) => stream::once(future::ready(Err(error))).boxed(),
        }
    };
    stream::once(entries).flatten().boxed()
}

/// Ends a list with an error after some entries, or after none if its whole response is lost.
fn break_off(entries: Entries, fault: PendingFault) -> Entries {
    let after = match fault.fault() {
        Fault::BreakList { after, .. } => *after,
        _ => 0,
    };
    let failure = stream::once(async move { fault.lost_response().map(Err) });
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
