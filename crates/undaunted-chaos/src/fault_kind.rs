//! Faults without their details.

use crate::names::named;

named! {
    /// The kind of a [`Fault`](crate::Fault), without its details. Counts are kept by it.
    pub enum FaultKind {
        /// [`Fault::BreakBody`](crate::Fault::BreakBody)
        BreakBody = "break_body",
        /// [`Fault::BreakList`](crate::Fault::BreakList)
        BreakList = "break_list",
        /// [`Fault::CorruptBody`](crate::Fault::CorruptBody)
        CorruptBody = "corrupt_body",
        /// [`Fault::Delay`](crate::Fault::Delay)
        Delay = "delay",
        /// [`Fault::FailAfter`](crate::Fault::FailAfter)
        FailAfter = "fail_after",
        /// [`Fault::FailBefore`](crate::Fault::FailBefore)
        FailBefore = "fail_before",
        /// [`Fault::RateLimit`](crate::Fault::RateLimit)
        RateLimit = "rate_limit",
        /// [`Fault::ReplaceObject`](crate::Fault::ReplaceObject)
        ReplaceObject = "replace_object",
        /// [`Fault::ShortBody`](crate::Fault::ShortBody)
        ShortBody = "short_body",
        /// [`Fault::StallBody`](crate::Fault::StallBody)
        StallBody = "stall_body",
    }
}
