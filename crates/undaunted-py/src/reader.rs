//! An object that is being read.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::{GetResult, GetResultPayload, Result};
use pyo3::prelude::*;
use tokio::sync::Mutex;

use crate::operation::{Content, operate};
use crate::stored::Stored;

/// The body of an object, a chunk at a time.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Reader {
    key: String,
    body: Arc<Mutex<Body>>,
    /// Taken once.
    stored: std::sync::Mutex<Option<Stored>>,
}

#[pymethods]
impl Reader {
    /// The next chunk, or `None` at the end.
    fn next(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let body = Arc::clone(&self.body);
        operate(py, self.key.clone(), async move {
            let mut body = body.lock().await;
            Ok(body.next().await?.map(Content))
        })
    }

    /// What is known about the object, once.
    fn stored(&self) -> Option<Stored> {
        let mut stored = self.stored.lock().ok()?;
        stored.take()
    }
}

impl Reader {
    pub(crate) fn new(key: String, result: GetResult) -> Self {
        // Chunks of a local file are small and each takes a trip to another thread.
        let at_least = match result.payload {
            GetResultPayload::File(..) => FILE_CHUNK,
            GetResultPayload::Stream(_) => 1,
        };
        let stored = Stored::described(key.clone(), result.meta.clone(), &result.attributes);
        Self {
            key,
            body: Arc::new(Mutex::new(Body {
                chunks: result.into_stream(),
                at_least,
            })),
            stored: std::sync::Mutex::new(Some(stored)),
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

struct Body {
    chunks: BoxStream<'static, Result<Bytes>>,
    at_least: usize,
}

impl Body {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(first) = self.chunks.next().await.transpose()? else {
            return Ok(None);
        };
        if first.len() >= self.at_least {
            return Ok(Some(first));
        }
        let mut joined = BytesMut::from(first);
        while joined.len() < self.at_least {
            match self.chunks.next().await.transpose()? {
                Some(chunk) => joined.extend_from_slice(&chunk),
                None => break,
            }
        }
        Ok(Some(joined.freeze()))
    }
}

const FILE_CHUNK: usize = 256 * 1024;
