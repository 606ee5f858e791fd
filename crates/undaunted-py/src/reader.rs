//! An object that is being read.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::{GetResult, GetResultPayload, Result};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tokio::sync::Mutex;

use crate::pending::operate;
use crate::pieces::Pieces;
use crate::stored_file::StoredFile;

/// The body of an object, a chunk at a time.
#[pyclass(frozen, module = "undaunted")]
pub(crate) struct Reader {
    stored: StoredFile,
    range: (u64, u64),
    body: Arc<Mutex<(Pieces<Bytes>, Body)>>,
}

#[pymethods]
impl Reader {
    /// The description of the object.
    #[getter]
    fn stored(&self) -> StoredFile {
        self.stored.clone()
    }

    /// The part of the object that is read: its start and end.
    #[getter]
    const fn range(&self) -> (u64, u64) {
        self.range
    }

    /// The next chunk, or `None` at the end. With a number, the chunk of that number, counted from
    /// 0: the next one, or the last one again.
    #[pyo3(signature = (number = None))]
    fn next(&self, py: Python<'_>, number: Option<u64>) -> PyResult<Py<PyAny>> {
        let body = Arc::clone(&self.body);
        operate(py, self.stored.key().to_owned(), async move {
            let (pieces, body) = &mut *body.lock().await;
            Ok(pieces.get(number, body.next()).await?.map(Content))
        })
    }
}

impl Reader {
    pub(crate) fn new(key: String, result: GetResult, has_body: bool) -> Self {
        // The chunks of a local file are small, and each takes a trip to another thread.
        let least_size = match result.payload {
            GetResultPayload::File(..) => FILE_CHUNK,
            GetResultPayload::Stream(_) => 1,
        };
        let stored = StoredFile::new(key, result.meta.clone(), &result.attributes);
        let range = (result.range.start, result.range.end);
        let body = Body {
            // Of a description alone: to read its body would be to read the object.
            chunks: if has_body {
                result.into_stream()
            } else {
                stream::empty().boxed()
            },
            least_size,
            joined: BytesMut::new(),
        };
        Self {
            stored,
            range,
            body: Arc::new(Mutex::new((Pieces::default(), body))),
        }
    }
}

/// Bytes of an object, as Python's `bytes`.
pub(crate) struct Content(pub(crate) Bytes);

impl<'py> IntoPyObject<'py> for Content {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("stored", &self.stored)
            .finish_non_exhaustive()
    }
}

struct Body {
    chunks: BoxStream<'static, Result<Bytes>>,
    /// Chunks are joined up to this size.
    least_size: usize,
    /// What was joined so far: it stays if nobody waits for the rest.
    joined: BytesMut,
}

impl Body {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.joined.len() < self.least_size {
            match self.chunks.next().await.transpose()? {
                Some(chunk) if self.joined.is_empty() && chunk.len() >= self.least_size => {
                    return Ok(Some(chunk));
                }
                Some(chunk) => self.joined.extend_from_slice(&chunk),
                None => break,
            }
        }
        let joined = self.joined.split().freeze();
        Ok(Some(joined).filter(|joined| !joined.is_empty()))
    }
}

const FILE_CHUNK: usize = 256 * 1024;
