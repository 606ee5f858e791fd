//! The clients, each with its default settings.

mod aws;
mod bare;
mod opendal;
mod python;
mod trait_calls;
mod undaunted;

use std::path::Path;

use async_trait::async_trait;
use undaunted_chaos::server::{ACCESS_KEY, REGION, S3Server, SECRET_KEY};

use crate::call::{Call, Failure, Reply};

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
    /// Whether to verify reads, if the client has the choice.
    pub verified: bool,
}

impl Endpoint {
    pub fn of(server: &S3Server, verified: bool) -> Self {
        Self {
            url: server.endpoint(),
            access_key: ACCESS_KEY,
            secret_key: SECRET_KEY,
            region: REGION,
            bucket: BUCKET,
            verified,
        }
    }
}

/// All clients, in the order of the report. Python packages are installed below `target`.
pub async fn all(target: &Path, wanted: impl Fn(&str) -> bool) -> Vec<Box<dyn Client>> {
    let mut clients: Vec<Box<dyn Client>> = vec![
        Box::new(undaunted::Undaunted),
        Box::new(bare::Bare),
        Box::new(opendal::OpenDal::new()),
        Box::new(opendal::OpenDal::with_timeouts()),
        Box::new(aws::Aws),
    ];
    clients.retain(|client| wanted(client.name()));
    let python: Vec<_> = python::PACKAGES
        .into_iter()
        .filter(|package| wanted(package))
        .collect();
    clients.extend(python::install(target, &python).await);
    clients
}

pub const BUCKET: &str = "bucket";
