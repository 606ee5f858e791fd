//! Reading an object by ranges, all of one and the same object.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{
    Attributes, Error, GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta, ObjectStore,
    Result,
};
use tokio::task::spawn_blocking;
use undaunted::{Event, Session};

use super::buffers::{Buffer, Buffers};
use crate::endpoint::Endpoint;

/// An object that is being read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    endpoint: &'a Endpoint,
    key: Path,
    meta: ObjectMeta,
    attributes: Attributes,
    /// What the reads are called in logs and counts.
    operation: &'static str,
    buffers: Buffers,
}

impl<'a> Reader<'a> {
    /// Looks at the object: from here on it must stay as it is.
    pub(super) async fn open(
        endpoint: &'a Endpoint,
        key: &Path,
        operation: &'static str,
        buffers: Buffers,
    ) -> Result<Self> {
        let head = GetOptions::new().with_head(true);
        let GetResult {
            meta, attributes, ..
        } = endpoint.store.get_opts(key, head).await?;
        Ok(Self {
            endpoint,
            key: key.clone(),
            meta,
            attributes,
            operation,
            buffers,
        })
    }

    pub(super) const fn size(&self) -> u64 {
        self.meta.size
    }

    pub(super) const fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// Reads a range. A read that breaks or ends short is retried whole.
    pub(super) async fn range(&self, range: Range<u64>) -> Result<Bytes> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let stats = &self.endpoint.setup.stats;
        let listener = |event: &Event<'_>| stats.record(event);
        let mut session = Session::new(&self.endpoint.setup.config)
            .name(self.operation)
            .subject(&self.key)
            .on_event(&listener)
            // A large part on a slow line may take long, as long as it does not fail.
            .clock_starts_at_failure();
        loop {
            match session.attempt(self.attempt(range.clone())).await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => session.failed(error).await?,
            }
        }
    }

    /// Looks once more: whether the object is still the one that was read.
    pub(super) async fn check_unchanged(&self) -> Result<()> {
        let head = GetOptions::new().with_head(true);
        let now = self.endpoint.store.get_opts(&self.key, head).await?;
        self.check_same(&now.meta)
    }

    /// One attempt on the store without retries, so that retries do not multiply.
    async fn attempt(&self, range: Range<u64>) -> Result<Bytes> {
        let is_whole = range.start == 0 && range.end == self.meta.size;
        let length = range.end - range.start;
        let options = GetOptions {
            // Servers that cannot read ranges can still give a small object.
            range: (!is_whole).then_some(GetRange::Bounded(range)),
            if_match: self.strong_tag().map(ToOwned::to_owned),
            // Reading by version takes another permission on S3, so only where it must be.
            version: match self.strong_tag() {
                Some(_) => None,
                None => self.meta.version.clone(),
            },
            ..GetOptions::default()
        };
        let result = self
            .endpoint
            .store
            .inner()
            .get_opts(&self.key, options)
            .await?;
        self.check_same(&result.meta)?;
        let bytes = collect(result, self.buffers.take(length), length).await?;
        if bytes.len() as u64 != length {
            return Err(generic(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{} of {length} bytes arrived", bytes.len()),
            )));
        }
        Ok(bytes)
    }

    /// An etag that stands for these very bytes. A weak one never matches `If-Match`.
    fn strong_tag(&self) -> Option<&str> {
        self.meta
            .e_tag
            .as_deref()
            .filter(|tag| !tag.starts_with("W/"))
    }

    /// The condition of the request, once more: not every server heeds it.
    fn check_same(&self, now: &ObjectMeta) -> Result<()> {
        let was = &self.meta;
        let differs =
            |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
        if was.size == now.size
            && !differs(&was.e_tag, &now.e_tag)
            && !differs(&was.version, &now.version)
            && (was.e_tag.is_some() || was.last_modified == now.last_modified)
        {
            return Ok(());
        }
        Err(Error::Precondition {
            path: self.key.to_string(),
            source: "it was changed or replaced while it was being read".into(),
        })
    }
}

/// All of the answer, and a little more at most if it is too long.
async fn collect(result: GetResult, mut buffer: Buffer, length: u64) -> Result<Bytes> {
    let start = result.range.start;
    let mut stream = match result.payload {
        GetResultPayload::File(mut file, _) => {
            let read = spawn_blocking(move || {
                file.seek(SeekFrom::Start(start))?;
                file.take(length).read_to_end(&mut buffer.bytes)?;
                Ok(buffer.freeze())
            });
            return read.await?.map_err(generic);
        }
        GetResultPayload::Stream(stream) => stream,
    };
    while buffer.bytes.len() as u64 <= length {
        let next = tokio::time::timeout(STALL, stream.try_next()).await;
        match next.map_err(|_| stalled())?? {
            Some(chunk) => buffer.bytes.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(buffer.freeze())
}

fn stalled() -> Error {
    generic(io::Error::new(
        io::ErrorKind::TimedOut,
        format!("nothing arrived for {} s", STALL.as_secs()),
    ))
}

fn generic(error: io::Error) -> Error {
    Error::Generic {
        store: "undaunted",
        source: Box::new(error),
    }
}

/// As long as undaunted-object-store waits for a body that has stopped.
const STALL: Duration = Duration::from_secs(30);
