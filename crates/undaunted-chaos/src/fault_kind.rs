//! Faults without their details.

use crate::fault::Fault;
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
        /// [`Fault::CutDocument`](crate::Fault::CutDocument)
        CutDocument = "cut_document",
        /// [`Fault::DecompressBody`](crate::Fault::DecompressBody)
        DecompressBody = "decompress_body",
        /// [`Fault::Delay`](crate::Fault::Delay)
        Delay = "delay",
        /// [`Fault::FailAfter`](crate::Fault::FailAfter)
        FailAfter = "fail_after",
        /// [`Fault::FailBefore`](crate::Fault::FailBefore)
        FailBefore = "fail_before",
        /// [`Fault::HtmlPage`](crate::Fault::HtmlPage)
        HtmlPage = "html_page",
        /// [`Fault::IgnoreRange`](crate::Fault::IgnoreRange)
        IgnoreRange = "ignore_range",
        /// [`Fault::InsertKeys`](crate::Fault::InsertKeys)
        InsertKeys = "insert_keys",
        /// [`Fault::NoEtag`](crate::Fault::NoEtag)
        NoEtag = "no_etag",
        /// [`Fault::RateLimit`](crate::Fault::RateLimit)
        RateLimit = "rate_limit",
        /// [`Fault::RepeatToken`](crate::Fault::RepeatToken)
        RepeatToken = "repeat_token",
        /// [`Fault::ReplaceObject`](crate::Fault::ReplaceObject)
        ReplaceObject = "replace_object",
        /// [`Fault::RetryAfterDate`](crate::Fault::RetryAfterDate)
        RetryAfterDate = "retry_after_date",
        /// [`Fault::ShortBody`](crate::Fault::ShortBody)
        ShortBody = "short_body",
        /// [`Fault::StallBody`](crate::Fault::StallBody)
        StallBody = "stall_body",
        /// [`Fault::TemporaryRedirect`](crate::Fault::TemporaryRedirect)
        TemporaryRedirect = "temporary_redirect",
        /// [`Fault::TruncatedWithoutToken`](crate::Fault::TruncatedWithoutToken)
        TruncatedWithoutToken = "truncated_without_token",
        /// [`Fault::WrongRegion`](crate::Fault::WrongRegion)
        WrongRegion = "wrong_region",
    }
}

impl FaultKind {
    /// Whether only an `S3Server` can carry the fault out (feature `server`, or `undaunted
    /// serve`), because it is about pages and documents, which a store does not have. A call to
    /// a [`FaultyStore`](crate::FaultyStore) that it is meant for fails with `NotSupported`.
    ///
    /// ```
    /// use undaunted_chaos::FaultKind;
    ///
    /// assert!(FaultKind::CutDocument.needs_server());
    /// assert!(!FaultKind::BreakBody.needs_server());
    /// ```
    #[must_use]
    pub const fn needs_server(self) -> bool {
        matches!(
            self,
            Self::CutDocument
                | Self::HtmlPage
                | Self::InsertKeys
                | Self::RepeatToken
                | Self::TruncatedWithoutToken
        )
    }
}

impl Fault {
    /// Which kind of fault this is.
    #[must_use]
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::BreakBody { .. } => FaultKind::BreakBody,
            Self::BreakList { .. } => FaultKind::BreakList,
            Self::CorruptBody { .. } => FaultKind::CorruptBody,
            Self::CutDocument { .. } => FaultKind::CutDocument,
            Self::DecompressBody { .. } => FaultKind::DecompressBody,
            Self::Delay(_) => FaultKind::Delay,
            Self::FailAfter(_) => FaultKind::FailAfter,
            Self::FailBefore(_) => FaultKind::FailBefore,
            Self::HtmlPage => FaultKind::HtmlPage,
            Self::IgnoreRange => FaultKind::IgnoreRange,
            Self::InsertKeys { .. } => FaultKind::InsertKeys,
            Self::NoEtag => FaultKind::NoEtag,
            Self::RateLimit { .. } => FaultKind::RateLimit,
            Self::RepeatToken => FaultKind::RepeatToken,
            Self::ReplaceObject { .. } => FaultKind::ReplaceObject,
            Self::RetryAfterDate { .. } => FaultKind::RetryAfterDate,
            Self::ShortBody { .. } => FaultKind::ShortBody,
            Self::StallBody { .. } => FaultKind::StallBody,
            Self::TemporaryRedirect { .. } => FaultKind::TemporaryRedirect,
            Self::TruncatedWithoutToken => FaultKind::TruncatedWithoutToken,
            Self::WrongRegion { .. } => FaultKind::WrongRegion,
        }
    }
}
