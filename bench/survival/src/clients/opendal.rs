//! opendal with its retry layer, and with its timeout layer inside that.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use futures::future::try_join_all;
use opendal::layers::{RetryLayer, TimeoutLayer};
use opendal::services::S3;
use opendal::{Error, ErrorKind, Operator, Result};
use reqsign_aws_v4::Credential;
use reqsign_core::{Context, ProvideCredential, ProvideCredentialChain};

use super::{Client, Endpoint, Session};
use crate::call::{Call, Failure, Kind, PART, Reply};
use crate::provider::Provider;
use crate::versions;

pub struct OpenDal {
    timeouts: bool,
}

impl OpenDal {
    pub fn new() -> Self {
        Self::with(false)
    }

    pub fn with_timeouts() -> Self {
        Self::with(true)
    }

    fn with(timeouts: bool) -> Self {
        // The HTTP client of all services is installed once.
        opendal::install_default();
        Self { timeouts }
    }
}

#[async_trait]
impl Client for OpenDal {
    fn name(&self) -> &'static str {
        if self.timeouts {
            "opendal, retry over timeout"
        } else {
            "opendal, retry"
        }
    }

    fn version(&self) -> String {
        versions::of("opendal")
    }

    async fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Session>, Failure> {
        let service = S3::default()
            .endpoint(&endpoint.url)
            .region(endpoint.region)
            .bucket(endpoint.bucket);
        let service = match &endpoint.provider {
            None => service
                .access_key_id(endpoint.access_key)
                .secret_access_key(endpoint.secret_key),
            Some(provider) => {
                let keys = TemporaryKeys {
                    access: endpoint.access_key,
                    secret: endpoint.secret_key,
                    provider: Arc::clone(provider),
                };
                service.credential_provider_chain(ProvideCredentialChain::new().push(keys))
            }
        };
        let operator = Operator::new(service).map_err(failure)?;
        let operator = if self.timeouts {
            operator.layer(TimeoutLayer::new())
        } else {
            operator
        };
        Ok(Box::new(OpenDalSession(operator.layer(RetryLayer::new()))))
    }
}

/// Keys of the server with a new session token each time.
#[derive(Debug)]
struct TemporaryKeys {
    access: &'static str,
    secret: &'static str,
    provider: Arc<Provider>,
}

impl ProvideCredential for TemporaryKeys {
    type Credential = Credential;

    async fn provide_credential(&self, _: &Context) -> reqsign_core::Result<Option<Credential>> {
        Ok(Some(Credential {
            access_key_id: self.access.to_owned(),
            secret_access_key: self.secret.to_owned(),
            session_token: Some(self.provider.new_token()),
            expires_in: None,
        }))
    }
}

struct OpenDalSession(Operator);

#[async_trait]
impl Session for OpenDalSession {
    async fn run(&self, call: &Call) -> Result<Reply, Failure> {
        run(&self.0, call).await.map_err(failure)
    }
}

async fn run(operator: &Operator, call: &Call) -> Result<Reply> {
    let get = |key: &'static str| async move { Ok(operator.read(key).await?.to_bytes()) };
    match call {
        Call::Get { key } => Ok(Reply::Bodies(vec![get(key).await?])),
        Call::GetMany { keys } => {
            let bodies: Result<Vec<Bytes>> = try_join_all(keys.iter().map(|key| get(key))).await;
            Ok(Reply::Bodies(bodies?))
        }
        Call::GetRange { key, range } => {
            let body = operator.read_with(key).range(range.clone()).await?;
            Ok(Reply::Bodies(vec![body.to_bytes()]))
        }
        Call::GetPausing { key, pause } => {
            let mut stream = operator.reader(key).await?.into_stream(..).await?;
            let mut body = stream.try_next().await?.unwrap_or_default().to_vec();
            tokio::time::sleep(*pause).await;
            while let Some(chunk) = stream.try_next().await? {
                body.extend_from_slice(&chunk.to_bytes());
            }
            Ok(Reply::Bodies(vec![Bytes::from(body)]))
        }
        Call::Head { key } => Ok(Reply::Size(operator.stat(key).await?.content_length())),
        Call::List { prefix } => {
            let entries = operator.list_with(prefix).recursive(true).await?;
            let files = entries.iter().filter(|entry| entry.metadata().is_file());
            Ok(Reply::listed(
                files.map(|entry| entry.path().to_owned()).collect(),
            ))
        }
        Call::Put { key, content } => {
            operator.write(key, content.bytes()).await?;
            Ok(Reply::Done)
        }
        Call::PutMany { keys, content } => {
            let puts = keys.iter().enumerate().map(|(number, key)| {
                let bytes = content.numbered(number).bytes();
                async move { operator.write(key, bytes).await }
            });
            try_join_all(puts).await?;
            Ok(Reply::Done)
        }
        Call::Create { key, content } => {
            let bytes = content.bytes();
            operator.write_with(key, bytes).if_not_exists(true).await?;
            Ok(Reply::Done)
        }
        Call::Update {
            key,
            content,
            instead_of,
        } => {
            let e_tag = instead_of.e_tag();
            operator
                .write_with(key, content.bytes())
                .if_match(&e_tag)
                .await?;
            Ok(Reply::Done)
        }
        Call::Upload { key, content } => {
            let mut writer = operator.writer_with(key).chunk(PART).await?;
            let written = match writer.write(content.bytes()).await {
                Ok(()) => writer.close().await.map(drop),
                failed => failed,
            };
            if written.is_err() {
                // A failure of the abort would hide the failure of the upload.
                let _ = writer.abort().await;
            }
            written.map(|()| Reply::Done)
        }
        Call::Copy { from, to } => {
            operator.copy(from, to).await?;
            Ok(Reply::Done)
        }
        // The S3 service of opendal has no rename.
        Call::Rename { from, to } => {
            operator.copy(from, to).await?;
            operator.delete(from).await?;
            Ok(Reply::Done)
        }
        Call::Delete { key } => {
            operator.delete(key).await?;
            Ok(Reply::Done)
        }
        Call::DeleteMany { keys } => {
            operator.delete_iter(keys.to_vec()).await?;
            Ok(Reply::Done)
        }
    }
}

fn failure(error: Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::ConditionNotMatch => Kind::Conflict,
        ErrorKind::NotFound => Kind::NotFound,
        ErrorKind::PermissionDenied => Kind::Denied,
        _ => Kind::Other,
    };
    Failure::of(kind, &error)
}
