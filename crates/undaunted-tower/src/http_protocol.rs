//! HTTP: which requests may be repeated, and which responses are failures.

use std::fmt;
use std::future::Future;
use std::time::SystemTime;

use http::{Method, Request, Response, Uri};
use http_body::Body;
use undaunted::{CheckStatus, HttpFailure, Judgement, RetryReport, Retryable, Rules, TimedOut};

use crate::body::read_to_end;
use crate::judge::{ByRules, ByVerdict, Judge};
use crate::protocol::Protocol;
use crate::unsent::was_never_sent;

/// What is retried of HTTP, for `http::Request` and `http::Response`.
///
/// A request is **idempotent** if its method is (`GET`, `HEAD`, `PUT`, `DELETE`, `OPTIONS`, `TRACE`)
/// or if it has an `Idempotency-Key`. Any other, such as a `POST` or a `PATCH`, is repeated only if
/// the failure shows that it was not processed: the service refused it with 429 or a code that says
/// as much, or there was no connection to send it over. A 503, a timeout or a connection that broke
/// shows nothing of the kind; the caller gets it, and has to find out.
///
/// A **response** is a failure if its status is 429, 408 or a 5xx that may pass, see
/// [`HttpFailure::verdict`], or if [`rules`](Self::rules) say so. Its body is read to its end while the next attempt waits, as far as that
/// is 64 KiB or less, so that the connection stays in use.
#[derive(Clone, Copy, Debug, Default)]
pub struct HttpProtocol<C = ByClone, J = ByVerdict> {
    clone_body: C,
    judge: J,
    repeats_all: bool,
}

impl HttpProtocol {
    /// The protocol as it is described above, for bodies that are `Clone`.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            clone_body: ByClone,
            judge: ByVerdict,
            repeats_all: false,
        }
    }
}

impl<C, J> HttpProtocol<C, J> {
    /// Repeats requests of every method, even if an attempt may have been processed: for services
    /// whose `POST` may be repeated.
    #[must_use]
    pub fn retry_non_idempotent(mut self) -> Self {
        self.repeats_all = true;
        self
    }

    /// Copies bodies with a function, for those that are not `Clone`. A request whose body has no
    /// copy (`None`), such as a stream, is made once.
    #[must_use]
    pub fn clone_body_with<F>(self, clone_body: F) -> HttpProtocol<ByFunction<F>, J> {
        HttpProtocol {
            clone_body: ByFunction(clone_body),
            judge: self.judge,
            repeats_all: self.repeats_all,
        }
    }

    /// Lets rules of your own decide first what an error or a response from 300 to 599 means, such as "our
    /// gateway's 423 is transient". Text and codes in the body of a response are not read.
    ///
    /// They say which failures may pass, and not which requests may be repeated: a `POST` that a
    /// rule calls transient is made once.
    ///
    /// ```
    /// use undaunted::{RetryConfig, Rules};
    /// use undaunted_tower::{HttpProtocol, RetryLayer};
    /// # use tower::{Layer, ServiceExt};
    ///
    /// let rules = Rules::builder()
    ///     .retryable_status([423])
    ///     .permanent_status([500])
    ///     .build()?;
    /// let layer = RetryLayer::new(RetryConfig::default())
    ///     .protocol(HttpProtocol::new().rules(rules));
    /// # let service = tower::service_fn(async |_: http::Request<String>| {
    /// #     Ok::<_, std::io::Error>(http::Response::new(String::new()))
    /// # });
    /// # let _ = layer.layer(service).oneshot(http::Request::new(String::new()));
    /// # Ok::<(), undaunted::ParseConfigError>(())
    /// ```
    #[must_use]
    pub fn rules<W>(self, rules: Rules) -> HttpProtocol<C, ByRules<W>> {
        HttpProtocol {
            clone_body: self.clone_body,
            judge: ByRules::new(rules),
            repeats_all: self.repeats_all,
        }
    }
}

impl<C, J, B, D, E> Protocol<Request<B>, Response<D>, E> for HttpProtocol<C, J>
where
    C: CloneBody<B>,
    J: Judge<E>,
    D: Body + Send,
    E: Retryable + 'static,
{
    type Subject = HttpSubject;

    fn clone_request(&self, request: &Request<B>) -> Option<Request<B>> {
        let body = self.clone_body.clone_body(request.body())?;
        let mut clone = Request::new(body);
        *clone.method_mut() = request.method().clone();
        *clone.uri_mut() = request.uri().clone();
        *clone.version_mut() = request.version();
        *clone.headers_mut() = request.headers().clone();
        *clone.extensions_mut() = request.extensions().clone();
        Some(clone)
    }

    fn is_idempotent(&self, request: &Request<B>) -> bool {
        self.repeats_all
            || request.method().is_idempotent()
            || request.headers().contains_key("idempotency-key")
    }

    fn why_not_repeated(&self) -> &'static str {
        "the request may have been processed, and its method is not safe to repeat: give it an \
         Idempotency-Key, or allow it by HttpProtocol::retry_non_idempotent()"
    }

    fn subject(&self, request: &Request<B>) -> HttpSubject {
        HttpSubject {
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }

    fn target<'r>(&self, request: &'r Request<B>) -> Option<(&'r Method, &'r Uri)> {
        Some((request.method(), request.uri()))
    }

    fn status(&self, response: &Response<D>) -> Option<u16> {
        Some(response.status().as_u16())
    }

    fn failure(&self, response: &Response<D>) -> Option<HttpFailure> {
        let status = response.status();
        let failure = CheckStatus::failure(response).or_else(|| {
            // A redirect is none by itself, but may be by a rule.
            let of_head =
                || HttpFailure::from_response(status, response.headers(), SystemTime::now());
            status.is_redirection().then(of_head)
        })?;
        let judged = self.judge.judge_response(&failure);
        let may_pass = judged.verdict.is_retryable() && !status.is_redirection();
        // What a rule calls permanent is reported as that, and not as a success.
        (may_pass || judged.rule.is_some()).then_some(failure)
    }

    fn judge_response(&self, failure: &HttpFailure) -> Judgement {
        self.judge.judge_response(failure)
    }

    fn judge(&self, error: &E) -> Judgement {
        self.judge.judge(error)
    }

    fn is_unprocessed(&self, error: &E) -> bool {
        was_never_sent(error)
    }

    fn timed_out(&self, timed_out: TimedOut) -> E {
        E::timed_out(timed_out)
    }

    fn discard(&self, response: Response<D>) -> impl Future<Output = ()> + Send {
        read_to_end(response.into_body(), LONGEST_BODY)
    }

    fn attach(&self, response: &mut Response<D>, report: RetryReport) {
        response.extensions_mut().insert(report);
    }
}

/// How the body of a request is copied for the next attempt.
pub trait CloneBody<B> {
    /// The copy, if there can be one.
    fn clone_body(&self, body: &B) -> Option<B>;
}

/// Bodies are `Clone`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByClone;

impl<B: Clone> CloneBody<B> for ByClone {
    fn clone_body(&self, body: &B) -> Option<B> {
        Some(body.clone())
    }
}

/// A function copies bodies.
#[derive(Clone, Copy)]
pub struct ByFunction<F>(F);

impl<B, F: Fn(&B) -> Option<B>> CloneBody<B> for ByFunction<F> {
    fn clone_body(&self, body: &B) -> Option<B> {
        (self.0)(body)
    }
}

impl<F> fmt::Debug for ByFunction<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByFunction")
    }
}

/// A request in logs and events: its method, host and path. Its query is left out, where signatures
/// and tokens are.
#[derive(Clone, Debug)]
pub struct HttpSubject {
    method: Method,
    uri: Uri,
}

impl fmt::Display for HttpSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.uri.host().unwrap_or_default();
        write!(f, "{} {host}", self.method)?;
        if let Some(port) = self.uri.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.uri.path())
    }
}

/// Bodies of failures are smaller. To read a longer one would cost more than a new connection.
const LONGEST_BODY: usize = 64 * 1024;
