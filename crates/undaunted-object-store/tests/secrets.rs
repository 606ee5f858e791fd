//! No secret in any log, event, error or report: they are all collected, and searched.
#![cfg(all(feature = "aws", feature = "azure"))]
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::io::Write;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig as InnerRetryConfig};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use undaunted::RetryConfig;
use undaunted_chaos::server::{S3Server, SECRET_KEY};
use undaunted_chaos::{Failure, Fault, FaultPlan, Rule};
use undaunted_object_store::{RetryConnector, RetryStore, open_with};

/// Everything that was said.
#[derive(Clone, Debug, Default)]
struct Said(Arc<Mutex<String>>);

impl Said {
    fn add(&self, words: impl Into<String>) {
        self.0.lock().unwrap().push_str(&words.into());
    }

    /// Takes in what this thread logs, at every level, until the guard is dropped.
    fn listen(&self) -> DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_writer(self.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    fn assert_without(&self, secrets: &[&str]) {
        let said = self.0.lock().unwrap();
        assert!(
            said.contains("Retry attempt 1/"),
            "there was something to say: {said}"
        );
        for secret in secrets {
            assert!(!said.contains(secret), "{secret} in: {said}");
        }
    }
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.add(String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Said {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn config() -> RetryConfig {
    RetryConfig::builder()
        .max_retries(2)
        .base_delay(std::time::Duration::from_millis(1))
        .build()
        .unwrap()
}

/// Calls what can be called, and keeps what comes back.
async fn call_all<S: ObjectStore>(store: &RetryStore<S>, said: &Said) {
    let path = Path::from("a");
    let add = |result: Result<String, object_store::Error>| match result {
        Ok(text) => said.add(text),
        Err(error) => said.add(format!("{error} {error:?}")),
    };
    add(store
        .put(&path, "payload-secret".into())
        .await
        .map(|r| format!("{r:?}")));
    add(store
        .get(&path)
        .await
        .map(|r| format!("{:?}", r.extensions)));
    add(store.head(&path).await.map(|r| format!("{r:?}")));
    add(store
        .list_with_delimiter(None)
        .await
        .map(|r| format!("{r:?}")));
    add(store
        .copy(&path, &Path::from("b"))
        .await
        .map(|r| format!("{r:?}")));
    add(store.delete(&path).await.map(|r| format!("{r:?}")));
    said.add(format!("{store} {store:?}"));
}

#[tokio::test]
async fn signed_with_a_key() {
    let said = Said::default();
    let _guard = said.listen();
    let faults = [
        Failure::status(503),
        Failure::Reset,
        Failure::Closed,
        Failure::status(403),
    ];
    for failure in faults {
        let plan = FaultPlan::scripted([Rule::any(Fault::FailBefore(failure)).always()]);
        let server = S3Server::builder().plan(plan).start().await.unwrap();
        let (store, _) = open_with("s3://bucket", server.object_store_options(), config()).unwrap();
        call_all(&store, &said).await;
    }
    said.assert_without(&[SECRET_KEY, "AWS4-HMAC-SHA256", "payload-secret"]);
}

/// Fails every request as a service that is down does.
#[derive(Clone, Debug)]
struct Down;

#[async_trait]
impl HttpService for Down {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        assert!(
            request.uri().query().unwrap().contains("sig="),
            "it was signed"
        );
        if request.method() == http::Method::PUT {
            let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            return Err(HttpError::new(HttpErrorKind::Interrupted, error));
        }
        let body = HttpResponseBody::from("<Error><Code>ServerBusy</Code></Error>".to_owned());
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
        Ok(response)
    }
}

impl HttpConnector for Down {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[tokio::test]
async fn signed_in_the_url() {
    let said = Said::default();
    let _guard = said.listen();
    let azure = MicrosoftAzureBuilder::new()
        .with_account("account")
        .with_container_name("container")
        .with_sas_authorization(vec![("sig".to_owned(), "sas-secret".to_owned())])
        .with_retry(InnerRetryConfig {
            max_retries: 0,
            ..InnerRetryConfig::default()
        })
        .with_http_connector(RetryConnector::new(Down))
        .build()
        .unwrap();
    let recorded = said.clone();
    let store = RetryStore::builder(azure)
        .config(config())
        .on_event(move |event| recorded.add(event.event.to_string()))
        .build();
    call_all(&store, &said).await;
    said.assert_without(&["sas-secret", "sig=", "payload-secret"]);
}
