//! What a retried service has to know of its requests, responses and errors.

use std::fmt::Display;
use std::future::Future;

use http::{Method, Uri};
use undaunted::{HttpFailure, Judgement, RetryReport, TimedOut};

/// What a [`Retry`](crate::Retry) service has to know of its requests, responses and errors.
///
/// [`HttpProtocol`](crate::HttpProtocol) knows those of HTTP. Another protocol implements this:
///
/// ```
/// use std::io;
/// use undaunted::{Judgement, Retryable, TimedOut};
/// use undaunted_tower::Protocol;
///
/// /// Names are looked up, which may be repeated always.
/// #[derive(Clone, Copy)]
/// struct Lookups;
///
/// impl Protocol<String, Vec<u8>, io::Error> for Lookups {
///     type Subject = String;
///
///     fn clone_request(&self, name: &String) -> Option<String> {
///         Some(name.clone())
///     }
///
///     fn is_idempotent(&self, _: &String) -> bool {
///         true
///     }
///
///     fn subject(&self, name: &String) -> String {
///         name.clone()
///     }
///
///     fn judge(&self, error: &io::Error) -> Judgement {
///         error.verdict().into()
///     }
///
///     fn timed_out(&self, timed_out: TimedOut) -> io::Error {
///         io::Error::timed_out(timed_out)
///     }
/// }
/// ```
pub trait Protocol<Request, Response, E> {
    /// What a request is about, for logs and events. It is made for every request, and formatted
    /// only if something logs it. It must hold no secrets.
    type Subject: Display + Send + Sync;

    /// A copy for the next attempt. A request without one is made once.
    fn clone_request(&self, request: &Request) -> Option<Request>;

    /// Whether the request may be repeated although an attempt may have been processed.
    fn is_idempotent(&self, request: &Request) -> bool;

    /// Why a request that is not idempotent is not repeated after a failure that may pass, and what to
    /// do about it. Logs and events say it.
    fn why_not_repeated(&self) -> &'static str {
        "the request may have been processed, and is not safe to repeat"
    }

    /// What the request is about.
    fn subject(&self, request: &Request) -> Self::Subject;

    /// The method and the URL of a request, for the span of an attempt, which has the method and the host.
    /// Default: it is not HTTP.
    fn target<'r>(&self, _: &'r Request) -> Option<(&'r Method, &'r Uri)> {
        None
    }

    /// The status of a response, for the span of an attempt. Default: it is not HTTP.
    fn status(&self, _: &Response) -> Option<u16> {
        None
    }

    /// The failure that a response is, if it is one that may pass. Default: none is.
    fn failure(&self, _: &Response) -> Option<HttpFailure> {
        None
    }

    /// What such a response means. Default: its own verdict counts.
    fn judge_response(&self, failure: &HttpFailure) -> Judgement {
        failure.verdict().into()
    }

    /// What an error means: its verdict, and the rule that decided, if one did
    /// ([`Rules::judge`](undaunted::Rules::judge)).
    fn judge(&self, error: &E) -> Judgement;

    /// Whether an error shows that the request was not processed. Default: no error does.
    fn is_unprocessed(&self, _: &E) -> bool {
        false
    }

    /// The error for a time limit that ran out.
    fn timed_out(&self, timed_out: TimedOut) -> E;

    /// Gets rid of a failed response, while the next attempt waits: reads it to its end, for
    /// example, so that its connection can be used again. It is dropped when the wait ends. Default:
    /// it is dropped immediately.
    fn discard(&self, response: Response) -> impl Future<Output = ()> + Send {
        drop(response);
        std::future::ready(())
    }

    /// Puts the report of a call into its response, where reports are wanted. Default: it is lost.
    fn attach(&self, _: &mut Response, _: RetryReport) {}
}
