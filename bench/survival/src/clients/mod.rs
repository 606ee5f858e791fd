//! The clients, each with its default settings, and two of them with other sets of retries as well.

#[cfg(feature = "peers")]
mod aws;
pub mod bare;
#[cfg(feature = "peers")]
mod opendal;
#[cfg(feature = "peers")]
mod peers;
#[cfg(not(feature = "peers"))]
#[path = "no_peers.rs"]
mod peers;
mod python;
mod trait_calls;
pub mod undaunted;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use undaunted_chaos::server::{ACCESS_KEY, REGION, S3Server, SECRET_KEY};

use crate::call::{Call, Failure, Reply};
use crate::provider::Provider;

/// One client, a column of the report.
#[async_trait]
pub trait Client: Send + Sync {
    fn name(&self) -> &'static str;

    /// The version, from the lock file or the installed package.
    fn version(&self) -> String;

    /// The reason why it cannot be measured, if any.
    fn missing(&self) -> Option<String> {
        None
    }

    /// A new client for one result, without open connections.
    async fn connect(&self, endpoint: &Endpoint) -> Result<Box<dyn Session>, Failure>;
}

/// A client that is connected to a server.
#[async_trait]
pub trait Session: Send + Sync {
    async fn run(&self, call: &Call) -> Result<Reply, Failure>;
}

/// How a client reaches its server.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub url: String,
    pub access_key: &'static str,
    pub secret_key: &'static str,
    pub region: &'static str,
    pub bucket: &'static str,
    /// Where the keys come from, if they are temporary.
    pub provider: Option<Arc<Provider>>,
}

impl Endpoint {
    pub fn of(server: &S3Server) -> Self {
        Self::at(&server.endpoint())
    }

    /// A server of this URL, perhaps in another process.
    pub fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            access_key: ACCESS_KEY,
            secret_key: SECRET_KEY,
            region: REGION,
            bucket: BUCKET,
            provider: None,
        }
    }

    /// The options of object_store for this endpoint. With temporary keys, they name the
    /// provider and not the keys.
    pub fn object_store_options(&self) -> Vec<(&'static str, String)> {
        let mut options = vec![
            ("aws_endpoint", self.url.clone()),
            ("aws_region", self.region.to_owned()),
            ("aws_allow_http", "true".to_owned()),
        ];
        options.extend(match &self.provider {
            None => [
                ("aws_access_key_id", self.access_key.to_owned()),
                ("aws_secret_access_key", self.secret_key.to_owned()),
            ],
            Some(provider) => [
                ("aws_container_credentials_full_uri", provider.url.clone()),
                (
                    "aws_container_authorization_token_file",
                    provider.token_file().display().to_string(),
                ),
            ],
        });
        options
    }
}

/// All clients of the matrix, in the order of the report. Python packages are installed below `target`.
pub async fn all(
    target: &Path,
    provider: &Provider,
    wanted: impl Fn(&str) -> bool,
) -> Vec<Box<dyn Client>> {
    let mut clients: Vec<Box<dyn Client>> = vec![
        Box::new(undaunted::Undaunted::PACED),
        Box::new(undaunted::Undaunted::THROUGH_013),
        Box::new(bare::Bare),
    ];
    clients.extend(peers::all());
    clients.retain(|client| wanted(client.name()));
    clients.extend(packages(target, provider, &python::COLUMNS, wanted).await);
    clients
}

/// The clients of a crowd, those with a rate limit of their own among them.
pub async fn crowd(
    target: &Path,
    provider: &Provider,
    wanted: impl Fn(&str) -> bool,
) -> Vec<Box<dyn Client>> {
    let mut clients: Vec<Box<dyn Client>> =
        vec![Box::new(undaunted::Undaunted::PACED), Box::new(bare::Bare)];
    clients.extend(peers::crowd());
    clients.retain(|client| wanted(client.name()));
    clients.extend(packages(target, provider, &python::CROWD, wanted).await);
    clients
}

async fn packages(
    target: &Path,
    provider: &Provider,
    columns: &[python::Column],
    wanted: impl Fn(&str) -> bool,
) -> Vec<Box<dyn Client>> {
    let columns = columns.iter().copied();
    let columns: Vec<_> = columns.filter(|column| wanted(column.name)).collect();
    python::install(target, provider, &columns).await
}

/// The environment variable with which AWS lets users try the retries that become the default of
/// its SDKs.
pub const NEW_RETRIES: &str = "AWS_NEW_RETRIES_2026";

pub const BUCKET: &str = "bucket";
