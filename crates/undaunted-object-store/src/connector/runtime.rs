//! Requests on another runtime than that of the task which waits for them.

use std::fmt;

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, SpawnService,
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
            Some(runtime) => HttpClient::new(SpawnService::new(Service(client), runtime.clone())),
            None => client,
        })
    }
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
