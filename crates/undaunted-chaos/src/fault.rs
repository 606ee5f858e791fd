//! What goes wrong with a call.

use std::fmt;
use std::time::Duration;

use crate::failure::Failure;

/// One fault. The [table of the crate](crate#the-faults) says what each does and where.
///
/// A position `at` counts the bytes of the response, which for a range is not the whole object.
/// A body that ends at or before `at` is not hit: its length was announced before, so a client
/// has what it asked for by then.
///
/// ```
/// use undaunted_chaos::{Failure, Fault, Operation};
///
/// let fault = Fault::BreakBody { at: 5, failure: Failure::Reset };
/// assert!(fault.applies_to(Operation::Get));
/// assert!(!fault.applies_to(Operation::Put));
/// assert_eq!(fault.to_string(), "break_body at 5 (connection reset)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The body delivers exactly `at` bytes, then fails.
    BreakBody {
        /// How many bytes arrive.
        at: u64,
        /// The failure that the reader sees then.
        failure: Failure,
    },
    /// A list delivers up to `after` entries, then fails. A list that has no more than that
    /// fails where it would have ended. A call that gives all its entries together
    /// (`list_with_delimiter`, a page) fails as a whole.
    BreakList {
        /// How many entries arrive at most.
        after: usize,
        /// The failure that the reader sees then.
        failure: Failure,
    },
    /// One byte of the body arrives with all its bits inverted.
    CorruptBody {
        /// Which byte, from 0.
        at: u64,
    },
    /// An XML document ends cleanly too soon: its length is announced as what is left of it, so
    /// that no layer below the parser can notice. What was asked for is done. Only a server
    /// sends documents: lists, and the results of copies, bulk deletes and multipart uploads.
    CutDocument {
        /// Where it ends. At byte 0 nothing is left.
        at: CutAt,
    },
    /// The body arrives as if something on the way had decompressed it: other bytes, as many as
    /// this.
    DecompressBody {
        /// How many bytes arrive.
        length: u64,
        /// Whether the response still has the `Content-Length` and the `Content-Encoding` of
        /// the compressed body, as a careless proxy leaves them. HTTP then ends a longer body at
        /// the announced length, and breaks a shorter one. Otherwise both headers are removed,
        /// as Google's storage and most proxies do. A store has no headers.
        keep_headers: bool,
    },
    /// The call waits this long, then continues. Another fault may hit the same call after it.
    /// Waiting needs a tokio runtime with its timer on.
    Delay(Duration),
    /// The call is applied in full, then its response is lost and this failure comes instead.
    /// A call that fails by itself keeps its own error.
    ///
    /// [`Failure::Connect`] and throttled responses say that nothing was applied, which here
    /// would be false; seeded faults never say so.
    FailAfter(Failure),
    /// The call fails and the inner store never hears of it.
    FailBefore(Failure),
    /// The call is not made, and a web page comes with status 200, `text/html` and no ETag, as
    /// from a portal, or a console at the wrong endpoint. Only a server sends pages.
    HtmlPage,
    /// A read of a range gets the whole object and status 200. A read of the whole is not hit.
    IgnoreRange,
    /// A page of a list has more keys than the store: those that a service can have and a client
    /// may not expect, such as `a//b`, `..`, one with a control character, or a folder marker,
    /// which ends in `/` and is empty. Each comes only where it belongs: in a list of its
    /// prefix, in the page that would hold it, and as a common prefix where the list has a
    /// delimiter. Only a server can send them, since no [`Path`](object_store::path::Path) can
    /// hold such a key.
    InsertKeys {
        /// The keys.
        names: Vec<String>,
        /// The size that the list gives for each.
        size: u64,
    },
    /// The response says no ETag. Only a server has responses to parts and copies.
    NoEtag,
    /// Calls come through at this rate; those beyond it are told to slow down, and the inner
    /// store never hears of them. A rule counts the calls that it refuses: with
    /// [`Rule::always`](crate::Rule::always) the limit stays.
    RateLimit {
        /// How many calls a second come through in the long run; 0 lets none through once the
        /// burst is over.
        per_second: u32,
        /// How many come through together after a pause, at least 1.
        burst: u32,
        /// The hint that the refusal carries.
        retry_after: Option<Duration>,
    },
    /// A page of a list says that there are more, and gives the token that it was asked with.
    /// The first page, which was asked without one, gives the token of its end. Only a server
    /// has tokens.
    RepeatToken,
    /// The body delivers exactly `at` bytes, then the object is replaced by another one of the
    /// same length, every bit of it inverted, and the body fails. A client that resumes without
    /// asking for the same object gets a mixture of both.
    ReplaceObject {
        /// How many bytes of the old object arrive.
        at: u64,
        /// The failure that the reader sees then.
        failure: Failure,
    },
    /// The call fails with 503 `SlowDown`, and the `Retry-After` is an HTTP date by the server's
    /// own clock, which its `Date` shows. A store has no clock: its caller gets the hint as it
    /// is meant.
    RetryAfterDate {
        /// How long the client is asked to wait, in whole seconds: more is rounded up.
        retry_after: Duration,
        /// What the server's clock shows.
        clock: Clock,
    },
    /// The body ends cleanly after exactly `at` bytes, as if that were all.
    ShortBody {
        /// How many bytes arrive.
        at: u64,
    },
    /// The body stops for a while after `at` bytes, then continues. Waiting needs a tokio
    /// runtime with its timer on.
    StallBody {
        /// How many bytes arrive before the stall.
        at: u64,
        /// How long it lasts.
        lasts: Duration,
    },
    /// The call fails with 307 `TemporaryRedirect` and a `Location`, as from S3 for a bucket
    /// that is new. A store's caller gets the status.
    TemporaryRedirect {
        /// The `Location`. Where it ends after host and port, the path and the query of the
        /// request are appended. If there is none, the request is to be sent again to where it
        /// was sent.
        location: Option<String>,
    },
    /// A page of a list says that there are more, and gives no token to go on with. Only a
    /// server has tokens.
    TruncatedWithoutToken,
    /// The call fails as from S3 for a bucket of another region, which the response names in
    /// `x-amz-bucket-region`. A store's caller gets the status.
    WrongRegion {
        /// The region that the bucket is said to be in.
        region: String,
        /// 301 (`PermanentRedirect`) or 400 (`AuthorizationHeaderMalformed`).
        status: u16,
    },
}

/// Where a [`Fault::CutDocument`] cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CutAt {
    /// After this many bytes.
    Byte(u64),
    /// After this share of its bytes, from 0 to 100, rounded down.
    Percent(u8),
}

impl CutAt {
    /// Turns a share of a document of this length into a number of bytes.
    pub(crate) fn count_bytes(&mut self, length: u64) {
        if let Self::Percent(percent) = *self {
            *self = Self::Byte(length.saturating_mul(percent.into()) / 100);
        }
    }
}

/// What the clock of a [`Fault::RetryAfterDate`] shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clock {
    /// A time that is to come only after so long.
    Ahead(Duration),
    /// A time that was so long ago.
    Behind(Duration),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match self {
            Self::BreakBody { at, failure } | Self::ReplaceObject { at, failure } => {
                write!(f, " at {at} ({failure})")
            }
            Self::BreakList { after, failure } => write!(f, " after {after} ({failure})"),
            Self::CorruptBody { at }
            | Self::CutDocument {
                at: CutAt::Byte(at),
            }
            | Self::ShortBody { at } => write!(f, " at {at}"),
            Self::CutDocument {
                at: CutAt::Percent(percent),
            } => write!(f, " at {percent} %"),
            Self::DecompressBody { length, .. } => write!(f, " to {length}"),
            Self::Delay(lasts) => write!(f, " of {lasts:?}"),
            Self::FailAfter(failure) | Self::FailBefore(failure) => write!(f, " ({failure})"),
            Self::HtmlPage
            | Self::IgnoreRange
            | Self::NoEtag
            | Self::RepeatToken
            | Self::TemporaryRedirect { location: None }
            | Self::TruncatedWithoutToken => Ok(()),
            Self::InsertKeys { names, .. } => write!(f, " {names:?}"),
            Self::RateLimit { per_second, .. } => write!(f, " of {per_second}/s"),
            Self::RetryAfterDate { retry_after, clock } => {
                let (skew, side) = match clock {
                    Clock::Ahead(skew) => (skew, "ahead"),
                    Clock::Behind(skew) => (skew, "behind"),
                };
                write!(f, " of {retry_after:?} by a clock {skew:?} {side}")
            }
            Self::StallBody { at, lasts } => write!(f, " at {at} of {lasts:?}"),
            Self::TemporaryRedirect {
                location: Some(location),
            } => write!(f, " to {location}"),
            Self::WrongRegion { region, .. } => write!(f, " ({region})"),
        }
    }
}
