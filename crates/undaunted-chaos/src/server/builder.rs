//! The settings of a server before it starts.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use s3s::path::check_bucket_name;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::backend::{Backend, DirectoryBackend};
use super::control::Control;
use super::current_plan::CurrentPlan;
use super::listen::listen;
use super::record::{Observer, Records};
use super::request_record::RequestRecord;
use super::respond::Responder;
use super::{RootFolder, S3Server};
use crate::file::ChaosFile;
use crate::file::error::FileError;
use crate::plan::FaultPlan;

/// Builds an [`S3Server`].
#[must_use = "a builder does nothing until `start` is called"]
pub struct S3ServerBuilder {
    root: Option<PathBuf>,
    /// In the place of a directory.
    pub(super) backend: Option<Arc<dyn Backend>>,
    address: SocketAddr,
    control: Option<SocketAddr>,
    plan: FaultPlan,
    chaos: Option<String>,
    buckets: Vec<String>,
    keep: usize,
    page_size: u16,
    hang: Duration,
    observer: Option<Observer>,
}

impl Default for S3ServerBuilder {
    fn default() -> Self {
        Self {
            root: None,
            backend: None,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            control: None,
            plan: FaultPlan::none(),
            chaos: Some(String::new()),
            buckets: Vec::new(),
            keep: KEEP,
            page_size: PAGE_SIZE,
            hang: HANG,
            observer: None,
        }
    }
}

impl S3ServerBuilder {
    /// The folder with the buckets. Default: a temporary one, which is removed when the server
    /// is dropped. One server at a time: two of them on one folder do not exclude each other's
    /// writes.
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
        self.chaos = None;
        self
    }

    /// The faults, as a [chaos file](ChaosFile) whose text the [second port](Self::control)
    /// returns.
    ///
    /// # Errors
    ///
    /// Those of the file.
    pub fn chaos(mut self, text: impl Into<String>) -> Result<Self, FileError> {
        let text = text.into();
        self.plan = text.parse::<ChaosFile>()?.plan();
        self.chaos = Some(text);
        Ok(self)
    }

    /// A second address to listen on, where a test in any language changes the faults and reads
    /// the requests. Default: none.
    ///
    /// | request | what it does |
    /// |---|---|
    /// | `PUT /_undaunted/chaos` | sets the faults: the body is a [chaos file](ChaosFile) |
    /// | `GET /_undaunted/chaos` | the chaos file in force |
    /// | `DELETE /_undaunted/chaos` | no faults |
    /// | `GET /_undaunted/requests` | the requests so far, oldest first, as a JSON array |
    /// | `DELETE /_undaunted/requests` | forgets them |
    ///
    /// A mistake is a 400 with `{"error": …}`. Whoever can reach the address can use it.
    pub fn control(mut self, address: SocketAddr) -> Self {
        self.control = Some(address);
        self
    }

    /// A bucket that is created if it does not exist. Each call names one more; without any
    /// there is one named `bucket`.
    pub fn bucket(mut self, name: impl Into<String>) -> Self {
        self.buckets.push(name.into());
        self
    }

    /// How many entries a page of a list has at most, and at least one. Default: 1,000, as many
    /// as S3's.
    pub fn page_size(mut self, entries: u16) -> Self {
        self.page_size = entries.max(1);
        self
    }

    /// How many requests [`S3Server::requests`] keeps. Default: 100,000, some 40 MB.
    pub fn keep(mut self, requests: usize) -> Self {
        self.keep = requests;
        self
    }

    /// How long a request without a response, and a body that stops and never continues, are held before
    /// their connection is closed. Default: a day, which is longer than any client waits.
    pub fn hang(mut self, lasts: Duration) -> Self {
        self.hang = lasts;
        self
    }

    /// Is called with every request at its end, on the task that responded; it must be quick
    /// and must not block.
    pub fn observe(mut self, observer: impl Fn(&RequestRecord) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Starts the server, on tasks of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// When the name of a bucket is not valid, the folder cannot be used, or the address cannot
    /// be listened on.
    pub async fn start(mut self) -> io::Result<S3Server> {
        let (root, backend) = match self.backend.take() {
            Some(backend) => (RootFolder::Elsewhere, backend),
            None => self.directory()?,
        };
        let listener = bind(self.address).await?;
        let address = listener.local_addr()?;
        let records = Records::new(self.keep, self.observer);
        let plan = CurrentPlan::new(self.plan, self.chaos);
        let responder = Arc::new(Responder {
            backend,
            plan: plan.clone(),
            records: records.clone(),
            hang: self.hang,
            count: AtomicU64::new(0),
        });
        let (stop, stopped) = watch::channel(false);
        let mut control = None;
        if let Some(address) = self.control {
            let listener = bind(address).await?;
            control = Some(listener.local_addr()?);
            let (plan, records) = (plan.clone(), records.clone());
            let served = Control { plan, records };
            tokio::spawn(listen(listener, stopped.clone(), move |stream| {
                served.clone().serve(stream)
            }));
        }
        let listening = tokio::spawn(listen(listener, stopped, move |stream| {
            Arc::clone(&responder).serve(stream)
        }));
        Ok(S3Server {
            address,
            root,
            control,
            plan,
            records,
            stop,
            listening,
        })
    }

    /// The directory that is served, with its buckets.
    fn directory(&mut self) -> io::Result<(RootFolder, Arc<dyn Backend>)> {
        if self.buckets.is_empty() {
            self.buckets.push(BUCKET.to_owned());
        }
        if let Some(bucket) = self.buckets.iter().find(|name| !check_bucket_name(name)) {
            return Err(bad_bucket(bucket));
        }
        let root = match self.root.take() {
            Some(path) => RootFolder::Given(path),
            None => RootFolder::Temporary(tempfile::tempdir()?),
        };
        for bucket in &self.buckets {
            let folder = root.path().join(bucket);
            std::fs::create_dir_all(&folder).map_err(|error| named(&folder, &error))?;
        }
        let backend = DirectoryBackend::new(root.path(), self.page_size.into())?;
        Ok((root, Arc::new(backend)))
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

async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| named(&address, &error))
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

const BUCKET: &str = "bucket";
const PAGE_SIZE: u16 = 1_000;
/// Longer than any client waits.
const HANG: Duration = Duration::from_secs(86_400);
/// More than a test looks at, and bounded for a server that runs for days.
const KEEP: usize = 100_000;
