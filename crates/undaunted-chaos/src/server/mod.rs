//! A real S3 on a loopback port, with faults at the level of HTTP and TCP.

mod backend;
mod body;
mod builder;
mod connection;
mod content;
mod document;
mod files;
mod keys;
mod listen;
mod page;
mod record;
mod refused;
mod request;
mod respond;

use std::net::SocketAddr;
use std::path::{Path as FsPath, PathBuf};

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use backend::{ACCESS_KEY, SECRET_KEY};
pub use builder::S3ServerBuilder;
pub use record::RequestRecord;

use crate::plan::FaultPlan;
use record::Records;

/// An S3 server that misbehaves on command: `s3s` over a folder, with a [`FaultPlan`] between
/// it and its clients.
///
/// The faults are those of the [table of the crate](crate#the-faults), at the level of HTTP and
/// TCP: [`Failure::Closed`](crate::Failure::Closed) closes the connection without a response,
/// [`Failure::Reset`](crate::Failure::Reset) resets it, after
/// [`Failure::Timeout`](crate::Failure::Timeout) no response comes (the connection is closed
/// once it [hung](S3ServerBuilder::hang) long enough), and a status comes as S3 sends it, with
/// its code as XML and a `Retry-After`. [`Failure::Connect`](crate::Failure::Connect) resets
/// immediately: a server that was connected to cannot refuse the connection.
///
/// Every request is recorded. The server stops when it is dropped.
///
/// Conditions of writes hold until the write is done, as on S3. Unlike on S3, an object cannot
/// be a prefix of another one (`a` and `a/b`), because each is a file. Small hidden files beside
/// the buckets hold the attributes of their objects.
///
/// ```
/// use undaunted_chaos::server::S3Server;
/// use undaunted_chaos::{Failure, Fault, FaultPlan, Operation, Rule};
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let plan = FaultPlan::scripted([
///     Rule::new(Operation::Get, Fault::FailBefore(Failure::slow_down())),
/// ]);
/// let server = S3Server::builder().plan(plan).start().await?;
/// println!("{} {:?}", server.endpoint(), server.object_store_options());
/// assert!(server.requests().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    root: RootFolder,
    plan: FaultPlan,
    records: Records,
    stop: watch::Sender<bool>,
    listening: JoinHandle<()>,
}

/// Where the objects are.
#[derive(Debug)]
enum RootFolder {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl S3Server {
    /// The settings of a server before it starts.
    pub fn builder() -> S3ServerBuilder {
        S3ServerBuilder::default()
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that clients connect to.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The folder with the buckets, each a folder, and the objects, each a file.
    #[must_use]
    pub fn root(&self) -> &FsPath {
        match &self.root {
            RootFolder::Given(path) => path,
            RootFolder::Temporary(folder) => folder.path(),
        }
    }

    /// The plan, to add rules or to read what happened.
    #[must_use]
    pub fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// The requests so far, oldest first: the newest 100,000, or as many as the builder was
    /// told to [keep](S3ServerBuilder::keep).
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.records.all()
    }

    /// Stops, and returns once every connection is closed and the
    /// [observer](S3ServerBuilder::observe) was called with every request that went on. Dropping
    /// the server stops it too, but does not wait.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        // It ends by that signal; if its runtime was shut down it has ended already.
        let _ = (&mut self.listening).await;
    }

    /// object_store's configuration for this server, as key and value.
    #[must_use]
    pub fn object_store_options(&self) -> Vec<(String, String)> {
        [
            ("aws_endpoint", self.endpoint()),
            ("aws_access_key_id", ACCESS_KEY.to_owned()),
            ("aws_secret_access_key", SECRET_KEY.to_owned()),
            ("aws_region", REGION.to_owned()),
            ("aws_allow_http", "true".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .to_vec()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // If nobody listens any more, it has stopped already.
        let _ = self.stop.send(true);
    }
}

/// The region that clients are to sign for.
pub const REGION: &str = "us-east-1";
