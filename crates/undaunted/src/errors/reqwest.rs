//! reqwest 0.12 and 0.13: the verdict of its error. Both say the same by the same names, so the
//! code is there once.

macro_rules! retryable_reqwest {
    ($reqwest:ident) => {
        use std::error::Error;
        use std::io;
        use std::pin::{Pin, pin};
        use std::task::{Context, Poll, Waker};

        use http1::{Response as HttpResponse, StatusCode};
        use hyper1::body::{Body as HttpBody, Bytes, Frame};
        use $reqwest::{Body, Error as ReqwestError, Response};

        use crate::errors::causes::{known_along_sources, verdict_of_connection};
        use crate::errors::http::HttpFailure;
        use crate::verdict::{Retryable, TimedOut, Verdict};

        /// The verdict on an error of reqwest's, or none if it is not one.
        pub(in crate::errors) fn verdict(error: &(dyn Error + 'static)) -> Option<Verdict> {
            Some(error.downcast_ref::<ReqwestError>()?.verdict())
        }

        /// The status that an error of reqwest's was made of.
        pub(in crate::errors) fn status(error: &(dyn Error + 'static)) -> Option<u16> {
            let status = error.downcast_ref::<ReqwestError>()?.status()?;
            Some(status.as_u16())
        }

        /// What kind of failure it is, where no error behind it says that.
        pub(in crate::errors) fn kind(error: &(dyn Error + 'static)) -> Option<&'static str> {
            let error = error.downcast_ref::<ReqwestError>()?;
            if error.is_timeout() {
                return Some("timeout");
            }
            error.is_connect().then_some("connection")
        }

        impl Retryable for ReqwestError {
            /// A status that `error_for_status` made an error has the verdict of an
            /// [`HttpFailure`]; its `Retry-After` is lost, which
            /// [`check_status`](crate::CheckStatus::check_status) keeps. Timeouts are transient,
            /// and so are connections that break or cannot be made, unless the certificate does
            /// not verify. Requests that cannot be made, redirects that lead nowhere, and whole
            /// bodies that cannot be decoded are permanent.
            fn verdict(&self) -> Verdict {
                if let Some(status) = self.status() {
                    return HttpFailure::new(status.as_u16()).verdict();
                }
                if self.is_builder() || self.is_redirect() {
                    return Verdict::Permanent;
                }
                if self.is_timeout() {
                    return Verdict::TRANSIENT;
                }
                match self.source().and_then(known_along_sources) {
                    Some(verdict) => verdict,
                    // Such as JSON that is not what the caller expects.
                    None if self.is_decode() => Verdict::Permanent,
                    None => verdict_of_connection(self),
                }
            }

            fn error_type(&self) -> std::borrow::Cow<'static, str> {
                crate::errors::error_type::error_type(self)
            }

            /// reqwest has no constructor for its errors, so a body that fails makes this one. It
            /// is a timeout (`is_timeout`), and the limit is behind it, along `source()`.
            fn timed_out(timed_out: TimedOut) -> Self {
                match of_body(io::Error::timed_out(timed_out)) {
                    Some(error) => error,
                    None => of_status(),
                }
            }
        }

        fn of_body(error: io::Error) -> Option<ReqwestError> {
            let body = Body::wrap(FailedBody(Some(error)));
            let bytes = Response::from(HttpResponse::new(body)).bytes();
            match pin!(bytes).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Err(error)) => Some(error.without_url()),
                _ => None,
            }
        }

        /// The error of a response that took too long, if a later reqwest should take such a body.
        /// It says nothing of the limit, but it is an error.
        fn of_status() -> ReqwestError {
            let mut response = HttpResponse::new(Body::default());
            *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
            match Response::from(response).error_for_status() {
                Err(error) => error.without_url(),
                Ok(_) => unreachable!("the status 408 is an error"),
            }
        }

        /// A body that fails when it is read.
        struct FailedBody(Option<io::Error>);

        impl HttpBody for FailedBody {
            type Data = Bytes;
            type Error = io::Error;

            fn poll_frame(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
                Poll::Ready(self.0.take().map(Err))
            }
        }

        #[cfg(test)]
        mod tests {
            use std::time::Duration;

            use super::*;

            #[test]
            fn a_limit_is_a_timeout_of_reqwests() {
                let limit = Duration::from_secs(1);
                let error = ReqwestError::timed_out(TimedOut::Attempt { limit });
                assert!(error.is_timeout(), "{error:?}");
                assert_eq!(kind(&error), Some("timeout"));
                assert_eq!(error.url(), None);
                assert_eq!(error.verdict(), Verdict::TRANSIENT);
                let text = format!("{error:?}");
                assert!(text.contains("limit: 1s"), "{text}");
                let cannot_cut = ReqwestError::timed_out(TimedOut::CannotCut { limit });
                assert_eq!(cannot_cut.verdict(), Verdict::Permanent);
            }

            #[test]
            fn a_status_is_judged_by_the_table_of_statuses() {
                assert_eq!(of_status().verdict(), Verdict::TRANSIENT);
            }
        }
    };
}

#[cfg(feature = "reqwest012")]
pub(super) mod v012 {
    retryable_reqwest!(reqwest012);
}

#[cfg(feature = "reqwest013")]
pub(super) mod v013 {
    retryable_reqwest!(reqwest013);
}
