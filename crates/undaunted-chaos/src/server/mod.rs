//! A real S3 on a loopback port, with faults in front of it at HTTP and TCP level.

mod backend;
mod body;
mod files;
mod keys;
mod record;
mod request;
mod respond;
mod wire;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use s3s::path::check_bucket_name;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use record::RequestRecord;

use crate::FaultPlan;
use backend::Backend;
use record::{Observer, Records};
use respond::Responder;
use wire::Wire;

/// An S3 server that misbehaves on command: `s3s` over a folder, with a [`FaultPlan`] between
/// it and its clients.
///
/// The faults are those of the crate's front page, at the level of HTTP and TCP:
/// [`Failure::Closed`](crate::Failure::Closed) closes the connection without an answer,
/// [`Failure::Reset`](crate::Failure::Reset) resets it, [`Failure::Timeout`](crate::Failure)
/// never answers (the connection is closed once it [hung](S3ServerBuilder::hang) long enough), a
/// status is answered as S3 answers it, with its code as XML and a
/// `Retry-After`. [`Failure::Connect`](crate::Failure::Connect) resets at once, as near as a
/// server that was connected to can come to one that was not.
///
/// Every request is recorded. The server stops when it is dropped.
///
/// Conditions of writes hold until the write is done, as on S3. Other than on S3, an object
/// cannot be a prefix of another one (`a` and `a/b`), because each is a file, and beside the
/// buckets there are small hidden files with what else is known of their objects.
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
    root: Root,
    plan: FaultPlan,
    records: Records,
    stop: watch::Sender<bool>,
    listening: JoinHandle<()>,
}

/// Where the objects are.
#[derive(Debug)]
enum Root {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl S3Server {
    /// What can be said about a server before it starts.
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
            Root::Given(path) => path,
            Root::Temporary(folder) => folder.path(),
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

    /// Stops, and returns once every connection is closed and every request that went on was
    /// told to the [observer](S3ServerBuilder::observe). Dropping the server stops it too, but
    /// does not wait.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        // It ends by that word, and if it was cut with its runtime it has ended as well.
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
        // Nobody to tell means that it has stopped already.
        let _ = self.stop.send(true);
    }
}

/// Builds an [`S3Server`].
#[must_use = "a builder does nothing until `start` is called"]
pub struct S3ServerBuilder {
    root: Option<PathBuf>,
    address: SocketAddr,
    plan: FaultPlan,
    buckets: Vec<String>,
    keep: usize,
    hang: Duration,
    observer: Option<Observer>,
}

impl Default for S3ServerBuilder {
    fn default() -> Self {
        Self {
            root: None,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            plan: FaultPlan::none(),
            buckets: Vec::new(),
            keep: KEEP,
            hang: HANG,
            observer: None,
        }
    }
}

impl S3ServerBuilder {
    /// The folder with the buckets. Default: a temporary one, removed in the end.
    pub fn root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = Some(root.into());
        self
    }

    /// The address to listen on. Default: a free port of 127.0.0.1.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// The faults. Default: none.
    pub fn plan(mut self, plan: FaultPlan) -> Self {
        self.plan = plan;
        self
    }

    /// A bucket that is made if it is not there. Each call names one more; without any there
    /// is one named `bucket`.
    pub fn bucket(mut self, name: impl Into<String>) -> Self {
        self.buckets.push(name.into());
        self
    }

    /// How many requests [`S3Server::requests`] keeps. Default: 100,000, some 40 MB.
    pub fn keep(mut self, requests: usize) -> Self {
        self.keep = requests;
        self
    }

    /// How long a request that is not answered, and a body that stops for good, are held before
    /// their connection is closed. Default: a day, which is longer than any client waits.
    pub fn hang(mut self, lasts: Duration) -> Self {
        self.hang = lasts;
        self
    }

    /// Is told of every request at its end, on the task that answered it; it must be quick and
    /// must not block.
    pub fn observe(mut self, observer: impl Fn(&RequestRecord) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Starts the server, on tasks of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the name of a bucket is none, the folder cannot be used, or the address cannot be
    /// listened on.
    pub async fn start(mut self) -> io::Result<S3Server> {
        if self.buckets.is_empty() {
            self.buckets.push(BUCKET.to_owned());
        }
        if let Some(bucket) = self.buckets.iter().find(|name| !check_bucket_name(name)) {
            return Err(bad_bucket(bucket));
        }
        let root = match self.root {
            Some(path) => Root::Given(path),
            None => Root::Temporary(tempfile::tempdir()?),
        };
        let path = match &root {
            Root::Given(path) => path.as_path(),
            Root::Temporary(folder) => folder.path(),
        };
        for bucket in &self.buckets {
            let folder = path.join(bucket);
            std::fs::create_dir_all(&folder).map_err(|error| named(&folder, &error))?;
        }
        let listener = TcpListener::bind(self.address)
            .await
            .map_err(|error| named(&self.address, &error))?;
        let address = listener.local_addr()?;
        let records = Records::new(self.keep, self.observer);
        let responder = Arc::new(Responder {
            backend: Backend::new(path)?,
            plan: self.plan.clone(),
            records: records.clone(),
            hang: self.hang,
        });
        let (stop, stopped) = watch::channel(false);
        let listening = tokio::spawn(listen(listener, responder, stopped));
        Ok(S3Server {
            address,
            root,
            plan: self.plan,
            records,
            stop,
            listening,
        })
    }
}

impl fmt::Debug for S3ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3ServerBuilder")
            .field("root", &self.root)
            .field("address", &self.address)
            .field("buckets", &self.buckets)
            .finish_non_exhaustive()
    }
}

/// The same error, with what it is about.
fn named(what: &dyn fmt::Debug, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what:?}: {error}"))
}

fn bad_bucket(name: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "{name:?} cannot be a bucket: its name has 3 to 63 small letters, digits, dots and \
             hyphens, and begins and ends with a letter or a digit"
        ),
    )
}

async fn listen(listener: TcpListener, responder: Arc<Responder>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of file descriptors, most likely: clients that are there go on.
                Err(_) => continue,
            },
            _ = stop.changed() => break,
        };
        // Many small writes each way; waiting to join them only adds time.
        let _ = stream.set_nodelay(true);
        let wire = Wire::new(stream);
        let reset = wire.reset();
        let responder = Arc::clone(&responder);
        connections.spawn(async move {
            let answer = service_fn(move |request| {
                let responder = Arc::clone(&responder);
                let reset = reset.clone();
                async move { responder.answer(request, &reset).await }
            });
            // An error here is a fault that was wanted, or a client that went away.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(wire), answer)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    connections.shutdown().await;
}

/// The access key that the server knows.
pub const ACCESS_KEY: &str = "undaunted";
/// The secret key that goes with it. The server is for tests, and so is the secret.
pub const SECRET_KEY: &str = "undaunted-secret";
/// The region that clients are told.
pub const REGION: &str = "us-east-1";
const BUCKET: &str = "bucket";
const HANG: Duration = Duration::from_secs(86_400);
/// More than a test looks at, and bounded for a server that runs for days.
const KEEP: usize = 100_000;
