//! Requests on another runtime than that of the task which waits for them.

use std::fmt;

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    SpawnService,
};
use object_store::{ClientOptions, Result};
use tokio::runtime::Handle;

/// Makes the clients of another connector send their requests on a runtime, if there is one.
///
/// It belongs inside of a [`RetryConnector`](crate::RetryConnector), whose findings are kept for
/// the task that waits.
#[derive(Debug)]
pub(crate) struct OnRuntime<C> {
    inner: C,
    runtime: Option<Handle>,
}

impl<C> OnRuntime<C> {
    pub(crate) fn new(inner: C, runtime: Option<&Handle>) -> Self {
        Self {
            inner,
            runtime: runtime.cloned(),
        }
    }
}

impl<C: HttpConnector> HttpConnector for OnRuntime<C> {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let client = self.inner.connect(options)?;
        Ok(match &self.runtime {
            Some(runtime) => HttpClient::new(Spawned {
                service: SpawnService::new(Service(client), runtime.clone()),
                runtime: runtime.clone(),
            }),
            None => client,
        })
    }
}

/// A client on a runtime, which says so when there is no runtime any more: object_store takes that
/// for a broken connection, which would be retried.
#[derive(Debug)]
struct Spawned {
    service: SpawnService<Service>,
    runtime: Handle,
}

#[async_trait]
impl HttpService for Spawned {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        match self.service.call(request).await {
            Err(error)
                if error.kind() == HttpErrorKind::Interrupted && self.is_shut_down().await =>
            {
                let source = RuntimeShutDown { source: error };
                // The kind that nobody retries.
                Err(HttpError::new(HttpErrorKind::Unknown, source))
            }
            result => result,
        }
    }
}

impl Spawned {
    /// A runtime that was shut down takes tasks and cancels them.
    async fn is_shut_down(&self) -> bool {
        self.runtime.spawn(async {}).await.is_err()
    }
}

/// No request can be sent by this store any more.
#[derive(Debug, thiserror::Error)]
#[error(
    "the runtime on which this store sends its requests was shut down: keep the runtime that \
     `open_on` was given for as long as the store is used, or open the store anew on another"
)]
struct RuntimeShutDown {
    source: HttpError,
}

/// A client as the service that it is.
#[derive(Clone)]
struct Service(HttpClient);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        self.0.execute(request).await
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// A service that fails in this way.
    #[derive(Debug)]
    struct Fails(HttpErrorKind);

    #[async_trait]
    impl HttpService for Fails {
        async fn call(&self, _: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
            Err(HttpError::new(self.0, std::io::Error::other("test")))
        }
    }

    #[tokio::test]
    async fn a_failure_on_a_runtime_that_runs_is_what_it_is() {
        let runtime = Handle::current();
        for kind in [
            HttpErrorKind::Connect,
            HttpErrorKind::Interrupted,
            HttpErrorKind::Timeout,
        ] {
            let client = Service(HttpClient::new(Fails(kind)));
            let spawned = Spawned {
                service: SpawnService::new(client, runtime.clone()),
                runtime: runtime.clone(),
            };
            let request = HttpRequest::new(Bytes::new().into());
            let error = spawned.call(request).await.unwrap_err();
            assert_eq!(error.kind(), kind);
        }
    }
}
