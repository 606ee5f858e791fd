//! A real S3 on a loopback port, with faults at the level of HTTP and TCP.

mod backend;
mod body;
mod builder;
mod connection;
mod content;
mod control;
mod current_plan;
mod document;
mod finish;
mod host;
mod listen;
mod metrics;
mod objects;
mod page;
mod range;
mod record;
mod refused;
mod request;
mod request_body;
mod request_record;
mod respond;
#[cfg(feature = "upstream")]
mod upstream;

use std::net::SocketAddr;
use std::path::{Path as FsPath, PathBuf};

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use backend::{ACCESS_KEY, SECRET_KEY};
pub use builder::S3ServerBuilder;
pub use request_record::RequestRecord;
#[cfg(feature = "upstream")]
pub use upstream::Upstream;

use crate::plan::FaultPlan;
use current_plan::CurrentPlan;
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
/// Conditions of writes hold until the write is done, as on S3. What S3 does and this server does not,
/// such as versions, is refused. The buckets belong to the account 000000000000.
///
/// The bucket is in the path of a request, or in the name of the host: `bucket.localhost`.
///
/// # Keys and files
///
/// An object is a file, and an ordinary key is its path: `reports/2026.csv` in `bucket` is
/// `bucket/reports/2026.csv` below the [root](Self::root), and a file that is put there by hand is
/// an object. Keys that no path can be have files whose names have a mark:
///
/// | key | file |
/// |---|---|
/// | `a`, where keys that begin with `a/` exist | `a%~object` |
/// | `a//b`, `a/` | `a/%~=/b`, `a/%~=` |
/// | `./a`, `../a` | `%~=./a`, `%~=../a` |
/// | a segment of more than 255 bytes | `first 200 bytes%~more/the rest` |
/// | a segment that looks like one of these, such as `%~=` | `%~=%25~=` |
///
/// A file is not an object if its name is not UTF-8, or if it has such a mark and is the file of no
/// key. Links to files are objects; directories behind links are not listed. Where the file
/// system takes `a` and `A` for the same name, they are the same object.
///
/// The directory `.undaunted` beside the buckets has what a file cannot have: ETags, attributes
/// and the parts of uploads. A file that was changed by hand is a new object: it has another ETag,
/// and no attributes.
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
    control: Option<SocketAddr>,
    plan: CurrentPlan,
    records: Records,
    stop: watch::Sender<bool>,
    listening: JoinHandle<()>,
}

/// Where the objects are.
#[derive(Debug)]
enum RootFolder {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
    /// At an upstream.
    Elsewhere,
}

impl RootFolder {
    fn path(&self) -> &FsPath {
        match self {
            Self::Given(path) => path,
            Self::Temporary(folder) => folder.path(),
            Self::Elsewhere => FsPath::new(""),
        }
    }
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

    /// The folder with the buckets, each a folder, and the objects, each a file. With an upstream
    /// it is empty.
    #[must_use]
    pub fn root(&self) -> &FsPath {
        self.root.path()
    }

    /// The plan, to add rules or to read what happened.
    #[must_use]
    pub fn plan(&self) -> FaultPlan {
        self.plan.plan()
    }

    /// Puts another plan in the place of the one so far. It counts the requests from now on;
    /// those that came before keep the faults that were chosen for them.
    pub fn set_plan(&self, plan: FaultPlan) {
        self.plan.set(plan, None);
    }

    /// The URL of the [second port](S3ServerBuilder::control), if there is one.
    #[must_use]
    pub fn control_endpoint(&self) -> Option<String> {
        self.control.map(|address| format!("http://{address}"))
    }

    /// The requests so far, oldest first: the newest 100,000, or as many as the builder was
    /// told to [keep](S3ServerBuilder::keep).
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.records.all()
    }

    /// Forgets the requests so far, so that a test sees its own. One that is in progress is not
    /// kept any more.
    pub fn clear_requests(&self) {
        self.records.clear();
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
