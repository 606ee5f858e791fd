//! What the span of an attempt says of HTTP, where the feature `spans` is on.

#[cfg(feature = "spans")]
pub(crate) use enabled::AttemptSpan;
#[cfg(feature = "spans")]
mod enabled {
    use http::{Method, Uri};
    use undaunted::__private::Span;
    use undaunted::OperationSpan;

    /// The span of the attempt that this code is a part of, if anybody listens.
    pub(crate) struct AttemptSpan(Option<Span>);

    impl AttemptSpan {
        pub(crate) fn current() -> Self {
            Self(OperationSpan::current_attempt())
        }

        /// A request is sent. Its query may be a signature, so that the host is all that is told of it.
        pub(crate) fn sent(&self, method: &Method, uri: &Uri) {
            let Some(span) = &self.0 else {
                return;
            };
            span.record("http.request.method", method.as_str());
            if let Some(host) = uri.host() {
                span.record("server.address", host);
            }
            if let Some(port) = uri.port_u16() {
                span.record("server.port", i64::from(port));
            }
        }

        /// The head of its response came.
        pub(crate) fn responded(&self, status: u16) {
            if let Some(span) = &self.0 {
                span.record("http.response.status_code", i64::from(status));
            }
        }
    }
}

#[cfg(not(feature = "spans"))]
pub(crate) use disabled::AttemptSpan;
#[cfg(not(feature = "spans"))]
mod disabled {
    use http::{Method, Uri};

    pub(crate) struct AttemptSpan;

    impl AttemptSpan {
        pub(crate) const fn current() -> Self {
            Self
        }

        #[allow(clippy::unused_self, reason = "as where spans are on")]
        pub(crate) const fn sent(&self, _: &Method, _: &Uri) {}

        #[allow(clippy::unused_self, reason = "as where spans are on")]
        pub(crate) const fn responded(&self, _: u16) {}
    }
}
